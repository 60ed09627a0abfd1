// SPDX-License-Identifier: MIT
// Runs the built tool as a user does: a shell line, and what came out of it.
#ifndef NBX_TESTS_TOOL_TEST_H
#define NBX_TESTS_TOOL_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/harness.h"

struct told {
    int code;                    // exit code; 1000 + signal
    char out[1 << 20], err[16384];
};

// `ndisbox ARGUMENTS`, in a folder of this test's own, where vnic.so, lwfmon.so, echoproto.so and tapproto.so stand in for the drivers.
const struct told *tool(const char *arguments);
const char *tool_folder(void);
// Writes a file into that folder.
void tool_file(const char *name, const void *bytes, size_t length_bytes);
void tool_text(const char *name, const char *text);

void told_has(const char *where, const char *text, const char *wanted, int line);
#define out_has(told, wanted) told_has("stdout", (told)->out, wanted, __LINE__)
#define err_has(told, wanted) told_has("stderr", (told)->err, wanted, __LINE__)

#endif
