// SPDX-License-Identifier: MIT
// ndisbox-stack(5) from the schema table: one section per map, one paragraph per key. `ndisbox stack-schema --man` writes it; the copy
// in docs/man is checked against this by a test.
#include <string.h>

#include "stack/stack_int.h"

#define MAPS_MAX 32

// roff: a hyphen that stays one, a backslash that stays one, no line that begins with a dot or a quote.
static void
man_text(const char *text, FILE *out)
{
    if (text[0] == '.' || text[0] == '\'')
        fputs("\\&", out);
    for (; *text; text++) {
        if (*text == '-')
            fputs("\\-", out);
        else if (*text == '\\')
            fputs("\\e", out);
        else
            fputc(*text, out);
    }
}

static void
man_key(const struct schema_key *key, struct stack_arena *arena, FILE *out)
{
    fputs(".TP\n.B ", out);
    man_text(key->name, out);
    fputs("\n", out);
    man_text(key->doc, out);
    fputs(".\n", out);
    if (key->later) {
        fputs("Reserved: ", out);
        man_text(key->later, out);
        fputs(".\n", out);
        return;
    }
    const char *words = schema_type_words(key, arena);
    fputs("Value: ", out);
    man_text(words, out);
    fputs(".\n", out);
    if (key->required)
        fputs("Required.\n", out);
    if (key->fallback) {
        fputs("Without it: ", out);
        man_text(key->fallback, out);
        fputs(".\n", out);
    }
}

static void
man_map(const struct schema_map *map, struct stack_arena *arena, FILE *out)
{
    fputs(".SS ", out);
    man_text(map->name, out);
    fputs("\n", out);
    man_text(map->doc, out);
    fputs(".\n", out);
    for (const struct schema_key *key = map->keys; key->name; key++)
        man_key(key, arena, out);
}

// Every map that can be reached, each once, in the order of first mention.
static size_t
maps_collect(const struct schema_map **maps)
{
    size_t count = 1;
    maps[0] = &schema_root;
    for (size_t i = 0; i < count; i++)
        for (const struct schema_key *key = maps[i]->keys; key->name; key++) {
            bool is_known = !key->map || key->later;
            for (size_t j = 0; !is_known && j < count; j++)
                is_known = maps[j] == key->map;
            if (!is_known && count < MAPS_MAX)
                maps[count++] = key->map;
        }
    for (const struct stack_bundled *driver = stack_bundled; driver->name; driver++)
        if (driver->service && count < MAPS_MAX)
            maps[count++] = driver->service;
    return count;
}

static const char head[] =
    ".\\\" Generated from the schema table by: ndisbox stack-schema --man. Do not edit.\n"
    ".TH NDISBOX\\-STACK 5 \"\" ndisbox \"File formats\"\n"
    ".SH NAME\nndisbox\\-stack \\- what boxes, adapters and wires ndisbox builds\n"
    ".SH DESCRIPTION\n"
    "A stack file is YAML 1.2 in UTF\\-8. Every value is text and gets its type from the key it stands behind, so that\n"
    ".BR on ,\n.B null\nand MAC addresses mean what they say. Unknown and repeated keys are errors; anchors, aliases and tags are not "
    "used.\n"
    "Paths are relative to the file. An error names file, line and column, the key, what was found and what is allowed.\n"
    ".PP\n"
    "One value can be replaced from the command line:\n"
    ".B \\-\\-set boxes.alpha.adapters.nic0.port=tap:nb0\n"
    "(\\fB\\e.\\fR is a dot in a key, a number is a place in a list, a value that begins with [ or { is YAML).\n"
    ".SH KEYS\n";

static const char values[] =
    ".SH REGISTRY VALUES AND SETTINGS\n"
    "A plain integer is a REG_DWORD; \\fBqword:N\\fR and \\fBhex:01 0a\\fR are a REG_QWORD and a REG_BINARY; a list is a REG_MULTI_SZ;\n"
    "anything else is a REG_SZ, as is every quoted value; a map is a key. A value whose name begins with * is a standard keyword and\n"
    "stays text, as an INF would write it. Names that differ only in case are the same.\n"
    ".SH BUNDLED DRIVERS\n";

static const char tail[] = ".SH EXAMPLES\n.nf\n"
                           "ndisbox: 1\n"
                           "boxes:\n"
                           "  alpha:\n"
                           "    adapters:\n"
                           "      nic0: { driver: vnic, port: \"wire:lan\", filters: [lwfmon], protocols: [echoproto] }\n"
                           "  beta:\n"
                           "    adapters:\n"
                           "      nic0: { driver: vnic, port: \"wire:lan\" }\n"
                           "wires:\n"
                           "  lan: { rate: 1Gbit, delay: 2ms, loss: 0.1% }\n"
                           "script:\n"
                           "  \\- traffic: { from: beta.nic0, to: alpha.nic0, frames: 1000 }\n"
                           "  \\- expect: { alpha.nic0.rx_frames: \">= 900\", findings: 0, within: 5s }\n"
                           ".fi\n"
                           ".SH SEE ALSO\n.BR ndisbox (1),\n.BR ndisbox\\-run (1)\n";

void
stack_schema_print_man(FILE *out)
{
    const struct schema_map *maps[MAPS_MAX];
    struct stack_arena *arena = stack_arena_create();
    size_t count = maps_collect(maps);
    fputs(head, out);
    for (size_t i = 0; i < count; i++)
        man_map(maps[i], arena, out);
    fputs(values, out);
    for (const struct stack_bundled *driver = stack_bundled; driver->name; driver++)
        fprintf(out, ".TP\n.B %s\n%s.\n", driver->name, stack_driver_kind_words(driver->kind));
    fputs(tail, out);
    stack_arena_destroy(arena);
}
