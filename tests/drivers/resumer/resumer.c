// SPDX-License-Identifier: MIT
// A protocol driver that carries on a TCP connection it never opened: the file \??\resumer\state says how the connection stands (state.h),
// \??\resumer\send what is to be sent in all, and what comes is written to \??\resumer\got. No TCP of its own: all of it is the target's.
//   bind, NetEventRestart -> resumer_thread: read -> NdisInitiateOffload -> NdisOffloadTcpSend, a few at a time -> graceful disconnect
//                         -> until the peer has ended too -> NdisTerminateOffload -> write
// What is received comes by indications alone, and all of it is taken.
#define NDIS630 1
#include <ndis.h>

#include <ndischimney.h>

#include "state.h"

#define TAG 'mseR'
#define PIECE 32768u
#define SENDS_OUT 4
#define GOT_MAX (64u << 20)
#define WAIT_S 20

struct whole {                                // as it lies behind a block of type TcpOffloadState
    TCP_OFFLOAD_STATE_CONST constant;
    TCP_OFFLOAD_STATE_CACHED cached;
    TCP_OFFLOAD_STATE_DELEGATED delegated;
};

static struct {
    NDIS_HANDLE driver, pool, binding;
    PKTHREAD thread;
    KEVENT opened, running, closed, tree_done, changed;
    KSPIN_LOCK lock;                          // guards the next five
    ULONG sends_out;
    NDIS_STATUS failed;                       // the first send or disconnect that did
    BOOLEAN is_disconnected, peer_has_ended, is_wanted_back;
    ULONG64 got_bytes;
    UCHAR *got, *state_file, *send_file;
    ULONG state_bytes, send_bytes;
    struct resumer_state state;
    NDIS_OFFLOAD_HANDLE neighbor_handle, path_handle, tcp_handle;
    struct {
        NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block;
        NEIGHBOR_OFFLOAD_STATE_CONST constant;
        NEIGHBOR_OFFLOAD_STATE_CACHED cached;
        NEIGHBOR_OFFLOAD_STATE_DELEGATED delegated;
    } neighbor;
    struct {
        NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block;
        PATH_OFFLOAD_STATE_CONST constant;
        PATH_OFFLOAD_STATE_CACHED cached;
        PATH_OFFLOAD_STATE_DELEGATED delegated;
    } path;
    struct {
        NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block;
        struct whole whole;
    } tcp;
} self;

// ---- files --------------------------------------------------------------------------------------------------------------------------

static HANDLE
file_open(PCWSTR path, ACCESS_MASK access, ULONG disposition)
{
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING name;
    IO_STATUS_BLOCK iosb;
    HANDLE handle;
    RtlInitUnicodeString(&name, path);
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL, NULL);
    NTSTATUS status = ZwCreateFile(&handle, access | SYNCHRONIZE, &attributes, &iosb, NULL, FILE_ATTRIBUTE_NORMAL, FILE_SHARE_READ,
                                   disposition, FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE, NULL, 0);
    if (NT_SUCCESS(status))
        return handle;
    DbgPrint("resumer: %ws: 0x%08x\n", path, status);
    return NULL;
}

static UCHAR *
file_read(PCWSTR path, ULONG *bytes)
{
    FILE_STANDARD_INFORMATION info;
    IO_STATUS_BLOCK iosb;
    LARGE_INTEGER offset = {0};
    HANDLE file = file_open(path, GENERIC_READ, FILE_OPEN);
    UCHAR *data = NULL;
    if (!file)
        return NULL;
    NTSTATUS status = ZwQueryInformationFile(file, &iosb, &info, sizeof info, FileStandardInformation);
    *bytes = (ULONG)info.EndOfFile.QuadPart;
    if (NT_SUCCESS(status))
        data = ExAllocatePoolWithTag(NonPagedPoolNx, *bytes + 1, TAG);
    if (data && !NT_SUCCESS(ZwReadFile(file, NULL, NULL, NULL, &iosb, data, *bytes, &offset, NULL))) {
        ExFreePoolWithTag(data, TAG);
        data = NULL;
    }
    ZwClose(file);
    return data;
}

static VOID
got_write(VOID)
{
    IO_STATUS_BLOCK iosb;
    LARGE_INTEGER offset = {0};
    HANDLE file = file_open(L"\\??\\resumer\\got", GENERIC_WRITE, FILE_OVERWRITE_IF);
    if (!file)
        return;
    NTSTATUS status = ZwWriteFile(file, NULL, NULL, NULL, &iosb, self.got, (ULONG)self.got_bytes, &offset, NULL);
    if (!NT_SUCCESS(status))
        DbgPrint("resumer: writing: 0x%08x\n", status);
    ZwClose(file);
}

static BOOLEAN
files_read(VOID)
{
    self.state_file = file_read(L"\\??\\resumer\\state", &self.state_bytes);
    self.send_file = file_read(L"\\??\\resumer\\send", &self.send_bytes);
    self.got = ExAllocatePoolWithTag(NonPagedPoolNx, GOT_MAX, TAG);
    if (!self.state_file || !self.send_file || !self.got || self.state_bytes < sizeof self.state)
        return FALSE;
    RtlCopyMemory(&self.state, self.state_file, sizeof self.state);
    return self.state.magic == RESUMER_MAGIC &&
           self.state_bytes == sizeof self.state + self.state.out_bytes + self.state.in_bytes &&
           self.state.una_place + self.state.out_bytes <= self.send_bytes;
}

// ---- lists --------------------------------------------------------------------------------------------------------------------------

// Over memory that stays where it is until the end. It is no list's to free.
static NET_BUFFER_LIST *
nbl_over(UCHAR *bytes, ULONG count)
{
    MDL *mdl = NdisAllocateMdl(self.driver, count ? bytes : self.got, count ? count : 1);
    NET_BUFFER_LIST *nbl = mdl ? NdisAllocateNetBufferAndNetBufferList(self.pool, 0, 0, mdl, 0, count) : NULL;
    if (!nbl) {
        if (mdl)
            NdisFreeMdl(mdl);
        return NULL;
    }
    nbl->SourceHandle = self.binding;
    return nbl;
}

static VOID
nbl_free(NET_BUFFER_LIST *nbl)
{
    MDL *mdl = NET_BUFFER_FIRST_MDL(NET_BUFFER_LIST_FIRST_NB(nbl));
    NdisFreeNetBufferList(nbl);
    NdisFreeMdl(mdl);
}

static VOID
change(VOID)
{
    KeSetEvent(&self.changed, IO_NO_INCREMENT, FALSE);
}

// ---- the tree -----------------------------------------------------------------------------------------------------------------------

static VOID
block_init(NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *block, UCHAR type, NDIS_OFFLOAD_HANDLE *handle)
{
    NdisZeroMemory(block, sizeof *block);
    block->Header.Type = type;
    block->Header.Revision = NDIS_OFFLOAD_BLOCK_LIST_REVISION_1;
    block->Header.Size = sizeof *block;
    block->OffloadHandle = handle;
}

static VOID
whole_fill(struct whole *to)
{
    const struct resumer_state *from = &self.state;
    TCP_OFFLOAD_STATE_DELEGATED *d = &to->delegated;
    NdisZeroMemory(to, sizeof *to);
    to->constant.Flags = (from->has_timestamps ? TCP_FLAG_TIMESTAMP_ENABLED : 0) | (from->has_sack ? TCP_FLAG_SACK_ENABLED : 0) |
                         (from->has_scaling ? TCP_FLAG_WINDOW_SCALING_ENABLED : 0);
    to->constant.RemotePort = from->remote_port;
    to->constant.LocalPort = from->local_port;
    to->constant.SndWindScale = from->snd_scale;
    to->constant.RcvWindScale = from->rcv_scale;
    to->constant.RemoteMss = from->mss;
    to->cached.InitialRcvWnd = from->rcv_wnd > 65536 ? from->rcv_wnd : 65536;
    to->cached.TtlOrHopLimit = 64;
    d->State = TcpConnectionEstablished;
    d->RcvNxt = from->rcv_nxt;
    d->RcvWnd = from->rcv_wnd;
    d->SndUna = from->snd_una;
    d->SndNxt = d->SndMax = from->snd_max;
    d->SndWnd = from->snd_wnd;
    d->MaxSndWnd = from->max_snd_wnd;
    d->SendWL1 = from->snd_wl1;
    d->CWnd = from->cwnd_bytes;
    d->SsThresh = from->ssthresh_bytes;
    d->SRtt = (USHORT)from->srtt_eighths_ms;
    d->RttVar = (USHORT)from->rttvar_quarters_ms;
    d->TsRecent = from->ts_recent;
    d->TsTime = from->ts_time;
    d->KeepAlive.TimeoutDelta = (ULONG)-1;
    d->Retransmit.TimeoutDelta = from->snd_una == from->snd_max ? (ULONG)-1 : 200;
    d->SendBacklogSize = 0;
}

static BOOLEAN
tree_build(VOID)
{
    struct resumer_state *from = &self.state;
    UCHAR *queues = self.state_file + sizeof *from;
    block_init(&self.neighbor.block, NeighborOffloadState, &self.neighbor_handle);
    block_init(&self.path.block, from->is_six ? Ip6OffloadState : Ip4OffloadState, &self.path_handle);
    block_init(&self.tcp.block, TcpOffloadState, &self.tcp_handle);
    self.neighbor.block.DependentBlockList = &self.path.block;
    self.path.block.DependentBlockList = &self.tcp.block;
    RtlCopyMemory(self.neighbor.constant.DlSourceAddress, from->local_mac, 6);
    RtlCopyMemory(self.neighbor.cached.DlDestinationAddress, from->remote_mac, 6);
    self.path.constant.SourceAddress = from->local;
    self.path.constant.DestinationAddress = from->remote;
    self.path.cached.PathMtu = from->mtu;
    whole_fill(&self.tcp.whole);
    if (from->out_bytes) {
        NET_BUFFER_LIST *chain = nbl_over(queues, from->out_bytes);
        if (!chain)
            return FALSE;
        self.tcp.block.NetBufferListChain = chain;
        self.tcp.whole.delegated.SendDataHead = self.tcp.whole.delegated.SendDataTail = chain;
        self.sends_out++;
    }
    if (from->in_bytes)
        self.tcp.whole.delegated.BufferedData = nbl_over(queues + from->out_bytes, from->in_bytes);
    return !from->in_bytes || self.tcp.whole.delegated.BufferedData;
}

// ---- waiting ------------------------------------------------------------------------------------------------------------------------

static BOOLEAN
wait(KEVENT *event)
{
    LARGE_INTEGER timeout = {.QuadPart = -WAIT_S * 10000000LL};
    return KeWaitForSingleObject(event, Executive, KernelMode, FALSE, &timeout) == STATUS_SUCCESS;
}

static BOOLEAN
is_quiet(ULONG sends)
{
    KIRQL irql;
    KeAcquireSpinLock(&self.lock, &irql);
    BOOLEAN is_so = self.sends_out <= sends || self.failed;
    KeReleaseSpinLock(&self.lock, irql);
    return is_so;
}

static BOOLEAN
is_ended(ULONG unused)
{
    UNREFERENCED_PARAMETER(unused);
    KIRQL irql;
    KeAcquireSpinLock(&self.lock, &irql);
    BOOLEAN is_so = self.failed || (self.is_disconnected && self.peer_has_ended);
    KeReleaseSpinLock(&self.lock, irql);
    return is_so;
}

static BOOLEAN
until(BOOLEAN (*is_so)(ULONG), ULONG argument)
{
    while (!is_so(argument))
        if (!wait(&self.changed))
            return FALSE;
    return TRUE;
}

// ---- the connection -----------------------------------------------------------------------------------------------------------------

static BOOLEAN
send_rest(VOID)
{
    ULONG64 place = self.state.una_place + self.state.out_bytes;
    while (place < self.send_bytes) {
        ULONG bytes = self.send_bytes - place < PIECE ? (ULONG)(self.send_bytes - place) : PIECE;
        KIRQL irql;
        if (!until(is_quiet, SENDS_OUT - 1) || self.failed)
            return FALSE;
        NET_BUFFER_LIST *nbl = nbl_over(self.send_file + place, bytes);
        if (!nbl)
            return FALSE;
        KeAcquireSpinLock(&self.lock, &irql);
        self.sends_out++;
        KeReleaseSpinLock(&self.lock, irql);
        NdisOffloadTcpSend(&self.tcp_handle, nbl);
        place += bytes;
    }
    return until(is_quiet, 0) && !self.failed;
}

static BOOLEAN
end(VOID)
{
    NET_BUFFER_LIST *nbl = nbl_over(NULL, 0);
    if (!nbl)
        return FALSE;
    NdisOffloadTcpDisconnect(&self.tcp_handle, nbl, TCP_DISCONNECT_GRACEFUL_CLOSE);
    return until(is_ended, 0) && !self.failed;
}

static VOID
take_back(VOID)
{
    block_init(&self.neighbor.block, NeighborOffloadDelegatedState, &self.neighbor_handle);
    block_init(&self.path.block, self.state.is_six ? Ip6OffloadDelegatedState : Ip4OffloadDelegatedState, &self.path_handle);
    block_init(&self.tcp.block, TcpOffloadDelegatedState, &self.tcp_handle);
    self.neighbor.block.DependentBlockList = &self.path.block;
    self.path.block.DependentBlockList = &self.tcp.block;
    NdisTerminateOffload(self.binding, &self.neighbor.block);
    wait(&self.tree_done);
}

static VOID
carry_on(VOID)
{
    NdisInitiateOffload(self.binding, &self.neighbor.block);
    if (!wait(&self.tree_done))
        return;
    NET_BUFFER_LIST *buffered = self.tcp.whole.delegated.BufferedData;
    NDIS_STATUS status = self.tcp.block.Status;
    if (buffered)
        nbl_free(buffered);                   // the target has copied it
    if (status != NDIS_STATUS_SUCCESS) {
        DbgPrint("resumer: the connection was not taken: 0x%08x\n", status);
        if (self.tcp.block.NetBufferListChain)
            nbl_free(self.tcp.block.NetBufferListChain);
        return;
    }
    DbgPrint("resumer: taken, %u bytes outstanding, %u not read\n", self.state.out_bytes, self.state.in_bytes);
    BOOLEAN is_good = send_rest() && end();
    take_back();
    got_write();
    DbgPrint("resumer: %s: %llu bytes sent, %llu received, state %u\n", is_good ? "done" : "failed",
             self.send_bytes - self.state.una_place, self.got_bytes,
             ((const TCP_OFFLOAD_STATE_DELEGATED *)(&self.tcp.block + 1))->State);
}

static VOID NTAPI
resumer_thread(PVOID context)
{
    UNREFERENCED_PARAMETER(context);
    if (!wait(&self.running))
        DbgPrint("resumer: the adapter does not run\n");
    else if (!files_read())
        DbgPrint("resumer: there is no whole state\n");
    else if (!tree_build())
        DbgPrint("resumer: no memory\n");
    else
        carry_on();
    PsTerminateSystemThread(STATUS_SUCCESS);
}

// ---- callbacks ----------------------------------------------------------------------------------------------------------------------

static VOID NTAPI
on_tree_done(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST root)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(root);
    KeSetEvent(&self.tree_done, IO_NO_INCREMENT, FALSE);
}

static VOID NTAPI
on_indicate_event(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block, ULONG code)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(block);
    UNREFERENCED_PARAMETER(code);
}

static VOID
lists_done(NET_BUFFER_LIST *nbls, BOOLEAN is_disconnect)
{
    KIRQL irql;
    for (NET_BUFFER_LIST *next; nbls; nbls = next) {
        next = NET_BUFFER_LIST_NEXT_NBL(nbls);
        KeAcquireSpinLock(&self.lock, &irql);
        if (NET_BUFFER_LIST_STATUS(nbls) != NDIS_STATUS_SUCCESS && !self.failed)
            self.failed = NET_BUFFER_LIST_STATUS(nbls);
        if (is_disconnect)
            self.is_disconnected = TRUE;
        else
            self.sends_out--;
        KeReleaseSpinLock(&self.lock, irql);
        nbl_free(nbls);
    }
    change();
}

static VOID NTAPI
on_send_done(NDIS_HANDLE context, PNET_BUFFER_LIST nbls)
{
    UNREFERENCED_PARAMETER(context);
    lists_done(nbls, FALSE);
}

static VOID NTAPI
on_disconnect_done(NDIS_HANDLE context, PNET_BUFFER_LIST nbl)
{
    UNREFERENCED_PARAMETER(context);
    lists_done(nbl, TRUE);
}

static VOID NTAPI
on_nothing_done(NDIS_HANDLE context, PNET_BUFFER_LIST nbls)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(nbls);             // no receive is ever posted, no segment forwarded
}

static VOID NTAPI
on_event(PVOID context, ULONG type, ULONG information)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(information);
    KeAcquireSpinLockAtDpcLevel(&self.lock);
    self.peer_has_ended |= type == TcpIndicateDisconnect;
    self.is_wanted_back |= type == TcpIndicateRetrieve;
    if ((type == TcpIndicateAbort || (type == TcpIndicateRetrieve && !self.peer_has_ended)) && !self.failed)
        self.failed = type == TcpIndicateAbort ? NDIS_STATUS_REQUEST_ABORTED : NDIS_STATUS_UPLOAD_REQUESTED;
    KeReleaseSpinLockFromDpcLevel(&self.lock);
    change();
}

static NDIS_STATUS NTAPI
on_receive(PVOID context, PNET_BUFFER_LIST nbl, NDIS_STATUS status, PULONG consumed)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(status);
    ULONG64 before = self.got_bytes;
    for (NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl); nb; nb = NET_BUFFER_NEXT_NB(nb)) {
        ULONG left = NET_BUFFER_DATA_LENGTH(nb), offset = NET_BUFFER_CURRENT_MDL_OFFSET(nb);
        for (MDL *mdl = NET_BUFFER_CURRENT_MDL(nb); mdl && left; mdl = NDIS_MDL_LINKAGE(mdl)) {
            UCHAR *bytes = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
            ULONG part = min(left, MmGetMdlByteCount(mdl) - offset);
            if (self.got_bytes + part <= GOT_MAX)
                RtlCopyMemory(self.got + self.got_bytes, bytes + offset, part);
            self.got_bytes += part;
            left -= part;
            offset = 0;
        }
    }
    *consumed = (ULONG)(self.got_bytes - before);
    NdisOffloadTcpReceiveReturn(self.binding, nbl);
    return NDIS_STATUS_SUCCESS;
}

// ---- the protocol -------------------------------------------------------------------------------------------------------------------

static NDIS_STATUS NTAPI
on_bind(NDIS_HANDLE context, NDIS_HANDLE bind, PNDIS_BIND_PARAMETERS parameters)
{
    static NDIS_MEDIUM medium = NdisMedium802_3;
    UNREFERENCED_PARAMETER(context);
    UINT selected;
    HANDLE thread;
    NDIS_OPEN_PARAMETERS open = {
        .Header = {NDIS_OBJECT_TYPE_OPEN_PARAMETERS, NDIS_OPEN_PARAMETERS_REVISION_1, NDIS_SIZEOF_OPEN_PARAMETERS_REVISION_1},
        .AdapterName = parameters->AdapterName,
        .MediumArray = &medium,
        .MediumArraySize = 1,
        .SelectedMediumIndex = &selected};
    NDIS_STATUS status = NdisOpenAdapterEx(self.driver, &self, &open, bind, &self.binding);
    if (status == NDIS_STATUS_PENDING) {
        wait(&self.opened);
        status = NDIS_STATUS_SUCCESS;
    }
    if (status == NDIS_STATUS_SUCCESS && NT_SUCCESS(PsCreateSystemThread(&thread, 0, NULL, NULL, NULL, resumer_thread, NULL))) {
        ObReferenceObjectByHandle(thread, 0, NULL, KernelMode, (PVOID *)&self.thread, NULL);
        ZwClose(thread);
    }
    return status;
}

static VOID NTAPI
on_opened(NDIS_HANDLE context, NDIS_STATUS status)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(status);
    KeSetEvent(&self.opened, IO_NO_INCREMENT, FALSE);
}

static NDIS_STATUS NTAPI
on_unbind(NDIS_HANDLE unbind, NDIS_HANDLE context)
{
    UNREFERENCED_PARAMETER(unbind);
    UNREFERENCED_PARAMETER(context);
    KeWaitForSingleObject(self.thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(self.thread);
    NDIS_STATUS status = NdisCloseAdapterEx(self.binding);
    if (status == NDIS_STATUS_PENDING)
        wait(&self.closed);
    return NDIS_STATUS_SUCCESS;
}

static VOID NTAPI
on_closed(NDIS_HANDLE context)
{
    UNREFERENCED_PARAMETER(context);
    KeSetEvent(&self.closed, IO_NO_INCREMENT, FALSE);
}

static NDIS_STATUS NTAPI
on_pnp(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION event)
{
    UNREFERENCED_PARAMETER(context);
    if (event->NetPnPEvent.NetEvent == NetEventRestart)
        KeSetEvent(&self.running, IO_NO_INCREMENT, FALSE);
    return NDIS_STATUS_SUCCESS;
}

static VOID NTAPI
on_oid_done(NDIS_HANDLE context, PNDIS_OID_REQUEST request, NDIS_STATUS status)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(request);
    UNREFERENCED_PARAMETER(status);
}

static VOID NTAPI
on_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(indication);
}

static VOID NTAPI
on_frames(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(port);
    UNREFERENCED_PARAMETER(count);
    if (!(flags & NDIS_RECEIVE_FLAGS_RESOURCES))
        NdisReturnNetBufferLists(self.binding, nbls, 0);
}

static VOID NTAPI
on_sent(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(nbls);
    UNREFERENCED_PARAMETER(flags);
}

static NDIS_STATUS NTAPI
on_set_options(NDIS_HANDLE driver, NDIS_HANDLE context)
{
    NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS generic = {
        .Header = {NDIS_OBJECT_TYPE_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS,
                   NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS_REVISION_1, sizeof generic},
        .InitiateOffloadCompleteHandler = on_tree_done,
        .TerminateOffloadCompleteHandler = on_tree_done,
        .UpdateOffloadCompleteHandler = on_tree_done,
        .InvalidateOffloadCompleteHandler = on_tree_done,
        .QueryOffloadCompleteHandler = on_tree_done,
        .IndicateOffloadEventHandler = on_indicate_event};
    NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS tcp = {
        .Header = {NDIS_OBJECT_TYPE_CLIENT_CHIMNEY_OFFLOAD_CHARACTERISTICS, NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS_REVISION_1,
                   sizeof tcp},
        .OffloadType = NdisTcpChimneyOffload,
        .TcpOffloadSendCompleteHandler = on_send_done,
        .TcpOffloadReceiveCompleteHandler = on_nothing_done,
        .TcpOffloadDisconnectCompleteHandler = on_disconnect_done,
        .TcpOffloadForwardCompleteHandler = on_nothing_done,
        .TcpOffloadEventHandler = on_event,
        .TcpOffloadReceiveIndicateHandler = on_receive};
    UNREFERENCED_PARAMETER(context);
    NDIS_STATUS status = NdisSetOptionalHandlers(driver, (PNDIS_DRIVER_OPTIONAL_HANDLERS)&generic);
    return status == NDIS_STATUS_SUCCESS ? NdisSetOptionalHandlers(driver, (PNDIS_DRIVER_OPTIONAL_HANDLERS)&tcp) : status;
}

static DRIVER_UNLOAD resumer_unload;
static VOID
resumer_unload(PDRIVER_OBJECT driver)
{
    UCHAR *memory[] = {self.got, self.state_file, self.send_file};
    UNREFERENCED_PARAMETER(driver);
    NdisDeregisterProtocolDriver(self.driver);
    NdisFreeNetBufferListPool(self.pool);
    for (ULONG i = 0; i < ARRAYSIZE(memory); i++)
        if (memory[i])
            ExFreePoolWithTag(memory[i], TAG);
}

DRIVER_INITIALIZE DriverEntry;
NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    static WCHAR name[] = L"resumer";
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1,
                   NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 30,
        .Name = {sizeof name - sizeof(WCHAR), sizeof name, name},
        .SetOptionsHandler = on_set_options,
        .BindAdapterHandlerEx = on_bind,
        .UnbindAdapterHandlerEx = on_unbind,
        .OpenAdapterCompleteHandlerEx = on_opened,
        .CloseAdapterCompleteHandlerEx = on_closed,
        .NetPnPEventHandler = on_pnp,
        .OidRequestCompleteHandler = on_oid_done,
        .StatusHandlerEx = on_status,
        .ReceiveNetBufferListsHandler = on_frames,
        .SendNetBufferListsCompleteHandler = on_sent};
    NET_BUFFER_LIST_POOL_PARAMETERS pool = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                   NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
        .fAllocateNetBuffer = TRUE,
        .PoolTag = TAG};
    UNREFERENCED_PARAMETER(path);
    KEVENT *events[] = {&self.opened, &self.running, &self.closed, &self.tree_done, &self.changed};
    for (ULONG i = 0; i < ARRAYSIZE(events); i++)
        KeInitializeEvent(events[i], SynchronizationEvent, FALSE);
    KeInitializeSpinLock(&self.lock);
    driver->DriverUnload = resumer_unload;
    NDIS_STATUS status = NdisRegisterProtocolDriver(NULL, &chars, &self.driver);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    self.pool = NdisAllocateNetBufferListPool(self.driver, &pool);
    if (self.pool)
        return STATUS_SUCCESS;
    NdisDeregisterProtocolDriver(self.driver);
    return STATUS_INSUFFICIENT_RESOURCES;
}
