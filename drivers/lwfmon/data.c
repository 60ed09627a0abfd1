// SPDX-License-Identifier: MIT
// Lists on their way through: counted, perhaps captured, handed on as they are.
//   above -> lwfmon_send -> below            below -> lwfmon_send_complete -> above
//   below -> lwfmon_receive -> above         above -> lwfmon_return -> below
// A frame is a NET_BUFFER: a large send that the adapter will cut counts once, as does what the adapter has coalesced.
// NDIS calls a filter that takes lists in one direction with the same lists on their way back, so the two ways back are here too.
#include "lwfmon.h"

static void
data_count(struct lwfmon_module *module, enum lwfmon_direction direction, const NET_BUFFER_LIST *nbls)
{
    struct lwfmon_counters *counters =
        &module->counters[KeGetCurrentProcessorNumberEx(NULL) * LWFMON_DIRECTIONS + (ULONG)direction];
    for (const NET_BUFFER_LIST *nbl = nbls; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl)) {
        for (const NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl); nb; nb = NET_BUFFER_NEXT_NB(nb)) {
            counters->frames++;
            counters->bytes += NET_BUFFER_DATA_LENGTH(nb);
        }
    }
    counters->lists++;
}

// The counters belong to the processor, so nobody may take it away in between: DISPATCH, if the caller is not there yet.
static void
data_watch(struct lwfmon_module *module, enum lwfmon_direction direction, const NET_BUFFER_LIST *nbls, BOOLEAN at_dispatch)
{
    KIRQL old = DISPATCH_LEVEL;
    if (!at_dispatch)
        KeRaiseIrql(DISPATCH_LEVEL, &old);
    data_count(module, direction, nbls);
    if (module->capture)
        lwfmon_capture_list(module->capture, direction, nbls);
    if (!at_dispatch)
        KeLowerIrql(old);
}

void
lwfmon_counters_sum(const struct lwfmon_module *module, enum lwfmon_direction direction, struct lwfmon_counters *sum)
{
    NdisZeroMemory(sum, sizeof *sum);
    for (ULONG i = 0; i < module->processors; i++) {
        const struct lwfmon_counters *counters = &module->counters[i * LWFMON_DIRECTIONS + (ULONG)direction];
        sum->frames += counters->frames;
        sum->bytes += counters->bytes;
        sum->lists += counters->lists;
    }
}

VOID
lwfmon_send(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    struct lwfmon_module *module = context;
    data_watch(module, LWFMON_OUT, nbls, NDIS_TEST_SEND_AT_DISPATCH_LEVEL(flags) != 0);
    NdisFSendNetBufferLists(module->filter, nbls, port, flags);
}

VOID
lwfmon_send_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    struct lwfmon_module *module = context;
    NdisFSendNetBufferListsComplete(module->filter, nbls, flags);
}

VOID
lwfmon_cancel_send(NDIS_HANDLE context, PVOID cancel_id)
{
    struct lwfmon_module *module = context;
    NdisFCancelSendNetBufferLists(module->filter, cancel_id);
}

// With NDIS_RECEIVE_FLAGS_RESOURCES the list is only lent for the call; looking at it and passing it on with the flag keeps to that.
VOID
lwfmon_receive(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    struct lwfmon_module *module = context;
    data_watch(module, LWFMON_IN, nbls, NDIS_TEST_RECEIVE_AT_DISPATCH_LEVEL(flags) != 0);
    NdisFIndicateReceiveNetBufferLists(module->filter, nbls, port, count, flags);
}

VOID
lwfmon_return(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    struct lwfmon_module *module = context;
    NdisFReturnNetBufferLists(module->filter, nbls, flags);
}
