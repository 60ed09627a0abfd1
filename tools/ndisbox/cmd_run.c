// SPDX-License-Identifier: MIT
// ndisbox run and ndisbox demo: a stack file, the short form or the built-in example -> checked -> drawn, printed, or run.
#include "faults.h"
#include "out.h"
#include "reports.h"
#include "run.h"
#include "tool.h"

#include "demo_stack.h"

static struct run_options
options_of(const struct args *args)
{
    struct run_options options = {.for_ns = args_duration_ns(args, "for", 0),
                                  .trace_path = args_text(args, "trace"),
                                  .verify = (enum run_verify)args_word(args, "verify", RUN_VERIFY_ON),
                                  .json = args_flag(args, "json"),
                                  .quiet = args_flag(args, "quiet")};
    for (size_t i = 0; i < args->count; i++)
        options.verbose += args->rows[i]->letter == 'v';
    return options;
}

// --print-stack, --check, or the run itself. owns: takes the stack.
static int
go(const struct args *args, struct stack *stack)
{
    struct run_options options = options_of(args);
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
    return stack ? go(args, stack) : code;
}

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
    return stack ? go(args, stack) : code;
}
