#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Whole boots in emulators; --help for the rest."""
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, folder) for folder in ("tests/harness", "tools", "tools/emulators")]

import boots  # noqa: E402  the path comes first
import crowd  # noqa: E402
import debugger  # noqa: E402
import fairness  # noqa: E402
import faults  # noqa: E402
import idle  # noqa: E402
import kernels  # noqa: E402
import life  # noqa: E402
import many  # noqa: E402
import mistakes  # noqa: E402
import no_vmx  # noqa: E402
import runner  # noqa: E402
import scribble  # noqa: E402
import tracing  # noqa: E402

MODULES = (boots, crowd, debugger, fairness, faults, idle, kernels, life, many, mistakes, no_vmx, scribble, tracing)

os.chdir(TOP)
runner.main("Whole boots in emulators.", [case for module in MODULES for case in module.CASES])
