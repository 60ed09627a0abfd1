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
    unsigned count;
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
static void
name_collect(const char *line, struct missing *names, size_t *count)
{
    static const char *const phrases[] = {"unknown type name '", "use of undeclared identifier '",
                                          "call to undeclared function '", "call to undeclared library function '",
                                          "incomplete type 'struct ", "incomplete definition of type 'struct "};
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++) {
        const char *found = strstr(line, phrases[i]), *end = strchr(line, '\n');
        if (!found || (end && found > end))
            continue;
        found += strlen(phrases[i]);
        size_t length = strcspn(found, "'\n ");
        if (length >= sizeof names->name)
            return;
        for (size_t j = 0; j < *count; j++)
            if (strlen(names[j].name) == length && !memcmp(names[j].name, found, length)) {
                names[j].count++;
                return;
            }
        if (*count < NAMES_MAX) {
            snprintf(names[*count].name, sizeof names->name, "%.*s", (int)length, found);
            names[(*count)++].count = 1;
        }
        return;
    }
}

void
build_print_errors(const char *text)
{
    static struct missing names[NAMES_MAX];
    size_t count = 0;
    fputs(text, stderr);
    for (const char *line = text; *line; line += strcspn(line, "\n") + (line[strcspn(line, "\n")] == '\n'))
        name_collect(line, names, &count);
    bool is_pointer = strstr(text, "incompatible function pointer types") != NULL;
    for (size_t i = 0; i < count; i++) {
        const struct ddi_row *row = ddi_row_find(names[i].name);
        if (row)
            out_note("%s: %s in the DDI table%s; ndisbox ddi %s", names[i].name, ddi_status_name(row->status),
                     row->status == DDI_STATUS_ABSENT ? ", so no header declares it" : "", row->name);
        else
            out_note("%s: no header of ndisbox has it; if the driver makes it itself, an include or a -D is missing", names[i].name);
    }
    if (is_pointer)
        out_note(
            "a handler must have the Windows calling convention: declare it with its role type (NDIS_TIMER_FUNCTION MyTimer;) or NTAPI");
}
