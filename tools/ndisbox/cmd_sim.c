// SPDX-License-Identifier: MIT
// ndisbox sim, replay and bench: their options, and what can be refused before anything starts.
#include <string.h>

#include "faults.h"
#include "out.h"
#include "reports.h"
#include "run.h"
#include "tool.h"

int
cmd_sim(const struct args *args)
{
    int code;
    uint64_t first = 1, last = 100;
    struct run_options options = {.verify = (enum run_verify)args_word(args, "verify", RUN_VERIFY_ON),
                                  .json = args_flag(args, "json"),
                                  .quiet = args_flag(args, "quiet"),
                                  .stop_after = args_uint(args, "stop-after", 10),
                                  .tape_dir = args_text(args, "tape-dir") ? args_text(args, "tape-dir") : "."};
    args_range(args, "seeds", &first, &last);
    struct faults faults;
    if (!faults_read(args, &faults, &options.faults))
        return EXIT_USAGE;
    struct stack *stack = source_read(args, &code);
    if (!stack)
        return code;
    const struct stack_adapter *real = stack_adapter_find_real(stack);
    code = EXIT_USAGE;
    if (real && real->port_place.line)
        out_error("%s:%u:%u: port %s lives in real time; under seeds use wire, pcap, sink or none (--set boxes.%s.adapters.%s.port=sink)",
                  real->port_place.file, real->port_place.line, real->port_place.column, real->port, real->box->name, real->name);
    else if (real)
        out_error("port %s lives in real time; under seeds use wire, pcap, sink or none", real->port);
    else if ((code = source_build_projects(stack, options.quiet)) != EXIT_CLEAN) {
        out_note("nothing was started");
    } else if (!source_check_images(stack) || !reports_open(args, &options.sink)) {
        code = EXIT_USAGE;
    } else {
        code = run_seeds(stack, &options, first, last);
        reports_close(options.sink);
    }
    stack_destroy(stack);
    return code;
}

int
cmd_replay(const struct args *args)
{
    struct run_options options = {.verify = RUN_VERIFY_ON,
                                  .force = args_flag(args, "force"),
                                  .gdb = args_flag(args, "gdb"),
                                  .trace_path = args_text(args, "trace"),
                                  .trace_edge = args_text(args, "edge"),
                                  .quiet = args_flag(args, "quiet")};
    return run_tape(args->operands[0], &options);
}

int
cmd_bench(const struct args *args)
{
    const char *name = args->operand_count ? args->operands[0] : NULL;
    struct run_options options = {.for_ns = args_duration_ns(args, "for", UINT64_C(2000000000)),
                                  .json = args_flag(args, "json"),
                                  .quiet = args_flag(args, "quiet")};
    bool is_known = !name;
    for (size_t i = 0; name && args->verb->operands[i]; i++)
        is_known |= !strcmp(args->verb->operands[i], name);
    if (is_known)
        return run_bench(name, &options);
    const char *near = stack_word_nearest(name, args->verb->operands);
    out_error("no benchmark \"%s\"%s%s%s; there are: nbl-forward, nbl-verified, sim, sim-lifecycle, sim-minute, bridge, tcp-rx, tcp-tx, "
              "tcp-conns, offload",
              name, near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
    return EXIT_USAGE;
}
