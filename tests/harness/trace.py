#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check tools/trace_to_json.py on the dump that tests/unit/vmm/observe/test_trace.c holds Nacre to: trace.py.

Prints each mistake and ends with status 1 if there is one.
"""
import importlib.util
import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DUMP = os.path.join(ROOT, "tests/unit/vmm/observe/trace_dump.txt")
GOLDEN = os.path.join(ROOT, "tests/unit/vmm/observe/trace_dump.json")

mistakes = 0


def load_script():
    spec = importlib.util.spec_from_file_location("trace_to_json", os.path.join(ROOT, "tools/trace_to_json.py"))
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def wrong(what, expected, found):
    global mistakes
    mistakes += 1
    print(f"{what}: expected\n  {expected}\nand found\n  {found}")


def check(what, expected, found):
    if expected != found:
        wrong(what, expected, found)


def problem_of(script, text):
    """The sentence that the script has for a bad log."""
    try:
        script.convert(text)
    except script.Problem as problem:
        return str(problem)
    return "no problem"


def check_picture(picture, golden):
    """Event by event, so that a difference is readable."""
    found, expected = picture["traceEvents"], golden["traceEvents"]
    for number, (a, b) in enumerate(zip(expected, found)):
        check(f"event {number}", a, b)
    check("number of events", len(expected), len(found))


def check_logs(script, dump, picture):
    """What a serial line and a terminal make of it changes nothing; what was lost is noticed."""
    lines = dump.split("\n")
    captured = "nacre> trace dump\r\n" + dump.replace("\n", "\r\n") + "\r\x1b[Knacre> "
    check("a captured console", picture, script.convert(captured))
    message = "\n".join(lines[:5] + ["\r\x1b[Kvm debian: a message of the monitor\r"] + lines[5:])
    check("a message in between", picture, script.convert(message))
    damaged = dump.replace("ffffffff81000000", "ffffffff81000001")
    for what, text, sentence in (
            ("a log without a dump", "nacre> \n", "there is no dump"),
            ("a log that stops", "\n".join(lines[:20]), "the dump has no end"),
            ("a lost line", "\n".join(lines[:30] + lines[31:]), "was damaged"),
            ("a changed digit", damaged, "was damaged"),
            ("another version", dump.replace("begin 1", "begin 2"), "has version 2")):
        if sentence not in problem_of(script, text):
            wrong(what, sentence, problem_of(script, text))
    check("a whole dump before a broken one", picture, script.convert(dump + "\n".join(lines[:20])))


def main():
    script = load_script()
    with open(DUMP, encoding="utf-8") as file:
        dump = file.read()
    picture = json.loads(json.dumps(script.convert(dump)))
    with open(GOLDEN, encoding="utf-8") as file:
        check_picture(picture, json.load(file))
    check_logs(script, dump, picture)
    print(f"trace: {len(picture['traceEvents'])} events, {mistakes} mistakes")
    sys.exit(1 if mistakes else 0)


if __name__ == "__main__":
    main()
