#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`dev mutate`: would the tests of a DDI row notice if the function did nothing?

For each chosen row the body of its front door is replaced by "return zero" (success, null, false, nothing), the test programs that
hold the tests named in the row are linked with it, and at least one of these tests must fail. The same tests must pass beforehand.
Two kinds of body would survive that although nothing is wrong with their tests, and get another one: where the door never comes back
it ends the process at once, in silence; where it only ever says FALSE, STATUS_SUCCESS or the like it says the complement.
A callback's row is tried at each place that calls it: there the call is left out, and what it would have returned is zero. Where a TDI
transport calls its client's handler (TDIC_CALL) and does not throw the answer away, it is tried once more with every answer taken for success.
A callback that is a slot of a table of functions (struct ..._DISPATCH in include/ddk) is tried where the bundled drivers fill the slot:
there the function in it gets the other body.
A macro or an inline function is tried when it is named, or with --headers: the test's own file is compiled against a copy of the headers in
which it does nothing and gives zero, of the type that it has.
Everything happens in build/mutate: a copy of the one source file is compiled with the commands of the build, and the programs and
drivers it is part of are linked with its object in place of the real one. A changed driver stands in build/mutate/drivers while the
tests run; the real one is kept beside it and comes back, by the next run at the latest. The tree is never touched.

Rows to choose from: every function that a ddi_*.c defines, every callback that something in src or a TDI transport calls by its name, and
every slot that a bundled driver fills, whose row names tests (full or partial).
Exit: 0 all were noticed, 1 a survivor, 77 nothing to do, 2 bad usage.
"""
import argparse
import contextlib
import importlib.util
import json
import os
import pathlib
import random
import re
import shlex
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/mutate"
CORE = "ndisbox_core"
TIMEOUT_S = 120
NOT_TYPES = re.compile(r"\b(static|NTAPI|FASTCALL|DECLSPEC_NORETURN|_Noreturn|NDIS_EXPORTED_ROUTINE|extern|__declspec\(\w+\)|_IRQL_\w+(\([^)]*\))?|"
                       r"__attribute__\s*\(\(.*?\)\))")

# How a callback is called by the name that its page gives it (ndis_int.h, tdic_int.h); and those that are called, or handed on, otherwise:
# a file, what stands there, what stands there instead; or several of them.
CALLS = re.compile(r"\b(?:NDIS_CALL(_VOID)?|TDIC_CALL)\(")
ANSWERS = re.compile(r"(?<!\(void\))\b()TDIC_CALL\(")
ENTERS = re.compile(r"ke_driver_enter\(([^;]*)\);(.*?)(?=ke_driver_leave\()", re.S)
SAME = {"SET_OPTIONS": ("MiniportSetOptions", "ProtocolSetOptions", "FilterSetOptions")}
INDICATE = "drivers/tdi_common/indicate.c"
IGNORED_PLAIN = [(INDICATE, "    if (it.status != STATUS_SUCCESS", "    it.status = STATUS_SUCCESS;\n    if (it.status != STATUS_SUCCESS")]
IGNORED_CHAINED = [(INDICATE, "status != STATUS_SUCCESS && status != STATUS_PENDING", "0"), (INDICATE, "status == STATUS_PENDING", "FALSE")]
OTHERWISE = {
    "MINIPORT_UNLOAD": ("src/ndis/miniport.c", "    driver_object->DriverUnload = own.UnloadHandler;\n", ""),
    "NET_BUFFER_ALLOCATE_MDL": ("src/ndis/nbl_data.c", "allocate ? allocate(&bytes)", "allocate ? 0"),
    "NET_BUFFER_FREE_MDL": ("src/ndis/nbl_data.c", "free_handler(mdl)", "(void)0"),
    "MINIPORT_SYNCHRONIZE_INTERRUPT": ("src/ndis/ddi_interrupt.c", "SynchronizeFunction(SynchronizeContext)", "0"),
    "NDK_FN_CREATE_COMPLETION": ("drivers/rdma_common/object.c", "made.completion(made.context, made.status, header)", "(void)header"),
    "NDK_FN_CLOSE_COMPLETION": ("drivers/rdma_common/object.c", "object->on_closed(object->close_context)", "(void)object"),
    "NDK_FN_REQUEST_COMPLETION": ("drivers/rdma_common/object.c", "request.completion(request.context, request.status)", "(void)request"),
    "NDK_FN_CQ_NOTIFICATION_CALLBACK": ("drivers/rdma_common/cq.c",
                                        "cq->on_notify(cq->context, cq->is_broken ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS)", "(void)cq"),
    "NDK_FN_SRQ_NOTIFICATION_CALLBACK": ("drivers/rdma_common/srq.c", "srq->on_notify(srq->context, STATUS_SUCCESS)", "(void)srq"),
    "NDK_FN_CONNECT_EVENT_CALLBACK": ("drivers/vnic/rdma_listen.c", "listener->on_connect(listener->connect_context, (NDK_CONNECTOR *)c)", "(void)c"),
    "NDK_FN_DISCONNECT_EVENT_CALLBACK": ("drivers/vnic/rdma_end.c", "c->on_disconnect(c->disconnect_context)", "(void)c"),
    "NDK_FN_DISCONNECT_EVENT_CALLBACK_EX": ("drivers/vnic/rdma_end.c", "c->on_disconnect_ex(c->disconnect_context, c->reason)", "(void)c"),
    # Which of the four handlers of received data it is stands in a table: none of that kind is found, or its answer is not looked at.
    "TDI_IND_RECEIVE": [(INDICATE, "kind_normal = {TDI_EVENT_CHAINED_RECEIVE, TDI_EVENT_RECEIVE,",
                         "kind_normal = {TDI_EVENT_CHAINED_RECEIVE, TDI_EVENT_ERROR_EX,"), *IGNORED_PLAIN],
    "TDI_IND_RECEIVE_EXPEDITED": [(INDICATE, "TDI_EVENT_RECEIVE_EXPEDITED,", "TDI_EVENT_ERROR_EX,"), *IGNORED_PLAIN],
    "TDI_IND_CHAINED_RECEIVE": [(INDICATE, "kind_normal = {TDI_EVENT_CHAINED_RECEIVE,", "kind_normal = {TDI_EVENT_ERROR_EX,"), *IGNORED_CHAINED],
    "TDI_IND_CHAINED_RECEIVE_EXPEDITED": [(INDICATE, "{TDI_EVENT_CHAINED_RECEIVE_EXPEDITED,", "{TDI_EVENT_ERROR_EX,"), *IGNORED_CHAINED],
    "TDI_BINDING_HANDLER": ("src/tdi/notify.c", "client->info.BindingHandler(opcode, name, list);", ";"),
    "TDI_BIND_HANDLER": ("src/tdi/notify.c", "client->info.BindHandler(name);", ";"),
    "TDI_UNBIND_HANDLER": ("src/tdi/notify.c", "client->info.UnBindHandler(name);", ";"),
    "TDI_ADD_ADDRESS_HANDLER": ("src/tdi/notify.c", "client->info.AddAddressHandler(address->address);", ";"),
    "TDI_DEL_ADDRESS_HANDLER": ("src/tdi/notify.c", "client->info.DelAddressHandler(address->address);", ";"),
    "TDI_ADD_ADDRESS_HANDLER_V2": ("src/tdi/notify.c", "client->info.AddAddressHandlerV2(address->address, &address->name, address->context);", ";"),
    "TDI_DEL_ADDRESS_HANDLER_V2": ("src/tdi/notify.c", "client->info.DelAddressHandlerV2(address->address, &address->name, address->context);", ";"),
    "TDI_PNP_POWER_HANDLER": [("src/tdi/power.c", "client->info.PnPPowerHandler(device, event, context1, context2)", answer)
                              for answer in ("0", "(client->info.PnPPowerHandler(device, event, context1, context2), 0)")],
    "ProviderPnPPowerComplete": ("src/tdi/power.c", "power->on_done(power->event, power->status);", ";"),
}
HEADER_KINDS = ("macro", "inline")
SCRATCH = "#ifndef NBX_MUTANT\n#define NBX_MUTANT\nstatic unsigned long long nbx_mutant[64] __attribute__((unused));\n#endif\n"
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
    called |= {r.name for r in rows if r.kind in HEADER_KINDS and r.file.startswith("include/ddk/")}
    return {r.name: r for r in rows if (r.name in doors or r.name in called) and r.tests != "-"}


def closing(text, start):
    """Where the bracket that opens just before start is closed."""
    depth = 1
    while depth:
        depth += {"(": 1, ")": -1}.get(text[start], 0)
        start += 1
    return start


def answers_ignored(text, name):
    """The text with every answer of a callback taken for success where it is looked at; the same text if it is nowhere."""
    at = 0
    while found := ANSWERS.search(text, at):
        end = closing(text, found.end())
        at = found.end()
        if f'"{name}"' in text[found.end():end]:
            text = f"{text[:found.start()]}({text[found.start():end]}, 0){text[end:]}"
            at += 1
    return text


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
        changes = OTHERWISE[row.name]
        changes = changes if isinstance(changes, list) else [changes]
        texts = {file: (ROOT / file).read_text() for file, _, _ in changes}
        return [(file, texts[file].replace(old, new) if old in texts[file] else None) for file, old, new in changes]
    if slots := slots_of(ROOT, row):
        return slot_mutants(ROOT, slots)
    mutants = []
    names = SAME.get(row.name, (row.alias,) if row.alias else ())
    for path in sorted([*(ROOT / "src/ndis").glob("**/*.c"), *(ROOT / "drivers/tdi_common").glob("*.c")]):
        text = path.read_text()
        for change in (without_calls, answers_ignored):
            changed = text
            for name in names:
                changed = change(changed, name)
            if changed != text:
                mutants.append((path.relative_to(ROOT).as_posix(), changed))
    return mutants or given_mutants(row)


def slots_of(root, row):
    """(table, member) for each member of the tables of functions that is of the row's type."""
    header = root / "include/ddk" / row.header
    tables = re.findall(r"struct _?(\w+_DISPATCH) \{(.*?)\n\}", header.read_text(), re.S) if header.is_file() else []
    return sorted({(table, member) for table, members in tables for member in re.findall(rf"^\s+{row.name}\s+(\w+);", members, re.M)})


def slot_mutants(root, slots):
    """(file, text with another body of the function) for each function that a bundled driver has in one of the slots."""
    texts = {path: path.read_text() for path in sorted((root / "drivers").glob("*/*.c"))}
    mutants = {}
    for path, text in texts.items():
        filled = [name for table, member in slots for body in re.findall(rf"\b{table} \w+ = (\{{.*?\}});", text, re.S)
                  for name in re.findall(rf"\.{member} = (\w+)", body)]
        for name in filled:
            # its own file first: those of other files may have the same name, where they are static
            for other in sorted(texts, key=lambda p: (p != path, p)):
                if changed := mutated(texts[other], name):
                    mutants[other.relative_to(root).as_posix(), name] = changed
                    break
            else:
                mutants[path.relative_to(root).as_posix(), name] = None
    return [(file, changed) for (file, _), changed in mutants.items()]


def given_mutants(row):
    """The same for a callback that is the runtime's own: a door whose address a driver is given."""
    text = (ROOT / row.file).read_text() if row.alias and "/ddi_" in row.file else ""
    changed = mutated(text, row.alias) if text else None
    return [(row.file, changed)] if changed else []


def header_mutants(text, name):
    """The header's text with the macro or inline function changed, in the ways that may compile, the best first."""
    inline = re.search(rf"\n(?:FORCEINLINE|CFORCEINLINE|NDIS_INLINE|static|inline)\b([^\n;{{}}()#]*)\n?{name}\([^;{{]*\{{(.*?)\n\}}", text, re.S)
    if inline:
        returned = re.sub(r"\b(inline|static|NTAPI|FORCEINLINE)\b", " ", inline.group(1)).strip()
        body = "" if returned in ("VOID", "void") else f"\n    return *(__typeof__({returned}) *)nbx_mutant;"
        return [SCRATCH + text[:inline.start(2)] + body + text[inline.end(2):]]
    macro = re.search(rf"^([ \t]*#[ \t]*define[ \t]+{name}(?:\([^)]*\))?)[ \t]((?:[^\n]*\\\n)*[^\n]*)$", text, re.M)
    if not macro:
        return []
    body = " ".join(macro.group(2).replace("\\\n", " ").split())
    bodies = ["do { } while (0)"] if body.startswith("do {") else [f"(*(__typeof__({body}) *)nbx_mutant)", "((void)0)", "0"]
    return [SCRATCH + text[:macro.start()] + macro.group(1) + " " + b + text[macro.end():] for b in bodies]


def test_places():
    """test name -> name of the program that holds it."""
    return {name: f"{path.parent.parent.name}_{path.parent.name}" for name, path in test_files().items()}


def test_files():
    """test name -> the file that holds it."""
    pattern = load_ddi().TEST_NAME
    return {name: path for path in sorted((ROOT / "tests").glob("*/*/*.c")) for name in pattern.findall(path.read_text())}


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
        self.put_back()
        env = dict(os.environ)
        for command in (["cmake", "--preset", "debug", "-B", str(BUILD)], ["cmake", "--build", str(BUILD), "--target", "product", *programs]):
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env)
            if done.returncode:
                sys.exit(f"{shlex.join(command)} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        self.compile, self.objects = {}, []           # file -> target -> (command, object); the objects of the core
        for entry in json.loads((BUILD / "compile_commands.json").read_text()):
            output = entry.get("output") or re.search(r" -o (\S+)", entry["command"]).group(1)
            target = re.search(r"(?:^|/)CMakeFiles/(\w+)\.dir/", output).group(1)
            self.compile.setdefault(entry["file"], {})[target] = (entry["command"], output)
            if target == CORE:
                self.objects.append(output)

    @staticmethod
    def put_back():
        """The real drivers, if a run was stopped while changed ones stood in their place."""
        for kept in BUILD.glob("drivers/*.kept"):
            os.replace(kept, kept.with_suffix(""))

    def compile_against(self, file, header, text):
        """The same as compile_mutant for an unchanged file, with the header changed to text; None if that does not compile."""
        copy = BUILD / "mutants/ddk"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(ROOT / "include/ddk", copy)
        (copy / pathlib.Path(header).relative_to("include/ddk")).write_text(text)
        return self.compile_mutant(file, (ROOT / file).read_text(), ["-I", str(copy)])

    def compile_mutant(self, file, text, before=None):
        """target -> (object, the mutant's object), for each target of the build that the file is part of."""
        source, replaced = str(ROOT / file), {}
        copy = BUILD / "mutants" / pathlib.Path(file).name
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(text)
        for target, (command, output) in self.compile[source].items():
            made = f"{copy}.{target}.o"
            words = [made if w == output else str(copy) if w == source else w for w in shlex.split(command) if w not in ("-MD",)]
            words = [w for i, w in enumerate(words) if w not in ("-MT", "-MF") and words[i - 1] not in ("-MT", "-MF")]
            at = next(i for i, w in enumerate(words) if w.startswith("-I"))
            done = run(words[:at] + (before or []) + words[at:] + ["-Wno-error", "-w", "-iquote", str((ROOT / file).parent)])
            if done.returncode and before:
                return None
            if done.returncode:
                sys.exit(f"the mutant of {file} does not compile:\n{done.stderr[-2000:]}")
            replaced[target] = (output, made)
        return replaced

    def link(self, made, target, replaced):
        """Links a copy of what the build makes at made, with the objects of the core and of the target replaced, to build/mutate/mutants."""
        lines = run(["ninja", "-t", "commands", made]).stdout.strip().splitlines()
        words = shlex.split(lines[-1].removeprefix(": && ").removesuffix(" && :"))
        own = dict(replaced[t] for t in (CORE, target) if t in replaced)
        linked = str(BUILD / "mutants" / pathlib.Path(made).name)
        out = []
        for i, word in enumerate(words):
            if word.endswith("libndisbox_core.a"):
                out += [own.get(o, o) for o in self.objects] if "--whole-archive" in " ".join(words[max(0, i - 1):i]) else []
            else:
                out.append(linked if words[i - 1] == "-o" else own.get(word, word))
        done = run(out)
        if done.returncode:
            sys.exit(f"linking {made} failed:\n{done.stderr[-2000:]}")
        return linked

    def program(self, name, replaced):
        """The test program with the mutant in it; the real one where the mutant is in none of its own objects."""
        return self.link(f"tests/{name}", name, replaced) if CORE in replaced or name in replaced else BUILD / "tests" / name

    @contextlib.contextmanager
    def drivers(self, replaced):
        """While it lasts each driver that the mutant is part of stands changed in build/mutate/drivers."""
        changed = {BUILD / f"drivers/{t}.so": self.link(f"drivers/{t}.so", t, replaced)
                   for t in replaced if (BUILD / f"drivers/{t}.so").exists()}
        try:
            for real, mutant in changed.items():
                os.replace(real, f"{real}.kept")
                os.replace(mutant, real)
            yield
        finally:
            self.put_back()


def tests_fail(program, tests):
    try:
        return run([str(program), *tests], timeout=TIMEOUT_S, errors="replace").returncode != 0
    except subprocess.TimeoutExpired:
        return True


def try_header(build, row, by_program, files):
    """The same as try_row for a macro or an inline function: each file that holds tests of it, until one of them notices."""
    tried = False
    for program, tests in by_program.items():
        for file in sorted({files[t] for t in tests}):
            for text in header_mutants((ROOT / row.file).read_text(), row.name):
                replaced = build.compile_against(file.relative_to(ROOT).as_posix(), row.file, text)
                if replaced is None:
                    continue
                tried = True
                if tests_fail(build.program(program, replaced), [t for t in tests if files[t] == file]):
                    return f"noticed by {program}", True
                break
    return ("SURVIVED: none of its tests noticed" if tried else f"no change of it in {row.file} compiles"), False


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
    if row.kind in HEADER_KINDS:
        return try_header(build, row, by_program, test_files())
    mutants = callback_mutants(row) if row.kind == "callback" else [(row.file, mutated((ROOT / row.file).read_text(), row.name))]
    noticed = []
    for file, text in mutants:
        if text is None:
            return f"its definition in {file} was not understood", False
        replaced = build.compile_mutant(file, text)
        with build.drivers(replaced):
            by = next((p for p, tests in by_program.items() if tests_fail(build.program(p, replaced), tests)), None)
        if not by:
            return f"SURVIVED: none of its {sum(map(len, by_program.values()))} tests noticed" + (f" in {file}" if len(mutants) > 1 else ""), False
        noticed.append(by)
    return f"noticed by {', '.join(sorted(set(noticed)))}", True


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="rows to try, by either of their names")
    parser.add_argument("--all", action="store_true", help="try every row that can be")
    parser.add_argument("--headers", action="store_true", help="try every macro and inline function that has tests")
    parser.add_argument("--sample", type=int, default=8, help="how many rows to draw (8)")
    parser.add_argument("--seed", type=int, default=None, help="draw the same rows again")
    args = parser.parse_args()
    rows, places = candidates(), test_places()
    seed = args.seed if args.seed is not None else int(time.time())
    aliases = {r.alias: n for n, r in rows.items() if r.alias}
    args.names = [n if n in rows else aliases.get(n, n) for n in args.names]
    unknown = [n for n in args.names if n not in rows]
    if unknown:
        print(f"no front door, called callback, filled slot, macro or inline function with tests: {' '.join(unknown)}", file=sys.stderr)
        return 2
    names = args.names or sorted(n for n, r in rows.items() if (r.kind in HEADER_KINDS) == args.headers)
    if not args.names and not args.all and not args.headers:
        names = sorted(random.Random(seed).sample(names, min(args.sample, len(names))))
    if not names:
        print("mutate: no row has a front door and tests")
        return 77
    print(f"mutate: {len(names)} of {len(rows)} rows" + ("" if args.names or args.all or args.headers else f", seed {seed}"), flush=True)
    build = Build(sorted({places[t] for n in names for t in rows[n].tests.split(",")}))
    survivors = 0
    for name in names:
        words, noticed = try_row(build, rows[name], places)
        survivors += not noticed
        print(f"{name} ({rows[name].status}): {words}", flush=True)
    print(f"mutate: {len(names)} tried, {survivors} not noticed" + ("" if args.names or args.all or args.headers else f" (--seed {seed})"))
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
