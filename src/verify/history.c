// SPDX-License-Identifier: MIT
// See history.h. Slot 0 is the first event for good, the others are a ring.
// A site is found by a hash of all that it consists of and then compared whole; addresses decide only where it is looked for.
#include "verify/history.h"

#include <stdlib.h>
#include <string.h>

#include "host/sched.h"
#include "host/symbol.h"
#include "verify/verify.h"

struct verify_site {
    struct verify_site *next;                 // in its bucket; written before it is shown
    const char *what, *function;
    const struct io_image *driver;
    uint32_t thread, frame_count;
    const void *frames[];
};

// ---- sites ----------------------------------------------------------------------------------------------------------------------------

static struct verify_site *_Atomic *
bucket_of(struct verify_sites *sites, const struct verify_event *event, const char *what)
{
    uint64_t hash = (uintptr_t)what ^ (uintptr_t)event->function << 3 ^ (uintptr_t)event->driver << 7 ^ (uint64_t)event->thread << 11;
    for (uint32_t i = 0; i < event->frame_count; i++) {
        uint64_t frame = (uintptr_t)event->frames[i];
        hash ^= frame << 5 * i | frame >> (64 - 5 * i) % 64;
    }
    return &sites->bucket[(hash ^ hash >> 11 ^ hash >> 29 ^ hash >> 47) % VERIFY_SITE_BUCKETS];
}

static bool
frames_are(const struct verify_site *site, const struct verify_event *event)
{
    uintptr_t differs = 0;
    for (uint32_t i = 0; i < event->frame_count; i++)
        differs |= (uintptr_t)site->frames[i] ^ (uintptr_t)event->frames[i];
    return !differs;
}

static bool
site_is(const struct verify_site *site, const struct verify_event *event, const char *what)
{
    return site->what == what && site->function == event->function && site->driver == event->driver && site->thread == event->thread &&
           site->frame_count == event->frame_count && frames_are(site, event);
}

static const struct verify_site *
site_find(const struct verify_site *site, const struct verify_event *event, const char *what)
{
    while (site && !site_is(site, event, what))
        site = site->next;
    return site;
}

static __attribute__((noinline, cold)) const struct verify_site *
site_add(struct verify_site *_Atomic *bucket, const struct verify_event *event, const char *what)
{
    struct verify_site *site = malloc(sizeof *site + event->frame_count * sizeof event->frames[0]);
    if (!site)
        abort();                              // a history with holes proves nothing
    *site = (struct verify_site){.what = what,
                                 .function = event->function,
                                 .driver = event->driver,
                                 .thread = event->thread,
                                 .frame_count = event->frame_count};
    memcpy(site->frames, event->frames, event->frame_count * sizeof event->frames[0]);
    site->next = atomic_load(bucket);
    do {
        const struct verify_site *other = site_find(site->next, event, what);   // somebody may have been faster
        if (other) {
            free(site);
            return other;
        }
    } while (!atomic_compare_exchange_weak(bucket, &site->next, site));
    return site;
}

static const struct verify_site *
site_of(struct verify *verify, const struct verify_event *event, const char *what)
{
    struct verify_site *_Atomic *bucket = bucket_of(&verify->sites, event, what);
    const struct verify_site *site = site_find(atomic_load_explicit(bucket, memory_order_acquire), event, what);
    return __builtin_expect(site != NULL, 1) ? site : site_add(bucket, event, what);
}

void
verify_sites_clear(struct verify_sites *sites)
{
    for (uint32_t i = 0; i < VERIFY_SITE_BUCKETS; i++)
        for (struct verify_site *site = sites->bucket[i], *next; site; site = next) {
            next = site->next;
            free(site);
        }
}

// ---- events ---------------------------------------------------------------------------------------------------------------------------

// All but the time.
static void
event_begin(struct verify_event *event, const char *what, const char *function, const struct io_image *driver)
{
    event->what = what;
    event->function = function;
    event->driver = driver;
    event->thread = sched_self->id;
    event->frame_count = 0;
}

void
verify_event_make(struct verify_event *event, const char *what, const char *function, const struct io_image *driver, bool with_stack)
{
    event_begin(event, what, function, driver);
    event->at_ticks = sched_ticks(sched_self->sched);
    if (with_stack)
        event->frame_count = (uint32_t)symbol_backtrace(event->frames, VERIFY_EVENT_FRAMES);
}

struct verify_mark
verify_mark_make(struct verify *verify, const char *what, const char *function, const struct io_image *driver, bool with_stack)
{
    struct verify_event event;
    event_begin(&event, what, function, driver);
    if (with_stack)
        event.frame_count = (uint32_t)symbol_backtrace(event.frames, VERIFY_EVENT_FRAMES);
    return (struct verify_mark){site_of(verify, &event, what), sched_ticks(sched_self->sched)};
}

void
verify_history_put(struct verify *verify, struct verify_history *history, const struct verify_event *event, const char *what)
{
    verify_history_mark(history, (struct verify_mark){site_of(verify, event, what), event->at_ticks});
}

struct verify_event
verify_mark_event(const struct verify_mark *mark)
{
    const struct verify_site *site = mark->site;
    struct verify_event event = {.what = site->what,
                                 .function = site->function,
                                 .driver = site->driver,
                                 .at_ticks = mark->at_ticks,
                                 .thread = site->thread,
                                 .frame_count = site->frame_count};
    memcpy(event.frames, site->frames, site->frame_count * sizeof event.frames[0]);
    return event;
}

struct verify_event
verify_history_event(const struct verify_history *history, uint32_t slot)
{
    return verify_mark_event(&history->mark[slot]);
}
