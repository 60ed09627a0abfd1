// SPDX-License-Identifier: MIT
// Interrupts of miniports. One KDPC for each message and processor, so that "already scheduled for that CPU" is what KDPC says.
//   device -> hal/interrupt.c, DIRQL -> interrupt_isr -> the driver's ISR -> its wish for DPCs, or NdisMQueueDpc(Ex) inside it
//   -> ndis_interrupt_queue -> interrupt_dpc at DISPATCH_LEVEL -> the driver's DPC handler
// Receive side throttling: the DPC handler is told how many NBLs to indicate when the device has a limit; if it then says that more
// are pending, the same DPC is queued again [network/receive-side-throttle-in-ndis-6-20].
#include "ndis/hardware.h"
#include "ndis/header.h"
#include "nt/ke/dpc.h"
#include "verify/left.h"
#include "verify/refuse.h"

struct interrupt_dpc {
    KDPC dpc;
    struct ndis_interrupt *interrupt;
    ULONG message;
};

struct ndis_interrupt {
    uint32_t kind;
    _Atomic bool closing;                     // no DPC is queued any more
    bool is_message;
    struct ndis_adapter *adapter;
    NDIS_HANDLE context;                      // MiniportInterruptContext
    NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS chars;
    uint32_t vector_count;                    // messages, or 1 for the line
    struct _KINTERRUPT *vectors;
    struct interrupt_dpc *dpcs;               // message * processors + processor
    IO_INTERRUPT_MESSAGE_INFO *info;          // NULL for the line
};

// ---- DPCs -------------------------------------------------------------------------------------------------------------------------

static void
interrupt_dpc_call(struct ndis_interrupt *interrupt, ULONG message, void *context, NDIS_RECEIVE_THROTTLE_PARAMETERS *throttle)
{
    // Before 6.20 the parameter was reserved.
    void *parameters = interrupt->adapter->driver->minor >= 20 ? throttle : NULL;
    struct io_image *image = interrupt->adapter->module.image;
    if (interrupt->is_message)
        NDIS_CALL_VOID(image, "MiniportMessageInterruptDPC",
                       interrupt->chars.MessageInterruptDpcHandler(interrupt->context, message, context, parameters, NULL));
    else
        NDIS_CALL_VOID(image, "MiniportInterruptDPC",
                       interrupt->chars.InterruptDpcHandler(interrupt->context, context, parameters, NULL));
}

static NTAPI VOID
interrupt_dpc(PKDPC dpc, PVOID deferred, PVOID context, PVOID unused)
{
    struct interrupt_dpc *own = deferred;
    struct ndis_interrupt *interrupt = own->interrupt;
    ULONG limit = atomic_load(&interrupt->adapter->hardware->device->receive_limit_nbls);
    NDIS_RECEIVE_THROTTLE_PARAMETERS throttle = {.MaxNblsToIndicate = limit ? limit : NDIS_INDICATE_ALL_NBLS};
    interrupt_dpc_call(interrupt, own->message, context, &throttle);
    if (limit && throttle.MoreNblsPending && !atomic_load(&interrupt->closing))
        ke_dpc_queue(&own->dpc, context, NULL);
}

KAFFINITY
ndis_interrupt_queue(struct ndis_interrupt *interrupt, ULONG message, KAFFINITY processors, void *context)
{
    uint32_t count = interrupt->adapter->module.ndis->box->processor_count;
    KAFFINITY queued = 0;
    if (atomic_load(&interrupt->closing))
        return 0;
    for (uint32_t p = 0; p < count; p++)
        if (processors >> p & 1 && ke_dpc_queue(&interrupt->dpcs[message * count + p].dpc, context, NULL))
            queued |= UINT64_C(1) << p;
    return queued;
}

// ---- the ISR ----------------------------------------------------------------------------------------------------------------------

static bool
interrupt_isr(void *context, uint32_t message)
{
    struct ndis_interrupt *interrupt = context;
    BOOLEAN queue_default = FALSE, ours;
    ULONG targets = 0;
    struct io_image *image = interrupt->adapter->module.image;
    if (interrupt->is_message)
        ours = NDIS_CALL(image, "MiniportMessageInterrupt",
                         interrupt->chars.MessageInterruptHandler(interrupt->context, message, &queue_default, &targets));
    else
        ours = NDIS_CALL(image, "MiniportInterrupt", interrupt->chars.InterruptHandler(interrupt->context, &queue_default, &targets));
    // DPCs are queued whatever the ISR returned [ndis/nc-ndis-miniport_isr].
    if (queue_default)
        ndis_interrupt_queue(interrupt, message, UINT64_C(1) << ke_self()->processor->number, NULL);
    else if (targets)
        ndis_interrupt_queue(interrupt, message, targets, NULL);
    return ours;
}

struct _KINTERRUPT *
ndis_interrupt_vector(struct ndis_interrupt *interrupt, ULONG message)
{
    if (!interrupt->is_message)
        return &interrupt->vectors[0];
    return message < interrupt->vector_count ? &interrupt->vectors[message] : NULL;
}

// ---- registering ------------------------------------------------------------------------------------------------------------------

static bool
interrupt_chars_are_complete(const NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS *c)
{
    if (!c->InterruptHandler || !c->InterruptDpcHandler || !c->DisableInterruptHandler || !c->EnableInterruptHandler)
        return false;
    return !c->MsiSupported || (c->MessageInterruptHandler && c->MessageInterruptDpcHandler && c->DisableMessageInterruptHandler &&
                                c->EnableMessageInterruptHandler);
}

static void
interrupt_free(struct ndis_interrupt *interrupt)
{
    interrupt->kind = 0;
    ndis_free(interrupt->vectors);
    ndis_free(interrupt->dpcs);
    ndis_free(interrupt->info);
    ndis_free(interrupt);
}

static struct ndis_interrupt *
interrupt_make(struct ndis_adapter *adapter, NDIS_HANDLE context, const NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS *chars)
{
    const struct nbx_device *device = adapter->hardware->device;
    uint32_t processors = adapter->module.ndis->box->processor_count;
    struct ndis_interrupt *interrupt = ndis_alloc(sizeof *interrupt);
    if (!interrupt)
        return NULL;
    interrupt->kind = NDIS_KIND_INTERRUPT;
    interrupt->adapter = adapter;
    interrupt->context = context;
    interrupt->chars = *chars;
    interrupt->is_message = chars->MsiSupported && device->config.messages;
    interrupt->vector_count = interrupt->is_message ? device->config.messages : 1;
    interrupt->vectors = ndis_alloc(interrupt->vector_count * sizeof *interrupt->vectors);
    interrupt->dpcs = ndis_alloc(interrupt->vector_count * processors * sizeof *interrupt->dpcs);
    interrupt->info = ndis_alloc(sizeof *interrupt->info + interrupt->vector_count * sizeof *interrupt->info->MessageInfo);
    if (!interrupt->vectors || !interrupt->dpcs || !interrupt->info) {
        interrupt_free(interrupt);
        return NULL;
    }
    for (uint32_t i = 0; i < interrupt->vector_count * processors; i++) {
        struct interrupt_dpc *own = &interrupt->dpcs[i];
        own->interrupt = interrupt;
        own->message = i / processors;
        ke_dpc_init(&own->dpc, interrupt_dpc, own, false);
        own->dpc.Number = (USHORT)(KE_DPC_TARGET_BASE + i % processors);
    }
    for (uint32_t i = 0; i < interrupt->vector_count; i++) {
        interrupt->vectors[i].service = interrupt_isr;
        interrupt->vectors[i].context = interrupt;
    }
    return interrupt;
}

static void
interrupt_disconnect(struct ndis_interrupt *interrupt, uint32_t count)
{
    while (count--)
        hal_interrupt_disconnect(&interrupt->vectors[count]);
}

static bool
interrupt_connect(struct ndis_interrupt *interrupt)
{
    struct nbx_device *device = interrupt->adapter->hardware->device;
    bool unified = interrupt->chars.MsiSyncWithAllMessages;
    for (uint32_t i = 0; i < interrupt->vector_count; i++)
        if (hal_interrupt_connect(&interrupt->vectors[i], device, interrupt->is_message, i, unified && i ? interrupt->vectors : NULL)) {
            interrupt_disconnect(interrupt, i);
            return false;
        }
    return true;
}

// What the driver reads of its messages. It is filled before the first can arrive.
static void
interrupt_info_fill(struct ndis_interrupt *interrupt)
{
    const struct nbx_device *device = interrupt->adapter->hardware->device;
    const struct box *box = interrupt->adapter->module.ndis->box;
    interrupt->info->UnifiedIrql = interrupt->chars.MsiSyncWithAllMessages ? HAL_DIRQL_MESSAGE : 0;
    interrupt->info->MessageCount = interrupt->vector_count;
    for (uint32_t i = 0; i < interrupt->vector_count; i++)
        interrupt->info->MessageInfo[i] = (IO_INTERRUPT_MESSAGE_INFO_ENTRY){
            .MessageAddress = {.QuadPart = 0xFEE00000},   // where x64 processors take messages
            .TargetProcessorSet = UINT64_C(1) << i % box->processor_count,
            .InterruptObject = &interrupt->vectors[i],
            .MessageData = (device->number + 1) * 0x100 + i,
            .Vector = (device->number + 1) * 0x100 + i,
            .Irql = HAL_DIRQL_MESSAGE,
            .Mode = Latched,
            .Polarity = InterruptActiveHigh};
}

NDIS_STATUS
ndis_interrupt_register(struct ndis_adapter *adapter, NDIS_HANDLE context, NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS *chars,
                        struct ndis_interrupt **out)
{
    struct nbx_device *device = adapter->hardware->device;
    if (!ndis_header_is(&chars->Header, NDIS_OBJECT_TYPE_MINIPORT_INTERRUPT, NDIS_SIZEOF_MINIPORT_INTERRUPT_CHARACTERISTICS_REVISION_1) ||
        !interrupt_chars_are_complete(chars))
        return NDIS_STATUS_BAD_CHARACTERISTICS;
    // UNSURE: no page names the status when the device has been given no interrupt, or has one registered.
    if (!device || adapter->hardware->interrupt || !(device->config.has_line || (chars->MsiSupported && device->config.messages)))
        return NDIS_STATUS_RESOURCE_CONFLICT;
    struct ndis_interrupt *interrupt = interrupt_make(adapter, context, chars);
    if (!interrupt)
        return NDIS_STATUS_RESOURCES;
    interrupt_info_fill(interrupt);
    chars->InterruptType = interrupt->is_message ? NDIS_CONNECT_MESSAGE_BASED : NDIS_CONNECT_LINE_BASED;
    chars->MessageInfoTable = interrupt->is_message ? interrupt->info : NULL;
    *out = interrupt;   // an interrupt may come before this returns, and ask for a DPC by the handle
    if (!interrupt_connect(interrupt)) {
        *out = NULL;
        interrupt_free(interrupt);
        return NDIS_STATUS_RESOURCES;
    }
    adapter->hardware->interrupt = interrupt;
    verify_had(VERIFY_LEFT_INTERRUPT, interrupt, adapter, NULL);
    return NDIS_STATUS_SUCCESS;
}

void
ndis_interrupt_deregister(struct ndis_interrupt *interrupt)
{
    struct box *box = interrupt->adapter->module.ndis->box;
    verify_gave(box, VERIFY_LEFT_INTERRUPT, interrupt);
    interrupt_disconnect(interrupt, interrupt->vector_count);
    atomic_store(&interrupt->closing, true);
    // A DPC that runs may have queued one on another processor just before: so twice.
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < interrupt->vector_count * box->processor_count; i++)
            ke_dpc_remove(&interrupt->dpcs[i].dpc);
        ke_dpc_flush(box);
    }
    interrupt->adapter->hardware->interrupt = NULL;
    interrupt_free(interrupt);
}

// ---- diagnosis --------------------------------------------------------------------------------------------------------------------

static void
interrupt_enable(struct ndis_interrupt *interrupt, uint32_t message, bool enable)
{
    const NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS *c = &interrupt->chars;
    struct io_image *image = interrupt->adapter->module.image;
    if (interrupt->is_message && enable)
        NDIS_CALL_VOID(image, "MiniportEnableMessageInterrupt", c->EnableMessageInterruptHandler(interrupt->context, message));
    else if (interrupt->is_message)
        NDIS_CALL_VOID(image, "MiniportDisableMessageInterrupt", c->DisableMessageInterruptHandler(interrupt->context, message));
    else if (enable)
        NDIS_CALL_VOID(image, "MiniportEnableInterruptEx", c->EnableInterruptHandler(interrupt->context));
    else
        NDIS_CALL_VOID(image, "MiniportDisableInterruptEx", c->DisableInterruptHandler(interrupt->context));
}

bool
ndis_adapter_interrupts(struct ndis_adapter *adapter, bool enable)
{
    struct ndis_interrupt *interrupt = adapter->hardware->interrupt;
    if (!interrupt)
        return false;
    for (uint32_t i = 0; i < interrupt->vector_count; i++) {
        KIRQL old = hal_interrupt_lock(&interrupt->vectors[i]);
        interrupt_enable(interrupt, i, enable);
        hal_interrupt_unlock(&interrupt->vectors[i], old);
    }
    return true;
}
