#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check the prose: pages and comments. CONTRIBUTING.md has the rules; these are the ones that a program can check.

* pages wrap at 80 columns outside tables and code, comments at 100;
* a sentence has at most 25 words. In a comment, a colon and a semicolon end one, too: contracts list errors so;
* no word of BANNED;
* a file that a comment names exists, and so does a function, written NAME() or with an underscore in lower case.

prose.ratchet has how many mistakes of the first three kinds each folder may still have.
"""
import glob
import os
import re

import tree

RATCHET = "tests/harness/prose.ratchet"
PAGE_COLUMNS, COMMENT_COLUMNS, WORDS_MAX = 80, 100, 25
CODE = (*tree.MONITOR, "tests", "tools")
PAGES = ("*.md", "docs/**/*.md", ".github/**/*.md")
# Each with what to say instead.
BANNED = [(re.compile(pattern, re.IGNORECASE), instead) for pattern, instead in (
    (r"\banew\b", "again"),
    (r"\bbut for\b", "except"),
    (r"\bbesides\b", "also, apart from"),
    (r"\bfor ever\b(?! \w+-)", "forever, without end"),
    (r"\b(its|their) kin\b", "name them"),
    (r"\bin all(?=[.,;:)]|$)", "in total"),
    (r"\bnobody\b", "name the subject"),
    (r"\bstands? (above|after|alone|already|anywhere|at|before|behind|below|beside|between|here|in(?! for)|on|there|where)\b",
     "is, lies"),
    (r"\bbehind\b", "after"),
)]
# Where "behind" is a place or a distance.
BEHIND = re.compile(r"\b(left|leav\w+|stay\w*|fall\w*|furthest|further|far|much)\b[^.;:]{0,40}$", re.IGNORECASE)
# In comments, but of other programs and documents.
FOREIGN = {"GetMemoryMap", "acpi_rsdp_addr", "boot_params", "console_codes", "cp437_DOSLatinUS", "e_entry",
           "hvm_start_info", "p_align", "setup.S"}
NAME = re.compile(r"\b([A-Za-z_]\w*)\(\)|\b([a-z][a-z0-9]*_\w+)\b(?!\*)")
FILE = re.compile(r"(?<![\w*/<-])[\w/.-]*\w\.(?:[chS]|py|sh|def|inc|lds?|md|asl)\b")
DRESS = re.compile(r"^[ \t]*(?:/\*+|\*(?!/)|//)?[ \t]?|[ \t]*\*/$", re.MULTILINE)  # of a comment


def words_of(text):
    """How many words: a piece of code counts as one."""
    return sum(1 for word in re.sub(r"`[^`]*`|\]\([^)]*\)", "x", text).split() if re.search(r"\w", word))


def check_sentences(where, paragraph, ends):
    """Banned words and long sentences of a paragraph on one line. Words in code are names, not prose."""
    prose = re.sub(r"`[^`]*`", "`x`", paragraph)
    mistakes = [f"{where}: {match[0]!r}: say {instead}" for pattern, instead in BANNED
                for match in pattern.finditer(prose)
                if match[0].lower() != "behind" or not BEHIND.search(prose[:match.start()])]
    for sentence in re.split(rf"(?<=[{ends}])[\"'`)*_]*\s+", paragraph):
        if words_of(sentence) > WORDS_MAX:
            mistakes.append(f"{where}: {words_of(sentence)} words: {sentence[:60]} ...")
    return mistakes


def paragraphs(lines):
    """Pairs (number of its first line, text on one line) from numbered lines; a blank one or a list's item parts them."""
    found = []
    for number, line in lines:
        line = line.strip()
        item = re.match(r"([*-]|\d+\.) |#|-ERR_|$", line)
        if item or not found or not found[-1][1]:
            found.append((number, line))
        else:
            found[-1] = found[-1][0], f"{found[-1][1]} {line}".strip()
    return [(number, text) for number, text in found if text]


def prose_lines(text):
    """The numbered lines of a page; empty instead of code and tables."""
    inside = False
    for number, line in enumerate(text.split("\n"), 1):
        fence = line.lstrip().startswith("```")
        inside ^= fence
        yield number, "" if inside or fence or line.lstrip().startswith(("|", "<")) else line


def check_page(root, path):
    lines = list(prose_lines(tree.read(root, path)))
    mistakes = [f"{path}:{number}: {len(line)} columns" for number, line in lines
                if len(line) > PAGE_COLUMNS and " " in line.strip()]
    for number, paragraph in paragraphs(lines):
        mistakes += check_sentences(f"{path}:{number}", paragraph, ".!?:")
    return mistakes


def check_comments(path, text):
    mistakes, source = [], text.split("\n")
    for first, comment in tree.comments(text):
        last = first + comment.count("\n")
        alone = range(first, last + 1) if source[first - 1].lstrip().startswith("/") else ()
        mistakes += [f"{path}:{number}: {len(source[number - 1].expandtabs(8))} columns in a comment"
                     for number in alone if len(source[number - 1].expandtabs(8)) > COMMENT_COLUMNS]
        lines = DRESS.sub("", comment).split("\n")
        prose = ((first + at, "" if line.startswith("  ") else line) for at, line in enumerate(lines))  # not a table
        for number, paragraph in paragraphs(prose):
            mistakes += check_sentences(f"{path}:{number}", paragraph, ".!?:;")
    return mistakes


def known_names(root):
    """Words of the sources without their comments, and of scripts; names of files."""
    words, files = set(FOREIGN), set()
    for path in [*tree.find(root, CODE), *tree.find(root, CODE, "*.def"), *tree.find(root, CODE, "*.inc")]:
        words.update(re.findall(r"\w+", tree.without_comments(tree.read(root, path))))
    for path in [*tree.find(root, CODE, "*.py"), *tree.find(root, CODE, "*.sh"), *glob.glob("*.ld", root_dir=root),
                 *glob.glob("Makefile", root_dir=root)]:
        words.update(re.findall(r"\w+", tree.read(root, path)))
    for path in [*tree.find(root, (*CODE, "docs"), "*"), *os.listdir(root)]:
        files.add("/" + path)
        words.add(os.path.splitext(os.path.basename(path))[0])
    return words, files


def check_names(path, text, words, files):
    """What comments name and the tree has not."""
    mistakes = []
    for first, comment in tree.comments(text):
        named = {match[1] or match[2] for match in NAME.finditer(FILE.sub("", comment))} - words
        named |= {name for name in FILE.findall(comment)
                  if name not in FOREIGN and not any(file.endswith("/" + name.lstrip("./")) for file in files)}
        mistakes += [f"{path}:{first}: {name} does not exist" for name in sorted(named)]
    return mistakes


def read_ratchet(root):
    path = os.path.join(root, RATCHET)
    lines = tree.read(root, RATCHET).split("\n") if os.path.exists(path) else []
    return {folder: int(count) for folder, count in (line.split() for line in lines if line and line[0] != "#")}


def beyond_ratchet(root, mistakes):
    """What is too much: all mistakes of a folder that has more than its number."""
    folders = {}
    for mistake in mistakes:
        folders.setdefault(os.path.dirname(mistake.split(":")[0]) or ".", []).append(mistake)
    allowed = read_ratchet(root)
    too_many = []
    for folder, found in sorted(folders.items()):
        if len(found) > allowed.get(folder, 0):
            too_many += [*found, f"{folder}: {len(found)} mistakes, {allowed.get(folder, 0)} allowed by {RATCHET}"]
    for folder, number in allowed.items():
        if len(folders.get(folder, [])) < number:
            print(f"{RATCHET}: {folder} has only {len(folders.get(folder, []))} mistakes: lower its number")
    return too_many


def check(root):
    words, files = known_names(root)
    style, names = [], []
    pages = sorted({page for pattern in PAGES for page in glob.glob(pattern, root_dir=root, recursive=True)})
    for page in pages:
        style += check_page(root, page)
    sources = tree.find(root, CODE)
    for path in sources:
        text = tree.read(root, path)
        style += check_comments(path, text)
        names += check_names(path, text, words, files)
    return names + beyond_ratchet(root, style), f"{len(pages)} pages, {len(sources)} sources, {len(style)} by the ratchet"


if __name__ == "__main__":
    tree.main("prose", check)
