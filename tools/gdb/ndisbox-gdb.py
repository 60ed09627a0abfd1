# SPDX-License-Identifier: MIT
"""gdb: show the fibres of the simulated scheduler, suspended ones with their backtraces.

    (gdb) source tools/gdb/ndisbox-gdb.py
    (gdb) ndisbox fibres            every fibre: number, name, state, what it waits for, where
    (gdb) ndisbox fibres 3          one of them

gdb knows one OS thread only, so `bt` shows the running fibre. The others are walked along their frame pointers from the registers
that the switch saved (src/sim/switch_*.S); nothing is changed in the process, so this works on core files too.
"""
import gdb

SAVED = {  # offsets of the frame pointer and the return address from a suspended fibre's saved stack pointer
    "i386:x86-64": (48, 56),
    "aarch64": (0, 8),
}


def read_word(address):
    word = gdb.lookup_type("unsigned long").pointer()
    return int(gdb.Value(address).cast(word).dereference())


def scheduler():
    """The struct sim of the running fibre, or of any thread that is in sched_run."""
    selected = gdb.selected_thread()
    try:
        for thread in gdb.selected_inferior().threads():
            thread.switch()
            current = gdb.parse_and_eval("sched_self")
            if int(current) and bool(current["sched"]["is_sim"]):
                return current["sched"].cast(gdb.lookup_type("struct sim").pointer())
    finally:
        if selected:
            selected.switch()
    raise gdb.GdbError("no fibre is running here: the process is not inside sched_run of the simulated scheduler")


def fibres(sim):
    kind = gdb.lookup_type("struct sim_fibre")
    offset = [field.bitpos // 8 for field in kind.fields() if field.name == "node"][0]
    head = sim["fibres"].address
    node = sim["fibres"]["next"]
    while int(node) != int(head):
        yield gdb.Value(int(node) - offset).cast(kind.pointer())
        node = node["next"]


def places(pc):
    """Lines of text for an address: the innermost function with file and line, then those it was inlined into."""
    line = gdb.find_pc_line(pc)
    where = "%s:%d" % (line.symtab.filename, line.line) if line.symtab else ""
    try:
        block = gdb.block_for_pc(pc)
    except RuntimeError:
        block = None
    names = []
    while block is not None and not block.is_global and not block.is_static:
        if block.function is not None:
            names.append(block.function.print_name)
        block = block.superblock
    if not names:
        names = [gdb.execute("info symbol %d" % pc, to_string=True).split(" in section")[0].strip()]
    yield "%s %s" % (names[0], where)
    for name in names[1:]:
        yield "%s (which has it inline)" % name


def backtrace(fibre, limit=40):
    architecture = gdb.selected_frame().architecture().name() if gdb.selected_thread() else "i386:x86-64"
    if architecture not in SAVED:
        raise gdb.GdbError("no layout of saved registers for " + architecture)
    pointer_at, return_at = SAVED[architecture]
    sp = int(fibre["context"]["sp"])
    low, high = int(fibre["base"]["stack_low"]), int(fibre["base"]["stack_high"])
    pointer, pc = read_word(sp + pointer_at), read_word(sp + return_at)
    number = 0
    while pc and limit:
        for place in places(pc - 1):
            print("    #%-2d %s" % (number, place))
            number += 1
        if not (low <= pointer <= high - 16) or pointer % 8:
            return
        low, pc, pointer, limit = pointer + 16, read_word(pointer + 8), read_word(pointer), limit - 1


def show(sim, fibre):
    state = str(fibre["state"]).replace("SIM_FIBRE_", "").lower()
    text = 'fibre %d "%s": %s' % (fibre["base"]["id"], fibre["base"]["name"].string(), state)
    if int(fibre["word"]):
        word = fibre["word"].cast(gdb.lookup_type("unsigned int").pointer())
        text += " on the word at 0x%x, value %d" % (int(word), int(word.dereference()))
    if int(fibre["deadline"]["place"]) != (1 << 64) - 1:
        text += ", until %d ns" % int(fibre["deadline"]["key"])
    print(text)
    if int(sim["current"]) == int(fibre):
        print("    (the running one: see bt)")
    elif state != "ended":
        backtrace(fibre)


class Ndisbox(gdb.Command):
    """Commands for ndisbox processes."""

    def __init__(self):
        super().__init__("ndisbox", gdb.COMMAND_STACK, prefix=True)


class NdisboxFibres(gdb.Command):
    """Show the simulated scheduler's fibres with their backtraces: ndisbox fibres [NUMBER]."""

    def __init__(self):
        super().__init__("ndisbox fibres", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        sim = scheduler()
        wanted = int(argument) if argument.strip() else None
        print("virtual time %d ns, step %d" % (int(sim["now_ns"]), int(sim["steps"])))
        shown = 0
        for fibre in fibres(sim):
            if wanted is None or int(fibre["base"]["id"]) == wanted:
                show(sim, fibre)
                shown += 1
        if wanted is not None and not shown:
            raise gdb.GdbError("no fibre %d" % wanted)


Ndisbox()
NdisboxFibres()
