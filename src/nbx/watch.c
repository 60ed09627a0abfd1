// SPDX-License-Identifier: MIT
// See watch.h. Each NET_BUFFER is one record: the bytes from its data start, gathered from the MDL chain without copying; at a port each
// frame, with what its offload fields say (a checksum to be filled in, segments to be cut) as flags of the record.
// An edge's interface is made when its first list passes; names read "box.adapter.driver", a port's "box.adapter.port", and the kind
// stands in the description. Without a trace nothing of this is called.
#include "nbx/watch.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ndis/ndis.h"
#include "nbx/link.h"
#include "nt/io/io.h"
#include "wire/pcapng.h"
#include "wire/port.h"

#define WATCH_FRAGMENTS 64
#define WATCH_NEVER UINT32_MAX                // an edge that nobody asked for

static uint32_t
watch_interface(struct world_box *box, struct ndis_trace_edge *edge)
{
    char name[256], description[128];
    const char *wanted = box->world->config.trace_edge;
    snprintf(name, sizeof name, "%s.%s.%s", box->stack->name, edge->adapter, edge->name);
    if (wanted && !strstr(name, wanted))
        return WATCH_NEVER;
    atomic_store(&box->world->has_traced, true);
    snprintf(description, sizeof description, "%s edge of adapter %s", edge->kind, edge->adapter);
    int number = pcapng_interface_add(box->world->config.trace, name, description, PCAPNG_ETHERNET);
    return number < 0 ? 0 : (uint32_t)number + 1;
}

// Is there anything to write for this edge? Its first list numbers it.
static bool
watch_edge(struct world_box *box, struct ndis_trace_edge *edge)
{
    if (!edge->id)
        edge->id = watch_interface(box, edge);
    return edge->id && edge->id != WATCH_NEVER;
}

static uint32_t
watch_gather(const NET_BUFFER *nb, struct iovec *iov)
{
    uint32_t count = 0;
    size_t left = nb->DataLength, offset = nb->CurrentMdlOffset;
    for (MDL *mdl = nb->CurrentMdl; mdl && left && count < WATCH_FRAGMENTS; mdl = mdl->Next) {
        size_t part = mdl->ByteCount - offset;
        if (part > left)
            part = left;
        if (part)
            iov[count++] = (struct iovec){(uint8_t *)mdl->MappedSystemVa + offset, part};
        left -= part;
        offset = 0;
    }
    return count;
}

static void
watch_list(void *context, struct ndis_trace_edge *edge, NET_BUFFER_LIST *nbls, bool outbound)
{
    struct world_box *box = context;
    struct pcapng_writer *writer = box->world->config.trace;
    uint64_t now = sched_unix_ns(box->world->config.sched);
    if (!watch_edge(box, edge))
        return;
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = nbl->Next) {
        for (NET_BUFFER *nb = nbl->FirstNetBuffer; nb; nb = nb->Next) {
            struct iovec iov[WATCH_FRAGMENTS];
            uint32_t count = watch_gather(nb, iov);
            pcapng_frame_write(writer, edge->id - 1, now, outbound ? PCAPNG_OUTBOUND : PCAPNG_INBOUND, iov, count, nb->DataLength,
                               nbl->NblFlags & NDIS_NBL_FLAGS_IS_LOOPBACK_PACKET ? "looped back by NDIS" : NULL);
        }
    }
}

// ---- ports ------------------------------------------------------------------------------------------------------------------------------

static void
watch_frame(struct world_box *box, const struct ndis_trace_edge *edge, uint64_t unix_ns, uint32_t flags, const struct port_offload *offload,
            const struct iovec *iov, uint32_t iov_count, uint32_t bytes)
{
    char comment[64] = "";
    flags |= offload->flags & PORT_CSUM_NEEDED ? (uint32_t)PCAPNG_SUM_OPEN : 0;
    flags |= offload->flags & PORT_CSUM_VALID ? (uint32_t)PCAPNG_SUM_VALID : 0;
    if (offload->gso) {
        flags |= PCAPNG_SEGMENTS;
        snprintf(comment, sizeof comment, "to be cut into segments of %u bytes", offload->gso_bytes);
    }
    pcapng_frame_write(box->world->config.trace, edge->id - 1, unix_ns, flags, iov, iov_count, bytes, comment);
}

static void
watch_sent(void *context, struct ndis_trace_edge *edge, uint64_t unix_ns, const struct port_frame *frames, uint32_t count)
{
    struct world_box *box = context;
    for (uint32_t i = 0; watch_edge(box, edge) && i < count; i++)
        watch_frame(box, edge, unix_ns, PCAPNG_OUTBOUND, &frames[i].offload, frames[i].iov, frames[i].iov_count, frames[i].bytes);
}

static void
watch_received(void *context, struct ndis_trace_edge *edge, uint64_t unix_ns, const struct port_slot *slots, uint32_t count)
{
    struct world_box *box = context;
    for (uint32_t i = 0; watch_edge(box, edge) && i < count; i++) {
        struct iovec whole = {slots[i].buffer, slots[i].bytes};
        watch_frame(box, edge, unix_ns, PCAPNG_INBOUND, &slots[i].offload, &whole, 1, slots[i].bytes);
    }
}

// ---- words ------------------------------------------------------------------------------------------------------------------------------

static void
watch_words(void *context, const char *adapter, const char *driver, const char *from, const char *words)
{
    struct world_box *box = context;
    const struct io_image *running = ke_self()->driver;
    if (!from)
        from = running ? running->name : "";
    watch_event(box->world, "%s.%s.%s: %s%s%s", box->stack->name, adapter, driver, words, from[0] ? "; from " : "", from);
}

bool
watch_is_on(const struct world *world)
{
    return world->config.trace || world->config.on_event;
}

void
watch_box(struct world_box *box)
{
    ndis_words_set(box->box, watch_words, box);
    io_watch_set(box->box, watch_request, box);
    if (!box->world->config.trace)
        return;
    ndis_trace_set(box->box, watch_list, box);
    box->port_watch = (struct link_watch){watch_sent, watch_received, box};
    link_watch_set(box->box, &box->port_watch);
}

void
watch_destroy(struct world *world)
{
    const struct world_config *config = &world->config;
    char text[160];
    if (!config->trace)
        return;
    pcapng_writer_flush(config->trace);
    if (!config->trace_edge || atomic_load(&world->has_traced))
        return;
    snprintf(text, sizeof text, "the trace has no frame: no edge's name contains \"%.64s\"", config->trace_edge);
    config->on_message(config->context, text);
}

void
watch_event(struct world *world, const char *format, ...)
{
    char text[512];
    va_list arguments;
    if (!watch_is_on(world))
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    uint64_t now = sched_unix_ns(world->config.sched);
    if (world->config.trace)
        pcapng_event_write(world->config.trace, now, text);
    if (world->config.on_event)
        world->config.on_event(world->config.context, now, text);
}
