public import Host
public import MarketData
public import Reports
public import Settings
public import Wire

/// The verification of several collectors, one after the other.
public struct Verifications: Report {
    fileprivate enum Outcome {
        case done(Verification)
        /// There is nothing to compare.
        case not(Failure)
    }

    private let outcomes: [(collector: Collector, outcome: Outcome)]

    /// - Parameters:
    ///   - wanted: at least one.
    ///   - since: as in `Verification.init`.
    /// - Throws: as `Verification.init`; (69) only if none of them can be verified.
    public init(
        of wanted: [Collector], paths: Paths, collectors: Collectors, since: UTCSeconds? = nil, watch: VerificationWatch
    ) throws {
        outcomes = try wanted.map { collector in
            do {
                let verification = try Verification(
                    paths: paths.of(collector),
                    configuration: collectors.configuration(of: collector) ?? collectors.own, since: since,
                    watch: watch)
                return (collector, .done(verification))
            } catch let failure as Failure where failure.code == .unavailable {
                return (collector, .not(failure))
            }
        }
        if outcomes.allSatisfy({ $0.outcome.verification == nil }), case .not(let failure)? = outcomes.first?.outcome {
            throw failure
        }
    }

    public var isSound: Bool { outcomes.allSatisfy { $0.outcome.verification?.isSound ?? true } }

    private struct Reason: Encodable { let notVerified: String }

    /// Of one collector its object, of several an object of these by name.
    public var json: String {
        if outcomes.count == 1, let only = outcomes[0].outcome.verification { return only.json }
        let members = outcomes.map { collector, outcome in
            switch outcome {
            case .done(let verification): "\"\(collector)\":\(encodedJSON(verification))"
            case .not(let failure): "\"\(collector)\":\(encodedJSON(Reason(notVerified: "\(failure)")))"
            }
        }
        return "{\(members.joined(separator: ","))}\n"
    }

    public func text(_ style: TextStyle) -> String {
        outcomes.map { collector, outcome in
            let name = outcomes.count > 1 ? "\(collector): " : ""
            switch outcome {
            case .done(let verification): return name + verification.text(style)
            case .not(let failure): return "\(name)not verified: \(failure)\n"
            }
        }.joined()
    }
}

extension Verifications.Outcome {
    fileprivate var verification: Verification? {
        if case .done(let verification) = self { verification } else { nil }
    }
}
