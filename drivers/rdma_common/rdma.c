// SPDX-License-Identifier: MIT
// The instance: what all objects of an adapter share.
//   rdma_create, rdma_destroy
//   rdma_enter ... rdma_leave       the frame of every call: QPs that have something to run, the transport's packets and events, timer,
//                                   telling
//   rdma_on_timer (DPC)             the same frame round the transport's time and the CQs whose notification waits
//   rdma_on_tell (DPC)              callbacks of consumers with no lock held; of one teller, one at a time, as they were queued
#include "objects.h"

static KDEFERRED_ROUTINE rdma_on_timer, rdma_on_tell;
static VOID leave_telling(struct rdma_teller *teller, struct rdma_call *call);

VOID *
rdma_alloc(SIZE_T bytes)
{
    return ExAllocatePool2(POOL_FLAG_NON_PAGED, bytes, RDMA_TAG);
}

VOID
rdma_free(VOID *block)
{
    if (block)
        ExFreePoolWithTag(block, RDMA_TAG);
}

VOID *
rdma_alloc_raw(SIZE_T bytes)
{
    return ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_CACHE_ALIGNED | POOL_FLAG_UNINITIALIZED, bytes, RDMA_TAG);
}

static void *
memory_take(void *context, size_t bytes)
{
    UNREFERENCED_PARAMETER(context);
    return rdma_alloc_raw(bytes);
}

static void
memory_give(void *context, void *block, size_t bytes)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(bytes);
    ExFreePoolWithTag(block, RDMA_TAG);
}

// ---- time -------------------------------------------------------------------------------------------------------------------------

uint64_t
rdma_now_us(const struct vnic_rdma *rdma)
{
    ULONG64 ticks = (ULONG64)KeQueryPerformanceCounter(NULL).QuadPart;
    return ticks / rdma->rate * 1000000 + ticks % rdma->rate * 1000000 / rdma->rate;
}

VOID
rdma_timer_need(struct vnic_rdma *rdma, uint64_t now_us, uint64_t due_us)
{
    if (due_us >= rdma->timer_us || rdma->is_closing)
        return;
    rdma->timer_us = due_us;
    LARGE_INTEGER due = {.QuadPart = due_us > now_us ? -(LONGLONG)((due_us - now_us) * 10) : -1};
    KeSetTimer(&rdma->timer, due, &rdma->timer_dpc);
}

static VOID
rdma_on_timer(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    struct vnic_rdma *rdma = context;
    struct rdma_call call;
    UNREFERENCED_PARAMETER(dpc);
    UNREFERENCED_PARAMETER(argument1);
    UNREFERENCED_PARAMETER(argument2);
    rdma_enter(rdma, &call);
    rdma->timer_us = ENG_NEVER;
    if (!rdma->is_closing) {
        rdma->transport->on_time(rdma, &call);
        rdma_timer_need(rdma, call.now_us, rdma_cq_time(rdma, call.now_us));
    }
    rdma_leave_dpc(rdma, &call);
}

// ---- telling ----------------------------------------------------------------------------------------------------------------------

BOOLEAN
rdma_tell(struct rdma_object *object, struct rdma_tell *tell)
{
    if (tell->object)
        return FALSE;
    struct rdma_teller *teller = tell->teller ? tell->teller : &object->rdma->teller;
    tell->object = object;
    rdma_hold(object);
    InsertTailList(&teller->tells, &tell->link);
    if (!teller->is_due && !teller->is_telling) {
        teller->is_due = TRUE;
        InsertTailList(&object->rdma->due, &teller->due_link);
    }
    return TRUE;
}

static VOID
teller_init(struct rdma_teller *teller, struct vnic_rdma *rdma)
{
    teller->rdma = rdma;
    InitializeListHead(&teller->tells);
    KeInitializeDpc(&teller->dpc, rdma_on_tell, teller);
}

// Those of the processors. fails: NDIS_STATUS_RESOURCES
static NDIS_STATUS
tellers_make(struct vnic_rdma *rdma)
{
    ULONG count = KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS);
    rdma->near = rdma_alloc(count * sizeof *rdma->near);
    if (!rdma->near)
        return NDIS_STATUS_RESOURCES;
    rdma->n_near = count;
    for (ULONG i = 0; i < count; i++) {
        PROCESSOR_NUMBER number;
        teller_init(&rdma->near[i], rdma);
        if (KeGetProcessorNumberFromIndex(i, &number) == STATUS_SUCCESS)
            KeSetTargetProcessorDpcEx(&rdma->near[i].dpc, &number);
    }
    return NDIS_STATUS_SUCCESS;
}

static struct rdma_teller *
teller_of(struct vnic_rdma *rdma, const GROUP_AFFINITY *affinity, UCHAR number)
{
    PROCESSOR_NUMBER wanted = {.Group = affinity->Group, .Number = number};
    ULONG index = affinity->Mask >> number & 1 ? KeGetProcessorIndexFromNumber(&wanted) : INVALID_PROCESSOR_INDEX;
    return index < rdma->n_near ? &rdma->near[index] : NULL;
}

struct rdma_teller *
rdma_teller_near(struct vnic_rdma *rdma, const GROUP_AFFINITY *affinity)
{
    const UCHAR bits = 8 * sizeof affinity->Mask;
    for (UCHAR i = 0; affinity && i < bits; i++) {
        struct rdma_teller *teller = teller_of(rdma, affinity, (UCHAR)((rdma->near_turn + i) % bits));
        if (!teller)
            continue;
        rdma->near_turn = (rdma->near_turn + i + 1) % bits;
        return teller;
    }
    return NULL;
}

// locks: drops and takes rdma->lock
static VOID
tell_all(struct rdma_teller *teller)
{
    struct vnic_rdma *rdma = teller->rdma;
    if (teller->is_telling)
        return;
    teller->is_telling = TRUE;
    while (!IsListEmpty(&teller->tells)) {
        struct rdma_tell *tell = CONTAINING_RECORD(RemoveHeadList(&teller->tells), struct rdma_tell, link);
        struct rdma_object *object = tell->object;
        tell->object = NULL;
        KeReleaseSpinLockFromDpcLevel(&rdma->lock);
        tell->on_tell(tell, object);
        KeAcquireSpinLockAtDpcLevel(&rdma->lock);
        rdma_drop(object);
    }
    teller->is_telling = FALSE;
}

// By their DPCs, one of which may be queued already. locks: rdma->lock held
static VOID
tell_later(struct vnic_rdma *rdma)
{
    while (!IsListEmpty(&rdma->due)) {
        struct rdma_teller *teller = CONTAINING_RECORD(RemoveHeadList(&rdma->due), struct rdma_teller, due_link);
        teller->is_due = FALSE;
        KeInsertQueueDpc(&teller->dpc, NULL, NULL);
    }
}

static VOID
rdma_on_tell(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    struct rdma_teller *teller = context;
    struct rdma_call call;
    UNREFERENCED_PARAMETER(dpc);
    UNREFERENCED_PARAMETER(argument1);
    UNREFERENCED_PARAMETER(argument2);
    rdma_enter(teller->rdma, &call);
    leave_telling(teller, &call);
}

// ---- the frame of a call ----------------------------------------------------------------------------------------------------------

VOID
rdma_enter(struct vnic_rdma *rdma, struct rdma_call *call)
{
    eng_outbox_init(&call->outbox);
    KeRaiseIrql(DISPATCH_LEVEL, &call->irql);
    KeAcquireSpinLockAtDpcLevel(&rdma->lock);
    call->now_us = rdma_now_us(rdma);
}

static VOID
settle(struct vnic_rdma *rdma, struct rdma_call *call)
{
    do {
        rdma_qps_kick(rdma, call);
        rdma->transport->on_settle(rdma, call);
        rdma_qps_unblock(rdma);
    } while (!IsListEmpty(&rdma->kicks));
    rdma_timer_need(rdma, call->now_us, rdma->transport->on_deadline(rdma));
}

VOID
rdma_leave(struct vnic_rdma *rdma, struct rdma_call *call)
{
    settle(rdma, call);
    tell_later(rdma);
    KeReleaseSpinLockFromDpcLevel(&rdma->lock);
    KeLowerIrql(call->irql);
}

static VOID
leave_telling(struct rdma_teller *teller, struct rdma_call *call)
{
    settle(teller->rdma, call);
    if (teller->is_due)
        RemoveEntryList(&teller->due_link);
    teller->is_due = FALSE;
    tell_later(teller->rdma);             // the others, beside it
    tell_all(teller);
    tell_later(teller->rdma);
    KeReleaseSpinLockFromDpcLevel(&teller->rdma->lock);
    KeLowerIrql(call->irql);
}

VOID
rdma_leave_dpc(struct vnic_rdma *rdma, struct rdma_call *call)
{
    leave_telling(&rdma->teller, call);
}

// ---- making and unmaking ----------------------------------------------------------------------------------------------------------

VOID
rdma_info(NDK_ADAPTER_INFO *info)
{
    *info = (NDK_ADAPTER_INFO){
        .VendorId = 0,
        .DeviceId = 0,
        .MaxRegistrationSize = RDMA_REGION_BYTES_MAX,
        .MaxWindowSize = RDMA_REGION_BYTES_MAX,
        .FRMRPageCount = RDMA_PAGES_MAX,
        .MaxInitiatorRequestSge = RDMA_SGES_MAX,
        .MaxReceiveRequestSge = RDMA_SGES_MAX,
        .MaxReadRequestSge = 1,             // a read request names one sink [RFC 5040 4.4]
        .MaxTransferLength = RDMA_TRANSFER_BYTES_MAX,
        .MaxInlineDataSize = RDMA_INLINE_BYTES_MAX,
        .MaxInboundReadLimit = RDMA_READS_MAX,
        .MaxOutboundReadLimit = RDMA_READS_MAX,
        .MaxReceiveQueueDepth = RDMA_QUEUE_DEPTH_MAX,
        .MaxInitiatorQueueDepth = RDMA_QUEUE_DEPTH_MAX,
        .MaxSrqDepth = RDMA_QUEUE_DEPTH_MAX,
        .MaxCqDepth = RDMA_CQ_DEPTH_MAX,
        .LargeRequestThreshold = 16384,
        .MaxCallerData = RDMA_PRIVATE_BYTES_MAX,
        .MaxCalleeData = RDMA_PRIVATE_BYTES_MAX,
        .AdapterFlags = NDK_ADAPTER_FLAG_IN_ORDER_DMA_SUPPORTED | NDK_ADAPTER_FLAG_RDMA_READ_SINK_NOT_REQUIRED |
                        NDK_ADAPTER_FLAG_CQ_INTERRUPT_MODERATION_SUPPORTED | NDK_ADAPTER_FLAG_RDMA_READ_LOCAL_INVALIDATE_SUPPORTED |
                        NDK_ADAPTER_FLAG_CQ_RESIZE_SUPPORTED,
        .RdmaTechnology = NdkiWarp,
    };
}

NDIS_STATUS
rdma_create(struct vnic_adapter *adapter, const struct rdma_transport *transport, struct vnic_rdma **made)
{
    struct vnic_rdma *rdma = rdma_alloc(sizeof *rdma);
    struct iwarp_params params;
    LARGE_INTEGER rate;
    if (!rdma)
        return NDIS_STATUS_RESOURCES;
    rdma->adapter = adapter;
    rdma->transport = transport;
    rdma->is_on = TRUE;
    KeInitializeSpinLock(&rdma->lock);
    KeInitializeTimer(&rdma->timer);
    KeInitializeDpc(&rdma->timer_dpc, rdma_on_timer, rdma);
    KeQueryPerformanceCounter(&rate);
    rdma->rate = (ULONG64)rate.QuadPart;
    rdma->timer_us = ENG_NEVER;
    InitializeListHead(&rdma->adapters);
    InitializeListHead(&rdma->moderated);
    teller_init(&rdma->teller, rdma);
    InitializeListHead(&rdma->due);
    InitializeListHead(&rdma->kicks);
    InitializeListHead(&rdma->waiting);
    rdma_info(&rdma->info);
    rdma->memory = (struct eng_memory){.on_take = memory_take, .on_give = memory_give};
    iwarp_params_default(&params);
    params.reads_max = RDMA_READS_MAX;
    rdma->iwarp = iwarp_create(&rdma->memory, &params);
    if (!rdma->iwarp || tellers_make(rdma) != NDIS_STATUS_SUCCESS)
        goto iwarp_destroy;
    if (transport->on_create(rdma) != NDIS_STATUS_SUCCESS)
        goto iwarp_destroy;
    *made = rdma;
    return NDIS_STATUS_SUCCESS;
iwarp_destroy:
    rdma_free(rdma->near);
    if (rdma->iwarp)
        iwarp_destroy(rdma->iwarp);
    rdma_free(rdma);
    return NDIS_STATUS_RESOURCES;
}

VOID
rdma_destroy(struct vnic_rdma *rdma)
{
    KIRQL irql;
    KeAcquireSpinLock(&rdma->lock, &irql);
    rdma->is_closing = TRUE;
    KeReleaseSpinLock(&rdma->lock, irql);
    KeCancelTimer(&rdma->timer);
    KeFlushQueuedDpcs();
    rdma->transport->on_destroy(rdma);
    iwarp_destroy(rdma->iwarp);
    rdma_free(rdma->near);
    rdma_free(rdma->tokens);
    rdma_free(rdma->lams);
    rdma_free(rdma);
}
