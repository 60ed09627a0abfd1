// SPDX-License-Identifier: MIT
// From a driver's project to a shared object that the loader takes: what the verbs build and check and a stack file's `project:` share.
//
//   build_open -> the project is read (src/loader/import), refusals said -> build_scan -> each source through the preprocessor
//   -> build_make -> compiled, linked, looked at; compile_commands.json -> build_close
#ifndef NBX_TOOL_BUILD_H
#define NBX_TOOL_BUILD_H

#include <limits.h>

#include "loader/import/import.h"
#include "tool.h"

struct build_request {
    const char *const *paths;    // as typed
    size_t path_count;
    const struct import_pair *properties, *substs;
    size_t property_count, subst_count;
    const char *const *defines, *const *folders;   // -D, -I
    size_t define_count, folder_count;
    const char *sanitize;        // "address,undefined"; NULL: none
    bool has_coverage;
    bool is_fresh;               // compile everything, whatever is there from before
    bool is_quiet, is_verbose;
    bool is_check;               // faults of the project are told by the caller
    const char *out;             // NULL: NAME.so in the cache
};

struct build {
    const struct build_request *request;
    struct import *import;
    const struct import_project *project;
    struct import_scan scan;
    bool *has_try;               // by source
    struct import_mends *mends;
    uint64_t *mend_hash;         // by source; 0: nothing is mended for it
    struct import_fault *missing;   // headers that nobody has
    size_t missing_count;
    char ddk[PATH_MAX], tool[PATH_MAX], cwd[PATH_MAX];
    char work[PATH_MAX];         // the folder in the cache
    int lock;
    char out[PATH_MAX];
};

// fails: an exit code, said on stderr; build_close in any case.
int build_open(struct build *build, const struct build_request *request);
int build_scan(struct build *build);
int build_make(struct build *build);
void build_close(struct build *build);

// Is the result of an earlier build still what this one would give? Then build->out is set and nothing needs to be done.
bool build_is_fresh(struct build *build);
void build_stamp_write(const struct build *build);
bool build_out_name(struct build *build);                // build->out; false: too long, said on stderr
void build_rule_files(const char *text, void (*each)(void *to, const char *path), void *to);   // of a make rule

// A path as a person would write it here: relative to the current folder if it lies below.
const char *build_shown(const struct build *build, const char *path);
// "FILE:LINE: error: CONSTRUCT: TEXT" on stderr.
void build_print_fault(const struct build *build, const struct import_fault *fault);

// build_flags.c: how a source is compiled. owns: returns a NULL-ended vector, build_argv_free frees. mode 'E': the preprocessor alone.
struct build_argv {
    char **words;
    size_t count, room;
};
void build_argv_add(struct build_argv *argv, const char *format, ...) __attribute__((format(printf, 2, 3)));
void build_argv_free(struct build_argv *argv);
struct build_argv build_compile_argv(const struct build *build, size_t source, char mode);
struct build_argv build_link_argv(const struct build *build, const char *out);
const char *build_compiler(void);

// build_mend.c: copies of files with what clang would not take (src/loader/import/mend.c).
// Read what an earlier build found, and write the copies and overlays. fails: false, said on stderr.
bool build_mends_load(struct build *build);
// What do the failed sources need? Runs the compiler once more over each. Returns how many mends are new; SIZE_MAX: interrupted.
size_t build_mends_find(struct build *build, const bool *is_failed);
// The copies and overlays anew, and what was found kept for the next build.
bool build_mends_apply(struct build *build);
// What does the compiler say about the sources asked for (NULL: all)? Nothing is written. fails: an exit code.
int build_probe(struct build *build, const bool *is_asked, void (*each)(void *to, size_t source, const char *said), void *to);
bool build_is_project(const struct build *build, const char *path);

// Run commands with progress. fails: an exit code, said on stderr.
struct job;
int build_run(struct job *jobs, size_t count, const char *what);
bool build_file_write(const char *path, const char *text);
char *build_path_of(const struct build *build, const char *format, size_t number);   // below work; malloc's
// One command for each source whose is_asked is set, with its output in obj/N.err. owns: build_jobs_free.
struct job *build_jobs_make(const struct build *build, const bool *is_asked, char mode, size_t *count);
void build_jobs_free(struct job *jobs, size_t count);

// build_make.c is build_make. build_errors.c: what the compiler said, and what to do about it.
void build_print_errors(const char *text);
// Each name that the compiler does not know, with what it says (a type, an identifier, a function): calls each once for every mention.
void build_unknown_names(const char *text, void (*each)(void *to, const char *name, size_t length, const char *line), void *to);
// "FILE:LINE:COL: fatal error: 'NAME' file not found" -> a fault with NAME as construct. false: no such line.
bool build_missing_header(const struct build *build, const char *text, struct import_fault *fault, char *name, size_t name_bytes);

#endif
