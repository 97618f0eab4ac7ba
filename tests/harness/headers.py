#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check that each header compiles alone, is guarded by a name made from its path, and is more than other headers.

A header that compiles only after another one makes the order of includes matter; a header that does nothing but
include another is an old name kept alive.
"""
import concurrent.futures
import os
import re
import subprocess

import tree

JOBS = 2
GENERATED = "build/generated"
WARNINGS = "-Wall -Wextra -Wno-unused-parameter -Wno-unused-function -Wno-unused-variable -Wundef -Werror".split()
MONITOR_FLAGS = [*"-std=gnu17 -ffreestanding -mgeneral-regs-only -I.".split(), "-I" + GENERATED]
HOST_FLAGS = ["-std=gnu17", "-D_GNU_SOURCE", "-DHOST_BUILD", "-Itests/unit/fake", "-Itests/unit", "-I.", "-I" + GENERATED]
# Of the tests, the rigs are headers for any test to include; a test kernel's own headers are private to it.
HOST = ("tests/unit/rigs", "tests/unit/fake")


def compile_alone(root, path, flags):
    """The compiler's first complaint about a header by itself, or nothing."""
    command = [os.environ.get("CC", "gcc"), "-fsyntax-only", "-x", "c", *flags, *WARNINGS, path]
    done = subprocess.run(command, cwd=root, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if not done.returncode:
        return []
    errors = [line for line in done.stderr.split("\n") if "error:" in line] or [done.stderr.strip()]
    return [f"{path}: does not compile alone: {errors[0]}"]


def check_text(root, path):
    """A header's guard, and that it says something of its own."""
    lines = [line.strip() for line in tree.without_comments(tree.read(root, path)).split("\n") if line.strip()]
    guard = re.sub(r"\W", "_", path).upper()
    mistakes = []
    if lines[:2] != [f"#ifndef {guard}", f"#define {guard}"]:
        mistakes.append(f"{path}:1: its guard is not {guard}")
    content = [line for line in lines if not re.match(r"#\s*(ifndef|define|endif)\b", line)]
    if content and all(re.match(r"#\s*include\b", line) for line in content):
        mistakes.append(f"{path}:1: a forwarding header: it only includes another")
    return mistakes


def check(root):
    monitor = tree.find(root, tree.MONITOR, "*.h")
    host = tree.find(root, HOST, "*.h")
    jobs = [(path, MONITOR_FLAGS) for path in monitor] + [(path, HOST_FLAGS) for path in host]
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        found = pool.map(lambda job: compile_alone(root, *job), jobs)
        mistakes = [mistake for of_one in found for mistake in of_one]
    every = tree.find(root, (*tree.MONITOR, "tests"), "*.h")
    mistakes += [mistake for path in every for mistake in check_text(root, path)]
    return mistakes, f"{len(every)} headers, {len(jobs)} of them compiled alone"


if __name__ == "__main__":
    tree.main("headers", check)
