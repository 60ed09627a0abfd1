// SPDX-License-Identifier: MIT
// Without memory: each allocation of the target's is refused once, from the initiate to the terminate. What is refused says so, nothing
// that was accepted is lost, and nothing is left behind.
#include <nbx/fault.h>

#include "stage.h"

static uint64_t fault_number, fault_count;
static bool has_refused;
static unsigned initiates_failed, uploads_asked;

// What of the tree came in is given back; nothing else is touched.
static void
tree_undo(const struct host_connection *c)
{
    initiates_failed++;
    ck_assert_ptr_null(c->handle.MiniportOffloadContext);
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *root = &st.neighbor.block;
    if (!st.neighbor_handle.MiniportOffloadContext) {
        ck_assert_int_eq(root->Status, NDIS_STATUS_RESOURCES);
        return;
    }
    st.neighbor.block.Header.Type = NeighborOffloadDelegatedState;
    st.path.block.Header.Type = Ip4OffloadDelegatedState;
    st.path.block.DependentBlockList = NULL;
    if (!st.path_handle.MiniportOffloadContext)
        st.neighbor.block.DependentBlockList = NULL;
    host_submit(HOST_TERMINATE, root);
}

static void
transfer(struct host_connection *c)
{
    for (unsigned i = 0; i < 5; i++) {
        host_send(c, 3000, 900);
        host_post(c, 700, i & 1);
        peer_send(c, 2000, TCP_SEND_PUSH);
        st.takes_bytes = i == 2 ? 50 : 0;
        stage_wait(3000);
    }
    st.refuses = true;
    peer_send(c, 3000, TCP_SEND_PUSH);
    stage_wait(3000);
    host_disconnect(c, 300, TCP_DISCONNECT_GRACEFUL_CLOSE);
    stage_wait(50000);
    uploads_asked += host_event_of(c, TcpIndicateRetrieve) != NULL;
}

static void
fault_body(void)
{
    struct host_connection *c = host_make(0, TCP_ESTABLISHED);
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = fault_number, .driver = "vnic"};
    struct nbx_fault_report report;
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *root = host_tree(1);
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
    host_submit(HOST_INITIATE, root);
    if (c->block.block.Status != NDIS_STATUS_SUCCESS) {
        tree_undo(c);
    } else {
        transfer(c);
        host_terminate(1);
        ck_assert_int_eq(c->block.block.Status, NDIS_STATUS_SUCCESS);
        host_release(1);
        ck_assert_uint_eq(c->disconnects_out, 0);
        // Every byte that was acknowledged to the peer has come up, by a receive, an indication or as buffered data.
        ck_assert_uint_eq(c->got_bytes, c->block.tcp_delegated.RcvNxt - STAGE_IRS - 1);
    }
    nbx_fault_disarm(&report);
    has_refused = report.refused != 0;
    fault_count += report.refused;
}

TEST_TIMEOUT(600, without_memory_the_target_fails_what_it_must_and_loses_nothing)
{
    stage_settings = NULL;
    has_refused = true;
    for (fault_number = 1; has_refused; fault_number++)
        stage_run(3, fault_body);
    ck_assert_uint_ge(fault_count, 10);
    ck_assert_uint_ge(initiates_failed, 3);
    ck_assert_uint_ge(uploads_asked, 1);
}
