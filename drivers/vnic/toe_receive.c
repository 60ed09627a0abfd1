// SPDX-License-Identifier: MIT
// The delivery algorithm [wdd network/delivery-algorithm]: what has come goes into posted receives first; what is left is indicated; what
// the host refuses waits until it posts a receive, of no bytes if it likes. The teller is one at a time, so completions and indications
// of a connection never overlap, though receives may be posted inside both.
//   vnic_toe_receive -> posts -> toe_receive_fill -> receives_done -> NdisTcpOffloadReceiveComplete
//   toe_receive_indication -> NdisTcpOffloadReceiveHandler -> ... vnic_toe_receive_return
// A receive in push mode that is filled in part is completed by a PSH, a FIN or the push timer; one in nonpush mode by a FIN only, because
// no more can come (UNSURE: no page speaks of a FIN there).
#include "toe.h"

#define SMALL_BYTES 128
#define SMALL_MANY 64
#define REFUSALS_MANY 32

// ---- NBLs for indications

static NET_BUFFER_LIST *
up_nbl(struct vnic_toe *toe, struct toe_up *up)
{
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferAndNetBufferList(toe->up_pool, 0, 0, NULL, 0, 0);
    if (nbl) {
        nbl->SourceHandle = toe->adapter->ndis;
        NET_BUFFER_LIST_MINIPORT_RESERVED(nbl)[0] = up;
    }
    return nbl;
}

static VOID
up_free(struct vnic_toe *toe, struct toe_up *up)
{
    for (ULONG i = 0; i < TOE_UP_SPANS; i++)
        if (up->mdl[i])
            IoFreeMdl(up->mdl[i]);
    if (up->nbl)
        NdisFreeNetBufferList(up->nbl);
    toe_free(toe, up);
    toe->up_count--;
}

static struct toe_up *
up_create(struct vnic_toe *toe)
{
    struct toe_up *up = toe_alloc(toe, sizeof *up);
    if (!up)
        return NULL;
    toe->up_count++;
    up->toe = toe;
    up->nbl = up_nbl(toe, up);
    if (up->nbl)
        return up;
    up_free(toe, up);
    return NULL;
}

NDIS_STATUS
toe_ups_create(struct vnic_toe *toe)
{
    NET_BUFFER_LIST_POOL_PARAMETERS parameters = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                   NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
        .ProtocolId = NDIS_PROTOCOL_ID_DEFAULT,
        .fAllocateNetBuffer = TRUE,
        .PoolTag = VNIC_TAG};
    toe->up_pool = NdisAllocateNetBufferListPool(toe->adapter->ndis, &parameters);
    return toe->up_pool ? NDIS_STATUS_SUCCESS : NDIS_STATUS_RESOURCES;
}

VOID
toe_ups_destroy(struct vnic_toe *toe)
{
    for (struct toe_up *up; (up = toe->ups);) {
        toe->ups = up->next;
        up_free(toe, up);
    }
    if (toe->up_pool)
        NdisFreeNetBufferListPool(toe->up_pool);
}

// An MDL of room for TOE_UP_SPAN_BYTES that begin anywhere in a page, over these bytes, which are no more.
static BOOLEAN
up_mdl(struct toe_up *up, ULONG i, const struct eng_span *span)
{
    if (!up->mdl[i])
        up->mdl[i] = IoAllocateMdl((PVOID)(ULONG_PTR)(PAGE_SIZE - 1), TOE_UP_SPAN_BYTES, FALSE, FALSE, NULL);
    if (!up->mdl[i])
        return FALSE;
    MmPrepareMdlForReuse(up->mdl[i]);
    MmInitializeMdl(up->mdl[i], (PVOID)span->bytes, span->count);
    MmBuildMdlForNonPagedPool(up->mdl[i]);
    return TRUE;
}

ULONG
toe_up_fit(struct eng_span *spans, ULONG count, ULONG limit_bytes, ULONG *bytes)
{
    *bytes = 0;
    for (ULONG i = 0; i < count; i++) {
        ULONG most = limit_bytes && limit_bytes - *bytes < TOE_UP_SPAN_BYTES ? limit_bytes - *bytes : TOE_UP_SPAN_BYTES;
        BOOLEAN is_last = spans[i].count >= most;
        if (is_last)
            spans[i].count = most;
        *bytes += spans[i].count;
        if (is_last)
            return i + 1;
    }
    return count;
}

struct toe_up *
toe_up_get(struct vnic_toe *toe, const struct eng_span *spans, ULONG count, ULONG bytes)
{
    struct toe_up *up = toe->ups;
    if (up)
        toe->ups = up->next;
    else
        up = up_create(toe);
    if (!up)
        return NULL;
    toe->ups_out++;
    up->count = 0;
    for (ULONG i = 0; i < count; i++) {
        if (!up_mdl(up, i, &spans[i])) {
            toe_up_put(toe, up);
            return NULL;
        }
        eng_hold(spans[i].owner);
        up->held[up->count++] = spans[i].owner;
        up->mdl[i]->Next = NULL;
        if (i)
            up->mdl[i - 1]->Next = up->mdl[i];
    }
    NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(up->nbl);
    NET_BUFFER_FIRST_MDL(nb) = NET_BUFFER_CURRENT_MDL(nb) = up->mdl[0];
    NET_BUFFER_DATA_OFFSET(nb) = NET_BUFFER_CURRENT_MDL_OFFSET(nb) = 0;
    NET_BUFFER_DATA_LENGTH(nb) = bytes;
    NET_BUFFER_LIST_NEXT_NBL(up->nbl) = NULL;
    NET_BUFFER_LIST_STATUS(up->nbl) = NDIS_STATUS_SUCCESS;
    return up;
}

VOID
toe_up_put(struct vnic_toe *toe, struct toe_up *up)
{
    for (ULONG i = 0; i < up->count; i++)
        eng_drop(up->held[i]);
    up->count = 0;
    up->next = toe->ups;
    toe->ups = up;
    toe->ups_out--;
}

NDIS_STATUS
vnic_toe_receive_return(NDIS_HANDLE context, PNET_BUFFER_LIST nbls)
{
    struct vnic_toe *toe = ((struct vnic_adapter *)context)->toe;
    struct toe_call call;
    toe_enter(toe, &call);
    for (NET_BUFFER_LIST *next; nbls; nbls = next) {
        next = NET_BUFFER_LIST_NEXT_NBL(nbls);
        NET_BUFFER_LIST_NEXT_NBL(nbls) = NULL;
        toe_up_put(toe, NET_BUFFER_LIST_MINIPORT_RESERVED(nbls)[0]);
    }
    toe_leave(toe, &call);
    return NDIS_STATUS_SUCCESS;
}

// ---- posted receives

static ULONG
post_room(const NET_BUFFER_LIST *nbl)
{
    return NET_BUFFER_DATA_LENGTH(NET_BUFFER_LIST_FIRST_NB(nbl));
}

// Copy into a NET_BUFFER from offset `at` of its data on. FALSE: memory is short for a mapping.
static BOOLEAN
nb_write(const NET_BUFFER *nb, ULONG at, const UCHAR *bytes, ULONG count)
{
    ULONG offset = NET_BUFFER_CURRENT_MDL_OFFSET(nb);
    for (MDL *mdl = NET_BUFFER_CURRENT_MDL(nb); mdl && count; mdl = mdl->Next, offset = 0) {
        ULONG here = MmGetMdlByteCount(mdl) - offset;
        if (at >= here) {
            at -= here;
            continue;
        }
        UCHAR *to = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
        if (!to)
            return FALSE;
        ULONG some = here - at < count ? here - at : count;
        memcpy(to + offset + at, bytes, some);
        bytes += some;
        count -= some;
        at = 0;
    }
    return !count;
}

static VOID
post_complete(struct toe_connection *c, NDIS_STATUS status)
{
    NET_BUFFER_LIST *nbl = toe_list_pop(&c->posts);
    NET_BUFFER_LIST_STATUS(nbl) = status;
    NET_BUFFER_LIST_INFO(nbl, TcpOffloadBytesTransferred) = (PVOID)(ULONG_PTR)c->placed_bytes;
    chim_nbl_advance(nbl, c->placed_bytes);
    // Many small buffers cost more than an offload brings: a hint, which obliges nobody.
    c->small_receives = status == NDIS_STATUS_SUCCESS && c->placed_bytes && c->placed_bytes < SMALL_BYTES ? c->small_receives + 1 : 0;
    if (c->small_receives >= SMALL_MANY && c->toe->adapter->settings.toe_hints)
        toe_retrieve(c, SmallIO);
    c->placed_bytes = 0;
    toe_list_push(&c->receives_done, nbl);
    toe_push_stop(c);
}

VOID
toe_push_stop(struct toe_connection *c)
{
    if (!c->push_runs)
        return;
    c->push_runs = FALSE;
    RemoveEntryList(&c->push_link);
    InitializeListHead(&c->push_link);
}

// From now: every connection waits equally long, so the list is in the order of time.
static VOID
push_start(struct toe_connection *c, struct toe_call *call)
{
    if (!c->toe->params.push_ticks)
        return;
    toe_push_stop(c);
    c->push_runs = TRUE;
    c->push_us = call->now_us + c->toe->params.push_ticks * toe_tick_us(c->toe);
    InsertTailList(&c->toe->pushing, &c->push_link);
}

VOID
toe_push_run(struct vnic_toe *toe, struct toe_call *call)
{
    while (!IsListEmpty(&toe->pushing)) {
        struct toe_connection *c = CONTAINING_RECORD(toe->pushing.Flink, struct toe_connection, push_link);
        if (c->push_us > call->now_us)
            return;
        toe_push_stop(c);
        if (c->posts.first && !NET_BUFFER_LIST_INFO(c->posts.first, TcpReceiveNoPush) && c->placed_bytes)
            post_complete(c, NDIS_STATUS_SUCCESS);
        toe_post(c);
    }
}

// Bytes of the engine's into the first receive. Returns how many; *failed: a mapping.
static ULONG
post_place(struct toe_connection *c, struct toe_call *call, ULONG most, BOOLEAN *failed)
{
    struct eng_span spans[TOE_UP_SPANS];
    const NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(c->posts.first);
    ULONG placed = 0;
    size_t count = 0;
    *failed = FALSE;
    while (placed < most && (count = tcp_receive_spans(c->tcp, 0, spans, TOE_UP_SPANS))) {
        ULONG round = 0;
        for (size_t i = 0; i < count && placed + round < most && !*failed; i++) {
            ULONG here = spans[i].count < most - placed - round ? spans[i].count : most - placed - round;
            *failed = !nb_write(nb, c->placed_bytes + round, spans[i].bytes, here);
            round += *failed ? 0 : here;
        }
        c->placed_bytes += round;
        placed += round;
        tcp_receive_take(c->tcp, round, call->now_us, &call->outbox);
        if (*failed)
            break;
    }
    return placed;
}

VOID
toe_receive_fill(struct toe_connection *c, struct toe_call *call)
{
    struct tcp_receive_view view;
    while (c->posts.first && c->tcp && !c->is_aborted && !c->is_terminating) {
        tcp_receive_view(c->tcp, &view);
        if (!view.bytes && !(view.has_fin && !c->fin_told))
            return;
        ULONG room = post_room(c->posts.first) - c->placed_bytes, want = view.bytes < room ? view.bytes : room;
        BOOLEAN failed, is_push = !NET_BUFFER_LIST_INFO(c->posts.first, TcpReceiveNoPush);
        ULONG placed = post_place(c, call, want, &failed);
        if (failed) {
            post_complete(c, NDIS_STATUS_REQUEST_ABORTED);
            toe_retrieve(c, UploadRequested);
            return;
        }
        BOOLEAN has_ended = view.has_fin && placed == view.bytes;
        BOOLEAN was_pushed = view.pushed_bytes && view.pushed_bytes <= placed;
        if (placed == room || has_ended || (is_push && was_pushed)) {
            post_complete(c, NDIS_STATUS_SUCCESS);
            continue;
        }
        if (is_push)
            push_start(c, call);
        return;
    }
}

VOID
toe_receives_end(struct toe_connection *c, NDIS_STATUS status)
{
    if (c->posts.first)
        toe_post(c);
    while (c->posts.first)
        post_complete(c, status);
}

BOOLEAN
toe_receive_is_over(const struct toe_connection *c)
{
    struct tcp_receive_view view;
    tcp_receive_view(c->tcp, &view);
    return view.has_fin && !view.bytes && !c->posts.first && !c->receives_done.first;
}

NDIS_STATUS
vnic_toe_receive(NDIS_HANDLE context, PVOID offload_context, PNET_BUFFER_LIST nbls)
{
    struct vnic_toe *toe = ((struct vnic_adapter *)context)->toe;
    struct toe_connection *c = offload_context;
    struct toe_call call;
    toe_enter(toe, &call);
    for (NET_BUFFER_LIST *next; nbls; nbls = next) {
        next = NET_BUFFER_LIST_NEXT_NBL(nbls);
        NET_BUFFER_LIST_NEXT_NBL(nbls) = NULL;
        BOOLEAN is_first = !c->posts.first, has_bytes = NET_BUFFER_LIST_INFO(nbls, TcpOffloadBytesTransferred) != NULL;
        toe_list_push(&c->posts, nbls);
        // A buffer that the host has begun to fill waits no longer than one that we began.
        if (is_first && has_bytes && !NET_BUFFER_LIST_INFO(nbls, TcpReceiveNoPush))
            push_start(c, &call);
    }
    c->is_refused = FALSE;
    if (c->is_aborted)
        toe_receives_end(c, NDIS_STATUS_REQUEST_ABORTED);
    else if (c->is_terminating || !c->tcp)
        toe_receives_end(c, NDIS_STATUS_UPLOAD_IN_PROGRESS);
    else if (c->fin_told)
        toe_receives_end(c, NDIS_STATUS_INVALID_STATE);
    toe_post(c);
    toe_leave(toe, &call);
    return NDIS_STATUS_PENDING;
}

// ---- indications

BOOLEAN
toe_receive_indication(struct toe_connection *c, struct toe_up **up, ULONG *bytes)
{
    struct eng_span spans[TOE_UP_SPANS];
    struct tcp_receive_view view;
    if (c->posts.first || c->is_refused || c->is_aborted || c->is_terminating)
        return FALSE;
    tcp_receive_view(c->tcp, &view);
    if (!view.bytes)
        return FALSE;
    struct tcp_record record;
    tcp_query(c->tcp, 0, &record);
    // The host's optimum, if it has one [wdd network/using-the-specified-receive-indication-size].
    ULONG hint = record.cached.rcv_indication_size;
    ULONG count = toe_up_fit(spans, (ULONG)tcp_receive_spans(c->tcp, 0, spans, TOE_UP_SPANS), hint, bytes);
    *up = toe_up_get(c->toe, spans, count, *bytes);
    if (!*up)
        toe_retrieve(c, UploadRequested);
    else if (!c->posts.first && ++c->refusals >= REFUSALS_MANY && c->toe->adapter->settings.toe_hints)
        toe_retrieve(c, NoBufferPreposting);
    return *up != NULL;
}
