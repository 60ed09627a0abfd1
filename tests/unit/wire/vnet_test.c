// SPDX-License-Identifier: MIT
// The virtio-net header, out and in: what a peer could get wrong is refused before anybody believes it.
#include "harness/harness.h"

#include <string.h>

#include "wire/vnet.h"

enum { frame_bytes = 3000, tcp_at = 34 };

static uint8_t frame[frame_bytes];

// A sound header of an IPv4 super-segment with a TCP header of 32 bytes.
static struct vnet_header
sound(void)
{
    memset(frame, 0, sizeof(frame));
    frame[tcp_at + 12] = 8 << 4;
    return (struct vnet_header){.flags = 1, .gso_type = 1, .header_bytes = 66, .gso_bytes = 1448, .csum_start = tcp_at, .csum_offset = 16};
}

static bool
accepted(struct vnet_header header, uint32_t bytes)
{
    struct port_offload offload;
    return vnet_decode(&header, frame, bytes, &offload);
}

TEST(vnet_header_survives_the_way_out_and_in)
{
    static const struct port_offload all[] = {
        {0},
        {PORT_CSUM_NEEDED, PORT_GSO_NONE, 0, 0, tcp_at, 16},
        {PORT_CSUM_NEEDED, PORT_GSO_TCP4, 66, 1448, tcp_at, 16},
        {PORT_CSUM_NEEDED | PORT_GSO_ECN, PORT_GSO_TCP6, 66, 1448, tcp_at, 16},
    };
    (void)sound();
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct vnet_header header;
        struct port_offload back;
        vnet_encode(&all[i], &header);
        ck_assert(vnet_decode(&header, frame, frame_bytes, &back));
        ck_assert_mem_eq(&back, &all[i], sizeof(back));
    }
}

TEST(vnet_header_length_comes_from_the_tcp_header_and_not_from_the_hint)
{
    struct vnet_header header = sound();
    struct port_offload offload;
    header.header_bytes = 1000;
    ck_assert(vnet_decode(&header, frame, frame_bytes, &offload));
    ck_assert_uint_eq(offload.header_bytes, tcp_at + 32);
}

TEST(vnet_header_says_that_a_checksum_has_been_verified)
{
    struct vnet_header header = {.flags = 2};
    struct port_offload offload;
    ck_assert(vnet_decode(&header, frame, 60, &offload));
    ck_assert_uint_eq(offload.flags, PORT_CSUM_VALID);
}

TEST(vnet_header_that_points_out_of_the_frame_is_refused)
{
    struct vnet_header header = sound();
    ck_assert(accepted(header, frame_bytes));
    ck_assert(!accepted(header, tcp_at + 17));               // checksum
    ck_assert(!accepted(header, tcp_at + 19));               // TCP header, fixed part
    ck_assert(!accepted(header, tcp_at + 31));               // TCP header, options
    ck_assert(accepted(header, tcp_at + 32));
    header.csum_start = 65535;
    ck_assert(!accepted(header, frame_bytes));
    header = sound();
    header.csum_offset = 65535;
    ck_assert(!accepted(header, frame_bytes));
    header = sound();
    frame[tcp_at + 12] = 4 << 4;                             // less than a TCP header
    ck_assert(!accepted(header, frame_bytes));
}

TEST(vnet_header_of_a_segmentation_that_nobody_asked_for_is_refused)
{
    struct vnet_header header = sound();
    header.gso_type = 3;                                     // UDP fragments
    ck_assert(!accepted(header, frame_bytes));
    header.gso_type = 5;                                     // UDP segments
    ck_assert(!accepted(header, frame_bytes));
    header = sound();
    header.gso_bytes = 0;
    ck_assert(!accepted(header, frame_bytes));
    header = sound();
    header.flags = 0;                                        // a super-segment with a finished checksum
    ck_assert(!accepted(header, frame_bytes));
}
