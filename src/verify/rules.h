// SPDX-License-Identifier: MIT
// The rules, as data: an id that never changes its meaning, what is demanded, what Windows calls a breach, and the two tests of each.
// rules_table.h is the list;
// `ndisbox rules`, ndisbox-rules(7) and docs/rules/README.md are written from it, and a test holds it against the tests that it names.
#ifndef NBX_VERIFY_RULES_H
#define NBX_VERIFY_RULES_H

#include <stddef.h>
#include <stdint.h>

enum verify_severity {
    FATAL,                                    // ends the run: the call that broke the rule has nothing to go on with
    ENDS,                                     // ends the run, unless it is suppressed
    COUNTS                                    // the run goes on, and ends with 1
};

enum verify_rule {
#define RULE(number, name, severity, demand, windows, breaks, keeps) NBX_##number,
#include "verify/rules_table.h"
#undef RULE
    VERIFY_RULE_COUNT
};

struct verify_rule_row {
    const char *id;                           // "NBX-0107"
    const char *name;                         // "OidDoubleComplete": one word
    enum verify_severity severity;
    const char *demand;                       // what a driver has to do, one sentence
    const char *windows;                      // what Windows says of it, or "-"
    const char *breaks;                       // the test with a driver that breaks it
    const char *keeps;                        // the test with one that keeps it
};

extern const struct verify_rule_row verify_rules[VERIFY_RULE_COUNT];

// "NBX-0107", "nbx-107", "107" or the name. NULL: none. irql: any
const struct verify_rule_row *verify_rule_find(const char *text);

#endif
