# SPDX-License-Identifier: MIT
"""Runs cases in emulators: [--slow] [--list] [NAME...]

A NAME runs the cases whose names contain it. Each case has a time limit; its serial output is kept in
build/test. At most two emulators run at once. The last lines are the longest stretch with interrupts off, if
guests ran, and "N passed, N failed".
"""
import argparse
import concurrent.futures
import os
import sys
import time
import traceback

from console import ConsoleError

EMULATORS = int(os.environ.get("EMULATORS", 2))


def run(case):
    """Returns (seconds, what went wrong or None)."""
    start = time.monotonic()
    try:
        case.run()
        problem = None
    except (ConsoleError, AssertionError, RuntimeError) as error:
        problem = str(error) or traceback.format_exc()
    except Exception:  # a fault of the test itself must not hide the other results
        problem = traceback.format_exc()
    return time.monotonic() - start, problem


def main(description, cases):
    """The whole of a program; `description` is its first line of help."""
    parser = argparse.ArgumentParser(description=description + "\n\n" + __doc__.split("\n\n", 1)[1],
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slow", action="store_true", help="the cases that take many minutes")
    parser.add_argument("--list", action="store_true", help="only list the cases")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    os.makedirs("build/test", exist_ok=True)
    cases = [case for case in cases if case.slow == options.slow
             and (not options.names or any(name in case.name for name in options.names))]
    if options.list:
        print("\n".join(case.name for case in cases))
        return
    cases.sort(key=lambda case: -case.limit)  # the long ones first, so that none is left alone at the end
    failed = done = 0
    with concurrent.futures.ThreadPoolExecutor(EMULATORS) as pool:
        running = {pool.submit(run, case): case for case in cases}
        for future in concurrent.futures.as_completed(running):
            seconds, problem = future.result()
            done += 1
            print(f"{'FAIL' if problem else 'ok  '} [{done:2}/{len(cases)}] {running[future].name} "
                  f"({seconds:.0f} s{running[future].told()})", flush=True)
            if problem:
                failed += 1
                print("".join(f"     {line}\n" for line in problem.split("\n")), end="", flush=True)
    longest = max(cases, key=lambda case: case.longest)
    if longest.longest[0]:
        print(f"longest stretch with interrupts off: {longest.longest[0]} instructions in {longest.name!r}, on {longest.longest[1]}")
    print(f"{done - failed} passed, {failed} failed")
    sys.exit(1 if failed or not done else 0)
