// SPDX-License-Identifier: MIT
// The verb table as --help text, wrapped at 100 columns. The manual pages are in help_man.c, completion is in help_bash.c.
#include <string.h>

#include "out.h"
#include "tool.h"

#define WIDTH 100

// Words of text from column indent on; the caller has printed up to column at.
static void
print_wrapped(const char *text, size_t indent, size_t at, FILE *out)
{
    while (*text) {
        size_t word = strcspn(text, " \n");
        if (at > indent && at + 1 + word > WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
        }
        if (at > indent) {
            fputc(' ', out);
            at++;
        } else if (at < indent) {
            fprintf(out, "%*s", (int)(indent - at), "");
            at = indent;
        }
        fprintf(out, "%.*s", (int)word, text);
        at += word;
        text += word;
        for (; *text == '\n'; text++) {
            fputc('\n', out);
            at = 0;
        }
        text += *text == ' ';
    }
    fputc('\n', out);
}

static void
print_options(const struct option_row *rows, FILE *out)
{
    for (; rows->name; rows++) {
        char left[96];
        int length = snprintf(left, sizeof left, "  %s%c%s--%s%s%s", rows->letter ? "-" : " ", rows->letter ? rows->letter : ' ',
                              rows->letter ? ", " : "  ", rows->name, rows->value ? " " : "", rows->value ? rows->value : "");
        fputs(left, out);
        size_t indent = 32, at = (size_t)length;
        if (at + 2 > indent) {
            fputc('\n', out);
            at = 0;
        }
        char text[512];
        snprintf(text, sizeof text, "%s%s%s%s", rows->doc, rows->later ? " (not available: " : "", rows->later ? rows->later : "",
                 rows->later ? ")" : "");
        print_wrapped(text, indent, at, out);
    }
}

static void
print_title(const char *title, FILE *out)
{
    fputc('\n', out);
    out_styled(out, OUT_STYLE_BOLD, "%s", title);
    fputc('\n', out);
}

void
help_print(FILE *out)
{
    fputs("ndisbox runs Windows network drivers on Linux, in one ordinary process, on real packets.\n", out);
    print_title("usage", out);
    fputs("  ndisbox VERB [OPTION]...\n  ndisbox VERB --help\n", out);
    print_title("verbs", out);
    for (const struct verb *verb = verbs; verb->name; verb++)
        if (!verb->is_hidden && !verb->later)
            fprintf(out, "  %-10s %s\n", verb->name, verb->summary);
    print_title("not built yet", out);
    for (const struct verb *verb = verbs; verb->name; verb++)
        if (verb->later)
            fprintf(out, "  %-10s %s\n", verb->name, verb->summary);
    print_title("options of every verb", out);
    print_options(common_options, out);
    print_title("first steps", out);
    fputs("  ndisbox demo                        see it work; needs no privileges\n"
          "  ndisbox demo --print-stack > a.yaml  a stack file to start from\n"
          "  ndisbox run a.yaml --check          what it would build\n",
          out);
}

void
help_print_verb(const struct verb *verb, FILE *out)
{
    fprintf(out, "ndisbox %s - %s\n", verb->name, verb->summary);
    print_title("usage", out);
    for (const char *line = verb->synopsis; *line;) {
        size_t length = strcspn(line, "\n");
        fprintf(out, "  ndisbox %s %.*s\n", verb->name, (int)length, line);
        line += length + (line[length] == '\n');
    }
    fputc('\n', out);
    print_wrapped(verb->about, 0, 0, out);
    if (verb->options && verb->options->name) {
        print_title("options", out);
        print_options(verb->options, out);
    }
    print_title("options of every verb", out);
    print_options(common_options, out);
    print_title("exit status", out);
    fputs("  0  clean\n", out);
    if (verb->exits) {
        fputs("  1  ", out);
        print_wrapped(verb->exits, 5, 5, out);
    }
    fputs("  2  bad usage or input; nothing was started\n  3  the machine could not give it\n", out);
    print_title("examples", out);
    for (const char *line = verb->examples; *line;) {
        size_t length = strcspn(line, "\n");
        fprintf(out, "  %.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
}
