// SPDX-License-Identifier: MIT
// ndisbox run and ndisbox demo: a stack file, the short form or the built-in example -> checked -> drawn, printed, or run.
#include "faults.h"
#include "out.h"
#include "reports.h"
#include "run.h"
#include "tool.h"

#include "demo_stack.h"

static struct run_options
options_of(const struct args *args, bool is_demo)
{
    struct run_options options = {.for_ns = args_duration_ns(args, "for", 0),
                                  .trace_path = args_text(args, "trace"),
                                  .trace_edge = args_text(args, "edge"),
                                  .verify = (enum run_verify)args_word(args, "verify", RUN_VERIFY_ON),
                                  .json = args_flag(args, "json"),
                                  .timeline = is_demo || args_flag(args, "timeline"),
                                  .quiet = args_flag(args, "quiet")};
    for (size_t i = 0; i < args->count; i++)
        options.verbose += args->rows[i]->letter == 'v';
    return options;
}

// --print-stack, --check, or the run itself. owns: takes the stack.
static int
go(const struct args *args, struct stack *stack, bool is_demo)
{
    struct run_options options = options_of(args, is_demo);
    struct faults faults;
    int code = EXIT_CLEAN;
    if (args_flag(args, "print-stack")) {
        stack_print_yaml(stack, stdout);
    } else if (args_flag(args, "check")) {
        stack_print_picture(stack, stdout);
        code = source_build_projects(stack, options.quiet);
        code = code == EXIT_CLEAN && !source_check_images(stack) ? EXIT_USAGE : code;
    } else if ((code = source_build_projects(stack, options.quiet)) != EXIT_CLEAN) {
        out_note("nothing was started");
    } else if (!source_check_images(stack)) {
        code = EXIT_USAGE;
    } else if (args_text(args, "for") && !options.for_ns) {
        out_error("--for 0 would end before anything starts; leave it out to run until the script's end or Ctrl-C");
        code = EXIT_USAGE;
    } else if (options.trace_edge && !options.trace_path) {
        out_error("--edge says which edges go into the trace; give --trace F.pcapng too");
        code = EXIT_USAGE;
    } else if (!faults_read(args, &faults, &options.faults)) {
        code = EXIT_USAGE;
    } else if (!reports_open(args, &options.sink)) {
        code = EXIT_USAGE;
    } else {
        code = run_stack(stack, &options);
        reports_close(options.sink);
    }
    stack_destroy(stack);
    return code;
}

int
cmd_run(const struct args *args)
{
    int code;
    struct stack *stack = source_read(args, &code);
    return stack ? go(args, stack, false) : code;
}

static const char demo_says[] =
    "Two Windows machines, alpha and beta, in this process. First frames, which beta sends back. Then a TCP connection from a TDI\n"
    "client in alpha to beta's echo service: in the middle of the transfer alpha's TCP/IP driver hands it to the NIC, through the\n"
    "intermediate driver passthru; the NIC carries it on and gives it back; it goes once more, and is ended there, by release. A\n"
    "second one is aborted there. What follows: when, where, who called whom through whom, and what.\n\n";

int
cmd_demo(const struct args *args)
{
    int code;
    struct stack *stack = source_read_text(args, "<demo>", demo_stack, sizeof demo_stack, &code);
    if (stack && args_flag(args, "print-stack")) {   // as it was written, with its comments, unless something was replaced
        if (args_flag(args, "set"))
            stack_print_yaml(stack, stdout);
        else
            fwrite(demo_stack, 1, sizeof demo_stack, stdout);
        stack_destroy(stack);
        return EXIT_CLEAN;
    }
    bool is_run = stack && !args_flag(args, "check") && !args_flag(args, "json") && !args_flag(args, "quiet");
    const char *trace = args_text(args, "trace");
    if (is_run)
        fputs(demo_says, trace && !strcmp(trace, "-") ? stderr : stdout);
    code = stack ? go(args, stack, true) : code;
    if (is_run && trace && strcmp(trace, "-"))
        out_note("%s has the frames at every edge and, on the interface events, each call: for Wireshark, or ndisbox trace %s", trace,
                 trace);
    return code;
}
