#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check README.md, the pages beside it and docs/ against the tree.

Prints each mistake as FILE:LINE and ends with status 1 if there is one.

* a relative link resolves; a file that is named in backquotes exists;
* a function, macro or other name_with_underscores in backquotes occurs in the sources;
* `make TARGET` and its VARIABLE= are in the Makefile;
* a block ```ini is a config table without mistakes, and each block ```sh test runs. Both in a folder of their own
  with nothing built: there, the table that begins with "# NAME.conf" stands in a file of that name, and the images
  that it names exist.
"""
import fnmatch
import glob
import os
import re
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TREE = ("boot", "vmm", "mm", "devices", "guests", "lib", "tests", "tools", "docs", ".ci")
PROGRAM = re.compile(r"\.(c|h|S|py|sh|asl|conf|ld|list)$|^Makefile$|^run$|^rcS$|^inittab$")
FILE_NAME = re.compile(r"[\w*-]+\.(c|h|S|py|sh|asl|md|ld)$")
IDENTIFIER = re.compile(r"[A-Za-z]\w*_\w+|\b[a-z]\w*(?=\(\))")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
# The smallest kernel that the check takes: a bzImage of boot protocol 2.02 with 16 bytes of code at 1 MiB, and in its
# sector of setup a Multiboot header with addresses.
KERNEL = bytearray(2 * 512 + 16)
struct.pack_into("<B", KERNEL, 0x1F1, 1)
struct.pack_into("<HBB4sH", KERNEL, 0x1FE, 0xAA55, 0xEB, 0x66, b"HdrS", 0x0202)
struct.pack_into("<BHI", KERNEL, 0x211, 1, 0, 0x100000)
struct.pack_into("<8I", KERNEL, 0x300, 0x1BADB002, 1 << 16, 2**32 - 0x1BADB002 - (1 << 16), 0x100300, 0x100000, 0, 0, 0x100000)
IMAGE = re.compile(r"^(?:kernel|initrd|module)\s*=\s*(\S+)", re.MULTILINE)
RUN_LIMIT = 6000  # seconds for one block: against one that hangs

mistakes = 0


def wrong(path, line, text):
    global mistakes
    mistakes += 1
    print(f"{path}:{line}: {text}")


class Tree:
    """What the pages may speak of."""

    def __init__(self):
        self.files, self.words = set(), set()
        for part in TREE:
            for folder, _, names in os.walk(part):
                self.files.update(names)
                self.words.update(os.path.splitext(name)[0] for name in names)
                for name in filter(PROGRAM.search, names if part != "docs" else ()):
                    self.read(os.path.join(folder, name))
        self.files.update(name for name in os.listdir(".") if os.path.isfile(name))
        self.read("linker.ld")
        makefile = self.read("Makefile")
        rules = re.findall(r"^([a-z][\w -]*):(?!=)", makefile, re.MULTILINE)
        self.targets = set(" ".join(rules).split())
        self.variables = set(re.findall(r"\$\((\w+)\)", makefile))

    def read(self, path):
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
        self.words.update(re.findall(r"\w+", text))
        return text


def check_make(tree, path, line, command):
    for word in command.split()[1:]:
        name, is_variable, _ = word.partition("=")
        if is_variable and name not in tree.variables:
            wrong(path, line, f"the Makefile has no variable {name}")
        elif not is_variable and name not in tree.targets and not name.startswith("-"):
            wrong(path, line, f"the Makefile has no target {name}")


def check_code(tree, path, line, code):
    """What stands between backquotes."""
    if code.startswith("make "):
        check_make(tree, path, line, code)
        return
    for word in code.split():
        pattern = word.replace("NAME", "*")
        if word.split("/")[0] in TREE and "/" in word and not glob.glob(pattern):
            wrong(path, line, f"there is no file {word}")
        elif FILE_NAME.match(word) and not fnmatch.filter(tree.files, pattern):
            wrong(path, line, f"there is no file {word} in the tree")
    for name in IDENTIFIER.findall(code):
        if name not in tree.words and "NAME" not in name and not FILE_NAME.match(code):
            wrong(path, line, f"{name} does not occur in the sources")


def blocks_of(path, text):
    """The fenced blocks of a page as (first line, info, text), and the page without them."""
    blocks, rest, block = [], [], None
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("```"):
            if block is None:
                block = (number + 1, line[3:].strip(), [])
            else:
                blocks.append((block[0], block[1], "\n".join(block[2]) + "\n"))
                block = None
            rest.append("")
        elif block is not None:
            block[2].append(line)
            rest.append("")
        else:
            rest.append(line)
    if block:
        wrong(path, block[0] - 1, "this block has no end")
    return blocks, rest


def check_words(tree, path, blocks, rest):
    for number, line in enumerate(rest, 1):
        for link in LINK.findall(line):
            if "://" not in link and not os.path.exists(os.path.join(os.path.dirname(path), link)):
                wrong(path, number, f"the link {link} leads nowhere")
        for code in re.findall(r"`([^`]+)`", line):
            check_code(tree, path, number, code)
    for first, _, text in blocks:
        for number, line in enumerate(text.split("\n"), first):
            command = line.split("#")[0].strip()
            if command.startswith("make "):
                check_make(tree, path, number, command)


def run(folder, path, line, script):
    try:
        done = subprocess.run(["sh", "-eu", "-c", script], cwd=folder, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=RUN_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        wrong(path, line, f"this block did not end within {RUN_LIMIT} s")
        return
    if done.returncode:
        wrong(path, line, f"this block fails with status {done.returncode}:\n" + done.stdout[-2000:])


def check_blocks(path, blocks):
    """Run a page's examples in a folder that looks like a fresh tree."""
    with tempfile.TemporaryDirectory(prefix="nacre-docs-") as folder:
        for name in (*TREE, "Makefile", "linker.ld"):
            os.symlink(os.path.join(ROOT, name), os.path.join(folder, name))
        for line, info, text in blocks:
            if info == "ini":
                named = re.match(r"# ([\w-]+\.conf)\n", text)
                config = named[1] if named else "example.conf"
                for name, content in [(config, text.encode()), *((image, KERNEL) for image in IMAGE.findall(text))]:
                    target = os.path.normpath(os.path.join(folder, name))
                    if not target.startswith(folder + "/") or name.split("/")[0] in TREE:
                        continue  # not ours to write
                    os.makedirs(os.path.dirname(target), exist_ok=True)
                    with open(target, "wb") as file:
                        file.write(content)
                run(folder, path, line, f"make check-config CONFIG={config}")
            elif info == "sh test":
                run(folder, path, line, text)


def main():
    os.chdir(ROOT)
    # These are commands of their own, and not parts of the make that may have started this.
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "BUILD"):
        os.environ.pop(name, None)
    tree = Tree()
    pages = [*sorted(glob.glob("*.md")), *sorted(glob.glob("docs/**/*.md", recursive=True))]
    for path in pages:
        with open(path, encoding="utf-8") as file:
            blocks, rest = blocks_of(path, file.read())
        check_words(tree, path, blocks, rest)
        if any(info in ("ini", "sh test") for _, info, _ in blocks):
            check_blocks(path, blocks)
    print(f"docs: {len(pages)} pages, {mistakes} mistakes")
    sys.exit(1 if mistakes else 0)


if __name__ == "__main__":
    main()
