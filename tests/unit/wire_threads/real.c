// SPDX-License-Identifier: MIT
// Tests on OS threads and in network namespaces; see real.h.
#include "real.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct real {
    struct sched *sched;
    real_body_fn body;
};

static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;
static char said[65536];

static void
real_on_message(void *context, const char *text)
{
    pthread_mutex_lock(&said_lock);
    size_t used = strlen(said);
    snprintf(said + used, sizeof(said) - used, "%s\n", text);
    pthread_mutex_unlock(&said_lock);
}

bool
real_said(struct sched *sched, const char *words, uint64_t within_ns)
{
    uint64_t deadline_ns = sched_now_ns(sched) + within_ns;
    for (;;) {
        pthread_mutex_lock(&said_lock);
        bool found = strstr(said, words) != NULL;
        pthread_mutex_unlock(&said_lock);
        if (found || sched_now_ns(sched) > deadline_ns)
            return found;
        usleep(10000);
    }
}

static void
real_main(void *arg)
{
    struct real *real = arg;
    struct port_world *world = port_world_create(real->sched);
    port_world_on_message(world, real_on_message, NULL);
    real->body(real->sched, world);
    port_world_destroy(world);
}

void
real_run(real_body_fn body)
{
    struct sched *sched = sched_threads_create(1);
    struct real real = {sched, body};
    ck_assert_ptr_nonnull(sched);
    ck_assert_int_eq(sched_run(sched, "test", real_main, &real, NULL), 0);
    sched_destroy(sched);
}

bool
real_netns_enter(const char *test)
{
    if (unshare(CLONE_NEWNET) == 0)
        return true;
    fprintf(stderr, "SKIP %s: a network namespace of its own needs CAP_SYS_ADMIN: %s\n", test, strerror(errno));
    return false;
}

void
real_shell(const char *command)
{
    int rc = system(command);
    ck_assert_msg(rc == 0, "%s: exit %d", command, rc);
}
