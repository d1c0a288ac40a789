"""A shell for the commands of one document."""

import os
import signal
import subprocess
import threading

COMMAND_SECONDS = 60


class Shell:
    """Runs a document's commands one by one; folder and exported variables stay from one to the next."""

    def __init__(self, folder, environment, bookkeeping):
        self.folder, self.environment = folder, environment
        self.after = bookkeeping / "after"
        self.history = []

    def run(self, text, seconds=COMMAND_SECONDS, **extra):
        """Gives output (standard error too) and exit code; 124 where it took too long."""
        script = 'eval "$1"; code=$?; { pwd; env -0; } >"$2"; exit $code'
        self.history.append(text)
        self.after.unlink(missing_ok=True)
        process = subprocess.Popen(
            ["bash", "-o", "pipefail", "-c", script, "bash", text, self.after],
            cwd=self.folder, env=self.environment | extra,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            start_new_session=True,
        )  # fmt: skip
        try:
            output, _ = process.communicate(timeout=seconds)
            code = process.returncode
        except subprocess.TimeoutExpired:
            output, code = end(process), 124
        except BaseException:
            end(process)
            raise
        if self.after.exists() and not extra:
            folder, variables = self.after.read_text().split("\n", 1)
            self.folder = folder
            self.environment = dict(entry.split("=", 1) for entry in variables.split("\0") if "=" in entry)
        return output, code


def end(process):
    """Ends a command with all that it started; gives its output."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        os.killpg(process.pid, number)
        try:
            return process.communicate(timeout=15)[0]
        except subprocess.TimeoutExpired:
            continue
    return "it does not end"


def first_lines(command, count, folder, environment, seconds=COMMAND_SECONDS):
    """What a program that runs for ever prints first, and what it wrote to standard error."""
    with open(folder / "errors", "w+") as errors:
        process = subprocess.Popen(
            command, cwd=folder, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True,
        )  # fmt: skip
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        try:
            lines = [process.stdout.readline() for _ in range(count)]
        finally:
            timer.cancel()
            end(process)
        errors.seek(0)
        return [line for line in lines if line], errors.read()
