// SPDX-License-Identifier: MIT
// POOL_NX_OPTIN_AUTO: NonPagedPool is a constant still, another one. [windows-driver-docs kernel/multiple-binary-opt-in-pool-nx-optin-auto]
#define POOL_NX_OPTIN_AUTO 1
#include <wdm.h>

#include "harness/harness.h"

_Static_assert(NonPagedPool == NonPagedPoolNx, "at compile time");
_Static_assert(NonPagedPoolCacheAligned == NonPagedPoolNxCacheAligned, "at compile time");

TEST(ExInitializeDriverRuntime_changes_nothing_with_POOL_NX_OPTIN_AUTO)
{
    ExInitializeDriverRuntime(DrvRtPoolNxOptIn);
    ck_assert_int_eq(NonPagedPool, NonPagedPoolNx);
}
