// SPDX-License-Identifier: MIT
// IRQL rules: NBX-0200, the level of a call, and NBX-0201, the level at a handler's return.
#include "flow/ndis/kit.h"
#include "harness/crime.h"
#include "harness/harness.h"
#include "nt/ke/ke.h"
#include "verify/ddi_table.h"

static void (*act)(void);

static void
watched(void)
{
    kit_verify = VERIFY_ON;
    kit_run(3, act);
}

static void
as_mp_convert(KIRQL irql)
{
    kit_start(false, 0);
    WCHAR buffer[16];
    UNICODE_STRING text = {0, sizeof buffer, buffer};
    KIRQL old;
    struct ke_crossing crossing = ke_driver_enter(ke_self(), io_image_find(kit.box, "mp"), "test");
    KeRaiseIrql(irql, &old);
    RtlIntegerToUnicodeString(17, 10, &text);          // PASSIVE_LEVEL
    KeLowerIrql(old);
    ke_driver_leave(ke_self(), crossing);
}

static void
converts_at_dispatch(void)
{
    as_mp_convert(DISPATCH_LEVEL);
}

static void
converts_at_passive(void)
{
    as_mp_convert(PASSIVE_LEVEL);
}

TEST(a_function_called_above_its_IRQL_is_reported)
{
    act = converts_at_dispatch;
    crime_is_found(watched, "NBX-0200", "RtlIntegerToUnicodeString: called at IRQL 2 (DISPATCH_LEVEL); it may be called at PASSIVE",
                   "driver mp", "irql_test.c:", "Windows: Static Driver Verifier", NULL);
}

TEST(a_function_called_at_its_IRQL_is_not_reported)
{
    act = converts_at_passive;
    crime_is_none(watched);
}

// The doors of the data path are watched as well, though they are no choice points.
static void
as_mp_allocates_list(KIRQL irql)
{
    kit_start(false, 0);
    KIRQL old;
    struct ke_crossing crossing = ke_driver_enter(ke_self(), io_image_find(kit.box, "mp"), "test");
    KeRaiseIrql(irql, &old);
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(kit.mp.pool, 0, 0);
    KeLowerIrql(old);
    NdisFreeNetBufferList(nbl);
    ke_driver_leave(ke_self(), crossing);
}

static void
allocates_list_at_high(void)
{
    as_mp_allocates_list(HIGH_LEVEL);
}

static void
allocates_list_at_dispatch(void)
{
    as_mp_allocates_list(DISPATCH_LEVEL);
}

static void
as_mp_locks(KIRQL irql)
{
    kit_start(false, 0);
    LOCK_STATE_EX state;
    KIRQL old;
    struct ke_crossing crossing = ke_driver_enter(ke_self(), io_image_find(kit.box, "mp"), "test");
    NDIS_RW_LOCK_EX *lock = NdisAllocateRWLock(kit.mp.adapter);
    KeRaiseIrql(irql, &old);
    NdisAcquireRWLockRead(lock, &state, 0);
    NdisReleaseRWLock(lock, &state);
    KeLowerIrql(old);
    NdisFreeRWLock(lock);
    ke_driver_leave(ke_self(), crossing);
}

static void
locks_at_high(void)
{
    as_mp_locks(HIGH_LEVEL);
}

static void
locks_at_dispatch(void)
{
    as_mp_locks(DISPATCH_LEVEL);
}

TEST(a_door_of_the_data_path_called_above_its_IRQL_is_reported)
{
    act = allocates_list_at_high;
    crime_is_found(watched, "NBX-0200", "NdisAllocateNetBufferList: called at IRQL 15 (HIGH_LEVEL)", "driver mp", NULL);
    act = allocates_list_at_dispatch;
    crime_is_none(watched);
    act = locks_at_high;
    crime_is_found(watched, "NBX-0200", "NdisAcquireRWLockRead: called at IRQL 15 (HIGH_LEVEL)", "driver mp", NULL);
    act = locks_at_dispatch;
    crime_is_none(watched);
}

// ---- the return -------------------------------------------------------------------------------------------------------------------

static KIRQL left_at;

static void
lowers(struct kit_binding *binding)
{
    if (left_at)
        KeRaiseIrql(DISPATCH_LEVEL, &left_at);
}

static void
receives(void)
{
    static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    ULONG filter = NDIS_PACKET_TYPE_BROADCAST;
    kit_start(false, 1);
    ck_assert_int_eq(kit_set(&kit.binding[0], OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter), NDIS_STATUS_SUCCESS);
    kit.binding[0].on_received = lowers;
    kit_indicate(everybody, 1, 0);
}

static void
leaves_at_dispatch(void)
{
    left_at = 1;
    receives();
}

static void
leaves_as_it_came(void)
{
    left_at = 0;
    receives();
}

TEST(a_handler_that_comes_back_at_another_IRQL_is_reported)
{
    act = leaves_at_dispatch;
    crime_is_found(watched, "NBX-0201", "ProtocolReceiveNetBufferLists: called at IRQL 0 (PASSIVE_LEVEL), and came back at 2",
                   "driver proto0", NULL);
}

// A fatal error by the page of KeLowerIrql: the level is not the one that the raise before it returned.
static void
lowers_to_another_level(struct kit_binding *binding)
{
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    KeLowerIrql(APC_LEVEL);
}

static void
lowers_wrongly(void)
{
    static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    ULONG filter = NDIS_PACKET_TYPE_BROADCAST;
    kit_start(false, 1);
    ck_assert_int_eq(kit_set(&kit.binding[0], OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter), NDIS_STATUS_SUCCESS);
    kit.binding[0].on_received = lowers_to_another_level;
    kit_indicate(everybody, 1, 0);
}

TEST(KeLowerIrql_to_a_level_that_no_raise_returned_is_reported_when_the_driver_comes_back)
{
    act = lowers_wrongly;
    crime_is_found(watched, "NBX-0201", "ProtocolReceiveNetBufferLists: called at IRQL 0 (PASSIVE_LEVEL), and came back at 1", NULL);
}

TEST(a_handler_that_restores_the_IRQL_is_not_reported)
{
    act = leaves_as_it_came;
    crime_is_none(watched);
}
