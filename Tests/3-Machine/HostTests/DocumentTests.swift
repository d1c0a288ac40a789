import Foundation
import Host
import TestKit
import Testing

@Suite struct DocumentTests {
    @Test func `an installed program names the installed document`() throws {
        let folder = TemporaryFolder()
        let prefix = folder.path
        let documents = "\(prefix)/share/doc/candlewick"
        try FileManager.default.createDirectory(atPath: documents, withIntermediateDirectories: true)
        #expect(Document.path("quota.md", programs: "\(prefix)/lib/candlewick") == "docs/quota.md")
        #expect(FileManager.default.createFile(atPath: "\(documents)/quota.md", contents: nil))
        #expect(Document.path("quota.md", programs: "\(prefix)/lib/candlewick") == "\(documents)/quota.md")
    }

    @Test func `a program of a checkout names the document of the checkout`() {
        #expect(Document.path("quota.md", programs: "/src/.build/release") == "docs/quota.md")
    }
}
