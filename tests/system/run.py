#!/usr/bin/env python3
"""Whole boots in emulators: run.py [--slow] [--list] [NAME...]

A NAME runs the cases whose names contain it. Each case has a time limit; its serial output is kept in
build/test. At most two emulators run at once. The last line is "N passed, N failed".
"""
import argparse
import concurrent.futures
import os
import sys
import time
import traceback

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/harness"))

import boots  # noqa: E402  the path comes first
import faults  # noqa: E402
import mistakes  # noqa: E402
import no_vmx  # noqa: E402
from console import ConsoleError  # noqa: E402

EMULATORS = 2
CASES = [*boots.CASES, *faults.CASES, *mistakes.CASES, *no_vmx.CASES]


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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slow", action="store_true", help="the cases that take many minutes")
    parser.add_argument("--list", action="store_true", help="only list the cases")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    os.chdir(TOP)
    os.makedirs("build/test", exist_ok=True)
    cases = [case for case in CASES if case.slow == options.slow
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
                  f"({seconds:.0f} s)", flush=True)
            if problem:
                failed += 1
                print("".join(f"     {line}\n" for line in problem.split("\n")), end="", flush=True)
    print(f"{done - failed} passed, {failed} failed")
    sys.exit(1 if failed or not done else 0)


main()
