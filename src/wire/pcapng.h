// SPDX-License-Identifier: MIT
// Trace files in the pcapng format [draft-ietf-opsawg-pcapng]: written so that Wireshark shows every edge of a stack as an interface
// and what is not a frame as a comment on the interface `events`; read back for `ndisbox trace`.
//
//   writer  pcapng_writer_create, pcapng_interface_add once an edge, pcapng_frame_write / pcapng_event_write, pcapng_writer_destroy
//   reader  pcapng_reader_open, pcapng_reader_next until 0 or an error, pcapng_reader_close
//
// The writer buffers a megabyte and takes one lock a record, on threads only: a seeded run is the same with and without a trace.
// A full disk or a closed pipe ends the trace, not the run: the first error is kept and returned at the end.
#ifndef NBX_WIRE_PCAPNG_H
#define NBX_WIRE_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/uio.h>

#include "host/sched.h"

enum pcapng_link_type { PCAPNG_ETHERNET = 1, PCAPNG_EVENTS = 147 };   // LINKTYPE_ETHERNET, LINKTYPE_USER0
enum pcapng_direction { PCAPNG_NO_DIRECTION, PCAPNG_INBOUND, PCAPNG_OUTBOUND };
// Bits of epb_flags beside the direction [pcapng, 4.3.1].
enum pcapng_flags {
    PCAPNG_SUM_OPEN = 1 << 9,    // the checksum is still to be filled in below
    PCAPNG_SUM_VALID = 1 << 10,  // it has been checked below
    PCAPNG_SEGMENTS = 1 << 11    // several segments in one frame
};

struct pcapng_writer;

// Start a file, or standard output for "-". sched may be NULL for a single thread.
// owns: *out is the caller's until pcapng_writer_destroy. fails: -errno.
int pcapng_writer_create(struct sched *sched, const char *path, const char *application, struct pcapng_writer **out);
// Write out what is buffered and close. Returns 0 or the first error of the writer's life, -errno.
int pcapng_writer_destroy(struct pcapng_writer *writer);
// Write out what is buffered. Returns 0 or the first error so far.
int pcapng_writer_flush(struct pcapng_writer *writer);

// Describe an edge. Returns its number, or -errno. locks: takes the writer's.
int pcapng_interface_add(struct pcapng_writer *writer, const char *name, const char *description, enum pcapng_link_type link_type);
// One frame at an edge. bytes is its length; flags a direction and of enum pcapng_flags; comment may be NULL.
// irql: <= DISPATCH. locks: takes the writer's.
void pcapng_frame_write(struct pcapng_writer *writer, uint32_t interface, uint64_t unix_ns, uint32_t flags,
                        const struct iovec *iov, uint32_t iov_count, uint32_t bytes, const char *comment);
// Something that is no frame, in words, on the interface `events`, which the first one makes.
void pcapng_event_write(struct pcapng_writer *writer, uint64_t unix_ns, const char *words);

struct pcapng_record {           // all pointers are the reader's, valid until the next call
    uint32_t interface;
    const char *interface_name, *interface_description;   // "" if there is none
    uint16_t link_type;
    uint64_t unix_ns;
    enum pcapng_direction direction;
    uint32_t flags;              // of enum pcapng_flags
    const uint8_t *data;
    uint32_t captured_bytes, original_bytes;
    const char *comment;         // "" if there is none
};

struct pcapng_reader;

// Read from a file ("-": standard input), or from a stream that stays the caller's. fails: -errno; NULL when out of memory.
int pcapng_reader_open(const char *path, struct pcapng_reader **out);
struct pcapng_reader *pcapng_reader_open_stream(FILE *stream);
void pcapng_reader_close(struct pcapng_reader *reader);
// The next frame or event. Returns 1, 0 at the end, or -EINVAL (-ENOMEM, -EIO) with pcapng_reader_error saying where and why. Files of
// other programs are read too: both byte orders, any resolution; blocks of other kinds are passed over.
int pcapng_reader_next(struct pcapng_reader *reader, struct pcapng_record *record);
const char *pcapng_reader_error(const struct pcapng_reader *reader);

#endif
