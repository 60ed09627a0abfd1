// SPDX-License-Identifier: MIT
// libFuzzer on reassembly: sequences of fragments whose bytes are told by their place in the whole, so that whatever comes out must
// be exactly that, from start to end; what overlaps with other bytes must not come out at all.
//   input: fragments of six bytes {how, identifier, offset / 8 (2), length (2)}; how: IPv6, more, other bytes, no owner, time
#include "net_fuzz.h"

#define MORE 2u
#define OTHER 4u

static void
on_result(struct fuzz_net *fuzz, const struct net_result *result)
{
    static uint8_t bytes[70000];
    const struct eng_in *in = &result->in;
    if (result->verdict != NET_FOR_RAW || in->protocol != 200)
        return;
    FUZZ_REQUIRE(eng_spans_copy(in->spans, in->n_spans, in->at_bytes, bytes, in->length_bytes));
    // All of one kind or all of the other from fragment to fragment: each run of eight bytes is whole.
    for (uint32_t i = 0; i < in->length_bytes; i++) {
        uint8_t plain = (uint8_t)(i * 7 + i / 256);
        FUZZ_REQUIRE(bytes[i] == plain || bytes[i] == (uint8_t)~plain);
        FUZZ_REQUIRE((bytes[i] == plain) == (bytes[i & ~7u] == (uint8_t)((i & ~7u) * 7 + (i & ~7u) / 256)));
    }
    uint8_t header[40];
    FUZZ_REQUIRE(eng_spans_copy(in->spans, in->n_spans, in->ip_at_bytes, header, in->source.family == ENG_IP4 ? 20 : 40));
    uint32_t whole_bytes = in->at_bytes + in->length_bytes - in->ip_at_bytes;
    if (in->source.family == ENG_IP4)
        FUZZ_REQUIRE(bytes_load_be16(header + 2) == whole_bytes && !csum_of(header, 20));
    else
        FUZZ_REQUIRE(bytes_load_be16(header + 4) + 40u == whole_bytes && header[6] == (in->flags & ENG_IN_REASSEMBLED ? 200 : 44));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_net fuzz;
    static uint8_t frame[70000];
    if (size > 6 * 300)
        return 0;
    fuzz_open(&fuzz);
    fuzz.on_result = on_result;
    for (; size >= 6; data += 6, size -= 6) {
        uint32_t offset_bytes = bytes_load_be16(data + 2) % 8192u * 8, count = bytes_load_be16(data + 4) % 9000u;
        bool is_ip6 = data[0] & 1, has_more = data[0] & MORE;
        size_t at = fuzz_eth(frame, is_ip6 ? 0x86DD : 0x0800);
        if (is_ip6) {
            at += fuzz_ip6(frame + at, 44, count + 8);
            memcpy(frame + at, (uint8_t[8]){200, 0, 0, 0, 0, 0, 0, data[1]}, 8);
            bytes_store_be16(frame + at + 2, (uint16_t)(offset_bytes | has_more));
            at += 8;
        } else {
            uint8_t *ip = frame + at;
            at += fuzz_ip4(ip, 200, count);
            bytes_store_be16(ip + 4, data[1]);
            bytes_store_be16(ip + 6, (uint16_t)(offset_bytes / 8 | (has_more ? 0x2000 : 0)));
            fuzz_sum(ip + 10, 0, ip, 20);
        }
        for (uint32_t i = 0; i < count; i++) {
            uint32_t place = offset_bytes + i;
            uint8_t plain = (uint8_t)(place * 7 + place / 256);
            frame[at + i] = data[0] & OTHER ? (uint8_t)~plain : plain;
        }
        fuzz_frame(&fuzz, frame, at + count, data[0] & 8 ? 4 : 0);
        if (data[0] & 64)
            fuzz_pass(&fuzz, (data[0] >> 4) * UINT64_C(1000000));
    }
    fuzz_close(&fuzz);
    return 0;
}
