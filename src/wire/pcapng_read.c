// SPDX-License-Identifier: MIT
// The pcapng reader; see pcapng.h. Blocks come one at a time into one buffer; every length in a block is checked against the block
// before it is used, and a block against limits, so that no input makes it read elsewhere or take more than 16 MB.
//   reader_block reads and frames a block; section, interface and packet blocks have a function each; others are passed over
#include "wire/pcapng.h"

#include <byteswap.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { reader_block_bytes_max = 16 << 20, reader_interfaces_max = 4096, reader_name_bytes = 256 };
enum { block_section = 0x0a0d0d0a, block_interface = 1, block_packet = 6, byte_order_magic = 0x1a2b3c4d };
enum { option_end = 0, option_comment = 1, option_name = 2, option_description = 3, option_resolution = 9, option_offset = 14,
       option_packet_flags = 2 };

struct reader_interface {
    uint16_t link_type;
    uint8_t resolution;                     // as in the option if_tsresol
    int64_t offset_s;
    char name[reader_name_bytes], description[reader_name_bytes];
};

struct pcapng_reader {
    FILE *stream;
    bool owns_stream, is_swapped, has_section;
    uint64_t at_bytes;                      // where the current block began
    uint64_t next_bytes;
    uint8_t *block;                         // the body of the current block
    uint32_t block_capacity_bytes, body_bytes, type;
    struct reader_interface *interfaces;
    uint32_t interface_count;
    char *comment;
    uint32_t comment_capacity_bytes;
    char error[200];
};

struct reader_option {
    uint16_t code, bytes;
    const uint8_t *value;
};

__attribute__((format(printf, 3, 4))) static int
reader_fail(struct pcapng_reader *r, int rc, const char *format, ...)
{
    va_list args;
    int used = snprintf(r->error, sizeof(r->error), "byte %llu: ", (unsigned long long)r->at_bytes);
    va_start(args, format);
    vsnprintf(r->error + used, sizeof(r->error) - (size_t)used, format, args);
    va_end(args);
    return rc;
}

static uint32_t
get_u32(const struct pcapng_reader *r, const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return r->is_swapped ? bswap_32(value) : value;
}

static uint16_t
get_u16(const struct pcapng_reader *r, const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof(value));
    return r->is_swapped ? bswap_16(value) : value;
}

struct pcapng_reader *
pcapng_reader_open_stream(FILE *stream)
{
    struct pcapng_reader *r = calloc(1, sizeof(*r));
    if (r)
        r->stream = stream;
    return r;
}

int
pcapng_reader_open(const char *path, struct pcapng_reader **out)
{
    bool is_stdin = !strcmp(path, "-");
    FILE *stream = is_stdin ? stdin : fopen(path, "re");
    if (!stream)
        return -errno;
    *out = pcapng_reader_open_stream(stream);
    if (!*out) {
        if (!is_stdin)
            fclose(stream);
        return -ENOMEM;
    }
    (*out)->owns_stream = !is_stdin;
    return 0;
}

void
pcapng_reader_close(struct pcapng_reader *r)
{
    if (r->owns_stream)
        fclose(r->stream);
    free(r->block);
    free(r->interfaces);
    free(r->comment);
    free(r);
}

const char *
pcapng_reader_error(const struct pcapng_reader *r)
{
    return r->error;
}

static int
reader_read(struct pcapng_reader *r, void *to, size_t bytes, const char *what)
{
    size_t got = fread(to, 1, bytes, r->stream);
    r->next_bytes += got;
    if (got == bytes)
        return 0;
    return ferror(r->stream) ? reader_fail(r, -EIO, "cannot read") : reader_fail(r, -EINVAL, "the file ends inside %s", what);
}

// A section header says itself in which byte order its length is.
static int
reader_section_begin(struct pcapng_reader *r, uint8_t magic_bytes[4])
{
    uint32_t magic;
    int rc = reader_read(r, magic_bytes, 4, "a section header");
    if (rc)
        return rc;
    memcpy(&magic, magic_bytes, sizeof(magic));
    if (magic != byte_order_magic && bswap_32(magic) != byte_order_magic)
        return reader_fail(r, -EINVAL, "no pcapng file: the byte order magic is 0x%08x", magic);
    r->is_swapped = magic != byte_order_magic;
    r->has_section = true;
    r->interface_count = 0;
    return 0;
}

static int
reader_reserve(struct pcapng_reader *r, uint32_t bytes)
{
    if (bytes <= r->block_capacity_bytes)
        return 0;
    uint8_t *block = realloc(r->block, bytes);
    if (!block)
        return reader_fail(r, -ENOMEM, "out of memory");
    r->block = block;
    r->block_capacity_bytes = bytes;
    return 0;
}

// Read the next block: its type, its body without lengths. Returns 1, 0 at the end of the file, or -errno.
static int
reader_block(struct pcapng_reader *r)
{
    uint8_t head[8], tail[4], magic[4];
    r->at_bytes = r->next_bytes;
    size_t got = fread(head, 1, sizeof(head), r->stream);
    if (!got && feof(r->stream))
        return r->has_section ? 0 : reader_fail(r, -EINVAL, "the file is empty");
    r->next_bytes += got;
    if (got != sizeof(head))
        return ferror(r->stream) ? reader_fail(r, -EIO, "cannot read") : reader_fail(r, -EINVAL, "the file ends inside a block header");
    memcpy(&r->type, head, sizeof(r->type));
    uint32_t already = 0;
    if (r->type == block_section) {         // a palindrome: the same in both byte orders
        int rc = reader_section_begin(r, magic);
        if (rc)
            return rc;
        already = 4;
    } else if (!r->has_section) {
        return reader_fail(r, -EINVAL, "no pcapng file: it begins with 0x%08x", r->type);
    }
    r->type = get_u32(r, head);
    uint32_t total_bytes = get_u32(r, head + 4);
    if (total_bytes < 12 + already || total_bytes % 4 || total_bytes > reader_block_bytes_max)
        return reader_fail(r, -EINVAL, "a block of %u bytes", total_bytes);
    r->body_bytes = total_bytes - 12;
    int rc = reader_reserve(r, r->body_bytes);
    if (rc)
        return rc;
    memcpy(r->block, magic, already);
    rc = reader_read(r, r->block + already, r->body_bytes - already, "a block");
    if (!rc)
        rc = reader_read(r, tail, sizeof(tail), "a block");
    if (rc)
        return rc;
    if (get_u32(r, tail) != total_bytes)
        return reader_fail(r, -EINVAL, "a block of %u bytes ends with length %u", total_bytes, get_u32(r, tail));
    return 1;
}

// The option at *at of the body. Returns 1 and moves *at behind it, 0 at the end, or -EINVAL.
static int
reader_option(struct pcapng_reader *r, uint32_t *at, struct reader_option *option)
{
    if (r->body_bytes - *at < 4)
        return r->body_bytes == *at ? 0 : reader_fail(r, -EINVAL, "%u bytes behind the last option", r->body_bytes - *at);
    option->code = get_u16(r, r->block + *at);
    option->bytes = get_u16(r, r->block + *at + 2);
    option->value = r->block + *at + 4;
    if (option->code == option_end)
        return 0;
    uint32_t padded_bytes = (option->bytes + 3u) & ~3u;
    if (padded_bytes > r->body_bytes - *at - 4)
        return reader_fail(r, -EINVAL, "option %u of %u bytes runs over its block", option->code, option->bytes);
    *at += 4 + padded_bytes;
    return 1;
}

static void
reader_text(char *to, const struct reader_option *option)
{
    uint32_t bytes = option->bytes < reader_name_bytes - 1 ? option->bytes : reader_name_bytes - 1;
    memcpy(to, option->value, bytes);
    to[bytes] = 0;
}

static void
reader_interface_option(struct pcapng_reader *r, struct reader_interface *interface, const struct reader_option *option)
{
    if (option->code == option_name)
        reader_text(interface->name, option);
    if (option->code == option_description)
        reader_text(interface->description, option);
    if (option->code == option_resolution && option->bytes >= 1)
        interface->resolution = option->value[0];
    if (option->code == option_offset && option->bytes >= 8) {
        uint64_t low = get_u32(r, option->value + (r->is_swapped ? 4 : 0));
        uint64_t high = get_u32(r, option->value + (r->is_swapped ? 0 : 4));
        interface->offset_s = (int64_t)(high << 32 | low);
    }
}

static int
reader_interface(struct pcapng_reader *r)
{
    struct reader_option option;
    uint32_t at = 8;
    int rc;
    if (r->body_bytes < 8)
        return reader_fail(r, -EINVAL, "an interface block of %u bytes", r->body_bytes);
    if (r->interface_count == reader_interfaces_max)
        return reader_fail(r, -EINVAL, "more than %u interfaces", r->interface_count);
    if (!r->interfaces && !(r->interfaces = malloc(reader_interfaces_max * sizeof(*r->interfaces))))
        return reader_fail(r, -ENOMEM, "out of memory");
    struct reader_interface *interface = &r->interfaces[r->interface_count];
    memset(interface, 0, sizeof(*interface));
    interface->link_type = get_u16(r, r->block);
    interface->resolution = 6;              // microseconds unless it says otherwise [pcapng, 4.2]
    while ((rc = reader_option(r, &at, &option)) == 1)
        reader_interface_option(r, interface, &option);
    if (!rc)
        r->interface_count++;
    return rc;
}

static uint64_t
reader_ns(const struct reader_interface *interface, uint64_t ticks)
{
    unsigned __int128 ns = (unsigned __int128)ticks * 1000000000u;
    uint8_t exponent = interface->resolution & 0x7f;
    if (interface->resolution & 0x80) {
        ns >>= exponent;
    } else {
        for (uint8_t i = 0; i < exponent && ns; i++)
            ns /= 10;
    }
    return (uint64_t)ns + (uint64_t)interface->offset_s * 1000000000u;
}

static int
reader_comment(struct pcapng_reader *r, const struct reader_option *option)
{
    if (option->bytes + 1u > r->comment_capacity_bytes) {
        char *comment = realloc(r->comment, option->bytes + 1u);
        if (!comment)
            return reader_fail(r, -ENOMEM, "out of memory");
        r->comment = comment;
        r->comment_capacity_bytes = option->bytes + 1u;
    }
    memcpy(r->comment, option->value, option->bytes);
    r->comment[option->bytes] = 0;
    return 0;
}

static int
reader_packet_options(struct pcapng_reader *r, uint32_t at, struct pcapng_record *record)
{
    struct reader_option option;
    int rc;
    while ((rc = reader_option(r, &at, &option)) == 1) {
        if (option.code == option_comment) {
            rc = reader_comment(r, &option);
            if (rc)
                return rc;
            record->comment = r->comment;
        }
        uint32_t flags = option.code == option_packet_flags && option.bytes == 4 ? get_u32(r, option.value) : 0;
        uint32_t direction = flags & 3;
        if (direction == PCAPNG_INBOUND || direction == PCAPNG_OUTBOUND)
            record->direction = direction;
        record->flags |= flags & (PCAPNG_SUM_OPEN | PCAPNG_SUM_VALID | PCAPNG_SEGMENTS);
    }
    return rc;
}

static int
reader_packet(struct pcapng_reader *r, struct pcapng_record *record)
{
    enum { head_bytes = 20 };
    if (r->body_bytes < head_bytes)
        return reader_fail(r, -EINVAL, "a packet block of %u bytes", r->body_bytes);
    uint32_t interface = get_u32(r, r->block);
    if (interface >= r->interface_count)
        return reader_fail(r, -EINVAL, "a packet of interface %u, of which there are %u", interface, r->interface_count);
    uint32_t captured_bytes = get_u32(r, r->block + 12);
    if (captured_bytes > r->body_bytes - head_bytes)
        return reader_fail(r, -EINVAL, "a packet of %u bytes in a block of %u", captured_bytes, r->body_bytes);
    const struct reader_interface *from = &r->interfaces[interface];
    *record = (struct pcapng_record){
        .interface = interface,
        .interface_name = from->name,
        .interface_description = from->description,
        .link_type = from->link_type,
        .unix_ns = reader_ns(from, (uint64_t)get_u32(r, r->block + 4) << 32 | get_u32(r, r->block + 8)),
        .data = r->block + head_bytes,
        .captured_bytes = captured_bytes,
        .original_bytes = get_u32(r, r->block + 16),
        .comment = "",
    };
    uint32_t options_at = head_bytes + ((captured_bytes + 3) & ~3u);
    return options_at > r->body_bytes ? reader_fail(r, -EINVAL, "a packet without its padding")
                                      : reader_packet_options(r, options_at, record);
}

int
pcapng_reader_next(struct pcapng_reader *r, struct pcapng_record *record)
{
    for (;;) {
        int rc = reader_block(r);
        if (rc <= 0)
            return rc;
        if (r->type == block_interface)
            rc = reader_interface(r);
        else if (r->type == block_packet)
            return (rc = reader_packet(r, record)) ? rc : 1;
        else
            rc = 0;
        if (rc)
            return rc;
    }
}
