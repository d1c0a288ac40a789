/// A page that needs nothing but itself: heading, picture, table.
struct Page {
    let title: String
    let svg: String
    /// First the names of the columns.
    let table: [[String]]

    var text: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(Page.escaped(title))</title>
        <style>
        :root { color-scheme: light dark; }
        body { font: 14px/1.4 sans-serif; margin: 1.5rem; color: #1f2328; background: #fff; }
        svg { max-width: 100%; height: auto; }
        .table { overflow-x: auto; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        th, td { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid #80808060; white-space: nowrap; }
        th:first-child, td:first-child { text-align: left; }
        @media (prefers-color-scheme: dark) {
        body { color: #e6edf3; background: #0d1117; }
        svg [fill="black"] { fill: #e6edf3; }
        svg [stroke="black"] { stroke: #e6edf3; }
        svg [color="black"] { color: #e6edf3; }
        }
        </style>
        </head>
        <body>
        <h1>\(Page.escaped(title))</h1>
        \(picture)
        <div class="table">
        <table>
        \(row(table.first ?? [], "th"))
        \(table.dropFirst().map { row($0, "td") }.joined(separator: "\n"))
        </table>
        </div>
        </body>
        </html>

        """
    }

    /// Without the XML declaration, which has no place within a page, and gnuplot's titles, which browsers show as tips.
    private var picture: String {
        let start = svg.firstRange(of: "<svg")?.lowerBound ?? svg.endIndex
        return String(svg[start...]).replacing(#/<title>[^<]*</title>/#, with: "")
    }

    private func row(_ cells: [String], _ tag: String) -> String {
        "<tr>" + cells.map { "<\(tag)>\(Page.escaped($0))</\(tag)>" }.joined() + "</tr>"
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
