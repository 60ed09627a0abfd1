// SPDX-License-Identifier: MIT
// What a peer may do wrong on an open connection, to the whole provider: frames of a model peer over the wire, a consumer's listener,
// regions and window. Each gives the right Terminate and the end of our stream, the disconnect event with its reason, and touches
// no memory.
// The rows and their places in the RFCs: docs/contracts/iwarp-hostile.md.
#include <check.h>
#include <string.h>

#include "base/bytes.h"
#include "base/prng.h"
#include "model.h"

#define REGION_BYTES 4096
#define WINDOW_AT 1000                        // of the region, and so many bytes of it
#define WINDOW_BYTES 200
#define RECEIVE_BYTES 100
#define REPLY_BYTES 24
#define REASON_PEER_TERMINATE 4
#define REASON_TERMINATE 5

// What a tag in a row is.
enum tag {
    TAG_REGION,                               // may be read and written
    TAG_LOCAL,                                // the same one's local token
    TAG_READ_ONLY,
    TAG_WRITE_ONLY,
    TAG_OTHER_DOMAIN,
    TAG_STALE,                                // of a region that was registered anew since
    TAG_WINDOW,                               // on a part of TAG_REGION
    TAG_STALE_WINDOW,                         // of a window that was invalidated since
    TAG_FORGED,
    TAGS
};

struct region {
    uint8_t *bytes;
    MDL *mdl;
    NDK_MR *mr;
};

static struct {
    struct rc_listener listener;
    struct rc_side side;
    NDK_PD *other_pd;
    NDK_MW *window;
    struct region both, read_only, write_only, other, stale, receive;
    uint32_t tags[TAGS];
    uint64_t offsets[TAGS];                   // of the first byte
} h;

static struct region *const regions[] = {&h.both, &h.read_only, &h.write_only, &h.other, &h.stale, &h.receive};

// ---- memory -----------------------------------------------------------------------------------------------------------------------

static uint8_t
fill_at(size_t region, size_t at)
{
    return (uint8_t)(region * 31 + at * 7 + at / 251);
}

static void
fill(void)
{
    for (size_t r = 0; r < ARRAYSIZE(regions); r++)
        for (size_t i = 0; i < REGION_BYTES; i++)
            regions[r]->bytes[i] = fill_at(r, i);
}

// No assertion for each byte: Check writes every one that holds down in a file.
static void
untouched(void)
{
    for (size_t r = 0; r < ARRAYSIZE(regions); r++)
        for (size_t i = 0; i < REGION_BYTES; i++)
            if (regions[r]->bytes[i] != fill_at(r, i))
                ck_abort_msg("byte %zu of region %zu was touched", i, r);
}

static void
register_again(struct region *region, ULONG flags)
{
    struct rc_wait wait;
    rc_wait_init(&wait);
    NTSTATUS status = region->mr->Dispatch->NdkRegisterMr(region->mr, region->mdl, REGION_BYTES, flags, rc_done, &wait);
    ck_assert_int_eq(rc_end_of(0, status, &wait), STATUS_SUCCESS);
}

static uint32_t
region_open(struct region *region, NDK_PD *pd, ULONG flags)
{
    region->bytes = ExAllocatePool2(POOL_FLAG_NON_PAGED, REGION_BYTES, 'tset');
    region->mdl = IoAllocateMdl(region->bytes, REGION_BYTES, FALSE, FALSE, NULL);
    MmBuildMdlForNonPagedPool(region->mdl);
    ck_assert_int_eq(pd->Dispatch->NdkCreateMr(pd, FALSE, NULL, NULL, &region->mr), STATUS_SUCCESS);
    register_again(region, flags);
    return region->mr->Dispatch->NdkGetRemoteTokenFromMr(region->mr);
}

static void
region_close(struct region *region)
{
    rc_close_object(0, &region->mr->Header, (NDK_FN_CLOSE_OBJECT *)&region->mr->Dispatch->NdkCloseMr);
    IoFreeMdl(region->mdl);
    ExFreePoolWithTag(region->bytes, 'tset');
}

static void
memory_open(void)
{
    const ULONG both = NDK_MR_FLAG_ALLOW_REMOTE_READ | NDK_MR_FLAG_ALLOW_REMOTE_WRITE;
    NDK_PD *pd = rc_end[0].pd;
    NDK_ADAPTER *adapter = rc_end[0].adapter;
    struct rc_wait wait;
    ck_assert_int_eq(adapter->Dispatch->NdkCreatePd(adapter, NULL, NULL, &h.other_pd), STATUS_SUCCESS);
    h.tags[TAG_REGION] = region_open(&h.both, pd, both);
    h.tags[TAG_LOCAL] = h.both.mr->Dispatch->NdkGetLocalTokenFromMr(h.both.mr);
    h.tags[TAG_READ_ONLY] = region_open(&h.read_only, pd, NDK_MR_FLAG_ALLOW_REMOTE_READ);
    h.tags[TAG_WRITE_ONLY] = region_open(&h.write_only, pd, NDK_MR_FLAG_ALLOW_REMOTE_WRITE);
    h.tags[TAG_OTHER_DOMAIN] = region_open(&h.other, h.other_pd, both);
    h.tags[TAG_STALE] = region_open(&h.stale, pd, both);
    rc_wait_init(&wait);
    NTSTATUS status = h.stale.mr->Dispatch->NdkDeregisterMr(h.stale.mr, rc_done, &wait);
    ck_assert_int_eq(rc_end_of(0, status, &wait), STATUS_SUCCESS);
    register_again(&h.stale, both);
    ck_assert_uint_ne(h.stale.mr->Dispatch->NdkGetRemoteTokenFromMr(h.stale.mr), h.tags[TAG_STALE]);
    h.tags[TAG_FORGED] = h.tags[TAG_REGION] ^ 0x01000000;
    region_open(&h.receive, pd, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    struct region *of[TAGS] = {&h.both, &h.both, &h.read_only, &h.write_only, &h.other, &h.stale, &h.both, &h.both, &h.both};
    for (int tag = 0; tag < TAGS; tag++)
        h.offsets[tag] = (uint64_t)(uintptr_t)of[tag]->bytes;
    h.offsets[TAG_WINDOW] += WINDOW_AT;
    h.offsets[TAG_STALE_WINDOW] += WINDOW_AT;
}

static void
memory_close(void)
{
    for (size_t r = 0; r < ARRAYSIZE(regions); r++)
        region_close(regions[r]);
    rc_close_object(0, &h.other_pd->Header, (NDK_FN_CLOSE_OBJECT *)&h.other_pd->Dispatch->NdkClosePd);
}

// ---- connections ------------------------------------------------------------------------------------------------------------------

// The next result of the one queue; its context.
static uintptr_t
result(NTSTATUS status)
{
    NDK_RESULT got;
    ULONG count = 0;
    for (unsigned i = 0; i < 60000 && !count; i++) {
        count = rc_end[0].cq->Dispatch->NdkGetCqResults(rc_end[0].cq, &got, 1);
        if (!count)
            rc_sleep_ms(1);
    }
    ck_assert_uint_eq(count, 1);
    ck_assert_msg(got.Status == status, "a result %08x, not %08x", (unsigned)got.Status, (unsigned)status);
    return (uintptr_t)got.RequestContext;
}

static void
no_result(void)
{
    NDK_RESULT got;
    ck_assert_uint_eq(rc_end[0].cq->Dispatch->NdkGetCqResults(rc_end[0].cq, &got, 1), 0);
}

// The window, twice: the first token is stale then.
static void
window_open(void)
{
    NDK_QP *qp = h.side.qp;
    NDK_PD *pd = rc_end[0].pd;
    const ULONG flags = NDK_OP_FLAG_ALLOW_REMOTE_READ | NDK_OP_FLAG_ALLOW_REMOTE_WRITE;
    ck_assert_int_eq(pd->Dispatch->NdkCreateMw(pd, NULL, NULL, &h.window), STATUS_SUCCESS);
    for (int i = TAG_STALE_WINDOW; i >= TAG_WINDOW; i--) {
        if (i == TAG_WINDOW) {
            ck_assert_int_eq(qp->Dispatch->NdkInvalidate(qp, (PVOID)8, &h.window->Header, 0), STATUS_SUCCESS);
            ck_assert_uint_eq(result(STATUS_SUCCESS), 8);
        }
        ck_assert_int_eq(qp->Dispatch->NdkBind(qp, (PVOID)9, h.both.mr, h.window, h.both.bytes + WINDOW_AT, WINDOW_BYTES, flags),
                         STATUS_SUCCESS);
        ck_assert_uint_eq(result(STATUS_SUCCESS), 9);
        h.tags[i] = h.window->Dispatch->NdkGetRemoteTokenFromMw(h.window);
    }
    ck_assert_uint_ne(h.tags[TAG_WINDOW], h.tags[TAG_STALE_WINDOW]);
}

// An open connection whose RTR has come, with one receive posted. Revision 2, RTR by write, 4 reads each way.
static void
connection_open_with(uint8_t flags)
{
    uint8_t frame[64], ulpdu[32];
    NDK_SGE sge = {.VirtualAddress = h.receive.bytes, .Length = RECEIVE_BYTES};
    sge.MemoryRegionToken = h.receive.mr->Dispatch->NdkGetLocalTokenFromMr(h.receive.mr);
    fill();
    model_connect(RC_PORT);
    model_send(frame, request_make(frame, false, flags, 2, "\x80\x04\x80\x04", 4));
    ck_assert(rc_incoming(&h.listener, &h.side, RC_WAIT_S * 1000));
    h.side.is_ex = true;
    rc_accept(&h.side, &(struct rc_data){.inbound = 4, .outbound = 4});
    ck_assert(model_wait_bytes(REPLY_BYTES));
    ck_assert_mem_eq(model.in, "MPA ID Rep Frame\x50\x02\x00\x04\x80\x04\x80\x04", REPLY_BYTES);
    model_send_fpdu(ulpdu, tagged_make(ulpdu, true, RDMAP_WRITE, 0, 0));
    ck_assert_int_eq(rc_finish(&h.side), STATUS_SUCCESS);
    ck_assert_int_eq(h.side.qp->Dispatch->NdkReceive(h.side.qp, (PVOID)1, &sge, 1), STATUS_SUCCESS);
    window_open();
}

static void
connection_open(void)
{
    connection_open_with(0x50);               // CRCs
}

// Both have ended; what was posted comes back.
static void
connection_close(ULONG cancelled)
{
    rc_disconnect(&h.side);
    ck_assert_int_eq(rc_finish(&h.side), STATUS_CONNECTION_ABORTED);
    for (ULONG i = 0; i < cancelled; i++)
        result(STATUS_CANCELLED);
    no_result();
    ck_assert_uint_eq(h.side.disconnects, 1);
    rc_side_is_dead(&h.side);
    rc_close_object(0, &h.window->Header, (NDK_FN_CLOSE_OBJECT *)&h.window->Dispatch->NdkCloseMw);
    rc_side_close(&h.side);
    model_release();
}

// The peer did wrong: what the provider says, what the consumer hears, and that nothing came of it, then or later.
static void
judged(enum iwarp_error error, bool has_ddp, bool has_read, ULONG cancelled)
{
    uint8_t ulpdu[64] = {0};
    ck_assert(rc_event(0, &h.side.disconnected, RC_WAIT_S * 1000));
    ck_assert_uint_eq(h.side.disconnects, 1);
    ck_assert_msg(h.side.reason == (REASON_TERMINATE | (ULONG)error << 8), "a reason %x", (unsigned)h.side.reason);
    model_terminated(REPLY_BYTES, error, has_ddp, has_read);
    untouched();
    size_t count = model.count;               // what is right comes too late now
    if (!model.is_ended)
        model_send_fpdu(ulpdu, tagged_make(ulpdu, true, RDMAP_WRITE, h.tags[TAG_REGION], h.offsets[TAG_REGION]) + 20);
    model_shutdown();
    rc_sleep_ms(100);
    untouched();
    ck_assert_uint_eq(model.count, count);
    connection_close(cancelled);
}

static void
rows_begin(void)
{
    memory_open();
    rc_listen(&h.listener, 0, RC_PORT);
}

static void
rows_end(void)
{
    rc_listener_close(&h.listener);
    memory_close();
}

// ---- tagged -----------------------------------------------------------------------------------------------------------------------

struct access {
    enum tag tag;
    uint64_t at;                              // from where the tag's bytes begin
    uint32_t bytes;
    enum iwarp_error error;
};

MODEL_TEST(a_write_of_the_peer_that_is_not_allowed_gives_its_Terminate_and_touches_nothing)
{
    static const struct access rows[] = {
        {TAG_REGION, REGION_BYTES - 7, 8, DDP_BOUNDS},
        {TAG_REGION, REGION_BYTES, 1, DDP_BOUNDS},
        {TAG_REGION, (uint64_t)-1, 8, DDP_BOUNDS},
        {TAG_WINDOW, WINDOW_BYTES - 7, 8, DDP_BOUNDS},      // inside of its region, outside of the window
        {TAG_WINDOW, (uint64_t)-1, 8, DDP_BOUNDS},
        {TAG_FORGED, 0, 8, DDP_INVALID_TAG},
        {TAG_STALE, 0, 8, DDP_INVALID_TAG},
        {TAG_STALE_WINDOW, 0, 8, DDP_INVALID_TAG},
        {TAG_LOCAL, 0, 8, DDP_INVALID_TAG},
        {TAG_READ_ONLY, 0, 8, DDP_INVALID_TAG},             // DDP has no code for rights
        {TAG_OTHER_DOMAIN, 0, 8, DDP_NOT_ASSOCIATED},
    };
    rows_begin();
    for (size_t i = 0; i < ARRAYSIZE(rows); i++) {
        uint8_t ulpdu[64] = {0};
        connection_open();
        size_t head = tagged_make(ulpdu, true, RDMAP_WRITE, h.tags[rows[i].tag], h.offsets[rows[i].tag] + rows[i].at);
        model_send_fpdu(ulpdu, head + rows[i].bytes);
        judged(rows[i].error, true, false, 1);
    }
    uint8_t ulpdu[64] = {0};                  // past the last of all offsets
    connection_open();
    model_send_fpdu(ulpdu, tagged_make(ulpdu, true, RDMAP_WRITE, h.tags[TAG_REGION], UINT64_MAX - 3) + 8);
    judged(DDP_WRAP, true, false, 1);
    rows_end();
}

MODEL_TEST(a_read_of_the_peer_that_is_not_allowed_gives_its_Terminate_and_no_byte)
{
    static const struct access rows[] = {
        {TAG_REGION, REGION_BYTES - 7, 8, RDMAP_BOUNDS},
        {TAG_REGION, (uint64_t)-1, 8, RDMAP_BOUNDS},
        {TAG_REGION, 0, REGION_BYTES + 1, RDMAP_BOUNDS},
        {TAG_WINDOW, WINDOW_BYTES - 7, 8, RDMAP_BOUNDS},
        {TAG_FORGED, 0, 8, RDMAP_INVALID_TAG},
        {TAG_STALE, 0, 8, RDMAP_INVALID_TAG},
        {TAG_STALE_WINDOW, 0, 8, RDMAP_INVALID_TAG},
        {TAG_WRITE_ONLY, 0, 8, RDMAP_RIGHTS},
        {TAG_OTHER_DOMAIN, 0, 8, RDMAP_NOT_ASSOCIATED},
    };
    rows_begin();
    for (size_t i = 0; i < ARRAYSIZE(rows); i++) {
        uint8_t ulpdu[64];
        connection_open();
        model_send_fpdu(ulpdu, model_read(ulpdu, 1, h.tags[rows[i].tag], h.offsets[rows[i].tag] + rows[i].at, rows[i].bytes));
        judged(rows[i].error, true, true, 1);
        ck_assert_uint_le(model.count, REPLY_BYTES + 100);  // a Terminate and no more
    }
    uint8_t ulpdu[64];
    connection_open();
    model_send_fpdu(ulpdu, model_read(ulpdu, 1, h.tags[TAG_REGION], UINT64_MAX - 3, 8));
    judged(RDMAP_WRAP, true, true, 1);
    rows_end();
}

// What is allowed, by the same tags: the rows above fail for what they name.
MODEL_TEST(writes_and_reads_of_the_peer_to_the_last_byte_of_a_region_and_a_window_are_fine)
{
    static const struct access rows[] = {
        {TAG_REGION, REGION_BYTES - 8, 8, 0}, {TAG_REGION, 0, 8, 0}, {TAG_WINDOW, WINDOW_BYTES - 8, 8, 0}, {TAG_WRITE_ONLY, 1, 8, 0}};
    uint8_t ulpdu[64];
    rows_begin();
    connection_open();
    for (size_t i = 0; i < ARRAYSIZE(rows); i++) {
        size_t head = tagged_make(ulpdu, true, RDMAP_WRITE, h.tags[rows[i].tag], h.offsets[rows[i].tag] + rows[i].at);
        memset(ulpdu + head, 0xE0 + (int)i, rows[i].bytes);
        model_send_fpdu(ulpdu, head + rows[i].bytes);
    }
    model_send_fpdu(ulpdu, model_read(ulpdu, 1, h.tags[TAG_WINDOW], h.offsets[TAG_WINDOW] + WINDOW_BYTES - 8, 8));
    model_send_fpdu(ulpdu, model_read(ulpdu, 2, h.tags[TAG_READ_ONLY], h.offsets[TAG_READ_ONLY] + REGION_BYTES - 8, 8));
    ck_assert(model_wait_bytes(REPLY_BYTES + 2 * 28));
    ck_assert_mem_eq(model.in + REPLY_BYTES, "\x00\x16\xC1\x42\x00\x00\x00\x77\x00\x00\x00\x00\x00\x00\x00\x05", 16);
    ck_assert_mem_eq(model.in + REPLY_BYTES + 16, "\xE2\xE2\xE2\xE2\xE2\xE2\xE2\xE2", 8);
    for (uint32_t i = 0; i < 8; i++) {
        ck_assert_uint_eq(model.in[REPLY_BYTES + 28 + 16 + i], fill_at(1, REGION_BYTES - 8 + i));
        ck_assert_uint_eq(h.both.bytes[i], 0xE1);
        ck_assert_uint_eq(h.both.bytes[REGION_BYTES - 8 + i], 0xE0);
        ck_assert_uint_eq(h.both.bytes[WINDOW_AT + WINDOW_BYTES - 8 + i], 0xE2);
        ck_assert_uint_eq(h.write_only.bytes[1 + i], 0xE3);
    }
    ck_assert_uint_eq(h.both.bytes[WINDOW_AT + WINDOW_BYTES], fill_at(0, WINDOW_AT + WINDOW_BYTES));
    ck_assert_uint_eq(h.write_only.bytes[0], fill_at(2, 0));
    ck_assert_uint_eq(h.side.disconnects, 0);
    model_shutdown();
    ck_assert(rc_event(0, &h.side.disconnected, RC_WAIT_S * 1000));
    ck_assert_uint_eq(h.side.reason, 1);      // the peer, in order
    rc_disconnect(&h.side);
    ck_assert_int_eq(rc_finish(&h.side), STATUS_SUCCESS);
    ck_assert_uint_eq(result(STATUS_CANCELLED), 1);
    rc_close_object(0, &h.window->Header, (NDK_FN_CLOSE_OBJECT *)&h.window->Dispatch->NdkCloseMw);
    rc_side_close(&h.side);
    model_release();
    rows_end();
}

// ---- untagged ---------------------------------------------------------------------------------------------------------------------

MODEL_TEST(a_message_of_the_peer_that_is_out_of_its_place_gives_its_Terminate_and_touches_nothing)
{
    static const struct {
        uint8_t opcode;
        uint32_t queue, sequence, offset, bytes;
        enum iwarp_error error;
    } rows[] = {
        {RDMAP_SEND, 3, 1, 0, 8, DDP_INVALID_QUEUE},
        {RDMAP_SEND, 0, 2, 0, 8, DDP_SEQUENCE},
        {RDMAP_SEND, 0, 0, 0, 8, DDP_SEQUENCE},
        {RDMAP_SEND, 0, 1, 4, 8, DDP_MESSAGE_OFFSET},
        {RDMAP_SEND, 0, 1, 0, RECEIVE_BYTES + 1, DDP_TOO_LONG},
        {RDMAP_READ_REQUEST, 1, 2, 0, 28, DDP_SEQUENCE},
        {RDMAP_READ_REQUEST, 1, 1, 0, 29, DDP_TOO_LONG},
        {RDMAP_READ_REQUEST, 1, 1, 0, 27, RDMAP_UNSPECIFIED},
        {RDMAP_READ_REQUEST, 0, 1, 0, 28, RDMAP_BAD_OPCODE},
        {RDMAP_WRITE, 0, 1, 0, 8, RDMAP_BAD_OPCODE},
        {10, 1, 1, 0, 52, RDMAP_BAD_OPCODE},  // an atomic [RFC 7306]
        {RDMAP_TERMINATE, 2, 1, 0, 3, RDMAP_UNSPECIFIED},
    };
    rows_begin();
    for (size_t i = 0; i < ARRAYSIZE(rows); i++) {
        uint8_t ulpdu[200] = {0};
        bool is_too_long = rows[i].bytes > RECEIVE_BYTES;
        connection_open();
        size_t head = untagged_make(ulpdu, true, rows[i].opcode, rows[i].queue, rows[i].sequence, rows[i].offset);
        model_send_fpdu(ulpdu, head + rows[i].bytes);
        if (is_too_long)                      // it took the receive
            ck_assert_uint_eq(result(STATUS_BUFFER_OVERFLOW), 1);
        judged(rows[i].error, true, false, !is_too_long);
    }
    rows_end();
}

MODEL_TEST(a_send_of_the_peer_that_finds_no_receive_is_refused)
{
    uint8_t ulpdu[64] = {0};
    rows_begin();
    connection_open();
    model_send_fpdu(ulpdu, untagged_make(ulpdu, true, RDMAP_SEND, 0, 1, 0));       // of no bytes: it takes the one that there is
    model_send_fpdu(ulpdu, untagged_make(ulpdu, true, RDMAP_SEND, 0, 2, 0) + 8);
    ck_assert_uint_eq(result(STATUS_SUCCESS), 1);
    judged(DDP_NO_BUFFER, true, false, 0);
    rows_end();
}

MODEL_TEST(an_invalidation_of_the_peer_that_is_not_allowed_is_refused)
{
    static const struct {
        enum tag tag;
        enum iwarp_error error;
    } rows[] = {{TAG_FORGED, RDMAP_INVALID_TAG},
                {TAG_STALE_WINDOW, RDMAP_INVALID_TAG},
                {TAG_REGION, RDMAP_CANNOT_INVALIDATE},
                {TAG_OTHER_DOMAIN, RDMAP_CANNOT_INVALIDATE}};
    rows_begin();
    for (size_t i = 0; i < ARRAYSIZE(rows); i++) {
        uint8_t ulpdu[64] = {0};
        connection_open();
        size_t head = untagged_make(ulpdu, true, RDMAP_SEND_INVALIDATE, 0, 1, 0);
        bytes_store_be32(ulpdu + 2, h.tags[rows[i].tag]);
        model_send_fpdu(ulpdu, head);
        judged(rows[i].error, true, false, 1);
    }
    rows_end();
}

MODEL_TEST(versions_of_the_peer_that_are_not_ours_are_refused)
{
    rows_begin();
    for (int n = 0; n < 3; n++) {
        static const enum iwarp_error errors[] = {DDP_TAGGED_VERSION, DDP_UNTAGGED_VERSION, RDMAP_BAD_VERSION};
        uint8_t ulpdu[64] = {0};
        connection_open();
        size_t head = n == 1 ? untagged_make(ulpdu, true, RDMAP_SEND, 0, 1, 0)
                             : tagged_make(ulpdu, true, RDMAP_WRITE, h.tags[TAG_REGION], h.offsets[TAG_REGION]);
        ulpdu[n == 2] ^= n == 2 ? 0xC0 : 3;   // 2 in place of 1
        model_send_fpdu(ulpdu, head + 8);
        judged(errors[n], true, false, 1);
    }
    rows_end();
}

// Requests for more reads than were agreed, in one segment: no answer has left when the fifth comes.
MODEL_TEST(more_reads_of_the_peer_than_were_agreed_find_no_buffer)
{
    uint8_t ulpdu[64], bytes[400];
    size_t count = 0;
    rows_begin();
    connection_open();
    for (uint32_t n = 1; n <= 5; n++)
        count += fpdu_make(bytes + count, ulpdu, model_read(ulpdu, n, h.tags[TAG_REGION], h.offsets[TAG_REGION], 8));
    model_send(bytes, count);
    ck_assert(rc_event(0, &h.side.disconnected, RC_WAIT_S * 1000));
    ck_assert_uint_eq(h.side.reason, REASON_TERMINATE | DDP_NO_BUFFER << 8);
    model_terminated(REPLY_BYTES, DDP_NO_BUFFER, true, false);
    untouched();
    model_shutdown();
    connection_close(1);
    rows_end();
}

// ---- MPA --------------------------------------------------------------------------------------------------------------------------

// A write of 20 bytes to the region, as an FPDU that is right.
static size_t
right_write(uint8_t *fpdu)
{
    uint8_t ulpdu[64] = {0};
    return fpdu_make(fpdu, ulpdu, tagged_make(ulpdu, true, RDMAP_WRITE, h.tags[TAG_REGION], h.offsets[TAG_REGION]) + 20);
}

MODEL_TEST(an_FPDU_of_the_peer_whose_CRC_is_wrong_touches_nothing)
{
    static const size_t places[] = {2, 6, 12, 17, 35, 36, 39};          // header, payload, pad, CRC
    rows_begin();
    for (size_t i = 0; i < ARRAYSIZE(places); i++) {
        uint8_t fpdu[64];
        connection_open();
        size_t count = right_write(fpdu);
        ck_assert_uint_lt(places[i], count);
        fpdu[places[i]] ^= 0x10;
        model_send(fpdu, count);
        judged(MPA_CRC_ERROR, false, false, 1);
    }
    rows_end();
}

MODEL_TEST(an_FPDU_of_the_peer_that_its_end_of_the_stream_cuts_off_is_said_to_be_lost)
{
    static const size_t parts[] = {1, 2, 15, 30, 39};
    rows_begin();
    for (size_t i = 0; i < ARRAYSIZE(parts); i++) {
        uint8_t fpdu[64];
        connection_open();
        ck_assert_uint_lt(parts[i], right_write(fpdu));
        model_send(fpdu, parts[i]);
        model_shutdown();
        ck_assert(rc_event(0, &h.side.disconnected, RC_WAIT_S * 1000));
        ck_assert_uint_eq(h.side.reason, REASON_TERMINATE | MPA_LOST << 8);
        model_terminated(REPLY_BYTES, MPA_LOST, false, false);
        untouched();
        connection_close(1);
    }
    rows_end();
}

MODEL_TEST(a_marker_of_the_peer_where_none_was_agreed_is_a_wrong_FPDU)
{
    uint8_t bytes[64] = {0};
    rows_begin();
    connection_open();
    model_send(bytes, 4 + right_write(bytes + 4));
    judged(MPA_CRC_ERROR, false, false, 1);   // the marker's zeros are a length, and what follows is no CRC of it
    rows_end();
}

MODEL_TEST(an_FPDU_of_the_peer_that_is_too_short_for_a_header_is_a_catastrophe_of_DDP)
{
    rows_begin();
    for (size_t count = 0; count < 14; count += 13) {
        uint8_t ulpdu[16] = {0xC1, 0x40};
        connection_open();
        model_send_fpdu(ulpdu, count);
        judged(DDP_LOCAL_CATASTROPHIC, false, false, 1);
    }
    rows_end();
}

// Where they are agreed: the provider asks for none and gives those that are asked for [RFC 5044 4.3].
MODEL_TEST(a_peer_that_asks_for_markers_gets_one_every_512_bytes_from_the_first_FPDU_on)
{
    uint8_t plain[1200];
    size_t got = 0;
    rows_begin();
    connection_open_with(0xD0);
    NDK_SGE sge = {.VirtualAddress = h.both.bytes, .Length = 1000, .MemoryRegionToken = h.tags[TAG_LOCAL]};
    NDK_QP *qp = h.side.qp;
    ck_assert_int_eq(qp->Dispatch->NdkSend(qp, (PVOID)3, &sge, 1, 0), STATUS_SUCCESS);
    ck_assert_uint_eq(result(STATUS_SUCCESS), 3);
    const size_t bytes = 2 + 18 + 1000 + 4 + 3 * 4;         // length, header, text, CRC, markers at 0, 512 and 1024
    const uint8_t *stream = model.in + REPLY_BYTES;
    ck_assert(model_wait_bytes(REPLY_BYTES + bytes));
    ck_assert_uint_eq(model.count, REPLY_BYTES + bytes);
    for (size_t at = 0; at < bytes; at++) {
        if (at % 512 == 0) {                  // how far back the FPDU begins, behind the first marker
            ck_assert_uint_eq(bytes_load_be32(stream + at), at ? at - 4 : 0);
            at += 3;
        } else {
            plain[got++] = stream[at];
        }
    }
    ck_assert_uint_eq(got, 1024);
    ck_assert_uint_eq(bytes_load_be16(plain), 1018);
    ck_assert_mem_eq(plain + 20, h.both.bytes, 1000);
    ck_assert_uint_eq(bytes_load_le32(stream + bytes - 4), crc_by_bits(stream, bytes - 4));
    model_shutdown();
    ck_assert(rc_event(0, &h.side.disconnected, RC_WAIT_S * 1000));
    rc_disconnect(&h.side);
    ck_assert_int_eq(rc_finish(&h.side), STATUS_SUCCESS);
    ck_assert_uint_eq(result(STATUS_CANCELLED), 1);
    rc_close_object(0, &h.window->Header, (NDK_FN_CLOSE_OBJECT *)&h.window->Dispatch->NdkCloseMw);
    rc_side_close(&h.side);
    model_release();
    rows_end();
}

// ---- answers to our reads ---------------------------------------------------------------------------------------------------------

MODEL_TEST(an_answer_of_the_peer_to_a_read_that_was_not_asked_so_is_refused_and_touches_nothing)
{
    static const struct {
        uint32_t tag_off;
        int64_t at;
        uint32_t bytes;
        bool is_asked;
        enum iwarp_error error;
    } rows[] = {
        {1, 0, 40, true, DDP_INVALID_TAG},
        {0, -1, 40, true, DDP_BOUNDS},
        {0, 1, 40, true, DDP_BOUNDS},
        {0, 0, 41, true, DDP_BOUNDS},
        {0, 0, 39, true, DDP_BOUNDS},
        {0, 0, 40, false, RDMAP_BAD_OPCODE},
    };
    rows_begin();
    for (size_t i = 0; i < ARRAYSIZE(rows); i++) {
        uint8_t ulpdu[100] = {0};
        NDK_QP *qp;
        connection_open();
        qp = h.side.qp;
        size_t from = REPLY_BYTES;
        uint32_t sink = h.tags[TAG_REGION];
        uint64_t offset = h.offsets[TAG_REGION];
        if (rows[i].is_asked) {
            NDK_SGE sge = {.VirtualAddress = h.both.bytes, .Length = 40, .MemoryRegionToken = h.tags[TAG_LOCAL]};
            ck_assert_int_eq(qp->Dispatch->NdkRead(qp, (PVOID)7, &sge, 1, 0x1000, 0x55, 0), STATUS_SUCCESS);
            ck_assert(model_wait_bytes(REPLY_BYTES + 2 + 18 + 28 + 4));
            sink = bytes_load_be32(model.in + REPLY_BYTES + 20);
            offset = bytes_load_be64(model.in + REPLY_BYTES + 24);
        }
        size_t head = tagged_make(ulpdu, true, RDMAP_READ_RESPONSE, sink + rows[i].tag_off, offset + (uint64_t)rows[i].at);
        model_send_fpdu(ulpdu, head + rows[i].bytes);
        ck_assert(rc_event(0, &h.side.disconnected, RC_WAIT_S * 1000));
        ck_assert_msg(h.side.reason == (REASON_TERMINATE | (ULONG)rows[i].error << 8), "row %zu: a reason %x", i, (unsigned)h.side.reason);
        model_terminated(from, rows[i].error, true, false);
        untouched();
        model_shutdown();
        connection_close(1 + rows[i].is_asked);
    }
    rows_end();
}

// ---- the peer's own Terminate, and noise ------------------------------------------------------------------------------------------

MODEL_TEST(a_Terminate_of_the_peer_is_one_disconnect_with_its_reason_and_ends_our_stream)
{
    static const uint16_t errors[] = {DDP_INVALID_TAG, RDMAP_LOCAL_CATASTROPHIC, MPA_CRC_ERROR, 0xFEDC};
    rows_begin();
    for (size_t i = 0; i < ARRAYSIZE(errors); i++) {
        uint8_t ulpdu[64] = {0};
        connection_open();
        size_t head = untagged_make(ulpdu, true, RDMAP_TERMINATE, DDP_QUEUE_TERMINATE, 1, 0);
        bytes_store_be16(ulpdu + head, errors[i]);
        model_send_fpdu(ulpdu, head + 4);
        ck_assert(rc_event(0, &h.side.disconnected, RC_WAIT_S * 1000));
        ck_assert_uint_eq(h.side.reason, REASON_PEER_TERMINATE | (ULONG)errors[i] << 8);
        ck_assert(model_wait_fin());
        ck_assert_uint_eq(model.count, REPLY_BYTES);        // nothing is said to it
        untouched();
        model_shutdown();
        connection_close(1);
    }
    rows_end();
}

MODEL_TEST(noise_of_the_peer_in_place_of_FPDUs_ends_the_connection_and_touches_nothing)
{
    struct prng prng;
    prng_seed(&prng, rc_net.seed);
    rows_begin();
    for (int round = 0; round < 8; round++) {
        uint8_t bytes[3000];
        connection_open();
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)prng_next(&prng);
        bytes[0] = (uint8_t)(prng_next(&prng) % 8);         // what it says is a length is there
        model_send(bytes, sizeof bytes);
        judged(MPA_CRC_ERROR, false, false, 1);
    }
    rows_end();
}
