// SPDX-License-Identifier: MIT
// Runs a test's body as a system thread of a fresh box and checks that nothing stays behind. The files of tests/unit/nt run on sim,
// each body under several seeds; tests/unit/nt_threads includes those where timing matters and runs them on OS threads.
//   NT_TEST(name) { ... }             2 processors
//   NT_TEST_ON(processors, name) { ... }
//   NT_TEST_ONE(name) { ... }         one processor and one schedule: what only its own arguments can change
#ifndef NBX_TESTS_UNIT_NT_NT_TEST_H
#define NBX_TESTS_UNIT_NT_NT_TEST_H

#include <ntddk.h>

#include "harness/harness.h"
#include "nt/box.h"
#include "nt/ke/ke.h"
#include "sim/sim.h"

#define NT_SEEDS 12

struct nt_test_body {
    struct box *box;
    void (*fn)(void);
};

static inline void
nt_test_main(void *arg)
{
    ((struct nt_test_body *)arg)->fn();
}

static inline void
nt_test_run_on(struct sched *sched, uint32_t processors, void (*fn)(void))
{
    struct box *box = box_create(sched, &(struct box_config){.name = "box", .processors = processors, .seed = 1});
    ck_assert_ptr_nonnull(box);
    struct nt_test_body body = {box, fn};
    ck_assert_int_eq(box_run(box, nt_test_main, &body), 0);
    ck_assert_uint_eq(box_destroy(box), 0);
    sched_destroy(sched);
}

static inline void
nt_test_run(uint32_t processors, void (*fn)(void))
{
#ifdef NT_TEST_THREADS
    nt_test_run_on(sched_threads_create(1), processors, fn);
#else
    for (uint64_t seed = 0; seed < NT_SEEDS; seed++) {
        const char *error = NULL;
        struct sim_config config = {.seed = seed, .strategy = seed ? SIM_RANDOM_WALK : SIM_RUN_TO_BLOCK, .switch_one_in = 1 + seed % 4};
        struct sched *sched = sim_create(&config, &error);
        ck_assert_msg(sched != NULL, "%s", error);
        nt_test_run_on(sched, processors, fn);
    }
#endif
}

#define NT_TEST_ON(processors, name)                                                                                   \
    static void name##_body(void);                                                                                     \
    TEST(name) { nt_test_run(processors, name##_body); }                                                               \
    static void name##_body(void)
#define NT_TEST(name) NT_TEST_ON(2, name)

static inline void
nt_test_run_one(void (*fn)(void))
{
    const char *error = NULL;
    struct sched *sched = sim_create(&(struct sim_config){.seed = 1, .strategy = SIM_RUN_TO_BLOCK}, &error);
    ck_assert_msg(sched != NULL, "%s", error);
    nt_test_run_on(sched, 1, fn);
}

#define NT_TEST_ONE(name) \
    static void name##_body(void); \
    TEST(name) \
    { \
        nt_test_run_one(name##_body); \
    } \
    static void name##_body(void)

// Another system thread of the box, joined with nt_test_join.
static inline struct ke_thread *
nt_test_start(void (*fn)(void *), void *arg)
{
    struct ke_thread *thread;
    ck_assert_int_eq(ke_thread_start(box_self(), "helper", fn, arg, &thread), 0);
    return thread;
}

static inline LARGE_INTEGER
nt_test_ms(int64_t ms)
{
    return (LARGE_INTEGER){.QuadPart = -ms * 10000};
}

static inline void
nt_test_sleep_ms(int64_t ms)
{
    LARGE_INTEGER interval = nt_test_ms(ms);
    KeDelayExecutionThread(KernelMode, FALSE, &interval);
}

#endif
