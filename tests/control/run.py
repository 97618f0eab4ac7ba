#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Hostile guests in emulators; --help for the rest."""
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, folder) for folder in ("tests/harness", "tests/system", "tools", "tools/emulators")]

import attacks  # noqa: E402  the path comes first
import random_code  # noqa: E402
import runner  # noqa: E402

os.chdir(TOP)
runner.main("Hostile guests in emulators.", [*attacks.CASES, *random_code.CASES])
