// SPDX-License-Identifier: MIT
// The settings by which a target refuses, asks back and is late by chance, for tests of hosts: with a chance of one in one they always do,
// and then as they would in earnest.
#include "stage.h"

static uint32_t refused_otherwise, reasons;

static bool
is_one_of(NDIS_STATUS status, const NDIS_STATUS *statuses, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (status == statuses[i])
            return true;
    return false;
}

static void
refused_body(void)
{
    static const NDIS_STATUS may[] = {NDIS_STATUS_FAILURE,
                                      NDIS_STATUS_RESOURCES,
                                      NDIS_STATUS_OFFLOAD_NEIGHBOR_ENTRIES,
                                      NDIS_STATUS_OFFLOAD_HW_ADDRESS_ENTRIES,
                                      NDIS_STATUS_OFFLOAD_VLAN_ENTRIES,
                                      NDIS_STATUS_OFFLOAD_VLAN_MISMATCH};
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_submit(HOST_INITIATE, host_tree(1));
    ck_assert(is_one_of(st.neighbor.block.Status, may, sizeof may / sizeof may[0]));
    ck_assert_int_eq(st.path.block.Status, NDIS_STATUS_FAILURE);   // what stands on it was not looked at
    ck_assert_int_eq(c->block.block.Status, NDIS_STATUS_FAILURE);
    ck_assert_ptr_null(st.neighbor_handle.MiniportOffloadContext);
    ck_assert_ptr_null(st.path_handle.MiniportOffloadContext);
    ck_assert_ptr_null(c->handle.MiniportOffloadContext);
    refused_otherwise += st.neighbor.block.Status != NDIS_STATUS_FAILURE;
}

TEST(ToeRefuseOneIn_refuses_with_a_status_of_the_layer_and_takes_nothing)
{
    static const struct kit_setting settings[] = {{"ToeRefuseOneIn", "1"}, {NULL, NULL}};
    stage_settings = settings;
    for (uint64_t seed = 1; seed <= 12; seed++)
        stage_run(seed, refused_body);
    ck_assert_uint_gt(refused_otherwise, 3);    // drawn, not always the same
}

static void
asked_back_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    host_offload(1);
    stage_wait(10000);
    ck_assert_ptr_null(host_event_of(c, TcpIndicateRetrieve));   // nothing has come yet
    peer_send(c, 3000, TCP_SEND_PUSH);
    stage_wait(50000);
    const struct host_event *event = host_event_of(c, TcpIndicateRetrieve);
    ck_assert_ptr_nonnull(event);
    ck_assert(event->information >= LowActivity && event->information < MaxUploadReason);
    reasons |= 1u << event->information;
    bool is_lost = false;                     // by the first reason, or by one that followed reasons which oblige nobody
    for (uint32_t i = 0; i < c->event_count; i++)
        is_lost |= c->events[i].type == TcpIndicateRetrieve && c->events[i].information == HardwareFailure;
    host_terminate(1);
    ck_assert_int_eq(c->block.block.Status, is_lost ? NDIS_STATUS_FAILURE : NDIS_STATUS_SUCCESS);
    if (!is_lost)
        ck_assert_uint_eq(c->block.tcp_delegated.RcvNxt, STAGE_IRS + 1 + 3000);
    host_release(1);
}

TEST(ToeRetrieveOneIn_asks_for_a_connection_back_after_a_segment_for_any_reason)
{
    static const struct kit_setting settings[] = {{"ToeRetrieveOneIn", "1"}, {NULL, NULL}};
    stage_settings = settings;
    for (uint64_t seed = 1; seed <= 40; seed++)
        stage_run(seed, asked_back_body);
    ck_assert_int_ge(__builtin_popcount(reasons), 6);
}

static uint64_t spent_us;

static uint64_t
now_us(void)
{
    return (uint64_t)KeQueryInterruptTime() / 10;
}

static void
late_body(void)
{
    host_make(0, TCP_ESTABLISHED);
    uint64_t begin_us = now_us();
    host_offload(1);
    spent_us += now_us() - begin_us;
    host_terminate(1);
    host_release(1);
}

TEST(ToeDelay_lets_time_pass_before_a_tree_is_looked_at)
{
    static const struct kit_setting settings[] = {{"ToeDelay", "1000000"}, {NULL, NULL}};
    stage_settings = settings;
    for (uint64_t seed = 1; seed <= 8; seed++)
        stage_run(seed, late_body);
    ck_assert_uint_ge(spent_us, 500000);      // of four seconds on average
    ck_assert_uint_le(spent_us, 9000000);
}
