// SPDX-License-Identifier: MIT
// A peer that asks for what it may not have: each gets the right Terminate and a disconnect, and no byte is touched.
#include "pair.h"

#define MEMORY_BYTES 4096

static struct {
    struct buffer memory, own;            // b's, which the peer wants; a's
    uint8_t before[MEMORY_BYTES];
} h;

static void
begin(ULONG flags)
{
    pair_join();
    h.memory = stage_buffer(MEMORY_BYTES, pair.pd_b, flags);
    h.own = stage_buffer(MEMORY_BYTES, pair.pd_a, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    memset(h.own.bytes, 0xAA, MEMORY_BYTES);
    memcpy(h.before, h.memory.bytes, MEMORY_BYTES);
    st.holds_acks = true;
}

// b says so in a Terminate, has an end, and its memory is as before.
static void
end(ULONG error, NTSTATUS status, NDK_OPERATION_TYPE type)
{
    struct iwarp_info info;
    iwarp_info(stage_end(pair.b)->link.iwarp, &info);
    ck_assert_int_eq(info.end, RDMA_END_TERMINATED);
    ck_assert_uint_eq((ULONG)(info.terminate.layer << 12 | info.terminate.type << 8 | info.terminate.code), error);
    ck_assert_uint_ne(stage_end(pair.b)->events & RDMA_EVENT_DISCONNECT, 0);
    ck_assert_uint_ne(stage_end(pair.a)->events & RDMA_EVENT_DISCONNECT, 0);
    ck_assert_mem_eq(h.memory.bytes, h.before, MEMORY_BYTES);
    for (unsigned i = 0; i < MEMORY_BYTES; i++)
        ck_assert_uint_eq(h.own.bytes[i], 0xAA);
    stage_acks();
    NDK_RESULT_EX result = stage_result(pair.cq_a, status, type, 1);
    ck_assert_uint_eq(result.ProviderErrorCode, 0x10000 | error);
    stage_part(pair.a);
    stage_buffer_free(&h.memory);
    stage_buffer_free(&h.own);
}

static void
write_at(uint64_t offset, uint32_t token, ULONG flags, ULONG error)
{
    begin(flags);
    if (!token)
        token = remote_token(&h.memory);
    ck_assert_int_eq(pair_write(stage_sge(&h.own, 0, 1000), stage_address(&h.memory) + offset, token, 0, 1), STATUS_SUCCESS);
    end(error, STATUS_ACCESS_VIOLATION, NdkOperationTypeWrite);
}

static void
writes_body(void)
{
    write_at(MEMORY_BYTES - 999, 0, NDK_MR_FLAG_ALLOW_REMOTE_WRITE, 0x1101);
    write_at((uint64_t)-1, 0, NDK_MR_FLAG_ALLOW_REMOTE_WRITE, 0x1101);
    write_at(0, 0x7FFFFF01, NDK_MR_FLAG_ALLOW_REMOTE_WRITE, 0x1100);
    write_at(0, 1, NDK_MR_FLAG_ALLOW_REMOTE_WRITE, 0x1100);
    write_at(0, 0, NDK_MR_FLAG_ALLOW_LOCAL_WRITE | NDK_MR_FLAG_ALLOW_REMOTE_READ, 0x1100);      // no right: DDP says invalid tag or bounds
    begin(NDK_MR_FLAG_ALLOW_REMOTE_WRITE);              // the local token is not a peer's
    uint32_t token = h.memory.mr->Dispatch->NdkGetLocalTokenFromMr(h.memory.mr);
    ck_assert_int_eq(pair_write(stage_sge(&h.own, 0, 1000), stage_address(&h.memory), token, 0, 1), STATUS_SUCCESS);
    end(0x1100, STATUS_ACCESS_VIOLATION, NdkOperationTypeWrite);
    begin(NDK_MR_FLAG_ALLOW_REMOTE_WRITE);              // of a region that was registered anew since
    token = remote_token(&h.memory);
    ck_assert_int_eq(stage_status(h.memory.mr->Dispatch->NdkDeregisterMr(h.memory.mr, stage_on_request, NULL)), STATUS_SUCCESS);
    ck_assert_int_eq(stage_status(h.memory.mr->Dispatch->NdkRegisterMr(h.memory.mr, h.memory.mdl, MEMORY_BYTES,
                                                                       NDK_MR_FLAG_ALLOW_REMOTE_WRITE, stage_on_request, NULL)),
                     STATUS_SUCCESS);
    ck_assert_int_eq(pair_write(stage_sge(&h.own, 0, 1000), stage_address(&h.memory), token, 0, 1), STATUS_SUCCESS);
    end(0x1100, STATUS_ACCESS_VIOLATION, NdkOperationTypeWrite);
}

TEST(a_write_of_the_peer_outside_of_what_it_was_given_touches_nothing)
{
    EACH_SEED(writes_body);
}

static void
reads_body(void)
{
    begin(NDK_MR_FLAG_ALLOW_REMOTE_READ);
    ck_assert_int_eq(pair_read(stage_sge(&h.own, 0, 1000), stage_address(&h.memory) + MEMORY_BYTES - 999, remote_token(&h.memory), 0, 1),
                     STATUS_SUCCESS);
    end(0x0101, STATUS_REMOTE_RESOURCES, NdkOperationTypeRead);
    begin(NDK_MR_FLAG_ALLOW_REMOTE_WRITE);
    ck_assert_int_eq(pair_read(stage_sge(&h.own, 0, 1000), stage_address(&h.memory), remote_token(&h.memory), 0, 1), STATUS_SUCCESS);
    end(0x0102, STATUS_ACCESS_VIOLATION, NdkOperationTypeRead);
    begin(NDK_MR_FLAG_ALLOW_REMOTE_READ);
    ck_assert_int_eq(pair_read(stage_sge(&h.own, 0, 1000), stage_address(&h.memory), 0x12345678, 0, 1), STATUS_SUCCESS);
    end(0x0100, STATUS_ACCESS_VIOLATION, NdkOperationTypeRead);
}

TEST(a_read_of_the_peer_outside_of_what_it_was_given_gets_nothing)
{
    EACH_SEED(reads_body);
}

// A region of another domain, though its token is right.
static void
domain_body(void)
{
    begin(NDK_MR_FLAG_ALLOW_REMOTE_WRITE);
    NDK_PD *pd = stage_pd();
    struct buffer other = stage_buffer(MEMORY_BYTES, pd, NDK_MR_FLAG_ALLOW_REMOTE_WRITE);
    uint8_t before[MEMORY_BYTES];
    memcpy(before, other.bytes, MEMORY_BYTES);
    ck_assert_int_eq(pair_write(stage_sge(&h.own, 0, 1000), stage_address(&other), remote_token(&other), 0, 1), STATUS_SUCCESS);
    end(0x1102, STATUS_ACCESS_VIOLATION, NdkOperationTypeWrite);
    ck_assert_mem_eq(before, other.bytes, MEMORY_BYTES);
    stage_buffer_free(&other);
}

TEST(a_token_of_another_protection_domain_leads_nowhere)
{
    EACH_SEED(domain_body);
}

static void
sends_body(void)
{
    begin(NDK_MR_FLAG_ALLOW_LOCAL_WRITE);               // nothing is posted
    ck_assert_int_eq(pair_send(stage_sge(&h.own, 0, 10), 0, 1), STATUS_SUCCESS);
    end(0x1202, STATUS_REMOTE_RESOURCES, NdkOperationTypeSend);
    begin(NDK_MR_FLAG_ALLOW_LOCAL_WRITE);               // too long for what is
    pair_receive(stage_sge(&h.memory, 0, 1023), 5);
    ck_assert_int_eq(pair_send(stage_sge(&h.own, 0, 1024), 0, 1), STATUS_SUCCESS);
    stage_result(pair.cq_b, STATUS_BUFFER_OVERFLOW, NdkOperationTypeReceive, 5);
    end(0x1205, STATUS_REMOTE_RESOURCES, NdkOperationTypeSend);
}

TEST(a_send_without_a_receive_or_too_long_for_it_ends_the_connection)
{
    EACH_SEED(sends_body);
}

// An invalidation of what cannot be invalidated: an ordinary region, nobody's token, another domain's window.
static void
invalidations_body(void)
{
    for (unsigned way = 0; way < 3; way++) {
        begin(NDK_MR_FLAG_ALLOW_REMOTE_WRITE);
        struct buffer other = stage_buffer(10, pair.pd_a, NDK_MR_FLAG_ALLOW_REMOTE_WRITE);
        uint32_t token = way == 0 ? remote_token(&h.memory) : way == 1 ? 0x00FFFF01 : remote_token(&other);
        NDK_SGE sge = stage_sge(&h.own, 0, 0);
        pair_receive(stage_sge(&h.memory, 0, 100), 5);
        ck_assert_int_eq(pair.a->Dispatch->NdkSendAndInvalidate(pair.a, (PVOID)1, &sge, 1, 0, token), STATUS_SUCCESS);
        end(way == 1 ? 0x0100 : 0x0109, way == 1 ? STATUS_ACCESS_VIOLATION : STATUS_ACCESS_VIOLATION, NdkOperationTypeSend);
        stage_result(pair.cq_b, STATUS_CANCELLED, NdkOperationTypeReceive, 5);
        stage_buffer_free(&other);
    }
}

TEST(an_invalidation_of_the_peer_that_is_not_allowed_ends_the_connection)
{
    EACH_SEED(invalidations_body);
}
