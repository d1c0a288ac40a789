import Glibc
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

    @Test func `of much output the beginning is kept, and the program goes on to its end`() throws {
        let script = "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; exit 3"
        let result = try ChildProcess.run(["sh", "-c", script], input: [], seconds: 30, keeping: 1_000)
        #expect(result.exitCode == 3)
        #expect(result.output.count == 1_000 && result.errors.utf8.count == 1_000)
    }

    @Test(.timeLimit(.minutes(1))) func `a program that is left behind and holds the output is not waited for`() throws
    {
        let result = try ChildProcess.run(["sh", "-c", "sleep 300 & echo $!"], input: [], seconds: 250)
        let left = try #require(Int32(String(decoding: result.output.dropLast(), as: UTF8.self)))
        #expect(kill(left, SIGKILL) == 0)
    }

    @Test func `a program that takes too long is ended`() throws {
        #expect(try ChildProcess.run(["sleep", "300"], input: [], seconds: 1).exitCode == ChildProcess.late)
    }
}
