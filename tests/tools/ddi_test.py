#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The generator of the DDI table: what counts as a front door, what gets a refusing door, and what --sync writes."""
import unittest

from tree import HEAD, Tree

TABLE = "# SPDX-License-Identifier: MIT\n" + "".join(line + "\n" for line in (
    "CB_TYPE=CbName callback wdm.h any - absent - -",
    "KeBar function wdm.h <=DISPATCH - refuse - -",
    "KeFoo function wdm.h PASSIVE - refuse - -",
    "KeMacro macro wdm.h any - absent - -",
))


class DdiTest(unittest.TestCase):
    def setUp(self):
        self.tree = Tree()
        self.addCleanup(self.tree.close)
        self.tree.write("ddi/nt.ddi", TABLE)

    def generate(self, *words):
        status, text = self.tree.ddi("--out", "out", *words)
        self.assertEqual(status, 0, text)
        return {name: self.tree.read(f"out/ddi_{name}") for name in ("exports.list", "doors.c", "ids.h", "table.c")}

    def row(self, name):
        return next(line.split() for line in self.tree.read("ddi/nt.ddi").splitlines() if line.startswith(name))

    def test_a_function_without_definition_gets_a_door_and_is_exported(self):
        out = self.generate()
        self.assertIn('KeFoo(void) { verify_refused_call_from("KeFoo"', out["doors.c"])
        self.assertIn("    KeFoo;\n", out["exports.list"])
        self.assertNotIn("KeMacro", out["doors.c"] + out["exports.list"])
        self.assertNotIn("CB_TYPE", out["doors.c"] + out["exports.list"])

    def test_a_defined_function_gets_no_door_and_stays_exported(self):
        self.tree.c("src/nt/ddi_a.c", "NTAPI VOID\nKeFoo(PVOID a,\n      PVOID b)\n{\n}\n")
        out = self.generate()
        self.assertNotIn("KeFoo", out["doors.c"])
        self.assertIn("KeBar", out["doors.c"])
        self.assertIn("    KeFoo;\n", out["exports.list"])

    def test_prototypes_calls_and_other_files_do_not_count_as_definitions(self):
        self.tree.c("src/nt/ddi_a.c", "NTAPI VOID\nKeFoo(PVOID a);\n\n// KeFoo is elsewhere\nKeFoo(PVOID a) {\n")
        self.tree.c("src/nt/other.c", "NTAPI VOID\nKeBar(void)\n{\n}\n")
        out = self.generate()
        self.assertIn("KeFoo", out["doors.c"])
        self.assertIn("KeBar", out["doors.c"])

    def test_two_definitions_of_a_name_are_refused(self):
        for file in ("a", "b"):
            self.tree.c(f"src/nt/ddi_{file}.c", "VOID\nKeFoo(void)\n{\n}\n")
        status, text = self.tree.ddi("--out", "out")
        self.assertEqual(status, 1)
        self.assertIn("src/nt/ddi_b.c:4: KeFoo is defined here and in src/nt/ddi_a.c:4", text)

    def test_a_variable_of_a_front_door_file_is_exported(self):
        self.tree.c("src/nt/ddi_a.c", "POBJECT_TYPE *IoFileObjectType = &nt_file_type;\n")
        self.assertIn("    IoFileObjectType;\n", self.generate()["exports.list"])

    def test_sync_writes_file_status_and_tests_and_takes_them_back(self):
        self.tree.c("src/nt/ddi_a.c", "VOID\nKeFoo(void)\n{\n}\n")
        self.tree.c("tests/unit/nt/a_test.c", "TEST(KeFoo_does_it)\n{\n}\nTEST_TIMEOUT(30, KeFoo_again)\n{\n}\nTEST(KeFoobar)\n{\n}\n"
                    "NT_TEST(KeBar_a)\n{\n}\nNT_TEST_ON(2, KeBar_b)\n{\n}\n")
        self.generate("--sync")
        self.assertEqual(self.row("KeFoo")[5:], ["partial", "src/nt/ddi_a.c", "KeFoo_again,KeFoo_does_it"])
        self.assertEqual(self.row("KeBar")[7], "KeBar_a,KeBar_b")
        (self.tree.root / "src/nt/ddi_a.c").unlink()
        self.generate("--sync")
        self.assertEqual(self.row("KeFoo")[5:7], ["refuse", "-"])

    def test_sync_keeps_full_only_while_a_test_carries_it(self):
        self.tree.c("src/nt/ddi_a.c", "VOID\nKeFoo(void)\n{\n}\n")
        self.tree.c("tests/unit/nt/a_test.c", "TEST(KeFoo_does_it)\n{\n}\n")
        self.tree.write("ddi/nt.ddi", TABLE.replace("KeFoo function wdm.h PASSIVE - refuse", "KeFoo function wdm.h PASSIVE takes full"))
        self.generate("--sync")
        self.assertEqual(self.row("KeFoo")[3:6], ["PASSIVE", "takes", "full"])
        (self.tree.root / "tests/unit/nt/a_test.c").unlink()
        self.generate("--sync")
        self.assertEqual(self.row("KeFoo")[5], "partial")

    def test_a_callback_counts_its_tests_under_both_names(self):
        self.tree.c("tests/unit/nt/a_test.c", "TEST(CbName_is_called)\n{\n}\nTEST(CB_TYPE_is_called)\n{\n}\n")
        self.generate("--sync")
        self.assertEqual(self.row("CB_TYPE")[7], "CB_TYPE_is_called,CbName_is_called")

    def test_a_callback_stays_partial_only_while_its_file_calls_it(self):
        self.tree.write("include/ddk/wdm.h", HEAD + "typedef VOID NTAPI CB_TYPE(VOID);\ntypedef CB_TYPE *CB_HANDLER;\nstruct x {\n"
                        "    CB_HANDLER NameHandler;\n};\n")
        self.tree.c("src/nt/a.c", "void\nnt_a(struct x *x)\n{\n    x->NameHandler();\n}\n")
        self.tree.write("ddi/nt.ddi", TABLE.replace("any - absent - -\nKeBar", "any - partial src/nt/a.c -\nKeBar"))
        self.generate("--sync")
        self.assertEqual(self.row("CB_TYPE")[5:7], ["partial", "src/nt/a.c"])
        self.tree.c("src/nt/a.c", "")
        self.generate("--sync")
        self.assertEqual(self.row("CB_TYPE")[5:7], ["absent", "-"])

    def test_a_callback_stays_refused_only_while_its_file_refuses_what_holds_it(self):
        for text, status in (('"CB_TYPE"', "absent"), ("verify_refused_call(1)", "absent"), ("verify_refused_call(1) // CB_TYPES", "absent"),
                             ("verify_refused_call(1) // CB_TYPE, X", "refuse"), ("verify_refused_call(1) // CB_TY_*", "absent")):
            self.tree.write("ddi/nt.ddi", TABLE.replace("absent - -", "refuse src/nt/a.c -", 1))
            self.tree.c("src/nt/a.c", text + "\n")
            self.generate("--sync")
            self.assertEqual(self.row("CB_TYPE")[5], status, text)
        row = TABLE.replace("CB_TYPE=CbName callback wdm.h any - absent - -", "CB_TYPE=CbName callback wdm.h any - absent - -\n"
                            "CO_PART_ONE=CoPartOne callback wdm.h any - refuse src/nt/a.c -")
        self.tree.write("ddi/nt.ddi", row)
        self.tree.c("src/nt/a.c", "verify_refused_call(1) // CO_PART_*\n")
        self.generate("--sync")
        self.assertEqual(self.row("CO_PART_ONE")[5], "refuse")

    def test_sync_adds_a_row_for_a_door_without_one(self):
        self.tree.c("src/nt/ddi_a.c", "VOID\nKeNew(void)\n{\n}\n")
        self.generate("--sync")
        self.assertEqual(self.row("KeNew"), ["KeNew", "function", "-", "-", "-", "partial", "src/nt/ddi_a.c", "-"])

    def test_sync_writes_the_coverage_between_its_marks_and_nothing_else(self):
        marks = "<!-- coverage: written by tools/gen/ddi.py --sync -->\n", "<!-- /coverage -->\n"
        self.tree.write("README.md", "before\n" + marks[0] + "old\n" + marks[1] + "after\n")
        self.tree.write("docs/facts/usage.tsv", "name\tfamily\tkind\tdrivers\ttotal\nKeFoo\tnt-exec\tfunction\t2\t9\n"
                        "KeBar\tnt-exec\tfunction\t1\t9\nTdiX\ttdi\tfunction\t5\t9\n")
        self.generate("--sync")
        text = self.tree.read("README.md")
        self.assertTrue(text.startswith("before\n" + marks[0]) and text.endswith(marks[1] + "after\n"), text)
        self.assertIn("| executive: functions | 0 | 0 | 2 | 0 |", text)
        self.assertIn("Of the 1 names", text)
        self.assertIn(" 0 are full.", text)
        self.assertNotIn("old", text)

    def test_a_readme_without_marks_stays_as_it_is(self):
        self.tree.write("README.md", "mine\n")
        self.generate("--sync")
        self.assertEqual(self.tree.read("README.md"), "mine\n")

    def test_what_a_header_defines_gets_no_door(self):
        self.tree.write("include/ddk/wdm.h", HEAD + "#define KeMacro(x) (x)\nFORCEINLINE VOID\nKeFoo(VOID)\n{\n}\n")
        self.assertNotIn("KeFoo", self.generate("--sync")["doors.c"])
        self.assertEqual((self.row("KeFoo")[1], self.row("KeFoo")[5]), ("inline", "partial"))
        self.assertEqual(self.row("KeMacro")[5:7], ["partial", "include/ddk/wdm.h"])

    def test_outputs_that_do_not_change_are_not_written(self):
        self.generate()
        times = {p: p.stat().st_mtime_ns for p in (self.tree.root / "out").iterdir()}
        self.generate()
        self.assertEqual(times, {p: p.stat().st_mtime_ns for p in (self.tree.root / "out").iterdir()})

    def test_bad_rows_are_refused_with_their_place(self):
        for row, message in (("KeX function wdm.h sometimes - refuse - -", "irql 'sometimes'"), ("KeX thing wdm.h any - refuse - -", "kind 'thing'"),
                             ("KeX function wdm.h any", "8 fields"), ("KeFoo function wdm.h any - refuse - -", "KeFoo is also a row")):
            self.tree.write("ddi/ndis.ddi", "# SPDX-License-Identifier: MIT\n" + row + "\n")
            status, text = self.tree.ddi("--out", "out")
            self.assertEqual(status, 1)
            self.assertIn(message, text)


if __name__ == "__main__":
    unittest.main()
