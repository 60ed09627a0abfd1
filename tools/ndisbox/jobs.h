// SPDX-License-Identifier: MIT
// Several commands at once: each with its stdout and stderr in files, in the order given, as many at a time as the machine has
// processors. The first SIGINT or SIGTERM ends those that run and starts no more.
#ifndef NBX_TOOL_JOBS_H
#define NBX_TOOL_JOBS_H

#include <stdbool.h>
#include <stddef.h>

struct job {
    char *const *argv;           // NULL ends; found through PATH
    const char *out_path, *err_path;   // NULL: /dev/null
    int status;                  // as waitpid gives it; -1: never started
    int start_errno;             // not 0: could not be started
};

struct jobs_watch {
    void *context;
    void (*on_step)(void *context, size_t done, size_t count);   // now and then while they run
};

// Run them all. at_once 0: one for each processor. Returns 0, or the signal that ended the work.
int jobs_run(struct job *jobs, size_t count, unsigned at_once, const struct jobs_watch *watch);
bool job_is_good(const struct job *job);

#endif
