"""Types into a real zsh and presses Tab: zsh.py FOLDER (that of the completions). Exit code 0 if it completes."""

import os
import pty
import select
import sys
import time


def read_until(terminal: int, wanted: str, seconds: float) -> str:
    """What the shell writes until `wanted` is in it, or the time is over."""
    text = ""
    deadline = time.monotonic() + seconds
    while wanted not in text and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            text += os.read(terminal, 65536).decode(errors="replace")
    return text


def main() -> int:
    process, terminal = pty.fork()
    if process == 0:
        os.environ.update(TERM="dumb", PS1="", LC_ALL="C.UTF-8")
        os.execvp("zsh", ["zsh", "-f", "-i"])
    setup = f"PROMPT='ready> '; fpath=({sys.argv[1]} $fpath); autoload -Uz compinit && compinit -u -D; unsetopt zle_bracketed_paste\n"
    os.write(terminal, setup.encode())
    seen = read_until(terminal, "\nready> ", 20)
    for typed, wanted in (("candlewick cov\t", "coverage"), ("\x15candlewick candles --form\t", "--forming")):
        os.write(terminal, typed.encode())
        seen = read_until(terminal, wanted, 20)
        if wanted not in seen:
            print(f"{typed!r} gave {seen!r}")
            return 1
    os.write(terminal, b"\x15exit\n")
    os.close(terminal)
    os.waitpid(process, 0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
