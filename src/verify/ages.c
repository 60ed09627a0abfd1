// SPDX-License-Identifier: MIT
// See ages.h. The limits are Driver Verifier's [devtest, NdisTimedDataSend, NdisTimedDataHang]; for filters its pages name none
// [devtest, NdisFilterTimedDataSend, NdisFilterTimedDataReceive], and the miniport's 22 s stand.
//   kept too long   one NET_BUFFER_LIST that a miniport was given to send, 30 s                                              NBX-0107
//   hangs           a module keeps one, and for 22 s gave on none of that direction          NBX-0108 miniport, 0110 and 0111 filter
// A driver that has sent NET_BUFFER_LISTs of its own (copies of what it keeps: a filter that clones, a virtual miniport over a
// protocol) waits for whoever is below, and whoever indicated copies for whoever is above: neither is looked at until they are back,
// and then its time begins anew.
#include "verify/ages.h"

#include <errno.h>
#include <stdio.h>

#include "ndis/nbl.h"
#include "verify/record.h"
#include "verify/report.h"

#define AGES_LOOK_NS UINT64_C(2000000000)     // 16 looks, which is what a stack without other life gets, are more than 30 s
#define AGES_KEPT_S 30
#define AGES_HANG_S 22
#define SECOND_NS UINT64_C(1000000000)

static uint64_t
later(uint64_t a_ns, uint64_t b_ns)
{
    return a_ns > b_ns ? a_ns : b_ns;
}

static bool
is_sent(const struct verify_record *record)
{
    return record->state & RECORD_SUMMED;
}

// Its own of that direction are out, or not.
static bool
waits_for_others(const struct ages *ages, const struct io_image *image, bool is_send)
{
    LIST_FOR_EACH(node, &ages->records) {
        const struct verify_record *record = LIST_ENTRY_OF(node, struct verify_record, node);
        if (!(record->state & (RECORD_HOME | RECORD_OFFLOAD)) && record->origin_image == image && is_sent(record) == is_send)
            return true;
    }
    return false;
}

static void
say(struct verify_record *record, enum verify_rule rule, const char *function, const char *text)
{
    record->state |= RECORD_TOLD;
    verify_report(&(struct verify_finding){.rule = rule,
                                           .driver = record->holder,
                                           .function = function,
                                           .text = text,
                                           .object_kind = "NET_BUFFER_LIST",
                                           .object = record->nbl,
                                           .history = &record->history});
}

static void
say_hang(struct verify_record *record, bool is_miniport, uint64_t held_ns)
{
    char text[300];
    const char *what = is_sent(record) ? "to send" : "received";
    snprintf(text, sizeof text, "%s has kept a NET_BUFFER_LIST %s for %u s, and for %u s it %s", record->holder->name, what,
             (unsigned)(held_ns / SECOND_NS), AGES_HANG_S,
             is_miniport       ? "has completed none"
             : is_sent(record) ? "has passed on or completed none"
                               : "has passed on or returned none");
    if (is_miniport)
        say(record, NBX_0108, "MiniportSendNetBufferLists", text);
    else if (is_sent(record))
        say(record, NBX_0110, "FilterSendNetBufferLists", text);
    else
        say(record, NBX_0111, "FilterReceiveNetBufferLists", text);
}

// Returns whether something was said: others may have run since, and the list is not what it was.
static bool
record_look(const struct ages *ages, struct verify_record *record, uint64_t now_ns, uint64_t room_ns)
{
    const struct ndis_module *module = record->at;
    bool is_send = is_sent(record), is_miniport = module->kind == NDIS_KIND_ADAPTER;
    const struct ndis_edge_counters *edge = &module->counters[0];
    uint64_t moved_ns = is_send ? edge->send_moved_ns : edge->receive_moved_ns;
    uint64_t begin_ns = later(later(record->since_ns, room_ns), record->holder->back_ns[is_send]);
    uint64_t still_ns = later(begin_ns, moved_ns);
    bool hangs = now_ns >= still_ns + AGES_HANG_S * SECOND_NS;
    bool is_kept = is_miniport && now_ns >= begin_ns + AGES_KEPT_S * SECOND_NS;
    if ((!hangs && !is_kept) || waits_for_others(ages, record->holder, is_send))
        return false;
    if (hangs) {
        fprintf(stderr, "ndisbox: what every thread does, as the report below asks why nothing moves:\n");
        sched_print_threads(ages->box->sched);
        say_hang(record, is_miniport, now_ns - record->since_ns);
        return true;
    }
    char text[200];
    snprintf(text, sizeof text, "%s was given a NET_BUFFER_LIST to send and has not completed it for %u s, though it completed others",
             record->holder->name, AGES_KEPT_S);
    say(record, NBX_0107, "MiniportSendNetBufferLists", text);
    return true;
}

static bool
kind_look(const struct ages *ages, uint32_t kind, uint64_t now_ns, uint64_t room_ns)
{
    LIST_FOR_EACH(node, &ages->records) {
        struct verify_record *record = LIST_ENTRY_OF(node, struct verify_record, node);
        bool is_asked = record->at && record->at->kind == kind && !(record->state & RECORD_TOLD);
        bool is_due = is_asked && now_ns >= record->since_ns + AGES_HANG_S * SECOND_NS;
        if (is_due && (is_sent(record) || kind == NDIS_KIND_FILTER) && record_look(ages, record, now_ns, room_ns))
            return true;
    }
    return false;
}

static void
ages_look(const struct ages *ages)
{
    uint64_t room_ns = ages->box->nbx_room_ns ? ages->box->nbx_room_ns(ages->box) : 0;
    if (room_ns == UINT64_MAX)
        return;
    uint64_t now_ns = sched_now_ns(ages->box->sched);
    if (!kind_look(ages, NDIS_KIND_ADAPTER, now_ns, room_ns))
        kind_look(ages, NDIS_KIND_FILTER, now_ns, room_ns);
}

static void
ages_thread(void *context)
{
    struct ages *ages = context;
    struct sched *sched = ages->box->sched;
    uint64_t due_ns = sched_now_ns(sched) + AGES_LOOK_NS;
    sched_self->is_idle = true;
    while (!atomic_load(&ages->stop)) {
        sched_wait(sched, &ages->stop, 0, due_ns);
        if (atomic_load(&ages->stop) || sched_now_ns(sched) < due_ns)
            continue;
        ages_look(ages);
        due_ns = sched_now_ns(sched) + AGES_LOOK_NS;
    }
}

int
ages_start(struct ages *ages, struct box *box)
{
    list_init(&ages->records);
    if (!box->verify || !box->sched->is_sim)
        return 0;
    ages->box = box;
    return ke_thread_start(box, "verify-ages", ages_thread, ages, &ages->thread);
}

void
ages_stop(struct ages *ages)
{
    if (!ages->thread)
        return;
    atomic_store(&ages->stop, 1);
    sched_wake(ages->box->sched, &ages->stop, UINT32_MAX);
    ke_thread_join(ages->thread);
    ages->thread = NULL;
}
