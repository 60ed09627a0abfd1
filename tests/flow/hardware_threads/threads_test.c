// SPDX-License-Identifier: MIT
// Interrupts and poll objects on OS threads: devices that interrupt from threads of their own while the driver synchronises, is halted,
// polls. What the interrupt's lock guards is not atomic here, so that the thread sanitizer sees whether it does.
#include <string.h>

#include "../../ddi/hardware/hw.h"
#include "nt/ke/ke.h"

#define RAISES 2000

static NDIS_HANDLE interrupt;
static NDIS_POLL_HANDLE poll;
static uint32_t guarded;                      // by the lock that all messages share
static uint32_t by_dpc[2];                    // by the processor that runs the DPC
static _Atomic uint32_t isrs, dpcs, polls, notifications, raising;
static uint32_t poll_runs;                    // by the poll object: one iteration at a time

static NTAPI BOOLEAN
isr(NDIS_HANDLE context, PBOOLEAN queue_default, PULONG targets)
{
    return FALSE;
}

static NTAPI VOID
dpc(NDIS_HANDLE context, PVOID own, PVOID throttle, PVOID reserved)
{
}

static NTAPI VOID
enable(NDIS_HANDLE context)
{
}

static NTAPI BOOLEAN
message_isr(NDIS_HANDLE context, ULONG message, PBOOLEAN queue_default, PULONG targets)
{
    guarded++;
    isrs++;
    *queue_default = message & 1;
    *targets = message & 1 ? 0 : 3;
    if (poll)
        NdisRequestPoll(poll, NULL);
    return TRUE;
}

static NTAPI VOID
message_dpc(NDIS_HANDLE context, ULONG message, PVOID own, PVOID throttle, PVOID reserved)
{
    by_dpc[KeGetCurrentProcessorNumberEx(NULL)]++;
    dpcs++;
}

static NTAPI VOID
message_enable(NDIS_HANDLE context, ULONG message)
{
}

static NTAPI VOID
poll_handler(PVOID context, NDIS_POLL_DATA *data)
{
    poll_runs++;
    polls++;
}

static NTAPI VOID
poll_notify(PVOID context, NDIS_POLL_NOTIFICATION *notification)
{
    poll_runs++;
    notifications++;
}

static NDIS_STATUS
initialize(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_MINIPORT_INTERRUPT, NDIS_MINIPORT_INTERRUPT_REVISION_1,
                   NDIS_SIZEOF_MINIPORT_INTERRUPT_CHARACTERISTICS_REVISION_1},
        .InterruptHandler = isr,
        .InterruptDpcHandler = dpc,
        .DisableInterruptHandler = enable,
        .EnableInterruptHandler = enable,
        .MsiSupported = TRUE,
        .MsiSyncWithAllMessages = TRUE,
        .MessageInterruptHandler = message_isr,
        .MessageInterruptDpcHandler = message_dpc,
        .DisableMessageInterruptHandler = message_enable,
        .EnableMessageInterruptHandler = message_enable};
    NDIS_POLL_CHARACTERISTICS polling = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_POLL_CHARACTERISTICS_REVISION_1,
                                                    NDIS_SIZEOF_NDIS_POLL_CHARACTERISTICS_REVISION_1},
                                         .SetPollNotificationHandler = poll_notify,
                                         .PollHandler = poll_handler};
    ck_assert_int_eq(NdisRegisterPoll(adapter, NULL, &polling, &poll), STATUS_SUCCESS);
    return NdisMRegisterInterruptEx(adapter, &guarded, &chars, &interrupt);
}

static void
halt(void)
{
    NdisMDeregisterInterruptEx(interrupt);
    NdisDeregisterPoll(poll);
    poll = NULL;
}

static void
raise_messages(void *arg)
{
    for (uint32_t i = 0; i < RAISES; i++)
        nbx_device_message(hw.device, i % 4);
    raising--;
}

static NTAPI BOOLEAN
synchronized(PVOID context)
{
    guarded++;
    return TRUE;
}

static void
under_fire(void)
{
    struct ke_thread *devices[2];
    kit_start(false, 1);
    raising = 2;
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(ke_thread_start(kit.box, "device", raise_messages, NULL, &devices[i]), 0);
    uint32_t synchronizations = 0;
    while (raising) {
        NdisMSynchronizeWithInterruptEx(interrupt, synchronizations & 3, synchronized, NULL);
        synchronizations++;
    }
    for (int i = 0; i < 2; i++)
        ke_thread_join(devices[i]);
    for (int i = 0; i < 4; i++)
        nbx_device_message(hw.device, (uint32_t)i);
    hw_wait(&isrs, 4);
    hw_wait(&dpcs, 1);
    hw_wait(&notifications, 1);
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    ck_assert_uint_eq(guarded, isrs + synchronizations);
    ck_assert_uint_eq(by_dpc[0] + by_dpc[1], dpcs);
    ck_assert_uint_eq(poll_runs, polls + notifications);
}

static const struct nbx_device_config device = {.adapter = "nic0", .messages = 4};

TEST(interrupts_DPCs_and_polls_on_OS_threads_are_exclusive_where_they_must_be)
{
    kit_mp_hooks.initialize = initialize;
    kit_mp_hooks.halt = halt;
    hw_run(1, &device, under_fire);
}

static void
removed_under_fire(void)
{
    struct ke_thread *thread;
    kit_start(false, 1);
    raising = 1;
    ck_assert_int_eq(ke_thread_start(kit.box, "device", raise_messages, NULL, &thread), 0);
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    uint32_t isrs_then = isrs, dpcs_then = dpcs;
    ke_thread_join(thread);
    ck_assert_uint_eq(isrs, isrs_then);
    ck_assert_uint_eq(dpcs, dpcs_then);
}

TEST(an_adapter_is_removed_while_its_device_interrupts)
{
    kit_mp_hooks.initialize = initialize;
    kit_mp_hooks.halt = halt;
    for (int i = 0; i < 20; i++)
        hw_run(1, &device, removed_under_fire);
}
