#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each check of tidy is shown one planted breach and must name it; a clean tree must pass."""
import unittest

from tree import HEAD, Tree

BREACHES = {
    "a_room_that_may_not_be_included": ("src/base/a.c", HEAD + '#include "nt/box.h"\n', "base may not include nt/box.h"),
    "a_private_header_of_another_room": ("src/ndis/a.c", HEAD + '#include "nt/nt_int.h"\n', "nt/nt_int.h is private to nt"),
    "an_unknown_room": ("src/attic/a.c", HEAD + "#include <stdint.h>\n", "src/attic is no room"),
    "an_operating_system_header_outside_host": ("src/ndis/a.c", HEAD + "#include <pthread.h>\n", "only host, wire and loader talk to"),
    "a_ddk_header_in_a_room_below_nt": ("src/base/a.c", HEAD + "#include <wdm.h>\n", "base knows no NT type"),
    "a_room_header_in_a_ddk_header": ("include/ddk/x.h", HEAD + '#include "nt/box.h"\n', "drivers see only include/ddk"),
    "a_room_header_in_a_public_header": ("include/nbx/x.h", HEAD + '#include "nt/box.h"\n', "may not show a room"),
    "a_driver_that_looks_inside": ("drivers/vnic/a.c", HEAD + '#include "nt/box.h"\n', "a driver sees only include/ddk"),
    "a_port_header_in_another_driver": ("drivers/lwfmon/a.c", HEAD + "#include <nbx/port.h>\n", "a driver sees only include/ddk"),
    "a_clock_outside_host": ("src/nt/a.c", HEAD + "void\nnt_a(void)\n{\n    clock_gettime(0, 0);\n}\n", "clock_gettime: clocks"),
    "a_camelcase_function_outside_front_doors": ("src/nt/a.c", HEAD + "void\nKeFoo(void)\n{\n}\n", "KeFoo: CamelCase is defined in"),
    "a_snake_case_function_in_a_front_door_file": ("src/nt/ddi_a.c", HEAD + "void\nnt_a(void)\n{\n}\n", "nt_a: a ddi_*.c defines front"),
    "a_long_helper_in_a_front_door_file": ("src/nt/ddi_a.c", HEAD + "static void\na(void)\n{\n" + "    b();\n" * 12 + "}\n", "a: a ddi_*.c defines front"),
    "a_return_type_on_the_same_line": ("src/nt/a.c", HEAD + "void nt_a(void)\n{\n}\n", "nt_a: the return type stands on its own line"),
    "a_long_function": ("src/nt/a.c", HEAD + "void\nnt_a(void)\n{\n" + "    nt_b();\n" * 80 + "}\n", "nt_a has 84 lines, more than 80"),
    "a_long_file": ("src/nt/a.c", HEAD + "int x;\n" * 1000, "1002 lines, more than 1000"),
    "a_long_line": ("src/nt/a.c", HEAD + "int " + "x" * 140 + ";\n", "145 columns, more than 140"),
    "a_tab": ("src/nt/a.c", HEAD + "int\tx;\n", "src/nt/a.c:3: a tab"),
    "a_missing_licence_line": ("src/nt/a.c", "// A comment.\nint x;\n", "the first line is SPDX"),
    "a_missing_opening_comment": ("src/nt/a.c", "// SPDX-License-Identifier: MIT\nint x;\n", "a file opens with a comment"),
    "wrong_spacing": ("src/nt/a.c", HEAD + "int *x, * y;\n", "format: 'int *x, * y;' would be 'int *x, *y;'"),
    "wrong_indentation": ("src/nt/a.c", HEAD + "void\nnt_a(void)\n{\n  nt_b();\n}\n", "src/nt/a.c:6: format"),
    "a_brace_on_the_wrong_line": ("src/nt/a.c", HEAD + "void\nnt_a(int a)\n{\n    if (a)\n    {\n        nt_b();\n        nt_b();\n    }\n}\n",
                                  "src/nt/a.c:7: format: a brace"),
    "an_else_on_the_wrong_line": ("src/nt/a.c", HEAD + "void\nnt_a(int a)\n{\n    if (a) {\n        nt_b();\n    }\n    else\n        nt_b();\n}\n",
                                  "src/nt/a.c:9: format: a brace"),
    "a_room_without_a_readme": ("src/wire/a.c", HEAD, "src/wire/README.md:1: the room has no README"),
    "a_readme_without_a_head": ("src/nt/README.md", "## Lives here\n", "no head 'Never'"),
    "a_link_that_leads_nowhere": ("README.md", "[x](docs/none.md)\n", "README.md:1: the link docs/none.md leads nowhere"),
    "a_path_that_does_not_exist": ("README.md", "See `src/nt/none.c`.\n", "src/nt/none.c does not exist"),
    "a_function_that_has_gone_from_a_page_of_ways": ("docs/life-of-a-frame.md", "First\n`nt_gone` does it.\n",
                                                     "docs/life-of-a-frame.md:2: nt_gone is no word of the sources"),
    "a_comment_that_cites_a_missing_page": ("src/nt/a.c", HEAD + "// See docs/none.md.\n", "docs/none.md does not exist"),
    "a_place_outside_the_repository": ("README.md", "See /wor" + "k/notes.\n", "the project stands alone"),
    "a_front_door_without_a_row": ("src/nt/ddi_a.c", HEAD + "void\nKeFoo(void)\n{\n}\n", "KeFoo has no row in ddi/nt.ddi"),
    "a_row_that_claims_too_much": ("ddi/nt.ddi", "# SPDX-License-Identifier: MIT\nKeFoo function wdm.h any - full src/nt/ddi_a.c -\n",
                                   "ddi/nt.ddi:2: KeFoo is function refuse in -"),
    "a_row_with_a_wrong_word": ("ddi/nt.ddi", "# SPDX-License-Identifier: MIT\nKeFoo function wdm.h any - done - -\n", "status 'done' is none"),
    "rows_out_of_order": ("ddi/nt.ddi", "# SPDX-License-Identifier: MIT\n" + "".join(
        f"{n} function wdm.h any - refuse - -\n" for n in ("KeFoo", "KeBar")), "rows are not sorted"),
    "an_exception_that_is_not_needed": ("tools/tidy/exceptions.txt", "# SPDX-License-Identifier: MIT\nfile-length src/nt/a.c 1200 why\n",
                                        "file-length src/nt/a.c is not needed any more"),
    "an_exception_without_a_reason": ("tools/tidy/exceptions.txt", "# SPDX-License-Identifier: MIT\nfile-length src/nt/a.c 1200\n",
                                      "an entry has a check, a subject, a limit and a reason"),
}


class TidyTest(unittest.TestCase):
    def setUp(self):
        self.tree = Tree()
        self.addCleanup(self.tree.close)

    def test_a_clean_tree_passes(self):
        self.tree.c("src/base/list.h", "struct list {\n    struct list *next;\n};\n")
        self.tree.c("src/nt/a.c", '#include "base/list.h"\n#include <stdint.h>\n\nvoid\nnt_a(struct list *l,\n       int b)\n{\n    nt_b(l,\n'
                    "         b);\n}\n")
        self.tree.c("src/nt/ddi_a.c", "static void *\nfoo_from(void *handle)\n{\n    return handle;\n}\n\nvoid\nKeFoo(void)\n{\n}\n")
        self.tree.write("docs/life-of-a-frame.md", "`nt_a` does it.\n")
        self.tree.ddi("--sync")
        status, text = self.tree.tidy()
        self.assertEqual((status, "0 findings" in text), (0, True), text)

    def test_an_exception_allows_up_to_its_limit_and_only_just(self):
        body = "void\nnt_a(void)\n{\n" + "    nt_b();\n" * 90 + "}\n"
        self.tree.c("src/nt/a.c", body)
        for limit, message in ((93, "nt_a has 94 lines"), (94, None), (95, "has shrunk to 94")):
            self.tree.write("tools/tidy/exceptions.txt", f"# SPDX-License-Identifier: MIT\nfunction-length src/nt/a.c:nt_a {limit} why\n")
            status, text = self.tree.tidy()
            self.assertEqual(status, 1 if message else 0, text)
            self.assertIn(message or "0 findings", text)


def breach_test(file, text, message):
    def test(self):
        self.tree.write(file, text)
        status, said = self.tree.tidy()
        self.assertIn(message, said)
        self.assertEqual(status, 1)
    return test


for name, breach in BREACHES.items():
    setattr(TidyTest, "test_" + name + "_is_found", breach_test(*breach))

if __name__ == "__main__":
    unittest.main()
