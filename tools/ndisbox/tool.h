// SPDX-License-Identifier: MIT
// The command line: what a verb is, what its options are, how it ends. One table of verbs (verbs.c) and one option table a verb feed
// parsing, --help, the manual pages and bash completion, so that these cannot disagree.
//
//   main -> tool_main: common options, the verb's name -> args_parse with the verb's table -> verb->run(args) -> exit code
#ifndef NBX_TOOL_H
#define NBX_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "stack/stack.h"

#define TOOL_VERSION "0.1.0"

// docs/interfaces.md, "The command line".
enum tool_exit {
    EXIT_CLEAN = 0,
    EXIT_FINDING = 1,
    EXIT_USAGE = 2,
    EXIT_MACHINE = 3
};

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_FILE,             // completed as a file
    OPTION_LIST,             // may be repeated
    OPTION_DURATION,
    OPTION_UINT,
    OPTION_RANGE,            // A..B
    OPTION_WORD              // one of words
};

struct option_row {
    const char *name;        // without dashes
    char letter;             // 0: none
    enum option_kind kind;
    const char *value;       // "KEY=VALUE"; NULL for a flag
    const char *const *words;
    const char *doc;         // a sentence without its full stop
    const char *later;       // not NULL: reserved; refused with this sentence
};

struct args;

struct verb {
    const char *name;
    const char *synopsis;    // behind "ndisbox NAME"; several lines for several forms
    const char *summary;     // half a sentence
    const char *about;       // paragraphs, separated by an empty line
    const struct option_row *options;   // name NULL ends
    const char *const *operands;        // words for completion; NULL: files
    size_t operand_min, operand_max;
    const char *exits;       // what 1 means here, beyond the common text; or NULL
    const char *examples;    // lines "command  # what it does"
    int (*run)(const struct args *args);
    const char *later;       // not NULL: reserved; refused with this sentence
    bool is_hidden;
};

extern const struct verb verbs[];                  // name NULL ends
extern const struct option_row common_options[];   // every verb has these
const struct verb *verb_find(const char *name);

// ---- args.c
struct args {
    const struct verb *verb;
    const struct option_row **rows;      // given options, in order, with their values
    const char **values;
    size_t count;
    const char **operands;
    size_t operand_count;
};

// Read the words behind the verb. owns: fills args, args_clear frees. fails: false, said on stderr.
bool args_parse(const struct verb *verb, int count, char **words, struct args *args);
void args_clear(struct args *args);
bool args_flag(const struct args *args, const char *name);
const char *args_text(const struct args *args, const char *name);         // the last one given, or NULL
size_t args_list(const struct args *args, const char *name, const char **values, size_t room);
uint64_t args_uint(const struct args *args, const char *name, uint64_t fallback);
uint64_t args_duration_ns(const struct args *args, const char *name, uint64_t fallback_ns);
bool args_range(const struct args *args, const char *name, uint64_t *low, uint64_t *high);
size_t args_word(const struct args *args, const char *name, size_t fallback);   // index into the row's words

// ---- help.c: to people, to man, to bash
void help_print(FILE *out);
void help_print_verb(const struct verb *verb, FILE *out);
void help_print_man(FILE *out);                                           // ndisbox(1)
void help_print_man_verb(const struct verb *verb, FILE *out);             // ndisbox-VERB(1)
void help_print_bash(FILE *out);

// ---- source.c: stack files for the verbs that take one
// Read the file, or the short form if no operand is given; complaints are printed. NULL: *exit_code says how to end.
struct stack *source_read(const struct args *args, int *exit_code);
// Read a stack from memory ("the built-in demo").
struct stack *source_read_text(const struct args *args, const char *name, const char *text, size_t length_bytes, int *exit_code);
// What --check can find out without starting: that the driver images are there. false: said on stderr, with file and line.
bool source_check_images(const struct stack *stack);

// How stack files get at INFs: the given ones, and those beside the bundled drivers.
extern const struct stack_files source_files;

// Build what stands under project:, into the cache; path is set then. fails: an exit code, said on stderr.
int source_build_projects(struct stack *stack, bool is_quiet);

// Where a driver's image is: its path, or the bundled one beside the tool (or in $NDISBOX_DRIVERS). false: path too long.
bool source_driver_path(const struct stack_driver *driver, char *path, size_t path_bytes);

// ---- cmd_inf.c: the bytes of an INF. owns: returns them, free(). fails: NULL, *why says why.
char *inf_file_bytes(const char *path, size_t *length_bytes, const char **why);

// ---- cmd_rules.c
void rules_print_man(FILE *out);                                          // ndisbox-rules(7)
void rules_print_table(FILE *out);                                        // docs/rules/README.md

// ---- the verbs
int cmd_run(const struct args *args);
int cmd_demo(const struct args *args);
int cmd_ddi(const struct args *args);
int cmd_trace(const struct args *args);
int cmd_build(const struct args *args);
int cmd_check(const struct args *args);
int cmd_replay(const struct args *args);
int cmd_bench(const struct args *args);
int cmd_sim(const struct args *args);
int cmd_inf(const struct args *args);
int cmd_rules(const struct args *args);
int cmd_stack_schema(const struct args *args);
int cmd_docs(const struct args *args);

#endif
