#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""All tests, for make test: style, build, unit, fuzz, system, control. The last line is "N passed, N failed".

A check's output is shown only when it fails; all of it is kept below build/test.
"""
import concurrent.futures
import glob
import os
import re
import signal
import subprocess
import sys
import time

BUILD = os.environ.get("BUILD", "build")
MAKE = os.environ.get("MAKE", "make")
JOBS = os.cpu_count() or 1
FUZZ_SECONDS = os.environ.get("FUZZ_SECONDS", "5")
WALL_FACTOR = 20  # what ends a command that does nothing at all: so many times its limit
LONGEST = 5

passed = failed = 0
durations = []  # (seconds, name)


def run(name, command, limit):
    """Run a command, its output to a file; return (succeeded, output, seconds).

    limit: seconds of processor time that each of its processes may take, so that a busy host does not shorten it.
    """
    path = os.path.join(BUILD, "test", name.replace(" ", "-").replace("/", "-") + ".log")
    start = time.monotonic()
    with open(path, "wb") as log:
        try:
            status = subprocess.run(["prlimit", f"--cpu={limit}", *command], stdin=subprocess.DEVNULL, stdout=log,
                                    stderr=subprocess.STDOUT, timeout=limit * WALL_FACTOR, check=False).returncode
            if status == -signal.SIGKILL:
                log.write(f"\nended after {limit} s of processor time\n".encode())
        except (subprocess.TimeoutExpired, OSError) as error:
            log.write(f"\n{error}\n".encode())
            status = -1
    with open(path, encoding="utf-8", errors="replace") as log:
        return status == 0, log.read(), time.monotonic() - start


def note(name, good, bad, seconds, output=""):
    """Count a result and print its line, and what it printed if something failed."""
    global passed, failed
    passed += good
    failed += bad
    durations.append((seconds, name))
    print(f"{'FAIL' if bad else 'ok  '} {name} ({good} passed, {bad} failed, {seconds:.0f} s)", flush=True)
    if bad:
        print("".join(f"     {line}\n" for line in output.strip().split("\n")[-60:]), end="", flush=True)


def check(name, command, limit=300):
    """A command that is one test."""
    succeeded, output, seconds = run(name, command, limit)
    note(name, int(succeeded), int(not succeeded), seconds, output)
    return succeeded


def make(*targets):
    return [MAKE, "--no-print-directory", "-k", f"-j{JOBS}", *targets]


def section(title):
    print(f"\n== {title}", flush=True)


def errors_of(build, name):
    """Why a program was not built: the compiler's and linker's errors; empty if it was."""
    if os.path.exists(os.path.join(BUILD, build.split("-")[0], name)):
        return ""
    with open(os.path.join(BUILD, "test", build + ".log"), encoding="utf-8", errors="replace") as log:
        lines = [line for line in log if re.search(r"error:|undefined reference|multiple definition|\*\*\*", line)]
    return f"\nerrors of the build, all in {build}.log:\n" + "".join(lines[:20])


def unit(source):
    """One cmocka program; its own count of tests is taken over."""
    name = os.path.relpath(source, "tests/unit")[:-2]
    succeeded, output, seconds = run(name, [os.path.join(BUILD, "unit", name)], 120)
    counts = {word: int(number) for word, number in
              re.findall(r"^\[ *(PASSED|FAILED) *\] (\d+) test", output, re.MULTILINE)}
    good, bad = counts.get("PASSED", 0), counts.get("FAILED", 0)
    if not bad and (not succeeded or not good):  # it crashed, was not built, or tests nothing
        bad = 1
        output += errors_of("unit-build", name)
    return f"unit {name}", good, bad, seconds, output


def fuzz(source):
    name = os.path.basename(source)[:-2]
    program = os.path.join(BUILD, "fuzz", name)
    succeeded, output, seconds = run(name, ["sh", "tests/harness/fuzz.sh", program, FUZZ_SECONDS],
                                     120 + int(FUZZ_SECONDS))
    if not succeeded:
        output += errors_of("fuzz-build", name)
    return f"fuzz {name}", int(succeeded), int(not succeeded), seconds, output


def parallel(function, sources):
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for result in pool.map(function, sources):
            note(*result)


def boots(program):
    """Whole boots: shown as they come, since they take minutes."""
    global passed, failed
    runner = subprocess.Popen([sys.executable, program], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    counts = None
    for line in runner.stdout:
        ended = re.fullmatch(r"(?:ok  |FAIL) \[.*?\] (.*) \((\d+) s\)\n", line)
        if ended:
            durations.append((int(ended[2]), ended[1]))
        counts = re.fullmatch(r"(\d+) passed, (\d+) failed\n", line) or counts
        if not re.fullmatch(r"(\d+) passed, (\d+) failed\n", line):
            print(line, end="", flush=True)
    runner.wait()
    good, bad = map(int, counts.groups()) if counts else (0, 1)
    passed += good
    failed += bad


def main():
    os.makedirs(os.path.join(BUILD, "test"), exist_ok=True)
    section("style")
    for name in ("format", "arrows", "headers", "licence", "prose", "checks", "cppcheck", "tidy"):
        check(name, make("lint-" + name), 600)
    check("sizes", make("loc"))

    section("build")
    built = check("monitor", make("monitor"), 600)
    check("limits of emulators", [sys.executable, "tests/harness/limits.py"])
    check("trace script", [sys.executable, "tests/harness/trace.py"])
    check("deps", [sys.executable, "tests/harness/deps.py"])
    check("docs", [sys.executable, "tests/harness/docs.py"], 900)
    check("docs of sensitive instructions", [sys.executable, "tests/equivalence/sensitive.py", "--check"])

    section("unit tests")
    run("unit-build", make("unit-build"), 900)
    parallel(unit, sorted(glob.glob("tests/unit/**/test_*.c", recursive=True)))

    section(f"fuzz targets, {FUZZ_SECONDS} s each")
    run("fuzz-build", make("fuzz-build"), 900)
    parallel(fuzz, sorted(glob.glob("tests/fuzz/fuzz_*.c")))

    for title, directory in (("whole boots", "system"), ("hostile guests", "control")):
        section(title)
        if built and check(f"images for {directory}", make(f"{directory}-images"), 600):
            boots(f"tests/{directory}/run.py")
        else:
            note(f"{directory} tests: not without a monitor", 0, 1, 0)

    section("equivalence: bare machine and guest")
    check("equivalence", make("equivalence"), 600)

    section("what took longest")
    for seconds, name in sorted(durations, reverse=True)[:LONGEST]:
        print(f"{seconds:5.0f} s  {name}")

    summary = f"{passed} passed, {failed} failed"
    with open(os.path.join(BUILD, "test", "summary"), "w", encoding="utf-8") as file:
        file.write(summary + "\n")
    print("\n" + summary, flush=True)
    sys.exit(1 if failed else 0)


main()
