import Host
import MarketData
import Streams
import Testing
import TestKit

@testable import Relaying

@Suite struct AdmittedKeysTests {
    private let folder = TemporaryFolder()
    private let key: CurveKey
    private let files: KeyFolder

    init() throws {
        key = try CurvePair().publicKey
        files = KeyFolder(try Paths(state: folder.path))
    }

    private func overwrite() {
        TemporaryFolder.overwrite(files.path + "/allowed/desk.key_public", Array("no key\n".utf8))
    }

    @Test func `keys are kept for a second, unless the folder changes`() throws {
        // The folder's changes are long ago.
        let clock = SteppedClock(now: UTCNanos(rawValue: .max / 2))
        let admitted = AdmittedKeys(files, clock.clock, quietLogger())
        #expect(admitted.name(of: key, at: "") == nil)
        try files.allow(key, as: "desk")
        #expect(admitted.name(of: key, at: "") == "desk")
        overwrite()
        #expect(admitted.name(of: key, at: "") == "desk" && admitted.revoked() == [])
        clock.advance(by: .seconds(1))
        #expect(admitted.name(of: key, at: "") == nil)
        #expect(admitted.revoked() == ["desk"] && admitted.revoked() == [])
    }

    @Test func `a folder that has just changed is read at each connection`() throws {
        let admitted = AdmittedKeys(files, SteppedClock(now: Clock.system.now()).clock, quietLogger())
        try files.allow(key, as: "desk")
        #expect(admitted.name(of: key, at: "") == "desk")
        overwrite()
        #expect(admitted.name(of: key, at: "") == nil && admitted.revoked() == ["desk"])
    }
}
