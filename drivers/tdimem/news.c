// SPDX-License-Identifier: MIT
// What an end of a pipe is told, in the order in which the other end did it. mem_tell_locked queues, the end's DPC tells: one news at a
// time, with no lock held, never from two processors at once. An end that is dead (aborted, gone, parted) is told nothing any more but
// that its sends are back.
#include "tdimem.h"

struct mem_news *
mem_news_create(enum mem_news_kind kind, const struct tdic_info *info, ULONG why)
{
    struct mem_news *news = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*news), MEM_TAG);
    if (!news)
        return NULL;
    RtlZeroMemory(news, sizeof(*news));
    news->kind = kind;
    news->why = why;
    if (info && info->data_bytes) {
        news->data_bytes = min(info->data_bytes, MEM_USER_DATA_BYTES);
        RtlCopyMemory(news->data, info->data, news->data_bytes);
    }
    return news;
}

VOID
mem_news_free(struct mem_end *end, struct mem_news *news)
{
    if (news->message)
        mem_message_free(news->message);
    if (news->address)
        tdic_address_unref(news->address);
    ExFreePoolWithTag(news, MEM_TAG);
}

VOID
mem_tell_locked(struct mem_end *end, struct mem_news *news)
{
    InsertTailList(&end->news, &news->link);
    if (!end->is_delivering) {
        end->is_delivering = TRUE;
        tdic_connection_ref(&end->connection);
        KeInsertQueueDpc(&end->dpc, NULL, NULL);
    }
}

// The peer's protocol, not its client, has seen the end of our data: that is what confirms a release.
static VOID
fin_seen(struct mem_end *end)
{
    struct mem_news *released = mem_news_create(MEM_RELEASED, NULL, 0);
    KIRQL irql;
    KeAcquireSpinLock(&end->pipe->lock, &irql);
    if (released && end->peer) {
        mem_tell_locked(end->peer, released);
        released = NULL;
    }
    KeReleaseSpinLock(&end->pipe->lock, irql);
    if (released)
        mem_news_free(end, released);
}

// Takes what the news carries.
static VOID
say(struct mem_end *end, struct mem_news *news)
{
    struct tdic_info info = {.data = news->data_bytes ? news->data : NULL, .data_bytes = news->data_bytes, .options = &news->why,
        .options_bytes = sizeof(news->why)};
    const TRANSPORT_ADDRESS *from = (const TRANSPORT_ADDRESS *)&news->from;
    struct mem_message *message = news->message;
    switch (news->kind) {
    case MEM_OFFER:
        tdic_up_offer(news->address, &end->connection, from, sizeof(news->from), &info);
        break;
    case MEM_CONNECTED:
        tdic_up_connected(&end->connection, NULL, 0, news->why == TDIMEM_ACCEPTS ? &info : NULL);
        break;
    case MEM_DATA:
        news->message = NULL;
        tdic_up_received(&end->connection, &message->rx);
        break;
    case MEM_FIN:
        fin_seen(end);   // first: the upcall may be the end of this end
        tdic_up_finished(&end->connection, &info);
        break;
    case MEM_RELEASED:
        tdic_up_released(&end->connection);
        break;
    case MEM_GONE:
        tdic_up_gone(&end->connection, news->status, &info);
        break;
    case MEM_SENT:
        tdic_up_sent(&end->connection, news->tx, news->status);
        break;
    case MEM_ROOM:
        tdic_up_send_room(&end->connection, MEM_WINDOW_BYTES);
        break;
    }
}

VOID
mem_deliver(PKDPC dpc, PVOID context, PVOID unused1, PVOID unused2)
{
    struct mem_end *end = context;
    KIRQL irql;
    KeAcquireSpinLock(&end->pipe->lock, &irql);
    while (!IsListEmpty(&end->news)) {
        struct mem_news *news = CONTAINING_RECORD(RemoveHeadList(&end->news), struct mem_news, link);
        BOOLEAN is_heard = !end->is_dead || news->kind == MEM_SENT;
        if (news->kind == MEM_GONE && is_heard) {
            end->is_dead = TRUE;
            mem_fail_backlog_locked(end, news->status);
        }
        KeReleaseSpinLock(&end->pipe->lock, irql);
        if (is_heard)
            say(end, news);
        mem_news_free(end, news);
        KeAcquireSpinLock(&end->pipe->lock, &irql);
    }
    end->is_delivering = FALSE;
    KeReleaseSpinLock(&end->pipe->lock, irql);
    tdic_connection_unref(&end->connection);
}
