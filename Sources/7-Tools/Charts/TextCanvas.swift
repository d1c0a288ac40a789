/// Characters in rows and columns, each with a tone. What lies outside is not drawn.
struct TextCanvas {
    enum Tone: Equatable {
        case plain, strong, faint, up, down, faintUp, faintDown
        case green, yellow, red, blue
        /// The line of a moving average, by its number.
        case line(Int)

        /// Parameters of the terminal's SGR sequence (ECMA-48 § 8.3.117).
        var code: String {
            switch self {
            case .plain: ""
            case .strong: "1"
            case .faint: "2"
            case .up, .green: "32"
            case .down, .red: "31"
            case .faintUp: "2;32"
            case .faintDown: "2;31"
            case .yellow: "33"
            case .blue: "34"
            case .line(let number): ["33", "36", "35", "34"][number % 4]
            }
        }
    }

    struct Cell {
        var character: Character = " "
        var tone = Tone.plain
    }

    private var cells: [[Cell]]
    let columns: Int
    let rows: Int

    init(columns: Int, rows: Int) {
        (self.columns, self.rows) = (max(0, columns), max(0, rows))
        cells = Array(repeating: Array(repeating: Cell(), count: self.columns), count: self.rows)
    }

    func isEmpty(_ column: Int, _ row: Int) -> Bool {
        cells.indices.contains(row) && cells[row].indices.contains(column) && cells[row][column].character == " "
    }

    mutating func put(_ text: some StringProtocol, _ column: Int, _ row: Int, _ tone: Tone = .plain) {
        guard cells.indices.contains(row) else { return }
        for (offset, character) in text.enumerated() where cells[row].indices.contains(column + offset) {
            cells[row][column + offset] = Cell(character: character, tone: tone)
        }
    }

    /// The rows, each with a line feed, without blanks at their ends.
    func text(colours: Bool) -> String {
        cells.map { row in
            let end = row.lastIndex { $0.character != " " }.map { $0 + 1 } ?? 0
            return TextCanvas.line(row[..<end], colours: colours) + "\n"
        }.joined()
    }

    private static func line(_ cells: ArraySlice<Cell>, colours: Bool) -> String {
        guard colours else { return String(cells.map(\.character)) }
        var line = ""
        var tone = Tone.plain
        for cell in cells {
            if cell.character != " ", cell.tone != tone {
                line += cell.tone == .plain ? "\u{1B}[0m" : "\u{1B}[0;\(cell.tone.code)m"
                tone = cell.tone
            }
            line.append(cell.character)
        }
        return line + (tone == .plain ? "" : "\u{1B}[0m")
    }
}

/// The meanings of characters and colours, broken into lines that fit.
struct Legend {
    struct Item {
        let mark: String
        let tone: TextCanvas.Tone
        let text: String
        var width: Int { mark.count + 1 + text.count }
    }

    let lines: [[Item]]

    init(_ items: [Item], columns: Int) {
        var lines: [[Item]] = []
        var width = columns
        for item in items {
            if width + 3 + item.width > columns {
                lines.append([])
                width = -3
            }
            lines[lines.count - 1].append(item)
            width += 3 + item.width
        }
        self.lines = lines
    }

    func draw(on canvas: inout TextCanvas, row: Int) {
        for (offset, line) in lines.enumerated() {
            var column = 0
            for item in line {
                canvas.put(item.mark, column, row + offset, item.tone)
                canvas.put(item.text, column + item.mark.count + 1, row + offset)
                column += item.width + 3
            }
        }
    }
}
