// SPDX-License-Identifier: MIT
// See timeline.h. A record is "box.place.driver: Call: details; from driver", or a sentence of the script.
//   timeline_add -> record_read -> chain_goes_on: the next hop of a call that is there already, or row_of: a new row or one that counts
//   timeline_print: rows in order; a row that counts stands where its first call was
// A row that counts ends at the next one of its box that does not, so that it says what passed between two things that happened. So does
// one that lists: what is made in one go, or closed, is one row with all its names.
#include "timeline.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "out.h"

#define ROWS_MAX 20000                           // a longer story is cut, and says so
#define RECENT 8                                 // calls that may have another hop to come
#define NAME_BYTES 48
#define DRIVERS_MAX 6                            // of one way; the rest is "..."

struct way {                                     // driver by driver, the caller first
    char driver[DRIVERS_MAX][NAME_BYTES];
    size_t count;
};

struct row {
    uint64_t ns;
    char box[NAME_BYTES], call[NAME_BYTES], details[192];
    bool is_list;
    struct way way;                              // no driver: a sentence of the script, in details
    uint64_t times, bytes, results;              // of one that counts
};

struct recent {
    size_t row;
    char box[NAME_BYTES], call[NAME_BYTES], last[NAME_BYTES];
    bool is_open;
};

struct timeline {
    pthread_mutex_t lock;
    struct row *rows;
    size_t count, room;
    uint64_t first_ns, cut;
    bool has_first;
    struct recent recent[RECENT];
    size_t next_recent;
};

struct record {
    char box[NAME_BYTES], to[NAME_BYTES], from[NAME_BYTES], call[NAME_BYTES];
    const char *details;
    size_t details_length;
};

// What a driver's handler is called by, and whether its calls are counted (data), listed, or hardly ever worth a line (hidden). A * at the
// end of a handler stands for any end.
static const struct call {
    const char *handler, *function;
    enum {
        CALL_SHOWN,
        CALL_COUNTED,
        CALL_LISTED,
        CALL_HIDDEN
    } kind;
} calls[] = {{"MiniportInitiateOffload", "NdisInitiateOffload", CALL_SHOWN},
             {"MiniportTerminateOffload", "NdisTerminateOffload", CALL_SHOWN},
             {"MiniportUpdateOffload", "NdisUpdateOffload", CALL_SHOWN},
             {"MiniportInvalidateOffload", "NdisInvalidateOffload", CALL_SHOWN},
             {"MiniportQueryOffload", "NdisQueryOffloadState", CALL_SHOWN},
             {"MiniportTcpOffloadSend", "NdisOffloadTcpSend", CALL_COUNTED},
             {"MiniportTcpOffloadReceive", "NdisOffloadTcpReceive", CALL_COUNTED},
             {"MiniportTcpOffloadDisconnect", "NdisOffloadTcpDisconnect", CALL_SHOWN},
             {"MiniportTcpOffloadForward", "NdisOffloadTcpForward", CALL_COUNTED},
             {"MiniportTcpOffloadReceiveReturn", "NdisOffloadTcpReceiveReturn", CALL_HIDDEN},
             {"ProtocolInitiateOffloadComplete", "NdisMInitiateOffloadComplete", CALL_SHOWN},
             {"ProtocolTerminateOffloadComplete", "NdisMTerminateOffloadComplete", CALL_SHOWN},
             {"ProtocolUpdateOffloadComplete", "NdisMUpdateOffloadComplete", CALL_SHOWN},
             {"ProtocolInvalidateOffloadComplete", "NdisMInvalidateOffloadComplete", CALL_SHOWN},
             {"ProtocolQueryOffloadComplete", "NdisMQueryOffloadStateComplete", CALL_SHOWN},
             {"ProtocolTcpOffloadSendComplete", "NdisTcpOffloadSendComplete", CALL_HIDDEN},
             {"ProtocolTcpOffloadReceiveComplete", "NdisTcpOffloadReceiveComplete", CALL_COUNTED},
             {"ProtocolTcpOffloadDisconnectComplete", "NdisTcpOffloadDisconnectComplete", CALL_SHOWN},
             {"ProtocolTcpOffloadForwardComplete", "NdisTcpOffloadForwardComplete", CALL_HIDDEN},
             {"ProtocolTcpOffloadEvent", "NdisTcpOffloadEventHandler", CALL_SHOWN},
             {"ProtocolTcpOffloadReceiveIndicate", "NdisTcpOffloadReceiveHandler", CALL_COUNTED},
             {"ProtocolIndicateOffloadEvent", "NdisMOffloadEventIndicate", CALL_SHOWN},
             {"NdkCreate*", "NdkCreate...", CALL_LISTED},
             {"NdkCloseObject", "NdkClose...", CALL_LISTED},
             {"NdkRegisterMr", "NdkRegisterMr", CALL_COUNTED},
             {"NdkDeregisterMr", "NdkDeregisterMr", CALL_HIDDEN},
             {"NdkBuildLAM", "NdkBuildLAM", CALL_COUNTED},
             {"NdkReceive", "NdkReceive", CALL_COUNTED},
             {"NdkSrqReceive", "NdkSrqReceive", CALL_COUNTED},
             {"NdkSend", "NdkSend", CALL_COUNTED},
             {"NdkSendAndInvalidate", "NdkSendAndInvalidate", CALL_COUNTED},
             {"NdkRead", "NdkRead", CALL_COUNTED},
             {"NdkWrite", "NdkWrite", CALL_COUNTED},
             {"NdkBind", "NdkBind", CALL_COUNTED},
             {"NdkFastRegister", "NdkFastRegister", CALL_COUNTED},
             {"NdkInvalidate", "NdkInvalidate", CALL_LISTED},
             {"NdkGetCqResults", "NdkGetCqResults", CALL_COUNTED},
             {"NdkGetCqResultsEx", "NdkGetCqResultsEx", CALL_COUNTED},
             {"NdkCqNotificationCallback", "NdkCqNotificationCallback", CALL_HIDDEN},
             {"NdkSrqNotificationCallback", "NdkSrqNotificationCallback", CALL_HIDDEN},
             {"TDI_SEND", "TDI_SEND", CALL_COUNTED},
             {"TDI_SEND complete", "TDI_SEND complete", CALL_HIDDEN},
             {"TDI_RECEIVE", "TDI_RECEIVE", CALL_HIDDEN},
             {"TDI_RECEIVE complete", "TDI_RECEIVE complete", CALL_HIDDEN},
             {"TDI_SEND_DATAGRAM", "TDI_SEND_DATAGRAM", CALL_COUNTED},
             {"TDI_SEND_DATAGRAM complete", "TDI_SEND_DATAGRAM complete", CALL_HIDDEN}};

// ---- reading --------------------------------------------------------------------------------------------------------------------------

static void
name_copy(char to[NAME_BYTES], const char *text, size_t length)
{
    snprintf(to, NAME_BYTES, "%.*s", (int)(length < NAME_BYTES ? length : NAME_BYTES - 1), text);
}

// fails: false; it is a sentence
static bool
record_read(const char *text, struct record *record)
{
    const char *colon = strstr(text, ": "), *space = strchr(text, ' ');
    const char *dot = colon ? memchr(text, '.', (size_t)(colon - text)) : NULL, *last = dot;
    if (!dot || (space && space < colon))
        return false;
    for (const char *at = dot; at < colon; at++)
        last = *at == '.' ? at : last;
    const char *call = colon + 2, *from = NULL;
    for (const char *at = call; (at = strstr(at, "; from ")); at++)
        from = at;
    const char *end = from ? from : call + strlen(call), *call_end = strstr(call, ": ");
    if (!call_end || call_end > end)
        call_end = end;
    *record = (struct record){.details = call_end < end ? call_end + 2 : end};
    record->details_length = (size_t)(end - record->details);
    name_copy(record->box, text, (size_t)(dot - text));
    name_copy(record->to, last + 1, (size_t)(colon - last - 1));
    name_copy(record->call, call, (size_t)(call_end - call));
    if (from)
        name_copy(record->from, from + 7, strlen(from + 7));
    return last > dot;
}

static const struct call *
call_of(const struct record *record)
{
    static const struct call other = {"", NULL, CALL_SHOWN};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        size_t length = strlen(calls[i].handler);
        bool is_any = calls[i].handler[length - 1] == '*' && !strncmp(calls[i].handler, record->call, length - 1);
        if (is_any || !strcmp(calls[i].handler, record->call))
            return &calls[i];
    }
    return &other;
}

static bool
has_details(const struct record *record, const char *words)
{
    const char *at = strstr(record->details, words);
    return at && at + strlen(words) <= record->details + record->details_length;
}

// A request that failed is worth a line of its own, and how much a target would like to have is not.
static bool
is_worth(const struct call *call, const struct record *record)
{
    if (call->kind == CALL_HIDDEN && !strncmp(call->handler, "Ndk", 3))
        return has_details(record, "STATUS_");
    if (call->kind == CALL_HIDDEN && strstr(call->handler, " complete"))
        return record->details_length < 14 || strncmp(record->details, "STATUS_SUCCESS", 14) != 0;
    bool is_backlog = record->details_length >= 28 && !strncmp(record->details, "TcpIndicateSendBacklogChange", 28);
    return call->kind != CALL_HIDDEN && !is_backlog;
}

// "2 lists, 2920 bytes" or "16384 bytes": the number in front of the word.
static uint64_t
number_of(const struct record *record, const char *word)
{
    for (size_t i = 0; i < record->details_length; i++) {
        char *end;
        if (record->details[i] < '0' || record->details[i] > '9')
            continue;
        unsigned long long number = strtoull(record->details + i, &end, 10);
        if (*end == ' ' && !strncmp(end + 1, word, strlen(word)))
            return number;
        i = (size_t)(end - record->details);
    }
    return 0;
}

// ---- rows -----------------------------------------------------------------------------------------------------------------------------

static void
way_add(struct way *way, const char *driver)
{
    if (way->count < DRIVERS_MAX)
        snprintf(way->driver[way->count++], NAME_BYTES, "%s", driver);
    else
        snprintf(way->driver[DRIVERS_MAX - 1], NAME_BYTES, "...");
}

// fails: NULL; the story is cut
static struct row *
row_new(struct timeline *timeline, uint64_t ns)
{
    if (timeline->count == timeline->room && timeline->room < ROWS_MAX) {
        size_t room = timeline->room ? timeline->room * 2 : 64;
        struct row *rows = realloc(timeline->rows, room * sizeof *rows);
        timeline->rows = rows ? rows : timeline->rows;
        timeline->room = rows ? room : timeline->room;
    }
    if (timeline->count >= timeline->room) {
        timeline->cut++;
        return NULL;
    }
    struct row *row = &timeline->rows[timeline->count++];
    *row = (struct row){.ns = ns - timeline->first_ns};
    return row;
}

// The next hop: the driver that was called last calls on. Returns whether it is one.
static bool
chain_goes_on(struct timeline *timeline, const struct record *record)
{
    for (size_t i = 0; i < RECENT; i++) {
        struct recent *recent = &timeline->recent[i];
        if (!recent->is_open || !record->from[0] || strcmp(recent->box, record->box) || strcmp(recent->call, record->call) ||
            strcmp(recent->last, record->from))
            continue;
        struct way *way = &timeline->rows[recent->row].way;
        // A row that counts has its whole way from the first of its calls.
        bool is_known = false;
        for (size_t d = 0; d + 1 < way->count; d++)
            is_known |= !strcmp(way->driver[d], record->from) && !strcmp(way->driver[d + 1], record->to) &&
                        timeline->rows[recent->row].times > 1;
        if (!is_known)
            way_add(way, record->to);
        snprintf(recent->last, NAME_BYTES, "%s", record->to);
        return true;
    }
    return false;
}

// A row of this call since the last thing that happened in its box or by the script, or NULL.
static struct row *
row_counting(struct timeline *timeline, const struct record *record, const char *function)
{
    for (size_t i = timeline->count; i > 0; i--) {
        struct row *row = &timeline->rows[i - 1];
        bool is_here = !strcmp(row->box, record->box);
        if (!row->way.count || (is_here && !row->times))
            return NULL;
        bool is_way = row->way.count >= 2 && !strcmp(row->way.driver[0], record->from) && !strcmp(row->way.driver[1], record->to);
        if (is_here && is_way && !strcmp(row->call, function))
            return row;
    }
    return NULL;
}

static void
recent_add(struct timeline *timeline, const struct row *row, const struct record *record)
{
    struct recent *recent = &timeline->recent[timeline->next_recent++ % RECENT];
    *recent = (struct recent){.row = (size_t)(row - timeline->rows), .is_open = true};
    snprintf(recent->box, NAME_BYTES, "%s", record->box);
    snprintf(recent->call, NAME_BYTES, "%s", record->call);
    snprintf(recent->last, NAME_BYTES, "%s", record->to);
}

// "CQ 1, PD 1, MR 1": one more name; when there is no room, that there are more.
static void
row_list(struct row *row, const struct record *record)
{
    size_t used = strlen(row->details), room = sizeof row->details - used;
    if (room > record->details_length + 8)
        snprintf(row->details + used, room, ", %.*s", (int)record->details_length, record->details);
    else if (room > 5 && strcmp(row->details + used - 3, "..."))
        snprintf(row->details + used, room, ", ...");
}

static void
call_add(struct timeline *timeline, uint64_t ns, const struct record *record)
{
    const struct call *call = call_of(record);
    const char *function = call->function ? call->function : record->call;
    bool counts = call->kind != CALL_SHOWN;              // a request that failed too: there may be several
    bool is_failed = call->kind == CALL_COUNTED && has_details(record, " failed: ");
    if (is_failed)
        counts = false;
    if (!is_worth(call, record) || chain_goes_on(timeline, record))
        return;
    struct row *row = counts ? row_counting(timeline, record, function) : NULL;
    if (row && call->kind == CALL_LISTED)
        row_list(row, record);
    if (!row && (row = row_new(timeline, ns))) {
        snprintf(row->box, NAME_BYTES, "%s", record->box);
        snprintf(row->call, NAME_BYTES, "%s", function);
        snprintf(row->details, sizeof row->details, "%.*s", (int)record->details_length, record->details);
        if (record->from[0])
            way_add(&row->way, record->from);
        way_add(&row->way, record->to);
    }
    if (!row)
        return;
    row->times += counts;
    if (call->kind == CALL_LISTED)
        row->is_list = true;
    row->bytes += counts ? number_of(record, "bytes") : 0;
    row->results += counts ? number_of(record, "result") : 0;
    recent_add(timeline, row, record);
}

void
timeline_add(struct timeline *timeline, uint64_t unix_ns, const char *text)
{
    struct record record;
    pthread_mutex_lock(&timeline->lock);
    if (!timeline->has_first)
        timeline->first_ns = unix_ns;
    timeline->has_first = true;
    uint64_t ns = unix_ns > timeline->first_ns ? unix_ns : timeline->first_ns;
    if (record_read(text, &record)) {
        call_add(timeline, ns, &record);
    } else {
        struct row *row = row_new(timeline, ns);
        if (row)
            snprintf(row->details, sizeof row->details, "%s", text);
    }
    pthread_mutex_unlock(&timeline->lock);
}

// ---- printing -------------------------------------------------------------------------------------------------------------------------

// "tcpip → passthru → vnic"; an arrow is one place wide. Returns the width.
static size_t
way_put(const struct way *way, char *text, size_t bytes)
{
    size_t width = 0, at = 0;
    text[0] = 0;
    for (size_t i = 0; i < way->count; i++) {
        int put = snprintf(text + at, bytes - at, "%s%s", i ? " → " : way->count == 1 ? "→ " : "", way->driver[i]);
        at = put > 0 && at + (size_t)put < bytes ? at + (size_t)put : bytes - 1;
        width += strlen(way->driver[i]) + (i ? 3 : way->count == 1 ? 2 : 0);
    }
    return width;
}

struct widths {
    size_t box, way, call;
};

static struct widths
widths_of(const struct timeline *timeline)
{
    struct widths widths = {6, 0, 0};
    char way[DRIVERS_MAX * (NAME_BYTES + 8)];
    for (size_t i = 0; i < timeline->count; i++) {
        const struct row *row = &timeline->rows[i];
        size_t way_width = way_put(&row->way, way, sizeof way), call = strlen(row->call), box = strlen(row->box);
        widths.way = way_width > widths.way ? way_width : widths.way;
        widths.call = call > widths.call ? call : widths.call;
        widths.box = box > widths.box ? box : widths.box;
    }
    return widths;
}

static void
row_print(const struct row *row, const struct widths *widths, FILE *stream)
{
    char way[DRIVERS_MAX * (NAME_BYTES + 8)], number[OUT_NUMBER_BYTES];
    fprintf(stream, "%8.1f ms  ", (double)row->ns / 1e6);
    if (!row->way.count) {
        out_styled(stream, OUT_STYLE_BOLD, "script");
        fprintf(stream, "%*s  %s\n", (int)(widths->box - 6), "", row->details);
        return;
    }
    size_t width = way_put(&row->way, way, sizeof way);
    fprintf(stream, "%-*s  %s%*s  %-*s  ", (int)widths->box, row->box, way, (int)(widths->way - width), "", (int)widths->call, row->call);
    size_t call = strlen(row->call), suffix = strlen(" complete");
    if (row->is_list)
        fprintf(stream, "%s\n", row->details);
    else if (row->results > 1)
        fprintf(stream, "%llu results, %s bytes\n", (unsigned long long)row->results, out_count(number, row->bytes));
    else if (row->times > 1 && call > suffix && !strcmp(row->call + call - suffix, " complete"))
        fprintf(stream, "%llu times, %s\n", (unsigned long long)row->times, row->details);
    else if (row->times > 1)
        fprintf(stream, "%llu times, %s bytes\n", (unsigned long long)row->times, out_count(number, row->bytes));
    else if (row->times && row->bytes)
        fprintf(stream, "%s bytes\n", out_count(number, row->bytes));
    else
        fprintf(stream, "%s\n", row->details);
}

void
timeline_print(const struct timeline *timeline, FILE *stream)
{
    struct widths widths = widths_of(timeline);
    for (size_t i = 0; i < timeline->count; i++)
        row_print(&timeline->rows[i], &widths, stream);
    if (timeline->cut)
        fprintf(stream, "... and %llu more\n", (unsigned long long)timeline->cut);
}

struct timeline *
timeline_create(void)
{
    struct timeline *timeline = calloc(1, sizeof *timeline);
    if (timeline)
        pthread_mutex_init(&timeline->lock, NULL);
    return timeline;
}

void
timeline_destroy(struct timeline *timeline)
{
    if (!timeline)
        return;
    pthread_mutex_destroy(&timeline->lock);
    free(timeline->rows);
    free(timeline);
}
