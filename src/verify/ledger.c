// SPDX-License-Identifier: MIT
// See ledger.h. A record lies before its NBL (record.h) and belongs to whoever has the NBL, so it needs no lock.
//   holder   the driver whose it is, unless it is between two        origin   the module that gave it away first: with it, it is home
#include "verify/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/poison.h"
#include "ndis/nbl.h"
#include "nt/io/image.h"
#include "verify/fence.h"
#include "verify/record.h"
#include "verify/report.h"
#include "verify/verify.h"

// ---- reports --------------------------------------------------------------------------------------------------------------------------

static const char *
name_of(const struct io_image *image)
{
    return image ? image->name : "ndisbox";
}

static _Noreturn void
broken(enum verify_rule rule, const struct verify_record *record, const struct io_image *driver, const char *function, const char *text)
{
    verify_report_fatal(&(struct verify_finding){.rule = rule,
                                                 .driver = driver,
                                                 .function = function,
                                                 .text = text,
                                                 .object_kind = "NET_BUFFER_LIST",
                                                 .object = record->nbl,
                                                 .history = &record->history});
}

static _Noreturn void
not_yours(const struct verify_record *record, const struct io_image *from, enum verify_give how, const char *function)
{
    static const char *const verbs[] = {"sends", "completes", "indicates", "returns"};
    char text[300];
    if ((record->state & RECORD_HOME) && how == VERIFY_COMPLETED)
        snprintf(text, sizeof text, "%s completes a NET_BUFFER_LIST that is not out (completed twice, or never sent): %s has it",
                 name_of(from), name_of(record->origin_image));
    else
        snprintf(text, sizeof text, "%s %s a NET_BUFFER_LIST that is not its own: %s has it%s", name_of(from), verbs[how],
                 name_of(record->holder), how == VERIFY_SENT && record->origin_image == from ? " (sent before, and not back yet)" : "");
    broken(NBX_0005, record, from, function, text);
}

static __attribute__((noinline, cold)) void
sums_differ(const struct verify_record *record, struct verify_sums sums)
{
    char text[300];
    snprintf(text, sizeof text,
             "the %s of a NET_BUFFER_LIST changed while it was out: %s may touch it only after its completion, and whoever is below has "
             "to give it back as it was (found by a checksum, at the completion)",
             sums.structures != record->sums.structures ? "structures" : "data", name_of(record->origin_image));
    broken(NBX_0005, record, record->origin_image, "NdisSendNetBufferLists", text);
}

// The bytes may be in another list too, which is out (a segment that is sent again while the first is still below): it is the ledger that
// reads them here, and not the driver.
static __attribute__((noinline, cold)) struct verify_sums
sums_behind_fence(struct fence *fence, const NET_BUFFER_LIST *nbl)
{
    fence_view(fence, NULL);
    struct verify_sums sums = verify_sums_of(nbl);
    fence_view(fence, ke_self()->driver);
    return sums;
}

static inline struct verify_sums
sums_of(const NET_BUFFER_LIST *nbl)
{
    struct fence *fence = box_self()->verify->fence;
    return __builtin_expect(fence != NULL, 0) ? sums_behind_fence(fence, nbl) : verify_sums_of(nbl);
}

static inline void
sums_compare(const struct verify_record *record, const NET_BUFFER_LIST *nbl)
{
    struct verify_sums sums = sums_of(nbl);
    if (__builtin_expect(sums.structures != record->sums.structures || sums.data != record->sums.data, 0))
        sums_differ(record, sums);
}

// Behind the fence somebody touched what is not his.
static void
on_touch(void *context, const struct poison_touch *touch)
{
    struct ke_thread *self = sched_self ? ke_self() : NULL;
    struct fence_post *post;
    const struct fence_region *region = fence_find(context, touch->address, &post);
    if (!region || !self || !self->box)
        return;                               // not ours: ASan says what it is
    const struct verify_record *record = CONTAINING_RECORD(post, struct verify_record, post);
    const struct io_image *driver = self->driver;
    char text[300];
    size_t offset = (size_t)((const char *)touch->address - (const char *)region->at);
    snprintf(text, sizeof text,
             "%s %s %zu bytes at offset %zu of the %s (%zu bytes) of a NET_BUFFER_LIST that it has given away: %s has it%s "
             "(found by the fence, at the access)",
             name_of(driver), touch->is_write ? "writes" : "reads", touch->bytes, offset, region->kind, region->bytes,
             name_of(record->holder), record->state & RECORD_HOME ? " back" : "");
    verify_report(&(struct verify_finding){.rule = NBX_0006,
                                           .driver = driver,
                                           .function = "access",
                                           .text = text,
                                           .object_kind = "NET_BUFFER_LIST",
                                           .object = record->nbl,
                                           .history = &record->history,
                                           .frames = touch->frames,
                                           .frame_count = touch->frame_count});
}

void
ledger_fence_listen(struct fence *fence)
{
    poison_on_touch(fence ? on_touch : NULL, fence);
}

static _Noreturn void
lent_returned(const struct verify_record *record, const struct io_image *driver, const char *function)
{
    broken(NBX_0113, record, driver, function,
           "the NET_BUFFER_LIST was indicated with NDIS_RECEIVE_FLAGS_RESOURCES: it goes back by itself when the receive handler returns");
}

static void
paused(const struct io_image *driver, const char *function, const char *what)
{
    verify_rule_broken(NBX_0114, function, "%s %s while it is paused", name_of(driver), what);
}

// ---- hand-overs -----------------------------------------------------------------------------------------------------------------------

static inline struct verify_record *
record_before(const struct ndis_nbl *head)
{
    return (struct verify_record *)head - 1;
}

static __attribute__((noinline)) void
record_begin(struct verify_record *record, NET_BUFFER_LIST *nbl, const struct ndis_module *origin)
{
    memset(record, 0, offsetof(struct verify_record, history.mark));
    record->nbl = nbl;
    record->origin = origin;
    record->origin_image = record->holder = origin->image;
    record->state = RECORD_HOME;
    record->post = (struct fence_post){0};
    record->hops = 0;
    struct ages *ages = &box_self()->ndis->ages;
    list_init(&record->node);
    if (ages->box)
        list_push_back(&ages->records, &record->node);
}

static inline struct verify_record *
record_of(NET_BUFFER_LIST *nbl, const struct ndis_module *origin)
{
    struct verify_record *record = record_before(ndis_nbl_of(nbl));
    if (__builtin_expect(!record->origin, 0))
        record_begin(record, nbl, origin);
    return record;
}

// It leaves home: from now on, until it is back, this is who made it.
static void
record_leave(struct verify_record *record, NET_BUFFER_LIST *nbl, const struct ndis_module *from, enum verify_give how)
{
    record->origin = from;
    record->origin_image = from->image;
    record->state = RECORD_BETWEEN | (how == VERIFY_SENT ? RECORD_SUMMED : 0);
    if (how == VERIFY_SENT)
        record->sums = sums_of(nbl);
}

struct give {
    struct verify *verify;
    const struct ndis_module *from;
    enum verify_give how;
    uint32_t wrong;                           // states in which it may not be given so
    const char *function;
    struct verify_mark mark;
};

static __attribute__((noinline, cold)) void
give_wrong(const struct give *give, const struct verify_record *record)
{
    const struct io_image *image = give->from->image;
    if (give->how == VERIFY_RETURNED && (record->state & RECORD_LENT) && record->holder == image)
        lent_returned(record, image, give->function);
    not_yours(record, image, give->how, give->function);
}

static inline void
nbl_give(const struct give *give, NET_BUFFER_LIST *nbl)
{
    const struct ndis_module *from = give->from;
    struct verify_record *record = record_of(nbl, from);
    uint32_t state = record->state;
    if (__builtin_expect((state & give->wrong) || record->holder != from->image, 0))
        give_wrong(give, record);
    if ((state & RECORD_HOME) && from->kind == NDIS_KIND_FILTER && atomic_load(&from->state) == NDIS_STATE_PAUSED)
        paused(from->image, give->function, "originates a NET_BUFFER_LIST");
    verify_history_mark(&record->history, give->mark);
    record->state = state | RECORD_BETWEEN;
    record->at = NULL;
    if (__builtin_expect(give->verify->fence != NULL, 0)) {
        record->post.is_bare = false;
        fence_lift(give->verify->fence, &record->post, nbl);
    }
    if (state & RECORD_HOME)
        record_leave(record, nbl, from, give->how);
}

static uint32_t
give_wrong_states(enum verify_give how)
{
    switch (how) {
    case VERIFY_RETURNED: return RECORD_BETWEEN | RECORD_HOME | RECORD_LENT;
    case VERIFY_COMPLETED: return RECORD_BETWEEN | RECORD_HOME;
    default: return RECORD_BETWEEN;
    }
}

uint32_t
verify_nbls_give(NET_BUFFER_LIST *nbls, const struct ndis_module *from, enum verify_give how, const char *function, ULONG flags)
{
    static const char *const words[] = {"sent by", "completed by", "indicated by", "returned by"};
    struct verify *verify = box_self()->verify;
    struct give give = {.verify = verify,
                        .from = from,
                        .how = how,
                        .wrong = give_wrong_states(how),
                        .function = function,
                        .mark = verify_mark_make(verify, words[how], function, from->image, verify->with_stacks)};
    KIRQL irql = ke_self()->irql;
    _Static_assert(NDIS_SEND_FLAGS_DISPATCH_LEVEL == 1 && NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL == 1 &&
                       NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL == 1 && NDIS_RETURN_FLAGS_DISPATCH_LEVEL == 1,
                   "the same bit in all four");
    if (__builtin_expect((flags & 1) && irql != DISPATCH_LEVEL, 0))
        verify_rule_broken(NBX_0115, function, "the flags say DISPATCH_LEVEL, and the IRQL is %u", irql);
    struct ndis_walk walk = {0};
    uint32_t count = 0;
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = ndis_walk_next(&walk, nbl), count++)
        nbl_give(&give, nbl);
    bool is_send = how == VERIFY_SENT || how == VERIFY_COMPLETED;
    if (verify->sched->is_sim)                // ages.c
        *(is_send ? &from->counters->send_moved_ns : &from->counters->receive_moved_ns) = give.mark.at_ticks;
    return count;
}

void
verify_nbls_indicated(uint32_t found, const struct ndis_module *from, ULONG count, const char *function)
{
    if (found != count)
        verify_rule_broken(NBX_0116, function, "NumberOfNetBufferLists is %u, and the chain has %u", count, found);
    uint32_t state = atomic_load(&from->state);
    if (from->kind == NDIS_KIND_ADAPTER && (state == NDIS_STATE_PAUSED || state == NDIS_STATE_INITIALIZING || state == NDIS_STATE_HALTED))
        paused(from->image, function, "indicates received data");
}

// For ages.c, which runs on sim; there ticks are nanoseconds.
static void
take_age(struct verify_record *record, const struct ndis_module *to, uint64_t now_ns)
{
    record->since_ns = now_ns;
    if ((record->state & RECORD_HOME) && to->image)
        to->image->back_ns[(record->state & RECORD_SUMMED) != 0] = now_ns;
}

// What all of a list have in common.
struct take {
    struct verify *verify;
    const struct ndis_module *to;
    const char *function;
    uint32_t lent;                            // RECORD_LENT or 0
    struct verify_mark handed, back;          // made when first needed
};

static inline void
record_take(const struct take *take, struct verify_record *record, uint32_t state, const struct ndis_module *at, struct verify_mark mark)
{
    record->holder = take->to->image;
    record->state = state | take->lent;
    record->at = at;
    verify_history_mark(&record->history, mark);
    if (take->verify->sched->is_sim)
        take_age(record, take->to, mark.at_ticks);
}

static inline void
nbl_take(struct take *take, NET_BUFFER_LIST *nbl)
{
    struct verify_record *record = record_of(nbl, take->to);
    uint32_t is_summed = record->state & RECORD_SUMMED;
    bool is_home = take->to == record->origin;
    if (!is_home) {
        if (__builtin_expect(!take->handed.site, 0))
            take->handed = verify_mark_make(take->verify, "handed to", take->function, take->to->image, false);
        record_take(take, record, is_summed, take->to, take->handed);
    } else {
        if (__builtin_expect(!take->back.site, 0))
            take->back = verify_mark_make(take->verify, "back with", take->function, take->to->image, false);
        record_take(take, record, is_summed | RECORD_HOME, NULL, take->back);
        if (is_summed)
            sums_compare(record, nbl);
    }
    if (__builtin_expect(take->verify->fence != NULL, 0))
        fence_put(take->verify->fence, &record->post, take->to->image, is_home);
}

void
verify_nbls_take(NET_BUFFER_LIST *nbls, const struct ndis_module *to, const char *function, bool resources)
{
    struct take take = {.verify = box_self()->verify, .to = to, .function = function, .lent = resources ? RECORD_LENT : 0};
    struct ndis_walk walk = {0};
    for (NET_BUFFER_LIST *nbl = nbls, *next; nbl; nbl = next) {
        next = ndis_walk_next(&walk, nbl);    // once it is taken, the fence may stand before it
        nbl_take(&take, nbl);
    }
}

void
verify_nbls_back(NET_BUFFER_LIST *nbls)
{
    struct verify *verify = box_self()->verify;
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = nbl->Next) {
        struct verify_record *record = record_before(ndis_nbl_of(nbl));
        record->state = (record->state | RECORD_BETWEEN) & ~(uint32_t)RECORD_LENT;
        record->at = NULL;
        if (verify->fence)
            fence_lift(verify->fence, &record->post, nbl);
    }
}

// ---- the TCP chimney ------------------------------------------------------------------------------------------------------------------

static void
offload_leave(struct verify_record *record, const struct ndis_module *from)
{
    record->origin = from;
    record->origin_image = from->image;
    record->state = RECORD_BETWEEN | RECORD_OFFLOAD;
    record->hops = 0;
}

void
verify_offload_give(NET_BUFFER_LIST *nbls, const struct ndis_module *from, enum verify_give how, const char *function)
{
    static const char *const words[] = {"given to an offload target by", "completed by", "indicated by", "returned by"};
    struct verify *verify = box_self()->verify;
    struct give give = {.verify = verify, .from = from, .how = how, .wrong = give_wrong_states(how), .function = function};
    give.mark = verify_mark_make(verify, words[how], function, from->image, verify->with_stacks);
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = nbl->Next) {
        struct verify_record *record = record_of(nbl, from);
        uint32_t state = record->state;
        if ((state & give.wrong) || record->holder != from->image)
            give_wrong(&give, record);
        verify_history_mark(&record->history, give.mark);
        record->state = state | RECORD_BETWEEN;
        record->at = NULL;
        record->post.is_bare = how == VERIFY_SENT || how == VERIFY_COMPLETED;
        if (verify->fence)
            fence_lift(verify->fence, &record->post, nbl);
        if (state & RECORD_HOME)
            offload_leave(record, from);
    }
}

void
verify_offload_take(NET_BUFFER_LIST *nbls, const struct ndis_module *to, const char *function)
{
    struct verify *verify = box_self()->verify;
    for (NET_BUFFER_LIST *nbl = nbls, *next; nbl; nbl = next) {
        struct verify_record *record = record_of(nbl, to);
        bool is_home = to == record->origin;
        next = nbl->Next;
        record->holder = to->image;
        record->state = RECORD_OFFLOAD | (is_home ? RECORD_HOME : 0);
        verify_history_mark(&record->history,
                            verify_mark_make(verify, is_home ? "back with" : "handed to", function, to->image, false));
        if (verify->fence)
            fence_put(verify->fence, &record->post, to->image, is_home);
    }
}

bool
verify_offload_push(NET_BUFFER_LIST *nbl, const struct verify_hop *hop)
{
    struct verify_record *record = record_before(ndis_nbl_of(nbl));
    if (record->hops == VERIFY_HOPS)
        return false;
    record->hop[record->hops++] = *hop;
    return true;
}

bool
verify_offload_pop(NET_BUFFER_LIST *nbl, struct verify_hop *hop)
{
    struct verify_record *record = record_before(ndis_nbl_of(nbl));
    if (!record->hops)
        return false;
    *hop = record->hop[--record->hops];
    return true;
}

// ---- its life -------------------------------------------------------------------------------------------------------------------------

uint32_t
verify_record_bytes(void)
{
    return sizeof(struct verify_record);
}

void
verify_nbl_made(struct ndis_nbl *head)
{
    record_before(head)->origin = NULL;
}

static void
record_end(struct verify_record *record)
{
    struct verify *verify = box_self()->verify;
    if (verify->fence)
        fence_forget(verify->fence, &record->post);
    list_remove(&record->node);
}

void
verify_nbl_freed(NET_BUFFER_LIST *nbl, const struct io_image *by)
{
    struct verify_record *record = record_before(ndis_nbl_of(nbl));
    if (!record->origin)
        return;
    if (!(record->state & RECORD_HOME)) {
        char text[200];
        snprintf(text, sizeof text, "%s frees a NET_BUFFER_LIST that %s and has not come back: %s has it", name_of(by),
                 record->state & RECORD_OFFLOAD  ? "is a request or data of an offloaded connection"
                 : record->state & RECORD_SUMMED ? "was sent"
                                                 : "was indicated",
                 name_of(record->holder));
        broken(NBX_0005, record, by, "NdisFreeNetBufferList", text);
    }
    record_end(record);
}

void
verify_nbl_lost(void *block)
{
    struct verify_record *record = block;
    if (((struct ndis_nbl *)(record + 1))->in_use && record->origin)
        record_end(record);
}
