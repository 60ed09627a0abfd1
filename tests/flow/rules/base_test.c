// SPDX-License-Identifier: MIT
// What the runtime itself cannot go on without: NBX-0002, a contract; NBX-0003, handles; NBX-0007, bug checks. (NBX-0001 and NBX-0004, with
// their report files: tests/sim/race/crime_test.c.) All of them are told with the verifier off as well.
#include "flow/ndis/kit.h"
#include "harness/crime.h"
#include "harness/harness.h"
#include "nt/ke/ke.h"

static void (*act)(void);

static void
watched(void)
{
    kit_verify = VERIFY_ON;
    kit_run(3, act);
}

static void
unwatched(void)
{
    kit_run(3, act);
}

static void
is_found_on_and_off(void (*fn)(void), const char *rule, const char *sentence)
{
    act = fn;
    crime_is_found(watched, rule, sentence, "base_test.c:", "driver mp", NULL);
    crime_is_found(unwatched, rule, sentence, "base_test.c:", "driver mp", NULL);
}

static void
is_none(void (*fn)(void))
{
    act = fn;
    crime_is_none(watched);
}

static struct ke_crossing
as_mp(void)
{
    return ke_driver_enter(ke_self(), io_image_find(kit.box, "mp"), "test");
}

// ---- contract ---------------------------------------------------------------------------------------------------------------------------

static void
mp_frees_clone(bool is_clone)
{
    kit_start(false, 0);
    struct ke_crossing crossing = as_mp();
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(kit.mp.pool, 0, 0);
    NET_BUFFER_LIST *clone = NdisAllocateCloneNetBufferList(nbl, NULL, NULL, NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS);
    ck_assert(nbl && clone);
    NdisFreeCloneNetBufferList(is_clone ? clone : nbl, NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS);
    NdisFreeNetBufferList(nbl);
    ke_driver_leave(ke_self(), crossing);
}

static void
frees_original(void)
{
    mp_frees_clone(false);
}

static void
frees_clone(void)
{
    mp_frees_clone(true);
}

TEST(a_free_of_a_list_as_a_clone_that_is_none_is_reported)
{
    is_found_on_and_off(frees_original, "NBX-0002", "NdisFreeCloneNetBufferList: this NET_BUFFER_LIST is no clone");
}

TEST(a_free_of_a_clone_is_not_reported)
{
    is_none(frees_clone);
}

// ---- handles ----------------------------------------------------------------------------------------------------------------------------

static void
mp_indicates(bool is_right)
{
    kit_start(false, 1);
    struct ke_crossing crossing = as_mp();
    NDIS_LINK_STATE state = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_LINK_STATE_REVISION_1, NDIS_SIZEOF_LINK_STATE_REVISION_1},
                             .MediaConnectState = MediaConnectStateConnected};
    NDIS_STATUS_INDICATION indication = {.Header = {NDIS_OBJECT_TYPE_STATUS_INDICATION, NDIS_STATUS_INDICATION_REVISION_1,
                                                    NDIS_SIZEOF_STATUS_INDICATION_REVISION_1},
                                         .SourceHandle = kit.mp.adapter,
                                         .StatusCode = NDIS_STATUS_LINK_STATE,
                                         .StatusBuffer = &state,
                                         .StatusBufferSize = sizeof state};
    NdisMIndicateStatusEx(is_right ? kit.mp.adapter : kit.binding[0].handle, &indication);
    ke_driver_leave(ke_self(), crossing);
    ck_assert_uint_ge(kit.binding[0].status_indications, 1);
}

static void
hands_a_binding(void)
{
    mp_indicates(false);
}

static void
hands_an_adapter(void)
{
    mp_indicates(true);
}

TEST(a_handle_of_another_kind_is_reported)
{
    is_found_on_and_off(hands_a_binding, "NBX-0003", "NdisMIndicateStatusEx: the handle 0x");
}

TEST(a_handle_of_the_right_kind_is_not_reported)
{
    is_none(hands_an_adapter);
}

// ---- bug checks -------------------------------------------------------------------------------------------------------------------------

static void
mp_removes(bool breaks)
{
    LIST_ENTRY head, entry;
    kit_start(false, 0);
    struct ke_crossing crossing = as_mp();
    InitializeListHead(&head);
    InsertTailList(&head, &entry);
    if (breaks)
        head.Blink = &head;
    RemoveEntryList(&entry);
    ck_assert(IsListEmpty(&head));
    ke_driver_leave(ke_self(), crossing);
}

static void
breaks_a_list(void)
{
    mp_removes(true);
}

static void
keeps_a_list(void)
{
    mp_removes(false);
}

TEST(a_broken_list_is_a_bug_check_and_is_reported)
{
    is_found_on_and_off(breaks_a_list, "NBX-0007", "error: bug check 0x139 KERNEL_SECURITY_CHECK_FAILURE (0x3, 0x0, 0x0, 0x0) [NBX-0007]");
}

TEST(a_sound_list_is_not_reported)
{
    is_none(keeps_a_list);
}
