// SPDX-License-Identifier: MIT
// Source routes [RFC 791 3.1, RFC 1122 3.2.1.8]. A route's option is type, length, pointer (from 1, 4 is the first address) and addresses;
// the header's destination is always the next hop, so the option holds those after it, and behind the last one the pointer is past the
// end. On the way every hop writes its own address over the one it took: at the end the addresses are those that were gone by.
//   given: the first address becomes the hop, the others move up, the destination is the last
//   back:  the last address becomes the hop, the others follow in reverse, the source is the last
#include "engine/source_route.h"
#include <string.h>

#define OPTION_END 0u
#define OPTION_NOP 1u
#define OPTION_LOOSE_ROUTE 131u
#define OPTION_STRICT_ROUTE 137u
#define ROUTE_HEAD_BYTES 3u
#define POINTER_FIRST 4u
#define IP4_HEADER_BYTES 20u

// A hop is one host's address, and not one that only means ourselves.
static bool
can_be_hop(const uint8_t *address)
{
    return address[0] && address[0] != 127 && address[0] < 224;
}

static bool
bad(struct source_route_seen *seen, size_t at)
{
    seen->bad_at = (uint8_t)at;
    return false;
}

static bool
look_at_route(const uint8_t *options, size_t at, struct source_route_seen *seen)
{
    unsigned n_bytes = options[at + 1];
    if (seen->n_bytes)
        return bad(seen, at); // two routes are none [RFC 1122 3.2.1.8(c)]
    if (n_bytes < ROUTE_HEAD_BYTES || (n_bytes - ROUTE_HEAD_BYTES) % 4)
        return bad(seen, at + 1);
    unsigned pointer = options[at + 2];
    if (pointer < POINTER_FIRST || pointer % 4 || pointer > n_bytes + 1)
        return bad(seen, at + 2);
    seen->at = (uint8_t)at;
    seen->n_bytes = (uint8_t)n_bytes;
    seen->n_addresses = (uint8_t)((n_bytes - ROUTE_HEAD_BYTES) / 4);
    seen->done = (uint8_t)((pointer - POINTER_FIRST) / 4);
    return true;
}

bool
source_route_look(const uint8_t *options, size_t n_bytes, struct source_route_seen *seen)
{
    *seen = (struct source_route_seen){0};
    for (size_t at = 0; at < n_bytes && options[at] != OPTION_END;) {
        if (options[at] == OPTION_NOP) {
            at++;
            continue;
        }
        bool is_route = options[at] == OPTION_LOOSE_ROUTE || options[at] == OPTION_STRICT_ROUTE;
        seen->has_route |= is_route;
        if (at + 1 >= n_bytes)
            return bad(seen, at);
        if (options[at + 1] < 2 || options[at + 1] > n_bytes - at)
            return bad(seen, at + 1);
        if (is_route && !look_at_route(options, at, seen))
            return false;
        at += options[at + 1];
    }
    return true;
}

bool
source_route_is_complete(const uint8_t *options, const struct source_route_seen *seen)
{
    if (!seen->n_bytes || seen->done != seen->n_addresses)
        return false;
    for (unsigned i = 0; i < seen->n_addresses; i++)
        if (!can_be_hop(options + seen->at + ROUTE_HEAD_BYTES + 4 * i))
            return false;
    return true;
}

// Nothing but what we know how to send.
static bool
is_all_known(const uint8_t *options, size_t n_bytes)
{
    for (size_t at = 0; at < n_bytes && options[at] != OPTION_END;) {
        if (options[at] == OPTION_NOP)
            at++;
        else if (options[at] == OPTION_LOOSE_ROUTE || options[at] == OPTION_STRICT_ROUTE)
            at += options[at + 1];
        else
            return false;
    }
    return true;
}

bool
source_route_given(const uint8_t *options, size_t n_bytes, const struct eng_address *destination, struct source_route *route)
{
    struct source_route_seen seen;
    if (n_bytes > ENG_IP_OPTIONS_BYTES || destination->family != ENG_IP4 || !source_route_look(options, n_bytes, &seen) ||
        !is_all_known(options, n_bytes))
        return false;
    if (seen.n_bytes && (!seen.n_addresses || seen.done))
        return false;
    for (unsigned i = 0; i < seen.n_addresses; i++)
        if (!can_be_hop(options + seen.at + ROUTE_HEAD_BYTES + 4 * i))
            return false;
    *route = (struct source_route){.n_bytes = (uint8_t)((n_bytes + 3) & ~(size_t)3), .has_hop = seen.n_bytes};
    if (n_bytes)
        memcpy(route->bytes, options, n_bytes);
    if (!seen.n_bytes)
        return true;
    uint8_t *first = route->bytes + seen.at + ROUTE_HEAD_BYTES;
    unsigned after = 4u * (seen.n_addresses - 1u);
    memcpy(route->hop, first, 4);
    memmove(first, first + 4, after);
    memcpy(first + after, destination->bytes, 4);
    return true;
}

// The options of the header at ip_at_bytes, as far as the spans and the layer above bear out that they are there.
static size_t
options_of(const struct eng_in *in, uint8_t *options)
{
    uint8_t first;
    if (in->source.family != ENG_IP4 || !eng_spans_copy(in->spans, in->n_spans, in->ip_at_bytes, &first, 1) || first >> 4 != 4)
        return 0;
    size_t header_bytes = (first & 0xFu) * 4;
    if (header_bytes <= IP4_HEADER_BYTES || in->ip_at_bytes + header_bytes > in->at_bytes)
        return 0;
    size_t n_bytes = header_bytes - IP4_HEADER_BYTES;
    return eng_spans_copy(in->spans, in->n_spans, in->ip_at_bytes + IP4_HEADER_BYTES, options, n_bytes) ? n_bytes : 0;
}

bool
source_route_back(const struct eng_in *in, struct source_route *route)
{
    uint8_t options[ENG_IP_OPTIONS_BYTES];
    struct source_route_seen seen;
    size_t n_bytes = options_of(in, options);
    if (!n_bytes || !source_route_look(options, n_bytes, &seen) || !source_route_is_complete(options, &seen))
        return false;
    const uint8_t *gone = options + seen.at + ROUTE_HEAD_BYTES;
    unsigned n = seen.n_addresses;
    // Some begin their record with themselves: twice the source would be no way to it [RFC 1122 3.2.1.8, case (B)].
    if (n && !memcmp(gone, in->source.bytes, 4)) {
        gone += 4;
        n--;
    }
    if (!n)
        return false;
    *route = (struct source_route){.n_bytes = (uint8_t)(4 + 4 * n), .has_hop = true};
    memcpy(route->hop, gone + 4 * (n - 1), 4);
    // A no-operation in front, so that the addresses are aligned.
    route->bytes[0] = OPTION_NOP;
    route->bytes[1] = options[seen.at];
    route->bytes[2] = (uint8_t)(ROUTE_HEAD_BYTES + 4 * n);
    route->bytes[3] = POINTER_FIRST;
    for (unsigned i = 0; i + 1 < n; i++)
        memcpy(route->bytes + 4 + 4 * i, gone + 4 * (n - 2 - i), 4);
    memcpy(route->bytes + 4 * n, in->source.bytes, 4);
    return true;
}

void
source_route_put(struct eng_out *out, const struct source_route *route)
{
    out->n_ip_options = route->n_bytes;
    memcpy(out->ip_options, route->bytes, route->n_bytes);
    if (route->has_hop)
        memcpy(out->destination.bytes, route->hop, 4);
}

void
source_route_end(const uint8_t *options, size_t n_bytes, struct eng_address *destination)
{
    struct source_route_seen seen;
    if (source_route_look(options, n_bytes, &seen) && seen.done < seen.n_addresses)
        memcpy(destination->bytes, options + seen.at + ROUTE_HEAD_BYTES + 4 * (seen.n_addresses - 1u), 4);
}
