// SPDX-License-Identifier: MIT
// POOL_NX_OPTIN: NonPagedPool of a driver built so is executable until ExInitializeDriverRuntime opts in.
// [windows-driver-docs kernel/single-binary-opt-in-pool-nx-optin]
#define POOL_NX_OPTIN 1
#include <wdm.h>

#include "harness/harness.h"

TEST(ExInitializeDriverRuntime_turns_NonPagedPool_into_no_execute_pool_when_it_is_asked_to)
{
    ck_assert_int_eq(NonPagedPool, NonPagedPoolExecute);
    ck_assert_int_eq(NonPagedPoolCacheAligned, 4);
    ExInitializeDriverRuntime(0);
    ck_assert_int_eq(NonPagedPool, NonPagedPoolExecute);
    ExInitializeDriverRuntime(DrvRtPoolNxOptIn);
    ck_assert_int_eq(NonPagedPool, NonPagedPoolNx);
    ck_assert_int_eq(NonPagedPoolCacheAligned, NonPagedPoolNxCacheAligned);
    ExInitializeDriverRuntime(0);                 // does not opt out again
    ck_assert_int_eq(NonPagedPool, NonPagedPoolNx);
}
