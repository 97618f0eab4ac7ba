# SPDX-License-Identifier: MIT
"""What the emulators have in common: a child process with a hard end, a serial console, a directory."""
import os
import shutil
import signal
import subprocess
import tempfile
import time

from console import ConsoleError, Listener


class Machine:
    """Use it in a `with` statement: at its end the emulator is gone, and its directory too.

    `limit` is the most seconds it may live. A machine killed for that raises ConsoleError.
    """

    def __init__(self, limit, root="", log_path=None):
        self.limit = limit
        self.root = root  # of the emulator's file system
        self.log_path = log_path
        self.process = None
        self.console = None
        self.directory = None

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="nacre-", dir=self.root + "/tmp")
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self.console:
            self.console.close()
        shutil.rmtree(self.directory)

    def start(self):
        raise NotImplementedError

    def inside(self, path):
        """The emulator's name for a file of ours, which is copied if the emulator cannot see it."""
        if not self.root:
            return os.path.abspath(path)
        copy = os.path.join(self.directory, os.path.basename(path))
        if not os.path.exists(copy):
            shutil.copy(path, copy)
        return copy[len(self.root):]

    def spawn(self, command):
        """Start the emulator in a process group of its own, which ends even when we are killed."""
        with open(os.path.join(self.directory, "output"), "wb") as output:
            self.process = subprocess.Popen(
                ["timeout", "--signal=KILL", str(self.limit), *command], cwd=self.directory,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        self.end = time.monotonic() + self.limit

    def connect(self, listener):
        try:
            self.console = listener.accept(30, self.process, self.log_path)
        except ConsoleError as error:
            raise ConsoleError(f"{error}\n{self.output()}") from None

    def listener(self):
        return Listener()

    def output(self):
        with open(os.path.join(self.directory, "output"), encoding="latin-1") as file:
            return file.read()

    def wait(self, timeout=None):
        """Wait until the machine has ended by itself; return its serial text."""
        timeout = self.end - time.monotonic() if timeout is None else timeout
        end = time.monotonic() + timeout
        if self.console:
            self.console.drain(timeout)
        try:
            self.process.wait(max(end - time.monotonic(), 1))
        except subprocess.TimeoutExpired:
            tail = self.console.tail() if self.console else ""
            raise ConsoleError(f"the machine still ran after {timeout:.0f} s; the last lines were:\n{tail}") \
                from None
        if self.process.returncode == -signal.SIGKILL or self.process.returncode == 137:
            raise ConsoleError(f"the machine was ended after {self.limit} s")
        return self.console.text if self.console else ""
