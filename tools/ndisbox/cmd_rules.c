// SPDX-License-Identifier: MIT
// ndisbox rules: the verifier's rules for people and programs, and their pages: ndisbox-rules(7) and docs/rules/README.md.
#include <jansson.h>
#include <string.h>

#include "out.h"
#include "tool.h"
#include "verify/rules.h"

static const char *
severity_words(const struct verify_rule_row *row)
{
    static const char *const words[] = {"ends the run, and cannot be suppressed", "ends the run",
                                        "is counted: the run goes on, and ends with 1"};
    return words[row->severity];
}

static json_t *
row_json(const struct verify_rule_row *row)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:[s, s]}", "id", row->id, "name", row->name, "demand", row->demand, "windows",
                     row->windows, "severity", severity_words(row), "tests", row->breaks, row->keeps);
}

static void
row_print(const struct verify_rule_row *row)
{
    out_styled(stdout, OUT_STYLE_BOLD, "%s %s", row->id, row->name);
    printf("\n  %s\n  Windows   %s\n  broken    %s\n  tests     %s\n            %s\n  page      docs/rules/%s.md\n", row->demand,
           row->windows, severity_words(row), row->breaks, row->keeps, row->id);
}

static int
one(const struct args *args, const char *asked)
{
    const struct verify_rule_row *row = verify_rule_find(asked);
    if (!row) {
        out_error("no rule \"%s\"; ndisbox rules lists them", asked);
        return EXIT_USAGE;
    }
    if (!args_flag(args, "json")) {
        row_print(row);
        return EXIT_CLEAN;
    }
    json_t *json = row_json(row);
    json_dumpf(json, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(json);
    return EXIT_CLEAN;
}

int
cmd_rules(const struct args *args)
{
    if (args->operand_count)
        return one(args, args->operands[0]);
    json_t *all = json_array();
    for (size_t i = 0; i < VERIFY_RULE_COUNT; i++) {
        if (args_flag(args, "json"))
            json_array_append_new(all, row_json(&verify_rules[i]));
        else
            printf("%s  %-24s %s\n", verify_rules[i].id, verify_rules[i].name, verify_rules[i].windows);
    }
    if (args_flag(args, "json")) {
        json_dumpf(all, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
    }
    json_decref(all);
    return EXIT_CLEAN;
}

// ---- the pages --------------------------------------------------------------------------------------------------------------------------

static void
man_text(const char *text, FILE *out)
{
    for (; *text; text++)
        fputs(*text == '-' ? "\\-" : *text == '\\' ? "\\e" : (char[]){*text, 0}, out);
    fputc('\n', out);
}

void
rules_print_man(FILE *out)
{
    fputs(".\\\" Generated from src/verify/rules_table.h by: ndisbox docs --write. Do not edit.\n"
          ".TH NDISBOX\\-RULES 7 \"\" \"ndisbox\"\n.SH NAME\nndisbox\\-rules \\- what the verifier demands of drivers\n.SH DESCRIPTION\n"
          "Each rule has an id that never changes its meaning. A report says which was broken, by which driver, at which call, and what "
          "had happened to the object. With \\fB\\-\\-suppress\\fR a file of lines like \\fBNBX\\-0107 fun:Name # why\\fR says which "
          "reports are not wanted.\n.SH RULES\n",
          out);
    for (size_t i = 0; i < VERIFY_RULE_COUNT; i++) {
        const struct verify_rule_row *row = &verify_rules[i];
        fputs(".TP\n.B ", out);
        man_text(row->id, out);
        fprintf(out, ".I %s\n.br\n", row->name);
        man_text(row->demand, out);
        fputs(".br\nWindows: ", out);
        man_text(row->windows, out);
        fputs(".br\nBroken, it ", out);
        man_text(severity_words(row), out);
    }
    fputs(".SH SEE ALSO\n.BR ndisbox (1),\n.BR ndisbox\\-rules (1)\n", out);
}

void
rules_print_table(FILE *out)
{
    fputs("<!-- Generated from src/verify/rules_table.h by: ndisbox docs --write. Do not edit. -->\n# Rules\n\nAn id never changes its "
          "meaning. Each rule has a page, a test with a driver that breaks it and is caught, and one with a driver that keeps it and is "
          "not.\n\n| rule | demand | Windows | broken, it | caught in | not in |\n|---|---|---|---|---|---|\n",
          out);
    for (size_t i = 0; i < VERIFY_RULE_COUNT; i++) {
        const struct verify_rule_row *row = &verify_rules[i];
        fprintf(out, "| [%s](%s.md) %s | %s | %s | %s | `%s` | `%s` |\n", row->id, row->id, row->name, row->demand, row->windows,
                severity_words(row), row->breaks, row->keeps);
    }
}
