// SPDX-License-Identifier: MIT
// See traffic.h. One station per bound adapter; its state hangs off the world, and the driver side finds it through its binding
// context. The driver side is an ordinary NDIS 6 protocol that happens to live in this program.
//   traffic_send -> station_fill: up to TRAFFIC_WINDOW frames as one list -> NdisSendNetBufferLists -> ... -> on_completed -> again
#include "nbx/traffic.h"

#include <stdlib.h>
#include <string.h>

#include "ndis/ndis.h"
#include "ndis/words.h"
#include "nt/io/image.h"
#include "nt/ke/ke.h"

#define TRAFFIC_TYPE 0x88b5
#define TRAFFIC_MAGIC 0x6e627874u             // 'nbxt'
#define TRAFFIC_WINDOW 64                     // frames in flight
#define TRAFFIC_HEADER 34                     // Ethernet, magic, flow, sequence, length
#define TRAFFIC_NAME "nbx-traffic"
#define PATTERN_BYTES 256                     // byte i of frame n is n * 31 + i * 7
#define PATTERN_INVERSE 183                   // 7 * 183 = 1, modulo 256

struct station {
    struct station *next;
    struct world_box *box;
    struct world_adapter *adapter;
    NDIS_HANDLE handle;                       // NULL: not open
    KEVENT opened;                            // the open that was pended is over
    NDIS_STATUS open_status;                  // how
    NET_IFINDEX if_index;                     // of its adapter: how it is known when NDIS binds anew
    bool is_rebound;                          // bound anew by NDIS: its packet filter is to be set again
    uint8_t mac[6];
    _Atomic uint64_t sent, completed;
    _Atomic uint32_t changed;                 // bumped at each completion and arrival: what waiters sleep on
    // written by the receive handler, read by whoever waits
    _Atomic uint64_t next_sequence, received, damaged, duplicated, reordered;
};

struct generator {                            // the driver in one box
    struct generator *next;
    struct world_box *box;
    NDIS_HANDLE protocol, pool;
};

struct traffic {
    struct world *world;
    uint8_t pattern[2 * PATTERN_BYTES];       // what frames are filled with, twice, so that each of its rotations stands in one piece
    struct station *stations;
    struct generator *generators;
    struct station *binding_now;              // whose bind is running: one at a time, on the PnP thread
};

// ---- the driver -----------------------------------------------------------------------------------------------------------------------

// DriverEntry has no argument for us; the box leads to its world.
static struct traffic *
traffic_self(void)
{
    return ((struct world *)box_self()->owner)->traffic;
}

static struct generator *
generator_self(void)
{
    for (struct generator *g = traffic_self()->generators; g; g = g->next)
        if (g->box->box == box_self())
            return g;
    return NULL;
}

// NDIS takes all bindings away and makes them anew when a mandatory filter goes.
static struct station *
station_rebound(const NDIS_BIND_PARAMETERS *parameters)
{
    for (struct station *station = traffic_self()->stations; station; station = station->next)
        if (station->box->box == box_self() && !station->handle && station->if_index == parameters->BoundIfIndex) {
            station->is_rebound = true;
            return station;
        }
    return NULL;
}

static NTAPI NDIS_STATUS
traffic_on_bind(NDIS_HANDLE context, NDIS_HANDLE bind, PNDIS_BIND_PARAMETERS parameters)
{
    struct generator *generator = context;
    struct station *station = traffic_self()->binding_now;
    NDIS_MEDIUM medium = NdisMedium802_3;
    NET_FRAME_TYPE type = TRAFFIC_TYPE;
    UINT selected;
    NDIS_OPEN_PARAMETERS open = {
        .Header = {NDIS_OBJECT_TYPE_OPEN_PARAMETERS, NDIS_OPEN_PARAMETERS_REVISION_1, NDIS_SIZEOF_OPEN_PARAMETERS_REVISION_1},
        .AdapterName = parameters->AdapterName,
        .MediumArray = &medium,
        .MediumArraySize = 1,
        .SelectedMediumIndex = &selected,
        .FrameTypeArray = &type,
        .FrameTypeArraySize = 1};
    if (!station && !(station = station_rebound(parameters)))
        return NDIS_STATUS_FAILURE;
    station->if_index = parameters->BoundIfIndex;
    memcpy(station->mac, parameters->CurrentMacAddress, 6);
    KeInitializeEvent(&station->opened, NotificationEvent, FALSE);
    NDIS_STATUS status = NdisOpenAdapterEx(generator->protocol, station, &open, bind, &station->handle);
    if (status != NDIS_STATUS_PENDING)
        return status;
    KeWaitForSingleObject(&station->opened, Executive, KernelMode, FALSE, NULL);
    return station->open_status;
}

static NTAPI NDIS_STATUS
traffic_on_unbind(NDIS_HANDLE unbind, NDIS_HANDLE context)
{
    struct station *station = context;
    NDIS_HANDLE handle = station->handle;
    station->handle = NULL;
    // Sends were waited for at the pause and receives are returned at once: nothing can be out.
    return NdisCloseAdapterEx(handle);
}

static NTAPI VOID
traffic_on_opened(NDIS_HANDLE context, NDIS_STATUS status)
{
    struct station *station = context;
    station->open_status = status;
    KeSetEvent(&station->opened, IO_NO_INCREMENT, FALSE);
}

static NTAPI VOID
traffic_on_closed(NDIS_HANDLE context)
{
}

static NTAPI NDIS_STATUS
traffic_on_pnp(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION event)
{
    return NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
traffic_on_oid_done(NDIS_HANDLE context, PNDIS_OID_REQUEST request, NDIS_STATUS status)
{
    _Atomic uint32_t *done = *(void **)request->SourceReserved;
    request->RequestId = (void *)(intptr_t)status;
    atomic_store(done, 1);
    sched_wake(sched_self->sched, done, UINT32_MAX);
}

static NTAPI VOID
traffic_on_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
}

static void
station_poke(struct station *station)
{
    atomic_fetch_add(&station->changed, 1);
    sched_wake(sched_self->sched, &station->changed, UINT32_MAX);
}

static void
pattern_create(struct traffic *traffic)
{
    for (uint32_t i = 0; i < sizeof traffic->pattern; i++)
        traffic->pattern[i] = (uint8_t)(i * 7);
}

// The bytes of a frame from offset on, as far as they go in one piece.
static const uint8_t *
pattern_at(const struct traffic *traffic, uint64_t sequence, uint32_t offset, uint32_t left, uint32_t *part)
{
    *part = left < PATTERN_BYTES ? left : PATTERN_BYTES;
    return &traffic->pattern[(uint8_t)(sequence * 31 * PATTERN_INVERSE + offset)];
}

static bool
pattern_is(const struct traffic *traffic, uint64_t sequence, const uint8_t *data, uint32_t bytes)
{
    for (uint32_t i = TRAFFIC_HEADER, part; i < bytes; i += part) {
        const uint8_t *expected = pattern_at(traffic, sequence, i, bytes - i, &part);
        if (memcmp(data + i, expected, part))
            return false;
    }
    return true;
}

static void
pattern_fill(const struct traffic *traffic, uint64_t sequence, uint8_t *data, uint32_t bytes)
{
    for (uint32_t i = TRAFFIC_HEADER, part; i < bytes; i += part) {
        const uint8_t *from = pattern_at(traffic, sequence, i, bytes - i, &part);
        memcpy(data + i, from, part);
    }
}

static void
station_check(struct station *station, NET_BUFFER *nb)
{
    static _Thread_local uint8_t storage[70000];
    uint32_t magic, bytes = NET_BUFFER_DATA_LENGTH(nb);
    uint64_t sequence;
    if (bytes < TRAFFIC_HEADER || bytes > sizeof storage)
        return;
    const uint8_t *data = NdisGetDataBuffer(nb, bytes, storage, 1, 0);
    memcpy(&magic, data + 14, 4);
    if (magic != TRAFFIC_MAGIC)
        return;
    memcpy(&sequence, data + 22, 8);
    if (!pattern_is(station->box->world->traffic, sequence, data, bytes)) {
        station->damaged++;
        return;
    }
    station->received++;
    if (sequence < station->next_sequence)
        station->reordered++;                 // or a second copy; a wire's own counters tell the two apart
    else
        station->next_sequence = sequence + 1;
}

static NTAPI VOID
traffic_on_receive(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    struct station *station = context;
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl))
        for (NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl); nb; nb = NET_BUFFER_NEXT_NB(nb))
            station_check(station, nb);
    if (NDIS_TEST_RECEIVE_CAN_PEND(flags))
        NdisReturnNetBufferLists(station->handle, nbls,
                                 NDIS_TEST_RECEIVE_AT_DISPATCH_LEVEL(flags) ? NDIS_RETURN_FLAGS_DISPATCH_LEVEL : 0);
    station_poke(station);
}

static NTAPI VOID
traffic_on_sent(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    struct station *station = context;
    uint64_t count = 0;
    while (nbls) {
        NET_BUFFER_LIST *next = NET_BUFFER_LIST_NEXT_NBL(nbls);
        NdisFreeNetBufferList(nbls);
        nbls = next;
        count++;
    }
    atomic_fetch_add(&station->completed, count);
    station_poke(station);
}

static NTAPI VOID
traffic_driver_unload(PDRIVER_OBJECT driver)
{
    struct generator *generator = generator_self();
    NdisDeregisterProtocolDriver(generator->protocol);
    NdisFreeNetBufferListPool(generator->pool);
}

static NTAPI NTSTATUS
traffic_driver_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    static const WCHAR name[] = L"nbx-traffic";
    struct generator *generator = generator_self();
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1,
                   NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 30,
        .Name = {sizeof name - sizeof(WCHAR), sizeof name, (WCHAR *)name},
        .BindAdapterHandlerEx = traffic_on_bind,
        .UnbindAdapterHandlerEx = traffic_on_unbind,
        .OpenAdapterCompleteHandlerEx = traffic_on_opened,
        .CloseAdapterCompleteHandlerEx = traffic_on_closed,
        .NetPnPEventHandler = traffic_on_pnp,
        .OidRequestCompleteHandler = traffic_on_oid_done,
        .StatusHandlerEx = traffic_on_status,
        .ReceiveNetBufferListsHandler = traffic_on_receive,
        .SendNetBufferListsCompleteHandler = traffic_on_sent};
    NET_BUFFER_LIST_POOL_PARAMETERS pool = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                   NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
        .fAllocateNetBuffer = TRUE,
        .PoolTag = 'xTbn',
        .DataSize = 9216};
    driver->DriverUnload = traffic_driver_unload;
    NDIS_STATUS status = NdisRegisterProtocolDriver(generator, &chars, &generator->protocol);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    generator->pool = NdisAllocateNetBufferListPool(generator->protocol, &pool);
    if (generator->pool)
        return STATUS_SUCCESS;
    NdisDeregisterProtocolDriver(generator->protocol);
    return STATUS_INSUFFICIENT_RESOURCES;
}

// ---- binding ----------------------------------------------------------------------------------------------------------------------------

static struct generator *
generator_of(struct traffic *traffic, const struct world_box *box)
{
    for (struct generator *g = traffic->generators; g; g = g->next)
        if (g->box == box)
            return g;
    return NULL;
}

static struct station *
station_of(struct traffic *traffic, const struct world_adapter *adapter)
{
    for (struct station *s = traffic ? traffic->stations : NULL; s; s = s->next)
        if (s->adapter == adapter)
            return s;
    return NULL;
}

// Make the adapter pass our frames: directed ones are enough.
static NDIS_STATUS
station_filter(struct station *station)
{
    ULONG filter = NDIS_PACKET_TYPE_DIRECTED;
    _Atomic uint32_t done = 0;
    NDIS_OID_REQUEST request = {
        .Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
        .RequestType = NdisRequestSetInformation,
        .DATA.SET_INFORMATION = {
            .Oid = OID_GEN_CURRENT_PACKET_FILTER, .InformationBuffer = &filter, .InformationBufferLength = sizeof filter}};
    *(void **)request.SourceReserved = &done;
    NDIS_STATUS status = NdisOidRequest(station->handle, &request);
    if (status != NDIS_STATUS_PENDING)
        return status;
    while (!atomic_load(&done))
        sched_wait(sched_self->sched, &done, 0, SCHED_NEVER);
    return (NDIS_STATUS)(intptr_t)request.RequestId;
}

struct bind_call {
    struct traffic *traffic;
    struct station *station;
    bool load;
    NDIS_STATUS status;
};

static void
station_bind(void *arg)
{
    struct bind_call *call = arg;
    char error[256];
    if (call->load) {
        struct io_image_config config = {.name = TRAFFIC_NAME, .entry = traffic_driver_entry};
        struct io_image *image;
        call->status = io_image_load(box_self(), &config, &image, error, sizeof error);
        if (!NT_SUCCESS(call->status))
            return;
    }
    call->traffic->binding_now = call->station;
    call->status = ndis_adapter_bind(call->station->adapter->ndis, TRAFFIC_NAME);
    call->traffic->binding_now = NULL;
    if (call->status == NDIS_STATUS_SUCCESS)
        call->status = station_filter(call->station);
}

bool
traffic_bind(struct world *world, struct world_adapter *adapter)
{
    if (!world->traffic && (world->traffic = calloc(1, sizeof *world->traffic))) {
        world->traffic->world = world;
        pattern_create(world->traffic);
    }
    struct traffic *traffic = world->traffic;
    if (station_of(traffic, adapter))
        return true;
    struct world_box *box = world_box_of(world, adapter->stack);
    struct station *station = calloc(1, sizeof *station);
    struct generator *generator = generator_of(traffic, box);
    bool load = !generator;
    if (load && (generator = calloc(1, sizeof *generator))) {
        generator->box = box;
        generator->next = traffic->generators;
        traffic->generators = generator;
    }
    if (!station || !generator) {
        free(station);
        world_finding(world, "out of memory for the traffic generator");
        return false;
    }
    station->box = box;
    station->adapter = adapter;
    station->next = traffic->stations;
    traffic->stations = station;
    struct bind_call call = {.traffic = traffic, .station = station, .load = load};
    box_run(box->box, station_bind, &call);
    if (call.status != NDIS_STATUS_SUCCESS)
        world_trouble(world, "%s.%s: the traffic generator could not bind: %s", box->stack->name, adapter->stack->name,
                      ndis_status_word(call.status));
    return call.status == NDIS_STATUS_SUCCESS;
}

static void
station_refresh(void *arg)
{
    struct bind_call *call = arg;
    call->status = station_filter(call->station);
}

void
traffic_refresh(struct world *world, struct world_adapter *adapter)
{
    struct station *station = station_of(world->traffic, adapter);
    if (!station || !station->is_rebound || !station->handle)
        return;
    struct bind_call call = {.station = station};
    station->is_rebound = false;
    box_run(station->box->box, station_refresh, &call);
    if (call.status != NDIS_STATUS_SUCCESS)
        world_finding(world, "%s.%s: the traffic generator could not set its packet filter again: %s", station->box->stack->name,
                      adapter->stack->name, ndis_status_word(call.status));
}

// ---- sending ----------------------------------------------------------------------------------------------------------------------------

struct send_call {
    struct traffic *traffic;
    struct station *from, *to;
    uint64_t frames, deadline_ns;
    uint32_t min_bytes, max_bytes;
};

static NET_BUFFER_LIST *
station_frame(struct send_call *call, uint64_t sequence)
{
    struct generator *generator = generator_of(call->traffic, call->from->box);
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(generator->pool, 0, 0);
    if (!nbl)
        return NULL;
    NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
    uint32_t bytes = call->min_bytes + (uint32_t)(sequence % (call->max_bytes - call->min_bytes + 1)), magic = TRAFFIC_MAGIC;
    if (bytes < TRAFFIC_HEADER)
        bytes = TRAFFIC_HEADER;
    uint8_t *data = MmGetSystemAddressForMdlSafe(NET_BUFFER_FIRST_MDL(nb), NormalPagePriority);
    memcpy(data, call->to->mac, 6);
    memcpy(data + 6, call->from->mac, 6);
    data[12] = TRAFFIC_TYPE >> 8;
    data[13] = TRAFFIC_TYPE & 0xff;
    memset(data + 14, 0, TRAFFIC_HEADER - 14);
    memcpy(data + 14, &magic, 4);
    memcpy(data + 22, &sequence, 8);
    memcpy(data + 30, &bytes, 4);
    pattern_fill(call->traffic, sequence, data, bytes);
    NET_BUFFER_DATA_LENGTH(nb) = bytes;
    nbl->SourceHandle = call->from->handle;
    return nbl;
}

// Fill the window with one list. Returns how many frames it had.
static uint32_t
station_fill(struct send_call *call, uint64_t first)
{
    NET_BUFFER_LIST *list = NULL, **end = &list;
    uint64_t room = TRAFFIC_WINDOW - (atomic_load(&call->from->sent) - atomic_load(&call->from->completed));
    uint32_t count = 0;
    while (count < room && first + count < call->frames && (*end = station_frame(call, first + count))) {
        end = &NET_BUFFER_LIST_NEXT_NBL(*end);
        count++;
    }
    if (list) {
        atomic_fetch_add(&call->from->sent, count);
        NdisSendNetBufferLists(call->from->handle, list, NDIS_DEFAULT_PORT_NUMBER, 0);
    }
    return count;
}

static void
station_send(void *arg)
{
    struct send_call *call = arg;
    struct station *from = call->from;
    struct sched *sched = sched_self->sched;
    for (uint64_t done = 0; done < call->frames;) {
        uint32_t seen = atomic_load(&from->changed);
        uint32_t count = station_fill(call, done);
        done += count;
        if (!count && world_wait(call->traffic->world, &from->changed, seen, call->deadline_ns))
            break;
        if (world_is_stopped(call->traffic->world) || sched_now_ns(sched) >= call->deadline_ns)
            break;
    }
    while (atomic_load(&from->completed) < atomic_load(&from->sent)) {
        uint32_t seen = atomic_load(&from->changed);
        if (atomic_load(&from->completed) < atomic_load(&from->sent) &&
            world_wait(call->traffic->world, &from->changed, seen, call->deadline_ns))
            break;
    }
}

void
traffic_send(struct world *world, struct world_adapter *from, struct world_adapter *to, uint64_t frames, uint32_t min_bytes,
             uint32_t max_bytes, uint64_t within_ns, struct traffic_result *result)
{
    struct station *a = station_of(world->traffic, from), *b = station_of(world->traffic, to);
    struct sched *sched = world->config.sched;
    uint64_t deadline = sched_now_ns(sched) + within_ns;
    uint64_t sent = atomic_load(&a->sent), completed = atomic_load(&a->completed), received = b->received;
    uint64_t damaged = b->damaged, reordered = b->reordered;
    b->next_sequence = 0;
    struct send_call call = {.traffic = world->traffic,
                             .from = a,
                             .to = b,
                             .frames = frames,
                             .deadline_ns = deadline,
                             .min_bytes = min_bytes,
                             .max_bytes = max_bytes};
    box_run(a->box->box, station_send, &call);
    // What is still on the wire may take its time, but a lossy one never delivers all: stop when nothing came for a while.
    for (;;) {
        uint32_t seen = atomic_load(&b->changed);
        uint64_t quiet = sched_now_ns(sched) + 200000000;
        if (b->received - received >= frames ||
            world_wait(world, &b->changed, seen, quiet < deadline ? quiet : deadline))
            break;
    }
    *result = (struct traffic_result){.sent = atomic_load(&a->sent) - sent,
                                      .completed = atomic_load(&a->completed) - completed,
                                      .received = b->received - received,
                                      .damaged = b->damaged - damaged,
                                      .reordered = b->reordered - reordered};
}

// ---- down -------------------------------------------------------------------------------------------------------------------------------

void
traffic_unload(struct world_box *box)
{
    if (!box->world->traffic || !generator_of(box->world->traffic, box))
        return;
    struct io_image *image = io_image_find(box->box, TRAFFIC_NAME);
    if (image)
        io_image_unload(image);
}

void
traffic_destroy(struct world *world)
{
    struct traffic *traffic = world->traffic;
    if (!traffic)
        return;
    for (struct station *s = traffic->stations, *next; s; s = next) {
        next = s->next;
        free(s);
    }
    for (struct generator *g = traffic->generators, *next; g; g = next) {
        next = g->next;
        free(g);
    }
    free(traffic);
    world->traffic = NULL;
}
