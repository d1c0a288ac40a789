/// In JSON a pair and a timeframe are their names.
extension Pair: Encodable {
    public func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        try value.encode(description)
    }
}

extension Timeframe: Encodable {
    /// `5m`, `1h`, `1d`.
    public func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        try value.encode(description)
    }
}
