// SPDX-License-Identifier: MIT
// Pool, and the life of a box.
#include <stdio.h>

#include "nt/ex/pool.h"
#include "unit/nt/bugcheck.h"
#include "unit/nt/nt_test.h"

NT_TEST(ExAllocatePoolWithTag_returns_blocks_aligned_to_16_and_to_the_page_from_a_page_on)
{
    for (SIZE_T bytes = 0; bytes < 3 * PAGE_SIZE; bytes += 509) {
        char *block = ExAllocatePoolWithTag(NonPagedPoolNx, bytes, 'abcd');
        ck_assert_ptr_nonnull(block);
        ck_assert_uint_eq((uintptr_t)block % (bytes >= PAGE_SIZE ? PAGE_SIZE : 16), 0);
        memset(block, 1, bytes);
        ExFreePoolWithTag(block, 'abcd');
    }
}

NT_TEST(ExAllocatePool2_zeroes_unless_told_not_to_and_refuses_bad_flags)
{
    for (SIZE_T bytes = 1; bytes < 2 * PAGE_SIZE; bytes += 777) {
        char *block = ExAllocatePool2(POOL_FLAG_NON_PAGED, bytes, 'abcd');
        for (SIZE_T i = 0; i < bytes; i++)
            ck_assert_int_eq(block[i], 0);
        memset(block, 7, bytes);
        ExFreePool(block);
    }
    void *block = ExAllocatePool2(POOL_FLAG_PAGED | POOL_FLAG_UNINITIALIZED, 10, 'abcd');
    ck_assert_ptr_nonnull(block);
    ExFreePool(block);
    ck_assert_ptr_null(ExAllocatePool2(0, 10, 'abcd'));
    ck_assert_ptr_null(ExAllocatePool2(POOL_FLAG_PAGED | POOL_FLAG_NON_PAGED, 10, 'abcd'));
    ck_assert_ptr_null(ExAllocatePool2(POOL_FLAG_NON_PAGED | 0x1000, 10, 'abcd'));
    ck_assert_ptr_null(ExAllocatePool2(POOL_FLAG_NON_PAGED, 10, 0));
}

NT_TEST(ExFreePoolWithTag_gives_the_bytes_back_to_the_tags_account)
{
    struct ex_pool_usage usage;
    void *blocks[100];
    for (int i = 0; i < 100; i++)
        blocks[i] = ExAllocatePoolZero(NonPagedPoolNx, 100, 1000 + i % 90);
    ex_pool_usage_get(box_self(), 1003, &usage);
    ck_assert_uint_eq(usage.allocations, 2);
    ck_assert_uint_eq(usage.bytes, 200);
    ex_pool_usage_get(box_self(), 0, &usage);
    ck_assert_uint_ge(usage.bytes, 10000);
    for (int i = 0; i < 100; i++)
        ExFreePoolWithTag(blocks[i], 1000 + i % 90);
    ex_pool_usage_get(box_self(), 1003, &usage);
    ck_assert_uint_eq(usage.frees, 2);
    ck_assert_uint_eq(usage.bytes, 0);
}

static void
leak(void *arg)
{
    ck_assert_ptr_nonnull(ExAllocatePoolWithTag(NonPagedPool, 123, 'kaeL'));
}

static void
remember(void *context, const char *text)
{
    strncat(context, text, 511 - strlen(context));
}

TEST(box_destroy_reports_a_leaked_block_with_its_tag_and_size)
{
    char said[512] = "";
    struct sched *sched = sched_threads_create(1);
    struct box *box = box_create(sched, &(struct box_config){.name = "b", .processors = 1});
    box->on_message = remember;
    box->on_message_context = said;
    ck_assert_int_eq(box_run(box, leak, NULL), 0);
    ck_assert_uint_eq(box_destroy(box), 1);
    ck_assert_ptr_nonnull(strstr(said, "'Leak' of 123 bytes"));
    sched_destroy(sched);
}

static void
destroy_inside(void *arg)
{
    ck_assert_uint_eq(box_destroy(arg), 0);
}

TEST(box_destroy_works_inside_and_outside_a_thread_of_the_box)
{
    for (int inside = 0; inside < 2; inside++)
        for (int sim = 0; sim < 2; sim++) {
            const char *error;
            struct sched *sched = sim ? sim_create(&(struct sim_config){.seed = 1}, &error) : sched_threads_create(1);
            struct box *box = box_create(sched, &(struct box_config){.name = "b", .processors = 4});
            ck_assert_ptr_nonnull(box);
            if (inside)
                ck_assert_int_eq(box_run(box, destroy_inside, box), 0);
            else
                ck_assert_uint_eq(box_destroy(box), 0);
            sched_destroy(sched);
        }
}

TEST(box_create_refuses_no_processor_and_more_than_64)
{
    struct sched *sched = sched_threads_create(1);
    ck_assert_ptr_null(box_create(sched, &(struct box_config){.processors = 0}));
    ck_assert_ptr_null(box_create(sched, &(struct box_config){.processors = 65}));
    sched_destroy(sched);
}

static void
free_twice(void)
{
    void *block = ExAllocatePoolWithTag(NonPagedPool, 100, 'abcd');
    ExFreePoolWithTag(block, 'dcba');
}

static void
wait_at_dispatch(void)
{
    KEVENT event;
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    KeRaiseIrqlToDpcLevel();
    KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);
}

static void
lock_twice(void)
{
    KSPIN_LOCK lock;
    KIRQL old;
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLock(&lock, &old);
    KeAcquireSpinLock(&lock, &old);
}

static void
unlock_twice(void)
{
    KSPIN_LOCK lock;
    KIRQL old;
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLock(&lock, &old);
    KeReleaseSpinLockFromDpcLevel(&lock);
    KeReleaseSpinLock(&lock, old);
}

static void
release_not_owned(void)
{
    KMUTEX mutex;
    KeInitializeMutex(&mutex, 0);
    KeReleaseMutex(&mutex, FALSE);
}

static void
semaphore_over(void)
{
    KSEMAPHORE semaphore;
    KeInitializeSemaphore(&semaphore, 1, 2);
    KeReleaseSemaphore(&semaphore, 0, 2, FALSE);
}

static void
raise_down(void)
{
    KfRaiseIrql(DISPATCH_LEVEL);
    KfRaiseIrql(PASSIVE_LEVEL);
}

static void
bugcheck_own(void)
{
    KeBugCheckEx(0x12345, 1, 2, 3, 0xabc);
}

static void
flush_at_dispatch(void)
{
    KeRaiseIrqlToDpcLevel();
    KeFlushQueuedDpcs();
}

static NTAPI VOID
waiting_dpc(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    KeWaitForSingleObject(context, Executive, KernelMode, FALSE, NULL);
}

static void
wait_in_dpc(void)
{
    KEVENT event;
    KDPC dpc;
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    KeInitializeDpc(&dpc, waiting_dpc, &event);
    KeInsertQueueDpc(&dpc, NULL, NULL);
    KeFlushQueuedDpcs();
}

static NTAPI VOID
lowering_dpc(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    KeLowerIrql(PASSIVE_LEVEL);
}

static void
lower_in_dpc(void)
{
    KDPC dpc;
    KeInitializeDpc(&dpc, lowering_dpc, NULL);
    KeInsertQueueDpc(&dpc, NULL, NULL);
    KeFlushQueuedDpcs();
}

TEST(KeFlushQueuedDpcs_at_dispatch_is_bug_check_a) { expect_bugcheck(flush_at_dispatch, "0xA IRQL_NOT_LESS_OR_EQUAL"); }
TEST(KeWaitForSingleObject_in_a_dpc_is_bug_check_b8) { expect_bugcheck(wait_in_dpc, "0xB8 ATTEMPTED_SWITCH_FROM_DPC"); }
TEST(KeLowerIrql_below_dispatch_in_a_dpc_is_bug_check_a) { expect_bugcheck(lower_in_dpc, "0xA IRQL_NOT_LESS_OR_EQUAL"); }
TEST(ExFreePoolWithTag_with_another_tag_is_bug_check_c2) { expect_bugcheck(free_twice, "0xC2 BAD_POOL_CALLER (0xA,"); }
TEST(KeWaitForSingleObject_at_dispatch_is_bug_check_a) { expect_bugcheck(wait_at_dispatch, "0xA IRQL_NOT_LESS_OR_EQUAL"); }
TEST(KeAcquireSpinLock_twice_is_bug_check_f) { expect_bugcheck(lock_twice, "0xF SPIN_LOCK_ALREADY_OWNED"); }
TEST(KeReleaseSpinLock_twice_is_bug_check_10) { expect_bugcheck(unlock_twice, "0x10 SPIN_LOCK_NOT_OWNED"); }
TEST(KeReleaseMutex_not_owned_raises_STATUS_MUTANT_NOT_OWNED) { expect_bugcheck(release_not_owned, "NOT_HANDLED (0xC0000046,"); }
TEST(KeReleaseSemaphore_over_the_limit_raises) { expect_bugcheck(semaphore_over, "NOT_HANDLED (0xC0000047,"); }
TEST(KeRaiseIrql_downwards_is_bug_check_9) { expect_bugcheck(raise_down, "0x9 IRQL_NOT_GREATER_OR_EQUAL"); }
TEST(KeBugCheckEx_reports_code_and_parameters_and_ends_with_1)
{
    expect_bugcheck(bugcheck_own, "0x12345 raised by a driver (0x1, 0x2, 0x3, 0xABC)");
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
static void
write_before(void)
{
    char *block = ExAllocatePoolWithTag(NonPagedPoolNx, 40, 'abcd');
    *(volatile char *)(block - 1) = 1;
}

static void
write_behind_pages(void)
{
    char *block = ExAllocatePoolWithTag(NonPagedPoolNx, PAGE_SIZE + 8, 'abcd');
    *(volatile char *)(block + PAGE_SIZE + 8) = 1;
}

static void
free_again(void)
{
    char *block = ExAllocatePoolWithTag(NonPagedPoolNx, 40, 'abcd');
    ExFreePool(block);
    ExFreePool(block);
}

TEST(ExAllocatePoolWithTag_block_is_fenced_in_front) { expect_bugcheck(write_before, "AddressSanitizer: use-after-poison"); }
TEST(ExAllocatePoolWithTag_pages_are_fenced_behind) { expect_bugcheck(write_behind_pages, "AddressSanitizer: use-after-poison"); }
TEST(ExFreePool_twice_is_reported_with_both_stacks) { expect_bugcheck(free_again, "AddressSanitizer: heap-use-after-free"); }
#endif
#endif
