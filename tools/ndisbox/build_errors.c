// SPDX-License-Identifier: MIT
// What the compiler said, passed on as it is, and behind it what to do: names that our headers lack are told from mistakes of the driver,
// with their row of the DDI table where they have one.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"
#include "out.h"
#include "verify/ddi_table.h"

#define NAMES_MAX 200

struct missing {
    char name[128];
};

bool
build_missing_header(const struct build *build, const char *text, struct import_fault *fault, char *name, size_t name_bytes)
{
    const char *found = strstr(text, "fatal error: '"), *end = found ? strstr(found + 14, "' file not found") : NULL;
    if (!end || (size_t)(end - found - 14) >= name_bytes)
        return false;
    snprintf(name, name_bytes, "%.*s", (int)(end - found - 14), found + 14);
    const char *line = found;
    while (line > text && line[-1] != '\n')
        line--;
    const char *colon = line; // the path ends at ":LINE:COL: "
    for (const char *at = line; at < found; at++)
        if (at[0] == ':' && isdigit((unsigned char)at[1]) && (colon == line || !isdigit((unsigned char)at[-1])))
            colon = at;
    *fault = (struct import_fault){.place = {strndup(line, (size_t)(colon - line)), (unsigned)strtoul(colon + 1, NULL, 10)}};
    const char *needs = import_header_needs(name);
    char *words;
    if (asprintf(&words,
                 needs ? "needs %s"
                       : "%s is neither in the project nor among the headers of ndisbox; "
                         "if it is generated, generate it first or give its folder with -I",
                 needs ? needs : name) < 0)
        abort();
    fault->text = words;
    (void)build;
    return true;
}

// The word in quotes behind one of the compiler's phrases.
void
build_unknown_names(const char *text, void (*each)(void *to, const char *name, size_t length, const char *line), void *to)
{
    static const char *const phrases[] = {"unknown type name '", "use of undeclared identifier '", "call to undeclared function '",
                                          "call to undeclared library function '", "incomplete type 'struct ",
                                          "incomplete definition of type 'struct "};
    for (const char *line = text; *line; line += strcspn(line, "\n") + (line[strcspn(line, "\n")] == '\n'))
        for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
            const char *found = strstr(line, phrases[i]);
            if (!found || found > line + strcspn(line, "\n"))
                continue;
            found += strlen(phrases[i]);
            each(to, found, strcspn(found, "'\n "), line);
            break;
        }
}

struct names {
    struct missing rows[NAMES_MAX];
    size_t count;
};

static void
name_collect(void *to, const char *name, size_t length, const char *line)
{
    struct names *names = to;
    for (size_t i = 0; i < names->count; i++)
        if (strlen(names->rows[i].name) == length && !memcmp(names->rows[i].name, name, length))
            return;
    if (names->count < NAMES_MAX && length < sizeof names->rows->name)
        snprintf(names->rows[names->count++].name, sizeof names->rows->name, "%.*s", (int)length, name);
}

void
build_print_errors(const char *text)
{
    static struct names all;
    all.count = 0;
    fputs(text, stderr);
    build_unknown_names(text, name_collect, &all);
    bool is_pointer = strstr(text, "incompatible function pointer types") != NULL;
    for (size_t i = 0; i < all.count; i++) {
        const char *name = all.rows[i].name;
        const struct ddi_row *row = ddi_row_find(name);
        if (row)
            out_note("%s: %s in the DDI table%s; ndisbox ddi %s", name, ddi_status_name(row->status),
                     row->status == DDI_STATUS_ABSENT ? ", so no header declares it" : "", row->name);
        else
            out_note("%s: no header of ndisbox has it; if the driver makes it itself, an include or a -D is missing", name);
    }
    if (is_pointer)
        out_note(
            "a handler must have the Windows calling convention: declare it with its role type (NDIS_TIMER_FUNCTION MyTimer;) or NTAPI");
}
