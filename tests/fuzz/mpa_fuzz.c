// SPDX-License-Identifier: MIT
// libFuzzer on MPA: a start-up frame read as a request and as a reply, byte by byte as it would come, and an FPDU found in bytes that are
// cut into spans anywhere. What is read and written again is the same; nothing is looked at past the end (each piece has its own block).
#include "base/bytes.h"
#include "engine/iwarp/ddp.h"
#include "engine/iwarp/mpa.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void
frame(bool is_reply, const uint8_t *data, size_t bytes)
{
    struct mpa_frame read, again;
    size_t need, before = 0;
    int used = 0;
    for (size_t count = 0; count <= bytes && used == 0; count++) {
        uint8_t *block = malloc(count + !count);
        memcpy(block, data, count);
        used = mpa_frame_read(&read, is_reply, block, count, &need);
        if (used == 0 && (need <= count || need < before))
            abort();                        // it waits for what is there, or for less than it said
        before = need;
        if (used > 0) {
            uint8_t room[MPA_FRAME_BYTES + MPA_PRIVATE_BYTES_MAX];
            if ((size_t)used != count || mpa_frame_write(&read, room) != count)
                abort();
            if (mpa_frame_read(&again, is_reply, room, count, &need) != used || again.flags != read.flags || again.rtr != read.rtr ||
                again.is_peer_to_peer != read.is_peer_to_peer || again.reads.inbound != read.reads.inbound ||
                again.reads.outbound != read.reads.outbound || again.private_count != read.private_count ||
                memcmp(again.private_bytes, read.private_bytes, read.private_count) != 0)
                abort();
        }
        free(block);
    }
}

static void
fpdu(const uint8_t *data, size_t bytes)
{
    struct eng_span spans[5];
    struct mpa_fpdu found;
    uint64_t position = (uint64_t)data[0] * 4;
    size_t at = 3, n = 0;
    while (at < bytes && n < 5) {
        size_t piece = n == 4 ? bytes - at : (size_t)1 + data[2] % (bytes - at);
        uint8_t *block = malloc(piece);
        memcpy(block, data + at, piece);
        spans[n++] = (struct eng_span){.bytes = block, .count = (uint32_t)piece};
        at += piece;
    }
    struct mpa_input input = {.spans = spans, .n_spans = n, .count = at - 3};
    enum mpa_verdict verdict = mpa_fpdu_read(&found, &input, position, data[1] & 1, data[1] & 2);
    if (verdict == MPA_MORE ? found.wire_bytes <= input.count : found.wire_bytes > input.count)
        abort();
    if (verdict != MPA_MORE) {
        uint8_t *ulpdu = malloc(found.ulpdu_bytes + 1u);
        struct iwarp_terminate terminate;
        mpa_reader_copy(&found.ulpdu, ulpdu, found.ulpdu_bytes);
        terminate_read(&terminate, ulpdu, found.ulpdu_bytes);
        free(ulpdu);
    }
    while (n)
        free((void *)(uintptr_t)spans[--n].bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes < 4)
        return 0;
    if (data[0] & 0x80)
        fpdu(data + 1, bytes - 1 < 3 ? 3 : bytes - 1);
    else
        frame(data[0] & 1, data + 1, bytes - 1);
    return 0;
}
