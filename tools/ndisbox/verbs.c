// SPDX-License-Identifier: MIT
// Every verb with its options, its words for people and its examples: the one table behind parsing, --help, the manual pages and
// completion. After a change, `cmake --build --preset release --target docs` writes the generated files anew (a test compares them).
#include "tool.h"

#include <string.h>

static const char *const verify_words[] = {"off", "on", "strict", NULL};
static const char *const color_words[] = {"auto", "always", "never", NULL};
static const char *const as_words[] = {"text", "json", "timeline", NULL};

const struct option_row common_options[] = {
    {"help", 'h', OPTION_FLAG, .doc = "Print this and exit"},
    {"version", 'V', OPTION_FLAG, .doc = "Print the version and exit"},
    {"quiet", 'q', OPTION_FLAG, .doc = "No notes and no progress on stderr; errors only"},
    {"verbose", 'v', OPTION_FLAG, .doc = "Say more; twice says most"},
    {"color", 0, OPTION_WORD, "auto|always|never", color_words, "Colour; auto means on a terminal, unless NO_COLOR is set"},
    {0}};

#define JSON_ROW {"json", 0, OPTION_FLAG, .doc = "Results as JSON on stdout"}
#define SET_ROW {"set", 0, OPTION_LIST, "KEY=VALUE", .doc = "Replace one value of the stack file; \\. is a dot in a key. May be repeated"}
#define DRIVER_ROW \
    {"driver", 0, OPTION_LIST, "NAME,KEY=VALUE...", \
     .doc = "Short form: a driver beyond the bundled ones, as in mylwf,path=./mylwf.so. May be repeated"}
#define ADAPTER_ROW \
    {"adapter", 0, OPTION_LIST, "NAME,KEY=VALUE...", \
     .doc = "Short form: an adapter, as in nic0,driver=vnic,port=tap:nb0,filters=lwfmon+mylwf,protocols=tapproto:tap=nb1. May be " \
            "repeated"}
#define VERIFY_ROW {"verify", 0, OPTION_WORD, "off|on|strict", verify_words, "How closely drivers are watched; on without this option"}

#define FAULTS_ROW \
    {"faults", 0, OPTION_TEXT, "N|P%|each", \
     .doc = "Refuse allocations of the drivers on purpose: the N-th, each with a chance, or the first from every distinct call stack " \
            "(under sim, one a seed); with @DRIVER behind it, only that driver's. What then does not come about is no finding; a " \
            "crash, a leak or a hang is"}

#define REPORT_ROW \
    {"report", 0, OPTION_LIST, "F.json|F.txt|F.xml|F.sarif", \
     .doc = "Write each finding to this file too: as JSON, as text, as JUnit or as SARIF 2.1.0. May be repeated"}
#define SUPPRESS_ROW \
    {"suppress", 0, OPTION_LIST, "FILE", \
     .doc = "Do not report what stands in this file, in lines like NBX-0107 fun:Name # why. Lines that matched nothing are listed"}

#define TRACE_ROWS \
    {"trace", 0, OPTION_FILE, "F.pcapng", \
     .doc = "Write what passes each edge as pcapng; - is stdout, as in --trace - | wireshark -k -i -"}, \
        {"edge", 0, OPTION_TEXT, "NAME", \
         .doc = "With --trace: frames only of the edges whose name contains this, as in --edge alpha.nic0.port"}

static const struct option_row run_options[] = {
    SET_ROW,
    DRIVER_ROW,
    ADAPTER_ROW,
    {"check", 0, OPTION_FLAG, .doc = "Stop before starting: check everything and draw the stack"},
    {"print-stack", 0, OPTION_FLAG, .doc = "Stop before starting: write the resolved stack as YAML"},
    {"for", 0, OPTION_DURATION, "TIME", .doc = "End after this time (10s, 5m, 2h); without it, at the script's end or at Ctrl-C"},
    TRACE_ROWS,
    {"timeline", 0, OPTION_FLAG,
     .doc = "Show what happened, and who called whom: offload calls, NDK calls, TDI requests, the script's steps"},
    VERIFY_ROW,
    FAULTS_ROW,
    JSON_ROW,
    REPORT_ROW,
    SUPPRESS_ROW,
    {0}};

static const struct option_row demo_options[] = {
    {"check", 0, OPTION_FLAG, .doc = "Draw the stack and stop"},
    {"print-stack", 0, OPTION_FLAG, .doc = "Write the stack file of the demo and stop; a good start for one of your own"},
    SET_ROW,
    TRACE_ROWS,
    VERIFY_ROW,
    JSON_ROW,
    {0}};

static const struct option_row ddi_options[] = {{"coverage", 0, OPTION_FLAG, .doc = "Count what works, by family and header"},
                                                {"status", 0, OPTION_WORD, "full|partial|refuse|absent",
                                                 (const char *const[]){"full", "partial", "refuse", "absent", NULL},
                                                 "Only rows of this status"},
                                                JSON_ROW,
                                                {0}};

static const struct option_row trace_options[] = {
    {"as", 0, OPTION_WORD, "text|json|timeline", as_words,
     "How it is shown; json is one object a line; timeline is what happened on the interface events, and who called whom. chrome comes "
     "later"},
    {"edge", 0, OPTION_TEXT, "NAME", .doc = "Only the interfaces whose name contains this"},
    {"limit", 'n', OPTION_UINT, "N", .doc = "Stop after this many lines"},
    {0}};

static const struct option_row replay_options[] = {
    {"force", 0, OPTION_FLAG, .doc = "Replay although a driver or ndisbox was built anew since; it may drift"},
    {"gdb", 0, OPTION_FLAG, .doc = "Replay under gdb"},
    {"shrink", 0, OPTION_FLAG, .doc = "Look for a shorter tape that shows the same", .later = "shrinking is not built yet"},
    TRACE_ROWS,
    {0}};

static const struct option_row bench_options[] = {
    {"for", 0, OPTION_DURATION, "TIME", .doc = "How long each measurement takes; 2s without it"}, JSON_ROW, {0}};

static const struct option_row sim_options[] = {
    {"seeds", 0, OPTION_RANGE, "A..B", .doc = "The seeds to run, both ends included; 1..100 without it"},
    SET_ROW,
    DRIVER_ROW,
    ADAPTER_ROW,
    {"stop-after", 0, OPTION_UINT, "N", .doc = "End the sweep after this many seeds with findings; 10 without it"},
    {"tape-dir", 0, OPTION_FILE, "DIR", .doc = "Where tapes of findings are written; the current directory without it"},
    VERIFY_ROW,
    REPORT_ROW,
    SUPPRESS_ROW,
    FAULTS_ROW,
    JSON_ROW,
    {0}};

static const struct option_row rules_options[] = {JSON_ROW, {0}};

static const struct option_row schema_options[] = {
    {"man", 0, OPTION_FLAG, .doc = "As a manual page, ndisbox-stack(5)"}, {"json", 0, OPTION_FLAG, .doc = "As JSON Schema 2020-12"}, {0}};

static const char *const arch_words[] = {"amd64", "arm64", "x86", "arm", NULL};
static const struct option_row inf_options[] = {
    {"arch", 0, OPTION_WORD, "amd64|arm64|x86|arm", arch_words, "Whose models are taken, and what $ARCH$ stands for; amd64 without it"},
    {"subst", 0, OPTION_LIST, "NAME=VALUE", .doc = "Fill in @NAME@ in a template. May be repeated"},
    {"model", 0, OPTION_TEXT, "ID", .doc = "Take the model of this hardware id, or of this install section"},
    JSON_ROW,
    {0}};

static const struct option_row docs_options[] = {
    {"write", 0, OPTION_TEXT, "DIR", .doc = "Write all generated pages below this source folder"},
    {"check", 0, OPTION_TEXT, "DIR", .doc = "Compare them instead; exit 1 if one is out of date"},
    {0}};

#define PROPERTY_ROW \
    {"property", 'p', OPTION_LIST, "NAME=VALUE", \
     .doc = "An MSBuild property, as in -p Configuration=Debug; overrides the project. May be repeated"}
#define DEFINE_ROW {"define", 'D', OPTION_LIST, "NAME[=VALUE]", .doc = "A C macro. May be repeated"}
#define INCLUDE_ROW \
    {"include", 'I', OPTION_LIST, "DIR", .doc = "A folder of headers, searched behind the project's own. May be repeated"}
#define SUBST_ROW \
    {"subst", 0, OPTION_LIST, "NAME=VALUE", .doc = "What @NAME@ becomes in templates (driver.vcxproj.in, config.h.in)"}
#define SUBST_FILE_ROW \
    {"subst-file", 0, OPTION_FILE, "FILE", .doc = "Lines NAME=VALUE, or m4's define([NAME], [VALUE]), for templates"}

static const struct option_row build_options[] = {
    {"output", 'o', OPTION_FILE, "OUT.so", .doc = "The result; without it, the project's target name in the current folder"},
    PROPERTY_ROW,
    DEFINE_ROW,
    INCLUDE_ROW,
    SUBST_ROW,
    SUBST_FILE_ROW,
    {"sanitize", 0, OPTION_TEXT, "LIST",
     .doc = "address, undefined, thread, fuzzer, with commas; load the result with an ndisbox built likewise"},
    {"coverage", 0, OPTION_FLAG, .doc = "Instrument for llvm-cov"},
    {"fresh", 0, OPTION_FLAG, .doc = "Compile everything, whatever an earlier build left in the cache"},
    {0}};

static const struct option_row check_options[] = {PROPERTY_ROW, DEFINE_ROW, INCLUDE_ROW, SUBST_ROW, SUBST_FILE_ROW, JSON_ROW, {0}};

static const char *const bench_names[] = {"nbl-forward", "nbl-verified", "sim", "sim-lifecycle", "sim-minute", "bridge",
                                          "tcp-rx", "tcp-tx", "tcp-conns", "offload", "offload-rate",
                                          "ndk-lat", "ndk-rate", "ndk-bw", "ndk-memory", NULL};
static const struct option_row no_options[] = {{0}};

const struct verb verbs[] = {
    {.name = "run",
     .synopsis = "STACK.yaml [OPTION]...\n--driver NAME,KEY=VALUE... --adapter NAME,KEY=VALUE... [OPTION]...",
     .summary = "build the boxes of a stack file and run them",
     .about = "Builds every box of the stack file (ndisbox-stack(5)), runs until the script ends, the time is over or Ctrl-C, tears "
              "everything down in order, and prints the counters of each adapter and anything left behind, by holder.\n\n"
              "Everything is checked before anything starts; --check stops there and draws the result. Without a file, --driver and "
              "--adapter describe one box; a comma, plus or colon inside a value is written \\, \\+ or \\:.\n\n"
              "The first SIGINT or SIGTERM ends the run in order; a second one ends it at once.",
     .options = run_options,
     .operand_max = 1,
     .exits = "a broken rule, a crash of a driver, a leak, a failed expectation, or a driver that never attached or saw no "
              "frame (unless its adapter says idle: ok)",
     .examples = "ndisbox run examples/two-boxes.yaml  # two machines on a wire, no privileges needed\n"
                 "ndisbox run my.yaml --check  # is the file right? draw it\n"
                 "ndisbox run my.yaml --set boxes.alpha.adapters.nic0.port=tap:nb0 --for 10s\n"
                 "ndisbox run --driver mylwf,path=./mylwf.so --adapter nic0,driver=vnic,port=tap:nb0,filters=mylwf\n"
                 "ndisbox run --adapter nic0,driver=vnic,port=sink --print-stack  # a first stack file",
     .run = cmd_run},
    {.name = "demo",
     .synopsis = "[OPTION]...",
     .summary = "run the built-in example: two boxes, frames, and a TCP connection that goes to the NIC and back",
     .about = "Runs the stack file examples/demo.yaml, which is compiled in: two boxes on in-process wires. Frames cross one, seen by a "
              "filter and sent back by a protocol driver. Over the other a TDI client talks to an echo service, and its connection is "
              "handed to the NIC in the middle of the transfer (TCP chimney offload), through an intermediate driver, and comes back. What "
              "happened is told line by line, with times and who called whom. It needs no privileges.",
     .options = demo_options,
     .exits = "the demo's own expectations failed",
     .examples = "ndisbox demo\nndisbox demo --check  # what it is made of\nndisbox demo --print-stack > my.yaml  # a start for your own",
     .run = cmd_demo},
    {.name = "ddi",
     .synopsis = "[NAME]...\n--coverage",
     .summary = "where a DDI stands: header, IRQL, ownership, status, file, tests",
     .about = "NAME is a function, callback, macro or inline function as Windows spells it. A part of a name, or a pattern with *, "
              "lists all that match. Without NAME, all rows; --coverage counts them.\n\n"
              "full: each return value, flag and refusal of its page has a test. partial: works for what tests and bundled drivers "
              "use. refuse: links, and stops the driver that calls it with a report. absent: unknown to the loader.",
     .options = ddi_options,
     .operand_max = 64,
     .examples = "ndisbox ddi NdisSendNetBufferLists\nndisbox ddi 'NdisM*' --status full\nndisbox ddi --coverage --json",
     .run = cmd_ddi},
    {.name = "trace",
     .synopsis = "F.pcapng [OPTION]...",
     .summary = "what passed which edge, from a pcapng that --trace wrote",
     .about = "Shows the packets of a pcapng file in the order of the file: time, interface (an edge of a stack, or events), length, "
              "what the frame is, and its comment. Any other pcapng file can be read as well.",
     .options = trace_options,
     .operand_min = 1,
     .operand_max = 1,
     .exits = "the file ends in the middle of a block; what came before was shown",
     .examples =
         "ndisbox trace run.pcapng\nndisbox trace run.pcapng --edge lwfmon -n 20\nndisbox trace run.pcapng --as json | jq .comment",
     .run = cmd_trace},
    {.name = "sim",
     .synopsis = "STACK.yaml --seeds A..B [OPTION]...",
     .summary = "run a stack under the seeded scheduler, once for each seed",
     .about = "Runs the stack in virtual time on one thread; every choice is drawn from the seed, so that the same seed gives the same "
              "run. A finding writes a tape and prints the command that replays it. Ports must live inside the process: wire, pcap, "
              "sink and none.",
     .options = sim_options,
     .operand_max = 1,
     .exits = "a seed had a finding; its tape was written",
     .examples = "ndisbox sim examples/lossy-wire.yaml --seeds 1..1000",
     .run = cmd_sim},
    {.name = "replay",
     .synopsis = "TAPE [OPTION]...",
     .summary = "run again what a tape holds",
     .about = "A tape holds the resolved stack, the build ids of ndisbox and the drivers, and every choice of one run under the seeded "
              "scheduler.",
     .options = replay_options,
     .operand_min = 1,
     .operand_max = 1,
     .exits = "the finding came again",
     .examples = "ndisbox replay seed-17.tape\nndisbox replay seed-17.tape --gdb",
     .run = cmd_replay},
    {.name = "bench",
     .synopsis = "[NAME] [OPTION]...",
     .summary = "measure, beside a peer where one is installed",
     .about = "One measurement with its unit, its peer measured in the same run where one is installed, and the ratio. Without NAME, "
              "all of them: nbl-forward (lists of frames through a stack in memory), nbl-verified (the same with the verifier on), sim "
              "(the short life of an adapter with 1,000 NET_BUFFER_LISTs, seeds a second of processor time), sim-lifecycle (the same for "
              "examples/lifecycle.yaml), sim-minute (simulated minutes a second of processor time), bridge (TAP to TAP through a "
              "stack), tcp-rx and tcp-tx (one stream between tcpip and Linux, with offloads and without; peers: Linux over veth, lwIP), "
              "tcp-conns (connections opened and closed a second; memory of one of 100,000 idle ones), offload (a TCP connection with "
              "64 KB outstanding to vnic's offload target and back, beside a Linux socket moved by TCP_REPAIR, for which it needs root; "
              "time and memory of each of 10,000 connections in one tree; less is better), offload-rate (one stream between Linux and a "
              "connection that the offload target has, beside the same connection by the host), ndk-lat, ndk-rate and ndk-bw (RDMA between "
              "two boxes: a 64-byte Send one way, where less is better; 64-byte Writes that are deferred; 64 KB Writes; with CRC and "
              "without; peers, for which it needs root: raw TCP, UCX and libfabric over veth) and ndk-memory (one of 10,000 idle RDMA "
              "connections; a region of 1 GB).",
     .options = bench_options,
     .operands = bench_names,
     .operand_max = 1,
     .examples = "ndisbox bench nbl-forward\nndisbox bench bridge --for 10s --json",
     .run = cmd_bench},
    {.name = "check",
     .synopsis = "PROJECT|X.so|X.sys [OPTION]...\nFILE.c... [OPTION]...",
     .summary = "before building: what a driver needs of us",
     .about = "The kind of the driver, each function, callback and macro of Windows that its code uses with its status in the DDI table "
              "(ndisbox ddi), and what is refused: frameworks, assembler, headers that nobody has. A project is read through its "
              "preprocessor, so that what its configuration leaves out does not count; nothing is compiled. Of a shared object the "
              "undefined names are looked up, of a .sys its import table.",
     .options = check_options,
     .operand_min = 1,
     .operand_max = 256,
     .exits = "something that the driver needs is refused, absent or unknown",
     .examples = "ndisbox check mylwf.vcxproj\nndisbox check mylwf.vcxproj --json\nndisbox check mylwf.sys",
     .run = cmd_check},
    {.name = "build",
     .synopsis = "PROJECT [OPTION]...\nFILE.c... [OPTION]...",
     .summary = "compile an unmodified driver from its project",
     .about = "PROJECT is a .vcxproj, a .vcxproj.in, or a SOURCES file; or give the C files themselves. The result is a shared object "
              "that a stack file names with path:, with debug information, and compile_commands.json beside it.\n\n"
              "What cannot be built (KMDF, NetAdapterCx, WFP, assembler, a header that nobody has) is said before anything is compiled, "
              "with file, line and construct. The project's files are not changed; what is generated lies in the cache ($NDISBOX_CACHE, "
              "or ndisbox below $XDG_CACHE_HOME or ~/.cache).",
     .options = build_options,
     .operand_min = 1,
     .operand_max = 256,
     .exits = "the compiler or the linker found an error, or a function is missing",
     .examples = "ndisbox build mylwf.vcxproj\nndisbox build mylwf.vcxproj -p Configuration=Debug -o /tmp/mylwf.so --sanitize "
                 "address,undefined\nndisbox build driver.vcxproj.in --subst-file version.m4\nndisbox build one.c two.c -D "
                 "NDIS630=1 -o mine.so",
     .run = cmd_build},
    {.name = "inf",
     .synopsis = "FILE [OPTION]...",
     .summary = "what an INF or INX means to us",
     .about = "Reads an INF, an INX or a template (.inf.in) and shows what it means to ndisbox: the kind of driver, its service, what it "
              "binds to, where a filter stands in a stack, its settings with their limits, and the registry that the driver will see. "
              "FILE may be - for stdin.\n\n"
              "Of the models for this machine the last one is taken; --model names another by its hardware id or install section.",
     .options = inf_options,
     .operand_min = 1,
     .operand_max = 1,
     .examples = "ndisbox inf mylwf.inf\nndisbox inf mynic.inf --json | jq .settings\n"
                 "ndisbox inf mytap.inf.in --subst COMPONENT_ID=mytap --subst PROVIDER=Me",
     .run = cmd_inf},
    {.name = "rules",
     .synopsis = "[ID|NAME]",
     .summary = "the verifier's rules, with the Windows id each maps to",
     .about = "Without an operand, all rules, one a line; with one, what it demands, what Windows calls a breach, what happens then, and "
              "the tests that show it. All of them stand in ndisbox-rules(7) and, with a page each, in docs/rules.",
     .options = rules_options,
     .operand_max = 1,
     .examples = "ndisbox rules\nndisbox rules NBX-0006\nndisbox rules --json | jq '.[].windows'",
     .run = cmd_rules},
    {.name = "test",
     .summary = "build, lifecycle, traffic and seeds from a project and its INF",
     .later = "write a stack file and use \"ndisbox sim\""},
    {.name = "fuzz",
     .summary = "libFuzzer on a driver, the box restored for each input",
     .later = "./dev fuzz runs ndisbox's own fuzz targets"},
    {.name = "stack-schema",
     .synopsis = "--man|--json",
     .summary = "the format of stack files, for manual and editors",
     .about = "Writes the schema table of stack files in another form.",
     .options = schema_options,
     .is_hidden = true,
     .examples = "ndisbox stack-schema --json > ndisbox-stack.schema.json",
     .run = cmd_stack_schema},
    {.name = "docs",
     .synopsis = "--write DIR|--check DIR",
     .summary = "write or compare the generated pages of the repository",
     .about = "For people who change ndisbox.",
     .options = docs_options,
     .is_hidden = true,
     .examples = "ndisbox docs --check .",
     .run = cmd_docs},
    {.name = NULL, .options = no_options}};

const struct verb *
verb_find(const char *name)
{
    for (const struct verb *verb = verbs; verb->name; verb++)
        if (!strcmp(verb->name, name))
            return verb;
    return NULL;
}
