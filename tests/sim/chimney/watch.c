// SPDX-License-Identifier: MIT
// See watch.h. A box has its own image of each driver, so there is a set of handlers for each; which box a call is in, it knows itself.
#include "watch.h"

#include "copy.h"

#include "../../flow/tcpip/kit.h"

#include "base/list.h"
#include "nbx/world.h"
#include "ndis/ndis_int.h"

struct watch watch;

static struct own {
    struct box *box;
    W_INITIATE_OFFLOAD_HANDLER initiate;
    W_TERMINATE_OFFLOAD_HANDLER terminate;
    struct ndis_chimney_client host, lowest;  // tcpip; passthru, if it stands on the target
} own[2];

static const struct own *
own_of(void)
{
    struct box *box = box_self();
    return &own[box == own[1].box];
}

// ---- tallies --------------------------------------------------------------------------------------------------------------------------

static void
tally_add(struct watch_tally *tally, NDIS_STATUS status)
{
    for (int i = 0; i < WATCH_STATUSES; i++) {
        if (tally->of[i].count && tally->of[i].status != status)
            continue;
        tally->of[i].status = status;
        tally->of[i].count++;
        return;
    }
    ck_abort_msg("more than %d statuses", WATCH_STATUSES);
}

uint64_t
watch_count(const struct watch_tally *tally, NDIS_STATUS status)
{
    for (int i = 0; i < WATCH_STATUSES; i++)
        if (tally->of[i].count && tally->of[i].status == status)
            return tally->of[i].count;
    return 0;
}

// ---- trees ------------------------------------------------------------------------------------------------------------------------------

struct whole_tcp {
    NDIS_MINIPORT_OFFLOAD_BLOCK_LIST block;
    TCP_OFFLOAD_STATE_CONST constant;
    TCP_OFFLOAD_STATE_CACHED cached;
    TCP_OFFLOAD_STATE_DELEGATED delegated;
};

static void
connection_goes(const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    const struct whole_tcp *tcp = CONTAINING_RECORD(block, struct whole_tcp, block);
    ck_assert_uint_lt(tcp->delegated.State, MaxTcpConnectionState);
    watch.went[tcp->delegated.State]++;
    watch.with_sends[tcp->delegated.State] += block->NetBufferListChain != NULL;
    watch.with_data[tcp->delegated.State] += tcp->delegated.BufferedData != NULL;
}

static void
blocks_go(const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    for (; block; block = block->NextBlock) {
        if (block->Header.Type == TcpOffloadState)
            connection_goes(block);
        blocks_go(block->DependentBlockList);
    }
}

static NTAPI VOID
watch_initiate(NDIS_HANDLE context, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST tree)
{
    blocks_go(tree);
    own_of()->initiate(context, watch.copies ? copy_down(tree) : tree);
}

static NTAPI VOID
watch_terminate(NDIS_HANDLE context, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST tree)
{
    own_of()->terminate(context, watch.copies ? copy_down(tree) : tree);
}

static NTAPI VOID
lowest_initiated(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST tree)
{
    own_of()->lowest.generic.InitiateOffloadCompleteHandler(context, copy_up(tree));
}

static NTAPI VOID
lowest_terminated(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST tree)
{
    own_of()->lowest.generic.TerminateOffloadCompleteHandler(context, copy_up(tree));
}

// Placeholders have no status of their own.
static void
initiates_end(const NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *block, enum watch_layer layer)
{
    for (; block; block = block->NextBlock) {
        if (block->OffloadHandle)
            tally_add(&watch.initiated[layer], block->Status);
        initiates_end(block->DependentBlockList, layer + 1);
    }
}

static NTAPI VOID
watch_initiated(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST tree)
{
    tree = copy_up(tree);
    initiates_end(tree, WATCH_NEIGHBOR);
    own_of()->host.generic.InitiateOffloadCompleteHandler(context, tree);
}

static void
terminates_end(const NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *block)
{
    for (; block; block = block->NextBlock) {
        if (block->Header.Type == TcpOffloadDelegatedState) {
            const TCP_OFFLOAD_STATE_DELEGATED *state = (const void *)(block + 1);
            tally_add(&watch.terminated, block->Status);
            if (block->Status == NDIS_STATUS_SUCCESS) {
                ck_assert_uint_lt(state->State, MaxTcpConnectionState);
                watch.came[state->State]++;
                watch.came_with_sends[state->State] += block->NetBufferListChain != NULL;
                watch.came_with_data[state->State] += state->BufferedData != NULL;
            }
        }
        terminates_end(block->DependentBlockList);
    }
}

static NTAPI VOID
watch_terminated(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST tree)
{
    tree = copy_up(tree);
    terminates_end(tree);
    own_of()->host.generic.TerminateOffloadCompleteHandler(context, tree);
}

// ---- lists and events ---------------------------------------------------------------------------------------------------------------

static void
lists_end(enum watch_list what, const NET_BUFFER_LIST *nbls)
{
    for (; nbls; nbls = NET_BUFFER_LIST_NEXT_NBL(nbls))
        tally_add(&watch.lists[what], NET_BUFFER_LIST_STATUS(nbls));
}

#define WATCH_DATA(name, what, member) \
    static NTAPI VOID name(NDIS_HANDLE context, PNET_BUFFER_LIST nbls) \
    { \
        lists_end(what, nbls); \
        own_of()->host.tcp.member(context, nbls); \
    }
WATCH_DATA(watch_sent, WATCH_SEND, TcpOffloadSendCompleteHandler)
WATCH_DATA(watch_received, WATCH_RECEIVE, TcpOffloadReceiveCompleteHandler)
WATCH_DATA(watch_disconnected, WATCH_DISCONNECT, TcpOffloadDisconnectCompleteHandler)
WATCH_DATA(watch_forwarded, WATCH_FORWARD, TcpOffloadForwardCompleteHandler)
#undef WATCH_DATA

static NTAPI VOID
watch_event(PVOID context, ULONG type, ULONG information)
{
    ck_assert(type && type <= TcpIndicateAbort);
    watch.events[type]++;
    if (type == TcpIndicateRetrieve) {
        ck_assert_uint_lt(information, MaxUploadReason);
        watch.reasons[information]++;
    }
    own_of()->host.tcp.TcpOffloadEventHandler(context, type, information);
}

// ---- the watchers take their places --------------------------------------------------------------------------------------------------

static void
client_watch(struct ndis_chimney_client *client)
{
    client->generic.InitiateOffloadCompleteHandler = watch_initiated;
    client->generic.TerminateOffloadCompleteHandler = watch_terminated;
    client->tcp.TcpOffloadSendCompleteHandler = watch_sent;
    client->tcp.TcpOffloadReceiveCompleteHandler = watch_received;
    client->tcp.TcpOffloadDisconnectCompleteHandler = watch_disconnected;
    client->tcp.TcpOffloadForwardCompleteHandler = watch_forwarded;
    client->tcp.TcpOffloadEventHandler = watch_event;
}

static void
lowest_watch(struct ndis_chimney_client *client)
{
    client->generic.InitiateOffloadCompleteHandler = lowest_initiated;
    client->generic.TerminateOffloadCompleteHandler = lowest_terminated;
}

static struct ndis_binding *
binding_on(struct ndis_adapter *adapter)
{
    return LIST_ENTRY_OF(adapter->bindings.next, struct ndis_binding, node);
}

// The binding that there is has its copy; those to come take theirs from the protocol.
static void
watch_box(void *arg)
{
    int box = *(int *)arg;
    struct world_adapter *adapter = tn_adapter(box);
    struct ndis_binding *lowest = binding_on(adapter->ndis), *host = binding_on(adapter[tn_net.storeys].ndis);
    struct ndis_miniport_driver *target = adapter->ndis->driver;
    own[box] = (struct own){.box = box_self(),
                            .initiate = target->chimney.generic.InitiateOffloadHandler,
                            .terminate = target->chimney.generic.TerminateOffloadHandler,
                            .host = host->protocol->chimney,
                            .lowest = lowest->protocol->chimney};
    target->chimney.generic.InitiateOffloadHandler = watch_initiate;
    target->chimney.generic.TerminateOffloadHandler = watch_terminate;
    client_watch(&host->protocol->chimney);
    client_watch(&host->chimney);
    if (tn_net.storeys) {
        lowest_watch(&lowest->protocol->chimney);
        lowest_watch(&lowest->chimney);
    }
}

void
watch_start(void)
{
    for (int box = 0; box < 2; box++)
        tn_in_box(box, watch_box, &box);
}
