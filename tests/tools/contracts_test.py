#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The contracts (docs/contracts) against the tests: what a table names as a test is one; in the table of RFC 9293 every requirement has
its row, every MUST and MUST NOT a test that shows it, every SHOULD and SHOULD NOT a test or an argument."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEST = re.compile(r"^\s*[A-Z_]*TEST[A-Z_]*\(\s*(?:\w+\s*,\s*)?(\w+)\s*(?:,\s*\"[^)]*)?\)", re.M)
TICKED = re.compile(r"`(\w+)`")
NOT_MET = "**not met.**"
# What Appendix B of RFC 9293 has numbers for. REC-1 is its one recommendation; SHLD-14 to 17 and so on are all there.
NUMBERS = {f"MUST-{i}" for i in range(1, 70)} | {f"SHLD-{i}" for i in range(1, 32)} | {f"MAY-{i}" for i in range(1, 19)}


def tests():
    names = set()
    for path in (ROOT / "tests").rglob("*.c"):
        names.update(TEST.findall(path.read_text()))
    return names


def is_sentence(word):
    return word.count("_") >= 2 and any(part.islower() for part in word.split("_"))


def table(text):
    """(number, level, requirement, shown by) of each row."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and re.fullmatch(r"(MUST|SHLD|MAY|REC)-\d+", cells[0]):
            yield cells


class ContractsTest(unittest.TestCase):
    def setUp(self):
        self.tests = tests()
        self.assertGreater(len(self.tests), 1000)
        self.rfc9293 = (ROOT / "docs/contracts/rfc9293.md").read_text()

    def test_every_test_that_a_contract_names_exists(self):
        missing, named = [], 0
        for path in sorted((ROOT / "docs/contracts").glob("*.md")):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                for word in filter(is_sentence, TICKED.findall(line)):
                    named += 1
                    if word not in self.tests:
                        missing.append(f"{path.name}:{number}: {word}")
        self.assertGreater(named, 150)
        self.assertEqual(missing, [])

    def test_every_requirement_of_rfc_9293_has_a_row(self):
        rows = [row[0] for row in table(self.rfc9293)]
        self.assertEqual(len(rows), 126)
        self.assertEqual(NUMBERS - set(rows), set())
        self.assertEqual(set(rows) - NUMBERS, {"REC-1"})

    def test_every_must_has_a_test_and_every_should_a_test_or_an_argument(self):
        shown, bare, unmet = False, [], []
        for number, level, requirement, by in table(self.rfc9293):
            has_test = any(word in self.tests for word in TICKED.findall(by))
            # "the same" stands for the row before, which must have had one itself.
            has_test = has_test or ("the same" in by and shown)
            shown = has_test
            if NOT_MET in by:
                unmet.append(number)
            elif number.startswith("MUST") and not has_test:
                bare.append(f"{number} {requirement}: {by}")
            elif number.startswith("SHLD") and not has_test and len(by) < 20:
                bare.append(f"{number} {requirement}: {by}")
        self.assertEqual(bare, [])
        self.assertEqual(unmet, [])


if __name__ == "__main__":
    unittest.main()
