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


if __name__ == "__main__":
    unittest.main()
