// SPDX-License-Identifier: MIT
// One trace file written from several threads: every record is whole and none is missing.
#include <stdlib.h>
#include <unistd.h>

#include "real.h"
#include "wire/pcapng.h"

enum { writers = 4, frames_each = 5000 };

struct writer {
    struct pcapng_writer *trace;
    uint32_t interface;
};

static void
write_frames(void *arg)
{
    struct writer *writer = arg;
    uint8_t frame[300];
    memset(frame, (int)writer->interface, sizeof(frame));
    struct iovec iov[2] = {{frame, 100}, {frame + 100, 200}};
    for (uint32_t i = 0; i < frames_each; i++) {
        pcapng_frame_write(writer->trace, writer->interface, i, PCAPNG_OUTBOUND, iov, 2, 60 + i % 240, i % 7 ? NULL : "seventh");
        if (i % 1000 == 0)
            pcapng_event_write(writer->trace, i, "a thousand more");
    }
}

REAL_TEST(pcapng_records_of_several_threads_are_whole)
{
    struct writer writer[writers];
    struct sched_thread *threads[writers];
    struct pcapng_writer *trace;
    struct pcapng_reader *reader;
    struct pcapng_record record;
    uint32_t frames[writers] = {0}, events = 0;
    char path[] = "/tmp/nbx-trace-XXXXXX";
    close(mkstemp(path));
    ck_assert_int_eq(pcapng_writer_create(sched, path, "test", &trace), 0);
    for (uint32_t i = 0; i < writers; i++) {
        int interface = pcapng_interface_add(trace, "edge", "", PCAPNG_ETHERNET);
        ck_assert_int_eq(interface, (int)i);
        writer[i] = (struct writer){trace, i};
    }
    for (int i = 0; i < writers; i++)
        ck_assert_int_eq(sched_thread_start(sched, "writer", write_frames, &writer[i], NULL, &threads[i]), 0);
    for (int i = 0; i < writers; i++)
        sched_thread_join(sched, threads[i]);
    ck_assert_int_eq(pcapng_writer_destroy(trace), 0);
    ck_assert_int_eq(pcapng_reader_open(path, &reader), 0);
    while (pcapng_reader_next(reader, &record) == 1) {
        if (record.link_type == PCAPNG_EVENTS) {
            events++;
            continue;
        }
        // In the order of its own thread, with its own bytes.
        uint32_t n = frames[record.interface]++;
        ck_assert_uint_eq(record.unix_ns, n);
        ck_assert_uint_eq(record.captured_bytes, 60 + n % 240);
        ck_assert_str_eq(record.comment, n % 7 ? "" : "seventh");
        uint32_t strange = 0;
        for (uint32_t b = 0; b < record.captured_bytes; b++)
            strange += record.data[b] != record.interface;
        ck_assert_uint_eq(strange, 0);
    }
    ck_assert_str_eq(pcapng_reader_error(reader), "");
    for (int i = 0; i < writers; i++)
        ck_assert_uint_eq(frames[i], frames_each);
    ck_assert_uint_eq(events, writers * 5);
    pcapng_reader_close(reader);
    unlink(path);
}
