// SPDX-License-Identifier: MIT
// What the fuzzers of project readers share: a small tree in memory with the fuzzed project in it, and what must hold of every result.
// FUZZ_PROJECT is the project's path, FUZZ_X and FUZZ_Y the two property sheets beside it, so that imports, conditions and wildcards
// have something to find.
#ifndef NBX_TESTS_FUZZ_IMPORT_FUZZ_H
#define NBX_TESTS_FUZZ_IMPORT_FUZZ_H

#include <stdlib.h>
#include <string.h>

#include "loader/import/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const struct {
    const char *path, *text;
} files[] = {{"/p/a.c", "#include \"c.h\"\n#include \"a.tmh\"\n"},
             {"/p/c.h.in", "@A@ @B@"},
             {"/p/sub/b.c", ""},
             {"/p/x.props", FUZZ_X},
             {"/p/y.props", FUZZ_Y}};
#define FILES (sizeof files / sizeof *files)

struct input {
    const uint8_t *data;
    size_t bytes;
};

static char *
fuzz_read(void *context, const char *path, size_t *bytes)
{
    const struct input *input = context;
    const char *text = NULL;
    for (size_t i = 0; i < FILES; i++)
        text = strcmp(files[i].path, path) ? text : files[i].text;
    *bytes = text ? strlen(text) : input->bytes;
    char *copy = malloc(*bytes + 1);
    if (!copy || (!text && strcmp(path, FUZZ_PROJECT) != 0)) {
        free(copy);
        return NULL;
    }
    memcpy(copy, text ? (const void *)text : (const void *)input->data, *bytes);
    copy[*bytes] = 0;
    return copy;
}

static enum import_node
fuzz_kind(void *context, const char *path)
{
    (void)context;
    if (!strcmp(path, "/p") || !strcmp(path, "/p/sub") || !strcmp(path, "/"))
        return IMPORT_FOLDER;
    for (size_t i = 0; i < FILES; i++)
        if (!strcmp(files[i].path, path))
            return IMPORT_FILE;
    return strcmp(path, FUZZ_PROJECT) ? IMPORT_NONE : IMPORT_FILE;
}

static void
fuzz_list(void *context, const char *folder, void (*each)(void *to, const char *name), void *to)
{
    static const char *const names[] = {"a.c", "c.h.in", &FUZZ_PROJECT[3], "sub", "x.props", "y.props"};
    (void)context;
    for (size_t i = 0; !strcmp(folder, "/p") && i < 6; i++)
        each(to, names[i]);
    if (!strcmp(folder, "/p/sub"))
        each(to, "b.c");
    if (!strcmp(folder, "/"))
        each(to, "p");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char *const path[] = {FUZZ_PROJECT};
    static const struct import_pair substs[] = {{"A", "1"}, {"B", "2"}};
    struct input input = {data, bytes};
    struct import_fs fs = {&input, fuzz_read, fuzz_kind, fuzz_list};
    struct import_request request = {&fs, path, 1, NULL, 0, substs, 2};
    struct import *import = import_read(&request);
    const struct import_project *project = import_project(import);
    if (!project->fault_count && !project->source_count)
        abort();
    for (size_t i = 0; i < project->fault_count; i++)
        if (!project->faults[i].text[0] || !project->faults[i].place.file)
            abort();
    free(import_wpp_text(project));
    import_destroy(import);
    return 0;
}

#endif
