#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What tools/install.sh says where packages are missing; nothing is installed. Status 1 if one claim fails."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INSTALLERS = {"deps", "run", "test"}
ABSENT = "no-such-package"
TOOLS = ("sh", "env", "sed", "tr", "python3", "dirname", "mkdir", "flock")  # of a system without apt and dpkg


def install(*arguments, path=None):
    """Status and output of install.sh."""
    done = subprocess.run([shutil.which("sh"), f"{ROOT}/tools/install.sh", *arguments], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={"PATH": path or os.environ["PATH"]})
    return done.returncode, done.stdout


def a_check_names_what_is_missing():
    status, text = install("--check", "python3", ABSENT)
    return status == 1 and text.count("\n") == 1 and f" {ABSENT};" in text and "make deps" in text \
        and " python3" not in text


def a_check_of_what_is_there_is_silent():
    return install("--check", "python3", "gcc") == (0, "")


def without_apt(*arguments):
    with tempfile.TemporaryDirectory(prefix="nacre-deps-") as folder:
        for tool in TOOLS:
            os.symlink(shutil.which(tool), os.path.join(folder, tool))
        return install(*arguments, path=folder)


def one_sentence_lists_packages_without_apt():
    status, text = without_apt("python3", ABSENT, "cppcheck")
    return status == 1 and text.count("\n") == 1 and text.endswith(f" {ABSENT} cppcheck\n")


def what_is_there_suffices_without_apt():
    return without_apt("python3") == (0, "") == without_apt("--check", "python3")


def no_other_target_installs():
    """Which targets' recipes call install.sh without --check."""
    callers, target = set(), None
    with open(f"{ROOT}/Makefile", encoding="utf-8") as makefile:
        for line in makefile:
            target = (re.match(r"([^\s#:=]+):(?!=)", line) or [None, target])[1]
            if line.startswith("\t") and re.search(r"install\.sh (?!--check)", line):
                callers.add(target)
    return callers == INSTALLERS


CLAIMS = (a_check_names_what_is_missing, a_check_of_what_is_there_is_silent, one_sentence_lists_packages_without_apt,
          what_is_there_suffices_without_apt, no_other_target_installs)


def main():
    wrong = [claim.__name__ for claim in CLAIMS if not claim()]
    for name in wrong:
        print(f"tools/install.sh: not true that {name}")
    print(f"deps: {len(CLAIMS)} claims, {len(wrong)} fail")
    sys.exit(1 if wrong else 0)


main()
