// SPDX-License-Identifier: MIT
// -p NAME=VALUE, -D, -I, --subst, --subst-file, --sanitize and -o into a build request. Everything is checked here, before a project is
// looked at.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "build_options.h"
#include "out.h"

#define LIST_MAX 1024

static const char *const sanitizers[] = {"address", "undefined", "thread", "fuzzer", NULL};

static void *
array(size_t count, size_t bytes)
{
    void *rows = calloc(count + 1, bytes);
    if (!rows)
        abort();
    return rows;
}

// NAME=VALUE words of one option, behind those that are there.
static bool
pairs_read(const struct args *args, const char *name, struct import_pair *pairs, size_t *count)
{
    const char *values[LIST_MAX];
    size_t given = args_list(args, name, values, LIST_MAX);
    for (size_t i = 0; i < given && i < LIST_MAX; i++) {
        const char *equals = strchr(values[i], '=');
        if (!equals || equals == values[i]) {
            out_error("--%s: found \"%s\"; allowed: NAME=VALUE", name, values[i]);
            return false;
        }
        char *copy = strdup(values[i]);
        if (!copy)
            abort();
        copy[equals - values[i]] = 0;
        pairs[(*count)++] = (struct import_pair){copy, copy + (equals - values[i]) + 1};
    }
    return true;
}

static bool
sanitize_is_good(const char *text)
{
    bool has_thread = strstr(text, "thread") != NULL, has_address = strstr(text, "address") != NULL;
    while (*text) {
        size_t length = strcspn(text, ","), i = 0;
        while (sanitizers[i] && (strlen(sanitizers[i]) != length || strncmp(sanitizers[i], text, length) != 0))
            i++;
        if (!sanitizers[i]) {
            out_error("--sanitize: found \"%.*s\"; allowed: address, undefined, thread and fuzzer, with commas", (int)length, text);
            return false;
        }
        text += length + (text[length] == ',');
    }
    if (has_thread && has_address)
        out_error("--sanitize: thread and address do not go together");
    return !(has_thread && has_address);
}

static int
subst_file_read(const struct args *args, struct build_options *options)
{
    const char *path = args_text(args, "subst-file");
    const struct import_pair *pairs;
    struct import_fault fault;
    size_t bytes, count;
    if (!path)
        return EXIT_CLEAN;
    char *text = import_disk.read(NULL, path, &bytes);
    if (!text) {
        out_error("%s: %s", path, strerror(errno));
        return EXIT_USAGE;
    }
    options->texts = import_substs_read(path, text, &pairs, &count, &fault);
    free(text);
    if (fault.text) {
        char line[PATH_MAX + 256];
        snprintf(line, sizeof line, "%s:%u: error: %s", path, fault.place.line, fault.text);
        out_diagnostic(line);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < count && options->request.subst_count < LIST_MAX; i++)   // --subst comes behind and counts more
        options->substs[options->request.subst_count++] = pairs[i];
    options->file_subst_count = options->request.subst_count;
    return EXIT_CLEAN;
}

int
build_options_read(const struct args *args, struct build_options *options)
{
    *options = (struct build_options){0};
    struct build_request *request = &options->request;
    options->properties = array(LIST_MAX, sizeof *options->properties);
    options->substs = array(2 * LIST_MAX, sizeof *options->substs);
    options->defines = array(LIST_MAX, sizeof *options->defines);
    options->folders = array(LIST_MAX, sizeof *options->folders);
    request->paths = args->operands;
    request->path_count = args->operand_count;
    request->properties = options->properties;
    request->substs = options->substs;
    request->defines = options->defines;
    request->folders = options->folders;
    request->is_quiet = args_flag(args, "quiet");
    request->is_verbose = args_flag(args, "verbose");
    request->define_count = args_list(args, "define", options->defines, LIST_MAX);
    request->folder_count = args_list(args, "include", options->folders, LIST_MAX);
    request->sanitize = args_text(args, "sanitize");
    request->has_coverage = args_flag(args, "coverage");
    request->is_fresh = args_flag(args, "fresh");
    request->out = args_text(args, "output");
    int code = subst_file_read(args, options);
    if (code != EXIT_CLEAN)
        return code;
    if (!pairs_read(args, "property", options->properties, &request->property_count) ||
        !pairs_read(args, "subst", options->substs, &request->subst_count) ||
        (request->sanitize && !sanitize_is_good(request->sanitize)))
        return EXIT_USAGE;
    return EXIT_CLEAN;
}

void
build_options_clear(struct build_options *options)
{
    for (size_t i = 0; i < options->request.property_count; i++)
        free((char *)options->properties[i].name);
    for (size_t i = options->file_subst_count; i < options->request.subst_count; i++)
        free((char *)options->substs[i].name);
    free(options->properties);
    free(options->substs);
    free(options->defines);
    free(options->folders);
    import_texts_destroy(options->texts);
    *options = (struct build_options){0};
}
