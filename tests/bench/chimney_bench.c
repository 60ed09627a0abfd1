// SPDX-License-Identifier: MIT
// What it costs to hand a TCP connection to an offload target and to take it back: a box with vnic on a port without a cable, and a host
// stack of this file's own bound to it. Nothing of ndisbox's own host stack (tcpip) takes part.
//   chimney_bench move SECONDS DRIVERS    one connection with 64 KB outstanding, again and again: microseconds of one move
//   chimney_bench many SECONDS DRIVERS    10,000 connections in one tree, all of it back, again: microseconds and bytes of one connection
// The line begins with microseconds. A move is measured from building the block lists for NdisInitiateOffload to the completion of
// NdisTerminateOffload, after which what came back (record, chain of sends) has been read and is what the next move hands over:
//   move_begin -> NdisInitiateOffload -> (DPC of the target) -> host_initiate_done -> NdisTerminateOffload -> (DPC) -> host_terminate_done
// Each step is taken in the completion of the one before, as a host may, so that no thread is woken within a move. Neighbour and path
// are offloaded before. The 64 KB are 16 sends of 4 KB, of which every byte was sent and none acknowledged.
#include <ndis.h>

#include <ndischimney.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ndis/ndis.h"
#include "nt/box.h"
#include "nt/cm/cm.h"
#include "nt/io/image.h"
#include "wire/port.h"

#define MANY 10000
#define SENDS 16
#define SEND_BYTES 4096
#define ISS 1000000u
#define IRS 2000000u
#define RETRANSMIT_TICKS 60000u               // milliseconds

struct tcp_whole {                            // as it lies behind a block of type TcpOffloadState
    TCP_OFFLOAD_STATE_CONST constant;
    TCP_OFFLOAD_STATE_CACHED cached;
    TCP_OFFLOAD_STATE_DELEGATED delegated;
};

struct connection {
    NDIS_OFFLOAD_HANDLE handle;
    USHORT port;
    TCP_OFFLOAD_STATE_DELEGATED now;          // as it came back the last time
    NET_BUFFER_LIST *chain;
    struct {
        NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block;
        union {
            struct tcp_whole whole;
            TCP_OFFLOAD_STATE_DELEGATED delegated;
        };
    } tree;
};

static struct {
    struct box *box;
    const char *drivers;
    bool is_many;
    uint64_t for_ns, start_ns, end_ns, moves, rss_first, rss_offloaded;
    NDIS_HANDLE driver, pool, binding;
    NDIS_OFFLOAD_HANDLE neighbor_handle, path_handle;
    struct {
        NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block;
        struct {
            NEIGHBOR_OFFLOAD_STATE_CONST constant;
            NEIGHBOR_OFFLOAD_STATE_CACHED cached;
            NEIGHBOR_OFFLOAD_STATE_DELEGATED delegated;
        } state;
    } neighbor;
    struct {
        NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block;
        struct {
            PATH_OFFLOAD_STATE_CONST constant;
            PATH_OFFLOAD_STATE_CACHED cached;
            PATH_OFFLOAD_STATE_DELEGATED delegated;
        } state;
    } path;
    struct connection *connection;
    unsigned count;
    bool is_setup;                            // a tree of neighbour and path alone
    KEVENT opened, over;
    uint8_t data[SENDS][SEND_BYTES];
} bench;

static const uint8_t host_address[4] = {10, 0, 0, 1}, peer_address[4] = {10, 0, 0, 2}, peer_mac[6] = {2, 0, 0, 0, 0, 0x99};

static void
must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "chimney_bench: %s, so there is no figure\n", what);
    exit(1);
}

static uint64_t
now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t
resident_bytes(void)
{
    unsigned long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    must(file && fscanf(file, "%lu %lu", &total, &resident) == 2, "/proc/self/statm cannot be read");
    fclose(file);
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

// ---- trees ------------------------------------------------------------------------------------------------------------------------------

static void
block_init(NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *block, UCHAR type, NDIS_OFFLOAD_HANDLE *handle)
{
    memset(block, 0, sizeof *block);
    block->Header.Type = type;
    block->Header.Revision = NDIS_OFFLOAD_BLOCK_LIST_REVISION_1;
    block->Header.Size = sizeof *block;
    block->OffloadHandle = handle;
}

// Neighbour and path: new ones the first time, links to what is offloaded later.
static void
trunk_init(bool is_new)
{
    block_init(&bench.neighbor.block, is_new ? NeighborOffloadState : NeighborOffloadConstState, &bench.neighbor_handle);
    block_init(&bench.path.block, is_new ? Ip4OffloadState : Ip4OffloadConstState, &bench.path_handle);
    bench.neighbor.block.DependentBlockList = &bench.path.block;
    if (!is_new)
        return;
    memset(&bench.neighbor.state, 0, sizeof bench.neighbor.state);
    memset(&bench.path.state, 0, sizeof bench.path.state);
    memcpy(bench.neighbor.state.cached.DlDestinationAddress, peer_mac, 6);
    bench.path.state.constant.SourceAddress = host_address;
    bench.path.state.constant.DestinationAddress = peer_address;
    bench.path.state.cached.PathMtu = 1500;
}

// An established connection that nobody opened; the peer never answers, as with a lost link.
static void
connection_make(struct connection *c, unsigned index)
{
    c->port = (USHORT)(1024 + index);
    c->now.State = TcpConnectionEstablished;
    c->now.RcvNxt = IRS;
    c->now.SendWL1 = IRS;
    c->now.RcvWnd = 65536;
    c->now.SndUna = ISS;
    c->now.SndNxt = c->now.SndMax = ISS + (bench.is_many ? 0 : SENDS * SEND_BYTES);
    c->now.SndWnd = c->now.MaxSndWnd = 262144;
    c->now.CWnd = 262144;
    c->now.SsThresh = 1000000;
    c->now.SRtt = 80;
    c->now.RttVar = 20;
    c->now.KeepAlive.TimeoutDelta = (ULONG)-1;
    c->now.Retransmit.TimeoutDelta = bench.is_many ? (ULONG)-1 : RETRANSMIT_TICKS;
}

// A chain of the sends. The list is a host's own, from its pool.
static void
connection_sends(struct connection *c)
{
    NET_BUFFER_LIST **end = &c->chain;
    for (unsigned i = 0; i < SENDS; i++) {
        MDL *mdl = NdisAllocateMdl(bench.driver, bench.data[i], SEND_BYTES);
        must(mdl != NULL, "no memory for an MDL");
        *end = NdisAllocateNetBufferAndNetBufferList(bench.pool, 0, 0, mdl, 0, SEND_BYTES);
        must(*end != NULL, "no memory for a NET_BUFFER_LIST");
        (*end)->SourceHandle = bench.binding;
        c->now.SendDataTail = *end;
        end = &NET_BUFFER_LIST_NEXT_NBL(*end);
    }
    *end = NULL;
    c->now.SendDataHead = c->chain;
}

static void
connection_offer(struct connection *c)
{
    block_init(&c->tree.block, TcpOffloadState, &c->handle);
    memset(&c->tree.whole, 0, sizeof c->tree.whole);
    c->tree.whole.constant.Flags = TCP_FLAG_SACK_ENABLED | TCP_FLAG_WINDOW_SCALING_ENABLED;
    c->tree.whole.constant.RemotePort = RtlUshortByteSwap(9);
    c->tree.whole.constant.LocalPort = RtlUshortByteSwap(c->port);
    c->tree.whole.constant.SndWindScale = c->tree.whole.constant.RcvWindScale = 4;
    c->tree.whole.constant.RemoteMss = 1460;
    c->tree.whole.cached.InitialRcvWnd = 65536;
    c->tree.whole.cached.TtlOrHopLimit = 64;
    c->tree.whole.delegated = c->now;
    c->tree.block.NetBufferListChain = c->chain;
}

// The state tree of all connections, handed over.
static void
move_begin(void)
{
    trunk_init(false);
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST **end = &bench.path.block.DependentBlockList;
    for (unsigned i = 0; i < bench.count; i++) {
        connection_offer(&bench.connection[i]);
        *end = &bench.connection[i].tree.block;
        end = &bench.connection[i].tree.block.NextBlock;
    }
    NdisInitiateOffload(bench.binding, &bench.neighbor.block);
}

static void
move_back(void)
{
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *root = NULL, **end = &root;
    for (unsigned i = 0; i < bench.count; i++) {
        struct connection *c = &bench.connection[i];
        must(c->tree.block.Status == NDIS_STATUS_SUCCESS, "a connection was not taken");
        block_init(&c->tree.block, TcpOffloadDelegatedState, &c->handle);
        memset(&c->tree.delegated, 0, sizeof c->tree.delegated);
        *end = &c->tree.block;
        end = &c->tree.block.NextBlock;
    }
    NdisTerminateOffload(bench.binding, root);
}

// What came back is all that was handed over.
static void
move_end(void)
{
    for (unsigned i = 0; i < bench.count; i++) {
        struct connection *c = &bench.connection[i];
        ULONG bytes = 0;
        must(c->tree.block.Status == NDIS_STATUS_SUCCESS, "a connection did not come back");
        c->now = c->tree.delegated;
        // A timer's whole ticks are handed over, so that a move costs it one: it would run out after 60,000 moves, in a fifth of a second.
        if (!bench.is_many)
            c->now.Retransmit.TimeoutDelta = RETRANSMIT_TICKS;
        c->chain = c->tree.block.NetBufferListChain;
        for (const NET_BUFFER_LIST *nbl = c->chain; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl))
            bytes += NET_BUFFER_DATA_LENGTH(NET_BUFFER_LIST_FIRST_NB(nbl));
        must(bytes == (bench.is_many ? 0 : SENDS * SEND_BYTES) && c->now.SndMax - c->now.SndUna == bytes && !c->now.BufferedData,
             "not what was outstanding came back");
        c->handle.MiniportOffloadContext = NULL;
    }
    bench.moves++;
}

// ---- the host's callbacks -----------------------------------------------------------------------------------------------------------

static NTAPI VOID
host_initiate_done(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST root)
{
    if (bench.is_setup) {
        KeSetEvent(&bench.over, IO_NO_INCREMENT, FALSE);
        return;
    }
    if (bench.is_many && !bench.moves)
        bench.rss_offloaded = resident_bytes();
    move_back();
}

static NTAPI VOID
host_terminate_done(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST root)
{
    if (!bench.is_setup) {
        move_end();
        if ((bench.end_ns = now_ns()) - bench.start_ns < bench.for_ns) {
            move_begin();
            return;
        }
    }
    KeSetEvent(&bench.over, IO_NO_INCREMENT, FALSE);
}

static NTAPI VOID
host_other_done(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST root)
{
    must(false, "an operation ended that nobody began");
}

static NTAPI VOID
host_offload_event(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block, ULONG code)
{
}

static NTAPI VOID
host_nbls_done(NDIS_HANDLE context, PNET_BUFFER_LIST nbls)
{
    must(false, "a send ended that nobody acknowledged");
}

static NTAPI VOID
host_event(PVOID context, ULONG type, ULONG information)
{
    // How much the target wants to have outstanding is told once for each connection that it takes; a host may go by it or not.
    must(type == TcpIndicateSendBacklogChange, "a connection had an event");
}

static NTAPI NDIS_STATUS
host_receive_indicate(PVOID context, PNET_BUFFER_LIST nbl, NDIS_STATUS status, PULONG consumed)
{
    must(false, "data came from nowhere");
    return NDIS_STATUS_FAILURE;
}

// ---- the host as a protocol ---------------------------------------------------------------------------------------------------------

static NTAPI NDIS_STATUS
host_bind(NDIS_HANDLE context, NDIS_HANDLE bind, PNDIS_BIND_PARAMETERS parameters)
{
    NDIS_MEDIUM medium = NdisMedium802_3;
    UINT selected;
    NDIS_OPEN_PARAMETERS open = {
        .Header = {NDIS_OBJECT_TYPE_OPEN_PARAMETERS, NDIS_OPEN_PARAMETERS_REVISION_1, NDIS_SIZEOF_OPEN_PARAMETERS_REVISION_1},
        .AdapterName = parameters->AdapterName,
        .MediumArray = &medium,
        .MediumArraySize = 1,
        .SelectedMediumIndex = &selected};
    KeInitializeEvent(&bench.opened, NotificationEvent, FALSE);
    NDIS_STATUS status = NdisOpenAdapterEx(bench.driver, &bench, &open, bind, &bench.binding);
    if (status == NDIS_STATUS_PENDING) {
        KeWaitForSingleObject(&bench.opened, Executive, KernelMode, FALSE, NULL);
        status = NDIS_STATUS_SUCCESS;
    }
    must(status == NDIS_STATUS_SUCCESS && parameters->TcpConnectionOffloadCapabilities, "the adapter cannot be opened, or has no chimney");
    return status;
}

static NTAPI VOID
host_open_complete(NDIS_HANDLE context, NDIS_STATUS status)
{
    must(status == NDIS_STATUS_SUCCESS, "the adapter cannot be opened");
    KeSetEvent(&bench.opened, IO_NO_INCREMENT, FALSE);
}

static NTAPI NDIS_STATUS
host_unbind(NDIS_HANDLE unbind, NDIS_HANDLE context)
{
    return NdisCloseAdapterEx(bench.binding);
}

static NTAPI VOID
host_close_complete(NDIS_HANDLE context)
{
}

static NTAPI NDIS_STATUS
host_pnp(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION event)
{
    return NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
host_oid_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST request, NDIS_STATUS status)
{
}

static NTAPI VOID
host_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
}

static NTAPI VOID
host_receive(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    if (!(flags & NDIS_RECEIVE_FLAGS_RESOURCES))
        NdisReturnNetBufferLists(bench.binding, nbls, 0);
}

static NTAPI VOID
host_sent(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
}

static NTAPI NDIS_STATUS
host_set_options(NDIS_HANDLE driver, NDIS_HANDLE context)
{
    NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS generic = {
        .Header = {NDIS_OBJECT_TYPE_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS,
                   NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS_REVISION_1, sizeof generic},
        .InitiateOffloadCompleteHandler = host_initiate_done,
        .TerminateOffloadCompleteHandler = host_terminate_done,
        .UpdateOffloadCompleteHandler = host_other_done,
        .InvalidateOffloadCompleteHandler = host_other_done,
        .QueryOffloadCompleteHandler = host_other_done,
        .IndicateOffloadEventHandler = host_offload_event};
    NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS tcp = {
        .Header = {NDIS_OBJECT_TYPE_CLIENT_CHIMNEY_OFFLOAD_CHARACTERISTICS, NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS_REVISION_1,
                   sizeof tcp},
        .OffloadType = NdisTcpChimneyOffload,
        .TcpOffloadSendCompleteHandler = host_nbls_done,
        .TcpOffloadReceiveCompleteHandler = host_nbls_done,
        .TcpOffloadDisconnectCompleteHandler = host_nbls_done,
        .TcpOffloadForwardCompleteHandler = host_nbls_done,
        .TcpOffloadEventHandler = host_event,
        .TcpOffloadReceiveIndicateHandler = host_receive_indicate};
    NDIS_STATUS status = NdisSetOptionalHandlers(driver, (PNDIS_DRIVER_OPTIONAL_HANDLERS)&generic);
    return status == NDIS_STATUS_SUCCESS ? NdisSetOptionalHandlers(driver, (PNDIS_DRIVER_OPTIONAL_HANDLERS)&tcp) : status;
}

static NTAPI VOID
host_unload(PDRIVER_OBJECT driver)
{
    NdisDeregisterProtocolDriver(bench.driver);
    NdisFreeNetBufferListPool(bench.pool);
}

static NTAPI NTSTATUS
host_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    static WCHAR name[] = L"host";
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1,
                   NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 30,
        .Name = {8, 10, name},
        .SetOptionsHandler = host_set_options,
        .BindAdapterHandlerEx = host_bind,
        .UnbindAdapterHandlerEx = host_unbind,
        .OpenAdapterCompleteHandlerEx = host_open_complete,
        .CloseAdapterCompleteHandlerEx = host_close_complete,
        .NetPnPEventHandler = host_pnp,
        .OidRequestCompleteHandler = host_oid_complete,
        .StatusHandlerEx = host_status,
        .ReceiveNetBufferListsHandler = host_receive,
        .SendNetBufferListsCompleteHandler = host_sent};
    NET_BUFFER_LIST_POOL_PARAMETERS pool = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                   NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
        .fAllocateNetBuffer = TRUE};
    driver->DriverUnload = host_unload;
    NDIS_STATUS status = NdisRegisterProtocolDriver(NULL, &chars, &bench.driver);
    if (status == NDIS_STATUS_SUCCESS)
        bench.pool = NdisAllocateNetBufferListPool(bench.driver, &pool);
    return status;
}

// ---- the box ----------------------------------------------------------------------------------------------------------------------------

static void
wait_over(void)
{
    KeWaitForSingleObject(&bench.over, Executive, KernelMode, FALSE, NULL);
}

static void
moves_run(void)
{
    bench.count = bench.is_many ? MANY : 1;
    bench.connection = calloc(bench.count, sizeof *bench.connection);
    must(bench.connection != NULL, "no memory");
    KeInitializeEvent(&bench.over, SynchronizationEvent, FALSE);
    bench.is_setup = true;
    trunk_init(true);
    NdisInitiateOffload(bench.binding, &bench.neighbor.block);
    wait_over();
    must(bench.neighbor.block.Status == NDIS_STATUS_SUCCESS && bench.path.block.Status == NDIS_STATUS_SUCCESS, "no path was taken");
    bench.is_setup = false;
    for (unsigned i = 0; i < bench.count; i++) {
        connection_make(&bench.connection[i], i);
        if (!bench.is_many)
            connection_sends(&bench.connection[i]);
        connection_offer(&bench.connection[i]);   // touches the host's own memory, which is not the target's
    }
    bench.rss_first = resident_bytes();
    bench.start_ns = now_ns();
    move_begin();
    wait_over();
    bench.is_setup = true;
    block_init(&bench.neighbor.block, NeighborOffloadDelegatedState, &bench.neighbor_handle);
    block_init(&bench.path.block, Ip4OffloadDelegatedState, &bench.path_handle);
    bench.neighbor.block.DependentBlockList = &bench.path.block;
    NdisTerminateOffload(bench.binding, &bench.neighbor.block);
    wait_over();
    for (NET_BUFFER_LIST *nbl = bench.connection[0].chain, *next; nbl; nbl = next) {
        next = NET_BUFFER_LIST_NEXT_NBL(nbl);
        NdisFreeMdl(NET_BUFFER_FIRST_MDL(NET_BUFFER_LIST_FIRST_NB(nbl)));
        NdisFreeNetBufferList(nbl);
    }
    free(bench.connection);
}

static void
bench_inside(void *context)
{
    static const char *const settings[][2] = {{"Port", "sink"}, {"NetworkAddress", "020000000001"}};
    char file[4096], key_path[256], error[256] = "";
    snprintf(file, sizeof file, "%s/vnic.so", bench.drivers);
    struct io_image_config vnic = {.name = "vnic", .path = file}, host = {.name = "host", .entry = host_entry};
    struct ndis_adapter_config config = {.name = "nic0", .driver = "vnic"};
    struct ndis_adapter *adapter;
    struct io_image *image;
    must(!ndis_create(bench.box), "NDIS does not start");
    must(NT_SUCCESS(io_image_load(bench.box, &vnic, &image, error, sizeof error)), error);
    must(NT_SUCCESS(io_image_load(bench.box, &host, &image, error, sizeof error)), error);
    ndis_adapter_key("nic0", key_path, sizeof key_path);
    for (size_t i = 0; i < ARRAYSIZE(settings); i++)
        must(NT_SUCCESS(cm_set_sz(bench.box, cm_key_open(bench.box, key_path), settings[i][0], settings[i][1])), "no registry");
    must(ndis_adapter_add(bench.box, &config, &adapter) == NDIS_STATUS_SUCCESS, "no adapter");
    must(ndis_adapter_restart(adapter) == NDIS_STATUS_SUCCESS, "the adapter does not start");
    must(ndis_adapter_bind(adapter, "host") == NDIS_STATUS_SUCCESS, "the host is not bound");
    moves_run();
    ndis_adapter_remove(adapter);
    io_image_unload(io_image_find(bench.box, "host"));
    io_image_unload(io_image_find(bench.box, "vnic"));
    must(!ndis_destroy(bench.box), "something was left behind");
}

int
main(int argc, char **argv)
{
    if (argc != 4 || (strcmp(argv[1], "move") && strcmp(argv[1], "many"))) {
        fprintf(stderr, "usage: chimney_bench move|many SECONDS DRIVERS\n");
        return 2;
    }
    struct box_config config = {.name = "bench", .processors = 1, .seed = 1};
    struct sched *sched = sched_threads_create(1);
    bench.is_many = !strcmp(argv[1], "many");
    bench.for_ns = (uint64_t)(strtod(argv[2], NULL) * 1e9);
    bench.drivers = argv[3];
    struct port_world *ports = sched ? port_world_create(sched) : NULL;
    bench.box = ports ? box_create(sched, &config) : NULL;
    must(bench.box != NULL, "no memory");
    bench.box->ports = ports;
    must(!box_run(bench.box, bench_inside, NULL), "the box did not run");
    box_destroy(bench.box);
    port_world_destroy(ports);
    sched_destroy(sched);
    double each = (double)(bench.end_ns - bench.start_ns) / 1e3 / (double)bench.moves / bench.count;
    printf("%.3f us", each);
    if (bench.is_many)
        printf(", %.0f bytes a connection", (double)(bench.rss_offloaded - bench.rss_first) / bench.count);
    printf(", %llu moves of %u\n", (unsigned long long)bench.moves, bench.count);
    return 0;
}
