import Host
import Testing

struct ChildProcessTests {
    @Test func `input, output, errors and exit code pass through`() throws {
        let input = [UInt8](repeating: 7, count: 300_000)
        let copied = try ChildProcess.run(["cat"], input: input, seconds: 30)
        #expect(copied.exitCode == 0 && copied.output == input && copied.errors.isEmpty)
        let failed = try ChildProcess.run(["sh", "-c", "echo no >&2; exit 9"], input: [], seconds: 30)
        #expect(failed.exitCode == 9 && failed.output.isEmpty && failed.errors == "no\n")
    }

    @Test func `a program that is not there has a code of its own`() throws {
        #expect(try ChildProcess.run(["no-such-program"], input: [], seconds: 30).exitCode == ChildProcess.missing)
    }

    @Test func `a program that takes too long is ended`() throws {
        #expect(try ChildProcess.run(["sleep", "300"], input: [], seconds: 1).exitCode == ChildProcess.late)
    }
}
