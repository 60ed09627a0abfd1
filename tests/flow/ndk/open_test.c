// SPDX-License-Identifier: MIT
// Opening and closing NDK adapters: arrival, versions, statuses, and what a provider or a consumer may not do.
#include "provider.h"

#include "harness/crime.h"
#include "harness/harness.h"
#include "nbx/fault.h"
#include "nt/ke/ke.h"

static void (*act)(void);

static void
watched(void)
{
    n_watched(act);
}

#define IS_FOUND(fn, rule, ...) (act = (fn), crime_is_found(watched, rule, __VA_ARGS__, NULL))

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

static void
versions(void)
{
    static const struct {
        uint16_t major, minor;
        NDIS_STATUS status;
    } cases[] = {{1, 0, NDIS_STATUS_SUCCESS},     {1, 1, NDIS_STATUS_SUCCESS},     {1, 2, NDIS_STATUS_SUCCESS},
                 {1, 3, NDIS_STATUS_BAD_VERSION}, {2, 1, NDIS_STATUS_SUCCESS},     {2, 2, NDIS_STATUS_BAD_VERSION},
                 {0, 1, NDIS_STATUS_BAD_VERSION}, {3, 0, NDIS_STATUS_BAD_VERSION}, {0xFFFF, 0xFFFF, NDIS_STATUS_BAD_VERSION}};
    n_start(0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_int_eq(n_open(0, cases[i].major, cases[i].minor), cases[i].status);
        if (!n.opened[0])
            continue;
        ck_assert_uint_eq(n.opened[0]->Header.Version.Major, cases[i].major);
        ck_assert_uint_eq(n.opened[0]->Header.Version.Minor, cases[i].major == 1 ? 2 : 1);
        n_close(0);
    }
}

TEST(OpenNDKAdapterHandler_is_asked_for_the_consumers_version_and_BAD_VERSION_goes_back)
{
    n_run(SIM_CALM, versions);
}

static void
statuses(void)
{
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .program = true};
    n_start(0);
    // Its status goes back as it is.
    n.open_status = NDIS_STATUS_RESOURCES;
    ck_assert_int_eq(n_open(0, 1, 2), NDIS_STATUS_RESOURCES);
    n.open_status = NDIS_STATUS_ADAPTER_NOT_READY;
    ck_assert_int_eq(n_open(0, 1, 2), NDIS_STATUS_ADAPTER_NOT_READY);
    n.open_status = 0;
    // No memory for the record; no such interface; one whose miniport has no NDK is NDK_attributes_that_are_refused.
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
    NDIS_STATUS status = n_open(0, 1, 2);
    nbx_fault_disarm(NULL);
    ck_assert_int_eq(status, NDIS_STATUS_RESOURCES);
    n.if_index += 1000;
    ck_assert_int_eq(n_open(0, 1, 2), NDIS_STATUS_ADAPTER_NOT_FOUND);
    n.if_index -= 1000;
    ck_assert_int_eq(n_open(0, 1, 2), NDIS_STATUS_SUCCESS);
    n_close(0);
}

TEST(OpenNDKAdapterHandler_gives_each_status_and_is_not_called_without_memory_or_adapter)
{
    n_run(SIM_CALM, statuses);
}

static void
registers(void)
{
    struct nbx_ndk_client_config config = {.context = &n};
    struct nbx_ndk_client *client = (void *)&n;
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .program = true};
    ck_assert_int_eq(nbx_ndk_client_register(&config, &client), STATUS_INVALID_PARAMETER);
    ck_assert_ptr_null(client);
    config.driver = n.driver;
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
    NTSTATUS status = nbx_ndk_client_register(&config, &client);
    nbx_fault_disarm(NULL);
    ck_assert_int_eq(status, STATUS_INSUFFICIENT_RESOURCES);
    ck_assert_ptr_null(client);
    // One without callbacks hears nothing, and may open; one that comes late hears of what is there.
    kit_start(false, 0);
    ck_assert_int_eq(nbx_ndk_client_register(&config, &client), STATUS_SUCCESS);
    kit.note_count = 0;
    n_register();
    kit_notes_are("c1");
    NDK_VERSION version = {1, 1};
    NDK_ADAPTER *adapter;
    ck_assert_int_eq(nbx_ndk_adapter_open(client, n.if_index, version, &adapter), NDIS_STATUS_SUCCESS);
    nbx_ndk_adapter_close(client, adapter);
    ck_assert_int_eq(ndis_adapter_pause(kit.adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(n_event(false), NDIS_STATUS_SUCCESS);
    nbx_ndk_client_deregister(client);
}

TEST(a_client_of_NDK_is_told_of_what_is_there_and_refused_without_memory_or_driver)
{
    n_run(SIM_CALM, registers);
}

// ---- while it is going --------------------------------------------------------------------------------------------------------------

static struct ke_thread *helper;
static struct ke_latch inside;

static void
disable_work(void *arg)
{
    ck_assert_int_eq(n_event(false), NDIS_STATUS_SUCCESS);
}

// The first opener stays inside the provider until the adapter's removal has been told.
static void
on_open_disable(void)
{
    n.on_open = NULL;
    ke_latch_reset(&inside);
    ck_assert_int_eq(ke_thread_start(kit.box, "disabler", disable_work, NULL, &helper), 0);
    ke_latch_wait(&inside, SCHED_NEVER);
    n.is_enabled = true;                      // the provider has not got so far yet
}

static void
on_removal_note(void)
{
    ke_latch_set(&inside);
}

static void
opens_too_late(void)
{
    n_start(0);
    n.on_open = on_open_disable;
    n.on_removal = on_removal_note;
    ck_assert_int_eq(n_open(0, 1, 1), NDIS_STATUS_ADAPTER_NOT_READY);
    ke_thread_join(helper);
    kit_notes_are("c2 n1 n2");
    ck_assert_uint_eq(n_open_count(), 0);
}

TEST(CloseNDKAdapterHandler_takes_back_an_adapter_that_was_opened_while_NDK_was_switched_off)
{
    for (uint64_t seed = 1; seed < 20; seed++)
        n_run(seed, opens_too_late);
}

static void
close_later(void *arg)
{
    ke_latch_wait(&inside, SCHED_NEVER);
    n_close(0);
}

static void
closes_from_another_thread(void)
{
    n_start(0);
    n.keeps_open = true;
    n.on_removal = on_removal_note;
    ke_latch_reset(&inside);
    ck_assert_int_eq(n_open(0, 1, 1), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ke_thread_start(kit.box, "closer", close_later, NULL, &helper), 0);
    ck_assert_int_eq(n_event(false), NDIS_STATUS_SUCCESS);
    kit_notes_are("n1 c2 n2");                // it has returned when the adapter was closed
    ke_thread_join(helper);
}

TEST(CloseNDKAdapterHandler_may_come_from_another_thread_and_the_event_waits_for_it)
{
    for (uint64_t seed = 1; seed < 20; seed++)
        n_run(seed, closes_from_another_thread);
}

// ---- what a provider may not do -------------------------------------------------------------------------------------------------------

static NTAPI NDIS_STATUS
open_pends(NDIS_HANDLE context, PNDIS_OPEN_NDK_ADAPTER_PARAMETERS parameters, NDK_ADAPTER **out)
{
    return NDIS_STATUS_PENDING;
}

static NTAPI NDIS_STATUS
open_nothing(NDIS_HANDLE context, PNDIS_OPEN_NDK_ADAPTER_PARAMETERS parameters, NDK_ADAPTER **out)
{
    return NDIS_STATUS_SUCCESS;
}

static NDK_ADAPTER bad;
static const NDK_ADAPTER_DISPATCH no_functions;

static NTAPI NDIS_STATUS
open_bad(NDIS_HANDLE context, PNDIS_OPEN_NDK_ADAPTER_PARAMETERS parameters, NDK_ADAPTER **out)
{
    *out = &bad;
    return NDIS_STATUS_SUCCESS;
}

static OPEN_NDK_ADAPTER_HANDLER bad_open;

static void
bad_chars(NDIS_NDK_PROVIDER_CHARACTERISTICS *chars)
{
    chars->OpenNDKAdapterHandler = bad_open;
}

static void
opens_badly(void)
{
    n_start(0);
    n_open(0, 1, 2);
}

static void
opens_as(OPEN_NDK_ADAPTER_HANDLER handler, const char *said)
{
    bad_open = handler;
    n.edit_chars = bad_chars;
    IS_FOUND(opens_badly, "NBX-0002", "OpenNDKAdapterHandler", "mp", said);
}

TEST(OpenNDKAdapterHandler_that_pends_or_gives_no_adapter_of_the_version_asked_for_is_reported)
{
    const NDK_ADAPTER good = {.Header = {.Version = {1, 2}, .ObjectType = NdkObjectTypeAdapter}, .Dispatch = &no_functions};
    opens_as(open_pends, "NDIS_STATUS_PENDING");
    opens_as(open_nothing, "without an NDK_ADAPTER");
    bad = good;
    bad.Dispatch = NULL;
    opens_as(open_bad, "without an NDK_ADAPTER");
    bad = good;
    bad.Header.ObjectType = NdkObjectTypeCq;
    opens_as(open_bad, "NdkObjectTypeAdapter");
    bad = good;
    bad.Header.Version.Major = 2;
    opens_as(open_bad, "another major version");
    bad = good;
    bad.Header.Version.Minor = 1;
    opens_as(open_bad, "lower minor");
}

// ---- what a consumer may not do -------------------------------------------------------------------------------------------------------

static void
closes_twice(void)
{
    n_start(0);
    n_open(0, 1, 2);
    NDK_ADAPTER *adapter = n.opened[0];
    n_close(0);
    nbx_ndk_adapter_close(n.client, adapter);
}

static void
leaves_open(void)
{
    n_start(0);
    n_open(0, 1, 2);
    nbx_ndk_client_deregister(n.client);
}

static void
deregisters_inside(void)
{
    nbx_ndk_client_deregister(n.client);
}

static void
leaves_inside(void)
{
    n.on_arrival = deregisters_inside;
    n_start(0);
}

TEST(a_client_of_NDK_that_closes_twice_or_leaves_too_early_is_reported)
{
    IS_FOUND(closes_twice, "NBX-0002", "nbx_ndk_adapter_close", "no such NDK adapter");
    IS_FOUND(leaves_open, "NBX-0002", "nbx_ndk_client_deregister", "still open");
    IS_FOUND(leaves_inside, "NBX-0002", "nbx_ndk_client_deregister", "from inside");
}
