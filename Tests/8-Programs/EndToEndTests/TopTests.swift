import Testing
import TestKit

/// `top` on a terminal.
@Suite(.timeLimit(.minutes(1)))
struct TopTests {
    /// Runs a program on a terminal of its own; presses a key or sends a signal once the picture is there. Prints how the
    /// program ended, whether the other screen was left, and whether the keys are as before.
    private static let script = """
        import os, pty, signal, sys, termios
        program, how = sys.argv[1:3]
        main, terminal = pty.openpty()
        before = termios.tcgetattr(terminal)
        child = os.fork()
        if child == 0:
            # The test's own program may block or ignore them.
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            for name in ("SIGABRT", "SIGQUIT", "SIGSEGV"): signal.signal(getattr(signal, name), signal.SIG_DFL)
            os.login_tty(terminal) if hasattr(os, "login_tty") else [os.setsid()] + [os.dup2(terminal, n) for n in range(3)]
            os.execv(program, [program, "top"])
        shown = b""
        while b"not running" not in shown:
            shown += os.read(main, 65536)
        changed = termios.tcgetattr(terminal)[3] != before[3]
        os.write(main, b"q") if how == "q" else os.kill(child, getattr(signal, how))
        status = os.waitpid(child, 0)[1]
        os.write(terminal, b"END")
        while b"END" not in shown:
            shown += os.read(main, 65536)
        left = b"\\x1b[?1049h" in shown and b"\\x1b[?1049l" in shown
        end = os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status)
        print(end, changed, left, termios.tcgetattr(terminal) == before)
        """

    @Test(arguments: [("q", 0), ("SIGTERM", 0), ("SIGINT", 0), ("SIGSEGV", 11), ("SIGABRT", 6), ("SIGQUIT", 3)])
    func `top gives the terminal back, whatever ends it`(how: String, end: Int) async throws {
        let program = "\(RunningProgram.folder)/candlewick"
        let (code, output, errors) = try await Pipeline().result(
            "/usr/bin/python3", ["-c", Self.script, program, how],
            with: ["TERM": "xterm", "SWIFT_BACKTRACE": "enable=no"])
        #expect(code == 0 && output == "\(end) True True True\n", "\(output) \(errors)")
    }
}
