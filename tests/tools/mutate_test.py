#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What dev mutate makes of a front door: only the body of the named function goes, and zero of the right type comes back. Of a slot of a
table of functions: the function that a driver has in it."""
import importlib.util
import pathlib
import tempfile
import types
import unittest

from tree import ROOT

spec = importlib.util.spec_from_file_location("mutate", ROOT / "tools/mutate/mutate.py")
mutate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(mutate)

SOURCE = """// SPDX-License-Identifier: MIT
#include <x.h>

NTAPI VOID
KeFoo(PVOID a)
{
    KeBar(a, 0);
}

NTAPI PVOID
KeBar(PVOID a,
      ULONG b)
{
    if (a) {
        return a;
    }
    return 0;
}
"""


class MutateTest(unittest.TestCase):
    def test_a_void_function_becomes_empty(self):
        text = mutate.mutated(SOURCE, "KeFoo")
        self.assertIn("KeFoo(PVOID a)\n{\n\n}", text)
        self.assertIn("return a;", text)

    def test_another_function_returns_zero_of_its_type(self):
        text = mutate.mutated(SOURCE, "KeBar")
        self.assertIn("static PVOID mutant_zero;\n    return mutant_zero;\n}", text)
        self.assertNotIn("return a;", text)
        self.assertIn("KeBar(a, 0);", text)

    def test_a_name_that_is_only_called_is_not_found(self):
        self.assertIsNone(mutate.mutated("VOID\nKeFoo(void)\n{\n    KeBar(0);\n}\n", "KeBar"))

    def test_a_callbacks_call_is_left_out(self):
        text = 'a = NDIS_CALL(image, "FilterFoo", f->Foo(x, (y)));\nNDIS_CALL_VOID(image, "FilterBar", f->Bar());\n'
        self.assertEqual(mutate.without_calls(text, "FilterFoo"), 'a = 0;\nNDIS_CALL_VOID(image, "FilterBar", f->Bar());\n')
        self.assertIn("((void)0);", mutate.without_calls(text, "FilterBar"))
        self.assertEqual(mutate.without_calls(text, "FilterBaz"), text)

    def test_an_answer_that_is_looked_at_is_taken_for_success(self):
        text = 'a = TDIC_CALL("ClientEventFoo", T, f, (x));\n(void)TDIC_CALL("ClientEventBar", T, g);\n'
        self.assertEqual(mutate.answers_ignored(text, "ClientEventFoo"), text.replace("TDIC_CALL(\"ClientEventFoo\", T, f, (x))",
                         "(TDIC_CALL(\"ClientEventFoo\", T, f, (x)), 0)"))
        self.assertEqual(mutate.answers_ignored(text, "ClientEventBar"), text)
        self.assertIn("a = 0;", mutate.without_calls(text, "ClientEventFoo"))
        self.assertIn("(void)0;", mutate.without_calls(text, "ClientEventBar"))

    def test_a_call_between_enter_and_leave_is_left_out(self):
        text = ('const char *name = up ? "FilterFoo" : "FilterBar";\nx = ke_driver_enter(self, image, name);\nroute.foo(a);\n'
                "ke_driver_leave(self, x);\n")
        self.assertNotIn("route.foo", mutate.without_calls(text, "FilterBar"))
        self.assertIn("route.foo", mutate.without_calls(text, "FilterBaz"))

    def test_a_slots_function_is_changed_where_a_driver_fills_the_slot(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            files = {
                "include/ddk/kit.h": "typedef int (*KIT_GO)(void);\nstruct _KIT_A_DISPATCH {\n    KIT_GO Go;\n    KIT_END End;\n};\n"
                                     "typedef struct _KIT_B_DISPATCH {\n    KIT_GO GoB;\n} KIT_B;\nstruct other {\n    KIT_GO NoSlot;\n};\n",
                "drivers/one/a.c": "static NTAPI NTSTATUS\ngo(void)\n{\n    return 1;\n}\n\n"
                                   "const KIT_A_DISPATCH a = {\n    .Go = go,\n    .End = end,\n};\nconst KIT_B_DISPATCH b = {.GoB = shared};\n"
                                   "const KIT_C_DISPATCH c = {.Go = end};\n",
                "drivers/one/b.c": "static NTAPI VOID\ngo(void)\n{\n    other();\n}\n",
                "drivers/one_common/c.c": "NTAPI NTSTATUS\nshared(void)\n{\n    return 2;\n}\n",
            }
            for name, text in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            slots = mutate.slots_of(root, types.SimpleNamespace(name="KIT_GO", header="kit.h"))
            self.assertEqual(slots, [("KIT_A_DISPATCH", "Go"), ("KIT_B_DISPATCH", "GoB")])
            mutants = dict(mutate.slot_mutants(root, slots))
            self.assertEqual(sorted(mutants), ["drivers/one/a.c", "drivers/one_common/c.c"])
            self.assertIn("static NTSTATUS mutant_zero;\n    return mutant_zero;\n}\n\nconst KIT_A_DISPATCH", mutants["drivers/one/a.c"])
            self.assertNotIn("return 2;", mutants["drivers/one_common/c.c"])
            self.assertEqual(mutate.slots_of(root, types.SimpleNamespace(name="KIT_GO", header="-")), [])

    def test_a_slot_whose_function_is_nowhere_is_not_passed_over(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "drivers/one").mkdir(parents=True)
            (root / "drivers/one/a.c").write_text("const KIT_A_DISPATCH a = {.Go = go};\n")
            self.assertEqual(mutate.slot_mutants(root, [("KIT_A_DISPATCH", "Go")]), [("drivers/one/a.c", None)])

    def test_a_macro_gives_a_zero_of_its_type_where_that_compiles(self):
        text = mutate.header_mutants("#define X_FOO(_A) \\\n    ((_A)->Foo)\n#define X_FOO_BAR 1\n", "X_FOO")[0]
        self.assertTrue(text.startswith(mutate.SCRATCH))
        self.assertIn("#define X_FOO(_A) (*(__typeof__(((_A)->Foo)) *)nbx_mutant)\n#define X_FOO_BAR 1\n", text)

    def test_a_macro_that_is_a_statement_does_nothing(self):
        texts = mutate.header_mutants("#define X_PUT(_A, _V) \\\n    do { \\\n        (_A) = (_V); \\\n    } while (0)\nint x;\n", "X_PUT")
        self.assertEqual([t.removeprefix(mutate.SCRATCH) for t in texts], ["#define X_PUT(_A, _V) do { } while (0)\nint x;\n"])

    def test_an_inline_function_gives_a_zero_of_its_type(self):
        header = "\nFORCEINLINE VOID\nXPut(int *a)\n{\n    *a = 1;\n}\n\nFORCEINLINE PVOID\nXGet(void)\n{\n    return 0;\n}\n"
        self.assertIn("XPut(int *a)\n{\n}\n", mutate.header_mutants(header, "XPut")[0])
        self.assertIn("XGet(void)\n{\n    return *(__typeof__(PVOID) *)nbx_mutant;\n}\n", mutate.header_mutants(header, "XGet")[0])

    def test_a_macro_without_a_body_cannot_be_changed(self):
        self.assertEqual(mutate.header_mutants("#define X_NOTHING(type)\n", "X_NOTHING"), [])

if __name__ == "__main__":
    unittest.main()
