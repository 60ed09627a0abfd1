// SPDX-License-Identifier: MIT
// What passes between a consumer and a provider in words (src/ndis/ndk/trace.c), and that words alone change nothing of it: the provider of
// objects.h gets what the consumer gave, and rules are not looked at.
#include <stdio.h>
#include <string.h>

#include "harness/harness.h"
#include "ndis/ndis.h"
#include "objects.h"

static char said[4096];

static void
on_words(void *context, const char *adapter, const char *driver, const char *from, const char *words)
{
    size_t used = strlen(said);
    ck_assert_ptr_eq(context, said);
    ck_assert_str_eq(adapter, "nic0");
    snprintf(said + used, sizeof said - used, "%s > %s %s\n", from, driver, words);
}

static void
words_are(const char *wanted)
{
    ck_assert_str_eq(said, wanted);
    said[0] = 0;
}

static void
begin(void)
{
    said[0] = 0;
    ndis_words_set(box_self(), on_words, said);
    p_make_all();
}

static void
data_told(void)
{
    NDK_RESULT result[4];
    p_send(0);
    p_receive();
    p.cq->Dispatch->NdkArmCq(p.cq, NDK_CQ_NOTIFY_ANY);
    p_notify();
    words_are("consumer > mp NdkSend: QP 1, 1 bytes\nconsumer > mp NdkReceive: QP 1, 1 bytes\n"
              "mp > consumer NdkCqNotificationCallback: CQ 2\n");
    ck_assert_uint_eq(p.cq->Dispatch->NdkGetCqResults(p.cq, result, 4), 0);
    words_are("");                            // nobody wants to read how often a consumer looked
    p_result(0, STATUS_SUCCESS);
    p_result(1, STATUS_CANCELLED);
    ck_assert_uint_eq(p_poll(), 2);
    words_are("consumer > mp NdkGetCqResults: CQ 2, 2 results, 0 bytes, 1 failed: STATUS_CANCELLED\n");
    p_send(0);
    p_result(2, STATUS_SUCCESS);
    p.result[0].BytesTransferred = 77;
    ck_assert_uint_eq(p_poll(), 1);
    words_are("consumer > mp NdkSend: QP 1, 1 bytes\nconsumer > mp NdkGetCqResults: CQ 2, 1 result, 77 bytes\n");
    p.post_status = STATUS_CONNECTION_INVALID;
    ck_assert_int_eq(p_send(0), STATUS_CONNECTION_INVALID);
    words_are("consumer > mp NdkSend: QP 1, 1 bytes\nmp > consumer NdkSend failed: QP 1, STATUS_CONNECTION_INVALID\n");
}

static void
life_told(void)
{
    begin();
    words_are("consumer > mp OpenNDKAdapterHandler: NDKPI 1.2\n"
              "consumer > mp NdkCreateCq: CQ 1 (depth 8)\nconsumer > mp NdkCreateCq: CQ 2 (depth 8)\n"
              "consumer > mp NdkCreatePd: PD 1\nconsumer > mp NdkCreateMr: MR 1\nconsumer > mp NdkRegisterMr: MR 1, 4096 bytes\n"
              "consumer > mp NdkCreateQp: QP 1 (8 receives, 8 requests)\n"
              "consumer > mp NdkCreateConnector: connector 1\n");
    p.answer = P_LATER;
    ck_assert_int_eq(p_register_mr(), STATUS_PENDING);
    words_are("");
    p_complete(STATUS_INSUFFICIENT_RESOURCES);
    words_are("consumer > mp NdkRegisterMr: MR 1, 4096 bytes, STATUS_INSUFFICIENT_RESOURCES\n");
    data_told();
    p.connector->Dispatch->NdkCompleteConnect(p.connector, p_on_disconnect, &p, p_on_request, &p);
    words_are("consumer > mp NdkCompleteConnect: connector 1\n");
    p_complete(STATUS_IO_TIMEOUT);
    words_are("mp > consumer NdkCompleteConnect complete: connector 1, STATUS_IO_TIMEOUT\n");
    p_disconnect();
    words_are("mp > consumer NdkDisconnectEventCallback: connector 1\n");
    p_close_all();
    words_are("consumer > mp NdkCloseObject: connector 1\nconsumer > mp NdkCloseObject: QP 1\nconsumer > mp NdkCloseObject: MR 1\n"
              "consumer > mp NdkCloseObject: PD 1\nconsumer > mp NdkCloseObject: CQ 2\nconsumer > mp NdkCloseObject: CQ 1\n"
              "consumer > mp CloseNDKAdapterHandler: waits until all of it is over\n");
}

TEST(NDK_calls_are_told_in_words_with_their_ends_and_statuses)
{
    kit_verify = VERIFY_ON;
    memset(&p, 0, sizeof p);
    n_run(3, life_told);
    ck_assert_ptr_ne(p.object[0].dispatch, &p_cq_table);   // something stood there
}

TEST(NDK_calls_are_told_in_the_same_words_under_a_strict_verifier)
{
    p_is_none(life_told);
}

// NBX-0714, 0707, 0703 for a strict verifier.
static void
crimes_told(void)
{
    begin();
    p.sge.MemoryRegionToken = 12345;
    ck_assert_int_eq(p_send(NDK_OP_FLAG_INLINE << 20), STATUS_SUCCESS);
    ck_assert_ptr_eq(p.posted[0], &p.posted[0]);           // the consumer's context, as it was given
    ck_assert_ptr_eq(p.qp_context[0], &p);
    p_notify();                                            // nobody has armed
    ck_assert_uint_eq(p.notifications, 1);
    p.connector->Dispatch->NdkCompleteConnect(p.connector, p_on_disconnect, &p, p_on_request, &p);
    p_disconnect();
    p_disconnect();                                        // twice
    ck_assert_uint_eq(p.disconnects, 2);
    p_close_all();
}

TEST(NDK_calls_that_are_only_told_are_not_judged_and_pass_as_they_are)
{
    kit_verify = VERIFY_ON;
    memset(&p, 0, sizeof p);
    n_run(3, crimes_told);
}
