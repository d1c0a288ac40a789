/// A finding as programs read it from `ingest-stream --check` and `candlewick doctor`.
struct FindingLine: Decodable {
    let check: String
    let subject: String
    let state: String
    let finding: String
    let advice: String
}
