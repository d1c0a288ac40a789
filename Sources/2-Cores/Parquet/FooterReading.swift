extension Footer {
    /// - Parameters:
    ///   - bytes: the footer alone.
    ///   - offset: where it begins in the file, which is where the last row group ends.
    init(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(ParquetError) {
        var (thrift, last) = (ThriftReader(bytes), 0)
        var columns: [ParquetSchema.Column] = []
        var metadata: [ParquetSchema.Metadata] = []
        var rowGroups: [ParquetFile.RowGroup] = []
        var rowCount: Int?
        while let field = try thrift.field(after: &last) {
            switch field.id {
            case 2: columns = try Footer.columns(&thrift, field)
            case 3: rowCount = try thrift.count(field, .int64)
            case 4:
                guard !columns.isEmpty else { throw ParquetError("the footer has row groups before its schema") }
                rowGroups = try Footer.rowGroups(&thrift, field, columns)
            case 5: metadata = try Footer.metadata(&thrift, field)
            default: try thrift.skip(field)
            }
        }
        guard thrift.offset == bytes.count else { throw ParquetError("the footer goes on behind its end") }
        guard !columns.isEmpty else { throw ParquetError("the footer has no columns") }
        try Footer.check(rowGroups, end: offset)
        guard rowCount == rowGroups.reduce(0, { $0 + $1.rowCount }) else {
            throw ParquetError("the footer has another number of rows than its row groups")
        }
        schema = ParquetSchema(columns: columns, metadata: metadata)
        self.rowGroups = rowGroups
    }

    /// Chunks follow each other without a gap, from behind the magic to the footer.
    private static func check(_ rowGroups: [ParquetFile.RowGroup], end: Int) throws(ParquetError) {
        var next = Format.magic.count
        for chunk in rowGroups.lazy.flatMap(\.columns) {
            guard chunk.bytes.lowerBound == next else {
                throw ParquetError("a column begins at byte \(chunk.bytes.lowerBound), not \(next)")
            }
            next = chunk.bytes.upperBound
        }
        guard next == end else { throw ParquetError("the columns end at byte \(next), the footer begins at \(end)") }
    }

    // MARK: Schema

    private static func columns(
        _ thrift: inout ThriftReader, _ field: ThriftReader.Field
    ) throws(ParquetError) -> [ParquetSchema.Column] {
        let count = try thrift.list(field, of: .structure)
        guard count > 1 else { throw ParquetError("the footer has no columns") }
        guard try element(&thrift).children == count - 1 else { throw ParquetError("the columns are nested") }
        var columns: [ParquetSchema.Column] = []
        for _ in 1..<count {
            let element = try element(&thrift)
            guard let kind = element.kind else {
                throw ParquetError("the column \(element.name) is of a kind that candlewick does not write")
            }
            columns.append(ParquetSchema.Column(element.name, kind))
        }
        return columns
    }

    private enum LogicalType { case text, timestamp, other }

    private struct Element {
        var type: Int?
        var repetition: Int?
        var name = ""
        var children = 0
        var logicalType: LogicalType?

        var kind: ParquetSchema.Column.Kind? {
            guard repetition == Format.required, children == 0, let type else { return nil }
            return switch (type, logicalType) {
            case (Format.int32, nil): .int32
            case (Format.int64, nil): .int64
            case (Format.int64, .timestamp): .timestamp
            case (Format.byteArray, .text): .text
            default: nil
            }
        }
    }

    private static func element(_ thrift: inout ThriftReader) throws(ParquetError) -> Element {
        var (element, last) = (Element(), 0)
        while let field = try thrift.field(after: &last) {
            switch field.id {
            case 1: element.type = try thrift.integer(field, .int32)
            case 3: element.repetition = try thrift.integer(field, .int32)
            case 4: element.name = try thrift.text(field)
            case 5: element.children = try thrift.count(field, .int32)
            case 6:
                guard try thrift.integer(field, .int32) == Format.convertedUTF8 else {
                    throw ParquetError("the column \(element.name) has a converted type that candlewick does not write")
                }
            case 10:
                try thrift.structure(field)
                element.logicalType = try logicalType(&thrift)
            default: try thrift.skip(field)
            }
        }
        return element
    }

    private static func logicalType(_ thrift: inout ThriftReader) throws(ParquetError) -> LogicalType {
        var (type, last) = (LogicalType.other, 0)
        while let field = try thrift.field(after: &last) {
            switch field.id {
            case 1:
                try thrift.skip(field)
                type = .text
            case 8:
                try thrift.structure(field)
                type = try isUTCNanos(&thrift) ? .timestamp : .other
            default: try thrift.skip(field)
            }
        }
        return type
    }

    private static func isUTCNanos(_ thrift: inout ThriftReader) throws(ParquetError) -> Bool {
        var (isUTC, isNanos, last) = (false, false, 0)
        while let field = try thrift.field(after: &last) {
            switch field.id {
            case 1: isUTC = try thrift.boolean(field)
            case 2:
                try thrift.structure(field)
                var inner = 0
                while let unit = try thrift.field(after: &inner) {
                    isNanos = unit.id == 3
                    try thrift.skip(unit)
                }
            default: try thrift.skip(field)
            }
        }
        return isUTC && isNanos
    }

    private static func metadata(
        _ thrift: inout ThriftReader, _ field: ThriftReader.Field
    ) throws(ParquetError) -> [ParquetSchema.Metadata] {
        var metadata: [ParquetSchema.Metadata] = []
        for _ in 0..<(try thrift.list(field, of: .structure)) {
            var (key, value, last) = ("", "", 0)
            while let field = try thrift.field(after: &last) {
                switch field.id {
                case 1: key = try thrift.text(field)
                case 2: value = try thrift.text(field)
                default: try thrift.skip(field)
                }
            }
            metadata.append(ParquetSchema.Metadata(key, value))
        }
        return metadata
    }

    // MARK: Row groups

    private static func rowGroups(
        _ thrift: inout ThriftReader, _ field: ThriftReader.Field, _ columns: [ParquetSchema.Column]
    ) throws(ParquetError) -> [ParquetFile.RowGroup] {
        var rowGroups: [ParquetFile.RowGroup] = []
        for _ in 0..<(try thrift.list(field, of: .structure)) {
            var (rows, chunks, last) = (0, [Chunk](), 0)
            while let field = try thrift.field(after: &last) {
                switch field.id {
                case 1: chunks = try chunkList(&thrift, field)
                case 3: rows = try thrift.count(field, .int64)
                default: try thrift.skip(field)
                }
            }
            guard (1...ParquetFile.maximumRowGroupRows).contains(rows) else {
                throw ParquetError("a row group has \(rows) rows")
            }
            guard chunks.count == columns.count else { throw ParquetError("a row group lacks a column") }
            var checked: [ParquetFile.ColumnChunk] = []
            for (chunk, column) in zip(chunks, columns) { checked.append(try chunk.checked(column, rows: rows)) }
            rowGroups.append(ParquetFile.RowGroup(rowCount: rows, columns: checked))
        }
        return rowGroups
    }

    private static func chunkList(
        _ thrift: inout ThriftReader, _ field: ThriftReader.Field
    ) throws(ParquetError) -> [Chunk] {
        var chunks: [Chunk] = []
        for _ in 0..<(try thrift.list(field, of: .structure)) {
            var (chunk, last) = (Chunk(), 0)
            while let field = try thrift.field(after: &last) {
                switch field.id {
                case 3:
                    try thrift.structure(field)
                    chunk = try Chunk(&thrift)
                default: try thrift.skip(field)
                }
            }
            chunks.append(chunk)
        }
        return chunks
    }
}
