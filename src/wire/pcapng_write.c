// SPDX-License-Identifier: MIT
// The pcapng writer; see pcapng.h. A record is put together in small pieces under the lock and goes into the stream's buffer of a
// megabyte, which is the only memory a trace takes. Blocks: section header, interface descriptions as edges appear, enhanced packets.
// Native byte order, which the section header tells [pcapng, 4.1]; nanoseconds; no limit of the captured length.
#include "wire/pcapng.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/mutex.h"

enum {
    writer_buffer_bytes = 1 << 20,
    writer_comment_bytes_max = 16384,
    writer_live_flush_ns = 100 * 1000 * 1000
};
enum { block_section = 0x0a0d0d0a, block_interface = 1, block_packet = 6 };
enum { option_end = 0, option_comment = 1, option_os = 3, option_application = 4, option_name = 2, option_description = 3,
       option_resolution = 9, option_packet_flags = 2 };

struct pcapng_writer {
    struct sched *sched;
    struct sched_mutex lock;                // guards all below
    FILE *stream;
    char *buffer;
    bool is_live;                           // standard output: somebody may be watching
    int error;
    int events_interface;                   // -1: not yet
    uint32_t interface_count;
    uint64_t flushed_ns;
};

static void
writer_lock(struct pcapng_writer *w)
{
    if (w->sched && !w->sched->is_sim)
        sched_mutex_lock(w->sched, &w->lock);
}

static void
writer_unlock(struct pcapng_writer *w)
{
    if (w->sched && !w->sched->is_sim)
        sched_mutex_unlock(w->sched, &w->lock);
}

static uint32_t
padded(uint32_t bytes)
{
    return (bytes + 3) & ~3u;
}

static void
put(struct pcapng_writer *w, const void *data, size_t bytes)
{
    if (!w->error && bytes && fwrite(data, 1, bytes, w->stream) != bytes)
        w->error = errno ? -errno : -EIO;
}

static void
put_u32(struct pcapng_writer *w, uint32_t value)
{
    put(w, &value, sizeof(value));
}

static void
put_padding(struct pcapng_writer *w, uint32_t bytes)
{
    static const uint8_t zero[4];
    put(w, zero, padded(bytes) - bytes);
}

static uint32_t
option_bytes(const char *text)
{
    return text && *text ? 4 + padded((uint32_t)strnlen(text, writer_comment_bytes_max)) : 0;
}

static void
put_option(struct pcapng_writer *w, uint16_t code, const void *value, uint16_t bytes)
{
    uint16_t head[2] = {code, bytes};
    put(w, head, sizeof(head));
    put(w, value, bytes);
    put_padding(w, bytes);
}

static void
put_text_option(struct pcapng_writer *w, uint16_t code, const char *text)
{
    if (text && *text)
        put_option(w, code, text, (uint16_t)strnlen(text, writer_comment_bytes_max));
}

static void
put_section(struct pcapng_writer *w, const char *application)
{
    uint32_t total_bytes = 28 + option_bytes(application) + option_bytes("Linux") + 4;
    uint32_t head[6] = {block_section, total_bytes, 0x1a2b3c4d, 1, UINT32_MAX, UINT32_MAX};   // version 1.0, length not given
    put(w, head, sizeof(head));
    put_text_option(w, option_os, "Linux");
    put_text_option(w, option_application, application);
    put_u32(w, option_end);
    put_u32(w, total_bytes);
}

int
pcapng_writer_create(struct sched *sched, const char *path, const char *application, struct pcapng_writer **out)
{
    struct pcapng_writer *w = calloc(1, sizeof(*w));
    int rc = -ENOMEM;
    if (!w)
        return rc;
    w->sched = sched;
    w->events_interface = -1;
    w->is_live = !strcmp(path, "-");
    w->buffer = malloc(writer_buffer_bytes);
    if (!w->buffer)
        goto undo_writer;
    w->stream = w->is_live ? stdout : fopen(path, "we");
    if (!w->stream) {
        rc = -errno;
        goto undo_buffer;
    }
    setvbuf(w->stream, w->buffer, _IOFBF, writer_buffer_bytes);
    put_section(w, application);
    *out = w;
    return 0;
undo_buffer:
    free(w->buffer);
undo_writer:
    free(w);
    return rc;
}

static int
writer_flush_locked(struct pcapng_writer *w)
{
    if (!w->error && fflush(w->stream))
        w->error = errno ? -errno : -EIO;
    return w->error;
}

int
pcapng_writer_flush(struct pcapng_writer *w)
{
    writer_lock(w);
    int rc = writer_flush_locked(w);
    writer_unlock(w);
    return rc;
}

int
pcapng_writer_destroy(struct pcapng_writer *w)
{
    int rc = pcapng_writer_flush(w);
    if (w->is_live)
        // Standard output outlives us; our buffer does not.
        setvbuf(w->stream, NULL, _IONBF, 0);
    else if (fclose(w->stream) && !rc)
        rc = errno ? -errno : -EIO;
    free(w->buffer);
    free(w);
    return rc;
}

static int
interface_add_locked(struct pcapng_writer *w, const char *name, const char *description, enum pcapng_link_type link_type)
{
    static const uint8_t nanoseconds = 9;
    uint32_t total_bytes = 20 + option_bytes(name) + option_bytes(description) + 8 + 4;
    uint32_t head[4] = {block_interface, total_bytes, link_type, 0};
    put(w, head, sizeof(head));
    put_text_option(w, option_name, name);
    put_text_option(w, option_description, description);
    put_option(w, option_resolution, &nanoseconds, 1);
    put_u32(w, option_end);
    put_u32(w, total_bytes);
    return w->error ? w->error : (int)w->interface_count++;
}

int
pcapng_interface_add(struct pcapng_writer *w, const char *name, const char *description, enum pcapng_link_type link_type)
{
    writer_lock(w);
    int rc = interface_add_locked(w, name, description, link_type);
    writer_unlock(w);
    return rc;
}

// The frame's own bytes. Pieces that fall short of bytes are filled up, so that the block stays whole.
static void
put_pieces(struct pcapng_writer *w, const struct iovec *iov, uint32_t iov_count, uint32_t bytes)
{
    static const uint8_t zero[64];
    uint32_t left = bytes;
    for (uint32_t i = 0; i < iov_count && left; i++) {
        uint32_t now = iov[i].iov_len < left ? (uint32_t)iov[i].iov_len : left;
        put(w, iov[i].iov_base, now);
        left -= now;
    }
    for (; left; left -= left < sizeof(zero) ? left : (uint32_t)sizeof(zero))
        put(w, zero, left < sizeof(zero) ? left : sizeof(zero));
    put_padding(w, bytes);
}

static void
packet_write_locked(struct pcapng_writer *w, uint32_t interface, uint64_t unix_ns, uint32_t flags, const struct iovec *iov,
                    uint32_t iov_count, uint32_t bytes, const char *comment)
{
    uint32_t options_bytes = option_bytes(comment) + (flags ? 8 : 0);
    if (options_bytes)
        options_bytes += 4;
    uint32_t total_bytes = 32 + padded(bytes) + options_bytes;
    uint32_t head[7] = {block_packet, total_bytes, interface, (uint32_t)(unix_ns >> 32), (uint32_t)unix_ns, bytes, bytes};
    put(w, head, sizeof(head));
    put_pieces(w, iov, iov_count, bytes);
    put_text_option(w, option_comment, comment);
    if (flags)
        put_option(w, option_packet_flags, &flags, sizeof(flags));
    if (options_bytes)
        put_u32(w, option_end);
    put_u32(w, total_bytes);
    if (w->is_live && unix_ns - w->flushed_ns > writer_live_flush_ns) {
        w->flushed_ns = unix_ns;
        (void)writer_flush_locked(w);
    }
}

void
pcapng_frame_write(struct pcapng_writer *w, uint32_t interface, uint64_t unix_ns, uint32_t flags, const struct iovec *iov,
                   uint32_t iov_count, uint32_t bytes, const char *comment)
{
    writer_lock(w);
    packet_write_locked(w, interface, unix_ns, flags, iov, iov_count, bytes, comment);
    writer_unlock(w);
}

void
pcapng_event_write(struct pcapng_writer *w, uint64_t unix_ns, const char *words)
{
    uint32_t bytes = (uint32_t)strnlen(words, writer_comment_bytes_max);
    struct iovec iov = {(void *)words, bytes};
    writer_lock(w);
    if (w->events_interface < 0)
        w->events_interface = interface_add_locked(w, "events", "what is not a frame: calls, requests, changes of state", PCAPNG_EVENTS);
    if (w->events_interface >= 0)
        packet_write_locked(w, (uint32_t)w->events_interface, unix_ns, PCAPNG_NO_DIRECTION, &iov, 1, bytes, words);
    writer_unlock(w);
}
