// SPDX-License-Identifier: MIT
// The records of the interface `events` as a story: a line for each thing that happened, with its time and who called whom. A call that
// went through several drivers is one line, and data between two other lines is counted. For run --timeline, demo, trace --as timeline.
#ifndef NBX_TOOL_TIMELINE_H
#define NBX_TOOL_TIMELINE_H

#include <stdint.h>
#include <stdio.h>

struct timeline;

struct timeline *timeline_create(void);          // fails: NULL
// A record, as watch_event wrote it. From any thread; in the order of time but for what happens at once.
void timeline_add(struct timeline *timeline, uint64_t unix_ns, const char *text);
void timeline_print(const struct timeline *timeline, FILE *stream);
void timeline_destroy(struct timeline *timeline);

#endif
