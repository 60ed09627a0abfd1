// SPDX-License-Identifier: MIT
// Processors and threads: one group, one node, numbers from 0. Sources: [ntddk/nf-ntddk-kequeryactiveprocessorcount] and its kin,
// [wdm/nf-wdm-kesetsystemaffinitythreadex], [ntddk/nf-ntddk-keentercriticalregion].
#include "unit/nt/nt_test.h"

NT_TEST_ON(3, KeQueryActiveProcessorCount_counts_and_gives_the_mask)
{
    KAFFINITY mask = 0;
    ck_assert_uint_eq(KeQueryActiveProcessorCount(&mask), 3);
    ck_assert_uint_eq(mask, 7);
    ck_assert_uint_eq(KeQueryActiveProcessorCount(NULL), 3);
}

NT_TEST_ON(3, KeQueryActiveProcessors_is_the_mask) { ck_assert_uint_eq(KeQueryActiveProcessors(), 7); }
NT_TEST_ON(3, KeQueryMaximumProcessorCount_is_that_of_the_box) { ck_assert_uint_eq(KeQueryMaximumProcessorCount(), 3); }
NT_TEST(KeQueryActiveGroupCount_is_one) { ck_assert_uint_eq(KeQueryActiveGroupCount(), 1); }
NT_TEST(KeQueryMaximumGroupCount_is_one) { ck_assert_uint_eq(KeQueryMaximumGroupCount(), 1); }

NT_TEST_ON(3, KeQueryMaximumProcessorCountEx_knows_group_0_only)
{
    ck_assert_uint_eq(KeQueryMaximumProcessorCountEx(0), 3);
    ck_assert_uint_eq(KeQueryMaximumProcessorCountEx(ALL_PROCESSOR_GROUPS), 3);
    ck_assert_uint_eq(KeQueryMaximumProcessorCountEx(1), 0);
}

NT_TEST_ON(3, KeQueryGroupAffinity_knows_group_0_only)
{
    ck_assert_uint_eq(KeQueryGroupAffinity(0), 7);
    ck_assert_uint_eq(KeQueryGroupAffinity(1), 0);
}

NT_TEST_ON(3, KeQueryNodeActiveAffinity_gives_node_0_everything)
{
    GROUP_AFFINITY affinity = {.Mask = 99};
    USHORT count = 99;
    KeQueryNodeActiveAffinity(0, &affinity, &count);
    ck_assert_uint_eq(affinity.Mask, 7);
    ck_assert_uint_eq(affinity.Group, 0);
    ck_assert_uint_eq(count, 3);
    KeQueryNodeActiveAffinity(1, &affinity, &count);
    ck_assert_uint_eq(affinity.Mask, 0);
    ck_assert_uint_eq(count, 0);
}

NT_TEST_ON(3, KeGetProcessorIndexFromNumber_refuses_what_is_not_there)
{
    PROCESSOR_NUMBER number = {.Number = 2};
    ck_assert_uint_eq(KeGetProcessorIndexFromNumber(&number), 2);
    number.Number = 3;
    ck_assert_uint_eq(KeGetProcessorIndexFromNumber(&number), (ULONG)-1);
    number = (PROCESSOR_NUMBER){.Group = 1};
    ck_assert_uint_eq(KeGetProcessorIndexFromNumber(&number), (ULONG)-1);
}

NT_TEST_ON(3, KeGetProcessorNumberFromIndex_refuses_what_is_not_there)
{
    PROCESSOR_NUMBER number = {.Group = 9};
    ck_assert_int_eq(KeGetProcessorNumberFromIndex(2, &number), STATUS_SUCCESS);
    ck_assert_uint_eq(number.Group, 0);
    ck_assert_uint_eq(number.Number, 2);
    ck_assert_int_eq(KeGetProcessorNumberFromIndex(3, &number), STATUS_INVALID_PARAMETER);
}

static void
run_on(KAFFINITY mask, ULONG expected)
{
    PROCESSOR_NUMBER number;
    KAFFINITY before = KeSetSystemAffinityThreadEx(mask);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    ck_assert_uint_eq(KeGetCurrentProcessorNumberEx(&number), expected);
    ck_assert_uint_eq(number.Number, expected);
    ck_assert_uint_eq(KeGetCurrentProcessorNumber(), expected);
    KeLowerIrql(old);
    KeRevertToUserAffinityThreadEx(before);
}

NT_TEST_ON(3, KeGetCurrentProcessorNumberEx_is_the_one_the_affinity_allows) { run_on(4, 2); }
NT_TEST_ON(3, KeGetCurrentProcessorNumber_is_the_one_the_affinity_allows) { run_on(2, 1); }

NT_TEST_ON(3, KeRevertToUserAffinityThreadEx_goes_back_to_the_mask_before)
{
    ck_assert_uint_eq(KeSetSystemAffinityThreadEx(4), 0);
    ck_assert_uint_eq(KeSetSystemAffinityThreadEx(2), 4);
    KeRevertToUserAffinityThreadEx(4);
    ck_assert_uint_eq(KeSetSystemAffinityThreadEx(1), 4);
    KeRevertToUserAffinityThreadEx(0);
    ck_assert_uint_eq(KeSetSystemAffinityThreadEx(1), 0);
}

NT_TEST_ON(3, KeSetSystemAffinityThread_pins_the_thread)
{
    KeSetSystemAffinityThread(4);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    ck_assert_uint_eq(KeGetCurrentProcessorNumber(), 2);
    KeLowerIrql(old);
    ck_assert_uint_eq(KeSetSystemAffinityThreadEx(1), 4);
}

NT_TEST_ON(3, KeRevertToUserAffinityThread_lets_it_run_everywhere)
{
    KeSetSystemAffinityThread(4);
    KeRevertToUserAffinityThread();
    ck_assert_uint_eq(KeSetSystemAffinityThreadEx(1), 0);
}

NT_TEST(KeGetCurrentThread_differs_from_thread_to_thread_and_knows_itself)
{
    ck_assert_ptr_nonnull(KeGetCurrentThread());
    ck_assert_ptr_eq(KeGetCurrentThread(), KeGetCurrentThread());
}

NT_TEST(KeSetPriorityThread_returns_the_priority_before)
{
    KPRIORITY first = KeSetPriorityThread(KeGetCurrentThread(), 10);
    ck_assert_int_eq(KeSetPriorityThread(KeGetCurrentThread(), first), 10);
}

NT_TEST(KeQueryPriorityThread_gives_what_was_set)
{
    KeSetPriorityThread(KeGetCurrentThread(), 12);
    ck_assert_int_eq(KeQueryPriorityThread(KeGetCurrentThread()), 12);
}

NT_TEST(KeAreApcsDisabled_inside_a_critical_region_only)
{
    ck_assert_int_eq(KeAreApcsDisabled(), FALSE);
    KeEnterCriticalRegion();
    KeEnterCriticalRegion();
    KeLeaveCriticalRegion();
    ck_assert_int_eq(KeAreApcsDisabled(), TRUE);
    KeLeaveCriticalRegion();
    ck_assert_int_eq(KeAreApcsDisabled(), FALSE);
}

NT_TEST(KeEnterCriticalRegion_disables_normal_apcs_but_not_all)
{
    KeEnterCriticalRegion();
    ck_assert_int_eq(KeAreApcsDisabled(), TRUE);
    ck_assert_int_eq(KeAreAllApcsDisabled(), FALSE);
    KeLeaveCriticalRegion();
}

NT_TEST(KeLeaveCriticalRegion_ends_it)
{
    KeEnterCriticalRegion();
    KeLeaveCriticalRegion();
    ck_assert_int_eq(KeAreApcsDisabled(), FALSE);
}

NT_TEST(KeAreAllApcsDisabled_inside_a_guarded_region_and_at_apc_level)
{
    KIRQL old;
    ck_assert_int_eq(KeAreAllApcsDisabled(), FALSE);
    KeEnterGuardedRegion();
    ck_assert_int_eq(KeAreAllApcsDisabled(), TRUE);
    KeLeaveGuardedRegion();
    ck_assert_int_eq(KeAreAllApcsDisabled(), FALSE);
    KeRaiseIrql(APC_LEVEL, &old);
    ck_assert_int_eq(KeAreAllApcsDisabled(), TRUE);
    KeLowerIrql(old);
}

NT_TEST(KeEnterGuardedRegion_disables_all_apcs)
{
    KeEnterGuardedRegion();
    ck_assert_int_eq(KeAreAllApcsDisabled(), TRUE);
    KeLeaveGuardedRegion();
}

NT_TEST(KeLeaveGuardedRegion_ends_it)
{
    KeEnterGuardedRegion();
    KeLeaveGuardedRegion();
    ck_assert_int_eq(KeAreAllApcsDisabled(), FALSE);
}
