// SPDX-License-Identifier: MIT
// MiniportShutdownEx: the system goes down in order, or by a bug check. What the page says of when, at which IRQL, with what, and that
// nothing of the miniport is called after it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/crime.h"
#include "witness.h"

static struct w_protocol *const pa = &w.protocol[0];
static NDIS_SHUTDOWN_ACTION action_seen;

static NTAPI VOID
shutdown(NDIS_HANDLE context, NDIS_SHUTDOWN_ACTION action)
{
    ck_assert_ptr_eq(context, &w.mp_context);
    action_seen = action;
}

static NTAPI BOOLEAN
never_hangs(NDIS_HANDLE context)
{
    return FALSE;
}

static uint32_t
calls_of_miniport(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < w.count; i++)
        count += !strncmp(w.calls[i].name, "Miniport", 8);
    return count;
}

static void
goes_down(void)
{
    static NDIS_OID_REQUEST request;
    static uint32_t value;
    w_start(1, 1);
    w_listen(pa);
    w_forget();
    action_seen = NdisShutdownBugCheck;
    ndis_shutdown(w.box);
    ck_assert_uint_eq(w_count("MiniportShutdownEx"), 1);
    w_irql_was("MiniportShutdownEx", PASSIVE_LEVEL);
    ck_assert_int_eq(action_seen, NdisShutdownPowerOff);
    ck_assert_uint_eq(calls_of_miniport(), 1);    // it was not paused, and will not be halted
    w_forget();
    ndis_shutdown(w.box);                         // once
    NdisSendNetBufferLists(pa->binding, w_nbl(pa, 1), 0, 0);
    ck_assert_int_eq(pa->completed->Status, NDIS_STATUS_PAUSED);
    NdisCancelSendNetBufferLists(pa->binding, &value);
    w_request(&request, NdisRequestSetInformation, 0xff770001, &value, sizeof value);
    ck_assert_int_eq(NdisOidRequest(pa->binding, &request), NDIS_STATUS_NOT_ACCEPTED);
    w_request(&request, NdisRequestSetInformation, 0xff770001, &value, sizeof value);
    ck_assert_int_eq(NdisDirectOidRequest(pa->binding, &request), NDIS_STATUS_NOT_ACCEPTED);
    w_sleep(10000);                               // no check for hang
    ck_assert_int_eq(ndis_adapter_pause(w.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_ne(ndis_adapter_restart(w.adapter), NDIS_STATUS_SUCCESS);
    ndis_adapter_surprise_remove(w.adapter);
    w.adapter = NULL;
    ck_assert_uint_eq(calls_of_miniport(), 0);
}

TEST(MiniportShutdownEx_comes_at_PASSIVE_LEVEL_when_the_system_goes_down_and_is_the_miniports_last_call)
{
    w_own.shutdown = shutdown;
    w_own.check_for_hang = never_hangs;
    w_run(1, goes_down);
}

static void
halted_first(void)
{
    w_start(0, 0);
    ck_assert_int_eq(ndis_adapter_power(w.adapter, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);   // it knows nothing of power: halted
    w_forget();
    ndis_shutdown(w.box);
    ck_assert_uint_eq(w_count("MiniportShutdownEx"), 0);
}

TEST(MiniportShutdownEx_is_not_called_when_the_miniport_has_halted)
{
    w_run(1, halted_first);
}

// ---- a bug check ----------------------------------------------------------------------------------------------------------------------

static NTAPI VOID
shutdown_telling(NDIS_HANDLE context, NDIS_SHUTDOWN_ACTION action)
{
    fprintf(stderr, "shut: action %u, IRQL %u\n", action, KeGetCurrentIrql());
}

static void
breaks(void)
{
    w_start(0, 1);
    KeBugCheckEx(0xe2, 1, 2, 3, 4);
}

static void
run_breaking(void)
{
    w_own.shutdown = shutdown_telling;
    w_run(1, breaks);
}

static void
said(bool is_told)
{
    static struct crime crime;
    crime_commit(&crime, run_breaking);
    ck_assert_int_eq(crime.exit_status, 1);
    ck_assert_msg(strstr(crime.said, "bug check 0xE2") != NULL, "%s", crime.said);
    char wanted[64];
    snprintf(wanted, sizeof wanted, "shut: action %u, IRQL %u\n", NdisShutdownBugCheck, HIGH_LEVEL);
    ck_assert_msg((strstr(crime.said, wanted) != NULL) == is_told, "%s", crime.said);
}

TEST(MiniportShutdownEx_comes_at_HIGH_LEVEL_in_a_bug_check_to_who_asked_for_it_or_is_older_than_6_30)
{
    said(false);
    w_own.minor[0] = 20;
    said(true);
    w_own.minor[0] = 30;
    w_own.attribute_flags = NDIS_MINIPORT_ATTRIBUTES_REGISTER_BUGCHECK_CALLBACK;
    said(true);
}

static NTAPI VOID
shutdown_breaking(NDIS_HANDLE context, NDIS_SHUTDOWN_ACTION action)
{
    fprintf(stderr, "shut once\n");
    KeBugCheckEx(0xdead, 0, 0, 0, 0);
}

static void
run_breaking_twice(void)
{
    w_own.shutdown = shutdown_breaking;
    w_own.attribute_flags = NDIS_MINIPORT_ATTRIBUTES_REGISTER_BUGCHECK_CALLBACK;
    w_run(1, breaks);
}

TEST(MiniportShutdownEx_that_causes_a_bug_check_itself_is_not_called_again)
{
    static struct crime crime;
    crime_commit(&crime, run_breaking_twice);
    ck_assert_int_eq(crime.exit_status, 1);
    const char *first = strstr(crime.said, "shut once");
    ck_assert(first && !strstr(first + 1, "shut once"));
}

static NTAPI VOID
halt_breaking(NDIS_HANDLE context, NDIS_HALT_ACTION action)
{
    KeBugCheckEx(0xe3, 0, 0, 0, 0);
}

static void
removes(void)
{
    w_start(0, 1);
    w_remove();
}

static void
run_halting(void)
{
    w_own.shutdown = shutdown_telling;
    w_own.halt = halt_breaking;
    w_own.attribute_flags = NDIS_MINIPORT_ATTRIBUTES_REGISTER_BUGCHECK_CALLBACK;
    w_run(1, removes);
}

TEST(MiniportShutdownEx_comes_nested_when_MiniportHaltEx_causes_a_bug_check)
{
    harness_reported("shut: action 1, IRQL 15", run_halting);
    harness_reported("bug check 0xE3", run_halting);
}
