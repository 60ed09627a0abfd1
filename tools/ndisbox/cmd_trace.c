// SPDX-License-Identifier: MIT
// ndisbox trace: a pcapng file as lines, one a frame or event: time since the first, edge, direction, length, what the frame is, and
// its comment. frame.c says what a frame is; everything read from the file is shown without control characters.
#include <jansson.h>
#include <signal.h>
#include <string.h>

#include "frame.h"
#include "out.h"
#include "timeline.h"
#include "tool.h"
#include "wire/pcapng.h"

enum trace_as {
    TRACE_AS_TEXT,
    TRACE_AS_JSON,
    TRACE_AS_TIMELINE
};

struct trace {
    enum trace_as as;
    const char *edge;            // part of an interface's name, or NULL
    uint64_t limit, shown, read;
    uint64_t first_ns;
    struct timeline *timeline;
};

static const char *
edge_name(const struct pcapng_record *record, char *text, size_t room)
{
    if (record->interface_name[0])
        snprintf(text, room, "%s", record->interface_name);
    else
        snprintf(text, room, "%u", record->interface);
    frame_clean(text);
    return text;
}

static const char *
direction_word(enum pcapng_direction direction)
{
    return direction == PCAPNG_INBOUND ? "in" : direction == PCAPNG_OUTBOUND ? "out"
                                                                             : "";
}

// What the metadata say of the frame's checksum.
static const char *
sum_word(const struct pcapng_record *record)
{
    return record->flags & PCAPNG_SUM_OPEN ? "to be filled in" : record->flags & PCAPNG_SUM_VALID ? "checked"
                                                                                                  : "";
}

static void
show_text(struct trace *trace, const struct pcapng_record *record, const char *edge, const char *what, const char *comment)
{
    uint64_t since_ns = record->unix_ns >= trace->first_ns ? record->unix_ns - trace->first_ns : 0;
    printf("%6llu.%09llu  ", (unsigned long long)(since_ns / 1000000000), (unsigned long long)(since_ns % 1000000000));
    out_styled(stdout, OUT_STYLE_BOLD, "%-24s", edge);
    if (record->link_type == PCAPNG_ETHERNET)
        printf(" %-3s %5u  %s%s%s", direction_word(record->direction), record->original_bytes, what,
               sum_word(record)[0] ? ", checksum " : "", sum_word(record));
    else
        printf("           %s", what);
    if (comment[0]) {
        fputs(record->link_type == PCAPNG_ETHERNET ? "  " : "", stdout);
        out_styled(stdout, OUT_STYLE_DIM, "%s%s", record->link_type == PCAPNG_ETHERNET ? "# " : "", comment);
    }
    fputc('\n', stdout);
}

static void
show_json(const struct pcapng_record *record, const char *edge, const char *what, const char *comment)
{
    json_t *json = json_pack("{s:I, s:s, s:I, s:I}", "unix_ns", (json_int_t)record->unix_ns, "edge", edge, "bytes",
                             (json_int_t)record->original_bytes, "captured", (json_int_t)record->captured_bytes);
    if (!json)
        return;
    if (record->direction != PCAPNG_NO_DIRECTION)
        json_object_set_new(json, "direction", json_string(direction_word(record->direction)));
    if (sum_word(record)[0])
        json_object_set_new(json, "checksum", json_string(sum_word(record)));
    if (what[0])
        json_object_set_new(json, "frame", json_string(what));
    if (comment[0])
        json_object_set_new(json, "comment", json_string(comment));
    json_dumpf(json, stdout, JSON_COMPACT);
    fputc('\n', stdout);
    json_decref(json);
}

static const char *
comment_clean(const struct pcapng_record *record, char *text, size_t room)
{
    snprintf(text, room, "%s", record->comment);
    frame_clean(text);
    return text;
}

static void
show(struct trace *trace, const struct pcapng_record *record)
{
    char edge[128], what[256] = "", comment[1024];
    if (!trace->read++)
        trace->first_ns = record->unix_ns;
    if (trace->as == TRACE_AS_TIMELINE) {
        if (record->link_type != PCAPNG_ETHERNET && record->comment[0])
            timeline_add(trace->timeline, record->unix_ns, comment_clean(record, comment, sizeof comment));
        return;
    }
    edge_name(record, edge, sizeof edge);
    if (trace->edge && !strstr(edge, trace->edge))
        return;
    comment_clean(record, comment, sizeof comment);
    if (record->link_type == PCAPNG_ETHERNET)
        frame_describe(record->data, record->captured_bytes, what, sizeof what);
    if (trace->as == TRACE_AS_JSON)
        show_json(record, edge, what, comment);
    else
        show_text(trace, record, edge, what, comment);
    trace->shown++;
}

// Exit 1 when the file ends in the middle, after what came before was shown; 2 when it is no pcapng at all.
static int
finish(const struct trace *trace, const struct pcapng_reader *reader, const char *path, int rc)
{
    if (rc < 0) {
        out_error("%s: %s", path, pcapng_reader_error(reader));
        return trace->read ? EXIT_FINDING : EXIT_USAGE;
    }
    if (trace->edge && !trace->shown && trace->read)
        out_note("none of %llu records is of an edge whose name contains \"%s\"", (unsigned long long)trace->read, trace->edge);
    else if (!trace->read)
        out_note("%s holds no frame and no event", path);
    return EXIT_CLEAN;
}

int
cmd_trace(const struct args *args)
{
    const char *path = args->operands[0];
    struct trace trace = {.as = (enum trace_as)args_word(args, "as", TRACE_AS_TEXT),
                          .edge = args_text(args, "edge"),
                          .limit = args_uint(args, "limit", UINT64_MAX)};
    struct pcapng_reader *reader = NULL;
    int rc = pcapng_reader_open(path, &reader);
    if (rc) {
        out_error("%s: %s", path, strerror(-rc));
        return EXIT_USAGE;
    }
    signal(SIGPIPE, SIG_DFL);   // "| head" ends it like any filter
    struct pcapng_record record;
    trace.timeline = trace.as == TRACE_AS_TIMELINE ? timeline_create() : NULL;
    if (trace.as == TRACE_AS_TIMELINE && !trace.timeline) {
        out_error("out of memory");
        pcapng_reader_close(reader);
        return EXIT_MACHINE;
    }
    while (trace.shown < trace.limit && (rc = pcapng_reader_next(reader, &record)) > 0)
        show(&trace, &record);
    if (trace.timeline)
        timeline_print(trace.timeline, stdout);
    timeline_destroy(trace.timeline);
    int code = finish(&trace, reader, path, rc);
    pcapng_reader_close(reader);
    return code;
}
