// SPDX-License-Identifier: MIT
// Findings in the formats of other people's tools. A finding is the object that report.c makes (docs/interfaces.md, "Reports"), or that of
// verify_sink_say, which has no rule.
#ifndef NBX_VERIFY_FORMATS_H
#define NBX_VERIFY_FORMATS_H

#include <jansson.h>
#include <stdbool.h>

// SARIF 2.1.0 [OASIS sarif-v2.1.0-os]: a result for each finding at its place in the driver, its stack, and the history of its object as a
// code flow. Files below the working directory are named relative to it, others by a file URI. owns: returns a document. fails: NULL,
// out of memory.
json_t *verify_sarif(const json_t *findings);
// A JUnit document: a failed test case for each finding, texts[i] being what was said of it, or one that passed if there is none. fails:
// false, with errno.
bool verify_junit(const json_t *findings, const json_t *texts, const char *path);

#endif
