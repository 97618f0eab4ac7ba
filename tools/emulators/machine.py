# SPDX-License-Identifier: MIT
"""What the emulators have in common: a child process with a hard end, a serial console, a directory."""
import os
import shutil
import signal
import subprocess
import tempfile

from console import ConsoleError, ConsoleTimeout, Limit, Listener

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
UTIME, STIME = 11, 12  # of /proc/PID/stat, counted from the state, which follows the name in parentheses


class Machine:
    """Use it in a `with` statement: at its end the emulator is gone, and its directory too.

    `limit` is the most seconds of processor time that the emulator may use. A machine killed for that raises
    ConsoleError.
    """

    def __init__(self, limit, root="", log_path=None):
        self.limit = limit
        self.root = root  # of the emulator's file system
        self.log_path = log_path
        self.process = None
        self.used = 0.0
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
        """Start the emulator in a process group of its own; it ends with this process, and at its limit."""
        with open(os.path.join(self.directory, "output"), "wb") as output:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "prlimit", f"--cpu={self.limit}", *command], cwd=self.directory,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)

    def spent(self):
        """Seconds of processor time that the emulator has used so far."""
        try:
            with open(f"/proc/{self.process.pid}/stat", encoding="latin-1") as file:
                fields = file.read().rpartition(")")[2].split()
            self.used = (int(fields[UTIME]) + int(fields[STIME])) / TICKS_PER_SECOND
        except OSError:  # it has ended, and what it used is known from before
            pass
        return self.used

    def connect(self, listener):
        try:
            self.console = listener.accept(self.process, self.spent, self.log_path)
        except ConsoleError as error:
            raise ConsoleError(f"{error}\n{self.output()}") from None

    def listener(self):
        return Listener()

    def output(self):
        with open(os.path.join(self.directory, "output"), encoding="latin-1") as file:
            return file.read()

    def running(self):
        """Is it still there a second later, or as soon as it has said something?"""
        if self.console and not self.console.closed:
            self.console.receive(1)
            return self.process.poll() is None
        try:
            self.process.wait(1)
        except subprocess.TimeoutExpired:
            return True
        return False

    def wait(self, timeout=None):
        """Wait until the machine has ended by itself; return its serial text. timeout: as in Console.expect."""
        limit = Limit(self.limit if timeout is None else timeout, self.spent)
        while self.running():
            why = limit.over()
            if why:
                tail = self.console.tail() if self.console else ""
                raise ConsoleTimeout(f"{why} and the machine still ran; the last lines were:\n{tail}")
        if self.console:
            self.console.drain()
        if self.process.returncode == -signal.SIGKILL:
            raise ConsoleError(f"the machine was ended after {self.limit} s of processor time")
        return self.console.text if self.console else ""
