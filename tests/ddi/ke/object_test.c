// SPDX-License-Identifier: MIT
// Semaphores and mutexes: what initialising promises, in dirty memory, and what reading the state says. Sources:
// [wdm/nf-wdm-keinitializesemaphore], [wdm/nf-wdm-kereadstatesemaphore], [wdm/nf-wdm-keinitializemutex], [wdm/nf-wdm-kereadstatemutex].
#include <string.h>

#include "unit/nt/bugcheck.h"

static NTSTATUS
try_wait(void *object)
{
    LARGE_INTEGER now = {0};
    return KeWaitForSingleObject(object, Executive, KernelMode, FALSE, &now);
}

NT_TEST(KeInitializeSemaphore_sets_the_count_it_is_given_in_dirty_memory)
{
    for (LONG count = 0; count <= 3; count++) {
        KSEMAPHORE semaphore;
        memset(&semaphore, 0xcc, sizeof semaphore);
        KeInitializeSemaphore(&semaphore, count, 3);
        for (LONG i = 0; i < count; i++)
            ck_assert_int_eq(try_wait(&semaphore), STATUS_SUCCESS);
        ck_assert_int_eq(try_wait(&semaphore), STATUS_TIMEOUT);
        ck_assert_int_eq(KeReleaseSemaphore(&semaphore, IO_NO_INCREMENT, 3, FALSE), 0);   // as far as the limit
        ck_assert_int_eq(KeReadStateSemaphore(&semaphore), 3);
    }
}

static void
over_the_limit(void)
{
    KSEMAPHORE semaphore;
    memset(&semaphore, 0xcc, sizeof semaphore);
    KeInitializeSemaphore(&semaphore, 0, 3);
    KeReleaseSemaphore(&semaphore, IO_NO_INCREMENT, 4, FALSE);
}

TEST(KeInitializeSemaphore_sets_the_limit_that_a_release_may_not_pass) { expect_bugcheck(over_the_limit, "NOT_HANDLED (0xC0000047,"); }

NT_TEST(KeReadStateSemaphore_is_0_when_not_signaled_and_takes_nothing)
{
    KSEMAPHORE semaphore;
    KeInitializeSemaphore(&semaphore, 1, 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_ne(KeReadStateSemaphore(&semaphore), 0);
    ck_assert_int_eq(try_wait(&semaphore), STATUS_SUCCESS);
    ck_assert_int_eq(KeReadStateSemaphore(&semaphore), 0);
    KeReleaseSemaphore(&semaphore, IO_NO_INCREMENT, 1, FALSE);
    ck_assert_int_ne(KeReadStateSemaphore(&semaphore), 0);
}

NT_TEST(KeInitializeMutex_makes_dirty_memory_a_signaled_mutex)
{
    KMUTEX mutex;
    memset(&mutex, 0xcc, sizeof mutex);
    KeInitializeMutex(&mutex, 0);
    ck_assert_int_eq(KeReadStateMutex(&mutex), 1);
    ck_assert_int_eq(try_wait(&mutex), STATUS_SUCCESS);
    ck_assert_int_eq(KeReleaseMutex(&mutex, FALSE), 0);
}

NT_TEST(KeReadStateMutex_is_1_only_when_signaled_and_takes_nothing)
{
    KMUTEX mutex;
    KeInitializeMutex(&mutex, 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(KeReadStateMutex(&mutex), 1);
    ck_assert_int_eq(try_wait(&mutex), STATUS_SUCCESS);
    ck_assert_int_ne(KeReadStateMutex(&mutex), 1);
    ck_assert_int_eq(try_wait(&mutex), STATUS_SUCCESS);   // the holder may take it again
    ck_assert_int_ne(KeReadStateMutex(&mutex), 1);
    KeReleaseMutex(&mutex, FALSE);
    ck_assert_int_ne(KeReadStateMutex(&mutex), 1);
    KeReleaseMutex(&mutex, FALSE);
    ck_assert_int_eq(KeReadStateMutex(&mutex), 1);
}
