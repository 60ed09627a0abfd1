#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Generates from ddi/*.ddi what the build needs of the DDI table; with --sync it first brings the table up to date.

The table (format: the head of ddi/ndis.ddi) says what Windows has. What we have is read from the sources, never believed:
a function that a file src/**/ddi_*.c defines is ours and gets no door; every other function row gets a door that refuses.
  rows + definitions -> ddi_exports.list   the names a driver may bind to (linker dynamic list)
                     -> ddi_doors.c        one refusing door for each function nobody defines
                     -> ddi_ids.h          enum ddi_id, one id per row, in the order of the table
                     -> ddi_table.c        the rows themselves, sorted by name, for src/verify/ddi_table.h
Every output depends on nothing but these inputs and is written only when it changes.
--sync rewrites the columns file, status and tests of the table, and adds rows for doors that have none.
"""
import argparse
import pathlib
import re
import sys

KINDS = ("function", "callback", "macro", "inline")
STATUSES = ("full", "partial", "refuse", "absent")
WIDTHS = (72, 9, 16, 12, 10, 8, 34)  # of name, kind, header, irql, owns, status, file; tests come last
OWNS = ("-", "takes", "returns", "lends", "gives", "frees")
LEVELS = {"PASSIVE": (0, 0), "APC": (1, 1), "DISPATCH": (2, 2), "DIRQL": (3, 12), "HIGH": (15, 15)}


# A test: TEST(name), or a test folder's own kind of it: NT_TEST(name), NT_TEST_ON(2, name), TEST_TIMEOUT(60, name).
TEST_NAME = re.compile(r"^[A-Z_]*TEST(?:_[A-Z]+)?\(\s*(?:\w+,\s*)?(\w+)\)", re.M)


class Row:
    def __init__(self, name, kind, header="-", irql="-", owns="-", status=None, file="-", tests="-", alias=None):
        self.name, self.kind, self.header, self.irql, self.owns = name, kind, header, irql, owns
        self.status = status or ("refuse" if kind == "function" else "absent")
        self.file, self.tests, self.alias = file, tests, alias
        self.table = self.line = None

    def text(self):
        name = self.name + ("=" + self.alias if self.alias else "")
        fields = (name, self.kind, self.header, self.irql, self.owns, self.status, self.file)
        return " ".join(f.ljust(w) for f, w in zip(fields, WIDTHS)) + " " + self.tests


def irql_range(text):
    """The levels a word of the irql column allows, as (lowest, highest); None if it is no such word."""
    if text in ("-", "any"):
        return 0, 15
    for mark, low, high in (("<=", 0, None), (">=", None, 15), ("", None, None)):
        level = LEVELS.get(text[len(mark):])
        if text.startswith(mark) and level:
            return (level[0] if low is None else low), (level[1] if high is None else high)
    return None


def read_table(path, problems):
    """The comment lines at the head of one table, and its rows."""
    head, rows = [], []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            head.append(line)
            continue
        fields = line.split()
        where = f"{path}:{number}"
        if len(fields) != 8:
            problems.append(f"{where}: a row has 8 fields, this has {len(fields)}")
            continue
        name, _, alias = fields[0].partition("=")
        row = Row(name, *fields[1:], alias=alias or None)
        row.table, row.line = path, number
        if row.kind not in KINDS:
            problems.append(f"{where}: kind '{row.kind}' is none of {' '.join(KINDS)}")
        if row.status not in STATUSES:
            problems.append(f"{where}: status '{row.status}' is none of {' '.join(STATUSES)}")
        if row.owns not in OWNS:
            problems.append(f"{where}: owns '{row.owns}' is none of {' '.join(OWNS)}")
        if irql_range(row.irql) is None:
            problems.append(f"{where}: irql '{row.irql}' is no level (see the head of ddi/ndis.ddi)")
        rows.append(row)
    return head, rows


def definitions_in(text):
    """(name, line) of each top-level definition with its return type on the line before."""
    lines = text.split("\n")
    for i, line in enumerate(lines):
        found = re.match(r"([A-Za-z_]\w*)\(", line)
        before = lines[i - 1].strip() if i else ""
        if not found or not before or before.startswith(("#", "//", "*")) or before.endswith((";", "}", "*/", "\\", ",")):
            continue
        rest = re.match(r"[^;{]*([;{])", "\n".join(lines[i:i + 30]))
        if rest and rest.group(1) == "{":
            yield found.group(1), i + 1


def find_doors(source):
    """name -> (file, line) of every front door, and of every variable that a driver may import."""
    doors, problems = {}, []
    for path in sorted((source / "src").glob("**/ddi_*.c")):
        file = path.relative_to(source).as_posix()
        text = path.read_text()
        found = list(definitions_in(text))
        for match in re.finditer(r"^(?!static|extern|typedef|return|#)[A-Za-z][\w *]*?\b([A-Z][a-z]\w*)(\[\d*\])? = ", text, re.M):
            found.append((match.group(1), text.count("\n", 0, match.start()) + 1))
        for name, line in found:
            if name in doors:
                problems.append(f"{file}:{line}: {name} is defined here and in {doors[name][0]}:{doors[name][1]}")
            elif name != name.lower() or name.startswith("_"):   # vDbgPrintEx begins small, _vsnprintf is
                doors[name] = (file, line)
    return doors, problems


def find_header_names(source):
    """name -> file of every macro and inline function in include/ddk."""
    names = {}
    for path in sorted((source / "include/ddk").glob("**/*.h")):
        file = path.relative_to(source).as_posix()
        text = path.read_text()
        for match in re.finditer(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", text, re.M):
            names.setdefault(match.group(1), (file, "macro"))
        pattern = r"^(?:FORCEINLINE|static|NDIS_INLINE|inline|CFORCEINLINE)\b[^;{}()#]*?\b(\w+)\([^;{]*\{"
        for match in re.finditer(pattern, text, re.M):
            names[match.group(1)] = (file, "inline")
        for name in re.findall(r"^NBX_INTSAFE_\w+\((\w+),", text, re.M):
            names[name] = (file, "inline")
        for name in re.findall(r"^(?:FORCEINLINE|static)\b.*?\bNBX_NAME\((\w+)\)\(", text, re.M):
            names[name + "A"] = names[name + "W"] = (file, "inline")
    return names


def find_tests(source):
    return sorted({name for path in sorted((source / "tests").glob("**/*.c"))
                   for name in TEST_NAME.findall(path.read_text())})


def read_usage(source):
    """name -> how many of 20 public driver trees use it (docs/facts/usage.tsv)."""
    path = source / "docs/facts/usage.tsv"
    lines = path.read_text().splitlines()[1:] if path.exists() else []
    return {fields[0]: int(fields[3]) for fields in (line.split("\t") for line in lines)}


def find_callback_fields(source):
    """type of a callback -> names of the members that hold a pointer to it: FILTER_ATTACH -> {AttachHandler}."""
    text = "\n".join(p.read_text() for p in sorted((source / "include/ddk").glob("**/*.h")))
    pointers = {}
    for kind, pointer in re.findall(r"^typedef (\w+) ?\* ?\(?(\w+)\)?;", text, re.M):
        pointers.setdefault(pointer, set()).add(kind)
    fields = {}
    for pointer, field in re.findall(r"^[ ]+(\w+) \*?(\w+);", text, re.M):
        for kind in pointers.get(pointer, {pointer}):
            fields.setdefault(kind, set()).add(field)
    return fields


def is_callback_used(source, row, fields):
    """Whether the file that the row names speaks of the type, of a member that holds it, or of the name of the call."""
    path = source / row.file
    if row.file == "-" or not path.is_file():
        return False
    text = path.read_text()
    return row.name in text or (row.alias and f'"{row.alias}"' in text) or any(re.search(rf"\b{field}\b", text) for field in fields.get(row.name, ()))


def is_callback_refused(source, row):
    """Whether the file that the row names refuses drivers, and speaks of the type or, as in PROTOCOL_CL_*, of how it begins."""
    path = source / row.file
    text = path.read_text() if row.file != "-" and path.is_file() else ""
    return "verify_refused_call(" in text and (re.search(rf"\b{row.name}\b", text) is not None
                                               or any(row.name.startswith(start) for start in re.findall(r"\b([A-Z_]{4,}_)\*", text)))


def update(source, rows, doors, headers):
    """Sets status and file of each row to what the sources show."""
    fields = find_callback_fields(source)
    for row in rows:
        had = row.status if row.status in ("full", "partial") else "partial"
        if row.name in doors:
            row.status, row.file = had, doors[row.name][0]
            row.kind = "function" if row.kind in ("macro", "inline") else row.kind
        elif row.kind == "callback":
            if row.status in ("full", "partial") and not is_callback_used(source, row, fields) \
                    or row.status == "refuse" and not is_callback_refused(source, row):
                row.status, row.file = "absent", "-"
        elif row.name in headers:
            row.status, row.file = had, headers[row.name][0]
            if row.kind == "function" and headers[row.name][1] == "inline":
                row.kind = "inline"
        else:
            row.status, row.file = ("refuse" if row.kind == "function" else "absent"), "-"


def name_tests(rows, tests):
    """Gives each row the tests whose names start with its name or its other name; the longest name wins."""
    owner = {}
    for row in rows:
        for name in filter(None, (row.name, row.alias)):
            owner[name] = row
    found = {}
    for test in tests:
        parts = test.split("_")
        for n in range(len(parts), 0, -1):
            row = owner.get("_".join(parts[:n]))
            if row:
                found.setdefault(row.name, []).append(test)
                break
    for row in rows:
        row.tests = ",".join(found.get(row.name, ())) or "-"
        if row.status == "full" and row.tests == "-":
            row.status = "partial"


def table_for(source, file):
    room = file.split("/")[1]
    return source / "ddi" / (room + ".ddi" if room in ("chimney", "ndis", "tdi") else "nt.ddi")


def write(path, text):
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def c_string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def generate(out, rows, doors, usage):
    note = "Generated by tools/gen/ddi.py from ddi/*.ddi. Do not edit."
    functions = [r for r in rows if r.kind == "function"]
    given = {r.alias for r in rows if r.kind == "callback"}   # doors that NDIS gives the address of: no driver links to them
    exports = sorted({r.name for r in functions} | set(doors) - given)
    write(out / "ddi_exports.list", "/* %s */\n{\n%s    nbx_*;\n};\n" % (note, "".join(f"    {n};\n" for n in exports)))

    refused = [r.name for r in functions if r.name not in doors and r.status == "refuse"]
    write(out / "ddi_doors.c", f"// SPDX-License-Identifier: MIT\n// {note}\n// No DDK header is included, so that a door "
          "needs no prototype: it never returns, so its arguments do not matter.\n#include \"verify/refuse.h\"\n\n"
          "#if defined(__x86_64__)\n#define DOOR __attribute__((ms_abi, noinline, noreturn)) void\n#else\n"
          "#define DOOR __attribute__((noinline, noreturn)) void\n#endif\n\n"
          + "".join(f"DOOR {n}(void) {{ verify_refused_call_from({c_string(n)}, __builtin_return_address(0)); }}\n" for n in refused))

    write(out / "ddi_ids.h", f"// SPDX-License-Identifier: MIT\n// {note}\n#pragma once\n\nenum ddi_id {{\n"
          + "".join(f"    DDI_{r.name},\n" for r in rows) + "    DDI_COUNT\n};\n")

    lines = []
    for r in rows:
        low, high = irql_range(r.irql)
        file = c_string(r.file) if r.file != "-" else "0"
        tests = c_string(r.tests) if r.tests != "-" else "0"
        alias = c_string(r.alias) if r.alias else "0"
        lines.append(f"    {{{c_string(r.name)}, {alias}, {c_string(r.family)}, {c_string(r.header)}, {c_string(r.irql)}, "
                     f"{c_string(r.owns)}, {file}, {tests}, DDI_KIND_{r.kind.upper()}, DDI_STATUS_{r.status.upper()}, {low}, {high}, "
                     f"{usage.get(r.name, 0)}}},\n")
    write(out / "ddi_table.c", f"// SPDX-License-Identifier: MIT\n// {note}\n#include \"verify/ddi_table.h\"\n\n"
          "const struct ddi_row ddi_rows[DDI_COUNT] = {\n" + "".join(lines) + "};\n")


COVERAGE = ("<!-- coverage: written by tools/gen/ddi.py --sync -->\n", "<!-- /coverage -->\n")


def coverage(source, rows):
    """The table for README.md: rows by kind and status, and how much of what public drivers use is full."""
    lines = ["| | " + " | ".join(STATUSES) + " |", "|---" * (len(STATUSES) + 1) + "|"]
    for family, word in (("ndis", "NDIS"), ("nt", "executive"), ("tdi", "TDI"), ("chimney", "TCP chimney"), ("ndk", "NDK")):
        for kinds, what in ((("function",), "functions"), (("callback",), "callbacks"), (("macro", "inline"), "macros and inline functions")):
            own = [r for r in rows if r.family == family and r.kind in kinds]
            if family in ("tdi", "chimney", "ndk") and not own:
                continue
            lines.append(f"| {word}: {what} | " + " | ".join(str(sum(r.status == s for r in own)) for s in STATUSES) + " |")
    status = {name: r.status for r in rows for name in filter(None, (r.name, r.alias))}
    names = []
    usage = source / "docs/facts/usage.tsv"
    for line in usage.read_text().splitlines()[1:] if usage.exists() else ():
        name, family, _, drivers, _ = line.split("\t")
        if family in ("ndis-core", "nt-exec") and int(drivers) >= 2:
            names.append(name)
    full = sum(status.get(n) == "full" for n in names)
    lines += ["", f"Of the {len(names)} names of NDIS and the executive that two or more of 20 public driver trees use "
              f"([docs/facts/usage.tsv](docs/facts/usage.tsv)), {full} are full."]
    return "\n".join(lines) + "\n"


def coverage_in(text, table):
    """The text with the table between its marks; None if it has no marks."""
    before, mark, rest = text.partition(COVERAGE[0])
    _, end, after = rest.partition(COVERAGE[1])
    return before + mark + table + end + after if mark and end else None


def load(source):
    """Everything known about the table: (tables, rows sorted by name, doors, headers, problems)."""
    problems, tables, rows, seen = [], {}, [], {}
    for path in sorted((source / "ddi").glob("*.ddi")):
        head, own = read_table(path, problems)
        tables[path] = head
        for row in own:
            row.family = path.stem
            for name in filter(None, (row.name, row.alias)):
                if name in seen:
                    problems.append(f"{path}:{row.line}: {name} is also a row of {seen[name].table.name}:{seen[name].line}")
                seen[name] = row
            rows.append(row)
    doors, more = find_doors(source)
    problems += more
    for name, (file, line) in doors.items():
        if name not in seen:
            row = Row(name, "function", status="partial", file=file)
            row.table, row.family = table_for(source, file), table_for(source, file).stem
            rows.append(row)
    rows.sort(key=lambda r: r.name)
    return tables, rows, doors, find_header_names(source), problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--source", type=pathlib.Path, required=True, help="the root of the repository")
    parser.add_argument("--out", type=pathlib.Path, help="where the generated files go")
    parser.add_argument("--sync", action="store_true", help="rewrite ddi/*.ddi from what the sources and tests show")
    args = parser.parse_args()
    tables, rows, doors, headers, problems = load(args.source)
    if problems:
        sys.exit("\n".join(problems))
    update(args.source, rows, doors, headers)
    if args.sync:
        name_tests(rows, find_tests(args.source))
        for path, head in tables.items():
            own = sorted((r for r in rows if r.table == path), key=lambda r: r.name)
            write(path, "\n".join(head + [r.text().rstrip() for r in own]) + "\n")
        readme = args.source / "README.md"
        text = coverage_in(readme.read_text(), coverage(args.source, rows)) if readme.exists() else None
        if text:
            write(readme, text)
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        generate(args.out, rows, doors, read_usage(args.source))


if __name__ == "__main__":
    main()
