// SPDX-License-Identifier: MIT
// The sums of a NET_BUFFER_LIST: each bit of what has to come back as it went counts, wherever it stands, and so does an exchange of two
// pieces; what drivers below may write does not count.
#include "harness/harness.h"
#include "verify/sums.h"

#include <stdbool.h>
#include <string.h>

struct frame {
    NET_BUFFER_LIST nbl;
    NET_BUFFER nb[2];
    MDL mdl[3];
    uint8_t data[3][200];
};

// mdls: how many the first NET_BUFFER's data is spread over. two: a second NET_BUFFER, with the last MDL.
static void
frame_make(struct frame *frame, size_t mdls, uint32_t bytes, bool two)
{
    memset(frame, 0, sizeof *frame);
    for (size_t i = 0; i < sizeof frame->data; i++)
        ((uint8_t *)frame->data)[i] = (uint8_t)(i * 89 + i / 251);
    frame->nbl.FirstNetBuffer = &frame->nb[0];
    for (size_t i = 0; i < 3; i++) {
        frame->mdl[i].MappedSystemVa = frame->data[i];
        frame->mdl[i].ByteCount = sizeof frame->data[i];
        frame->mdl[i].Next = i + 1 < mdls ? &frame->mdl[i + 1] : NULL;
    }
    frame->nb[0].MdlChain = frame->nb[0].CurrentMdl = &frame->mdl[0];
    frame->nb[0].CurrentMdlOffset = frame->nb[0].DataOffset = 14;
    frame->nb[0].DataLength = bytes;
    if (two) {
        frame->nb[0].Next = &frame->nb[1];
        frame->nb[1].MdlChain = frame->nb[1].CurrentMdl = &frame->mdl[2];
        frame->nb[1].DataLength = 100;
    }
}

static bool
differs(const struct frame *frame, struct verify_sums before)
{
    struct verify_sums now = verify_sums_of(&frame->nbl);
    return now.structures != before.structures || now.data != before.data;
}

static void
each_bit_counts(struct frame *frame, void *bytes, size_t count)
{
    struct verify_sums before = verify_sums_of(&frame->nbl);
    uint8_t *byte = bytes;
    for (size_t i = 0; i < count * 8; i++) {
        byte[i / 8] ^= (uint8_t)(1 << i % 8);
        ck_assert_msg(differs(frame, before), "bit %zu at offset %zu", i, (size_t)((uint8_t *)bytes - (uint8_t *)frame));
        byte[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    ck_assert(!differs(frame, before));
}

static const struct {
    size_t mdls;
    uint32_t bytes;
    bool two;
} shapes[] = {
    {1, 0, false},
    {1, 5, false},
    {1, 16, false},
    {1, 63, false},
    {1, 64, false},
    {1, 65, false},
    {1, 128, false},
    {1, 186, false},
    {2, 300, false},
    {3, 500, false},
    {1, 100, true},
    {2, 250, true},
};

#define EACH_SHAPE(frame) \
    for (size_t shape = 0; shape < sizeof shapes / sizeof shapes[0]; shape++) \
        if (frame_make(frame, shapes[shape].mdls, shapes[shape].bytes, shapes[shape].two), true)

TEST(every_bit_of_the_data_counts_and_none_beside_it)
{
    struct frame frame;
    EACH_SHAPE(&frame)
    {
        size_t left = shapes[shape].bytes, at = 14;
        struct verify_sums before = verify_sums_of(&frame.nbl);
        for (size_t i = 0; i < shapes[shape].mdls; i++, at = 0) {
            size_t part = sizeof frame.data[i] - at < left ? sizeof frame.data[i] - at : left;
            each_bit_counts(&frame, frame.data[i] + at, part);
            left -= part;
        }
        if (shapes[shape].two)
            each_bit_counts(&frame, frame.data[2], 100);
        frame.data[0][13] ^= 1;
        if (shapes[shape].mdls == 1 && 14 + shapes[shape].bytes < sizeof frame.data[0])
            frame.data[0][14 + shapes[shape].bytes] ^= 1;
        ck_assert(!differs(&frame, before));
    }
}

TEST(the_words_of_its_owner_and_the_lengths_count)
{
    struct frame frame;
    EACH_SHAPE(&frame)
    {
        each_bit_counts(&frame, frame.nbl.ProtocolReserved, sizeof frame.nbl.ProtocolReserved);
        each_bit_counts(&frame, &frame.nbl.SourceHandle, sizeof frame.nbl.SourceHandle);
        each_bit_counts(&frame, frame.nb[0].ProtocolReserved, sizeof frame.nb[0].ProtocolReserved);
        each_bit_counts(&frame, &frame.nb[0].DataOffset, sizeof frame.nb[0].DataOffset);
        struct verify_sums before = verify_sums_of(&frame.nbl);
        frame.nb[0].DataLength++;
        ck_assert(differs(&frame, before));
    }
}

TEST(a_piece_that_is_left_out_or_taken_elsewhere_counts)
{
    struct frame frame;
    struct verify_sums before;
    frame_make(&frame, 2, 300, true);
    before = verify_sums_of(&frame.nbl);
    frame.nb[0].Next = NULL;
    ck_assert(differs(&frame, before));
    frame_make(&frame, 2, 300, true);
    frame.mdl[0].Next = &frame.mdl[2];
    ck_assert(differs(&frame, before));
    frame_make(&frame, 2, 300, true);
    frame.mdl[0].MappedSystemVa = frame.data[2];
    ck_assert(differs(&frame, before));
    frame_make(&frame, 2, 300, true);
    frame.nb[0].CurrentMdlOffset--;
    ck_assert(differs(&frame, before));
    frame_make(&frame, 2, 300, true);
    frame.nbl.FirstNetBuffer = &frame.nb[1];
    ck_assert(differs(&frame, before));
}

// Sums of products let an exchange pass when the two places have the same weight: here no two have.
TEST(two_pieces_that_change_places_count)
{
    static uint8_t data[16384];
    struct frame frame;
    frame_make(&frame, 1, 100, false);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i % 16);          // equal pieces of sixteen bytes
    frame.mdl[0].MappedSystemVa = data;
    frame.mdl[0].ByteCount = frame.nb[0].DataLength = sizeof data;
    frame.nb[0].CurrentMdlOffset = 0;
    memset(data, 0xa5, 16);
    struct verify_sums before = verify_sums_of(&frame.nbl);
    for (size_t other = 2; other < sizeof data; other += 2) {
        uint8_t kept[2] = {data[other], data[other + 1]};
        memcpy(data + other, data, 2);
        memcpy(data, kept, 2);
        ck_assert_msg(differs(&frame, before) || (kept[0] == 0xa5 && kept[1] == 0xa5), "with offset %zu", other);
        memset(data, 0xa5, 2);
        memcpy(data + other, kept, 2);
    }
}

TEST(what_drivers_below_may_write_does_not_count)
{
    struct frame frame;
    EACH_SHAPE(&frame)
    {
        struct verify_sums before = verify_sums_of(&frame.nbl);
        NET_BUFFER_LIST other;
        frame.nbl.Next = &other;
        frame.nbl.Status = 7;
        frame.nbl.Scratch = &other;
        memset(frame.nbl.MiniportReserved, 0x11, sizeof frame.nbl.MiniportReserved);
        memset(frame.nb[0].MiniportReserved, 0x11, sizeof frame.nb[0].MiniportReserved);
        ck_assert(!differs(&frame, before));
    }
}
