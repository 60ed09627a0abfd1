// SPDX-License-Identifier: MIT
// Where reports go besides stderr (--report F.json, F.txt, F.xml, F.sarif), and which are not wanted (--suppress F).
//   a suppression is a line: NBX-0107 fun:Name # why. It holds where the rule is broken with a function of that name (* is any text)
//   in the stack. Why must be said. Rules that the run cannot go on from are refused there.
#ifndef NBX_VERIFY_SINK_H
#define NBX_VERIFY_SINK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "verify/rules.h"

struct verify_sink;

struct verify_sink *verify_sink_create(void);
// Writes what is to be written last. irql: any. owns: frees it.
void verify_sink_destroy(struct verify_sink *sink);

// fails: false, with a sentence in error, when the name has none of the four ends or the file cannot be made.
bool verify_sink_report(struct verify_sink *sink, const char *path, char *error, size_t error_bytes);
bool verify_sink_suppress(struct verify_sink *sink, const char *path, char *error, size_t error_bytes);
// For the report's "replay" line. Borrows both.
void verify_sink_replay(struct verify_sink *sink, const char *command);
const char *verify_sink_replay_get(const struct verify_sink *sink);

// Is this finding suppressed? functions: of the stack, innermost first. Counts what matched.
bool verify_sink_hides(struct verify_sink *sink, enum verify_rule rule, const char *const *functions, size_t count);
// One finding. text as on stderr; owns: takes finding.
void verify_sink_add(struct verify_sink *sink, const char *text, json_t *finding);
// A finding of the run that breaks no rule of ours: a sentence, which may begin with "FILE:LINE:COL: error: ".
void verify_sink_say(struct verify_sink *sink, const char *text);
// Each suppression that matched nothing, as "FILE:LINE: NBX-0107 fun:Name".
void verify_sink_unused(const struct verify_sink *sink, void (*say)(void *context, const char *text), void *context);

#endif
