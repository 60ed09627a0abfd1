// SPDX-License-Identifier: MIT
// libFuzzer on the reader of .vcxproj: whatever the bytes, reading ends, and either names sources or says what is wrong. The project sees
// two property sheets and three sources around it, so that imports, conditions and wildcards have something to find.
#include <stdlib.h>
#include <string.h>

#include "loader/import/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const struct {
    const char *path, *text;
} files[] = {{"/p/a.c", "#include \"c.h\"\n#include \"a.tmh\"\n"},
             {"/p/c.h.in", "@A@ @B@"},
             {"/p/sub/b.c", ""},
             {"/p/x.props", "<Project><PropertyGroup><A>$(A);a</A></PropertyGroup><Import Project=\"y.props\"/></Project>"},
             {"/p/y.props", "<Project><ItemGroup><ClCompile Include=\"**\\*.c\"/></ItemGroup></Project>"}};
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
    if (!copy || (!text && strcmp(path, "/p/d.vcxproj") != 0)) {
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
    return strcmp(path, "/p/d.vcxproj") ? IMPORT_NONE : IMPORT_FILE;
}

static void
fuzz_list(void *context, const char *folder, void (*each)(void *to, const char *name), void *to)
{
    static const char *const names[] = {"a.c", "c.h.in", "d.vcxproj", "sub", "x.props", "y.props"};
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
    static const char *const path[] = {"/p/d.vcxproj"};
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
