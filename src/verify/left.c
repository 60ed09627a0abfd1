// SPDX-License-Identifier: MIT
// See left.h. Records of what is not pool lie in a table by address (by page, so that a block that is freed finds what lies in it) and in a
// list in the order in which they were made, which is the order of reports. verify_left_behind copies what is left out of the pool's
// lists and the table, groups it by place, and reports each group.
#include "verify/left.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/ex/pool.h"
#include "nt/ex/work.h"
#include "nt/io/image.h"
#include "nt/ke/dpc.h"
#include "nt/ke/timer.h"
#include "nt/ke/word.h"
#include "verify/ddi_table.h"
#include "verify/report.h"
#include "verify/verify.h"

#define BUCKETS 1024

static const struct left_kind {
    enum verify_rule rule;
    const char *word, *words;                 // one, several
    const char *back;                         // how it is given back
} kinds[] = {
    [VERIFY_LEFT_POOL] = {NBX_0300, "block of pool", "blocks of pool", "ExFreePoolWithTag, NdisFreeMemory"},
    [VERIFY_LEFT_MDL] = {NBX_0303, "MDL", "MDLs", "NdisFreeMdl, IoFreeMdl"},
    [VERIFY_LEFT_SHARED] = {NBX_0306, "block of shared memory", "blocks of shared memory", "NdisMFreeSharedMemory"},
    [VERIFY_LEFT_RW_LOCK] = {NBX_0305, "reader-writer lock", "reader-writer locks", "NdisFreeRWLock"},
    [VERIFY_LEFT_TIMER] = {NBX_0305, "timer object", "timer objects", "NdisFreeTimerObject"},
    [VERIFY_LEFT_EX_TIMER] = {NBX_0305, "timer of ExAllocateTimer", "timers of ExAllocateTimer", "ExDeleteTimer"},
    [VERIFY_LEFT_WORK] = {NBX_0305, "work item", "work items", "NdisFreeIoWorkItem, IoFreeWorkItem"},
    [VERIFY_LEFT_GENERIC] = {NBX_0305, "generic object", "generic objects", "NdisFreeGenericObject"},
    [VERIFY_LEFT_NBL_POOL] = {NBX_0302, "NET_BUFFER_LIST pool", "NET_BUFFER_LIST pools", "NdisFreeNetBufferListPool"},
    [VERIFY_LEFT_NB_POOL] = {NBX_0302, "NET_BUFFER pool", "NET_BUFFER pools", "NdisFreeNetBufferPool"},
    [VERIFY_LEFT_CLONE] = {NBX_0305, "cloned OID request", "cloned OID requests", "NdisFreeCloneOidRequest"},
    [VERIFY_LEFT_HANDLE] = {NBX_0304, "open handle", "open handles", "ZwClose"},
    [VERIFY_LEFT_OBJECT] = {NBX_0304, "reference to an object", "references to objects", "ObDereferenceObject"},
    [VERIFY_LEFT_IRP] = {NBX_0307, "IRP", "IRPs", "IoFreeIrp"},
    [VERIFY_LEFT_DEVICE] = {NBX_0509, "device object", "device objects", "IoDeleteDevice, NdisDeregisterDeviceEx"},
    [VERIFY_LEFT_CONFIGURATION] = {NBX_0512, "configuration handle", "configuration handles", "NdisCloseConfiguration"},
    [VERIFY_LEFT_DMA] = {NBX_0306, "DMA channel", "DMA channels", "NdisMDeregisterScatterGatherDma"},
    [VERIFY_LEFT_MEMORY_MAP] = {NBX_0306, "mapping of device memory", "mappings of device memory", "NdisMUnmapIoSpace"},
    [VERIFY_LEFT_PORTS_MAP] = {NBX_0306, "range of ports", "ranges of ports", "NdisMDeregisterIoPortRange"},
    [VERIFY_LEFT_POLL] = {NBX_0305, "poll object", "poll objects", "NdisDeregisterPoll"},
    [VERIFY_LEFT_INTERRUPT] = {NBX_0503, "registered interrupt", "registered interrupts", "NdisMDeregisterInterruptEx"},
    [VERIFY_LEFT_LOOKASIDE] = {NBX_0308, "lookaside list", "lookaside lists", "ExDeleteLookasideListEx and kin"},
    [VERIFY_LEFT_RESOURCE] = {NBX_0308, "ERESOURCE", "ERESOURCEs", "ExDeleteResourceLite"},
    [VERIFY_LEFT_SUBJECT] = {NBX_0304, "captured security context", "captured security contexts", "SeReleaseSubjectContext"},
    [VERIFY_LEFT_MINIPORT_DRIVER] = {NBX_0510, "miniport driver handle", "miniport driver handles", "NdisMDeregisterMiniportDriver"},
    [VERIFY_LEFT_FILTER_DRIVER] = {NBX_0510, "filter driver handle", "filter driver handles", "NdisFDeregisterFilterDriver"},
    [VERIFY_LEFT_PROTOCOL] = {NBX_0510, "protocol handle", "protocol handles", "NdisDeregisterProtocolDriver"},
    [VERIFY_LEFT_SET_TIMER] = {NBX_0500, "set timer", "set timers", "NdisCancelTimerObject, KeCancelTimer"},
    [VERIFY_LEFT_QUEUED_WORK] = {NBX_0502, "queued work item", "queued work items", "it has to wait for them"},
    [VERIFY_LEFT_RUNNING_WORK] = {NBX_0502, "running work item", "running work items", "it has to wait for them"},
    [VERIFY_LEFT_PROVIDER] = {NBX_0510, "interface provider handle", "interface provider handles", "NdisIfDeregisterProvider"},
};

struct left_record {
    struct list node, order;
    struct box *box;
    const void *object;
    struct verify_origin origin;
};

struct verify_table {
    _Atomic uint32_t lock;                    // raw: guards all below
    _Atomic uint32_t lying;                   // records of what lies in drivers' memory (is_lying)
    struct list order;                        // struct left_record.order, oldest first
    struct list buckets[BUCKETS];
};

struct verify_table *
verify_table_create(void)
{
    struct verify_table *table = calloc(1, sizeof *table);
    if (!table)
        return NULL;
    list_init(&table->order);
    for (size_t i = 0; i < BUCKETS; i++)
        list_init(&table->buckets[i]);
    return table;
}

static void
record_free(struct left_record *record)
{
    list_remove(&record->node);
    list_remove(&record->order);
    free(record);
}

void
verify_table_destroy(struct verify_table *table)
{
    while (table && !list_is_empty(&table->order))
        record_free(LIST_ENTRY_OF(table->order.next, struct left_record, order));
    free(table);
}

// Handles are small numbers: no two of them would be on different pages.
static struct list *
bucket_of(struct verify_table *table, const void *object)
{
    uintptr_t at = (uintptr_t)object;
    return &table->buckets[(at < 1u << 20 ? at / 4 : (at >> 12) ^ (at >> 22)) % BUCKETS];
}

// Who asked. An NDK consumer calls its provider, and that its transport, without a door of ours between them: the caller's place tells.
static const struct io_image *
image_asking(const struct ke_thread *self, const void *caller)
{
    const struct io_image *current = self->driver;
    if (!caller || !current || !current->span_bytes || io_image_covers(current, caller))
        return current;
    const struct io_image *image = self->box->sched->is_sim ? io_image_peek(self->box, caller) : io_image_at(self->box, caller);
    return image ? image : current;
}

void
verify_origin_make(struct verify_origin *origin, enum verify_left kind, const char *function, const void *caller)
{
    struct ke_thread *self = ke_self();
    *origin = (struct verify_origin){.image = image_asking(self, caller), .caller = caller, .kind = (uint8_t)kind};
    struct verify *verify = self->box->verify;
    origin->made = verify_mark_make(verify, "got by", function ? function : ddi_rows[self->door].name, origin->image,
                                    !caller || verify->with_stacks);
}

// Its address is in memory that may be freed under it.
static bool
is_lying(enum verify_left kind)
{
    return kind == VERIFY_LEFT_SET_TIMER || kind == VERIFY_LEFT_LOOKASIDE || kind == VERIFY_LEFT_RESOURCE;
}

void
verify_had(enum verify_left kind, const void *object, const void *owner, const char *function)
{
    struct ke_thread *self = sched_self ? sched_self->user : NULL;
    if (self)
        verify_had_by(self->driver, kind, object, owner, function);
}

void
verify_had_by(const struct io_image *image, enum verify_left kind, const void *object, const void *owner, const char *function)
{
    struct ke_thread *self = sched_self ? sched_self->user : NULL;
    if (!self || !self->box || !self->box->verify || !image)
        return;
    struct verify_table *table = self->box->verify->table;
    struct left_record *record = malloc(sizeof *record);
    if (!record)
        abort();
    record->box = self->box;
    record->object = object;
    verify_origin_make(&record->origin, kind, function, NULL);
    record->origin.image = image;
    record->origin.owner = owner;
    ke_word_lock(&table->lock);
    list_push_back(bucket_of(table, object), &record->node);
    list_push_back(&table->order, &record->order);
    ke_word_unlock(&table->lock);
    if (is_lying(kind))
        atomic_fetch_add(&table->lying, 1);
}

static struct left_record *
record_find_locked(struct verify_table *table, struct box *box, enum verify_left kind, const void *object)
{
    LIST_FOR_EACH(node, bucket_of(table, object)) {
        struct left_record *record = LIST_ENTRY_OF(node, struct left_record, node);
        if (record->object == object && record->origin.kind == kind && record->box == box)
            return record;
    }
    return NULL;
}

static void
record_unlink_locked(struct verify_table *table, struct left_record *record)
{
    list_remove(&record->node);
    list_remove(&record->order);
    if (is_lying(record->origin.kind))
        atomic_fetch_sub(&table->lying, 1);
}

static struct left_record *
record_take(struct box *box, enum verify_left kind, const void *object)
{
    struct verify_table *table = box->verify->table;
    ke_word_lock(&table->lock);
    struct left_record *found = record_find_locked(table, box, kind, object);
    if (found)
        record_unlink_locked(table, found);
    ke_word_unlock(&table->lock);
    return found;
}

bool
verify_gave(struct box *box, enum verify_left kind, const void *object)
{
    struct left_record *record = box->verify ? record_take(box, kind, object) : NULL;
    free(record);
    return record != NULL;
}

// Of a mark with its stack: the innermost code that is a driver's, for the same reason. No lock is held.
static const struct io_image *
image_marked(const struct ke_thread *self, const struct verify_mark *mark)
{
    struct verify_event event = verify_mark_event(mark);
    for (uint32_t i = 0; i < event.frame_count; i++) {
        const struct io_image *image = io_image_covers(self->driver, event.frames[i]) ? self->driver
                                       : self->box->sched->is_sim                     ? io_image_peek(self->box, event.frames[i])
                                                                                      : io_image_at(self->box, event.frames[i]);
        if (image)
            return image;
    }
    return self->driver;
}

void
verify_timer_set(const void *timer, const void *owner, const char *function)
{
    struct ke_thread *self = ke_self();
    if (!self->box->verify || !self->driver)
        return;
    struct verify_table *table = self->box->verify->table;
    struct verify_origin origin;
    verify_origin_make(&origin, VERIFY_LEFT_SET_TIMER, function, NULL);
    origin.owner = owner;
    origin.image = image_marked(self, &origin.made);
    ke_word_lock(&table->lock);
    struct left_record *record = record_find_locked(table, self->box, VERIFY_LEFT_SET_TIMER, timer);
    if (record)
        record->origin = origin;
    ke_word_unlock(&table->lock);
    if (!record)
        verify_had_by(origin.image, VERIFY_LEFT_SET_TIMER, timer, owner, function);
}

// ---- what was not given back ----------------------------------------------------------------------------------------------------------

struct left_item {
    struct verify_origin origin;
    const void *object;
    size_t bytes;
    ULONG tag;
    bool is_done;
};

struct left_sweep {
    const struct io_image *image;
    const void *owner;                        // NULL: any
    const char *function;
    struct left_item *items;
    size_t count, room;
};

static bool
is_left(const struct left_sweep *sweep, const struct verify_origin *origin)
{
    return origin->image == sweep->image && !origin->is_told && (!sweep->owner || origin->owner == sweep->owner);
}

static void
item_add(struct left_sweep *sweep, const struct verify_origin *origin, const void *object, size_t bytes, ULONG tag)
{
    if (sweep->count == sweep->room) {
        sweep->room = sweep->room ? 2 * sweep->room : 64;
        sweep->items = realloc(sweep->items, sweep->room * sizeof *sweep->items);
        if (!sweep->items)
            abort();
    }
    sweep->items[sweep->count++] = (struct left_item){.origin = *origin, .object = object, .bytes = bytes, .tag = tag};
}

static bool
on_block(void *context, const struct verify_origin *origin, const void *block, size_t bytes, ULONG tag)
{
    struct left_sweep *sweep = context;
    if (!is_left(sweep, origin))
        return false;
    if (origin->kind != VERIFY_LEFT_KEPT)
        item_add(sweep, origin, block, bytes, tag);
    return true;
}

static void
table_gather(struct left_sweep *sweep, struct box *box)
{
    struct verify_table *table = box->verify->table;
    ke_word_lock(&table->lock);
    LIST_FOR_EACH(node, &table->order) {
        struct left_record *record = LIST_ENTRY_OF(node, struct left_record, order);
        // Whether an object stays is only known at the end: others may have a reference (verify_left_one).
        if (record->box != box || !is_left(sweep, &record->origin) || record->origin.kind == VERIFY_LEFT_OBJECT)
            continue;
        item_add(sweep, &record->origin, record->object, 0, 0);
        record->origin.is_told = true;
    }
    ke_word_unlock(&table->lock);
}

static bool
is_same_place(const struct left_item *a, const struct left_item *b)
{
    if (a->origin.kind != b->origin.kind || a->tag != b->tag || a->origin.caller != b->origin.caller)
        return false;
    return a->origin.caller || a->origin.made.site == b->origin.made.site;
}

static void
tag_text(ULONG tag, char text[5])
{
    for (int i = 0; i < 4; i++) {
        char c = (char)(tag >> 8 * i);
        text[i] = c >= ' ' && c < 127 ? c : '.';
    }
    text[4] = 0;
}

static void
item_report(struct verify *verify, const struct left_item *item, uint64_t count, uint64_t bytes, const char *function)
{
    const struct verify_origin *origin = &item->origin;
    const struct left_kind *kind = &kinds[origin->kind];
    char text[300], of[64] = "", tag[5];
    tag_text(item->tag, tag);
    if (origin->kind == VERIFY_LEFT_POOL)
        snprintf(of, sizeof of, " with tag '%s', %llu bytes", tag, (unsigned long long)bytes);
    snprintf(text, sizeof text, "%s has left %llu %s%s that it got here (%s)", origin->image->name, (unsigned long long)count,
             count == 1 ? kind->word : kind->words, of, kind->back);
    struct verify_history history = {0};
    struct verify_event got = verify_mark_event(&origin->made), line = got;
    line.frame_count = 0;                     // the report's own stack is this one
    verify_history_put(verify, &history, &line, line.what);
    if (!got.frame_count && origin->caller)
        got.frames[got.frame_count++] = origin->caller;
    verify_report(&(struct verify_finding){.rule = kind->rule,
                                           .driver = origin->image,
                                           .function = function,
                                           .text = text,
                                           .object_kind = kind->word,
                                           .object = item->object,
                                           .history = &history,
                                           .frames = got.frames,
                                           .frame_count = got.frame_count,
                                           .is_return = true,
                                           .at = origin->caller});
}

void
verify_left_behind(struct box *box, const struct io_image *image, const void *owner, const char *function)
{
    if (!box->verify)
        return;
    struct left_sweep sweep = {.image = image, .owner = owner, .function = function};
    ex_pool_each_origin(box, on_block, &sweep);
    table_gather(&sweep, box);
    for (size_t i = 0; i < sweep.count; i++)   // a timer that has come due is none that is left
        sweep.items[i].is_done = sweep.items[i].origin.kind == VERIFY_LEFT_SET_TIMER && !ke_timer_take(box, sweep.items[i].object);
    for (size_t i = 0; i < sweep.count; i++) {
        uint64_t count = 0, bytes = 0;
        for (size_t j = i; j < sweep.count && !sweep.items[i].is_done; j++) {
            if (sweep.items[j].is_done || !is_same_place(&sweep.items[i], &sweep.items[j]))
                continue;
            sweep.items[j].is_done = j != i;
            count++;
            bytes += sweep.items[j].bytes;
        }
        if (count)
            item_report(box->verify, &sweep.items[i], count, bytes, function);
    }
    free(sweep.items);
}

bool
verify_left_one(struct box *box, enum verify_left kind, const void *object, const char *function)
{
    struct left_record *record = box->verify ? record_take(box, kind, object) : NULL;
    if (!record)
        return false;
    struct left_item item = {.origin = record->origin, .object = object};
    if (!record->origin.is_told)
        item_report(box->verify, &item, 1, 0, function);
    free(record);
    return true;
}

void
verify_left_forget(struct box *box)
{
    struct verify_table *table = box->verify ? box->verify->table : NULL;
    if (!table)
        return;
    LIST_FOR_EACH_SAFE(node, &table->order) {
        struct left_record *record = LIST_ENTRY_OF(node, struct left_record, order);
        if (record->box == box)
            record_free(record);
    }
}

// ---- memory and code that go ----------------------------------------------------------------------------------------------------------

// One record of what lies in the memory, taken out of the table; NULL: none.
static struct left_record *
record_in(struct box *box, const void *memory, size_t bytes)
{
    struct verify_table *table = box->verify->table;
    struct left_record *found = NULL;
    uintptr_t first = (uintptr_t)memory >> 12, last = ((uintptr_t)memory + bytes - 1) >> 12;
    ke_word_lock(&table->lock);
    for (uintptr_t page = first; page <= last && !found; page++) {
        LIST_FOR_EACH(node, bucket_of(table, (void *)(page << 12))) {
            struct left_record *record = LIST_ENTRY_OF(node, struct left_record, node);
            if (is_lying(record->origin.kind) && record->box == box && (uintptr_t)record->object - (uintptr_t)memory < bytes)
                found = record;
        }
    }
    if (found)
        record_unlink_locked(table, found);
    ke_word_unlock(&table->lock);
    return found;
}

static void
lying_report(enum verify_rule rule, const char *kind, const char *what, const void *object, const struct verify_mark *made)
{
    struct verify_history history = {0};
    char text[200];
    const struct io_image *driver = ke_self()->driver;
    if (made)
        verify_history_mark(&history, *made);
    snprintf(text, sizeof text, "%s frees memory in which %s lies that is %s", driver ? driver->name : "the runtime", kind, what);
    verify_report(&(struct verify_finding){.rule = rule,
                                           .function = ddi_rows[ke_self()->door].name,
                                           .text = text,
                                           .object_kind = strchr(kind, ' ') + 1,
                                           .object = object,
                                           .history = &history});
}

void
verify_memory_freed(struct box *box, const void *memory, size_t bytes)
{
    if (!box->verify || !bytes)
        return;
    for (struct left_record *record; atomic_load(&box->verify->table->lying) && (record = record_in(box, memory, bytes)); free(record)) {
        if (record->origin.kind == VERIFY_LEFT_LOOKASIDE)
            lying_report(NBX_0508, "a lookaside list", "not deleted", record->object, &record->origin.made);
        else if (record->origin.kind == VERIFY_LEFT_RESOURCE)
            lying_report(NBX_0507, "an ERESOURCE", "not deleted", record->object, &record->origin.made);
        else if (ke_timer_take(box, record->object))
            lying_report(NBX_0504, "a timer", "still set", record->object, &record->origin.made);
    }
    for (KDPC *dpc; (dpc = ke_dpc_in_range(box, memory, bytes, false, true));)
        lying_report(NBX_0505, "a DPC", "still queued", dpc, NULL);
    for (WORK_QUEUE_ITEM *item; (item = ex_work_take_in_range(box, memory, bytes, false));)
        lying_report(NBX_0506, "a work item", "still queued", item, NULL);
}

void
verify_code_freed(struct box *box, const struct io_image *image, const char *function)
{
    char text[200];
    if (!box->verify || !image->span_bytes)
        return;
    const KDPC *dpc = ke_dpc_in_range(box, image->base, image->span_bytes, true, false);
    snprintf(text, sizeof text, "%s has left a DPC queued whose routine goes with it", image->name);
    const void *routine = dpc ? (const char *)dpc->DeferredRoutine + 1 : NULL;
    if (dpc)
        verify_report(&(struct verify_finding){.rule = NBX_0501, .driver = image, .function = function, .text = text,
                                               .object_kind = "DPC", .object = dpc, .frames = &routine, .frame_count = 1});
    snprintf(text, sizeof text, "%s has left a work item queued whose routine goes with it", image->name);
    for (WORK_QUEUE_ITEM *item; (item = ex_work_take_in_range(box, image->base, image->span_bytes, true));) {
        routine = (const char *)item->WorkerRoutine + 1;
        verify_report(&(struct verify_finding){.rule = NBX_0502, .driver = image, .function = function, .text = text,
                                               .object_kind = "work item", .object = item, .frames = &routine, .frame_count = 1});
    }
}
