// SPDX-License-Identifier: MIT
// The processes of a build. Signals are caught only while some run, and what was there before is put back.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/cpus.h"
#include "jobs.h"

extern char **environ;

static volatile sig_atomic_t caught;   // the signal that asks for the end

static void
on_signal(int number)
{
    caught = number;
}

bool
job_is_good(const struct job *job)
{
    return !job->start_errno && job->status >= 0 && WIFEXITED(job->status) && WEXITSTATUS(job->status) == 0;
}

static pid_t
job_start(struct job *job)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    pid_t pid = -1;
    const char *nowhere = "/dev/null";
    int flags = O_WRONLY | O_CREAT | O_TRUNC;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, 0, nowhere, O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, job->out_path ? job->out_path : nowhere, flags, 0666);
    posix_spawn_file_actions_addopen(&actions, 2, job->err_path ? job->err_path : nowhere, flags, 0666);
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGTERM);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    job->start_errno = posix_spawnp(&pid, job->argv[0], &actions, &attributes, job->argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return job->start_errno ? -1 : pid;
}

static void
kill_all(const pid_t *pids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (pids[i] > 0)
            kill(pids[i], SIGTERM);
}

// Start what may start, wait for one to end. Returns how many ended.
static size_t
step(struct job *jobs, size_t count, pid_t *pids, size_t *started, size_t *running, unsigned at_once)
{
    size_t failed = 0;
    while (!caught && *started < count && *running < at_once) {
        pids[*started] = job_start(&jobs[*started]);
        *running += pids[*started] > 0;
        failed += pids[*started] < 0;
        ++*started;
    }
    if (failed || !*running)
        return failed;
    // A signal just before the wait would only be seen after it: so wait in short steps.
    for (size_t i = 0; i < *started; i++) {
        int status;
        if (pids[i] <= 0 || waitpid(pids[i], &status, WNOHANG) != pids[i])
            continue;
        jobs[i].status = status;
        pids[i] = 0;
        --*running;
        return 1;
    }
    usleep(2000);
    return 0;
}

int
jobs_run(struct job *jobs, size_t count, unsigned at_once, const struct jobs_watch *watch)
{
    struct sigaction ask = {.sa_handler = on_signal}, before_int, before_term;
    pid_t *pids = calloc(count + 1, sizeof *pids);
    size_t started = 0, running = 0, done = 0;
    bool is_killed = false;
    if (!pids)
        abort();
    at_once = at_once ? at_once : cpus_usable();
    caught = 0;
    sigaction(SIGINT, &ask, &before_int);
    sigaction(SIGTERM, &ask, &before_term);
    for (size_t i = 0; i < count; i++)
        jobs[i].status = -1;
    while (running || (!caught && started < count)) {
        size_t ended = step(jobs, count, pids, &started, &running, at_once);
        done += ended;
        if (caught && !is_killed) {
            kill_all(pids, started);
            is_killed = true;
        }
        if (watch && watch->on_step)
            watch->on_step(watch->context, done, count);
    }
    sigaction(SIGINT, &before_int, NULL);
    sigaction(SIGTERM, &before_term, NULL);
    free(pids);
    return caught;
}
