// SPDX-License-Identifier: MIT
// The real-time scheduler behind sched.h: OS threads, CLOCK_MONOTONIC, futexes.
//   start  pthread_create -> threads_main sets sched_self -> fn; the record lives until join, so that destroy can name what is left
//   run    the calling OS thread borrows a record for fn's length
//   wait   FUTEX_WAIT_BITSET with an absolute deadline: no drift from recomputed timeouts; wake is FUTEX_WAKE
//   draw   one seeded stream under a lock: the numbers are the seed's, who gets which is thread timing
#include "host/sched.h"

#include <errno.h>
#include <linux/futex.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "base/prng.h"
#include "host/fault.h"
#include "host/stack.h"

_Thread_local struct sched_thread *sched_self;

struct threads_sched {
    struct sched base;
    uint64_t start_ns;           // CLOCK_MONOTONIC at creation: time 0 of sched_now_ns
    uint64_t start_ticks;        // sched_ticks then
    pthread_mutex_t lock;        // leaf: guards the fields below
    struct prng prng;
    struct list threads;         // every record not yet joined, in the order of creation
    uint32_t next_id;
};

struct threads_thread {
    struct sched_thread base;
    struct list node;
    pthread_t handle;
    sched_thread_fn fn;
    void *arg;
    char name[];
};

static struct threads_sched *
threads_from(struct sched *s)
{
    return (struct threads_sched *)s;
}

static uint64_t
threads_clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct threads_thread *
threads_thread_create(struct threads_sched *sched, const char *name, sched_thread_fn fn, void *arg, void *user)
{
    size_t name_bytes = strlen(name) + 1;
    struct threads_thread *t = calloc(1, sizeof *t + name_bytes);
    if (!t)
        return NULL;
    memcpy(t->name, name, name_bytes);
    t->base.sched = &sched->base;
    t->base.user = user;
    t->base.name = t->name;
    t->fn = fn;
    t->arg = arg;
    pthread_mutex_lock(&sched->lock);
    t->base.id = sched->next_id++;
    list_push_back(&sched->threads, &t->node);
    pthread_mutex_unlock(&sched->lock);
    return t;
}

static void
threads_thread_destroy(struct threads_sched *sched, struct threads_thread *t)
{
    pthread_mutex_lock(&sched->lock);
    list_remove(&t->node);
    pthread_mutex_unlock(&sched->lock);
    free(t);
}

static void *
threads_main(void *context)
{
    struct threads_thread *t = context;
    char short_name[16];
    snprintf(short_name, sizeof short_name, "%s", t->name);
    pthread_setname_np(pthread_self(), short_name);
    stack_bounds_get(&t->base.stack_low, &t->base.stack_high);
    sched_self = &t->base;
    void *signal_stack = fault_stack_get();
    t->fn(t->arg);
    fault_stack_put(signal_stack);
    sched_self = NULL;
    return NULL;
}

static int
threads_thread_start(struct sched *s, const char *name, sched_thread_fn fn, void *arg, void *user, struct sched_thread **out)
{
    struct threads_sched *sched = threads_from(s);
    struct threads_thread *t = threads_thread_create(sched, name, fn, arg, user);
    if (!t)
        return -ENOMEM;
    // The new thread may read *out at once (through the caller's structure), so it is set first.
    *out = &t->base;
    int error = pthread_create(&t->handle, NULL, threads_main, t);
    if (error) {
        *out = NULL;
        threads_thread_destroy(sched, t);
        return error == ENOMEM ? -ENOMEM : -EAGAIN;
    }
    return 0;
}

static void
threads_thread_join(struct sched *s, struct sched_thread *thread)
{
    struct threads_thread *t = (struct threads_thread *)thread;
    int error = pthread_join(t->handle, NULL);
    if (error) {
        fprintf(stderr, "ndisbox: cannot join thread %u \"%s\": %s\n", thread->id, thread->name, strerror(error));
        abort();
    }
    threads_thread_destroy(threads_from(s), t);
}

static int
threads_run(struct sched *s, const char *name, sched_thread_fn fn, void *arg, void *user)
{
    struct threads_sched *sched = threads_from(s);
    struct threads_thread *t = threads_thread_create(sched, name, fn, arg, user);
    if (!t)
        return -ENOMEM;
    stack_bounds_get(&t->base.stack_low, &t->base.stack_high);
    struct sched_thread *outer = sched_self;
    sched_self = &t->base;
    fn(arg);
    sched_self = outer;
    threads_thread_destroy(sched, t);
    return 0;
}

static int
threads_wait(struct sched *s, _Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
    uint64_t at_ns;
    struct timespec at, *deadline = NULL;
    if (atomic_load_explicit(word, memory_order_acquire) != expected)
        return 0;
    // A deadline past the clock's range is no deadline.
    if (deadline_ns != SCHED_NEVER && !__builtin_add_overflow(threads_from(s)->start_ns, deadline_ns, &at_ns)) {
        at.tv_sec = (time_t)(at_ns / 1000000000u);
        at.tv_nsec = (long)(at_ns % 1000000000u);
        deadline = &at;
    }
    long r = syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected, deadline, NULL, FUTEX_BITSET_MATCH_ANY);
    return r < 0 && errno == ETIMEDOUT ? -ETIMEDOUT : 0;
}

static void
threads_wake(struct sched *s, _Atomic uint32_t *word, uint32_t count)
{
    syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count > INT_MAX ? INT_MAX : (int)count, NULL, NULL, 0);
}

static uint64_t
threads_now_ns(struct sched *s)
{
    return threads_clock_ns(CLOCK_MONOTONIC) - threads_from(s)->start_ns;
}

static uint64_t
threads_ticks_ns(struct sched *s, uint64_t ticks)
{
    uint64_t passed_ticks = sched_ticks(s) - threads_from(s)->start_ticks, at = ticks - threads_from(s)->start_ticks;
    if (!passed_ticks || ticks < threads_from(s)->start_ticks)
        return 0;
    return (uint64_t)((unsigned __int128)threads_now_ns(s) * at / passed_ticks);
}

static uint64_t
threads_unix_ns(struct sched *s)
{
    return threads_clock_ns(CLOCK_REALTIME);
}

static uint64_t
threads_draw(struct sched *s, enum sched_draw what, uint64_t bound)
{
    struct threads_sched *sched = threads_from(s);
    pthread_mutex_lock(&sched->lock);
    uint64_t value = prng_below(&sched->prng, bound);
    pthread_mutex_unlock(&sched->lock);
    return value;
}

// Never called through the inline front doors, which look at is_sim first.
static void
threads_choice(struct sched *s, enum sched_point point)
{
}

static void
threads_trace(struct sched *s, uint32_t tag, uint64_t value)
{
}

static void
threads_destroy(struct sched *s)
{
    struct threads_sched *sched = threads_from(s);
    if (!list_is_empty(&sched->threads)) {
        LIST_FOR_EACH(node, &sched->threads) {
            struct threads_thread *t = LIST_ENTRY_OF(node, struct threads_thread, node);
            fprintf(stderr, "ndisbox: scheduler destroyed while thread %u \"%s\" has not been joined\n", t->base.id, t->name);
        }
        abort();
    }
    pthread_mutex_destroy(&sched->lock);
    free(sched);
}

static const struct sched_ops threads_ops = {
    .thread_start = threads_thread_start,
    .thread_join = threads_thread_join,
    .run = threads_run,
    .wait = threads_wait,
    .wake = threads_wake,
    .now_ns = threads_now_ns,
    .ticks_ns = threads_ticks_ns,
    .unix_ns = threads_unix_ns,
    .draw = threads_draw,
    .choice = threads_choice,
    .trace = threads_trace,
    .destroy = threads_destroy,
};

struct sched *
sched_threads_create(uint64_t seed)
{
    struct threads_sched *sched = calloc(1, sizeof *sched);
    if (!sched)
        return NULL;
    sched->base.ops = &threads_ops;
    sched->start_ns = threads_clock_ns(CLOCK_MONOTONIC);
    sched->start_ticks = sched_ticks(&sched->base);
    pthread_mutex_init(&sched->lock, NULL);
    prng_seed(&sched->prng, seed);
    list_init(&sched->threads);
    sched->next_id = 1;
    return &sched->base;
}
