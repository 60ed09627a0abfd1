// SPDX-License-Identifier: MIT
// See ledger.h. A record lies in the hidden head of its NBL and belongs to whoever has the NBL, so it needs no lock.
//   holder   the driver whose it is, unless it is between two        origin   the module that gave it away first: with it, it is home
// What the drivers below may write is left out of the sums: Next, Status, Scratch, MiniportReserved, NdisReserved, the context area
// and the out-of-band slots, of which some are answers [network/net-buffer-list-structure]. Data starts may be moved below, but have
// to be back where they were.
#include "verify/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "host/poison.h"
#include "ndis/nbl.h"
#include "nt/io/image.h"
#include "verify/fence.h"
#include "verify/record.h"
#include "verify/report.h"
#include "verify/verify.h"

struct sums {
    uint64_t structures, data;
};

// Two words at their place: the folded product of both, as wyhash does it. The products do not wait for each other, so sixteen bytes
// cost one multiplication and not its latency.
struct summer {
    uint64_t sum, place;
};

static inline void
sum_pair(struct summer *summer, uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)(a ^ summer->place) * (b ^ 0xe7037ed1a0b428dbull);
    summer->sum += (uint64_t)product ^ (uint64_t)(product >> 64);
    summer->place += 0x9e3779b97f4a7c15ull;
}

static inline void
sum_bytes(struct summer *summer, const uint8_t *bytes, size_t count)
{
    struct summer here = *summer;             // in registers
    size_t left = count;
#pragma clang loop vectorize(disable) interleave(disable)
    for (; left >= 16; left -= 16, bytes += 16)
        sum_pair(&here, bytes_load_le64(bytes), bytes_load_le64(bytes + 8));
    if (left) {
        uint8_t rest[16] = {0};
        memcpy(rest, bytes, left);
        sum_pair(&here, bytes_load_le64(rest), bytes_load_le64(rest + 8));
        sum_pair(&here, count, left);
    }
    *summer = here;
}

static void
sum_mdls(struct summer *structures, struct summer *data, const NET_BUFFER *nb)
{
    size_t skip = nb->CurrentMdlOffset, left = nb->DataLength;
    for (const MDL *mdl = nb->CurrentMdl; mdl && left; mdl = mdl->Next) {
        sum_pair(structures, (uintptr_t)mdl->Next ^ (uint64_t)mdl->ByteCount << 32, (uintptr_t)mdl->MappedSystemVa);
        if (skip >= mdl->ByteCount) {
            skip -= mdl->ByteCount;
            continue;
        }
        size_t part = mdl->ByteCount - skip < left ? mdl->ByteCount - skip : left;
        sum_bytes(data, (const uint8_t *)mdl->MappedSystemVa + skip, part);
        left -= part;
        skip = 0;
    }
}

static struct sums
sums_of(const NET_BUFFER_LIST *nbl)
{
    struct summer structures = {0, 1}, data = {0, 1};
    sum_pair(&structures, (uintptr_t)nbl->FirstNetBuffer, (uintptr_t)nbl->SourceHandle);
    sum_bytes(&structures, (const uint8_t *)nbl->ProtocolReserved, sizeof nbl->ProtocolReserved);
    for (const NET_BUFFER *nb = nbl->FirstNetBuffer; nb; nb = nb->Next) {
        sum_pair(&structures, (uintptr_t)nb->Next, (uintptr_t)nb->MdlChain);
        sum_pair(&structures, (uintptr_t)nb->CurrentMdl, nb->CurrentMdlOffset);
        sum_pair(&structures, nb->DataLength, nb->DataOffset);
        sum_bytes(&structures, (const uint8_t *)nb->ProtocolReserved, sizeof nb->ProtocolReserved);
        sum_mdls(&structures, &data, nb);
    }
    return (struct sums){structures.sum, data.sum};
}

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
    if (record->is_home && how == VERIFY_COMPLETED)
        snprintf(text, sizeof text, "%s completes a NET_BUFFER_LIST that is not out (completed twice, or never sent): %s has it",
                 name_of(from), name_of(record->origin_image));
    else
        snprintf(text, sizeof text, "%s %s a NET_BUFFER_LIST that is not its own: %s has it%s", name_of(from), verbs[how],
                 name_of(record->holder), how == VERIFY_SENT && record->origin_image == from ? " (sent before, and not back yet)" : "");
    broken(NBX_0005, record, from, function, text);
}

static void
sums_compare(const struct verify_record *record)
{
    struct sums sums = sums_of(record->nbl);
    if (sums.structures == record->structures && sums.data == record->data)
        return;
    char text[300];
    snprintf(text, sizeof text,
             "the %s of a NET_BUFFER_LIST changed while it was out: %s may touch it only after its completion, and whoever is below has "
             "to give it back as it was (found by a checksum, at the completion)",
             sums.structures != record->structures ? "structures" : "data", name_of(record->origin_image));
    broken(NBX_0005, record, record->origin_image, "NdisSendNetBufferLists", text);
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
             name_of(record->holder), record->is_home ? " back" : "");
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

static struct verify_record *
record_of(NET_BUFFER_LIST *nbl, const struct ndis_module *origin)
{
    struct ndis_nbl *head = ndis_nbl_of(nbl);
    if (head->record)
        return head->record;
    struct verify_record *record = calloc(1, sizeof *record);
    if (!record)
        abort();
    record->nbl = nbl;
    record->origin = origin;
    record->origin_image = record->holder = origin->image;
    record->is_home = true;
    struct ages *ages = &box_self()->ndis->ages;
    list_init(&record->node);
    if (ages->box)
        list_push_back(&ages->records, &record->node);
    return head->record = record;
}

static const char *const give_words[] = {"sent by", "completed by", "indicated by", "returned by"};

// It leaves home: from now on, until it is back, this is who made it.
static void
record_leave(struct verify_record *record, const struct ndis_module *from, enum verify_give how)
{
    record->is_home = false;
    record->origin = from;
    record->origin_image = from->image;
    record->is_summed = how == VERIFY_SENT;
    if (!record->is_summed)
        return;
    struct sums sums = sums_of(record->nbl);
    record->structures = sums.structures;
    record->data = sums.data;
}

static void
nbl_give(struct verify *verify, NET_BUFFER_LIST *nbl, const struct ndis_module *from, enum verify_give how,
         const struct verify_event *event)
{
    struct verify_record *record = record_of(nbl, from);
    bool comes_back = how == VERIFY_COMPLETED || how == VERIFY_RETURNED;
    if (how == VERIFY_RETURNED && record->is_lent && record->holder == from->image)
        lent_returned(record, from->image, event->function);
    if (record->is_between || record->holder != from->image || (record->is_home && comes_back))
        not_yours(record, from->image, how, event->function);
    if (record->is_home && from->kind == NDIS_KIND_FILTER && atomic_load(&from->state) == NDIS_STATE_PAUSED)
        paused(from->image, event->function, "originates a NET_BUFFER_LIST");
    verify_history_put(&record->history, event, event->what);
    record->is_between = true;
    record->at = NULL;
    if (verify->fence)
        fence_lift(verify->fence, &record->post, nbl);
    if (record->is_home)
        record_leave(record, from, how);
}

void
verify_nbls_give(NET_BUFFER_LIST *nbls, const struct ndis_module *from, enum verify_give how, const char *function, ULONG flags)
{
    struct verify *verify = box_self()->verify;
    struct verify_event event;
    verify_event_make(&event, give_words[how], function, from->image, verify->with_stacks);
    KIRQL irql = ke_self()->irql;
    _Static_assert(NDIS_SEND_FLAGS_DISPATCH_LEVEL == 1 && NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL == 1 &&
                       NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL == 1 && NDIS_RETURN_FLAGS_DISPATCH_LEVEL == 1,
                   "the same bit in all four");
    if (__builtin_expect((flags & 1) && irql != DISPATCH_LEVEL, 0))
        verify_rule_broken(NBX_0115, function, "the flags say DISPATCH_LEVEL, and the IRQL is %u", irql);
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = nbl->Next)
        nbl_give(verify, nbl, from, how, &event);
    bool is_send = how == VERIFY_SENT || how == VERIFY_COMPLETED;
    __atomic_store_n(is_send ? &from->counters->send_moved_ns : &from->counters->receive_moved_ns, event.at_ns, __ATOMIC_RELAXED);
}

void
verify_nbls_indicated(const NET_BUFFER_LIST *nbls, const struct ndis_module *from, ULONG count, const char *function)
{
    ULONG found = 0;
    for (; nbls; nbls = nbls->Next)
        found++;
    if (found != count)
        verify_rule_broken(NBX_0116, function, "NumberOfNetBufferLists is %u, and the chain has %u", count, found);
    uint32_t state = atomic_load(&from->state);
    if (from->kind == NDIS_KIND_ADAPTER && (state == NDIS_STATE_PAUSED || state == NDIS_STATE_INITIALIZING || state == NDIS_STATE_HALTED))
        paused(from->image, function, "indicates received data");
}

void
verify_nbls_take(NET_BUFFER_LIST *nbls, const struct ndis_module *to, const char *function, bool resources)
{
    struct verify *verify = box_self()->verify;
    struct verify_event event;
    verify_event_make(&event, "handed to", function, to->image, false);
    for (NET_BUFFER_LIST *nbl = nbls, *next; nbl; nbl = next) {
        struct verify_record *record = record_of(nbl, to);
        next = nbl->Next;
        record->holder = to->image;
        record->is_between = false;
        record->is_lent = resources;
        record->is_home = to == record->origin;
        record->at = record->is_home ? NULL : to;
        record->since_ns = event.at_ns;
        record->is_told = false;
        if (record->is_home && to->image)
            __atomic_store_n(&to->image->back_ns[record->is_summed], event.at_ns, __ATOMIC_RELAXED);
        verify_history_put(&record->history, &event, record->is_home ? "back with" : event.what);
        if (record->is_home && record->is_summed)
            sums_compare(record);
        if (verify->fence)
            fence_put(verify->fence, &record->post, to->image, record->is_home);
    }
}

void
verify_nbls_back(NET_BUFFER_LIST *nbls)
{
    struct verify *verify = box_self()->verify;
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = nbl->Next) {
        struct verify_record *record = ndis_nbl_of(nbl)->record;
        record->is_between = true;
        record->at = NULL;
        record->is_lent = false;
        if (verify->fence)
            fence_lift(verify->fence, &record->post, nbl);
    }
}

void
verify_nbl_freed(NET_BUFFER_LIST *nbl, const struct io_image *by)
{
    struct ndis_nbl *head = ndis_nbl_of(nbl);
    struct verify_record *record = head->record;
    if (!record->is_home) {
        char text[200];
        snprintf(text, sizeof text, "%s frees a NET_BUFFER_LIST that %s and has not come back: %s has it", name_of(by),
                 record->is_summed ? "was sent" : "was indicated", name_of(record->holder));
        broken(NBX_0005, record, by, "NdisFreeNetBufferList", text);
    }
    struct verify *verify = box_self()->verify;
    if (verify && verify->fence)
        fence_forget(verify->fence, &record->post);
    list_remove(&record->node);
    head->record = NULL;
    free(record);
}
