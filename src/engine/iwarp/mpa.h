// SPDX-License-Identifier: MIT
// MPA without connections: the frames of the start-up phase and what two of them agree on (startup.c), sizes and markers of FPDUs and
// the way through a received one (fpdu.c) [RFC 5044, RFC 6581]. Everything here is a function of its arguments.
#ifndef NBX_ENGINE_IWARP_MPA_H
#define NBX_ENGINE_IWARP_MPA_H

#include "engine/engine.h"
#include "engine/rdma.h"

// ---- start-up

#define MPA_FRAME_BYTES 20              // key, flags, revision, length of private data
#define MPA_PRIVATE_BYTES_MAX 512
#define MPA_ENHANCED_BYTES 4            // IRD, ORD and A to D, before the ULP's private data [RFC 6581 9]

enum mpa_flag {
    MPA_MARKERS = 0x80,     // M: who sends this frame wants markers from its peer
    MPA_CRC = 0x40,         // C
    MPA_REJECT = 0x20,      // R, in replies
    MPA_ENHANCED = 0x10,    // S, from revision 2 on
};

// How an initiator may say that it is ready to receive [RFC 6581 9.2].
enum mpa_rtr {
    MPA_RTR_SEND = 1,       // B: a send of no bytes
    MPA_RTR_WRITE = 2,      // C: an RDMA write of no bytes
    MPA_RTR_READ = 4,       // D: an RDMA read of no bytes
};

// A request or a reply.
struct mpa_frame {
    bool is_reply;
    uint8_t flags;                      // enum mpa_flag; MPA_ENHANCED only with revision 2
    uint8_t revision;
    bool is_peer_to_peer;               // A
    uint8_t rtr;                        // enum mpa_rtr; 0 without A
    struct rdma_reads reads;            // IRD and ORD
    const uint8_t *private_bytes;       // the ULP's
    uint16_t private_count;
};

// Write a frame; returns its length. room: MPA_FRAME_BYTES + MPA_PRIVATE_BYTES_MAX. The private data fits (mpa_private_room).
size_t mpa_frame_write(const struct mpa_frame *frame, uint8_t *room);

// How much private data of the ULP's a frame of this kind carries.
static inline uint16_t
mpa_private_room(bool is_enhanced)
{
    return is_enhanced ? MPA_PRIVATE_BYTES_MAX - MPA_ENHANCED_BYTES : MPA_PRIVATE_BYTES_MAX;
}

/* Read a frame of the expected kind from count bytes. Returns its length; 0: more bytes are wanted, *need says up to how many;
 * -EPROTO: this is none, or of a revision that we do not speak, as soon as that can be known. private_bytes point into bytes. */
int mpa_frame_read(struct mpa_frame *frame, bool is_reply, const uint8_t *bytes, size_t count, size_t *need);

// IRD and ORD after a reply or for it: what we have, cut to what the peer has [RFC 6581 9.1]. RDMA_READS_OF_ULP leaves ours as it is.
uint16_t mpa_reads_least(uint16_t ours, uint16_t theirs);

// The RTR to use of those that both support, 0 if there is none: a write before a read before a send, because a write costs the peer
// nothing and a send one of its buffers.
uint8_t mpa_rtr_pick(uint8_t ours, uint8_t theirs);

// ---- full operation

#define MPA_MARKER_BYTES 4
#define MPA_MARKER_EVERY 512
#define MPA_LENGTH_BYTES 2
#define MPA_CRC_BYTES 4
#define MPA_ULPDU_MAX 64768             // a sender's [RFC 5044 3.1]
#define MPA_ULPDU_LEAST 128             // MULPDU is never below

// MULPDU for an effective maximum segment size [RFC 5044 4.5].
uint32_t mpa_mulpdu(uint32_t emss_bytes, bool has_markers);

static inline uint32_t
mpa_pad(uint32_t ulpdu_bytes)
{
    return -(MPA_LENGTH_BYTES + ulpdu_bytes) & 3;
}

// Markers of an FPDU with body_bytes (all but markers) that begins at this position of the stream; the one right before it is its own.
uint32_t mpa_markers(uint64_t position, uint32_t body_bytes);

// All bytes of an FPDU.
static inline uint32_t
mpa_fpdu_bytes(uint64_t position, uint32_t ulpdu_bytes, bool has_markers)
{
    uint32_t body = MPA_LENGTH_BYTES + ulpdu_bytes + mpa_pad(ulpdu_bytes) + MPA_CRC_BYTES;
    return body + (has_markers ? mpa_markers(position, body) * MPA_MARKER_BYTES : 0);
}

// A walk over received bytes that leaves markers out.
struct mpa_reader {
    const struct eng_span *span;
    uint32_t in_span;
    bool has_markers;
    uint64_t position;                  // of the stream, since full operation
};

// Received bytes: spans, of which skip_bytes were used already (fewer than the first has), and count are left.
struct mpa_input {
    const struct eng_span *spans;
    size_t n_spans, skip_bytes, count;
};

void mpa_reader_init(struct mpa_reader *reader, const struct mpa_input *input, uint64_t position, bool has_markers);

// The next count bytes, which must be there. to may be NULL: they are passed over.
void mpa_reader_copy(struct mpa_reader *reader, void *to, size_t count);

enum mpa_verdict {
    MPA_GOOD,
    MPA_MORE,               // not all of it is there yet
    MPA_BAD_CRC,
    MPA_BAD_MARKER
};

// What an FPDU was found to be.
struct mpa_fpdu {
    uint32_t wire_bytes;            // all of it; MPA_MORE: how many bytes must be there before another look is of use
    uint32_t ulpdu_bytes;
    struct mpa_reader ulpdu;        // at its first byte
};

// Look at the FPDU that begins with the input.
enum mpa_verdict mpa_fpdu_read(struct mpa_fpdu *fpdu, const struct mpa_input *input, uint64_t position, bool has_markers, bool has_crc);

#endif
