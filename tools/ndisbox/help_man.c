// SPDX-License-Identifier: MIT
// The verb table as manual pages: ndisbox(1) and one ndisbox-VERB(1) for each verb. Generated; docs/man holds the copies.
#include <ctype.h>
#include <string.h>

#include "tool.h"

static const char generated[] = ".\\\" Generated from the verb table by: ndisbox docs --write. Do not edit.\n";

static void
man_char(char c, FILE *out)
{
    if (c == '-')
        fputs("\\-", out);
    else if (c == '\\')
        fputs("\\e", out);
    else
        fputc(c, out);
}

static void
man_text(const char *text, size_t length, FILE *out)
{
    if (length && (text[0] == '.' || text[0] == '\''))
        fputs("\\&", out);
    for (size_t i = 0; i < length; i++)
        man_char(text[i], out);
}

static void
man_upper(const char *text, FILE *out)
{
    for (; *text; text++)
        man_char((char)toupper((unsigned char)*text), out);
}

static void
man_paragraphs(const char *text, FILE *out)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        man_text(text, length, out);
        fputc('\n', out);
        text += length;
        if (*text)
            fputs(".PP\n", out);
        text += strspn(text, "\n");
    }
}

static void
man_options(const struct option_row *rows, FILE *out)
{
    for (; rows->name; rows++) {
        fputs(".TP\n", out);
        if (rows->letter)
            fprintf(out, "\\fB\\-%c\\fR, ", rows->letter);
        fputs("\\fB\\-\\-", out);
        man_text(rows->name, strlen(rows->name), out);
        fputs("\\fR", out);
        if (rows->value) {
            fputs(" \\fI", out);
            man_text(rows->value, strlen(rows->value), out);
            fputs("\\fR", out);
        }
        fputc('\n', out);
        man_text(rows->doc, strlen(rows->doc), out);
        fputs(".\n", out);
        if (rows->later) {
            fputs("Not available: ", out);
            man_text(rows->later, strlen(rows->later), out);
            fputs(".\n", out);
        }
    }
}

static void
man_exits(const char *finding, FILE *out)
{
    fputs(".SH EXIT STATUS\n.TP\n.B 0\nRan and clean. The first SIGINT or SIGTERM ends in order and keeps 0 or 1.\n", out);
    if (finding) {
        fputs(".TP\n.B 1\nA finding: ", out);
        man_text(finding, strlen(finding), out);
        fputs(".\n", out);
    }
    fputs(".TP\n.B 2\nBad usage or input; nothing was started.\n"
          ".TP\n.B 3\nThe machine could not give it; the message says what, and how to get it.\n"
          ".TP\n.BR 130 \", \" 143\nA second SIGINT or SIGTERM ended it at once.\n",
          out);
}

static void
man_examples(const char *examples, FILE *out)
{
    fputs(".SH EXAMPLES\n", out);
    for (const char *line = examples; *line;) {
        size_t length = strcspn(line, "\n");
        const char *comment = strstr(line, "  # ");
        size_t command = comment && comment < line + length ? (size_t)(comment - line) : length;
        fputs(".TP\n.B ", out);
        man_text(line, command, out);
        fputc('\n', out);
        if (command < length) {
            man_text(comment + 4, length - command - 4, out);
            fputs(".\n", out);
        }
        line += length + (line[length] == '\n');
    }
}

void
help_print_man(FILE *out)
{
    fputs(generated, out);
    fputs(".TH NDISBOX 1 \"\" ndisbox \"User commands\"\n.SH NAME\nndisbox \\- run Windows network drivers on Linux\n"
          ".SH SYNOPSIS\n.B ndisbox\n.I VERB\n[\\fIOPTION\\fR]...\n.SH DESCRIPTION\n"
          "Runs Windows network drivers (NDIS 6 miniport, protocol and filter drivers) on Linux, in one ordinary process, on real "
          "packets.\n"
          "Results go to standard output, everything else to standard error.\n.SH VERBS\n",
          out);
    for (const struct verb *verb = verbs; verb->name; verb++) {
        if (verb->is_hidden)
            continue;
        fputs(".TP\n.B ", out);
        man_text(verb->name, strlen(verb->name), out);
        fputc('\n', out);
        man_text(verb->summary, strlen(verb->summary), out);
        fputs(verb->later ? ". Not built yet.\n" : ".\n", out);
    }
    fputs(".SH OPTIONS\nEvery verb has these.\n", out);
    man_options(common_options, out);
    fputs(".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nWhen set and not empty, no colour unless \\-\\-color=always.\n"
          ".TP\n.B NDISBOX_DRIVERS\nThe folder of the bundled drivers; without it, drivers/ beside the tool.\n",
          out);
    man_exits("a broken rule, a crash of a driver, a sanitizer report, a hang, a leak, or a failed expectation", out);
    man_examples("ndisbox demo  # see it work\nndisbox demo --print-stack > a.yaml  # a stack file to start from\n"
                 "ndisbox run a.yaml --check  # what it would build",
                 out);
    fputs(".SH SEE ALSO\n", out);
    for (const struct verb *verb = verbs; verb->name; verb++)
        if (!verb->is_hidden && !verb->later)
            fprintf(out, ".BR ndisbox\\-%s (1),\n", verb->name);
    fputs(".BR ndisbox\\-stack (5)\n", out);
}

void
help_print_man_verb(const struct verb *verb, FILE *out)
{
    fputs(generated, out);
    fputs(".TH NDISBOX\\-", out);
    man_upper(verb->name, out);
    fprintf(out, " 1 \"\" ndisbox \"User commands\"\n.SH NAME\nndisbox\\-%s \\- ", verb->name);
    man_text(verb->summary, strlen(verb->summary), out);
    fputs("\n.SH SYNOPSIS\n.nf\n", out);
    for (const char *line = verb->synopsis; *line;) {
        size_t length = strcspn(line, "\n");
        fprintf(out, "\\fBndisbox %s\\fR ", verb->name);
        man_text(line, length, out);
        fputc('\n', out);
        line += length + (line[length] == '\n');
    }
    fputs(".fi\n.SH DESCRIPTION\n", out);
    man_paragraphs(verb->about, out);
    fputs(".SH OPTIONS\n", out);
    if (verb->options)
        man_options(verb->options, out);
    man_options(common_options, out);
    man_exits(verb->exits, out);
    man_examples(verb->examples, out);
    fputs(".SH SEE ALSO\n.BR ndisbox (1),\n.BR ndisbox\\-stack (5)\n", out);
}
