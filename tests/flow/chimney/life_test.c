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

// ---- words ----------------------------------------------------------------------------------------------------------------------------

static char said[8192];

static void
on_words(void *context, const char *adapter, const char *driver, const char *words)
{
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
    const NDIS_STATUS status[] = {NDIS_STATUS_SUCCESS, NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS, NDIS_STATUS_SUCCESS,
                                  NDIS_STATUS_OFFLOAD_TCP_ENTRIES};
    s_offload(1);
    said[0] = 0;
    ndis_words_set(w.box, on_words, NULL);
    s_submit(S_INITIATE, s_tree(2));          // all but the second connection is there already
    words_are(s.storeys ? "v0.passthru MiniportInitiateOffload: neighbor linked, path linked, tcp linked, tcp new\n"
                          "nic0.mp MiniportInitiateOffload: neighbor linked, path linked, tcp linked, tcp new\n"
                        : "nic0.mp MiniportInitiateOffload: neighbor linked, path linked, tcp linked, tcp new\n");
    s_complete_with(S_INITIATE, status);
    words_are(s.storeys ? "nic0.passthru ProtocolInitiateOffloadComplete: neighbor SUCCESS, path OFFLOAD_PARTIAL_SUCCESS, tcp SUCCESS, "
                          "tcp OFFLOAD_TCP_ENTRIES\n"
                          "v0.pa ProtocolInitiateOffloadComplete: neighbor SUCCESS, path OFFLOAD_PARTIAL_SUCCESS, tcp SUCCESS, "
                          "tcp OFFLOAD_TCP_ENTRIES\n"
                        : "nic0.pa ProtocolInitiateOffloadComplete: neighbor SUCCESS, path OFFLOAD_PARTIAL_SUCCESS, tcp SUCCESS, "
                          "tcp OFFLOAD_TCP_ENTRIES\n");
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
