// SPDX-License-Identifier: MIT
// See kit.h.
#include "kit.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/cm/cm.h"
#include "nt/io/image.h"
#include "sim/sim.h"

struct kit kit;
enum verify_mode kit_verify;

static NDIS_HANDLE tp_driver, tp_nbl_pool, tp_nb_pool;

// ---- the protocol ---------------------------------------------------------------------------------------------------------------

static NTAPI NDIS_STATUS
tp_bind(NDIS_HANDLE context, NDIS_HANDLE bind, PNDIS_BIND_PARAMETERS parameters)
{
    struct kit_binding *binding = kit.binding;
    while (binding->in_use)
        binding++;
    NDIS_MEDIUM medium = NdisMedium802_3;
    UINT selected;
    NDIS_OPEN_PARAMETERS open = {
        .Header = {NDIS_OBJECT_TYPE_OPEN_PARAMETERS, NDIS_OPEN_PARAMETERS_REVISION_1, NDIS_SIZEOF_OPEN_PARAMETERS_REVISION_1},
        .AdapterName = parameters->AdapterName,
        .MediumArray = &medium,
        .MediumArraySize = 1,
        .SelectedMediumIndex = &selected};
    KeInitializeSpinLock(&binding->lock);
    binding->in_use = true;
    binding->link_up = parameters->MediaConnectState == MediaConnectStateConnected;
    binding->has_ndk = parameters->NDKCapabilities != NULL;
    binding->ndk_enabled = parameters->NDKEnabled;
    if (binding->has_ndk)
        binding->ndk = *parameters->NDKCapabilities->NdkInfo;
    KeInitializeEvent(&binding->opened, NotificationEvent, FALSE);
    NDIS_STATUS status = NdisOpenAdapterEx(tp_driver, binding, &open, bind, &binding->handle);
    if (status == NDIS_STATUS_PENDING) {
        KeWaitForSingleObject(&binding->opened, Executive, KernelMode, FALSE, NULL);
        status = binding->open_status;
    }
    ck_assert_int_eq(status, NDIS_STATUS_SUCCESS);
    return status;
}

static NTAPI NDIS_STATUS
tp_unbind(NDIS_HANDLE unbind, NDIS_HANDLE context)
{
    struct kit_binding *binding = context;
    binding->keep = false;
    kit_return(binding);
    ck_assert_int_eq(NdisCloseAdapterEx(binding->handle), NDIS_STATUS_SUCCESS);
    binding->in_use = false;
    return NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
tp_open_complete(NDIS_HANDLE context, NDIS_STATUS status)
{
    struct kit_binding *binding = context;
    binding->open_status = status;
    KeSetEvent(&binding->opened, IO_NO_INCREMENT, FALSE);
}

static NTAPI VOID
tp_close_complete(NDIS_HANDLE context)
{
}

static NTAPI NDIS_STATUS
tp_pnp(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION event)
{
    return NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
tp_oid_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST request, NDIS_STATUS status)
{
    struct kit_binding *binding = context;
    binding->oid_status = status;
    __atomic_store_n(&binding->oid_done, request, __ATOMIC_RELEASE);
}

static NTAPI VOID
tp_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
    struct kit_binding *binding = context;
    if (indication->StatusCode != NDIS_STATUS_LINK_STATE)
        return;
    const NDIS_LINK_STATE *link = indication->StatusBuffer;
    binding->link_up = link->MediaConnectState == MediaConnectStateConnected;
    __atomic_fetch_add(&binding->link_indications, 1, __ATOMIC_RELEASE);
}

static void
tp_note_frame(struct kit_binding *binding, NET_BUFFER_LIST *nbl, ULONG flags)
{
    NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
    uint32_t bytes = NET_BUFFER_DATA_LENGTH(nb);
    ck_assert_uint_lt(binding->frames, KIT_FRAMES);
    struct kit_frame *frame = &binding->frame[binding->frames];
    frame->data = malloc(bytes);
    const uint8_t *data = NdisGetDataBuffer(nb, bytes, frame->data, 1, 0);
    ck_assert_ptr_nonnull(data);
    if (data != frame->data)
        memcpy(frame->data, data, bytes);
    frame->bytes = bytes;
    frame->checksum = NET_BUFFER_LIST_INFO(nbl, TcpIpChecksumNetBufferListInfo);
    frame->vlan = NET_BUFFER_LIST_INFO(nbl, Ieee8021QNetBufferListInfo);
    frame->rsc = nbl->NetBufferListInfo[22];  // TcpRecvSegCoalesceInfo, whichever version this file is compiled for
    frame->type = (uint16_t)(uintptr_t)NET_BUFFER_LIST_INFO(nbl, NetBufferListFrameType);
    frame->flags = flags;
    frame->hash = (uint32_t)NET_BUFFER_LIST_GET_HASH_VALUE(nbl);
    frame->hash_type = (uint32_t)(uintptr_t)NET_BUFFER_LIST_INFO(nbl, NetBufferListHashInfo);
    frame->processor = KeGetCurrentProcessorNumberEx(NULL);
    __atomic_fetch_add(&binding->frames, 1, __ATOMIC_RELEASE);
}

static NTAPI VOID
tp_receive(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    struct kit_binding *binding = context;
    KIRQL old;
    uint32_t seen = 0;
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    KeAcquireSpinLock(&binding->lock, &old);
    NET_BUFFER_LIST *last = nbls;
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = nbl->Next) {
        tp_note_frame(binding, nbl, flags);
        last = nbl;
        seen++;
    }
    ck_assert_uint_eq(seen, count);
    bool keep = binding->keep && !(flags & NDIS_RECEIVE_FLAGS_RESOURCES);
    if (keep) {
        last->Next = binding->kept;
        binding->kept = nbls;
        binding->kept_count += count;
    }
    KeReleaseSpinLock(&binding->lock, old);
    if (!keep && !(flags & NDIS_RECEIVE_FLAGS_RESOURCES))
        NdisReturnNetBufferLists(binding->handle, nbls, NDIS_RETURN_FLAGS_DISPATCH_LEVEL);
}

static void
tp_free(NET_BUFFER_LIST *nbl)
{
    NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
    while (nb) {
        NET_BUFFER *next = NET_BUFFER_NEXT_NB(nb);
        for (MDL *mdl = NET_BUFFER_FIRST_MDL(nb); mdl;) {
            MDL *after = mdl->Next;
            uint8_t *memory = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
            // Below nobody may write the sender's data: a second copy lies behind the first.
            ck_assert(!memcmp(memory, memory + mdl->ByteCount, mdl->ByteCount));
            NdisFreeMdl(mdl);
            free(memory);
            mdl = after;
        }
        NdisFreeNetBuffer(nb);
        nb = next;
    }
    NdisFreeNetBufferList(nbl);
}

static NTAPI VOID
tp_send_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    struct kit_binding *binding = context;
    uint32_t count = 0;
    KIRQL old;
    KeAcquireSpinLock(&binding->lock, &old);
    binding->completion_calls++;
    for (NET_BUFFER_LIST *nbl = nbls, *next; nbl; nbl = next) {
        next = nbl->Next;
        uint32_t id = (uint32_t)(uintptr_t)NET_BUFFER_LIST_PROTOCOL_RESERVED(nbl)[0];
        ck_assert_uint_lt(id, KIT_FRAMES);
        ck_assert_int_eq(binding->status[id], NDIS_STATUS_PENDING);   // each once
        binding->status[id] = NET_BUFFER_LIST_STATUS(nbl);
        binding->order[__atomic_load_n(&binding->completed, __ATOMIC_RELAXED) + count++] = id;
        binding->lso_info = NET_BUFFER_LIST_INFO(nbl, TcpLargeSendNetBufferListInfo);
        tp_free(nbl);
    }
    // Inside the lock, because order is filled from here; atomic, because kit_wait looks without it.
    __atomic_fetch_add(&binding->completed, count, __ATOMIC_RELEASE);
    KeReleaseSpinLock(&binding->lock, old);
}

static NTAPI VOID
tp_unload(PDRIVER_OBJECT driver)
{
    NdisDeregisterProtocolDriver(tp_driver);
    NdisFreeNetBufferListPool(tp_nbl_pool);
    NdisFreeNetBufferPool(tp_nb_pool);
}

static NTAPI NTSTATUS
tp_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    static WCHAR name[] = L"tp";
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_2,
                   NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 30,
        .Name = {4, 6, name},
        .BindAdapterHandlerEx = tp_bind,
        .UnbindAdapterHandlerEx = tp_unbind,
        .OpenAdapterCompleteHandlerEx = tp_open_complete,
        .CloseAdapterCompleteHandlerEx = tp_close_complete,
        .NetPnPEventHandler = tp_pnp,
        .OidRequestCompleteHandler = tp_oid_complete,
        .DirectOidRequestCompleteHandler = tp_oid_complete,
        .StatusHandlerEx = tp_status,
        .ReceiveNetBufferListsHandler = tp_receive,
        .SendNetBufferListsCompleteHandler = tp_send_complete};
    NET_BUFFER_LIST_POOL_PARAMETERS nbl_pool = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                   NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1}};
    NET_BUFFER_POOL_PARAMETERS nb_pool = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_POOL_PARAMETERS_REVISION_1, NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1}};
    driver->DriverUnload = tp_unload;
    NDIS_STATUS status = NdisRegisterProtocolDriver(NULL, &chars, &tp_driver);
    if (status == NDIS_STATUS_SUCCESS) {
        tp_nbl_pool = NdisAllocateNetBufferListPool(tp_driver, &nbl_pool);
        tp_nb_pool = NdisAllocateNetBufferPool(tp_driver, &nb_pool);
    }
    return status;
}

// ---- sending --------------------------------------------------------------------------------------------------------------------

// A frame as a chain of so many MDLs, the first with some unused bytes in front.
static NET_BUFFER *
kit_nb(const uint8_t *data, uint32_t bytes, uint32_t mdls)
{
    uint32_t front = mdls > 1 ? (uint32_t)prng_below(&kit.prng, 40) : 0, at = 0;
    MDL *first = NULL, **end = &first;
    for (uint32_t i = 0; i < mdls; i++) {
        uint32_t left = bytes - at, piece = left;
        if (i + 1 < mdls)
            piece = (uint32_t)prng_below(&kit.prng, left / (mdls - i) * 2 + 1);
        uint32_t lead = i ? 0 : front;
        uint8_t *memory = malloc(2 * (lead + piece) + 1);
        memset(memory, 0xee, lead + piece + 1);
        memcpy(memory + lead, data + at, piece);
        memcpy(memory + lead + piece, memory, lead + piece);
        MDL *mdl = NdisAllocateMdl(tp_driver, memory, lead + piece);
        ck_assert_ptr_nonnull(mdl);
        *end = mdl;
        end = &mdl->Next;
        at += piece;
    }
    NET_BUFFER *nb = NdisAllocateNetBuffer(tp_nb_pool, first, front, bytes);
    ck_assert_ptr_nonnull(nb);
    return nb;
}

NET_BUFFER_LIST *
kit_nbl(struct kit_binding *binding, const struct kit_send *send)
{
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(tp_nbl_pool, 0, 0);
    ck_assert_ptr_nonnull(nbl);
    NET_BUFFER **end = &NET_BUFFER_LIST_FIRST_NB(nbl);
    for (uint32_t i = 0; i < send->count; i++) {
        *end = kit_nb(send->data[i], send->bytes[i], send->mdls ? send->mdls : 1);
        end = &NET_BUFFER_NEXT_NB(*end);
    }
    nbl->SourceHandle = binding->handle;
    NET_BUFFER_LIST_INFO(nbl, TcpIpChecksumNetBufferListInfo) = send->checksum;
    NET_BUFFER_LIST_INFO(nbl, TcpLargeSendNetBufferListInfo) = send->lso;
    NET_BUFFER_LIST_INFO(nbl, Ieee8021QNetBufferListInfo) = send->vlan;
    NDIS_SET_NET_BUFFER_LIST_CANCEL_ID(nbl, send->cancel_id);
    uint32_t id = binding->next_id++;
    ck_assert_uint_lt(id, KIT_FRAMES);
    binding->status[id] = NDIS_STATUS_PENDING;
    NET_BUFFER_LIST_PROTOCOL_RESERVED(nbl)[0] = (void *)(uintptr_t)id;
    return nbl;
}

NET_BUFFER_LIST *
kit_nbl_one(struct kit_binding *binding, const uint8_t *data, uint32_t bytes)
{
    return kit_nbl(binding, &(struct kit_send){.data = &data, .bytes = &bytes, .count = 1});
}

void
kit_send(struct kit_binding *binding, NET_BUFFER_LIST *nbls)
{
    NdisSendNetBufferLists(binding->handle, nbls, 0, 0);
}

void
kit_return(struct kit_binding *binding)
{
    KIRQL old;
    KeAcquireSpinLock(&binding->lock, &old);
    NET_BUFFER_LIST *nbls = binding->kept;
    binding->kept = NULL;
    binding->kept_count = 0;
    KeReleaseSpinLock(&binding->lock, old);
    if (nbls)
        NdisReturnNetBufferLists(binding->handle, nbls, 0);
}

void
kit_sleep_us(uint32_t us)
{
    LARGE_INTEGER wait = {.QuadPart = -10ll * us};
    KeDelayExecutionThread(KernelMode, FALSE, &wait);
}

void
kit_wait(volatile uint32_t *number, uint32_t value)
{
    for (uint32_t i = 0; i < 20000; i++) {
        if (__atomic_load_n(number, __ATOMIC_ACQUIRE) >= value)
            return;
        kit_sleep_us(500);
    }
    ck_assert_uint_ge(*number, value);
}

NDIS_STATUS
kit_oid(struct kit_binding *binding, NDIS_REQUEST_TYPE type, NDIS_OID oid, void *data, uint32_t bytes)
{
    NDIS_OID_REQUEST request = {
        .Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
        .RequestType = type,
        .DATA.SET_INFORMATION = {.Oid = oid, .InformationBuffer = data, .InformationBufferLength = bytes}};
    binding->oid_done = NULL;
    NDIS_STATUS status = NdisOidRequest(binding->handle, &request);
    if (status != NDIS_STATUS_PENDING)
        return status;
    while (!__atomic_load_n(&binding->oid_done, __ATOMIC_ACQUIRE))
        kit_sleep_us(100);
    return binding->oid_status;
}

uint64_t
kit_counter(struct kit_binding *binding, NDIS_OID oid)
{
    uint64_t value = 0;
    ck_assert_int_eq(kit_oid(binding, NdisRequestQueryInformation, oid, &value, sizeof value), NDIS_STATUS_SUCCESS);
    return value;
}

// ---- the stack ------------------------------------------------------------------------------------------------------------------

NDIS_STATUS
kit_add(const char *name, const char *port, const struct kit_setting *settings, struct ndis_adapter **out)
{
    char path[256];
    ndis_adapter_key(name, path, sizeof path);
    struct cm_key *key = cm_key_open(kit.box, path);
    ck_assert_ptr_nonnull(key);
    if (port)
        ck_assert_int_eq(cm_set_sz(kit.box, key, "Port", port), STATUS_SUCCESS);
    for (; settings && settings->name; settings++)
        ck_assert_int_eq(cm_set_sz(kit.box, key, settings->name, settings->text), STATUS_SUCCESS);
    struct ndis_adapter_config config = {.name = name, .driver = kit.driver};
    return ndis_adapter_add(kit.box, &config, out);
}

struct ndis_adapter *
kit_nic(const char *name, const char *port, const struct kit_setting *settings, const char *protocol, uint32_t filter,
        struct kit_binding **binding)
{
    struct ndis_adapter *adapter;
    ck_assert_int_eq(kit_add(name, port, settings, &adapter), NDIS_STATUS_SUCCESS);
    struct kit_binding *free_one = kit.binding;
    while (free_one->in_use)
        free_one++;
    ck_assert_int_eq(ndis_adapter_restart(adapter), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_bind(adapter, protocol), NDIS_STATUS_SUCCESS);
    if (!strcmp(protocol, "tp")) {
        if (!filter)
            filter = NDIS_PACKET_TYPE_PROMISCUOUS;
        ck_assert_int_eq(kit_oid(free_one, NdisRequestSetInformation, OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter),
                         NDIS_STATUS_SUCCESS);
        *binding = free_one;
    }
    return adapter;
}

static void
kit_load(const char *name, const char *path, DRIVER_INITIALIZE *entry)
{
    struct io_image_config config = {.name = name, .path = path, .entry = entry};
    struct io_image *image;
    char error[256];
    NTSTATUS status = io_image_load(kit.box, &config, &image, error, sizeof error);
    ck_assert_msg(NT_SUCCESS(status), "%s", error);
}

static void
kit_message(void *context, const char *text)
{
    snprintf(kit.message, sizeof kit.message, "%s", text);
    if (strstr(text, "left behind"))
        fprintf(stderr, "%s\n", text);
}

static void
kit_inside(void *fn)
{
    static const char *const names[] = {"echoproto", "tp", "hello_miniport", "vnic"};
    ck_assert_int_eq(ndis_create(kit.box), 0);
    kit_load("vnic", NBX_DRIVER_DIR "/vnic.so", NULL);
    kit_load("hello_miniport", NBX_DRIVER_DIR "/hello_miniport.so", NULL);
    kit_load("tp", NULL, tp_entry);
    kit_load("echoproto", NBX_DRIVER_DIR "/echoproto.so", NULL);
    ((void (*)(void))fn)();
    for (struct ndis_adapter *adapter; (adapter = ndis_adapter_find(kit.box, "nic1"));)
        ndis_adapter_remove(adapter);
    for (struct ndis_adapter *adapter; (adapter = ndis_adapter_find(kit.box, "nic0"));)
        ndis_adapter_remove(adapter);
    for (uint32_t i = 0; i < KIT_BINDINGS; i++)
        for (uint32_t j = 0; j < kit.binding[i].frames; j++)
            free(kit.binding[i].frame[j].data);
    for (uint32_t i = 0; i < 4; i++)
        ck_assert_int_eq(io_image_unload(io_image_find(kit.box, names[i])), STATUS_SUCCESS);
    kit.left = ndis_destroy(kit.box);
}

static void
kit_run_on(struct sched *sched, uint64_t seed, void (*fn)(void))
{
    struct box_config config = {.name = "test", .processors = 2, .seed = seed};
    memset(&kit, 0, sizeof kit);
    kit.driver = "vnic";
    prng_seed(&kit.prng, seed);
    kit.ports = port_world_create(sched);
    kit.box = box_create(sched, &config);
    ck_assert_ptr_nonnull(kit.box);
    kit.box->ports = kit.ports;
    kit.box->on_message = kit_message;
    if (kit_verify != VERIFY_OFF)
        ck_assert_ptr_nonnull(kit.box->verify = verify_create(sched, kit_verify, NULL));
    struct verify *verify = kit.box->verify;
    ck_assert_int_eq(box_run(kit.box, kit_inside, (void *)fn), 0);
    ck_assert_uint_eq(kit.left, 0);
    ck_assert_uint_eq(box_destroy(kit.box), 0);
    verify_destroy(verify);
    port_world_destroy(kit.ports);
}

void
kit_run(uint64_t seed, void (*fn)(void))
{
    const char *error;
    struct sim_config sim = {.seed = seed, .switch_one_in = 4};
    struct sched *sched = sim_create(&sim, &error);
    ck_assert_ptr_nonnull(sched);
    kit_run_on(sched, seed, fn);
    struct sim_stats stats;
    sim_stats_get(sched, &stats);
    kit.trace_hash = stats.trace_hash;
    sched_destroy(sched);
}

void
kit_run_threads(void (*fn)(void))
{
    struct sched *sched = sched_threads_create(1);
    ck_assert_ptr_nonnull(sched);
    kit_run_on(sched, 1, fn);
    sched_destroy(sched);
}
