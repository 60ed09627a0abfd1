// SPDX-License-Identifier: MIT
// See reports.h.
#include "reports.h"

#include "out.h"
#include "verify/sink.h"

#define REPORTS_MAX 16

static bool
each(const struct args *args, const char *option, struct verify_sink *sink,
     bool (*fn)(struct verify_sink *sink, const char *path, char *error, size_t error_bytes))
{
    const char *paths[REPORTS_MAX];
    char error[600];
    size_t count = args_list(args, option, paths, REPORTS_MAX);
    if (count > REPORTS_MAX) {
        out_error("--%s: at most %d", option, REPORTS_MAX);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        if (!fn(sink, paths[i], error, sizeof error)) {
            out_error("--%s %s", option, error);
            return false;
        }
    return true;
}

bool
reports_open(const struct args *args, struct verify_sink **sink)
{
    *sink = NULL;
    if (!args_text(args, "report") && !args_text(args, "suppress"))
        return true;
    if (args_text(args, "verify") && args_word(args, "verify", 1) == 0) {
        out_error("--report and --suppress need the verifier: leave out --verify off");
        return false;
    }
    struct verify_sink *made = verify_sink_create();
    if (made && each(args, "suppress", made, verify_sink_suppress) && each(args, "report", made, verify_sink_report)) {
        *sink = made;
        return true;
    }
    verify_sink_destroy(made);
    return false;
}

static void
unused_say(void *context, const char *text)
{
    (void)context;
    out_note("%s", text);
}

void
reports_close(struct verify_sink *sink)
{
    if (sink)
        verify_sink_unused(sink, unused_say, NULL);
    verify_sink_destroy(sink);
}
