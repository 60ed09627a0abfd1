#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`dev tidy`: keeps the plan of the house true. Prints FILE:LINE: message for each breach; exit 1 if there is one.

Checks: who may include whom (docs/map.md), the seam (no clock, thread or random call outside host), one definition per DDI name and
CamelCase only in front doors, sizes, SPDX and opening comments, format, room READMEs, mutable globals in the built core, the DDI
tables against the sources, links and paths in the documents, and that nothing refers to places outside the repository.
"""
import importlib.util
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXCEPTIONS = "tools/tidy/exceptions.txt"

# Who may include whom. verify watches all; every room above host shows itself to it through its front doors.
MAY_INCLUDE = {
    "base": {"base"},
    "host": {"base", "host"},
    "sim": {"base", "host", "sim"},
    "engine": {"base", "engine"},
    "wire": {"base", "host", "wire"},
    "stack": {"base", "host", "wire", "loader", "stack"},
    "loader": {"base", "host", "loader"},
    "nt": {"base", "host", "loader", "nt", "verify"},
    "ndis": {"base", "host", "nt", "ndis", "verify"},
    "tdi": {"base", "nt", "ndis", "tdi", "verify"},
    "verify": {"base", "host", "nt", "ndis", "verify"},
    "nbx": {"base", "host", "sim", "wire", "stack", "loader", "nt", "ndis", "tdi", "verify", "nbx"},
}
OS_ROOMS = {"host", "wire", "loader"}  # ports and images are Linux's too
USES_DDK = {"nt", "ndis", "tdi", "verify", "nbx"}
GENERATED = {"ddi_ids.h"}
PORT_USERS = {"vnic", "tapproto"}
NDK_USERS = {"ndkping"}
SERVICE_USERS = {"ndkping"}
RNIC_USERS = {"vnic", "tcpip"}
CROSS_USERS = {"tcpip", "tdi_common"}
ENGINE_USERS = {"vnic", "tcpip", "chimney_common", "rdma_common"}  # drivers that carry an engine in their image, and what they share
LIBC = {"assert.h", "ctype.h", "errno.h", "inttypes.h", "limits.h", "math.h", "stdalign.h", "stdarg.h", "stdatomic.h", "stdbool.h",
        "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "stdnoreturn.h", "string.h", "strings.h", "wchar.h", "setjmp.h"}
ARCH = {"immintrin.h", "x86intrin.h", "emmintrin.h", "nmmintrin.h", "arm_neon.h", "sanitizer/asan_interface.h",
        "sanitizer/common_interface_defs.h", "sanitizer/lsan_interface.h", "sanitizer/tsan_interface.h", "valgrind/valgrind.h"}
LIBRARIES = {"engine": {"isa-l/crc.h"}, "stack": {"yaml.h", "jansson.h"},
             "loader": {"libxml/tree.h", "libxml/parser.h"}, "verify": {"jansson.h", "fnmatch.h", "libxml/xmlwriter.h"}}
SEAM_CALLS = re.compile(r"(?<![\w.>])(clock_gettime|gettimeofday|time|nanosleep|usleep|sleep|getrandom|rand|srand|random|rdtsc|__rdtsc|"
                        r"pthread_\w+|arc4random|sched_yield)\s*\(")
OUTSIDE = re.compile(r"/work/|\.\./shared|\.library\b|\.mirror\b")
README_HEADS = ("Lives here", "Enter by", "May include", "Never", "Locks and IRQL", "Tests")
LINE_MAX, FILE_MAX, FUNCTION_MAX, DOOR_HELPER_MAX = 140, 1000, 80, 15

findings = []


def report(file, line, message):
    findings.append((str(file), line, message))


class Exceptions:
    """The ratchet: entries that are needed are used up; the rest are reported at the end."""

    def __init__(self):
        self.entries = {}
        for number, line in enumerate((ROOT / EXCEPTIONS).read_text().splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            fields = line.split(None, 3)
            if len(fields) < 4:
                report(EXCEPTIONS, number, "an entry has a check, a subject, a limit and a reason")
                continue
            self.entries[(fields[0], fields[1])] = [fields[2], number, False]

    def allow(self, check, subject, value=None):
        entry = self.entries.get((check, subject))
        if not entry:
            return False
        entry[2] = True
        if value is None:
            return True
        if value < int(entry[0]):
            report(EXCEPTIONS, entry[1], f"{subject} has shrunk to {value}: lower its limit")
        return value <= int(entry[0])

    def leftovers(self, checked):
        for (check, subject), (_, number, used) in self.entries.items():
            if not used and check in checked:
                report(EXCEPTIONS, number, f"{check} {subject} is not needed any more: remove it")


def tracked_files():
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [f for f in out.splitlines() if (ROOT / f).is_file()]


def blank(text):
    """The text with comments and literals blanked out, line by line as long as before."""
    def hide(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", hide, text, flags=re.S)


def functions_of(code):
    """(name, first line, last line, whether the name starts its line, whether it is static) of each function of blanked code."""
    lines = code.split("\n")
    start = None
    for i, line in enumerate(lines):
        if line.startswith("{"):
            start = i
        elif line.startswith("}") and start is not None:
            first = start
            while first > 0 and lines[first - 1].strip() and not lines[first - 1].startswith(("}", "#")) \
                    and not lines[first - 1].rstrip().endswith(";"):
                first -= 1
            head = "\n".join(lines[first:start])
            head = re.sub(r"__attribute__\s*\(\(.*?\)\)|__declspec\(.*?\)|_Alignas\(.*?\)|_Atomic\(.*?\)", lambda m: " " * len(m.group(0)), head)
            name = re.search(r"(\w+)\s*\(", head)
            if name and "=" not in head.split("(")[0]:
                begins = name.start() == 0 or head[name.start() - 1] == "\n"
                yield name.group(1), first + 1, i + 1, begins, bool(re.search(r"\bstatic\b", head))
            start = None


# ---- who may include whom, and what may be called

def check_includes(file, text, exceptions):
    parts = file.split("/")
    for number, line in enumerate(text.split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        name, quoted = match.group(2), match.group(1) == '"'
        if parts[0] == "src":
            check_room_include(file, number, parts[1], name, exceptions)
        elif parts[0] == "tools" and name.endswith("_int.h") and not (ROOT / file).parent.joinpath(name).exists():
            report(file, number, f"{name} is private to its room")
        elif file.startswith("include/ddk/") and not (ROOT / "include/ddk" / name).exists() and (name.startswith("nbx/") or room_of(name)):
            report(file, number, f"a DDK header includes {name}: drivers see only include/ddk")
        elif file.startswith("include/nbx/") and room_of(name):
            report(file, number, f"a public header includes {name}: it may not show a room")
        elif parts[0] == "drivers" or file.startswith("examples/hello_"):
            check_driver_include(file, number, parts[1], name, quoted)


def room_of(name):
    room = name.split("/")[0]
    is_public = any((ROOT / folder / name).exists() for folder in ("include", "include/ddk")) and not (ROOT / "src" / name).exists()
    return room if "/" in name and room in MAY_INCLUDE and not is_public else None


def check_room_include(file, number, room, name, exceptions):
    other = room_of(name)
    here = ROOT / "src" / room
    if room not in MAY_INCLUDE:
        report(file, number, f"src/{room} is no room of the include table in {pathlib.Path(__file__).name}")
    elif other and other not in MAY_INCLUDE[room]:
        if not exceptions.allow("include", f"{file}:{name}"):
            report(file, number, f"{room} may not include {name}: it may include {' '.join(sorted(MAY_INCLUDE[room]))}")
    elif other and other != room and name.endswith("_int.h"):
        report(file, number, f"{name} is private to {other}")
    elif other or name in LIBC or name in ARCH or name in GENERATED or name in LIBRARIES.get(room, ()):
        return
    elif list(here.glob("**/" + name)) or (ROOT / "include" / name).exists():
        return
    elif (ROOT / "include/ddk" / name).exists():
        if room not in USES_DDK:
            report(file, number, f"{room} knows no NT type: {name}")
    elif room not in OS_ROOMS and not exceptions.allow("system-header", f"{file}:{name}"):
        report(file, number, f"<{name}>: only host, wire and loader talk to the operating system")


def check_driver_include(file, number, driver, name, quoted):
    if (ROOT / file).parent.joinpath(name).exists() or (ROOT / "include/ddk" / name).exists():
        return
    nbx = {"nbx/port.h": PORT_USERS, "nbx/ndk.h": NDK_USERS, "nbx/rnic.h": RNIC_USERS, "nbx/cross.h": CROSS_USERS,
           "nbx/service.h": SERVICE_USERS}
    if driver in nbx.get(name, ()):
        return
    if driver in ENGINE_USERS and name.split("/")[0] in ("engine", "base") and not name.endswith("_int.h"):
        return
    if name in LIBC and name not in ("stdio.h", "stdlib.h", "string.h"):
        return
    report(file, number, f"a driver sees only include/ddk, or an engine that it carries: {name}")


def check_seam(file, code, exceptions):
    if not file.startswith("src/") or file.startswith("src/host/"):
        return
    for number, line in enumerate(code.split("\n"), 1):
        for match in SEAM_CALLS.finditer(line):
            if not exceptions.allow("seam", f"{file}:{match.group(1)}"):
                report(file, number, f"{match.group(1)}: clocks, threads and randomness stay behind host/sched.h")


# ---- one definition, and sizes

def check_functions(file, code, exceptions, sizes):
    is_door = bool(re.fullmatch(r"src/.*/ddi_\w+\.c", file))
    for name, first, last, begins, is_static in functions_of(code):
        length = last - first + 1
        sizes.append((length, f"{file}:{name}"))
        if length > FUNCTION_MAX and not exceptions.allow("function-length", f"{file}:{name}", length):
            report(file, first, f"{name} has {length} lines, more than {FUNCTION_MAX}")
        if not file.startswith("src/"):
            continue
        if not begins:
            report(file, first, f"{name}: the return type stands on its own line")
        # _vsnprintf and READ_REGISTER_ULONG and their kin are exports of the Windows kernel too, and so are front doors.
        camel = bool(re.search(r"[A-Z]", name)) or name.startswith("_")
        if camel and not is_door:
            report(file, first, f"{name}: CamelCase is defined in ddi_*.c only")
        if not camel and is_door and not (is_static and length <= DOOR_HELPER_MAX):
            report(file, first, f"{name}: a ddi_*.c defines front doors, and static helpers of at most {DOOR_HELPER_MAX} lines")


def check_size(file, text, exceptions):
    lines = text.count("\n")
    if lines > FILE_MAX and not exceptions.allow("file-length", file, lines):
        report(file, 1, f"{lines} lines, more than {FILE_MAX}")
    for number, line in enumerate(text.split("\n"), 1):
        is_table = line.lstrip().startswith("#") or file.startswith("include/ddk/") or "http" in line
        if len(line) > LINE_MAX and not is_table:
            report(file, number, f"{len(line)} columns, more than {LINE_MAX}")
        if line != line.rstrip() or "\t" in line:
            report(file, number, "a tab, or a space at the end")


def check_opening(file, text):
    lines = text.split("\n")
    first = 1 if lines[0].startswith("#!") else 0
    if "SPDX-License-Identifier: MIT" not in lines[first]:
        report(file, first + 1, "the first line is SPDX-License-Identifier: MIT")
    elif file.endswith((".c", ".h")) and not lines[first + 1].startswith(("//", "/*")):
        report(file, first + 2, "a file opens with a comment: what it owns, and the paths through it")


# ---- format: clang-format's opinion, except where lines break

def squeeze(text):
    return re.sub(r"\s+", "", text)


def check_format(files):
    """Reports each line whose spacing or indentation clang-format would change; line breaks are the author's."""
    for file in files:
        source = (ROOT / file).read_text()
        done = subprocess.run(["clang-format-19", "--assume-filename", file], cwd=ROOT, input=source, capture_output=True, text=True)
        if done.returncode:
            report(file, 1, "clang-format-19 failed: " + done.stderr.strip()[:200])
        elif done.stdout != source:
            compare_format(file, *(comparable(text).split("\n") for text in (source, done.stdout)), directive_lines(source))


def directive_lines(text):
    """Numbers of the lines of preprocessor directives: clang-format reads C macros badly ((ULONG)-1, #x), so they are the author's."""
    lines, inside = set(), False
    for number, line in enumerate(text.split("\n")):
        if inside or line.lstrip().startswith("#"):
            lines.add(number)
            inside = line.endswith("\\")
    return lines


def comparable(text):
    """Without the backslashes of macros, and without the tastes of clang-format that come from taking C for C++."""
    text = re.sub(r"[ \t]*&&[ \t]*(?=\S)", " && ", re.sub(r"[ \t]*\\$", "", text, flags=re.M))
    text = re.sub(r"\) ~\(", ")~(", text)
    return re.sub(r"\bclass (\+\+|--)", r"class\1", re.sub(r"(\w)\((\*+\w+\)[\[(])", r"\1 (\2", text))


def compare_format(file, have, want, directives):
    import difflib
    matcher = difflib.SequenceMatcher(None, have, want, autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal" or (a < b and all(n in directives for n in range(a, b))):
            continue
        old, new = have[a:b], want[c:d]
        same_tokens = [" ".join(x.split()) for x in old] == [" ".join(x.split()) for x in new]
        joined = " ".join(" ".join(old).split()) == " ".join(" ".join(new).split())
        before = have[a - 1].rstrip() if a else ""
        is_statement = before.endswith((";", "{", "}", ":")) or not before
        if same_tokens and not is_statement:
            continue  # the indentation of a continuation line
        if (joined or squeeze("".join(old)) == squeeze("".join(new))) and not same_tokens and len(old) != len(new):
            continue  # other line breaks
        report(file, a + 1, f"format: '{(old or ['(nothing)'])[0].strip()[:60]}' would be '{(new or ['(nothing)'])[0].strip()[:60]}'"
               " (dev format)")


BRACE_ALONE = re.compile(r"^[ ]+(?:\} )?(?:(?:if|for|while|switch)\b[^\n{;]*\)|else|do)\n[ ]+\{$|^[ ]+\}\n[ ]+(?:else\b|while \(.*;$)", re.M)


def check_braces(file, code):
    """The one kind of line break that is not the author's."""
    for match in BRACE_ALONE.finditer(code):
        report(file, code.count("\n", 0, match.end()) + 1, "format: a brace of a statement stands on the statement's line")


# ---- rooms, documents, places outside

def check_rooms(files):
    for room in sorted({f.split("/")[1] for f in files if f.startswith("src/") and f.count("/") > 1}):
        readme = ROOT / "src" / room / "README.md"
        name = f"src/{room}/README.md"
        if not readme.exists():
            report(name, 1, "the room has no README")
            continue
        heads = re.findall(r"^(?:#+ |(?:- )?\*\*)([\w ]+?)[.:]?(?:\*\*|\s*$)", readme.read_text(), re.M)
        for head in README_HEADS:
            if head not in heads:
                report(name, 1, f"no head '{head}'")


def check_document(file, text):
    base = (ROOT / file).parent
    code = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("```"):
            code = not code
        for target in re.findall(r"\]\(([^)\s]+)\)", line) if not code else ():
            target = target.split("#")[0]
            if target and not re.match(r"\w+:", target) and not (base / target).exists():
                report(file, number, f"the link {target} leads nowhere")
        for path in re.findall(r"`((?:src|docs|tests|include|ddi|tools|cmake|drivers|examples)/[\w./*-]+)", line) if not code else ():
            path = path.rstrip(".")
            if not list(ROOT.glob(path)) if "*" in path else not (ROOT / path).exists():
                report(file, number, f"{path} does not exist")


def check_ways(files):
    """The pages that lead through the code name functions and fields: each is still there, as a word of the sources."""
    ways = [f for f in files if re.fullmatch(r"docs/(life-of-[\w-]+|map)\.md", f)]
    words = set()
    for file in files if ways else ():
        if re.match(r"(src|drivers|include)/.*\.[chS]$", file):
            words.update(re.findall(r"\b[a-z]\w*_\w+", (ROOT / file).read_text(errors="replace")))
    for file in ways:
        for number, line in enumerate((ROOT / file).read_text().split("\n"), 1):
            for word in re.findall(r"`(?:struct )?([a-z]\w*_\w+)`", line):
                if word not in words:
                    report(file, number, f"{word} is no word of the sources")


def check_outside(file, text):
    if file in ("tools/tidy/tidy.py", ".gitignore") or file.startswith("tests/tools/"):
        return
    for number, line in enumerate(text.split("\n"), 1):
        match = OUTSIDE.search(line)
        if match:
            report(file, number, f"'{match.group(0)}': the project stands alone")
        for path in re.findall(r"\bdocs/[\w/-]+\.md\b", line) if not file.endswith(".md") else ():
            if not (ROOT / path).exists():
                report(file, number, f"{path} does not exist")


# ---- mutable globals in the built core

def check_globals(exceptions):
    library = ROOT / "build/release/libndisbox_core.a"
    if not library.exists():
        print("tidy: mutable globals not checked: build/release is not built", file=sys.stderr)
        return False
    out = subprocess.run(["llvm-objdump-19", "-t", str(library)], capture_output=True, text=True).stdout
    member = ""
    for line in out.splitlines():
        found = re.match(r".*\((.*)\):\s+file format|^(\S+):\s+file format", line)
        if found:
            member = found.group(1) or found.group(2)
        match = re.match(r"[0-9a-f]+ .{6}\s*O (\.(?:data|bss)\S*)\s+[0-9a-f]+ (?:\.hidden )?(\S+)", line)
        if match and not match.group(1).startswith(".data.rel.ro"):
            name = re.sub(r"\.\d+$", "", match.group(2))
            if not exceptions.allow("mutable-global", name):
                report("build/release/" + member, 0, f"{name} in {match.group(1)}: the runtime has no mutable global")
    return True


# ---- the DDI tables

def check_tables():
    spec = importlib.util.spec_from_file_location("ddi", ROOT / "tools/gen/ddi.py")
    ddi = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(ddi)
    tables, rows, doors, headers, problems = ddi.load(ROOT)
    for problem in problems:
        file, line, message = problem.replace(str(ROOT) + "/", "").split(":", 2)
        report(file, int(line), message.strip())
    if problems:
        return
    sync = "run: tools/gen/ddi.py --source . --sync"
    had = {row.name: (row.status, row.file, row.tests, row.kind) for row in rows}
    ddi.update(ROOT, rows, doors, headers)
    ddi.name_tests(rows, ddi.find_tests(ROOT))
    for row in rows:
        place = row.table.relative_to(ROOT)
        if row.line is None:
            report(row.file, doors[row.name][1], f"{row.name} has no row in {place}; {sync}")
        elif had[row.name] != (row.status, row.file, row.tests, row.kind):
            report(place, row.line, f"{row.name} is {row.kind} {row.status} in {row.file}, tests {row.tests[:60]}; {sync}")
    readme = (ROOT / "README.md").read_text() if (ROOT / "README.md").exists() else ""
    if ddi.coverage_in(readme, ddi.coverage(ROOT, rows)) not in (None, readme):
        report("README.md", 1, f"the coverage table is not what ddi/*.ddi says; {sync}")
    for table in tables:
        names = [row.name for row in sorted((r for r in rows if r.table == table and r.line), key=lambda r: r.line)]
        if names != sorted(names):
            report(table.relative_to(ROOT), 1, f"rows are not sorted by name; {sync}")


def main():
    global ROOT
    if len(sys.argv) == 3 and sys.argv[1] == "--root":
        ROOT = pathlib.Path(sys.argv[2]).resolve()
    elif len(sys.argv) > 1:
        print("usage: tidy.py [--root DIR]", file=sys.stderr)
        return 2
    exceptions = Exceptions()
    files = tracked_files()
    sizes, sources = [], [f for f in files if f.endswith((".c", ".h"))]
    for file in files:
        path = ROOT / file
        if file.endswith((".png", ".pcap", ".pcapng", ".tape")) or file.startswith("tests/fuzz/corpus/"):
            continue
        text = path.read_text(errors="replace")
        if file.endswith((".c", ".h", ".S", ".py", ".sh", ".cmake", ".ddi", ".map")) or file in ("dev", "CMakeLists.txt", ".ci/run"):
            check_opening(file, text)
        if file.endswith((".c", ".h")):
            code = blank(text)
            check_includes(file, text, exceptions)
            check_seam(file, code, exceptions)
            check_functions(file, code, exceptions, sizes)
            check_size(file, text, exceptions)
            check_braces(file, code)
        if file.startswith("docs/facts/founding/") and not file.endswith("README.md"):
            continue  # pages as Microsoft published them
        if file.endswith(".md"):
            check_document(file, text)
        check_outside(file, text)
    check_format(sources)
    check_rooms(files)
    check_ways(files)
    check_tables()
    checked = {"function-length", "file-length", "include", "system-header", "seam"}
    if check_globals(exceptions):
        checked.add("mutable-global")
    exceptions.leftovers(checked)
    for file, line, message in sorted(set(findings)):
        print(f"{file}:{line}: {message}")
    sizes.sort()
    long = sum(1 for length, _ in sizes if length > 40)
    median = sizes[len(sizes) // 2][0] if sizes else 0
    print(f"tidy: {len(files)} files, {len(sizes)} functions (median {median} lines, {long} over 40), {len(set(findings))} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
