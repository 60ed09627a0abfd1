// SPDX-License-Identifier: MIT
// See watch.h. Each NET_BUFFER is one record: the bytes from its data start, gathered from the MDL chain without copying.
// An edge's interface is made when its first list passes; names read "box.adapter.driver" and the kind stands in the description.
#include "nbx/watch.h"

#include <stdarg.h>
#include <stdio.h>

#include "ndis/ndis.h"
#include "nt/io/io.h"
#include "wire/pcapng.h"

#define WATCH_FRAGMENTS 64

static uint32_t
watch_interface(struct world_box *box, struct ndis_trace_edge *edge)
{
    char name[256], description[128];
    snprintf(name, sizeof name, "%s.%s.%s", box->stack->name, edge->adapter, edge->name);
    snprintf(description, sizeof description, "%s edge of adapter %s", edge->kind, edge->adapter);
    int number = pcapng_interface_add(box->world->config.trace, name, description, PCAPNG_ETHERNET);
    return number < 0 ? 0 : (uint32_t)number + 1;
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
    if (!edge->id)
        edge->id = watch_interface(box, edge);
    if (!edge->id)
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

static void
watch_words(void *context, const char *adapter, const char *driver, const char *words)
{
    struct world_box *box = context;
    const struct io_image *from = ke_self()->driver;
    watch_event(box->world, "%s.%s.%s: %s%s%s", box->stack->name, adapter, driver, words, from ? "; from " : "", from ? from->name : "");
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
    if (box->world->config.trace)
        ndis_trace_set(box->box, watch_list, box);
}

void
watch_destroy(struct world *world)
{
    if (world->config.trace)
        pcapng_writer_flush(world->config.trace);
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
