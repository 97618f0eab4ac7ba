# SPDX-License-Identifier: MIT
"""Transcripts of the probe kernel, what may differ between two, and the comparison."""
import re

BEGIN, END = "probe begin", "probe end"
MODES = ("64", "64 user", "compat32", "compat32 user", "compat16", "compat16 user", "32", "32 user", "16", "16 user",
         "real", "v86")  # by the bits of the kernel's enum mode
LINE = re.compile(r"probe (\S+) ([0-9a-f]+|-) (.*)")


def transcript(name, text):
    """The lines between BEGIN and END as {probe: result}; ValueError if there is something wrong with them.

    A line has one result for several modes of an instruction, or "-" for what has no modes.
    """
    lines = text.replace("\r", "").split("\n")
    if BEGIN not in lines or END not in lines:
        raise ValueError(f"the {name} machine did not run all probes; its last lines were:\n" + "\n".join(lines[-15:]))
    results = {}
    for line in lines[lines.index(BEGIN) + 1:lines.index(END)]:
        match = LINE.fullmatch(line)
        if not match:
            raise ValueError(f"the {name} machine printed among the probes: {line}")
        modes = [""] if match[2] == "-" else [" " + mode for bit, mode in enumerate(MODES) if int(match[2], 16) >> bit & 1]
        for probe in (match[1] + mode for mode in modes):
            if probe in results:
                raise ValueError(f"the {name} machine has two probes of the name {probe}")
            results[probe] = match[3]
    if not results:
        raise ValueError(f"the {name} machine ran no probe")
    return results


class Allowed:
    """
    allowed.txt: blocks of "= reason", then lines "probe: bare | guest", three regular expressions that must match whole.
    A block that begins "= Bochs 2: reason" holds for that major version alone.
    """

    def __init__(self, path, bochs):
        self.rows = []
        self.path = path
        reason = None
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                line = line.strip()
                if not line or line.startswith("#"):
                    continue
                if line.startswith("="):
                    reason = line[1:].strip()
                    version = re.match(r"Bochs (\d+): ", reason)
                    continue
                match = re.fullmatch(r"(.*?): (.*) \| (.*)", line)
                if not match or not reason:
                    raise ValueError(f"{path}:{number}: no 'probe: bare | guest' below a '= reason'")
                if version and int(version[1]) != bochs:
                    continue
                self.rows.append([number, *map(re.compile, match.groups()), reason, 0])

    def reason(self, probe, bare, guest):
        """Why this difference is allowed; None if it is not."""
        for row in self.rows:
            _, name, of_bare, of_guest, reason, _ = row
            if name.fullmatch(probe) and of_bare.fullmatch(bare) and of_guest.fullmatch(guest):
                row[5] += 1
                return reason
        return None

    def stale(self):
        return [f"{self.path}:{row[0]}: no probe differs in this way any more" for row in self.rows if not row[5]]


def compare(bare, guest, allowed, show):
    """Returns (how many probes are as they must be, a text for each that is not)."""
    passed, problems = 0, []
    for probe in [*bare, *(set(guest) - set(bare))]:
        if probe not in bare or probe not in guest:
            problems.append(f"{probe}: only the {'guest' if probe in guest else 'bare machine'} has it")
            continue
        reason = "" if bare[probe] == guest[probe] else allowed.reason(probe, bare[probe], guest[probe])
        text = f"{probe}\n  bare  {bare[probe]}\n  guest {guest[probe]}"
        if reason is None:
            problems.append(text)
        else:
            passed += 1
            if reason:
                show(f"{text}\n  allowed: {reason}")
    return passed, problems
