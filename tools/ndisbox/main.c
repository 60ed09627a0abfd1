// SPDX-License-Identifier: MIT
// ndisbox: the command line. Finds the verb, reads its options, and lets it run.
//
//   main -> options before the verb -> verb_find -> args_parse -> --help, --version, or verb->run -> exit code (docs/interfaces.md)
#include <string.h>

#include "verify/crash.h"
#include "out.h"
#include "tool.h"

static void
report_verb(const char *name)
{
    const char *words[32];
    size_t count = 0;
    for (const struct verb *verb = verbs; verb->name && count < 31; verb++)
        if (!verb->is_hidden)
            words[count++] = verb->name;
    words[count] = NULL;
    const char *near = stack_word_nearest(name, words);
    size_t length = strlen(name);
    bool is_file = length > 5 && (!strcmp(name + length - 5, ".yaml") || !strcmp(name + length - 4, ".yml"));
    if (is_file)
        out_error("\"%s\" is no verb; to run a stack file: ndisbox run %s", name, name);
    else
        out_error("\"%s\" is no verb%s%s%s; \"ndisbox --help\" lists them", name, near ? " (did you mean \"" : "", near ? near : "",
                  near ? "\"?)" : "");
}

static void
setup(const struct args *args)
{
    unsigned verbose = 0;
    for (size_t i = 0; i < args->count; i++)
        verbose += !strcmp(args->rows[i]->name, "verbose");
    out_setup((enum out_color)args_word(args, "color", OUT_COLOR_AUTO), args_flag(args, "quiet"), verbose);
}

static int
run_verb(const struct verb *verb, int count, char **words)
{
    struct args args;
    int code = EXIT_USAGE;
    if (verb->later) {
        for (int i = 0; i < count; i++)
            if (!strcmp(words[i], "--help") || !strcmp(words[i], "-h"))
                code = EXIT_CLEAN;
        if (code)
            out_error("%s (%s) is not built yet: %s", verb->name, verb->summary, verb->later);
        else
            printf("ndisbox %s - %s\n\nNot built yet: %s.\n", verb->name, verb->summary, verb->later);
        return code;
    }
    if (!args_parse(verb, count, words, &args)) {
        args_clear(&args);
        return EXIT_USAGE;
    }
    setup(&args);
    if (args_flag(&args, "help")) {
        help_print_verb(verb, stdout);
        code = EXIT_CLEAN;
    } else if (args_flag(&args, "version")) {
        printf("ndisbox " TOOL_VERSION "\n");
        code = EXIT_CLEAN;
    } else {
        code = verb->run(&args);
    }
    args_clear(&args);
    return code;
}

// No verb: --help and --version alone, or "help VERB".
static int
run_without_verb(int count, char **words)
{
    struct args args;
    int code = EXIT_USAGE;
    if (args_parse(NULL, count, words, &args)) {
        setup(&args);
        if (args_flag(&args, "version")) {
            printf("ndisbox " TOOL_VERSION "\n");
            code = EXIT_CLEAN;
        } else if (args_flag(&args, "help")) {
            help_print(stdout);
            code = EXIT_CLEAN;
        } else {
            help_print(stderr);
        }
    }
    args_clear(&args);
    return code;
}

// stdout may be a full disk or a closed pipe: then nothing we printed counts.
static int
finish(int code)
{
    bool is_bad = ferror(stdout) != 0;
    if (fflush(stdout) != 0 || is_bad) {
        out_error("could not write to stdout");
        return code ? code : EXIT_MACHINE;
    }
    return code;
}

int
main(int argc, char **argv)
{
    out_setup(OUT_COLOR_AUTO, false, 0);
    crash_install();
    int first = 1;
    while (first < argc && argv[first][0] == '-' && argv[first][1])   // a verb comes first, but "ndisbox -v run" is understood
        first += !strcmp(argv[first], "--color") ? 2 : 1;
    if (first >= argc)
        return finish(run_without_verb(argc - 1, argv + 1));
    char *name = argv[first];
    for (int i = first; i > 1; i--)
        argv[i] = argv[i - 1];
    argv[1] = name;
    if (!strcmp(name, "help")) {
        const struct verb *asked = argc > 2 ? verb_find(argv[2]) : NULL;
        if (argc > 2 && !asked) {
            report_verb(argv[2]);
            return EXIT_USAGE;
        }
        char *help[] = {(char[]){"--help"}};
        return finish(asked ? run_verb(asked, 1, help) : run_without_verb(1, help));
    }
    const struct verb *verb = verb_find(name);
    if (!verb) {
        report_verb(name);
        return EXIT_USAGE;
    }
    return finish(run_verb(verb, argc - 2, argv + 2));
}
