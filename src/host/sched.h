// SPDX-License-Identifier: MIT
// The seam between the runtime and time: threads, waiting, the clock, randomness. Two schedulers stand behind it and nothing above
// it can tell which:
//   threads (src/host/sched_threads.c)  OS threads, CLOCK_MONOTONIC, futex; real ports work.
//   sim     (src/sim/)                  one OS thread, fibres, a virtual clock; every choice is drawn from a seed and recorded.
// One scheduler serves a whole world: all boxes and the wires between them. Everything above blocks in exactly one way: it waits for
// a 32-bit word to leave a value (the futex contract), with or without a deadline. Locks, events, queues are built from that, so a
// new kind of waiting needs no change here and is deterministic on sim by itself.
#ifndef NBX_HOST_SCHED_H
#define NBX_HOST_SCHED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sched;

typedef void (*sched_thread_fn)(void *arg);

#define SCHED_NEVER UINT64_MAX

// Why sim may switch here; it is recorded with each choice and counted, so that a sweep can show what happened.
enum sched_point {
    SCHED_POINT_LOCK,
    SCHED_POINT_UNLOCK,
    SCHED_POINT_WAIT,
    SCHED_POINT_SIGNAL,
    SCHED_POINT_QUEUE,
    SCHED_POINT_IRQL,
    SCHED_POINT_COMPLETE,
    SCHED_POINT_TIMER,
    SCHED_POINT_DDI,
    SCHED_POINT_COUNT
};

// What a drawn number decides; the tape stores it beside the value so that a replay that has drifted is noticed at once.
enum sched_draw {
    SCHED_DRAW_SWITCH,   // which runnable thread goes on
    SCHED_DRAW_WAKE,     // which waiter of a word is woken
    SCHED_DRAW_WIRE,     // loss, jitter, reorder, duplicate, corrupt
    SCHED_DRAW_ORDER,    // completion order of a device
    SCHED_DRAW_FAULT,    // a planned failure
    SCHED_DRAW_DRIVER,   // a driver asked for randomness
    SCHED_DRAW_COUNT
};

// A thread of either scheduler. `user` belongs to the room above (nt keeps its KTHREAD there).
struct sched_thread {
    struct sched *sched;
    void *user;
    const char *name;    // owned by the thread, valid until join returns
    bool is_idle;        // its timed waits are no sign of life: it only looks whether all is well (docs/decisions/0008)
    uint32_t id;         // 1, 2, 3 ... in the order of creation: stable between runs of one seed
    const void *stack_low, *stack_high;  // the bounds of its stack, for walking it (src/host/symbol.h)
};

struct sched_ops {
    int (*thread_start)(struct sched *, const char *name, sched_thread_fn fn, void *arg, void *user, struct sched_thread **out);
    void (*thread_join)(struct sched *, struct sched_thread *);
    int (*run)(struct sched *, const char *name, sched_thread_fn fn, void *arg, void *user);
    int (*wait)(struct sched *, _Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns);
    void (*wake)(struct sched *, _Atomic uint32_t *word, uint32_t count);
    uint64_t (*now_ns)(struct sched *);
    uint64_t (*unix_ns)(struct sched *);
    uint64_t (*draw)(struct sched *, enum sched_draw what, uint64_t bound);
    void (*choice)(struct sched *, enum sched_point point);
    void (*trace)(struct sched *, uint32_t tag, uint64_t value);
    uint64_t (*ticks_ns)(struct sched *, uint64_t ticks);   // NULL: ticks are nanoseconds
    void (*print_threads)(struct sched *);    // NULL: it cannot say
    void (*destroy)(struct sched *);
};

struct sched {
    const struct sched_ops *ops;
    bool is_sim;
    struct pages *pages;                      // sim: where large memory comes from and goes (host/pages.h); NULL: mapped and unmapped
    // Sim only: told before each switch which thread goes on. NULL: nobody listens.
    void (*on_switch)(void *context, struct sched_thread *to);
    void *on_switch_context;
};

// The running thread: per OS thread on threads, rewritten by every fibre switch on sim. NULL in a thread the seam did not make.
extern _Thread_local struct sched_thread *sched_self;

// Create the real-time scheduler. Randomness comes from seed, so that wires behave alike in two runs (up to thread timing).
// owns: returns it; sched_destroy frees. fails: NULL when out of memory.
struct sched *sched_threads_create(uint64_t seed);

// Destroy a scheduler all of whose threads have been joined. On a live thread it reports the names and aborts.
static inline void
sched_destroy(struct sched *s)
{
    s->ops->destroy(s);
}

// Start a thread. It begins in fn(arg) with sched_self->user == user.
// owns: *out is the caller's until sched_thread_join. fails: -EAGAIN, -ENOMEM.
static inline int
sched_thread_start(struct sched *s, const char *name, sched_thread_fn fn, void *arg, void *user, struct sched_thread **out)
{
    return s->ops->thread_start(s, name, fn, arg, user, out);
}

// Wait until the thread has ended, and free it. irql: PASSIVE.
static inline void
sched_thread_join(struct sched *s, struct sched_thread *t)
{
    s->ops->thread_join(s, t);
}

// Turn the calling OS thread into a thread of the scheduler for the length of fn(arg). On sim this is the loop that runs all fibres
// until fn's fibre has ended. Everything that touches a box happens inside one of these or a started thread.
// fails: -EDEADLK on sim if nothing can run any more (the fibres and what they wait for are printed).
static inline int
sched_run(struct sched *s, const char *name, sched_thread_fn fn, void *arg, void *user)
{
    return s->ops->run(s, name, fn, arg, user);
}

// Sleep while *word == expected, until sched_wake or the deadline (sched_now_ns time; SCHED_NEVER for none). May wake spuriously.
// fails: -ETIMEDOUT at the deadline, otherwise 0.
static inline int
sched_wait(struct sched *s, _Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
    return s->ops->wait(s, word, expected, deadline_ns);
}

// Wake up to count threads that sleep on the word (UINT32_MAX: all). The caller has changed the word already.
static inline void
sched_wake(struct sched *s, _Atomic uint32_t *word, uint32_t count)
{
    s->ops->wake(s, word, count);
}

// Nanoseconds since the scheduler was created; virtual on sim, where it moves only when nothing can run.
static inline uint64_t
sched_now_ns(struct sched *s)
{
    return s->ops->now_ns(s);
}

// A cheaper look at the same clock, for what is written down often and told seldom: on threads the processor's own counter, which takes
// a third of the time; on sim sched_now_ns. Ticks mean nothing until sched_ticks_ns has made nanoseconds of them.
static inline uint64_t
sched_ticks(struct sched *s)
{
    if (s->is_sim)
        return s->ops->now_ns(s);
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    return s->ops->now_ns(s);
#endif
}

// As sched_now_ns was at that time, to a microsecond or so. The rate of the counter is taken from the time since the scheduler began.
static inline uint64_t
sched_ticks_ns(struct sched *s, uint64_t ticks)
{
    return s->ops->ticks_ns ? s->ops->ticks_ns(s, ticks) : ticks;
}

// Wall-clock nanoseconds since 1970. Sim starts at a fixed date and follows the virtual clock.
static inline uint64_t
sched_unix_ns(struct sched *s)
{
    return s->ops->unix_ns(s);
}

// A number below bound (bound > 0) from the seeded stream.
static inline uint64_t
sched_draw(struct sched *s, enum sched_draw what, uint64_t bound)
{
    return s->ops->draw(s, what, bound);
}

// A place where another thread may run. Free on threads.
static inline void
sched_choice(struct sched *s, enum sched_point point)
{
    if (__builtin_expect(s->is_sim, 0))
        s->ops->choice(s, point);
}

// Fold an event into the trace hash (sim only): the same seed must give the same sequence. tag is a small number of the room's own;
// value must not be a pointer.
static inline void
sched_trace(struct sched *s, uint32_t tag, uint64_t value)
{
    if (__builtin_expect(s->is_sim, 0))
        s->ops->trace(s, tag, value);
}

// On stderr: every thread, what it does, where it waits, with its stack. For a report of something that does not move. Sim only.
static inline void
sched_print_threads(struct sched *s)
{
    if (s->ops->print_threads)
        s->ops->print_threads(s);
}

#endif
