// SPDX-License-Identifier: MIT
// Interrupts of miniports: line and messages, what the ISR may ask for, DPCs by processor, throttling, synchronising, deregistering.
#include <string.h>

#include "hw.h"
#include "nbx/fault.h"
#include "ndis/ndis_int.h"
#include "nt/hal/hal.h"
#include "nt/ke/ke.h"

static NDIS_HANDLE interrupt;
static NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS chars;
static NDIS_STATUS registered;
static _Atomic uint32_t isrs, dpcs, enables, disables;
static uint32_t isr_messages[8], dpc_messages[8], dpc_on[4];
static void *dpc_context;
static ULONG throttle_max;
static bool throttle_was_null;
static uint32_t more_pending;                 // the next so many DPCs say that more is pending
static uint32_t keep_line;                    // so many calls of the ISR do not make the device let go
static BOOLEAN isr_default = TRUE, isr_result = TRUE;
static ULONG isr_targets;
static KIRQL isr_irql, dpc_irql;
static _Atomic uint32_t inside, overlaps;     // in the ISR or in a synchronised function

static void
enter_exclusive(void)
{
    overlaps += inside++ != 0;
    sched_choice(sched_self->sched, SCHED_POINT_DDI);
    inside--;
}

static NTAPI BOOLEAN
isr(NDIS_HANDLE context, PBOOLEAN queue_default, PULONG targets)
{
    ck_assert_ptr_eq(context, &chars);
    isr_irql = KeGetCurrentIrql();
    enter_exclusive();
    if (isrs >= keep_line)
        nbx_device_line(hw.device, false);
    *queue_default = isr_default;
    *targets = isr_targets;
    isrs++;
    return isr_result;
}

static void
note_dpc(void *context, void *throttle)
{
    NDIS_RECEIVE_THROTTLE_PARAMETERS *t = throttle;
    dpc_irql = KeGetCurrentIrql();
    dpc_on[KeGetCurrentProcessorNumberEx(NULL)]++;
    dpc_context = context;
    throttle_was_null = !t;
    if (t) {
        throttle_max = t->MaxNblsToIndicate;
        t->MoreNblsPending = more_pending > 0;
        more_pending -= more_pending > 0;
    }
    dpcs++;
}

static NTAPI VOID
dpc(NDIS_HANDLE context, PVOID dpc_own, PVOID throttle, PVOID reserved)
{
    ck_assert_ptr_eq(context, &chars);
    note_dpc(dpc_own, throttle);
}

static NTAPI VOID
disable(NDIS_HANDLE context)
{
    ck_assert_uint_eq(KeGetCurrentIrql(), isr_irql);
    disables++;
}

static NTAPI VOID
enable(NDIS_HANDLE context)
{
    ck_assert_uint_eq(KeGetCurrentIrql(), isr_irql);
    enables++;
}

static NTAPI BOOLEAN
message_isr(NDIS_HANDLE context, ULONG message, PBOOLEAN queue_default, PULONG targets)
{
    ck_assert_ptr_eq(context, &chars);
    isr_irql = KeGetCurrentIrql();
    enter_exclusive();
    isr_messages[message]++;
    *queue_default = isr_default;
    *targets = isr_targets;
    isrs++;
    return isr_result;
}

static NTAPI VOID
message_dpc(NDIS_HANDLE context, ULONG message, PVOID dpc_own, PVOID throttle, PVOID reserved)
{
    ck_assert_ptr_eq(context, &chars);
    dpc_messages[message]++;
    note_dpc(dpc_own, throttle);
}

static NTAPI VOID
message_disable(NDIS_HANDLE context, ULONG message)
{
    ck_assert_uint_lt(message, 4);
    disable(context);
}

static NTAPI VOID
message_enable(NDIS_HANDLE context, ULONG message)
{
    ck_assert_uint_lt(message, 4);
    enable(context);
}

static void
chars_fill(bool messages)
{
    chars = (NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS){
        .Header = {NDIS_OBJECT_TYPE_MINIPORT_INTERRUPT, NDIS_MINIPORT_INTERRUPT_REVISION_1,
                   NDIS_SIZEOF_MINIPORT_INTERRUPT_CHARACTERISTICS_REVISION_1},
        .InterruptHandler = isr,
        .InterruptDpcHandler = dpc,
        .DisableInterruptHandler = disable,
        .EnableInterruptHandler = enable};
    if (messages) {
        chars.MsiSupported = TRUE;
        chars.MessageInterruptHandler = message_isr;
        chars.MessageInterruptDpcHandler = message_dpc;
        chars.DisableMessageInterruptHandler = message_disable;
        chars.EnableMessageInterruptHandler = message_enable;
    }
}

static NDIS_STATUS
take_interrupt(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    registered = NdisMRegisterInterruptEx(adapter, &chars, &chars, &interrupt);
    return NDIS_STATUS_SUCCESS;
}

static void
give_interrupt(void)
{
    if (interrupt)
        NdisMDeregisterInterruptEx(interrupt);
    interrupt = NULL;
}

static const struct nbx_device_config line_device = {.adapter = "nic0", .has_line = true};
static const struct nbx_device_config message_device = {.adapter = "nic0", .has_line = true, .messages = 4};
static const struct nbx_device_config bare_device = {.adapter = "nic0"};

static void
prepare(bool messages)
{
    chars_fill(messages);
    kit_mp_hooks.initialize = take_interrupt;
    kit_mp_hooks.halt = give_interrupt;
}

// ---- the line ---------------------------------------------------------------------------------------------------------------------

static void
line(void)
{
    kit_start(false, 1);
    ck_assert_int_eq(registered, NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(chars.InterruptType, NDIS_CONNECT_LINE_BASED);
    ck_assert_ptr_null(chars.MessageInfoTable);
    for (uint32_t i = 1; i <= 5; i++) {
        dpc_context = &chars;
        nbx_device_line(hw.device, true);
        hw_wait(&dpcs, i);
        ck_assert_uint_eq(isrs, i);
        ck_assert_ptr_null(dpc_context);
    }
    ck_assert_uint_gt(isr_irql, DISPATCH_LEVEL);
    ck_assert_uint_eq(dpc_irql, DISPATCH_LEVEL);
    ck_assert_uint_eq(throttle_max, NDIS_INDICATE_ALL_NBLS);
}

TEST(NdisMRegisterInterruptEx_gives_a_line_whose_ISR_runs_at_DIRQL_and_whose_DPC_at_DISPATCH_LEVEL)
{
    prepare(false);
    for (uint64_t seed = 0; seed < 10; seed++) {
        isrs = dpcs = 0;
        hw_run(seed, &line_device, line);
    }
}

TEST(NdisMRegisterInterruptEx_grants_the_line_when_the_driver_knows_no_messages)
{
    prepare(false);
    hw_run(1, &message_device, line);
}

TEST(NdisMRegisterInterruptEx_grants_the_line_when_the_device_has_no_messages)
{
    prepare(true);
    hw_run(1, &line_device, line);
}

static void
asserted_again(void)
{
    kit_start(false, 1);
    isr_default = FALSE;
    keep_line = 5;
    nbx_device_line(hw.device, true);
    hw_wait(&isrs, 6);
    hw_settle();
    ck_assert_uint_eq(isrs, 6);
    ck_assert_uint_eq(dpcs, 0);
}

TEST(a_line_is_delivered_until_the_device_lets_go)
{
    prepare(false);
    hw_run(3, &line_device, asserted_again);
}

static void
storm(void)
{
    kit_start(false, 1);
    keep_line = UINT32_MAX;
    nbx_device_line(hw.device, true);
    hw_settle();
}

TEST(a_line_that_nothing_lets_go_of_is_reported)
{
    prepare(false);
    hw_reported(&line_device, storm, "still asserted after 10,000 calls");
}

// ---- messages ----------------------------------------------------------------------------------------------------------------------

static void
messages(void)
{
    kit_start(false, 1);
    ck_assert_int_eq(registered, NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(chars.InterruptType, NDIS_CONNECT_MESSAGE_BASED);
    ck_assert_uint_eq(chars.MessageInfoTable->MessageCount, 4);
    for (uint32_t i = 0; i < 4; i++) {
        const IO_INTERRUPT_MESSAGE_INFO_ENTRY *entry = &chars.MessageInfoTable->MessageInfo[i];
        uint32_t before = dpc_on[i % 2];
        nbx_device_message(hw.device, i);
        hw_wait(&dpcs, i + 1);
        ck_assert_uint_eq(isr_messages[i], 1);
        ck_assert_uint_eq(dpc_messages[i], 1);
        ck_assert_uint_eq(isr_irql, entry->Irql);
        ck_assert_uint_eq(entry->TargetProcessorSet, 1u << i % 2);
        ck_assert_uint_eq(dpc_on[i % 2], before + 1);   // the default DPC runs where the ISR ran
    }
    ck_assert_uint_gt(isr_irql, DISPATCH_LEVEL);
}

TEST(NdisMRegisterInterruptEx_gives_messages_each_with_its_ISR_and_DPC_on_its_processor)
{
    prepare(true);
    hw_run(4, &message_device, messages);
}

// ---- what the ISR asks for ---------------------------------------------------------------------------------------------------------

static void
isr_asks(void)
{
    kit_start(false, 1);
    isr_default = FALSE;
    isr_targets = 0;
    nbx_device_line(hw.device, true);
    hw_wait(&isrs, 1);
    hw_settle();
    ck_assert_uint_eq(dpcs, 0);   // nothing asked for, nothing queued
    isr_targets = 3;
    isr_result = FALSE;           // DPCs are queued whatever the ISR returns
    nbx_device_line(hw.device, true);
    hw_wait(&dpcs, 2);
    ck_assert_uint_eq(dpc_on[0], 1);
    ck_assert_uint_eq(dpc_on[1], 1);
    isr_default = TRUE;           // and then the targets are not looked at
    nbx_device_line(hw.device, true);
    hw_wait(&dpcs, 3);
    hw_settle();
    ck_assert_uint_eq(dpcs, 3);
    isr_default = FALSE;
    isr_targets = 0xfffffffe;     // of processors that are not there none is asked
    nbx_device_line(hw.device, true);
    hw_wait(&dpcs, 4);
    hw_settle();
    ck_assert_uint_eq(dpcs, 4);
    ck_assert_uint_ge(dpc_on[1], 2);
}

TEST(MiniportInterrupt_is_followed_by_the_DPCs_that_it_asks_for_whatever_it_returns)
{
    prepare(false);
    hw_run(5, &line_device, isr_asks);
}

// ---- NdisMQueueDpc -----------------------------------------------------------------------------------------------------------------

static void
queue_dpc(void)
{
    int own;
    GROUP_AFFINITY group = {.Mask = 3}, elsewhere = {.Mask = 3, .Group = 1};
    kit_start(false, 1);
    KIRQL irql = KeRaiseIrqlToDpcLevel();
    ULONG here = 1u << KeGetCurrentProcessorNumberEx(NULL);
    ck_assert_uint_eq(NdisMQueueDpc(interrupt, 0, here, &own), here);
    ck_assert_uint_eq(NdisMQueueDpc(interrupt, 0, here, &own), 0);   // scheduled already
    ck_assert_uint_eq(dpcs, 0);
    KeLowerIrql(irql);
    hw_wait(&dpcs, 1);
    ck_assert_ptr_eq(dpc_context, &own);
    ck_assert_uint_eq(NdisMQueueDpcEx(interrupt, 0, &elsewhere, &own), 0);
    ck_assert_uint_eq(NdisMQueueDpcEx(interrupt, 0, &group, &own), 3);
    hw_wait(&dpcs, 3);
    ck_assert_uint_ge(dpc_on[0], 1);
    ck_assert_uint_ge(dpc_on[1], 1);
    ck_assert_uint_eq(NdisMQueueDpc(interrupt, 7, 0xfc, NULL), 0);   // no such processors; a line has no MessageId
    ck_assert_uint_eq(NdisMQueueDpc(interrupt, 0, 1, NULL), 1);
    hw_wait(&dpcs, 4);
    ck_assert_ptr_null(dpc_context);
}

TEST(NdisMQueueDpc_and_NdisMQueueDpcEx_say_which_processors_had_none_scheduled)
{
    prepare(false);
    for (uint64_t seed = 0; seed < 10; seed++) {
        dpcs = dpc_on[0] = dpc_on[1] = 0;
        hw_run(seed, &line_device, queue_dpc);
    }
}

TEST(NdisMQueueDpcEx_schedules_on_the_processors_of_its_group)
{
    prepare(false);
    hw_run(11, &line_device, queue_dpc);
}

static void
queue_bad_message(void)
{
    kit_start(false, 1);
    NdisMQueueDpc(interrupt, 4, 1, NULL);
}

TEST(NdisMQueueDpc_with_a_MessageId_that_is_not_there_is_reported)
{
    prepare(true);
    hw_reported(&message_device, queue_bad_message, "NdisMQueueDpc: MessageId is not below MessageCount");
}

// ---- throttling --------------------------------------------------------------------------------------------------------------------

static void
throttled(void)
{
    kit_start(false, 1);
    nbx_device_receive_limit(hw.device, 16);
    more_pending = 3;
    nbx_device_line(hw.device, true);
    hw_wait(&dpcs, 4);
    hw_settle();
    ck_assert_uint_eq(dpcs, 4);
    ck_assert_uint_eq(isrs, 1);
    ck_assert_uint_eq(throttle_max, 16);
    nbx_device_receive_limit(hw.device, 0);
    more_pending = 3;   // without a limit the driver has to say that nothing is pending: not believed
    nbx_device_line(hw.device, true);
    hw_wait(&dpcs, 5);
    hw_settle();
    ck_assert_uint_eq(dpcs, 5);
    ck_assert_uint_eq(throttle_max, NDIS_INDICATE_ALL_NBLS);
}

TEST(MiniportInterruptDPC_is_called_again_when_it_says_that_more_NBLs_are_pending)
{
    prepare(false);
    hw_run(6, &line_device, throttled);
}

static void
old_driver(void)
{
    kit_start(false, 1);
    nbx_device_line(hw.device, true);
    hw_wait(&dpcs, 1);
    ck_assert(throttle_was_null);
}

TEST(MiniportInterruptDPC_of_a_driver_before_6_20_gets_no_throttle_parameters)
{
    prepare(false);
    kit_mp_hooks.minor = 1;
    hw_run(6, &line_device, old_driver);
}

// ---- synchronising -----------------------------------------------------------------------------------------------------------------

static NTAPI BOOLEAN
synchronized(PVOID context)
{
    ck_assert_uint_gt(KeGetCurrentIrql(), DISPATCH_LEVEL);
    enter_exclusive();
    return context != NULL;
}

static void
synchronize(void)
{
    uint32_t message = 0;
    kit_start(false, 1);
    for (uint32_t i = 0; i < 50; i++) {
        if (chars.MsiSupported)
            nbx_device_message(hw.device, message = i % 4);
        else
            nbx_device_line(hw.device, true);
        ck_assert_int_eq(NdisMSynchronizeWithInterruptEx(interrupt, message, synchronized, &chars), TRUE);
        ck_assert_int_eq(NdisMSynchronizeWithInterruptEx(interrupt, message, synchronized, NULL), FALSE);
        ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    }
    hw_wait(&isrs, 1);
}

TEST(NdisMSynchronizeWithInterruptEx_keeps_the_ISR_out_and_returns_what_the_function_returns)
{
    prepare(false);
    for (uint64_t seed = 0; seed < 20; seed++)
        hw_run(seed, &line_device, synchronize);
    ck_assert_uint_eq(overlaps, 0);
    ck_assert_uint_gt(isrs, 100);
}

TEST(MsiSyncWithAllMessages_serialises_the_ISRs_of_all_messages)
{
    prepare(true);
    chars.MsiSyncWithAllMessages = TRUE;
    for (uint64_t seed = 0; seed < 20; seed++)
        hw_run(seed, &message_device, synchronize);
    ck_assert_uint_eq(overlaps, 0);
    ck_assert_uint_gt(isrs, 100);
    overlaps = isrs = 0;
    chars.MsiSyncWithAllMessages = FALSE;   // and without it they do overlap, so the test can fail
    for (uint64_t seed = 0; seed < 50; seed++)
        hw_run(seed, &message_device, synchronize);
    ck_assert_uint_gt(overlaps, 0);
}

static void
synchronize_bad_message(void)
{
    kit_start(false, 1);
    NdisMSynchronizeWithInterruptEx(interrupt, 4, synchronized, NULL);
}

TEST(NdisMSynchronizeWithInterruptEx_with_a_MessageId_that_is_not_there_is_reported)
{
    prepare(true);
    hw_reported(&message_device, synchronize_bad_message, "MessageId is not below MessageCount");
}

static NTAPI BOOLEAN
synchronize_again(PVOID context)
{
    return NdisMSynchronizeWithInterruptEx(interrupt, 0, synchronized, NULL);
}

static void
synchronize_twice(void)
{
    kit_start(false, 1);
    NdisMSynchronizeWithInterruptEx(interrupt, 0, synchronize_again, NULL);
}

TEST(NdisMSynchronizeWithInterruptEx_inside_itself_is_a_bug_check_and_not_a_hang)
{
    prepare(false);
    hw_reported(&line_device, synchronize_twice, "SPIN_LOCK_ALREADY_OWNED");
}

static void
by_object(void)
{
    kit_start(false, 1);
    PKINTERRUPT object = chars.MessageInfoTable->MessageInfo[0].InterruptObject;
    ck_assert_int_eq(KeSynchronizeExecution(object, synchronized, &chars), TRUE);
    ck_assert_int_eq(KeSynchronizeExecution(object, synchronized, NULL), FALSE);
    KIRQL old = KeAcquireInterruptSpinLock(object);
    ck_assert_uint_eq(old, PASSIVE_LEVEL);
    ck_assert_uint_eq(KeGetCurrentIrql(), chars.MessageInfoTable->MessageInfo[0].Irql);
    nbx_device_message(hw.device, 0);
    for (int i = 0; i < 20; i++)
        sched_choice(sched_self->sched, SCHED_POINT_DDI);
    ck_assert_uint_eq(isrs, 0);
    KeReleaseInterruptSpinLock(object, old);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    hw_wait(&isrs, 1);
}

TEST(KeSynchronizeExecution_and_KeAcquireInterruptSpinLock_work_on_a_messages_interrupt_object)
{
    prepare(true);
    hw_run(7, &message_device, by_object);
}

TEST(KeAcquireInterruptSpinLock_raises_to_the_interrupts_level_and_keeps_its_ISR_out)
{
    prepare(true);
    hw_run(8, &message_device, by_object);
}

TEST(KeReleaseInterruptSpinLock_goes_back_to_the_level_before)
{
    prepare(true);
    hw_run(9, &message_device, by_object);
}

// ---- the MSI-X table ---------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
msix(NDIS_MSIX_TABLE_OPERATION operation, ULONG entry, ULONG message)
{
    NDIS_MSIX_CONFIG_PARAMETERS p = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_MSIX_CONFIG_PARAMETERS_REVISION_1, NDIS_SIZEOF_MSIX_CONFIG_PARAMETERS_REVISION_1},
        .ConfigOperation = operation,
        .TableEntry = entry,
        .MessageNumber = message};
    return NdisMConfigMSIXTableEntry(kit.mp.adapter, &p);
}

static void
msix_table(void)
{
    kit_start(false, 1);
    ck_assert_int_eq(msix(NdisMSIXTableConfigMaskTableEntry, 1, 0), NDIS_STATUS_SUCCESS);
    nbx_device_message(hw.device, 1);
    hw_settle();
    ck_assert_uint_eq(isrs, 0);
    ck_assert_int_eq(msix(NdisMSIXTableConfigUnmaskTableEntry, 1, 0), NDIS_STATUS_SUCCESS);
    hw_wait(&isrs, 1);   // it had waited
    ck_assert_uint_eq(isr_messages[1], 1);
    ck_assert_int_eq(msix(NdisMSIXTableConfigUnmaskTableEntry, 1, 0), NDIS_STATUS_SUCCESS);
    hw_settle();
    ck_assert_uint_eq(isrs, 1);
    ck_assert_int_eq(msix(NdisMSIXTableConfigSetTableEntry, 1, 3), NDIS_STATUS_SUCCESS);
    nbx_device_message(hw.device, 1);
    hw_wait(&isrs, 2);
    ck_assert_uint_eq(isr_messages[3], 1);
    ck_assert_int_eq(msix(NdisMSIXTableConfigSetTableEntry, 4, 0), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(msix(NdisMSIXTableConfigSetTableEntry, 0, 4), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(msix(NdisMSIXTableConfigMaskTableEntry, 4, 0), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(msix(NdisMSIXTableConfigUnmaskTableEntry, 4, 0), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(msix(NdisMSIXTableConfigMax, 0, 0), NDIS_STATUS_INVALID_PARAMETER);
    NDIS_MSIX_CONFIG_PARAMETERS shortened = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_MSIX_CONFIG_PARAMETERS_REVISION_1, 8}};
    ck_assert_int_eq(NdisMConfigMSIXTableEntry(kit.mp.adapter, &shortened), NDIS_STATUS_INVALID_PARAMETER);
}

TEST(NdisMConfigMSIXTableEntry_masks_unmasks_and_remaps_entries_and_refuses_those_that_are_not_there)
{
    prepare(true);
    hw_run(8, &message_device, msix_table);
}

// ---- enable and disable ------------------------------------------------------------------------------------------------------------

static void
diagnosis(void)
{
    kit_start(false, 1);
    if (chars.MsiSupported)
        nbx_device_message(hw.device, 0);
    else
        nbx_device_line(hw.device, true);
    hw_wait(&isrs, 1);
    ck_assert(ndis_adapter_interrupts(kit.adapter, false));
    ck_assert(ndis_adapter_interrupts(kit.adapter, true));
    ck_assert_uint_eq(disables, chars.MsiSupported ? 4 : 1);
    ck_assert_uint_eq(enables, chars.MsiSupported ? 4 : 1);
}

TEST(MiniportDisableInterruptEx_and_MiniportEnableInterruptEx_are_called_at_DIRQL_for_diagnosis)
{
    prepare(false);
    hw_run(9, &line_device, diagnosis);
}

TEST(MiniportDisableMessageInterrupt_and_MiniportEnableMessageInterrupt_are_called_for_each_message)
{
    prepare(true);
    hw_run(9, &message_device, diagnosis);
}

// ---- refusals ----------------------------------------------------------------------------------------------------------------------

static void
refused(void)
{
    kit_start(false, 1);
    ck_assert_ptr_null(interrupt);
    ck_assert(!ndis_adapter_interrupts(kit.adapter, true));
}

TEST(NdisMRegisterInterruptEx_refuses_wrong_headers_and_missing_handlers)
{
    prepare(true);
    chars.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    hw_run(1, &message_device, refused);
    ck_assert_int_eq(registered, NDIS_STATUS_BAD_CHARACTERISTICS);
    chars_fill(true);
    chars.Header.Size -= 8;
    hw_run(1, &message_device, refused);
    ck_assert_int_eq(registered, NDIS_STATUS_BAD_CHARACTERISTICS);
    // Each handler of the eight; those of the line even when messages are supported.
    static const size_t handlers[] = {
        offsetof(NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS, InterruptHandler),
        offsetof(NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS, InterruptDpcHandler),
        offsetof(NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS, DisableInterruptHandler),
        offsetof(NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS, EnableInterruptHandler),
        offsetof(NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS, MessageInterruptHandler),
        offsetof(NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS, MessageInterruptDpcHandler),
        offsetof(NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS, DisableMessageInterruptHandler),
        offsetof(NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS, EnableMessageInterruptHandler)};
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++) {
        chars_fill(true);
        *(void **)((char *)&chars + handlers[i]) = NULL;
        hw_run(1, &message_device, refused);
        ck_assert_int_eq(registered, NDIS_STATUS_BAD_CHARACTERISTICS);
    }
}

TEST(NdisMRegisterInterruptEx_refuses_an_adapter_without_an_interrupt)
{
    prepare(false);
    hw_run(1, NULL, refused);
    ck_assert_int_eq(registered, NDIS_STATUS_RESOURCE_CONFLICT);
    hw_run(1, &bare_device, refused);
    ck_assert_int_eq(registered, NDIS_STATUS_RESOURCE_CONFLICT);
    static const struct nbx_device_config only_messages = {.adapter = "nic0", .messages = 4};
    hw_run(1, &only_messages, refused);
    ck_assert_int_eq(registered, NDIS_STATUS_RESOURCE_CONFLICT);
}

static NDIS_STATUS
take_twice(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    NDIS_HANDLE second = &chars;
    take_interrupt(adapter, parameters);
    ck_assert_int_eq(NdisMRegisterInterruptEx(adapter, &chars, &chars, &second), NDIS_STATUS_RESOURCE_CONFLICT);
    ck_assert_ptr_null(second);
    return NDIS_STATUS_SUCCESS;
}

TEST(NdisMRegisterInterruptEx_refuses_a_second_interrupt_of_one_adapter)
{
    prepare(false);
    kit_mp_hooks.initialize = take_twice;
    hw_run(1, &line_device, line);
}

static NDIS_STATUS
take_without_memory(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .program = true};
    interrupt = &chars;
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
    ck_assert_int_eq(NdisMRegisterInterruptEx(adapter, &chars, &chars, &interrupt), NDIS_STATUS_RESOURCES);
    nbx_fault_disarm(NULL);
    ck_assert_ptr_null(interrupt);
    return take_interrupt(adapter, parameters);
}

TEST(NdisMRegisterInterruptEx_without_memory_says_RESOURCES)
{
    prepare(false);
    kit_mp_hooks.initialize = take_without_memory;
    hw_run(1, &line_device, line);
}

static NDIS_STATUS
take_too_early(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    ((struct ndis_adapter *)adapter)->have_registration = false;    // as if NdisMSetMiniportAttributes had not been called
    return take_interrupt(adapter, parameters);
}

TEST(NdisMRegisterInterruptEx_before_NdisMSetMiniportAttributes_is_reported)
{
    prepare(false);
    kit_mp_hooks.initialize = take_too_early;
    hw_reported(&line_device, line, "NdisMRegisterInterruptEx: it belongs into MiniportInitializeEx, after NdisMSetMiniportAttributes");
}

static void
register_late(void)
{
    kit_mp_hooks.initialize = NULL;
    kit_start(false, 1);
    NdisMRegisterInterruptEx(kit.mp.adapter, &chars, &chars, &interrupt);
}

TEST(NdisMRegisterInterruptEx_outside_MiniportInitializeEx_is_reported)
{
    prepare(false);
    hw_reported(&line_device, register_late, "it belongs into MiniportInitializeEx");
}

// ---- the end -----------------------------------------------------------------------------------------------------------------------

static void
halt_while_interrupting(void)
{
    kit_start(false, 1);
    KIRQL irql = KeRaiseIrqlToDpcLevel();
    NdisMQueueDpc(interrupt, 0, 3, NULL);
    nbx_device_line(hw.device, true);
    KeLowerIrql(irql);
    ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    uint32_t isrs_then = isrs, dpcs_then = dpcs;
    nbx_device_line(hw.device, false);
    nbx_device_line(hw.device, true);
    hw_settle();
    ck_assert_uint_eq(isrs, isrs_then);
    ck_assert_uint_eq(dpcs, dpcs_then);
    nbx_device_line(hw.device, false);
}

TEST(NdisMDeregisterInterruptEx_returns_when_no_ISR_and_no_DPC_runs_and_none_comes_after)
{
    prepare(false);
    for (uint64_t seed = 0; seed < 50; seed++)
        hw_run(seed, &line_device, halt_while_interrupting);
    ck_assert_uint_gt(isrs, 0);   // some came in time
}

static void
leave_it(void)
{
    kit_mp_hooks.halt = NULL;
    kit_start(false, 1);
    ndis_adapter_remove(kit.adapter);
}

TEST(MiniportHaltEx_that_leaves_its_interrupt_registered_is_reported)
{
    prepare(false);
    hw_reported(&line_device, leave_it, "MiniportHaltEx: it has returned and the interrupt is still registered");
}

static NDIS_STATUS
take_and_fail(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    take_interrupt(adapter, parameters);
    return NDIS_STATUS_FAILURE;
}

static void
fail_to_start(void)
{
    struct ndis_adapter_config config = {.name = "nic0", .driver = "mp"};
    ndis_adapter_add(kit.box, &config, &kit.adapter);
}

TEST(MiniportInitializeEx_that_fails_with_its_interrupt_registered_is_reported)
{
    prepare(false);
    kit_mp_hooks.initialize = take_and_fail;
    hw_reported(&line_device, fail_to_start, "MiniportInitializeEx: it has returned and the interrupt is still registered");
}

// ---- the callbacks ------------------------------------------------------------------------------------------------------------------

static void
line_at_dirql(void)
{
    kit_start(false, 1);
    isr_result = FALSE;                           // another device's, says the ISR: DPCs are queued as it asks all the same
    isr_default = FALSE;
    isr_targets = 2;
    nbx_device_line(hw.device, true);
    hw_wait(&dpcs, 1);
    hw_settle();
    ck_assert_uint_eq(isr_irql, HAL_DIRQL_LINE);
    ck_assert_uint_eq(dpc_on[0], 0);
    ck_assert_uint_eq(dpc_on[1], 1);
    isr_targets = 0;
    isr_result = TRUE;
    nbx_device_line(hw.device, true);
    hw_wait(&isrs, 2);
    hw_settle();
    ck_assert_uint_eq(dpcs, 1);
    NdisMDeregisterInterruptEx(interrupt);        // from here on neither is called
    interrupt = NULL;
    nbx_device_line(hw.device, true);
    hw_settle();
    ck_assert_uint_eq(isrs, 2);
    nbx_device_line(hw.device, false);
}

TEST(MiniportInterrupt_runs_at_the_DIRQL_of_its_line_and_asks_for_DPCs_on_any_processors)
{
    prepare(false);
    hw_run(12, &line_device, line_at_dirql);
}

static void
message_asks(void)
{
    kit_start(false, 1);
    isr_default = FALSE;
    isr_targets = 3;
    isr_result = FALSE;
    nbx_device_message(hw.device, 2);
    hw_wait(&dpcs, 2);
    hw_settle();
    ck_assert_uint_eq(isr_irql, chars.MessageInfoTable->MessageInfo[2].Irql);
    ck_assert_uint_gt(isr_irql, DISPATCH_LEVEL);
    ck_assert_uint_eq(isr_messages[2], 1);
    ck_assert_uint_eq(dpc_messages[2], 2);        // one on each processor, for the message that came
    ck_assert(dpc_on[0] == 1 && dpc_on[1] == 1);
    isr_targets = 0;
    nbx_device_message(hw.device, 1);
    hw_wait(&isrs, 2);
    hw_settle();
    ck_assert_uint_eq(dpcs, 2);                   // nothing asked for
    isr_default = TRUE;
    isr_targets = 3;
    nbx_device_message(hw.device, 1);
    hw_wait(&dpcs, 3);
    hw_settle();
    ck_assert_uint_eq(dpcs, 3);                   // the default one alone: the targets are not looked at
    ck_assert_uint_eq(dpc_messages[1], 1);
}

TEST(MiniportMessageInterrupt_gets_the_number_of_the_message_at_its_DIRQL_and_asks_for_DPCs)
{
    prepare(true);
    hw_run(13, &message_device, message_asks);
}

static void
message_dpcs(void)
{
    int own;
    GROUP_AFFINITY both = {.Mask = 3};
    kit_start(false, 1);
    nbx_device_receive_limit(hw.device, 7);
    more_pending = 2;
    dpc_context = &own;
    nbx_device_message(hw.device, 3);
    hw_wait(&dpcs, 3);                            // two times more, for it says that more is pending
    hw_settle();
    ck_assert_uint_eq(dpc_messages[3], 3);
    ck_assert_ptr_null(dpc_context);              // asked for by the ISR
    ck_assert_uint_eq(dpc_irql, DISPATCH_LEVEL);
    ck_assert_uint_eq(throttle_max, 7);
    ck_assert_uint_eq(NdisMQueueDpcEx(interrupt, 1, &both, &own), 3);
    hw_wait(&dpcs, 5);
    ck_assert_uint_eq(dpc_messages[1], 2);
    ck_assert_ptr_eq(dpc_context, &own);
    ck_assert_uint_eq(NdisMQueueDpc(interrupt, 0, 1, &own), 1);
    hw_wait(&dpcs, 6);
    ck_assert_uint_eq(dpc_messages[0], 1);
    NdisMQueueDpcEx(interrupt, 1, &both, &own);
    NdisMDeregisterInterruptEx(interrupt);
    interrupt = NULL;
    uint32_t then = dpcs;
    hw_settle();
    ck_assert_uint_eq(dpcs, then);                // none after NdisMDeregisterInterruptEx has returned
}

TEST(MiniportMessageInterruptDPC_gets_message_context_and_limit_at_DISPATCH_LEVEL)
{
    prepare(true);
    for (uint64_t seed = 0; seed < 10; seed++) {
        dpcs = 0;
        memset(dpc_messages, 0, sizeof dpc_messages);
        prepare(true);
        hw_run(seed, &message_device, message_dpcs);
    }
}

static void
old_driver_message(void)
{
    kit_start(false, 1);
    nbx_device_message(hw.device, 0);
    hw_wait(&dpcs, 1);
    ck_assert(throttle_was_null);
}

TEST(MiniportMessageInterruptDPC_of_a_driver_before_6_20_gets_no_throttle_parameters)
{
    prepare(true);
    kit_mp_hooks.minor = 1;
    isr_default = TRUE;
    hw_run(6, &message_device, old_driver_message);
}

TEST(MiniportInterruptDPC_runs_at_DISPATCH_LEVEL_with_the_context_of_NdisMQueueDpc_or_none)
{
    prepare(false);
    hw_run(14, &line_device, queue_dpc);
    ck_assert_uint_eq(dpc_irql, DISPATCH_LEVEL);
    dpcs = isrs = 0;
    prepare(false);
    hw_run(14, &line_device, line);
}

static void
enabled_after_disabled(void)
{
    kit_start(false, 1);
    ck_assert(!ndis_adapter_interrupts(kit.adapter, true) == !interrupt);
    disables = enables = 0;
    if (chars.MsiSupported)
        nbx_device_message(hw.device, 0);
    else
        nbx_device_line(hw.device, true);
    hw_wait(&isrs, 1);                            // what the handlers hold their IRQL against
    ck_assert(ndis_adapter_interrupts(kit.adapter, true));
    ck_assert_uint_eq(enables, chars.MsiSupported ? 4 : 1);
    ck_assert_uint_eq(disables, 0);
}

TEST(MiniportEnableInterruptEx_is_called_at_DIRQL)
{
    prepare(false);
    isr_irql = HAL_DIRQL_LINE;
    hw_run(9, &line_device, enabled_after_disabled);
}

TEST(MiniportEnableMessageInterrupt_is_called_at_DIRQL_for_each_message)
{
    prepare(true);
    isr_irql = HAL_DIRQL_MESSAGE;
    hw_run(9, &message_device, enabled_after_disabled);
}

TEST(MiniportDisableInterruptEx_and_its_kin_that_are_missing_are_refused_at_registration)
{
    static const size_t handlers[] = {offsetof(NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS, DisableInterruptHandler),
                                      offsetof(NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS, EnableInterruptHandler),
                                      offsetof(NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS, DisableMessageInterruptHandler),
                                      offsetof(NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS, EnableMessageInterruptHandler)};
    for (size_t i = 0; i < 4; i++) {
        prepare(true);
        memset((char *)&chars + handlers[i], 0, sizeof(void *));
        hw_run(1, &message_device, refused);
        ck_assert_int_eq(registered, NDIS_STATUS_BAD_CHARACTERISTICS);
    }
}

static KIRQL synchronized_irql;

static NTAPI BOOLEAN
synchronized_looking(PVOID context)
{
    synchronized_irql = KeGetCurrentIrql();
    return *(BOOLEAN *)context;
}

static void
synchronizes(void)
{
    BOOLEAN yes = TRUE, no = FALSE;
    synchronize();                                // it starts the adapter
    ck_assert_int_eq(NdisMSynchronizeWithInterruptEx(interrupt, 0, synchronized_looking, &yes), TRUE);
    ck_assert_int_eq(NdisMSynchronizeWithInterruptEx(interrupt, 0, synchronized_looking, &no), FALSE);
    ck_assert_uint_eq(synchronized_irql, chars.MsiSupported ? HAL_DIRQL_MESSAGE : HAL_DIRQL_LINE);
}

TEST(MiniportSynchronizeInterrupt_runs_at_DIRQL_with_its_context_while_the_ISR_is_kept_out)
{
    for (int messages = 0; messages < 2; messages++) {
        isrs = overlaps = 0;
        for (uint64_t seed = 0; seed < 10; seed++) {
            prepare(messages);
            chars.MsiSyncWithAllMessages = (BOOLEAN)messages;
            hw_run(seed, messages ? &message_device : &line_device, synchronizes);
        }
        ck_assert_uint_eq(overlaps, 0);
        ck_assert_uint_gt(isrs, 50);
    }
}
