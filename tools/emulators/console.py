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


class ConsoleError(Exception):
    """What was expected did not come. The message ends with what came instead."""


class Listener:
    """A port on this machine for an emulator to connect to; nobody else can take it in between."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def accept(self, timeout, process, log_path=None):
        """The console, once the emulator has connected; ConsoleError if it ends or takes too long."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if select.select([self.socket], [], [], 0.2)[0]:
                connection = self.socket.accept()[0]
                self.close()
                return Console(connection, log_path)
            if process.poll() is not None:
                raise ConsoleError(f"the emulator ended at once, with status {process.returncode}")
        raise ConsoleError(f"the emulator did not connect its serial port within {timeout} s")

    def close(self):
        self.socket.close()


class Console:
    """`text` is all that the machine has sent; `expect` moves a mark through it.

    `alarm`: a regular expression for what must not come while something else is expected.
    """

    def __init__(self, connection, log_path=None):
        self.connection = connection
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
        """Wait for bytes for at most `timeout` seconds and return them; b"" for none."""
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
        end = time.monotonic() + timeout
        regex = re.compile(pattern)
        while True:
            match = regex.search(self.text, self.mark)
            if match:
                self.mark = match.end()
                return match
            alarm = self.alarm and re.search(self.alarm, self.text[self.mark:])
            if alarm or self.closed or time.monotonic() > end:
                why = (f"{alarm[0]!r} came" if alarm else "the machine ended" if self.closed
                       else f"{timeout} s passed")
                raise ConsoleError(f"{why} without {pattern!r}; the last lines were:\n" + self.tail())
            self.receive(min(1, end - time.monotonic()))

    def drain(self, timeout):
        """Read until the machine closes the line; False if it did not within `timeout` seconds."""
        end = time.monotonic() + timeout
        while not self.closed and time.monotonic() < end:
            self.receive(min(1, end - time.monotonic()))
        return self.closed

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
