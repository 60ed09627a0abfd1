// SPDX-License-Identifier: MIT
// See report.h. Paths: verify_report -> the stack is resolved (whose frame is it? suppressed? said before?) -> text in one piece, to stderr
// and the report files (sink.h), and the same as JSON -> box->on_finding (a tape is written, the replay command said) -> _Exit(1): what is
// left of the box cannot be taken down in order, because the call that broke the rule has no result to go on with.
#include "verify/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "host/symbol.h"
#include "nt/io/image.h"
#include "verify/sink.h"
#include "verify/verify.h"

#define FRAMES_MAX 48

struct told {                                 // a finding on its way out
    const struct verify_finding *finding;
    const struct io_image *driver;
    struct ke_thread *self;                   // NULL: not in a box
    struct symbols *symbols;
    const void *own[FRAMES_MAX];
    const void *const *frames;
    size_t count, first;                      // the verifier's own innermost frames are not shown
    bool first_is_pc;
    struct symbol at;                         // the frame that the report points at
    char function[128], file[512];            // of it: symbols' texts may move
};

static struct ke_thread *
thread_here(void)
{
    struct ke_thread *self = sched_self ? sched_self->user : NULL;
    return self && self->box ? self : NULL;
}

static void
place_of(const struct told *told, size_t i, struct symbol *place)
{
    *place = (struct symbol){0};
    if (told->symbols && i < told->count)
        symbols_resolve(told->symbols, i || !told->first_is_pc ? (const char *)told->frames[i] - 1 : told->frames[i], place, 1);
}

bool
report_is_runtime(const char *file)
{
    static const char *const rooms[] = {"/src/ndis/", "/src/nt/", "/src/verify/", "/src/host/",
                                        "/src/sim/", "/src/loader/", "/src/base/", "/src/nbx/"};
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++)
        if (strstr(file, rooms[i]))
            return true;
    return false;
}

// The frame that the report points at: the innermost one in the driver's image; for a driver without one, the innermost one outside
// the runtime. count: none.
static size_t
driver_frame(const struct told *told)
{
    for (size_t i = 0; told->finding->at && i < told->count; i++)
        if (told->frames[i] == told->finding->at)
            return i;
    for (size_t i = 0; i < told->count; i++)
        if (io_image_covers(told->driver, told->frames[i]))
            return i;
    for (size_t i = 0; i < told->count; i++) {
        struct symbol place;
        place_of(told, i, &place);
        if (place.file && !report_is_runtime(place.file))
            return i;
    }
    return told->count;
}

static void
told_begin(struct told *told, const struct verify_finding *finding)
{
    *told = (struct told){.finding = finding, .self = thread_here()};
    told->driver = finding->driver ? finding->driver : told->self ? told->self->driver : NULL;
    told->frames = finding->frames ? finding->frames : told->own;
    told->count = finding->frames ? finding->frame_count : symbol_backtrace(told->own, FRAMES_MAX);
    told->first_is_pc = finding->frames && !finding->is_return;
    told->symbols = symbols_create();
    place_of(told, driver_frame(told), &told->at);
    snprintf(told->function, sizeof told->function, "%s", told->at.function ? told->at.function : "");
    snprintf(told->file, sizeof told->file, "%s", told->at.file ? told->at.file : "");
    for (; told->first < told->count && (!finding->frames || finding->is_return); told->first++) {
        struct symbol place;
        place_of(told, told->first, &place);
        if (!place.file || !strstr(place.file, "/src/verify/"))
            break;
    }
}

// ---- as text --------------------------------------------------------------------------------------------------------------------------

// Histories are told on a thread of the scheduler that wrote them.
static uint64_t
event_ns(const struct verify_event *event)
{
    return sched_self ? sched_ticks_ns(sched_self->sched, event->at_ticks) : 0;
}

static void
text_event(const struct told *told, const struct verify_event *event, FILE *out)
{
    fprintf(out, "    %s %s, %s, thread %u, %.9f s\n", event->what, event->driver ? event->driver->name : "ndisbox", event->function,
            event->thread, (double)event_ns(event) / 1e9);
    size_t first = 0;
    for (; told->symbols && first < event->frame_count; first++) {
        struct symbol place = {0};
        symbols_resolve(told->symbols, (const char *)event->frames[first] - 1, &place, 1);
        if (!place.file || !strstr(place.file, "/src/verify/"))
            break;
    }
    if (told->symbols && first < event->frame_count)
        symbols_print(told->symbols, out, event->frames + first, event->frame_count - first, true);
}

// The i-th of what is kept: the first, then the last ones; *number is which it was of all.
static struct verify_event
history_at(const struct verify_history *history, uint32_t kept, uint32_t i, uint32_t *number)
{
    *number = i ? history->count - kept + i : 0;
    return verify_history_event(history, *number ? 1 + (*number - 1) % (VERIFY_EVENTS - 1) : 0);
}

static uint32_t
history_kept(const struct verify_history *history)
{
    return history->count < VERIFY_EVENTS ? history->count : VERIFY_EVENTS;
}

static void
text_object(const struct told *told, FILE *out)
{
    const struct verify_history *history = told->finding->history;
    if (told->finding->object_kind)
        fprintf(out, "  object %s %p\n", told->finding->object_kind, told->finding->object);
    for (uint32_t i = 0, number, kept = history ? history_kept(history) : 0; i < kept; i++) {
        const struct verify_event at = history_at(history, kept, i, &number), *event = &at;
        if (i == 1 && number != 1)
            fprintf(out, "    (%u more)\n", number - 1);
        text_event(told, event, out);
    }
}

static const char *
replay_of(const struct told *told)
{
    struct verify *verify = told->self ? told->self->box->verify : NULL;
    return verify && verify->sink ? verify_sink_replay_get(verify->sink) : NULL;
}

static void
text_print(const struct told *told, FILE *out)
{
    const struct verify_rule_row *row = &verify_rules[told->finding->rule];
    struct ke_thread *self = told->self;
    if (told->file[0])
        fprintf(out, "%s:%u:%u: error: ", told->file, told->at.line, told->at.column);
    else
        fprintf(out, "ndisbox: error: ");
    if (!told->finding->is_sentence)
        fprintf(out, "%s: ", told->finding->function);
    fprintf(out, "%s [%s]\n", told->finding->text, row->id);
    if (strcmp(row->windows, "-") != 0)
        fprintf(out, "Windows: %s\n", row->windows);
    fprintf(out, "  driver %s\n", told->driver ? told->driver->name : "(none: the runtime)");
    text_object(told, out);
    if (self)
        fprintf(out, "  box %s, processor %u, thread %s, IRQL %u%s, %llu ns%s\n", self->box->name,
                self->processor ? self->processor->number : 0, sched_self->name, self->irql, self->in_dpc ? ", in a DPC" : "",
                (unsigned long long)sched_now_ns(sched_self->sched), sched_self->sched->is_sim ? " of virtual time" : "");
    if (told->finding->inside)
        fprintf(out, "  inside %s\n", told->finding->inside);
    if (replay_of(told))
        fprintf(out, "  replay: %s\n", replay_of(told));
    if (told->symbols && told->first < told->count)
        symbols_print(told->symbols, out, told->frames + told->first, told->count - told->first, !told->first_is_pc);
}

// ---- as JSON --------------------------------------------------------------------------------------------------------------------------

static json_t *
json_stack(const struct told *told, const void *const *frames, size_t count, bool first_is_pc)
{
    json_t *stack = json_array();
    for (size_t i = 0; told->symbols && i < count; i++) {
        struct symbol place = {0};
        symbols_resolve(told->symbols, i || !first_is_pc ? (const char *)frames[i] - 1 : frames[i], &place, 1);
        json_array_append_new(stack, json_pack("{s:s?, s:s?, s:i, s:i, s:s?}", "function", place.function, "file", place.file, "line",
                                               (int)place.line, "column", (int)place.column, "image", place.image));
    }
    return stack;
}

static json_t *
json_history(const struct told *told)
{
    const struct verify_history *history = told->finding->history;
    json_t *events = json_array();
    for (uint32_t i = 0, number, kept = history ? history_kept(history) : 0; i < kept; i++) {
        const struct verify_event at = history_at(history, kept, i, &number), *event = &at;
        json_array_append_new(events, json_pack("{s:i, s:s, s:s?, s:s, s:i, s:I, s:o}", "number", (int)number, "what", event->what,
                                                "driver", event->driver ? event->driver->name : NULL, "function", event->function,
                                                "thread", (int)event->thread, "at_ns", (json_int_t)event_ns(event), "stack",
                                                json_stack(told, event->frames, event->frame_count, false)));
    }
    return events;
}

static json_t *
json_of(const struct told *told)
{
    const struct verify_rule_row *row = &verify_rules[told->finding->rule];
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:i, s:i, s:o}", "rule", row->id, "name", row->name, "windows",
                             row->windows, "function", told->finding->function, "text", told->finding->text, "driver",
                             told->driver ? told->driver->name : NULL, "file", told->file[0] ? told->file : NULL, "line",
                             (int)told->at.line, "column", (int)told->at.column, "stack",
                             json_stack(told, told->frames + told->first, told->count - told->first, told->first_is_pc));
    if (told->finding->object_kind)
        json_object_set_new(json, "object", json_pack("{s:s, s:o}", "kind", told->finding->object_kind, "history", json_history(told)));
    if (told->self)
        json_object_set_new(json, "where",
                            json_pack("{s:s, s:i, s:s, s:i, s:b, s:I, s:b}", "box", told->self->box->name, "processor",
                                      told->self->processor ? (int)told->self->processor->number : 0, "thread", sched_self->name, "irql",
                                      (int)told->self->irql, "in_dpc", (int)told->self->in_dpc, "at_ns",
                                      (json_int_t)sched_now_ns(sched_self->sched), "virtual", (int)sched_self->sched->is_sim));
    if (told->finding->inside)
        json_object_set_new(json, "inside", json_string(told->finding->inside));
    if (replay_of(told))
        json_object_set_new(json, "replay", json_string(replay_of(told)));
    return json;
}

// ---- out ------------------------------------------------------------------------------------------------------------------------------

static bool
is_suppressed(const struct told *told, struct verify_sink *sink)
{
    char names[FRAMES_MAX][128];
    const char *functions[FRAMES_MAX];
    size_t count = told->count < FRAMES_MAX ? told->count : FRAMES_MAX;
    for (size_t i = 0; i < count; i++) {
        struct symbol place;
        place_of(told, i, &place);
        snprintf(names[i], sizeof names[i], "%s", place.function ? place.function : "");
        functions[i] = names[i];
    }
    return verify_sink_hides(sink, told->finding->rule, functions, count);
}

// One broken rule gives one report: the same rule, driver and place again is none.
static bool
is_said(const struct told *told, struct verify *verify)
{
    uint64_t hash = hash_bytes(HASH_FNV_START, told->file, strlen(told->file));
    hash = hash_fold(hash, told->at.line);
    hash = hash_fold(hash, told->finding->rule);
    hash = hash_bytes(hash, told->driver ? told->driver->name : "", told->driver ? strlen(told->driver->name) : 0) | 1;
    for (size_t i = 0; i < VERIFY_SAID_MAX; i++) {
        uint64_t seen = 0;
        if (atomic_compare_exchange_strong(&verify->said[i], &seen, hash))
            return false;
        if (seen == hash)
            return true;
    }
    return false;
}

static void
out(const struct told *told, struct verify *verify)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *memory = open_memstream(&text, &bytes);
    fflush(stdout);
    text_print(told, memory ? memory : stderr);
    if (memory)
        fclose(memory);
    if (text)
        fputs(text, stderr);
    if (verify && verify->sink)
        verify_sink_add(verify->sink, text ? text : "", json_of(told));
    free(text);
    fflush(stderr);
}

// The first thread that ends the run does; another one waits for the end.
static void
end_begin(struct verify *verify)
{
    uint32_t nobody = 0;
    if (verify && !atomic_compare_exchange_strong(&verify->ending, &nobody, sched_self->id) && nobody != sched_self->id)
        for (;;)
            sched_wait(sched_self->sched, &verify->ending, nobody, SCHED_NEVER);
}

static _Noreturn void
end(const struct told *told)
{
    struct box *box = told->self ? told->self->box : NULL;
    if (box)
        box_broken(box, told->finding->function, told->finding->text);
    fflush(stderr);
    _Exit(1);
}

static struct verify *
verify_of(const struct told *told)
{
    return told->self ? told->self->box->verify : NULL;
}

void
verify_report(const struct verify_finding *finding)
{
    struct told told;
    told_begin(&told, finding);
    struct verify *verify = verify_of(&told);
    bool ends = verify_rules[finding->rule].severity != COUNTS;
    bool is_hidden = verify && ((verify->sink && is_suppressed(&told, verify->sink)) || (!ends && is_said(&told, verify)));
    if (!is_hidden && ends)
        end_begin(verify);
    if (!is_hidden)
        out(&told, verify);
    if (!is_hidden && ends)
        end(&told);
    if (!is_hidden && verify)
        atomic_fetch_add(&verify->findings, 1);
    if (told.symbols)
        symbols_destroy(told.symbols);
}

_Noreturn void
verify_report_fatal(const struct verify_finding *finding)
{
    struct told told;
    told_begin(&told, finding);
    end_begin(verify_of(&told));
    out(&told, verify_of(&told));
    end(&told);
}

void
verify_report_last(const struct verify_finding *finding)
{
    struct told told;
    told_begin(&told, finding);
    out(&told, verify_of(&told));
    if (told.symbols)
        symbols_destroy(told.symbols);
}

void
verify_rule_broken(enum verify_rule rule, const char *function, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    verify_report(&(struct verify_finding){.rule = rule, .function = function, .text = text});
}

_Noreturn void
verify_rule_fatal(enum verify_rule rule, const char *function, const char *text)
{
    verify_report_fatal(&(struct verify_finding){.rule = rule, .function = function, .text = text});
}
