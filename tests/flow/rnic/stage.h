// SPDX-License-Identifier: MIT
// A consumer of the RDMA provider in one box: the objects and the data path of drivers/rdma_common, called through the tables, with
// a transport of the test's own: QPs are joined in pairs by two iWARP connections, whose bytes go over in memory, cut as the seed says.
//   stage_run(seed, body)       box, instance, adapter; the body at PASSIVE; everything down, and nothing may be left
//   stage_new(...)              objects; what a body does not close, stage_run closes, youngest first
//   stage_join(a, b)            two QPs are connected; stage_part takes the connection away
// With st.holds_acks nothing that is sent is acknowledged, as if the peer's TCP were silent: bytes stay with "TCP" until stage_acks.
// With st.holds_input nothing arrives until then, as if the network were slow.
#ifndef NBX_TESTS_FLOW_RNIC_STAGE_H
#define NBX_TESTS_FLOW_RNIC_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <ndis.h>

#include "../../../drivers/rdma_common/objects.h"
#include "harness/harness.h"

#define STAGE_OBJECTS 128
#define STAGE_ENDS 32
#define STAGE_PIPE_BYTES (4u << 20)

struct end {
    struct rdma_link link;
    struct end *other;
    struct list sent;                     // what the other has got and we have not been told of
    uint8_t *in;                          // bytes that wait to be looked at
    size_t in_count;
    uint32_t events;                      // enum rdma_event, ever seen
    bool is_open;
};

// Buffers and what describes them.
struct buffer {
    uint8_t *bytes;
    uint32_t count;
    MDL *mdl;
    NDK_MR *mr;
};

struct stage {
    struct vnic_rdma *rdma;
    NDK_ADAPTER *adapter;
    bool holds_acks, holds_input, is_cut, pends;
    uint64_t seed;
    struct end ends[STAGE_ENDS];
    unsigned n_ends;
    NDK_OBJECT_HEADER *objects[STAGE_OBJECTS];
    unsigned n_objects;
    // What was told. A notification's context is a struct told, or NULL.
    volatile unsigned closes, creates, requests;
    NTSTATUS create_status, request_status;
    NDK_OBJECT_HEADER *created;
};
extern struct stage st;

struct told {
    volatile unsigned count;
    NTSTATUS status;
    NDK_CQ *rearm;                        // armed again from within
    ULONG rearm_type;
};

void stage_run(uint64_t seed, void (*body)(void));
void stage_wait(unsigned us);
void stage_until(const volatile unsigned *number, unsigned value);

// Completions that note; usable as contexts-free callbacks.
NTAPI VOID stage_on_create(PVOID context, NTSTATUS status, NDK_OBJECT_HEADER *object);
NTAPI VOID stage_on_request(PVOID context, NTSTATUS status);
NTAPI VOID stage_on_close(PVOID context);
NTAPI VOID stage_on_notify(PVOID context, NTSTATUS status);

// Make one; each demands success, inline or, where all pends, by the completion.
NDK_CQ *stage_cq(ULONG depth, struct told *told);
NDK_PD *stage_pd(void);
NDK_QP *stage_qp(NDK_PD *pd, NDK_CQ *cq, ULONG depth, ULONG sges, ULONG inline_bytes);
NDK_MR *stage_mr(NDK_PD *pd, bool is_fast);
NDK_MW *stage_mw(NDK_PD *pd);
// Closes it and waits until it is closed.
void stage_close(void *object);
// The status that a request which may pend ends with.
NTSTATUS stage_status(NTSTATUS status);
// The call with its first allocation refused, its second, and so on: each time it says STATUS_INSUFFICIENT_RESOURCES, inline. Ends with
// the call that needs no more; returns how many were refused.
unsigned stage_starve(NTSTATUS (*call)(void));
// An object that a body made by itself: closed at the end.
void stage_keep(void *object);

// count bytes of pool, filled with a pattern, in an MDL; registered with these flags if pd is given.
struct buffer stage_buffer(uint32_t count, NDK_PD *pd, ULONG flags);
void stage_buffer_free(struct buffer *buffer);
NDK_SGE stage_sge(const struct buffer *buffer, uint32_t offset, uint32_t count);
static inline uint64_t
stage_address(const struct buffer *buffer)
{
    return (uint64_t)(uintptr_t)buffer->bytes;
}

void stage_join(NDK_QP *a, NDK_QP *b);
struct end *stage_end(NDK_QP *qp);
void stage_part(NDK_QP *qp);              // both ends of its connection; what was outstanding is flushed
void stage_acks(void);                    // what was held back is acknowledged

// Exactly one result, of this kind, in time; returns it.
NDK_RESULT_EX stage_result(NDK_CQ *cq, NTSTATUS status, NDK_OPERATION_TYPE type, uintptr_t context);
void stage_no_result(NDK_CQ *cq);         // after a while

#endif
