#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What ./dev does before it does anything: usage, and packages that are missing, with made-up dpkg-query and apt-get."""
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class DevTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.bin = pathlib.Path(self.folder.name)

    def shim(self, name, body):
        path = self.bin / name
        path.write_text("#!/bin/bash\n" + body + "\n")
        path.chmod(0o755)

    def dev(self, *words):
        env = dict(os.environ, PATH=f"{self.bin}:{os.environ['PATH']}")
        done = subprocess.run([str(ROOT / "dev"), *words], env=env, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    def test_an_unknown_verb_is_bad_usage(self):
        for words in ((), ("dance",)):
            status, _, err = self.dev(*words)
            self.assertEqual(status, 2)
            self.assertIn("usage: ./dev", err)

    def test_help_is_no_error(self):
        status, out, _ = self.dev("--help")
        self.assertEqual(status, 0)
        for verb in ("demo", "test", "build", "bench", "tidy", "format", "mutate", "fuzz", "clean"):
            self.assertIn(f"\n  {verb} ", out)

    @unittest.skipUnless("\nID=debian" in "\n" + pathlib.Path("/etc/os-release").read_text(), "not Debian")
    def test_no_install_lists_what_is_missing_and_exits_3(self):
        self.shim("dpkg-query", 'case "${@: -1}" in cmake | python3) echo not-installed ;; *) echo installed ;; esac')
        self.shim("apt-get", f"touch {self.bin}/called; exit 0")
        status, _, err = self.dev("--no-install", "build")
        self.assertEqual(status, 3)
        self.assertEqual(err, "dev: missing packages: cmake python3\n")
        self.assertFalse((self.bin / "called").exists())

    @unittest.skipUnless("\nID=debian" in "\n" + pathlib.Path("/etc/os-release").read_text(), "not Debian")
    def test_only_what_is_missing_is_installed_and_a_failure_exits_3(self):
        self.shim("dpkg-query", '[ "${@: -1}" = clang-format-19 ] && exit 1; echo installed')
        self.shim("sudo", 'exec "$@"')
        self.shim("apt-get", f'echo "$@" >>{self.bin}/calls; [ "$1" = update ]')
        status, _, err = self.dev("tidy")
        self.assertEqual(status, 3)
        calls = (self.bin / "calls").read_text().splitlines()
        self.assertEqual(calls[0].split()[0], "update")
        self.assertEqual([w for w in calls[1].split() if not w.startswith("-")], ["install", "clang-format-19"])
        self.assertIn("could not install: clang-format-19", err)


if __name__ == "__main__":
    unittest.main()
