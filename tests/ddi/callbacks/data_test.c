// SPDX-License-Identifier: MIT
// The data path's callbacks: who is called with whose lists, in which order, at which IRQL and with which flags; who may keep a list, who
// is passed by. Down: FilterSend..., MiniportSend..., and back up FilterSend...Complete, ProtocolSend...Complete. Up: FilterReceive...,
// ProtocolReceive..., and back down FilterReturn..., MiniportReturn... . Cancelling goes down only.
#include <string.h>

#include "witness.h"

static struct w_protocol *const pa = &w.protocol[0], *const pb = &w.protocol[1];
static struct w_filter *const fa = &w.filter[0], *const fb = &w.filter[1];

static NET_BUFFER_LIST *
chain(struct w_protocol *protocol, uint32_t count)
{
    NET_BUFFER_LIST *first = NULL;
    while (count--) {
        NET_BUFFER_LIST *nbl = w_nbl(protocol, (uint8_t)count);
        NET_BUFFER_LIST_NEXT_NBL(nbl) = first;
        first = nbl;
    }
    return first;
}

static uint8_t
mark(NET_BUFFER_LIST *nbl)
{
    uint8_t *data = MmGetSystemAddressForMdlSafe(NET_BUFFER_FIRST_MDL(NET_BUFFER_LIST_FIRST_NB(nbl)), NormalPagePriority);
    return data[14];
}

// ---- down ---------------------------------------------------------------------------------------------------------------------

static NDIS_PORT_NUMBER port_seen[3];
static ULONG flags_seen[3];
static NET_BUFFER_LIST *list_seen[3];

static NTAPI VOID
filter_send(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    uint32_t which = context == &fa->module_context ? 1 : 2;
    port_seen[which] = port;
    flags_seen[which] = flags;
    list_seen[which] = nbls;
    NdisFSendNetBufferLists(w_filter_of(context)->module, nbls, port, flags);
}

static NTAPI VOID
mp_send(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    port_seen[0] = port;
    flags_seen[0] = flags;
    list_seen[0] = nbls;
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl))
        NET_BUFFER_LIST_STATUS(nbl) = mark(nbl) & 1 ? NDIS_STATUS_INVALID_LENGTH : NDIS_STATUS_SUCCESS;
    NdisMSendNetBufferListsComplete(w.mp, nbls, flags & NDIS_SEND_FLAGS_DISPATCH_LEVEL ? NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL : 0);
}

static void
sends_pass(void)
{
    KIRQL irql;
    w_start(2, 1);
    w_forget();
    NET_BUFFER_LIST *list = chain(pa, 3);
    NdisSendNetBufferLists(pa->binding, list, 0, 0);
    w_order_is("FilterSendNetBufferLists FilterSendNetBufferLists MiniportSendNetBufferLists FilterSendNetBufferListsComplete "
               "FilterSendNetBufferListsComplete ProtocolSendNetBufferListsComplete");
    ck_assert_ptr_eq(w.calls[0].context, &fb->module_context);   // from the highest down
    ck_assert_ptr_eq(w.calls[1].context, &fa->module_context);
    ck_assert_ptr_eq(w.calls[2].context, &w.mp_context);
    ck_assert_ptr_eq(w.calls[3].context, &fa->module_context);   // and back up
    ck_assert_ptr_eq(w.calls[5].context, &pa->binding_context);
    ck_assert(list_seen[2] == list && list_seen[1] == list && list_seen[0] == list);
    w_irql_was("FilterSendNetBufferLists", PASSIVE_LEVEL);
    w_irql_was("MiniportSendNetBufferLists", PASSIVE_LEVEL);
    w_irql_was("ProtocolSendNetBufferListsComplete", PASSIVE_LEVEL);
    // The lists come back with the status that each got, in their order.
    ck_assert_uint_eq(w_length(pa->completed), 3);
    for (NET_BUFFER_LIST *nbl = pa->completed; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl))
        ck_assert_int_eq(nbl->Status, mark(nbl) & 1 ? NDIS_STATUS_INVALID_LENGTH : NDIS_STATUS_SUCCESS);
    w_forget();
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    ck_assert_uint_eq(port_seen[0] + port_seen[1] + port_seen[2], 0);
    NdisSendNetBufferLists(pa->binding, chain(pa, 1), 7, NDIS_SEND_FLAGS_DISPATCH_LEVEL);
    KeLowerIrql(irql);
    w_irql_was("FilterSendNetBufferLists", DISPATCH_LEVEL);
    w_irql_was("MiniportSendNetBufferLists", DISPATCH_LEVEL);
    w_irql_was("FilterSendNetBufferListsComplete", DISPATCH_LEVEL);
    w_irql_was("ProtocolSendNetBufferListsComplete", DISPATCH_LEVEL);
    ck_assert(flags_seen[0] & NDIS_SEND_FLAGS_DISPATCH_LEVEL && flags_seen[2] & NDIS_SEND_FLAGS_DISPATCH_LEVEL);
    ck_assert(port_seen[0] == 7 && port_seen[1] == 7 && port_seen[2] == 7);
}

TEST(FilterSendNetBufferLists_is_called_from_the_highest_down_and_its_completion_from_the_lowest_up)
{
    w_own.filter_send = filter_send;
    w_own.mp_send = mp_send;
    w_run(1, sends_pass);
}

static ULONG complete_flags;

static NTAPI VOID
send_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    complete_flags = flags;
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl))
        ck_assert_ptr_eq(nbl->SourceHandle, w_protocol_of(context)->binding);
}

static void
completes_mixed(void)
{
    KIRQL irql;
    w_start(0, 2);
    w.holds_sends = true;
    for (uint8_t i = 0; i < 4; i++) {
        struct w_protocol *protocol = i % 2 ? pb : pa;
        NdisSendNetBufferLists(protocol->binding, w_nbl(protocol, i), 0, 0);
    }
    ck_assert_uint_eq(w_length(w.held), 4);       // submitted in the order of the calls
    for (NET_BUFFER_LIST *nbl = w.held; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl))
        nbl->Status = NDIS_STATUS_SUCCESS;
    ck_assert_uint_eq(mark(w.held), 0);
    ck_assert_uint_eq(w_count("ProtocolSendNetBufferListsComplete"), 0);   // the miniport keeps what it cannot send yet
    // One list of several sends and senders: each gets its own, in any order that the driver below likes.
    w_forget();
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    NdisMSendNetBufferListsComplete(w.mp, w.held, NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL);
    KeLowerIrql(irql);
    ck_assert_uint_eq(w_count("ProtocolSendNetBufferListsComplete"), 2);
    ck_assert_uint_eq(w_length(pa->completed), 2);
    ck_assert_uint_eq(w_length(pb->completed), 2);
    ck_assert_uint_eq(mark(pa->completed), 0);
    ck_assert_uint_eq(mark(pb->completed), 1);
    w_irql_was("ProtocolSendNetBufferListsComplete", DISPATCH_LEVEL);
    ck_assert_uint_eq(complete_flags, NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL);
    w.held = NULL;
}

TEST(ProtocolSendNetBufferListsComplete_gets_the_bindings_own_lists_once_each_with_the_flag_of_the_IRQL)
{
    w_own.send_complete = send_complete;
    w_run(1, completes_mixed);
}

TEST(MiniportSendNetBufferLists_gets_lists_in_the_order_of_the_sends_and_may_keep_them)
{
    w_own.send_complete = send_complete;
    w_run(1, completes_mixed);
}

static void
without_sends(uint32_t which, NDIS_FILTER_DRIVER_CHARACTERISTICS *chars)
{
    if (which != 1)
        return;
    chars->SendNetBufferListsHandler = NULL;
    chars->SendNetBufferListsCompleteHandler = NULL;
    chars->CancelSendNetBufferListsHandler = NULL;
}

static void
sends_pass_by(void)
{
    w_start(2, 1);
    w_forget();
    NdisSendNetBufferLists(pa->binding, chain(pa, 1), 0, 0);
    NdisCancelSendNetBufferLists(pa->binding, &w);
    w_order_is("FilterSendNetBufferLists MiniportSendNetBufferLists FilterSendNetBufferListsComplete ProtocolSendNetBufferListsComplete "
               "FilterCancelSendNetBufferLists MiniportCancelSend");
    ck_assert_ptr_eq(w_call("FilterSendNetBufferLists")->context, &fa->module_context);
    ck_assert_ptr_eq(w_call("FilterSendNetBufferListsComplete")->context, &fa->module_context);
    ck_assert_ptr_eq(w_call("FilterCancelSendNetBufferLists")->context, &fa->module_context);
}

TEST(FilterSendNetBufferListsComplete_and_its_kin_that_a_driver_leaves_NULL_are_passed_by)
{
    w_own.edit_filter = without_sends;
    w_run(1, sends_pass_by);
}

static uint32_t rejected;

static NTAPI VOID
filter_rejecting(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl), rejected++)
        nbl->Status = NDIS_STATUS_FAILURE;
    NdisFSendNetBufferListsComplete(w_filter_of(context)->module, nbls, 0);
}

static void
sends_are_rejected(void)
{
    w_start(1, 1);
    w_forget();
    NdisSendNetBufferLists(pa->binding, chain(pa, 2), 0, 0);
    ck_assert_uint_eq(rejected, 2);
    ck_assert_uint_eq(w_count("MiniportSendNetBufferLists"), 0);
    ck_assert_uint_eq(w_length(pa->completed), 2);
    ck_assert_int_eq(pa->completed->Status, NDIS_STATUS_FAILURE);
}

TEST(FilterSendNetBufferLists_may_reject_a_list_which_then_goes_no_further)
{
    w_own.filter_send = filter_rejecting;
    w_run(1, sends_are_rejected);
}

static NET_BUFFER_LIST *queued, *own_back;

static NTAPI VOID
filter_queueing(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    queued = nbls;
}

static NTAPI VOID
filter_own_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    if (nbls->SourceHandle == w_filter_of(context)->module)
        own_back = nbls;
    else
        NdisFSendNetBufferListsComplete(w_filter_of(context)->module, nbls, flags);
}

static void
sends_wait_and_begin_in_a_filter(void)
{
    w_start(1, 1);
    NdisSendNetBufferLists(pa->binding, chain(pa, 1), 0, 0);
    ck_assert_ptr_nonnull(queued);
    w_forget();
    // A send that the filter originates: it comes back to the filter, and no protocol hears of it.
    NET_BUFFER_LIST *own = w_nbl(pa, 7);
    own->SourceHandle = fa->module;
    NdisFSendNetBufferLists(fa->module, own, 0, 0);
    ck_assert_ptr_eq(own_back, own);
    ck_assert_uint_eq(w_count("ProtocolSendNetBufferListsComplete"), 0);
    NdisFreeNetBufferList(own);
    NdisFSendNetBufferLists(fa->module, queued, 0, 0);
    ck_assert_uint_eq(w_length(pa->completed), 1);
}

TEST(FilterSendNetBufferListsComplete_brings_a_filters_own_sends_back_to_it)
{
    w_own.filter_send = filter_queueing;
    w_own.filter_send_complete = filter_own_complete;
    w_run(1, sends_wait_and_begin_in_a_filter);
}

static void
without_completion(uint32_t which, NDIS_FILTER_DRIVER_CHARACTERISTICS *chars)
{
    chars->SendNetBufferListsHandler = NULL;
    chars->SendNetBufferListsCompleteHandler = NULL;
    chars->ReceiveNetBufferListsHandler = NULL;
    chars->ReturnNetBufferListsHandler = NULL;
}

static void
filter_sends_without(void)
{
    w_start(1, 1);
    NET_BUFFER_LIST *own = w_nbl(pa, 7);
    own->SourceHandle = fa->module;
    NdisFSendNetBufferLists(fa->module, own, 0, 0);
}

static void
run_filter_sends_without(void)
{
    w_own.edit_filter = without_completion;
    w_run(1, filter_sends_without);
}

TEST(FilterSendNetBufferListsComplete_is_demanded_of_a_filter_that_sends)
{
    harness_reported("NdisFSendNetBufferLists: the module has no FilterSendNetBufferListsComplete", run_filter_sends_without);
}

static void
filter_indicates_without(void)
{
    w_start(1, 1);
    NET_BUFFER_LIST *own = w_nbl(pa, 7);
    own->SourceHandle = fa->module;
    NdisFIndicateReceiveNetBufferLists(fa->module, own, 0, 1, 0);
}

static void
run_filter_indicates_without(void)
{
    w_own.edit_filter = without_completion;
    w_run(1, filter_indicates_without);
}

TEST(FilterReturnNetBufferLists_is_demanded_of_a_filter_that_indicates)
{
    harness_reported("NdisFIndicateReceiveNetBufferLists: the module has no FilterReturnNetBufferLists", run_filter_indicates_without);
}

// ---- cancelling ---------------------------------------------------------------------------------------------------------------

static void *cancelled_id[2];

static NTAPI VOID
filter_cancel(NDIS_HANDLE context, PVOID id)
{
    cancelled_id[0] = id;
    NdisFCancelSendNetBufferLists(w_filter_of(context)->module, id);
}

static NTAPI VOID
mp_cancel(NDIS_HANDLE context, PVOID id)
{
    ck_assert_ptr_eq(context, &w.mp_context);
    cancelled_id[1] = id;
    NET_BUFFER_LIST *mine = NULL, **at = &w.held;
    while (*at) {
        NET_BUFFER_LIST *nbl = *at;
        if (NDIS_GET_NET_BUFFER_LIST_CANCEL_ID(nbl) == id) {
            *at = NET_BUFFER_LIST_NEXT_NBL(nbl);
            nbl->Status = NDIS_STATUS_SEND_ABORTED;
            NET_BUFFER_LIST_NEXT_NBL(nbl) = mine;
            mine = nbl;
        } else
            at = &NET_BUFFER_LIST_NEXT_NBL(nbl);
    }
    if (mine)
        NdisMSendNetBufferListsComplete(w.mp, mine, 0);
}

static void
sends_are_cancelled(void)
{
    KIRQL irql;
    void *const id = (void *)0x77000001;
    w_start(1, 1);
    w.holds_sends = true;
    for (uint8_t i = 0; i < 3; i++) {
        NET_BUFFER_LIST *nbl = w_nbl(pa, i);
        if (i != 1)
            NDIS_SET_NET_BUFFER_LIST_CANCEL_ID(nbl, id);
        NdisSendNetBufferLists(pa->binding, nbl, 0, 0);
    }
    w_forget();
    NdisCancelSendNetBufferLists(pa->binding, id);
    w_order_is("FilterCancelSendNetBufferLists MiniportCancelSend");
    ck_assert(cancelled_id[0] == id && cancelled_id[1] == id);
    w_irql_was("FilterCancelSendNetBufferLists", PASSIVE_LEVEL);
    w_irql_was("MiniportCancelSend", PASSIVE_LEVEL);
    ck_assert_uint_eq(w_length(pa->completed), 2);
    ck_assert_int_eq(pa->completed->Status, NDIS_STATUS_SEND_ABORTED);
    ck_assert_uint_eq(w_length(w.held), 1);       // of another identifier
    w_forget();
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    NdisCancelSendNetBufferLists(pa->binding, id);
    KeLowerIrql(irql);
    w_irql_was("FilterCancelSendNetBufferLists", DISPATCH_LEVEL);
    w_irql_was("MiniportCancelSend", DISPATCH_LEVEL);
    w.held->Status = NDIS_STATUS_SUCCESS;
    NdisMSendNetBufferListsComplete(w.mp, w.held, 0);
    w.held = NULL;
}

TEST(FilterCancelSendNetBufferLists_gets_the_identifier_at_the_callers_IRQL)
{
    w_own.filter_cancel_send = filter_cancel;
    w_own.mp_cancel_send = mp_cancel;
    w_run(1, sends_are_cancelled);
}

static NTAPI VOID
filter_cancel_keeping(NDIS_HANDLE context, PVOID id)
{
}

static void
cancel_ends_in_a_filter(void)
{
    w_start(1, 1);
    w_forget();
    NdisCancelSendNetBufferLists(pa->binding, &w);
    ck_assert_uint_eq(w_count("FilterCancelSendNetBufferLists"), 1);
    ck_assert_uint_eq(w_count("MiniportCancelSend"), 0);
    NdisFCancelSendNetBufferLists(fa->module, &w);
    ck_assert_uint_eq(w_count("MiniportCancelSend"), 1);
}

TEST(MiniportCancelSend_is_called_when_the_filters_above_have_passed_the_identifier_on)
{
    w_own.filter_cancel_send = filter_cancel_keeping;
    w_run(1, cancel_ends_in_a_filter);
}

// ---- up -----------------------------------------------------------------------------------------------------------------------

static ULONG up_flags[3];
static uint32_t up_count[3];
static NDIS_PORT_NUMBER up_port[3];

static NTAPI VOID
filter_receive(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    uint32_t which = context == &fa->module_context ? 0 : 1;
    ck_assert_uint_eq(w_length(nbls), count);
    up_flags[which] = flags;
    up_count[which] = count;
    up_port[which] = port;
    NdisFIndicateReceiveNetBufferLists(w_filter_of(context)->module, nbls, port, count, flags);
}

static NTAPI VOID
receive(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    ck_assert_uint_eq(w_length(nbls), count);
    up_flags[2] = flags;
    up_count[2] += count;
    up_port[2] = port;
}

static ULONG down_flags[2];
static uint32_t down_count;

static NTAPI VOID
filter_return(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    down_flags[0] = flags;
    NdisFReturnNetBufferLists(w_filter_of(context)->module, nbls, flags);
}

static NTAPI VOID
mp_return(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    down_flags[1] = flags;
    down_count += w_length(nbls);
}

static void
receives_pass(void)
{
    KIRQL irql;
    w_start(2, 1);
    w_listen(pa);
    w_forget();
    w_indicate(3, NDIS_RECEIVE_FLAGS_SINGLE_ETHER_TYPE | NDIS_RECEIVE_FLAGS_PERFECT_FILTERED);
    w_order_is("FilterReceiveNetBufferLists FilterReceiveNetBufferLists ProtocolReceiveNetBufferLists FilterReturnNetBufferLists "
               "FilterReturnNetBufferLists MiniportReturnNetBufferLists");
    ck_assert_ptr_eq(w.calls[0].context, &fa->module_context);   // from the lowest up
    ck_assert_ptr_eq(w.calls[1].context, &fb->module_context);
    ck_assert_ptr_eq(w.calls[2].context, &pa->binding_context);
    ck_assert_ptr_eq(w.calls[3].context, &fb->module_context);   // and back down
    ck_assert_ptr_eq(w.calls[5].context, &w.mp_context);
    ck_assert(up_count[0] == 3 && up_count[1] == 3 && up_count[2] == 3 && down_count == 3);
    ck_assert_uint_eq(up_flags[0], NDIS_RECEIVE_FLAGS_SINGLE_ETHER_TYPE | NDIS_RECEIVE_FLAGS_PERFECT_FILTERED);
    ck_assert_uint_eq(up_flags[2], NDIS_RECEIVE_FLAGS_SINGLE_ETHER_TYPE | NDIS_RECEIVE_FLAGS_PERFECT_FILTERED);
    w_irql_was("FilterReceiveNetBufferLists", PASSIVE_LEVEL);
    w_irql_was("ProtocolReceiveNetBufferLists", PASSIVE_LEVEL);
    w_irql_was("MiniportReturnNetBufferLists", PASSIVE_LEVEL);
    w_forget();
    ck_assert_uint_eq(up_port[0] + up_port[1] + up_port[2], 0);
    w.port = 5;
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    w_indicate(1, NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL);
    KeLowerIrql(irql);
    w_irql_was("FilterReceiveNetBufferLists", DISPATCH_LEVEL);
    w_irql_was("ProtocolReceiveNetBufferLists", DISPATCH_LEVEL);
    w_irql_was("FilterReturnNetBufferLists", DISPATCH_LEVEL);
    w_irql_was("MiniportReturnNetBufferLists", DISPATCH_LEVEL);
    ck_assert(up_flags[0] & NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL && up_flags[2] & NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL);
    ck_assert(down_flags[0] == NDIS_RETURN_FLAGS_DISPATCH_LEVEL && down_flags[1] == NDIS_RETURN_FLAGS_DISPATCH_LEVEL);
    ck_assert(up_port[0] == 5 && up_port[1] == 5 && up_port[2] == 5);
}

TEST(FilterReceiveNetBufferLists_is_called_from_the_lowest_up_and_FilterReturnNetBufferLists_from_the_highest_down)
{
    w_own.filter_receive = filter_receive;
    w_own.filter_return = filter_return;
    w_own.receive = receive;
    w_own.mp_return = mp_return;
    w_run(1, receives_pass);
}

static void
receives_are_kept(void)
{
    w_start(1, 2);
    w_listen(pa);
    w.holds_receives = true;
    w_forget();
    w_indicate(1, 0);
    w_indicate(2, 0);
    ck_assert_uint_eq(w_length(pa->held), 3);     // the protocol's until it returns them
    ck_assert_uint_eq(w_count("FilterReturnNetBufferLists") + w_count("MiniportReturnNetBufferLists"), 0);
    ck_assert_uint_eq(w_count("ProtocolReceiveNetBufferLists"), 2);   // the other binding's packet filter is 0
    NET_BUFFER_LIST *all = pa->held;
    pa->held = NULL;
    NdisReturnNetBufferLists(pa->binding, all, 0);
    // One list of several indications.
    ck_assert_uint_eq(w_count("FilterReturnNetBufferLists"), 1);
    ck_assert_uint_eq(w_count("MiniportReturnNetBufferLists"), 1);
    ck_assert_uint_eq(down_count, 3);
}

TEST(ProtocolReceiveNetBufferLists_keeps_what_it_gets_until_it_returns_it)
{
    w_own.mp_return = mp_return;
    w_run(1, receives_are_kept);
}

TEST(MiniportReturnNetBufferLists_may_get_one_list_of_several_indications)
{
    w_own.mp_return = mp_return;
    w_run(1, receives_are_kept);
}

static void
receives_are_lent(void)
{
    w_start(1, 2);
    w_listen(pa);
    w_forget();
    NET_BUFFER_LIST *list = w_indicate(2, NDIS_RECEIVE_FLAGS_RESOURCES);
    // Back with the miniport when the call is over, whole, and nobody is called to return it.
    ck_assert_uint_eq(w_length(list), 2);
    ck_assert_uint_eq(w_count("FilterReceiveNetBufferLists"), 1);
    ck_assert(up_flags[0] & NDIS_RECEIVE_FLAGS_RESOURCES && up_flags[2] & NDIS_RECEIVE_FLAGS_RESOURCES);
    ck_assert_uint_eq(w_count("FilterReturnNetBufferLists") + w_count("MiniportReturnNetBufferLists"), 0);
    w_free_list(list);
    // Two bindings want it: the first is lent it, the last has it.
    w_listen(pb);
    w_forget();
    w_indicate(1, 0);
    ck_assert_uint_eq(w_count("ProtocolReceiveNetBufferLists"), 2);
    ck_assert_uint_eq(w_count("MiniportReturnNetBufferLists"), 1);
}

TEST(ProtocolReceiveNetBufferLists_is_lent_a_list_with_NDIS_RECEIVE_FLAGS_RESOURCES)
{
    w_own.filter_receive = filter_receive;
    w_own.receive = receive;
    w_run(1, receives_are_lent);
}

static NET_BUFFER_LIST *filter_own;
static uint32_t own_returned;

static NTAPI VOID
filter_dropping(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    if (!(flags & NDIS_RECEIVE_FLAGS_RESOURCES))
        NdisFReturnNetBufferLists(w_filter_of(context)->module, nbls, 0);
}

static NTAPI VOID
filter_return_own(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    ck_assert_ptr_eq(nbls, filter_own);
    own_returned++;
}

static void
receives_end_and_begin_in_a_filter(void)
{
    w_start(1, 1);
    w_listen(pa);
    w_forget();
    w_indicate(1, 0);
    ck_assert_uint_eq(w_count("MiniportReturnNetBufferLists"), 1);
    w_free_list(w_indicate(1, NDIS_RECEIVE_FLAGS_RESOURCES));
    ck_assert_uint_eq(w_count("ProtocolReceiveNetBufferLists"), 0);
    // An indication of the filter's own comes back to it and goes no further down.
    filter_own = w_nbl(pa, 5);
    filter_own->SourceHandle = fa->module;
    NdisFIndicateReceiveNetBufferLists(fa->module, filter_own, 0, 1, 0);
    ck_assert_uint_eq(w_count("ProtocolReceiveNetBufferLists"), 1);
    ck_assert_uint_eq(own_returned, 1);
    ck_assert_uint_eq(w_count("MiniportReturnNetBufferLists"), 1);
    NdisFreeNetBufferList(filter_own);
}

TEST(FilterReceiveNetBufferLists_may_drop_a_list_by_returning_it)
{
    w_own.filter_receive = filter_dropping;
    w_own.filter_return = filter_return_own;
    w_run(1, receives_end_and_begin_in_a_filter);
}

TEST(FilterReturnNetBufferLists_brings_a_filters_own_indications_back_to_it)
{
    w_own.filter_receive = filter_dropping;
    w_own.filter_return = filter_return_own;
    w_run(1, receives_end_and_begin_in_a_filter);
}

static void
without_receives(uint32_t which, NDIS_FILTER_DRIVER_CHARACTERISTICS *chars)
{
    if (which != 0)
        return;
    chars->ReceiveNetBufferListsHandler = NULL;
    chars->ReturnNetBufferListsHandler = NULL;
}

static void
receives_pass_by(void)
{
    w_start(2, 1);
    w_listen(pa);
    w_forget();
    w_indicate(1, 0);
    w_order_is("FilterReceiveNetBufferLists ProtocolReceiveNetBufferLists FilterReturnNetBufferLists MiniportReturnNetBufferLists");
    ck_assert_ptr_eq(w_call("FilterReceiveNetBufferLists")->context, &fb->module_context);
    ck_assert_ptr_eq(w_call("FilterReturnNetBufferLists")->context, &fb->module_context);
}

TEST(FilterReceiveNetBufferLists_that_a_driver_leaves_NULL_is_passed_by)
{
    w_own.edit_filter = without_receives;
    w_run(1, receives_pass_by);
}

static bool looped_flag;

static NTAPI VOID
receive_looped(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    looped_flag = NdisTestNblFlag(nbls, NDIS_NBL_FLAGS_IS_LOOPBACK_PACKET);
}

static void
sends_loop_back(void)
{
    w_start(1, 2);
    w_listen(pa);
    w_listen(pb);
    w_forget();
    NdisSendNetBufferLists(pa->binding, w_nbl(pa, 1), 0, 0);
    ck_assert_uint_eq(w_count("ProtocolReceiveNetBufferLists"), 1);
    ck_assert_ptr_eq(w_call("ProtocolReceiveNetBufferLists")->context, &pb->binding_context);
    ck_assert_uint_eq(w_count("FilterReceiveNetBufferLists"), 1);   // filters see it go up too
    ck_assert(looped_flag);
    ck_assert_uint_eq(w_count("MiniportReturnNetBufferLists"), 0);  // a copy of NDIS's own
    w_forget();
    NdisSendNetBufferLists(pa->binding, w_nbl(pa, 1), 0, NDIS_SEND_FLAGS_CHECK_FOR_LOOPBACK);
    ck_assert_uint_eq(w_count("ProtocolReceiveNetBufferLists"), 2);   // to the sender as well
}

TEST(ProtocolReceiveNetBufferLists_is_called_for_what_is_looped_back)
{
    w_own.receive = receive_looped;
    w_run(1, sends_loop_back);
}

