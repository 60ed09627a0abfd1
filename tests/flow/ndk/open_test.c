// SPDX-License-Identifier: MIT
// Opening and closing NDK adapters: arrival, versions, statuses.
#include "provider.h"

#include "harness/harness.h"

// ---- the plain way ------------------------------------------------------------------------------------------------------------------

static void
opens_and_closes(void)
{
    NDK_ADAPTER_INFO info;
    ULONG bytes = sizeof info;
    n_register();
    kit_start(false, 1);
    kit_notes_are("m203 m105 m201 c1 p9");   // initialise, power source, restart, and then it is there
    ck_assert_int_eq(n_open(0, 1, 1), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(n_open(1, 2, 0), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(n.opened[0]->Header.Version.Minor, 2);
    ck_assert_uint_eq(n.opened[1]->Header.Version.Major, 2);
    ck_assert_uint_eq(n.opened[1]->Header.Version.Minor, 1);
    ck_assert_int_eq(n.opened[0]->Dispatch->NdkQueryAdapterInfo(n.opened[0], &info, &bytes), STATUS_SUCCESS);
    ck_assert_uint_eq(info.Version.Minor, 2);
    n_close(0);
    n_close(1);
    kit_notes_are("n1 n10001 n2 n10002");
}

TEST(OpenNDKAdapterHandler_gives_an_adapter_of_the_highest_minor_version_and_CloseNDKAdapterHandler_takes_it_back)
{
    for (uint64_t seed = 1; seed < 6; seed++)
        n_run(seed, opens_and_closes);
}
