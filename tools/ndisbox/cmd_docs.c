// SPDX-License-Identifier: MIT
// ndisbox stack-schema and ndisbox docs: the generated pages. `docs --write DIR` writes them below a source folder, `docs --check DIR`
// compares, which a test does, so that a page cannot fall behind its table.
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "out.h"
#include "tool.h"

int
cmd_stack_schema(const struct args *args)
{
    if (args_flag(args, "man") == args_flag(args, "json")) {
        out_error("stack-schema takes --man or --json");
        return EXIT_USAGE;
    }
    if (args_flag(args, "man"))
        stack_schema_print_man(stdout);
    else
        stack_schema_print_json(stdout);
    return EXIT_CLEAN;
}

// The text of one page; verb is NULL for the pages that belong to none. owns: returns it, free.
static char *
page_text(void (*print)(FILE *), const struct verb *verb, size_t *length_bytes)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, length_bytes);
    if (!out)
        abort();
    if (verb)
        help_print_man_verb(verb, out);
    else
        print(out);
    fclose(out);
    return text;
}

static bool
page_write(const char *path, const char *text, size_t length_bytes)
{
    FILE *file = fopen(path, "wb");
    bool is_good = file && fwrite(text, 1, length_bytes, file) == length_bytes;
    if (file)
        is_good &= !fclose(file);
    if (!is_good)
        out_error("%s: %s", path, strerror(errno));
    return is_good;
}

static bool
page_is_current(const char *path, const char *text, size_t length_bytes)
{
    FILE *file = fopen(path, "rb");
    char *found = malloc(length_bytes + 2);
    if (!found)
        abort();
    size_t count = file ? fread(found, 1, length_bytes + 1, file) : 0;
    bool is_current = file && count == length_bytes && !memcmp(found, text, length_bytes);
    if (file)
        fclose(file);
    free(found);
    if (!is_current)
        out_error("%s is not what the tables say; write it anew: cmake --build --preset release --target docs", path);
    return is_current;
}

static bool
page(const char *folder, bool is_write, const char *name, void (*print)(FILE *), const struct verb *verb)
{
    char path[PATH_MAX];
    size_t length_bytes;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        return false;
    char *text = page_text(print, verb, &length_bytes);
    bool is_good = is_write ? page_write(path, text, length_bytes) : page_is_current(path, text, length_bytes);
    free(text);
    return is_good;
}

int
cmd_docs(const struct args *args)
{
    const char *write = args_text(args, "write"), *check = args_text(args, "check");
    if (!write == !check) {
        out_error("docs takes --write DIR or --check DIR");
        return EXIT_USAGE;
    }
    const char *folder = write ? write : check;
    bool is_good = page(folder, write, "docs/man/ndisbox.1", help_print_man, NULL);
    is_good &= page(folder, write, "docs/man/ndisbox-stack.5", stack_schema_print_man, NULL);
    is_good &= page(folder, write, "docs/man/ndisbox-rules.7", rules_print_man, NULL);
    is_good &= page(folder, write, "docs/rules/README.md", rules_print_table, NULL);
    is_good &= page(folder, write, "docs/ndisbox-stack.schema.json", stack_schema_print_json, NULL);
    is_good &= page(folder, write, "completion/ndisbox.bash", help_print_bash, NULL);
    for (const struct verb *verb = verbs; verb->name; verb++) {
        char name[128];
        snprintf(name, sizeof name, "docs/man/ndisbox-%s.1", verb->name);
        if (!verb->is_hidden && !verb->later)
            is_good &= page(folder, write, name, NULL, verb);
    }
    return is_good ? EXIT_CLEAN : write ? EXIT_MACHINE : EXIT_FINDING;
}
