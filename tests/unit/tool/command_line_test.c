// SPDX-License-Identifier: MIT
// The command line: every verb explains itself, mistakes start nothing and say what to do, results and messages keep to their streams.
#include <unistd.h>

#include "tool_test.h"

static const char good[] = "ndisbox: 1\n"
                           "boxes:\n"
                           "  a: { adapters: { n: { driver: vnic, port: \"wire:w\", filters: [lwfmon] } } }\n"
                           "  b: { adapters: { n: { driver: vnic, port: \"wire:w\", protocols: [echoproto] } } }\n"
                           "wires: { w: { delay: 1ms } }\n";

TEST(without_a_verb_the_usage_goes_to_stderr_with_status_2)
{
    const struct told *told = tool("");
    ck_assert_int_eq(told->code, 2);
    err_has(told, "ndisbox VERB [OPTION]...");
    ck_assert_str_eq(told->out, "");
}

TEST(help_and_version_are_results)
{
    ck_assert_int_eq(tool("--help")->code, 0);
    out_has(tool("--help"), "demo       run the built-in example");
    ck_assert_str_eq(tool("--help")->err, "");
    out_has(tool("--version"), "ndisbox 0.");
    out_has(tool("run --version"), "ndisbox 0.");
    out_has(tool("help run"), "usage\n  ndisbox run STACK.yaml");
}

TEST(every_verb_has_help_with_exit_status_and_examples)
{
    static const char *const names[] = {"run", "demo", "ddi", "inf", "trace", "sim", "replay", "bench", "stack-schema", "docs"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char line[64];
        snprintf(line, sizeof line, "%s --help", names[i]);
        const struct told *told = tool(line);
        ck_assert_msg(told->code == 0, "%s", line);
        out_has(told, "usage\n  ndisbox ");
        out_has(told, "exit status");
        out_has(told, "examples\n  ndisbox ");
    }
}

TEST(a_verb_that_comes_later_says_so_and_what_to_do_instead)
{
    static const char *const names[] = {"test", "fuzz"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct told *told = tool(names[i]);
        ck_assert_int_eq(told->code, 2);
        err_has(told, "is not built yet: ");
    }
}

TEST(a_mistyped_word_gets_the_nearest_one)
{
    ck_assert_int_eq(tool("rum")->code, 2);
    err_has(tool("rum"), "\"rum\" is no verb (did you mean \"run\"?)");
    err_has(tool("x.yaml"), "to run a stack file: ndisbox run x.yaml");
    err_has(tool("run --chek"), "unknown option --chek (did you mean --check?)");
    err_has(tool("run -Z"), "unknown option -Z; \"ndisbox run --help\"");
    err_has(tool("run --verify of x.yaml"), "--verify: found \"of\" (did you mean \"off\"?); allowed: off|on|strict");
    err_has(tool("bench bridg"), "no benchmark \"bridg\" (did you mean \"bridge\"?)");
}

// A copy of the tool, beside which nothing is built, in a folder that everybody may enter.
#define COPY "--version && cp " NBX_TOOL " copy && chmod 755 copy . && "

TEST(bench_offload_without_root_is_refused_with_how_to_get_it)
{
    const struct told *told = tool(geteuid() ? "bench offload" : COPY "setpriv --reuid 65534 --clear-groups ./copy bench offload --json");
    ck_assert_int_eq(told->code, 3);
    err_has(told, "bench offload needs root: its peer moves a socket by TCP_REPAIR");
    err_has(told, "run it with sudo");
    ck_assert_ptr_null(strchr(told->out, '{'));   // nothing was measured
}

TEST(bench_offload_without_its_programs_is_refused_with_how_to_build_them)
{
    if (geteuid())
        return;                                   // the test above is what is left
    const struct told *told = tool(COPY "./copy bench offload --json");
    ck_assert_int_eq(told->code, 3);
    err_has(told, "/tests/chimney_bench is not built");
    err_has(told, "cmake --build --preset release --target chimney_bench");
    ck_assert_ptr_null(strchr(told->out, '{'));
}

#define HELLO NBX_SOURCE_DIR "/examples/hello.yaml"

TEST(an_option_with_a_bad_value_is_refused)
{
    static const char *const lines[][2] = {{"run x.yaml --for 10", "--for: found \"10\"; allowed: a duration"},
                                           {"run x.yaml --for", "--for needs a value: --for TIME"},
                                           {"run x.yaml --check=1", "--check takes no value"},
                                           {"sim x.yaml --seeds 9..1", "--seeds: found \"9..1\"; allowed: a range"},
                                           {"trace x -n many", "--limit: found \"many\"; allowed: a whole number"},
                                           {"run " HELLO " --report f.html",
                                            "--report f.html: a report is a .json, .txt, .xml (JUnit) or .sarif file"},
                                           {"run " HELLO " --suppress nowhere", "--suppress nowhere: No such file"},
                                           {"run " HELLO " --report f.txt --verify off", "need the verifier"},
                                           {"run a.yaml b.yaml", "\"b.yaml\" is one word too many"},
                                           {"trace", "something is missing: ndisbox trace F.pcapng"},
                                           {"ddi --coverage NdisX", "--coverage counts all rows"}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const struct told *told = tool(lines[i][0]);
        ck_assert_msg(told->code == 2, "%s: %d", lines[i][0], told->code);
        err_has(told, lines[i][1]);
        ck_assert_str_eq(told->out, "");
    }
}

TEST(an_expectation_that_fails_stands_in_every_report)
{
    tool_text("s.yaml", "ndisbox: 1\nboxes:\n  a: { adapters: { n: { driver: vnic, port: none, idle: ok } } }\n"
                        "script:\n  - expect: { a.n.rx_frames: 3 }\n");
    const struct told *told =
        tool("--version && NDISBOX_DRIVERS=" NBX_DRIVER_DIR " " NBX_TOOL " run s.yaml --report r.json --report r.txt --report r.xml "
             "--report r.sarif; code=$?; cat r.json r.txt r.xml r.sarif; (exit $code)");
    ck_assert_int_eq(told->code, 1);
    out_has(told, "\"file\": \"s.yaml\"");
    out_has(told, "s.yaml:5:15: error: ");
    out_has(told, "<testsuites name=\"ndisbox\" tests=\"1\" failures=\"1\"");
    out_has(told, "\"startLine\": 5");
}

TEST(a_missing_file_says_how_to_get_one)
{
    ck_assert_int_eq(tool("run nope.yaml --check")->code, 2);
    err_has(tool("run nope.yaml"), "nope.yaml: No such file or directory; a stack file to start from: ndisbox demo --print-stack");
    err_has(tool("run"), "needs a stack file, or --adapter");
    err_has(tool("run --driver x,path=x.so"), "--driver alone does nothing; put it into an adapter");
    tool_text("g.yaml", good);
    err_has(tool("run g.yaml --adapter n,driver=vnic,port=sink"), "either a stack file or --driver and --adapter");
    err_has(tool("run ."), "Is a directory");
}

TEST(check_draws_the_stack_and_starts_nothing)
{
    tool_text("g.yaml", good);
    const struct told *told = tool("run g.yaml --check");
    ck_assert_int_eq(told->code, 0);
    out_has(told, "wire:w  --> b.n, delay 1ms");
    ck_assert_str_eq(told->err, "");
}

TEST(check_finds_a_driver_image_that_is_not_there_at_its_line)
{
    tool_text("g.yaml", "ndisbox: 1\nboxes:\n  a:\n    drivers:\n      mine: { path: gone/mine.so }\n"
                        "    adapters: { n: { driver: vnic, port: sink, filters: [mine] } }\n");
    const struct told *told = tool("run g.yaml --check");
    ck_assert_int_eq(told->code, 2);
    err_has(told, "g.yaml:5:7: error: boxes.a.drivers.mine.path: ");
    err_has(told, "gone/mine.so: No such file or directory");
    ck_assert_int_eq(tool("run g.yaml")->code, 2);
    ck_assert_int_eq(tool("run --adapter n,driver=vnic,port=pcap:gone.pcap --check")->code, 2);
    err_has(tool("run --adapter n,driver=vnic,port=pcap:gone.pcap --check"), "gone.pcap: No such file or directory");
}

TEST(a_stack_file_with_mistakes_is_status_2_with_all_of_them)
{
    tool_text("bad.yaml", "ndisbox: 1\nboxes:\n  a: { procs: 1, adapters: { n: { driver: vnic, prot: sink } } }\n");
    const struct told *told = tool("run bad.yaml");
    ck_assert_int_eq(told->code, 2);
    err_has(told, "bad.yaml:3:8: error: boxes.a.procs: unknown key");
    err_has(told, "bad.yaml:3:49: error: boxes.a.adapters.n.prot: unknown key (did you mean \"port\"?)");
    err_has(told, "2 errors; nothing was started");
    ck_assert_ptr_null(strstr(tool("run bad.yaml -q")->err, "nothing was started"));
}

TEST(print_stack_gives_a_file_that_prints_the_same)
{
    tool_text("g.yaml", good);
    const struct told *told = tool("run g.yaml --print-stack");
    ck_assert_int_eq(told->code, 0);
    static char first[sizeof told->out];
    memcpy(first, told->out, sizeof first);
    tool_text("again.yaml", first);
    ck_assert_str_eq(tool("run again.yaml --print-stack")->out, first);
    tool_text("short.txt", "");
    told = tool("run --adapter nic0,driver=vnic,port=sink --print-stack");
    ck_assert_int_eq(told->code, 0);
    out_has(told, "boxes:\n  box:\n    processors: 1\n    adapters:\n      nic0:\n        driver: vnic\n        port: sink\n");
}

TEST(set_reaches_the_stack)
{
    tool_text("g.yaml", good);
    out_has(tool("run g.yaml --print-stack --set boxes.a.processors=7"), "processors: 7");
    const struct told *told = tool("run g.yaml --print-stack --set boxes.a.processors=x");
    ck_assert_int_eq(told->code, 2);
    err_has(told, "--set boxes.a.processors=x: error: boxes.a.processors: found \"x\"");
}

TEST(paths_are_relative_to_the_file_and_printed_absolute)
{
    ck_assert_int_eq(tool("docs --write . >/dev/null; mkdir -p sub")->code, 0);
    tool_text("sub/g.yaml", "ndisbox: 1\nboxes: { a: { drivers: { m: { path: ../m.so } }, adapters: { n: { driver: m } } } }\n");
    out_has(tool("run sub/g.yaml --print-stack"), "/sub/../m.so");
    out_has(tool("run sub/g.yaml --print-stack"), "path: /");
}

TEST(a_seeded_run_refuses_ports_of_the_real_world)
{
    const struct told *told = tool("sim --adapter n,driver=vnic,port=tap:nb0 --seeds 1..2");
    ck_assert_int_eq(told->code, 2);
    err_has(told, "port tap:nb0 lives in real time; under seeds use wire, pcap, sink or none");
    tool_text("g.yaml", "ndisbox: 1\nboxes: { a: { adapters: { n: { driver: vnic, port: tap:nb0 } } } }\n");
    err_has(tool("sim g.yaml --seeds 1..2"), "g.yaml:2:52: port tap:nb0");
}

TEST(colour_comes_only_when_asked_for_off_a_terminal)
{
    ck_assert_ptr_null(strstr(tool("--help")->out, "\033["));
    ck_assert_ptr_nonnull(strstr(tool("--color always --help")->out, "\033["));
    ck_assert_ptr_nonnull(strstr(tool("run --help --color=always")->out, "\033["));
    ck_assert_ptr_null(strstr(tool("run --help --color=never")->out, "\033["));
}

TEST(a_full_disk_is_noticed)
{
    const struct told *told = tool("ddi --coverage >/dev/full; echo $? >&2");
    err_has(told, "could not write to stdout");
    err_has(told, "\n3\n");
}

TEST(the_demo_is_the_example_file)
{
    const struct told *told = tool("demo --print-stack >demo.yaml; cmp demo.yaml " NBX_SOURCE_DIR "/examples/demo.yaml");
    ck_assert_msg(told->code == 0, "%s%s", told->out, told->err);
    ck_assert_int_eq(tool("demo --check")->code, 0);
}

TEST(every_example_is_a_good_stack_file)
{
    const struct told *told =
        tool("--version; for f in " NBX_SOURCE_DIR "/examples/*.yaml; do " NBX_TOOL " run $f --check >/dev/null || exit 9; done");
    ck_assert_msg(told->code == 0, "%d: %s", told->code, told->err);
}

TEST(a_script_pulls_an_adapter_out)
{
    tool_text("g.yaml", "ndisbox: 1\n"
                        "boxes:\n"
                        "  a: { adapters: { n: { driver: vnic, port: wire:w, protocols: [echoproto] } } }\n"
                        "  b: { adapters: { n: { driver: vnic, port: wire:w } } }\n"
                        "wires: { w: {} }\n"
                        "script:\n"
                        "  - traffic: { from: b.n, to: a.n, frames: 20, sizes: 64 }\n"
                        "  - do: { adapter: a.n, action: surprise-remove }\n"
                        "  - wait: { adapter: a.n, state: removed, within: 5s }\n"
                        "  - expect: { findings: 0 }\n");
    const struct told *told = tool("--version; for d in vnic echoproto; do cp $(dirname " NBX_TOOL ")/drivers/$d.so . || exit 9; done");
    ck_assert_int_eq(told->code, 0);
    told = tool("sim g.yaml --seeds 1..3");
    ck_assert_msg(told->code == 0, "%s%s", told->out, told->err);
    tool_text("g.yaml", "ndisbox: 1\nboxes: { a: { adapters: { n: { driver: vnic, port: none } } } }\n"
                        "script: [do: { adapter: a.n, action: surprise-remove }, do: { adapter: a.n, action: pause }]\n");
    told = tool("sim g.yaml --seeds 1..1");
    ck_assert_int_ne(told->code, 0);
    ck_assert_ptr_nonnull(strstr(told->err, "the adapter has been removed"));
}

TEST(the_generated_pages_are_current)
{
    const struct told *told = tool("docs --check " NBX_SOURCE_DIR);
    ck_assert_msg(told->code == 0, "%s", told->err);
}

TEST(a_page_that_is_out_of_date_is_named)
{
    const struct told *told = tool("--version; mkdir -p docs/man docs/rules completion; " NBX_TOOL
                                   " docs --write . || exit 7; echo >>docs/man/ndisbox-run.1; " NBX_TOOL " docs --check .");
    ck_assert_int_eq(told->code, 1);
    err_has(told, "docs/man/ndisbox-run.1 is not what the tables say");
    ck_assert_ptr_null(strstr(told->err, "ndisbox-ddi.1"));
}

TEST(completion_offers_verbs_options_and_values)
{
    static const char script[] = "source " NBX_SOURCE_DIR "/completion/ndisbox.bash\n"
                                 "try() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _ndisbox; echo \"${COMPREPLY[*]}\"; }\n"
                                 "try ndisbox re\ntry ndisbox run --che\ntry ndisbox run --verify st\ntry ndisbox bench n\ntry ndisbox "
                                 "--color ne\ntry ndisbox run g.ya\n";
    tool_text("c.bash", script);
    tool_text("g.yaml", good);
    const struct told *told = tool("--version; bash c.bash");
    ck_assert_str_eq(told->out + strcspn(told->out, "\n") + 1,
                     "replay\n--check\nstrict\nnbl-forward nbl-verified ndk-lat ndk-rate ndk-bw ndk-memory\nnever\ng.yaml\n");
}

TEST(a_driver_file_that_is_no_image_is_refused_before_anything_starts)
{
    tool_text("fake.so", "not an image\n");
    const struct told *told = tool("run --driver fake,path=fake.so --adapter nic0,driver=vnic,port=none,filters=fake");
    ck_assert_int_eq(told->code, 2);
    err_has(told, "fake.so is no driver image: it is not an ELF file");
}
