/// What goes wrong on the REST side on request. Source: ig-api § 11.
struct RESTFaults {
    /// The weekend's maintenance.
    var refusesLogins = false
    /// How many logins still bring dead tokens.
    var staleLogins = 0
    /// How many prices requests still get this answer.
    var refusedPrices: (count: Int, error: RESTError)?
    /// How many prices requests still get none.
    var lostPrices = 0

    /// The refusal of the next prices request, where there is one.
    mutating func takeRefusal() -> RESTError? {
        guard let refused = refusedPrices else { return nil }
        refusedPrices = refused.count > 1 ? (refused.count - 1, refused.error) : nil
        return refused.error
    }

    /// Whether the next prices reply is lost.
    mutating func takeLoss() -> Bool {
        guard lostPrices > 0 else { return false }
        lostPrices -= 1
        return true
    }
}
