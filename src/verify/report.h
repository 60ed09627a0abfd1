// SPDX-License-Identifier: MIT
// The report of a broken rule, in the form of docs/interfaces.md: FILE:LINE:COL: error: SENTENCE [NBX-0107] at the driver's innermost
// frame, what Windows says, driver, object and its history with stacks, where and when, and the stack that showed it.
#ifndef NBX_VERIFY_REPORT_H
#define NBX_VERIFY_REPORT_H

#include <stdbool.h>

#include "verify/history.h"
#include "verify/rules.h"

struct verify_finding {
    enum verify_rule rule;
    const struct io_image *driver;            // who broke it; NULL: whoever runs
    const char *function;                     // the call at which it showed
    const char *text;                         // one sentence, without full stop
    bool is_sentence;                         // it names the function itself, which is not put before it
    const char *inside;                       // the DDI that was running; NULL: none, or function says it
    const char *object_kind;                  // "NET_BUFFER_LIST", NULL: no object
    const void *object;
    const struct verify_history *history;     // NULL: none
    const void *const *frames;                // NULL: the stack of the call of verify_report
    size_t frame_count;
    bool is_return;                           // frames[0] is a return address as the others are
    const void *at;                           // the one of frames that the report points at; NULL: the driver's innermost
};

// Say it: on stderr, in the report files, to whoever runs the box (box->on_finding). A rule of severity ENDS ends the process with 1; one
// that COUNTS, and one that is suppressed, returns. The same rule broken by the same driver at the same place is said once.
// irql: any   locks: none taken   owns: borrows all   fails: never
void verify_report(const struct verify_finding *finding);
// The same for a rule of severity FATAL: it does not return.
_Noreturn void verify_report_fatal(const struct verify_finding *finding);
// Say it and return, whatever the rule's severity: the caller ends the process (a fault, crash.c).
void verify_report_last(const struct verify_finding *finding);
// Is this source file the runtime's, as against a driver that lives in the program (tests)?
bool report_is_runtime(const char *file);
// The usual case: no object.
void verify_rule_broken(enum verify_rule rule, const char *function, const char *format, ...) __attribute__((format(printf, 3, 4)));
_Noreturn void verify_rule_fatal(enum verify_rule rule, const char *function, const char *text);

#endif
