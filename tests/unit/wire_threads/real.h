// SPDX-License-Identifier: MIT
// REAL_TEST(name) { ... } is a test on OS threads and in real time, with `world` (a port_world) and `sched` at hand; what ports say
// in words is kept in real_said. NETNS_TEST runs in a network namespace of its own and needs root: without, it says SKIP and why.
#ifndef NBX_TESTS_UNIT_WIRE_THREADS_REAL_H
#define NBX_TESTS_UNIT_WIRE_THREADS_REAL_H

#include "unit/wire/device.h"

typedef void (*real_body_fn)(struct sched *sched, struct port_world *world);

void real_run(real_body_fn body);

// Has a message with these words been said? Waits for it.
bool real_said(struct sched *sched, const char *words, uint64_t within_ns);

// Enter a fresh network namespace. Returns false, having said why, if that is not allowed.
bool real_netns_enter(const char *test);

// Run a shell command, quietly; its failure fails the test.
void real_shell(const char *command);

static const uint64_t real_second_ns = 1000000000, real_long_ns = 20000000000;

#define REAL_TEST(name)                                                                                                \
    static void name##_body(struct sched *sched, struct port_world *world);                                            \
    TEST_TIMEOUT(60, name) { real_run(name##_body); }                                                                  \
    static void name##_body(struct sched *sched __attribute__((unused)), struct port_world *world)

#define NETNS_TEST(name)                                                                                               \
    static void name##_body(struct sched *sched, struct port_world *world);                                            \
    TEST_TIMEOUT(60, name)                                                                                             \
    {                                                                                                                  \
        if (real_netns_enter(#name))                                                                                   \
            real_run(name##_body);                                                                                     \
    }                                                                                                                  \
    static void name##_body(struct sched *sched __attribute__((unused)), struct port_world *world)

#endif
