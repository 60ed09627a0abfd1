// SPDX-License-Identifier: MIT
// The verb table as a bash completion script; completion/ndisbox.bash holds the copy. It needs bash alone, not bash-completion.
#include <string.h>

#include "tool.h"

static void
print_option_words(const struct option_row *rows, FILE *out)
{
    for (; rows && rows->name; rows++)
        if (!rows->later)
            fprintf(out, " --%s", rows->name);
}

static void
print_values(const struct option_row *rows, const char *verb, FILE *out)
{
    for (; rows && rows->name; rows++) {
        if (rows->kind == OPTION_WORD) {
            fprintf(out, "    %s:--%s) words=\"", verb, rows->name);
            for (size_t i = 0; rows->words[i]; i++)
                fprintf(out, "%s%s", i ? " " : "", rows->words[i]);
            fputs("\" ;;\n", out);
        } else if (rows->kind != OPTION_FLAG && rows->kind != OPTION_FILE) {
            fprintf(out, "    %s:--%s) return ;;\n", verb, rows->name);
        } else if (rows->kind == OPTION_FILE) {
            fprintf(out, "    %s:--%s) files=yes ;;\n", verb, rows->name);
        }
    }
}

static void
print_verb(const struct verb *verb, FILE *out)
{
    fprintf(out, "    %s:-*) words=\"--help --version --quiet --verbose --color", verb->name);
    print_option_words(verb->options, out);
    fputs("\" ;;\n", out);
    if (verb->operands) {
        fprintf(out, "    %s:*) words=\"", verb->name);
        for (size_t i = 0; verb->operands[i]; i++)
            fprintf(out, "%s%s", i ? " " : "", verb->operands[i]);
        fputs("\" ;;\n", out);
    } else if (!strcmp(verb->name, "ddi")) {
        fprintf(out, "    %s:?*) words=$(ndisbox ddi \"$word*\" 2>/dev/null | sed -n 's/^\\([A-Za-z_][A-Za-z0-9_]*\\) .*/\\1/p') ;;\n",
                verb->name);
    } else if (verb->operand_max) {
        fprintf(out, "    %s:*) files=yes ;;\n", verb->name);
    }
}

void
help_print_bash(FILE *out)
{
    fputs("# Generated from the verb table by: ndisbox docs --write. Do not edit.\n"
          "# bash completion of ndisbox: source it, or copy it to /usr/share/bash-completion/completions/ndisbox\n"
          "# shellcheck disable=SC2207\n"
          "_ndisbox() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} verb='' words='' files='' i\n"
          "    COMPREPLY=()\n"
          "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
          "        [[ ${COMP_WORDS[i]} == -* ]] || { verb=${COMP_WORDS[i]}; break; }\n"
          "    done\n"
          "    case $verb:$before in\n"
          "    *:--color) words=\"auto always never\" ;;\n",
          out);
    for (const struct verb *verb = verbs; verb->name; verb++)
        if (!verb->is_hidden)
            print_values(verb->options, verb->name, out);
    fputs("    esac\n"
          "    [[ $words$files ]] || case $verb:$word in\n"
          "    :-*) words=\"--help --version --quiet --verbose --color\" ;;\n"
          "    :*) words=\"help",
          out);
    for (const struct verb *verb = verbs; verb->name; verb++)
        if (!verb->is_hidden && !verb->later)
            fprintf(out, " %s", verb->name);
    fputs("\" ;;\n", out);
    for (const struct verb *verb = verbs; verb->name; verb++)
        if (!verb->is_hidden && !verb->later)
            print_verb(verb, out);
    fputs("    esac\n"
          "    local IFS=$'\\n'\n"
          "    if [[ $files ]]; then\n"
          "        compopt -o filenames 2>/dev/null\n"
          "        COMPREPLY=($(compgen -f -- \"$word\"))\n"
          "    else\n"
          "        COMPREPLY=($(IFS=$' \\n'; compgen -W \"$words\" -- \"$word\"))\n"
          "    fi\n"
          "}\n"
          "complete -F _ndisbox ndisbox\n",
          out);
}
