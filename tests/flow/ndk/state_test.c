// SPDX-License-Identifier: MIT
// NDK through an adapter's life: enabled and disabled, paused, asleep, removed, its hardware gone, the system shut down. Notes as in
// provider.h and in tests/flow/ndis (event_test.c, power_test.c): pd is NetEventNDKEnable at a protocol, pe NetEventNDKDisable.
#include "provider.h"

#include <string.h>

#include "harness/crime.h"
#include "harness/harness.h"
#include "nt/ke/ke.h"

static void
opens_one(void)
{
    ck_assert_int_eq(n_open(0, 1, 1), NDIS_STATUS_SUCCESS);
}

static void
begin(uint32_t bindings)
{
    n.on_arrival = opens_one;
    n_start(bindings);
    kit.note_count = 0;
}

// ---- on and off ---------------------------------------------------------------------------------------------------------------------

static void
goes_off_and_on(void)
{
    begin(1);
    ck_assert(kit.binding[0].bound_ndk_enabled);
    ck_assert_uint_eq(kit.binding[0].bound_ndk->MaxQpCount, 17);
    ck_assert_ptr_nonnull(kit.binding[0].bound_ndk->NdkInfo);
    ck_assert_int_eq(n_event(false), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(n_open(1, 1, 1), NDIS_STATUS_ADAPTER_NOT_READY);
    kit_notes_are("pe c2 n2");               // bindings, then consumers, and it waits for the close
    ck_assert_int_eq(n_event(false), NDIS_STATUS_SUCCESS);
    kit_notes_are("pe");                     // consumers know already
    ck_assert_int_eq(ndis_adapter_bind(kit.adapter, "proto1"), NDIS_STATUS_SUCCESS);
    ck_assert(!kit.binding[1].bound_ndk_enabled);
    ck_assert_ptr_nonnull(kit.binding[1].bound_ndk);
    kit.note_count = 0;
    ck_assert_int_eq(n_event(true), NDIS_STATUS_SUCCESS);
    kit_notes_are("pd pd c1 n1");
    ck_assert_int_eq(n_event(true), NDIS_STATUS_SUCCESS);
    kit_notes_are("pd pd");
}

TEST(NdisMNetPnPEvent_with_NetEventNDKDisable_returns_when_every_NDK_adapter_is_closed_and_NetEventNDKEnable_brings_it_back)
{
    for (uint64_t seed = 1; seed < 6; seed++)
        n_run(seed, goes_off_and_on);
}

static void
starts_disabled(void)
{
    n.starts_disabled = true;
    n_register();
    kit_start(false, 1);
    kit_notes_are("m203 m105 m201 p9");       // nobody has been told
    ck_assert(!kit.binding[0].bound_ndk_enabled);
    n.if_index = 1;
    ck_assert_int_eq(n_open(0, 1, 1), NDIS_STATUS_ADAPTER_NOT_READY);
    // OID_NDK_SET_STATE asks; the miniport says when it is done.
    BOOLEAN on = TRUE;
    ck_assert_int_eq(ndis_adapter_oid(kit.adapter, NdisRequestSetInformation, OID_NDK_SET_STATE, &on, sizeof on, NULL),
                     NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(n.set_state_oids, 1);
    ck_assert_uint_eq(n.set_state, TRUE);
    ck_assert_int_eq(n_open(0, 1, 1), NDIS_STATUS_ADAPTER_NOT_READY);
    ck_assert_int_eq(n_event(true), NDIS_STATUS_SUCCESS);
    kit_notes_are("pd c1");
    opens_one();
    n_close(0);
}

TEST(NdisMNetPnPEvent_with_NetEventNDKEnable_makes_an_adapter_arrive_that_began_disabled)
{
    n_run(SIM_CALM, starts_disabled);
}

static void
enables_before_it_runs(void)
{
    struct ndis_adapter_config config = {.name = "nic0", .driver = "mp"};
    n.starts_disabled = true;
    n_register();
    ck_assert_int_eq(ndis_adapter_add(kit.box, &config, &kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(n_event(true), NDIS_STATUS_SUCCESS);
    kit_notes_are("m203 m105");
    ck_assert_int_eq(ndis_adapter_restart(kit.adapter), NDIS_STATUS_SUCCESS);
    kit_notes_are("m201 c1");
}

TEST(an_NDK_adapter_arrives_with_the_first_restart_of_its_stack)
{
    n_run(SIM_CALM, enables_before_it_runs);
}

static void
event_without_ndk(void)
{
    n.edit_attributes = NULL;
    kit_start(false, 0);
    n_event(true);
}

static void
plain_miniport(void)
{
    kit_verify = VERIFY_ON;
    kit_run(SIM_CALM, event_without_ndk);
}

TEST(NdisMNetPnPEvent_with_an_NDK_event_from_a_miniport_that_has_none_is_reported)
{
    crime_is_found(plain_miniport, "NBX-0120", "NdisMNetPnPEvent", NULL);
}

// The miniport raises the event from a thread that its MiniportHaltEx waits for, as one whose work item does it has to.
static struct ke_thread *raiser;
static struct ke_latch raised;

static void
raise_work(void *arg)
{
    ck_assert_int_eq(n_event(false), NDIS_STATUS_SUCCESS);
    ke_latch_set(&raised);
}

static void
halt_waits(void)
{
    ke_latch_wait(&raised, SCHED_NEVER);
}

static void
raise_at_removal(void)
{
    ck_assert_int_eq(ke_thread_start(kit.box, "raiser", raise_work, NULL, &raiser), 0);
}

static void
halts_under_an_event(void)
{
    ke_latch_reset(&raised);
    kit_mp_hooks.halt = halt_waits;
    begin(1);
    n.on_removal = raise_at_removal;
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    ke_thread_join(raiser);
}

TEST(NdisMNetPnPEvent_with_NetEventNDKDisable_ends_when_its_adapter_is_halted)
{
    for (uint64_t seed = 1; seed < 30; seed++)
        n_run(seed, halts_under_an_event);
}

// ---- the adapter's life -------------------------------------------------------------------------------------------------------------

static void
is_paused(void)
{
    begin(1);
    ck_assert_int_eq(ndis_adapter_pause(kit.adapter), NDIS_STATUS_SUCCESS);
    kit_notes_are("p8 m200");                 // RDMA goes on
    ck_assert_int_eq(n_open(1, 2, 1), NDIS_STATUS_SUCCESS);
    n_close(1);
    ck_assert_int_eq(ndis_adapter_restart(kit.adapter), NDIS_STATUS_SUCCESS);
    kit_notes_are("n10001 n10002 m201 p9");
    ck_assert_uint_eq(n_open_count(), 1);
}

TEST(an_NDK_adapter_stays_open_while_its_stack_is_paused)
{
    n_run(SIM_CALM, is_paused);
}

static void
sleeps(void)
{
    kit.mp.knows_power = true;
    begin(1);
    ck_assert_int_eq(ndis_adapter_power(kit.adapter, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    kit_notes_are("p1 m40207 c10002 n2 p0 p8 m200 m208 m40206");   // after the query, before the sleep
    ck_assert_int_eq(n_open(0, 1, 1), NDIS_STATUS_ADAPTER_NOT_READY);
    ck_assert_int_eq(ndis_adapter_power(kit.adapter, NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
    kit_notes_are("m10206 m105 m201 p9 p0 c1 n1");
    // A sleep that is refused in the end: it was gone, and is back.
    kit.mp.power_status = NDIS_STATUS_FAILURE;
    ck_assert_int_ne(ndis_adapter_power(kit.adapter, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    kit.mp.power_status = NDIS_STATUS_SUCCESS;
    kit.note_count = 0;
    ck_assert_uint_eq(n_open_count(), 1);
}

static void
is_halted_for_sleep(void)
{
    begin(1);
    ck_assert_int_eq(ndis_adapter_power(kit.adapter, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    kit_notes_are("p1 c10002 n2 p0 p8 m200 m20202");
    ck_assert_int_eq(n_open(0, 1, 1), NDIS_STATUS_ADAPTER_NOT_FOUND);   // halted: nobody knows what it will have
    ck_assert_int_eq(ndis_adapter_power(kit.adapter, NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
    kit_notes_are("m203 m105 m201 p9 p0 c1 n1");
}

TEST(an_NDK_adapter_is_closed_before_its_NIC_sleeps_and_arrives_again_when_it_wakes)
{
    for (uint64_t seed = 1; seed < 6; seed++) {
        n_run(seed, sleeps);
        n_run(seed, is_halted_for_sleep);
    }
}

static void
is_removed(void)
{
    begin(1);
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    kit_notes_are("c20002 n2 p8 m200 p204 m202");
    ck_assert_int_eq(n_open(0, 1, 1), NDIS_STATUS_ADAPTER_NOT_FOUND);
}

static void
is_pulled_out(void)
{
    begin(1);
    ndis_adapter_surprise_remove(kit.adapter);
    kit.adapter = NULL;
    kit_notes_are("p2 m102 c30002 n2 p8 m200 p204 m30202");
}

TEST(an_NDK_adapter_is_closed_before_its_NIC_is_halted_also_when_the_hardware_is_gone)
{
    for (uint64_t seed = 1; seed < 6; seed++) {
        n_run(seed, is_removed);
        n_run(seed, is_pulled_out);
    }
}

static void
is_shut_down(void)
{
    begin(0);
    ndis_shutdown(kit.box);
    ck_assert_uint_eq(kit.mp.shutdowns, 1);
    kit_notes_are("");
    n_close(0);
    kit_notes_are("");                        // no callback of the miniport after its shutdown
    ck_assert_uint_eq(n_open_count(), 1);
    n.adapters[0].is_open = false;
}

TEST(CloseNDKAdapterHandler_is_not_called_after_MiniportShutdownEx)
{
    n_run(SIM_CALM, is_shut_down);
}

// ---- what has to go in time -----------------------------------------------------------------------------------------------------------

static uint32_t closes_after_s, stays_inside_s;

static void
delay_s(uint32_t seconds)
{
    LARGE_INTEGER interval = {.QuadPart = -10000000ll * seconds};
    KeDelayExecutionThread(KernelMode, FALSE, &interval);
}

static void
close_work(void *arg)
{
    delay_s(closes_after_s);
    n_close(0);
}

static void
stay_inside(void)
{
    delay_s(stays_inside_s);
}

static void
closes_in_its_time(void)
{
    begin(0);
    n.keeps_open = true;
    n.on_close = stay_inside;
    ck_assert_int_eq(ke_thread_start(kit.box, "closer", close_work, NULL, &raiser), 0);
    ck_assert_int_eq(n_event(false), NDIS_STATUS_SUCCESS);
    ke_thread_join(raiser);
    ck_assert_uint_eq(n_open_count(), 0);
}

static void
timed_run(void)
{
    n_watched(closes_in_its_time);
}

TEST(an_NDK_adapter_that_is_kept_after_its_removal_is_reported)
{
    closes_after_s = 31;
    stays_inside_s = 0;
    crime_is_found(timed_run, "NBX-0713", "driver consumer", "nbx_ndk_adapter_close",
                   "consumer was told 30 s ago that NDK of nic0 goes, and has 1 of its adapters open", NULL);
    closes_after_s = 20;
    stays_inside_s = 11;
    crime_is_found(timed_run, "NBX-0713", "driver mp", "CloseNDKAdapterHandler", "every consumer has closed", NULL);
}

TEST(an_NDK_consumer_that_takes_its_time_is_not_reported)
{
    closes_after_s = 20;
    stays_inside_s = 9;
    crime_is_none(timed_run);
}
