// SPDX-License-Identifier: MIT
// Without POOL_NX_OPTIN the opt-in has nothing to turn: NonPagedPool is executable pool, and stays it.
#include <wdm.h>

#include "harness/harness.h"

_Static_assert(NonPagedPool == NonPagedPoolExecute, "at compile time");

TEST(ExInitializeDriverRuntime_changes_nothing_without_POOL_NX_OPTIN)
{
    ExInitializeDriverRuntime(DrvRtPoolNxOptIn);
    ck_assert_int_eq(NonPagedPool, NonPagedPoolExecute);
}
