#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What dev mutate makes of a front door: only the body of the named function goes, and zero of the right type comes back."""
import importlib.util
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

    def test_a_call_between_enter_and_leave_is_left_out(self):
        text = ('const char *name = up ? "FilterFoo" : "FilterBar";\nx = ke_driver_enter(self, image, name);\nroute.foo(a);\n'
                "ke_driver_leave(self, x);\n")
        self.assertNotIn("route.foo", mutate.without_calls(text, "FilterBar"))
        self.assertIn("route.foo", mutate.without_calls(text, "FilterBaz"))


if __name__ == "__main__":
    unittest.main()
