# SPDX-License-Identifier: MIT
"""The serial console of an emulated machine, as a TCP connection that the emulator opens to us."""
import os
import re
import select
import socket
import sys
import termios
import time
import tty

LEAVE = b"\x1d"  # Ctrl-]
WALL_FACTOR = 20
CONNECT_SECONDS = 600


class ConsoleError(Exception):
    """What was expected did not come. The message ends with what came instead."""


class ConsoleTimeout(ConsoleError):
    """It did not come in time."""


class Limit:
    """How long to wait: some seconds of the emulator's own processor time.

    They measure what the machine has done, so that a busy host does not shorten them. The wall clock only
    ends the wait for an emulator that does nothing at all, after WALL_FACTOR times as long.
    `spent`: a function that returns the processor time so far.
    """

    def __init__(self, seconds, spent):
        self.seconds, self.spent = seconds, spent
        self.begin, self.wall_begin = spent(), time.monotonic()

    def over(self):
        """Why the wait is over, for a message; None while it is not."""
        used, wall = self.spent() - self.begin, time.monotonic() - self.wall_begin
        if used >= self.seconds:
            return f"the emulator ran for {self.seconds} s of processor time"
        if wall >= self.seconds * WALL_FACTOR:
            return f"{wall:.0f} s passed, of which the emulator ran for {used:.0f} s,"
        return None


class Listener:
    """A port on this machine for an emulator to connect to; no other program can take it in between."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def accept(self, process, spent, log_path=None):
        """The console, once the emulator has connected; ConsoleError if it ends or hangs."""
        end = time.monotonic() + CONNECT_SECONDS
        while time.monotonic() < end:
            if select.select([self.socket], [], [], 0.2)[0]:
                connection = self.socket.accept()[0]
                self.close()
                return Console(connection, spent, log_path)
            if process.poll() is not None:
                raise ConsoleError(f"the emulator ended at once, with status {process.returncode}")
        raise ConsoleError(f"the emulator did not connect its serial port within {CONNECT_SECONDS} s")

    def close(self):
        self.socket.close()


class Console:
    """`text` is all that the machine has sent; `expect` moves a mark through it.

    `alarm`: a regular expression for what must not come while something else is expected.
    Timeouts are limits on `spent`, the emulator's processor time: see Limit.
    """

    def __init__(self, connection, spent, log_path=None):
        self.connection = connection
        self.spent = spent
        self.text = ""
        self.mark = 0
        self.closed = False
        self.alarm = None
        self.log = open(log_path, "wb", buffering=0) if log_path else None

    def close(self):
        self.connection.close()
        if self.log:
            self.log.close()

    def receive(self, timeout):
        """Wait for bytes for at most `timeout` seconds by the wall clock; return them, or b"" for none."""
        if self.closed or not select.select([self.connection], [], [], max(timeout, 0))[0]:
            return b""
        try:
            data = self.connection.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self.closed = True
        if self.log:
            self.log.write(data)
        self.text += data.decode("latin-1")
        return data

    def send(self, text):
        self.connection.sendall(text.encode("latin-1"))

    def expect(self, pattern, timeout):
        """Wait until the regular expression matches beyond the last match; return the match."""
        limit = Limit(timeout, self.spent)
        regex = re.compile(pattern)
        while True:
            match = regex.search(self.text, self.mark)
            if match:
                self.mark = match.end()
                return match
            alarm = self.alarm and re.search(self.alarm, self.text[self.mark:])
            why = f"{alarm[0]!r} came" if alarm else None
            if self.closed and not why:
                why = f"the machine ended, {self.spent():.0f} s of processor time after its start,"
            timed_out = None if why else limit.over()
            if why or timed_out:
                error = ConsoleTimeout if timed_out else ConsoleError
                raise error(f"{why or timed_out} without {pattern!r}; the last lines were:\n" + self.tail())
            self.receive(1)

    def drain(self):
        """Read all that has come or is on its way, until the machine closes the line or says nothing for a second."""
        while self.receive(1):
            pass

    def tail(self, lines=25):
        return "\n".join(self.text.replace("\r", "").split("\n")[-lines:])

    def attach(self):
        """Join the user's terminal to this console until either side ends or Ctrl-] is typed."""
        keyboard = sys.stdin.fileno()
        is_terminal = os.isatty(keyboard)
        if is_terminal:
            saved = termios.tcgetattr(keyboard)
            tty.setraw(keyboard)
        sources = [self.connection, keyboard]
        try:
            while not self.closed:
                ready = select.select(sources, [], [])[0]
                if self.connection in ready:
                    sys.stdout.buffer.write(self.receive(0))
                    sys.stdout.buffer.flush()
                if keyboard in ready:
                    keys = os.read(keyboard, 1024)
                    if is_terminal and LEAVE in keys:
                        return
                    if keys:
                        self.connection.sendall(keys)
                    else:
                        sources.remove(keyboard)
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            if is_terminal:
                termios.tcsetattr(keyboard, termios.TCSADRAIN, saved)
