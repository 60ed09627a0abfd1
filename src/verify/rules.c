// SPDX-License-Identifier: MIT
// The table of rules and the look-up in it.
#include "verify/rules.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const struct verify_rule_row verify_rules[VERIFY_RULE_COUNT] = {
#define RULE(number, name, severity, demand, windows, breaks, keeps) {"NBX-" #number, #name, severity, demand, windows, breaks, keeps},
#include "verify/rules_table.h"
#undef RULE
};

const struct verify_rule_row *
verify_rule_find(const char *text)
{
    const char *digits = strncasecmp(text, "NBX-", 4) ? text : text + 4;
    char *end;
    unsigned long number = strtoul(digits, &end, 10);
    bool is_number = *digits && !*end;
    for (size_t i = 0; i < VERIFY_RULE_COUNT; i++) {
        const struct verify_rule_row *row = &verify_rules[i];
        if (is_number ? strtoul(row->id + 4, NULL, 10) == number : !strcasecmp(row->name, text))
            return row;
    }
    return NULL;
}
