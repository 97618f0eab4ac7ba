#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make the README's pictures, docs/pictures/*.svg, from a run of the demonstration in Bochs.

The run leaves what it saw in build/pictures; --draw draws that again without a run.
"""
import argparse
import json
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TOP, folder) for folder in ("tests/harness", "tests/system", "tools", "tools/emulators")]

import trace_to_json  # noqa: E402  the path comes first
from collect import collect  # noqa: E402
from consoles import draw_consoles  # noqa: E402
from timeline import draw_timeline  # noqa: E402

SEEN = "build/pictures"
OUTPUT = "docs/pictures"


def draw():
    with open(os.path.join(SEEN, "screens.json"), encoding="utf-8") as file:
        screens = json.load(file)
    with open(os.path.join(SEEN, "trace.log"), encoding="latin-1", newline="") as file:
        events = trace_to_json.convert(file.read())["traceEvents"]
    os.makedirs(OUTPUT, exist_ok=True)
    for name, text in ("consoles", draw_consoles(screens)), ("timeline", draw_timeline(events)):
        path = os.path.join(OUTPUT, name + ".svg")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        print(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--draw", action="store_true", help="draw the last run again")
    options = parser.parse_args()
    os.chdir(TOP)
    if not options.draw:
        collect(SEEN)
    draw()


if __name__ == "__main__":
    main()
