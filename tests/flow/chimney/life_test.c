// SPDX-License-Identifier: MIT
// Offloads in the midst of other things: hosts and target at work at the same time, an adapter that goes away under them, and the words of
// a trace.
#include "stand.h"

#include <stdio.h>
#include <string.h>

// ---- at the same time ---------------------------------------------------------------------------------------------------------------

#define ROUNDS 25

static struct {
    uint32_t hosts, asked, most_out, mixed;
    bool is_over;
} work;

static NTAPI VOID
host_thread(PVOID context)
{
    uint32_t which = (uint32_t)(ULONG_PTR)context;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        NET_BUFFER_LIST *nbls = s_nbls(1 + i % 3, 10);
        work.asked += 1 + i % 3;
        ck_assert_int_eq(s_request(i % 4 == 3 ? S_RECEIVE : S_SEND, &s.tcp_object[which], nbls, 0), NDIS_STATUS_PENDING);
        if (i % 5 == 0)
            w_sleep(1);
    }
    work.hosts--;
}

// The first so many of what the target has: a completion is rarely all of it.
static void
give_back_some(enum s_data op, uint32_t count)
{
    NET_BUFFER_LIST **end = &s.lists[op];
    while (count-- && *end)
        end = &(*end)->Next;
    NET_BUFFER_LIST *after = *end;
    *end = NULL;
    if (!s.lists[op])
        return;
    work.mixed += s.lists[op]->Next != NULL;
    s_give_back(op, NDIS_STATUS_SUCCESS);
    // What came meanwhile stands behind what was left.
    NET_BUFFER_LIST *came = s.lists[op];
    NET_BUFFER_LIST **at = &after;
    while (*at)
        at = &(*at)->Next;
    *at = came;
    s.lists[op] = after;
}

static NTAPI VOID
target_thread(PVOID context)
{
    for (uint32_t i = 0; work.hosts || s.lists[S_SEND] || s.lists[S_RECEIVE]; i++) {
        uint32_t out = w_length(s.lists[S_SEND]) + w_length(s.lists[S_RECEIVE]);
        if (out > work.most_out)
            work.most_out = out;
        give_back_some(i & 1 ? S_SEND : S_RECEIVE, 1 + i % 4);
        s_event(&s.tcp_object[i & 1], TcpIndicateSendBacklogChange, i);
        if (i % 3 == 0)
            w_sleep(1);
    }
    work.is_over = true;
}

static bool
work_is_over(void)
{
    return work.is_over;
}

static void
start(PKSTART_ROUTINE routine, uint32_t context)
{
    HANDLE thread;
    ck_assert_int_eq(PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, routine, (PVOID)(ULONG_PTR)context),
                     STATUS_SUCCESS);
    ZwClose(thread);
}

static void
all_at_once(void)
{
    memset(&work, 0, sizeof work);
    s_offload(2);
    work.hosts = 2;
    start(host_thread, 0);
    start(host_thread, 1);
    start(target_thread, 0);
    w_until(work_is_over);
    ck_assert_uint_eq(w_length(s.completed[S_SEND]) + w_length(s.completed[S_RECEIVE]), work.asked);
    ck_assert_uint_gt(work.most_out, 1);      // or nothing was going on at the same time
    ck_assert_uint_gt(work.mixed, 0);
    s_free(s.completed[S_SEND]);
    s_free(s.completed[S_RECEIVE]);
    s_upload(2);
}

TEST_TIMEOUT(60, NdisOffloadTcpSend_of_two_connections_at_once_gives_each_list_back_once)
{
    s_run(all_at_once);
}

// ---- an adapter goes away -------------------------------------------------------------------------------------------------------------

static uint32_t unbinds;

static NTAPI NDIS_STATUS
unbind_uploads(NDIS_HANDLE unbind, NDIS_HANDLE context)
{
    unbinds++;
    s_upload(1);
    ck_assert_int_eq(w_unbind(context), NDIS_STATUS_SUCCESS);
    return NDIS_STATUS_SUCCESS;
}

static void
goes_away(void)
{
    s_offload(1);                             // and the stand takes the adapter away
}

TEST(NdisTerminateOffload_works_in_an_unbind_while_the_adapter_goes_away)
{
    w_own.unbind = unbind_uploads;
    s_run(goes_away);
    ck_assert_uint_eq(unbinds, 12);
}

// ---- the adapter below an intermediate driver rests -----------------------------------------------------------------------------------

static struct {
    uint32_t calls_back, resumes, connections;
    bool is_deaf;
} rest;

// As a host must: all of it, at once.
static NTAPI VOID
rest_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
    rest.resumes += indication->StatusCode == NDIS_STATUS_OFFLOAD_RESUME;
    if (indication->StatusCode != NDIS_STATUS_UPLOAD_ALL)
        return;
    rest.calls_back++;
    if (rest.connections && !rest.is_deaf)
        s_upload(rest.connections);
    if (!rest.is_deaf)
        rest.connections = 0;
}

static bool
initiate_is_done(void)
{
    return s.done[S_INITIATE] != NULL;
}

// Nothing goes to the target meanwhile.
static void
initiate_is_refused(void)
{
    s_submit(S_INITIATE, s_tree(1));
    w_until(initiate_is_done);
    ck_assert_ptr_null(s.tree[S_INITIATE]);
    ck_assert_int_eq(s.neighbor.block.Status, NDIS_STATUS_RESOURCES);
    ck_assert_int_eq(s.tcp[0].block.Status, NDIS_STATUS_RESOURCES);
    ck_assert_ptr_null(s.tcp_object[0].handle.MiniportOffloadContext);
    s.done[S_INITIATE] = NULL;
}

static void
rest_pause(bool is_over)
{
    ck_assert_int_eq(is_over ? ndis_adapter_restart(w.adapter) : ndis_adapter_pause(w.adapter), NDIS_STATUS_SUCCESS);
}

static void
rest_sleep(bool is_over)
{
    ck_assert_int_eq(ndis_adapter_power(w.adapter, is_over ? NdisDeviceStateD0 : NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
}

static void
rests(void)
{
    static void (*const ways[])(bool is_over) = {rest_pause, rest_sleep};
    if (!s.storeys)
        return;                               // the host's own binding rests then, and it knows
    for (int i = 0; i < 2; i++) {
        rest.calls_back = rest.resumes = 0;
        s_offload(rest.connections = 2);
        ways[i](false);
        ck_assert_uint_eq(rest.calls_back, 1);   // a sleep brings a pause: told once
        ck_assert_uint_eq(rest.connections, 0);  // and all of it was back before the adapter rested
        ck_assert_uint_eq(rest.resumes, 0);
        initiate_is_refused();
        ways[i](true);
        ck_assert_uint_eq(rest.resumes, 1);
        s_offload(1);
        s_upload(1);
    }
}

TEST(NDIS_STATUS_UPLOAD_ALL_comes_before_the_adapter_below_an_intermediate_driver_rests)
{
    w_own.protocol_status = rest_status;
    s_run(rests);
}

static void
rests_all_the_same(void)
{
    if (!s.storeys)
        return;
    s_offload(rest.connections = 1);
    rest.is_deaf = true;
    rest_pause(false);
    rest_pause(true);
    rest.is_deaf = false;
    s_upload(1);
    rest.connections = 0;
}

TEST(NetEventPause_of_an_intermediate_driver_does_not_wait_for_ever_for_a_host_that_keeps_its_connections)
{
    w_own.protocol_status = rest_status;
    s_run(rests_all_the_same);
}

// ---- words ----------------------------------------------------------------------------------------------------------------------------

static char said[8192];

static void
on_words(void *context, const char *adapter, const char *driver, const char *from, const char *words)
{
    (void)from;
    size_t used = strlen(said);
    snprintf(said + used, sizeof said - used, "%s.%s %s\n", adapter, driver, words);
}

static void
words_are(const char *wanted)
{
    ck_assert_str_eq(said, wanted);
    said[0] = 0;
}

static void
life_in_words(void)
{
    const NDIS_STATUS status[] = {NDIS_STATUS_FAILURE, NDIS_STATUS_FAILURE, NDIS_STATUS_OFFLOAD_TCP_ENTRIES};
    s_offload(1);
    said[0] = 0;
    ndis_words_set(w.box, on_words, NULL);
    s_tree(2);
    s.path.block.DependentBlockList = &s.tcp[1].block;
    s_submit(S_INITIATE, &s.neighbor.block);  // neighbour and path are there already
    words_are(s.storeys ? "v0.passthru MiniportInitiateOffload: neighbor linked, path linked, tcp new\n"
                          "nic0.mp MiniportInitiateOffload: neighbor linked, path linked, tcp new\n"
                        : "nic0.mp MiniportInitiateOffload: neighbor linked, path linked, tcp new\n");
    s_complete_with(S_INITIATE, status);
    words_are(s.storeys ? "nic0.passthru ProtocolInitiateOffloadComplete: neighbor FAILURE, path FAILURE, tcp OFFLOAD_TCP_ENTRIES\n"
                          "v0.pa ProtocolInitiateOffloadComplete: neighbor FAILURE, path FAILURE, tcp OFFLOAD_TCP_ENTRIES\n"
                        : "nic0.pa ProtocolInitiateOffloadComplete: neighbor FAILURE, path FAILURE, tcp OFFLOAD_TCP_ENTRIES\n");
    NET_BUFFER_LIST *nbls = s_nbls(2, 30);
    s_request(S_SEND, &s.tcp_object[0], nbls, 0);
    words_are(s.storeys ? "v0.passthru MiniportTcpOffloadSend: 2 lists, 60 bytes\nnic0.mp MiniportTcpOffloadSend: 2 lists, 60 bytes\n"
                        : "nic0.mp MiniportTcpOffloadSend: 2 lists, 60 bytes\n");
    s_give_back(S_SEND, NDIS_STATUS_UPLOAD_IN_PROGRESS);
    words_are(s.storeys ? "nic0.passthru ProtocolTcpOffloadSendComplete: 2 lists, 60 bytes, NDIS_STATUS_UPLOAD_IN_PROGRESS\n"
                          "v0.pa ProtocolTcpOffloadSendComplete: 2 lists, 60 bytes, NDIS_STATUS_UPLOAD_IN_PROGRESS\n"
                        : "nic0.pa ProtocolTcpOffloadSendComplete: 2 lists, 60 bytes, NDIS_STATUS_UPLOAD_IN_PROGRESS\n");
    s_free(nbls);
    ndis_words_set(w.box, NULL, NULL);
    s_upload(1);
}

static void
one_storey_at_most(void)
{
    if (s.storeys < 2)
        life_in_words();
}

TEST(each_call_of_an_offloads_life_is_told_in_words)
{
    s_run(one_storey_at_most);
}
