// SPDX-License-Identifier: MIT
// Two QPs of two protection domains, joined: a posts, b mostly receives. Each has a CQ for both of its queues.
#ifndef NBX_TESTS_FLOW_RNIC_PAIR_H
#define NBX_TESTS_FLOW_RNIC_PAIR_H

#include <string.h>

#include "stage.h"

#define PAIR_DEPTH 16
#define PAIR_INLINE_BYTES 64

struct pair {
    NDK_CQ *cq_a, *cq_b;
    NDK_PD *pd_a, *pd_b;
    NDK_QP *a, *b;
    struct told told_a, told_b;
};
extern struct pair pair;

void pair_make(void);                     // not joined
void pair_join(void);                     // made and joined
NTSTATUS pair_send(NDK_SGE sge, ULONG flags, uintptr_t context);
NTSTATUS pair_write(NDK_SGE sge, uint64_t address, uint32_t token, ULONG flags, uintptr_t context);
NTSTATUS pair_read(NDK_SGE sge, uint64_t address, uint32_t token, ULONG flags, uintptr_t context);
void pair_receive(NDK_SGE sge, uintptr_t context);     // at b
static inline uint32_t
remote_token(const struct buffer *buffer)
{
    return buffer->mr->Dispatch->NdkGetRemoteTokenFromMr(buffer->mr);
}

// The logical pages of a buffer.
struct pages {
    NDK_LOGICAL_ADDRESS_MAPPING *lam;
    ULONG fbo;
};
struct pages pages_of(struct buffer *buffer);
void pages_free(struct pages *pages);
// A fast MR for so many pages, initialized.
NDK_MR *fast_mr(NDK_PD *pd, ULONG pages, bool is_remote);

#define EACH_SEED(body)                        \
    for (uint64_t seed = 1; seed <= 4; seed++) \
    stage_run(seed, body)

#endif
