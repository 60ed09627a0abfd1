#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The harness of the C tests (tests/harness) on a program made for it: what passes, what fails, and what only seems to pass."""
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = """
#include <unistd.h>
#include "harness/harness.h"
TEST(passes) { ck_assert_int_eq(1, 1); }
TEST(returns_early) { return; }
TEST(fails) { ck_assert_int_eq(1, 2); }
TEST(leaves_with_0) { _exit(0); }
TEST(leaves_with_3) { _exit(3); }
"""


class Harness(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        source, cls.program = pathlib.Path(cls.folder.name) / "program_test.c", pathlib.Path(cls.folder.name) / "program"
        source.write_text(PROGRAM)
        check = subprocess.run(["pkg-config", "--cflags", "--libs", "check"], check=True, capture_output=True, text=True).stdout.split()
        subprocess.run(["clang-19", "-D_GNU_SOURCE", "-I", ROOT / "tests", source, ROOT / "tests/harness/harness.c", "-o", cls.program, *check],
                       check=True, timeout=60)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def run_it(self, *names):
        done = subprocess.run([self.program, *names], capture_output=True, text=True, timeout=60,
                              env={k: v for k, v in os.environ.items() if not k.startswith("NBX_TEST")})
        return done.returncode, done.stdout

    def test_a_test_that_comes_to_its_end_passes(self):
        self.assertEqual(self.run_it("passes", "returns_early")[0], 0)

    def test_an_assertion_and_a_bad_exit_fail(self):
        for name in ("fails", "leaves_with_3"):
            self.assertEqual(self.run_it(name)[0], 1, name)

    def test_a_child_that_leaves_with_0_before_the_end_has_failed_and_is_named(self):
        code, text = self.run_it("leaves_with_0", "passes")
        self.assertEqual(code, 1)
        self.assertIn("leaves_with_0: its process ended with 0 before the test did", text)
        self.assertIn("2 tests, 1 failed", text)

    def test_nothing_that_matches_is_no_success(self):
        self.assertEqual(self.run_it("nobody")[0], 2)


if __name__ == "__main__":
    unittest.main()
