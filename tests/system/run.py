#!/usr/bin/env python3
"""Whole boots in emulators; --help for the rest."""
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/harness"))

import boots  # noqa: E402  the path comes first
import fairness  # noqa: E402
import faults  # noqa: E402
import kernels  # noqa: E402
import mistakes  # noqa: E402
import no_vmx  # noqa: E402
import runner  # noqa: E402
import tracing  # noqa: E402

os.chdir(TOP)
runner.main("Whole boots in emulators.", [*boots.CASES, *fairness.CASES, *faults.CASES, *kernels.CASES, *mistakes.CASES,
                                         *no_vmx.CASES, *tracing.CASES])
