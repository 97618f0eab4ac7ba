#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The style checks themselves: each must pass a sound little tree, and see the faults that are planted in it."""
import os
import tempfile
import unittest

import arrows
import headers
import licence
import loc
import prose

SOUND = {
    "lib/list.h": "/* SPDX-License-Identifier: MIT */\n#ifndef LIB_LIST_H\n#define LIB_LIST_H\n\n"
                  "#include <stdint.h>\n\nuint64_t list_length(void);\n\n#endif\n",
    "lib/list.c": '/* SPDX-License-Identifier: MIT */\n#include "lib/list.h"\n\n/* Of a list. */\n'
                  "uint64_t list_length(void)\n{\n\treturn 0; /* \"none\" */\n}\n",
    "vmm/x86/cpuid.c": '/* SPDX-License-Identifier: MIT */\n#include "lib/list.h"\n',
    "tests/unit/lib/test_list.c": '/* SPDX-License-Identifier: MIT */\n#include "lib/list.h"\n',
    loc.RATCHET: "# FOLDER KIND LIMIT\nlib core 10\nvmm/x86 trusted 1  # a reason\n",
}


class Planted(unittest.TestCase):
    """A sound tree in a directory of its own, into which a test plants files."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="nacre-checks-")
        self.addCleanup(directory.cleanup)
        self.root = directory.name
        for path, text in SOUND.items():
            self.plant(path, text)

    def plant(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def assert_sound(self, check):
        self.assertEqual(check(self.root)[0], [])

    def assert_seen(self, check, *sentences):
        """Exactly these mistakes, each known by a part of its sentence."""
        mistakes = check(self.root)[0]
        self.assertEqual(len(mistakes), len(sentences), mistakes)
        for sentence in sentences:
            self.assertTrue(any(sentence in mistake for mistake in mistakes), (sentence, mistakes))


class Arrows(Planted):
    def test_sound_tree_passes(self):
        self.assert_sound(arrows.check)

    def test_include_of_a_higher_part_is_seen(self):
        self.plant("lib/high.c", '#include "vmm/x86/cpuid.h"\n')
        self.assert_seen(arrows.check, "lib/high.c:1: lib/ must not know vmm/x86/")

    def test_include_of_a_sibling_device_part_is_seen(self):
        self.plant("devices/bus/bus.c", '\n#include "devices/pc/pic.h"\n')
        self.assert_seen(arrows.check, "devices/bus/bus.c:2: devices/bus/ must not know devices/pc/")

    def test_processors_must_not_know_vms_or_the_console(self):
        self.plant("vmm/cpu/a.c", '#include "vmm/vm/a.h"\n#include "vmm/console/a.h"\n')
        self.assert_seen(arrows.check, "must not know vmm/vm/", "must not know vmm/console/")

    def test_include_beside_the_file_is_seen(self):
        self.plant("lib/near.c", '#include "list.h"\n')
        self.assert_seen(arrows.check, "is not a path from the top")

    def test_hosted_header_is_seen(self):
        self.plant("lib/host.c", "#include <stdio.h>\n")
        self.assert_seen(arrows.check, "is not freestanding")

    def test_source_in_an_old_place_is_seen(self):
        self.plant("devices/virtual/pic.c", "")
        self.plant("vmm/vm.c", "")
        self.assert_seen(arrows.check, "devices/virtual/ is no place", "vmm/ is no place")

    def test_unit_test_away_from_its_code_is_seen(self):
        self.plant("tests/unit/test_list.c", "")
        self.plant("tests/unit/rigs/list_rig.h", "")
        self.assert_seen(arrows.check, "tests/unit/test_list.c:1:")

    def test_empty_tree_is_seen(self):
        self.root = os.path.join(self.root, "tests")
        self.assert_seen(arrows.check, "no sources")


class Headers(Planted):
    GUARDED = "#ifndef LIB_{0}_H\n#define LIB_{0}_H\n{1}#endif\n"

    def test_sound_tree_passes(self):
        self.assert_sound(headers.check)

    def test_header_that_needs_another_is_seen(self):
        self.plant("lib/needy.h", self.GUARDED.format("NEEDY", "uint64_t needy_count(void);\n"))
        self.assert_seen(headers.check, "lib/needy.h: does not compile alone: lib/needy.h:3")

    def test_wrong_guard_is_seen(self):
        self.plant("lib/moved.h", self.GUARDED.format("OLD", "int moved;\n"))
        self.assert_seen(headers.check, "its guard is not LIB_MOVED_H")

    def test_missing_guard_is_seen(self):
        self.plant("lib/bare.h", "int bare;\n")
        self.assert_seen(headers.check, "its guard is not LIB_BARE_H")

    def test_forwarding_header_is_seen(self):
        self.plant("lib/old.h", "/* Moved. */\n" + self.GUARDED.format("OLD", '\n#include "lib/list.h" /* here */\n'))
        self.assert_seen(headers.check, "a forwarding header")

    def test_header_with_macros_alone_passes(self):
        self.plant("lib/macros.h", self.GUARDED.format("MACROS", "#define MACROS_SIZE 4\n"))
        self.assert_sound(headers.check)


class Licence(Planted):
    def test_sound_tree_passes(self):
        self.assert_sound(licence.check)

    def test_source_without_a_licence_is_seen(self):
        self.plant("mm/bare.c", "int bare;\n")
        self.plant("tools/bare.py", "#!/usr/bin/env python3\n\n# SPDX-License-Identifier: MIT\n")
        self.assert_seen(licence.check, "mm/bare.c:1: no line SPDX", "tools/bare.py:1: no line SPDX")


class Loc(Planted):
    def test_sound_tree_passes(self):
        self.assert_sound(loc.check)

    def test_growth_beyond_the_limit_is_seen(self):
        self.plant("lib/more.c", "int more;\n")
        self.assert_seen(loc.check, "lib/ has 11 lines, 1 more than its limit: raise that")

    def test_comments_and_blank_lines_cost_nothing(self):
        self.plant("lib/more.c", "/* More,\n * int more; */\n\n// int more;\n")
        self.assert_sound(loc.check)

    def test_comment_signs_in_strings_are_code(self):
        self.assertEqual(loc.count('char *a = "/*";\nchar *b = "*/";\n'), 2)

    def test_folder_without_a_limit_is_seen(self):
        self.plant("vmm/svm/exits.c", "int exits;\n")
        self.assert_seen(loc.check, "vmm/svm/ has 1 lines and no limit")

    def test_limit_of_a_folder_that_is_gone_is_seen(self):
        self.plant(loc.RATCHET, SOUND[loc.RATCHET] + "devices/virtual trusted 9\n")
        self.assert_seen(loc.check, "there is no code in devices/virtual/")

    def test_line_that_is_none_is_seen(self):
        self.plant(loc.RATCHET, SOUND[loc.RATCHET] + "lib core 99\nmm mine 9\n")
        self.assert_seen(loc.check, "loc.ratchet:4:", "loc.ratchet:5:")


class Prose(Planted):
    """Banned words are put together here, so that this file keeps the rules itself."""

    def comment(self, text):
        self.plant("mm/map.c", f"/* {text} */\nint map_count(void);\n")

    def test_sound_tree_passes(self):
        self.assert_sound(prose.check)

    def test_wide_page_is_seen(self):
        self.plant("docs/page.md", "# Page\n\n" + "word " * 16 + "\n" + "word " * 16 + "x\n")
        self.assert_seen(prose.check, "docs/page.md:4: 81 columns", "docs/page.md:3: 33 words", "docs: 2 mistakes, 0")

    def test_wide_tables_code_and_links_pass(self):
        wide = "x " * 50
        self.plant("docs/page.md", f"| {wide} |\n\n```\n{wide}\n```\n\n" + "https://" + "x" * 90 + "\n")
        self.assert_sound(prose.check)

    def test_wide_comment_is_seen(self):
        self.plant("mm/map.c", "/*\n *" + " word" * 20 + "\n */\n/*\n *" + " word." * 20 + "\n */\n")
        self.assert_seen(prose.check, "mm/map.c:2: 102 columns", "mm/map.c:5: 122 columns", "mm: 2 mistakes")

    def test_long_sentence_is_seen_across_lines(self):
        self.plant("mm/map.c", "/*\n" + " * one two three four five\n" * 6 + " */\n")
        self.assert_seen(prose.check, "mm/map.c:2: 30 words", "mm: 1 mistakes")

    def test_sentences_and_clauses_are_counted_apart(self):
        self.plant("mm/map.c", "/*\n" + " * one two three four five six seven eight;\n" * 5 + " * `one two three`\n" * 20 + " */\n")
        self.assert_sound(prose.check)

    def test_banned_words_are_seen(self):
        for words in ("Made an" + "ew.", "All b" + "ut for one", "Two in a" + "ll.", "It runs for e" + "ver.",
                      "The arrows and their k" + "in", "No" + "body does.", "It sta" + "nds at 4.",
                      "The byte be" + "hind it."):
            with self.subTest(words):
                self.comment(words)
                self.assert_seen(prose.check, "mm/map.c:1: '", "mm: 1 mistakes, 0 allowed")

    def test_banned_words_are_seen_in_pages(self):
        self.plant("README.md", "It is made\nan" + "ew.\n")
        self.assert_seen(prose.check, "README.md:1: 'anew': say again", ".: 1 mistakes, 0 allowed")

    def test_words_like_banned_ones_pass(self):
        self.comment("For every kernel, in all modes, a stand-in stands for it, and is left behind.")
        self.assert_sound(prose.check)

    def test_ratchet_allows_its_number_and_no_more(self):
        self.plant(prose.RATCHET, "# FOLDER COUNT\nmm 1\n")
        self.comment("Made an" + "ew.")
        self.assert_sound(prose.check)
        self.comment("Made an" + "ew, an" + "ew.")
        self.assert_seen(prose.check, "say again", "say again", "mm: 2 mistakes, 1 allowed")

    def test_function_that_does_not_exist_is_seen(self):
        self.comment("As list_length() and list_size() do; see list_count.")
        self.assert_seen(prose.check, "list_count does not exist", "list_size does not exist")

    def test_file_that_does_not_exist_is_seen(self):
        self.comment("As lib/list.c does, with list.h and mm/list.c, map.*.")
        self.assert_seen(prose.check, "mm/list.c does not exist")

    def test_name_only_in_another_comment_does_not_exist(self):
        self.comment("As list_head does.")
        self.assert_seen(prose.check, "mm/map.c:1: list_head does not exist")


if __name__ == "__main__":
    unittest.main()
