// SPDX-License-Identifier: MIT
// A provider with the objects that it takes to break each rule of NDK, in the place of provider.h's adapters; it does what the test says
// in p. And a consumer that makes one of each: the test. A test is a crime (harness/crime.h) that begins with p zeroed and p_make_all.
#ifndef NBX_TESTS_FLOW_NDK_OBJECTS_H
#define NBX_TESTS_FLOW_NDK_OBJECTS_H

#include "harness/crime.h"
#include "nt/ke/ke.h"
#include "provider.h"

#define P_OBJECTS 16
#define P_POSTS 16
#define P_PRIVILEGED 99u

struct p_object {
    NDK_OBJECT_HEADER header;                 // as NDK_CQ and its kin begin
    const void *dispatch;
    NDK_FN_CLOSE_COMPLETION close;            // pended
    PVOID close_context;
};

// How the provider answers a request.
enum p_answer {
    P_AT_ONCE,
    P_LATER,                                  // pends; p.request waits
    P_INSIDE,                                 // pends, and completes inside the call
    P_BOTH                                    // completes, and succeeds too
};

struct p_stand {
    struct p_object object[P_OBJECTS];
    uint32_t objects;
    bool closes_pend;
    enum p_answer answer;
    NDK_FN_REQUEST_COMPLETION request;
    PVOID request_context;
    NDK_FN_CQ_NOTIFICATION_CALLBACK notify;
    PVOID notify_context;
    NDK_FN_DISCONNECT_EVENT_CALLBACK disconnect;
    PVOID disconnect_context;
    ULONG results;                            // that the next poll gives: result, as p_result said
    NDK_RESULT result[P_POSTS];
    NDK_OPERATION_TYPE result_type;           // of NdkGetCqResultsEx
    PVOID posted[P_POSTS], qp_context[2];     // contexts as the provider got them: of posts, of the last queue pairs
    uint32_t posts, qps;
    NTSTATUS post_status;
    bool writes_out;                          // a connector that is made later is in the parameter too
    NDK_CONNECTOR **out;
    void (*inside)(void);                     // a poll, a post
    NDK_OBJECT_TYPE wrong_type;
    USHORT wrong_minor;
    PVOID reserved;
    // The consumer.
    uint32_t completions, notifications, disconnects;
    void (*on_notify)(void);
    NDK_ADAPTER *adapter;
    NDK_CQ *cq, *other_cq;
    NDK_PD *pd;
    NDK_MR *mr;
    NDK_QP *qp;
    NDK_CONNECTOR *connector;
    NDK_SGE sge;                              // one byte of p.mr, which is registered
};

extern struct p_stand p;
extern const NDK_CQ_DISPATCH p_cq_table;

// The provider: from p_as(driver) to ke_driver_leave in a driver's name; then what it says of its own accord, in its own name.
struct ke_crossing p_as(const char *driver);
void p_closed(void *at);                      // a close that pends; inside p_as
void p_notify(void);
void p_notify_with(NTSTATUS status);
void p_complete(NTSTATUS status);             // the last request that pends
void p_disconnect(void);
// The next poll has the result of that post too, with the last queue pair's context.
void p_result(uint32_t post, NTSTATUS status);

// The consumer: an adapter with two CQs, a PD, an MR, a QP and a connector; its callbacks count in p.
void p_make_all(void);
void p_close_all(void);                       // successors first; all at once, whatever the provider does else
NTSTATUS p_close_object(void *object);
NTSTATUS p_register_mr(void);
NDK_MR *p_make_mr(NDK_PD *pd, bool is_fast);
NDK_PD *p_make_pd(void);
NTSTATUS p_send(ULONG flags);                 // p.sge, with a context of its own
NTSTATUS p_receive(void);
ULONG p_poll(void);                           // p.cq, of four
NTAPI VOID p_on_request(PVOID context, NTSTATUS status);
NTAPI VOID p_on_create(PVOID context, NTSTATUS status, NDK_OBJECT_HEADER *header);
NTAPI VOID p_on_disconnect(PVOID context);

// fn runs under --verify strict, as a crime: it is found, or nothing is.
#define P_IS_FOUND(fn, rule, ...) crime_is_found(p_crime(fn), rule, __VA_ARGS__, NULL)
void (*p_crime(void (*fn)(void)))(void);
void p_is_none(void (*fn)(void));

#endif
