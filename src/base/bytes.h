// SPDX-License-Identifier: MIT
// Bounds-checked reading and writing of outside bytes, both byte orders. A reader or writer that was once asked for more than there
// is fails for good: every later read gives 0 and every later write nothing, so a parser reads all its fields and asks once, at
// the end, whether they were there (bytes_reader_is_ok, bytes_writer_is_ok).
//   reader  bytes_reader_init -> bytes_get_* , bytes_get_span, bytes_skip -> bytes_reader_is_ok
//   writer  bytes_writer_init -> bytes_put_* , bytes_put_span -> bytes_writer_is_ok
//   plain   bytes_load_be16(p) and kin, where the caller has checked the bounds
#ifndef NBX_BASE_BYTES_H
#define NBX_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the loads below are written for a little-endian machine"
#endif

#define BYTES_LOAD_STORE(bits)                                                                                         \
    static inline uint##bits##_t bytes_load_le##bits(const void *from)                                                 \
    {                                                                                                                  \
        uint##bits##_t value;                                                                                          \
        memcpy(&value, from, sizeof value);                                                                            \
        return value;                                                                                                  \
    }                                                                                                                  \
    static inline uint##bits##_t bytes_load_be##bits(const void *from)                                                 \
    {                                                                                                                  \
        return __builtin_bswap##bits(bytes_load_le##bits(from));                                                       \
    }                                                                                                                  \
    static inline void bytes_store_le##bits(void *to, uint##bits##_t value)                                            \
    {                                                                                                                  \
        memcpy(to, &value, sizeof value);                                                                              \
    }                                                                                                                  \
    static inline void bytes_store_be##bits(void *to, uint##bits##_t value)                                            \
    {                                                                                                                  \
        bytes_store_le##bits(to, __builtin_bswap##bits(value));                                                        \
    }
BYTES_LOAD_STORE(16)
BYTES_LOAD_STORE(32)
BYTES_LOAD_STORE(64)
#undef BYTES_LOAD_STORE

struct bytes_reader {
    const uint8_t *at;
    size_t left_bytes;
    bool failed;
};

struct bytes_writer {
    uint8_t *at;
    size_t left_bytes;
    bool failed;
};

static inline void
bytes_reader_init(struct bytes_reader *reader, const void *bytes, size_t count)
{
    *reader = (struct bytes_reader){.at = bytes, .left_bytes = count};
}

static inline bool
bytes_reader_is_ok(const struct bytes_reader *reader)
{
    return !reader->failed;
}

// The next count bytes in place, or NULL (and failed for good) when there are fewer.
static inline const uint8_t *
bytes_get_span(struct bytes_reader *reader, size_t count)
{
    if (reader->failed || count > reader->left_bytes) {
        reader->failed = true;
        reader->left_bytes = 0;
        return NULL;
    }
    const uint8_t *span = reader->at;
    if (count)
        reader->at += count;
    reader->left_bytes -= count;
    return span;
}

static inline void
bytes_skip(struct bytes_reader *reader, size_t count)
{
    bytes_get_span(reader, count);
}

// Copy the next count bytes; on failure *to is not touched.
static inline bool
bytes_get_copy(struct bytes_reader *reader, void *to, size_t count)
{
    const uint8_t *span = bytes_get_span(reader, count);
    if (reader->failed)
        return false;
    if (count)
        memcpy(to, span, count);
    return true;
}

static inline void
bytes_writer_init(struct bytes_writer *writer, void *bytes, size_t count)
{
    *writer = (struct bytes_writer){.at = bytes, .left_bytes = count};
}

static inline bool
bytes_writer_is_ok(const struct bytes_writer *writer)
{
    return !writer->failed;
}

// Room for count bytes to be filled by the caller, or NULL (and failed for good) when there is less.
static inline uint8_t *
bytes_put_room(struct bytes_writer *writer, size_t count)
{
    if (writer->failed || count > writer->left_bytes) {
        writer->failed = true;
        writer->left_bytes = 0;
        return NULL;
    }
    uint8_t *room = writer->at;
    if (count)
        writer->at += count;
    writer->left_bytes -= count;
    return room;
}

static inline void
bytes_put_span(struct bytes_writer *writer, const void *from, size_t count)
{
    uint8_t *room = bytes_put_room(writer, count);
    if (room && count)
        memcpy(room, from, count);
}

static inline void
bytes_put_zeros(struct bytes_writer *writer, size_t count)
{
    uint8_t *room = bytes_put_room(writer, count);
    if (room && count)
        memset(room, 0, count);
}

static inline uint8_t
bytes_get_u8(struct bytes_reader *reader)
{
    const uint8_t *span = bytes_get_span(reader, 1);
    return span ? *span : 0;
}

static inline void
bytes_put_u8(struct bytes_writer *writer, uint8_t value)
{
    uint8_t *room = bytes_put_room(writer, 1);
    if (room)
        *room = value;
}

#define BYTES_GET_PUT(order, bits)                                                                                     \
    static inline uint##bits##_t bytes_get_##order##bits(struct bytes_reader *reader)                                  \
    {                                                                                                                  \
        const uint8_t *span = bytes_get_span(reader, bits / 8);                                                        \
        return span ? bytes_load_##order##bits(span) : 0;                                                              \
    }                                                                                                                  \
    static inline void bytes_put_##order##bits(struct bytes_writer *writer, uint##bits##_t value)                      \
    {                                                                                                                  \
        uint8_t *room = bytes_put_room(writer, bits / 8);                                                              \
        if (room)                                                                                                      \
            bytes_store_##order##bits(room, value);                                                                    \
    }
BYTES_GET_PUT(be, 16)
BYTES_GET_PUT(be, 32)
BYTES_GET_PUT(be, 64)
BYTES_GET_PUT(le, 16)
BYTES_GET_PUT(le, 32)
BYTES_GET_PUT(le, 64)
#undef BYTES_GET_PUT

// Unsigned LEB128, at most ten bytes. A number that does not fit in 64 bits fails.
static inline uint64_t
bytes_get_varint(struct bytes_reader *reader)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        uint8_t byte = bytes_get_u8(reader);
        if (shift == 63 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80))
            return reader->failed ? 0 : value;
    }
    reader->failed = true;
    reader->left_bytes = 0;
    return 0;
}

static inline void
bytes_put_varint(struct bytes_writer *writer, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        bytes_put_u8(writer, (uint8_t)(value | 0x80));
    bytes_put_u8(writer, (uint8_t)value);
}

#endif
