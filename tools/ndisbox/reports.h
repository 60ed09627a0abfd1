// SPDX-License-Identifier: MIT
// --report and --suppress: where reports go besides stderr, and which are not wanted (verify/sink.h).
#ifndef NBX_TOOL_REPORTS_H
#define NBX_TOOL_REPORTS_H

#include <stdbool.h>

#include "tool.h"

struct verify_sink;

// *sink: NULL without these options. fails: false, said on stderr; nothing was started.
bool reports_open(const struct args *args, struct verify_sink **sink);
// Says which suppressions matched nothing, and frees.
void reports_close(struct verify_sink *sink);

#endif
