#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`dev mutate`: would the tests of a DDI row notice if the function did nothing?

For each chosen row the body of its front door is replaced by "return zero" (success, null, false, nothing), the test programs that
hold the tests named in the row are linked with it, and at least one of these tests must fail. The same tests must pass beforehand.
Two kinds of body would survive that although nothing is wrong with their tests, and get another one: where the door never comes back
it ends the process at once, in silence; where it only ever says FALSE, STATUS_SUCCESS or the like it says the complement.
A callback's row is tried at each place that calls it: there the call is left out, and what it would have returned is zero.
Everything happens in build/mutate: a copy of the one source file is compiled with the command of the build, and the programs are
linked with its object in place of the real one. The tree is never touched.

Rows to choose from: every function that a ddi_*.c defines, and every callback that something in src calls by its name, whose row names
tests (full or partial).
Exit: 0 all were noticed, 1 a survivor, 77 nothing to do, 2 bad usage.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import random
import re
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/mutate"
TIMEOUT_S = 120
NOT_TYPES = re.compile(r"\b(NTAPI|FASTCALL|DECLSPEC_NORETURN|_Noreturn|NDIS_EXPORTED_ROUTINE|extern|__declspec\(\w+\)|_IRQL_\w+(\([^)]*\))?|"
                       r"__attribute__\s*\(\(.*?\)\))")

# How a callback is called by the name that its page gives it (ndis_int.h); and the few that are called, or handed on, otherwise.
CALLS = re.compile(r"\bNDIS_CALL(_VOID)?\(")
ENTERS = re.compile(r"ke_driver_enter\(([^;]*)\);(.*?)(?=ke_driver_leave\()", re.S)
SAME = {"SET_OPTIONS": ("MiniportSetOptions", "ProtocolSetOptions", "FilterSetOptions")}
OTHERWISE = {
    "MINIPORT_UNLOAD": ("src/ndis/miniport.c", "    driver_object->DriverUnload = own.UnloadHandler;\n", ""),
    "NET_BUFFER_ALLOCATE_MDL": ("src/ndis/nbl_data.c", "allocate ? allocate(&bytes)", "allocate ? 0"),
    "NET_BUFFER_FREE_MDL": ("src/ndis/nbl_data.c", "free_handler(mdl)", "(void)0"),
    "MINIPORT_SYNCHRONIZE_INTERRUPT": ("src/ndis/ddi_interrupt.c", "SynchronizeFunction(SynchronizeContext)", "0"),
}
NEVER_RETURN = {"KeBugCheck", "KeBugCheckEx", "ExRaiseStatus", "ExRaiseAccessViolation", "ExRaiseDatatypeMisalignment"}


def load_ddi():
    spec = importlib.util.spec_from_file_location("ddi", ROOT / "tools/gen/ddi.py")
    ddi = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(ddi)
    return ddi


def candidates():
    """Rows with a front door and tests, by name, as the sources show them now."""
    ddi = load_ddi()
    _, rows, doors, headers, problems = ddi.load(ROOT)
    if problems:
        sys.exit("\n".join(problems))
    ddi.update(ROOT, rows, doors, headers)
    ddi.name_tests(rows, ddi.find_tests(ROOT))
    called = {r.name for r in rows if r.kind == "callback" and r.tests != "-" and callback_mutants(r)}
    return {r.name: r for r in rows if (r.name in doors or r.name in called) and r.tests != "-"}


def closing(text, start):
    """Where the bracket that opens just before start is closed."""
    depth = 1
    while depth:
        depth += {"(": 1, ")": -1}.get(text[start], 0)
        start += 1
    return start


def without_calls(text, name):
    """The text without its calls of a callback; the same text if it has none."""
    said = [f'"{name}"'] + [m[0] for m in re.findall(r"const char \*(\w+) = ([^;]*);", text) if f'"{name}"' in m[1]]
    at = 0
    while found := CALLS.search(text, at):
        end = closing(text, found.end())
        if said[0] in text[found.end():end]:
            text = text[:found.start()] + ("((void)0)" if found.group(1) else "0") + text[end:]
        at = found.start() + 1

    def left_out(found):
        last = found.group(1).rsplit(",", 1)[-1].strip()
        return f"ke_driver_enter({found.group(1)});\n" if last in said else found.group(0)
    return ENTERS.sub(left_out, text)


def callback_mutants(row):
    """(file, text without the calls) for each file that calls the row's callback."""
    if row.name in OTHERWISE:
        file, old, new = OTHERWISE[row.name]
        text = (ROOT / file).read_text()
        return [(file, text.replace(old, new))] if old in text else []
    mutants = []
    for path in sorted((ROOT / "src/ndis").glob("**/*.c")):
        text = changed = path.read_text()
        for name in SAME.get(row.name, (row.alias,) if row.alias else ()):
            changed = without_calls(changed, name)
        if changed != text:
            mutants.append((path.relative_to(ROOT).as_posix(), changed))
    return mutants or given_mutants(row)


def given_mutants(row):
    """The same for a callback that is the runtime's own: a door whose address a driver is given."""
    text = (ROOT / row.file).read_text() if row.alias and "/ddi_" in row.file else ""
    changed = mutated(text, row.alias) if text else None
    return [(row.file, changed)] if changed else []


def test_places():
    """test name -> name of the program that holds it."""
    places = {}
    for path in (ROOT / "tests").glob("*/*/*.c"):
        for name in load_ddi().TEST_NAME.findall(path.read_text()):
            places[name] = f"{path.parent.parent.name}_{path.parent.name}"
    return places


def mutated(text, name):
    """The text with the body of name replaced; None if it is not found."""
    head = re.search(rf"(?:\A|\n)((?:[^\n;{{}}#/]+\n)+){name}\(", text)
    if not head:
        return None
    open_at = text.index("{", head.end())
    close_at = text.index("\n}", open_at)
    returned = NOT_TYPES.sub(" ", " ".join(head.group(1).split())).strip()
    if name in NEVER_RETURN:
        body = "{\n    extern void _exit(int);\n    _exit(0);"
    elif returned in ("void", "VOID"):
        body = "{\n"
    elif re.fullmatch(r"\{\s*(VERIFY_\w+\(\w+\);\s*)*return (FALSE|0|STATUS_SUCCESS|NDIS_STATUS_SUCCESS);\s*", text[open_at:close_at]):
        body = "{\n    return (%s)~(%s)0;" % (returned, returned)
    else:
        body = "{\n    static %s mutant_zero;\n    return mutant_zero;" % returned
    return text[:open_at] + body + text[close_at:]


def run(command, **kwargs):
    return subprocess.run(command, cwd=BUILD, capture_output=True, text=True, **kwargs)


class Build:
    """build/mutate: configured like debug, built as far as the wanted programs."""

    def __init__(self, programs):
        env = dict(os.environ)
        for command in (["cmake", "--preset", "debug", "-B", str(BUILD)], ["cmake", "--build", str(BUILD), "--target", "product", *programs]):
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env)
            if done.returncode:
                sys.exit(f"{shlex.join(command)} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        entries = json.loads((BUILD / "compile_commands.json").read_text())
        self.compile, self.objects = {}, []
        for entry in entries:
            output = entry.get("output") or re.search(r" -o (\S+)", entry["command"]).group(1)
            if "/ndisbox_core.dir/" in "/" + output:
                self.compile[entry["file"]] = (entry["command"], output)
                self.objects.append(output)

    def compile_mutant(self, file, text):
        source = str(ROOT / file)
        command, output = self.compile[source]
        copy = BUILD / "mutants" / pathlib.Path(file).name
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(text)
        words = shlex.split(command)
        made = str(copy) + ".o"
        words = [made if w == output else str(copy) if w == source else w for w in words if w not in ("-MD",)]
        words = [w for i, w in enumerate(words) if w not in ("-MT", "-MF") and words[i - 1] not in ("-MT", "-MF")]
        done = run(words + ["-Wno-error", "-w", "-iquote", str((ROOT / file).parent)])
        return (output, made) if done.returncode == 0 else sys.exit(f"the mutant of {file} does not compile:\n{done.stderr[-2000:]}")

    def link(self, program, replaced):
        """Links a copy of program, with one object of the core replaced, to build/mutate/mutants/PROGRAM."""
        lines = run(["ninja", "-t", "commands", f"tests/{program}"]).stdout.strip().splitlines()
        words = shlex.split(lines[-1].removeprefix(": && ").removesuffix(" && :"))
        objects = [replaced[1] if o == replaced[0] else o for o in self.objects]
        out = []
        for i, word in enumerate(words):
            if word.endswith("libndisbox_core.a"):
                out += objects if "--whole-archive" in " ".join(words[max(0, i - 1):i]) else []
            else:
                out.append(str(BUILD / "mutants" / program) if words[i - 1] == "-o" else word)
        done = run(out)
        if done.returncode:
            sys.exit(f"linking {program} failed:\n{done.stderr[-2000:]}")
        return BUILD / "mutants" / program


def tests_fail(program, tests):
    try:
        return run([str(program), *tests], timeout=TIMEOUT_S, errors="replace").returncode != 0
    except subprocess.TimeoutExpired:
        return True


def try_row(build, row, places):
    """Runs the row's tests against its mutant. Returns what happened, in words, and whether it was noticed."""
    by_program = {}
    for test in row.tests.split(","):
        by_program.setdefault(places[test], []).append(test)
    for program in list(by_program):              # some tests are there under a sanitizer alone
        listed = run([str(BUILD / "tests" / program), "-l"]).stdout.split()
        by_program[program] = [t for t in by_program[program] if t in listed]
        if not by_program[program]:
            del by_program[program]
    for program, tests in by_program.items():
        if tests_fail(BUILD / "tests" / program, tests):
            return f"its tests in {program} fail without any change", False
    mutants = callback_mutants(row) if row.kind == "callback" else [(row.file, mutated((ROOT / row.file).read_text(), row.name))]
    noticed = []
    for file, text in mutants:
        if text is None:
            return f"its definition in {file} was not understood", False
        replaced = build.compile_mutant(file, text)
        by = next((p for p, tests in by_program.items() if tests_fail(build.link(p, replaced), tests)), None)
        if not by:
            return f"SURVIVED: none of its {sum(map(len, by_program.values()))} tests noticed" + (f" in {file}" if len(mutants) > 1 else ""), False
        noticed.append(by)
    return f"noticed by {', '.join(sorted(set(noticed)))}", True


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="rows to try")
    parser.add_argument("--all", action="store_true", help="try every row that can be")
    parser.add_argument("--sample", type=int, default=8, help="how many rows to draw (8)")
    parser.add_argument("--seed", type=int, default=None, help="draw the same rows again")
    args = parser.parse_args()
    rows, places = candidates(), test_places()
    seed = args.seed if args.seed is not None else int(time.time())
    unknown = [n for n in args.names if n not in rows]
    if unknown:
        print(f"no front door, or called callback, with tests: {' '.join(unknown)}", file=sys.stderr)
        return 2
    names = args.names or sorted(rows)
    if not args.names and not args.all:
        names = sorted(random.Random(seed).sample(names, min(args.sample, len(names))))
    if not names:
        print("mutate: no row has a front door and tests")
        return 77
    print(f"mutate: {len(names)} of {len(rows)} rows" + ("" if args.names or args.all else f", seed {seed}"), flush=True)
    build = Build(sorted({places[t] for n in names for t in rows[n].tests.split(",")}))
    survivors = 0
    for name in names:
        words, noticed = try_row(build, rows[name], places)
        survivors += not noticed
        print(f"{name} ({rows[name].status}): {words}", flush=True)
    print(f"mutate: {len(names)} tried, {survivors} not noticed" + ("" if args.names or args.all else f" (--seed {seed})"))
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
