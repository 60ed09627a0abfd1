// SPDX-License-Identifier: MIT
// The cases of user mode's Network Direct tests (microsoft/NetworkDirect: its examples and unit tests) as a consumer of NDKPI makes them
// between two boxes: docs/contracts/nd2-cases.md has a row for each. A case is a function that uses what stands here, on any wire and with
// any allocation of the provider's refused:
//   nd2_run(case) -> the case opens things (pairs, memory, windows), posts, compares -> what it opened is closed, newest first
// A helper asserts what must be. While memory is short (rc_net.is_short) it returns false where a refused allocation may be the reason, and
// the case gives up with NEED(...): nothing else ends early, and what is there is closed as always.
#ifndef NBX_TESTS_SIM_RNIC_ND2_H
#define NBX_TESTS_SIM_RNIC_ND2_H

#include "../../flow/rnic_connect/kit.h"
#include "base/prng.h"

#define NEED(x)                                                                                                        \
    do {                                                                                                               \
        if (!(x))                                                                                                      \
            return false;                                                                                              \
    } while (0)

#define ND_PORT 5001
#define ND_BYTES_MAX 4096u

struct nd2_case {
    const char *name;                         // of the program of Network Direct's
    bool (*run)(void);                        // false: given up for want of memory
};
extern const struct nd2_case nd2_cases[];
extern const unsigned nd2_case_count;          // 29

extern struct nd2 {
    struct prng dice;
    bool is_whole;                            // the sizes and counts of the original
    bool is_lossy;                            // a reset may be lost
    int server;                               // the box that listens
} nd2;

// TRUE: all of it was done. Everything that it opened is closed, and each request has ended, when it returns.
bool nd2_run(const struct nd2_case *c);
void nd2_close(void);                         // the closing alone, for tests that are no case

// One status that must be; the second form: or this one. false: memory is short, and the status is what comes of that.
bool nd2_is(NTSTATUS got, NTSTATUS wanted);
bool nd2_either(NTSTATUS got, NTSTATUS wanted, NTSTATUS or_this);
bool nd2_true(bool is_so);                     // must be so, unless memory is short
ULONG nd2_while_ms(void);                      // long enough to see that nothing comes

// ---- connections

struct nd2_pair {
    struct rc_listener *listener;
    struct rc_side *active, *passive;
};
struct rc_listener *nd2_listener(int box, USHORT port);      // NULL: short of memory
struct rc_side *nd2_side(int box);                           // a connector with its QP; likewise
bool nd2_connect(struct rc_side *side, const struct rc_listener *listener, const struct rc_data *data);
// The connector of the next request, with a QP, while that of `active` (NULL: nobody's) pends.
struct rc_side *nd2_incoming(struct rc_listener *listener, struct rc_side *active);
bool nd2_finish(struct rc_side *side, NTSTATUS wanted);      // of the request that is out
bool nd2_finish_either(struct rc_side *side, NTSTATUS wanted, NTSTATUS or_this);
bool nd2_told(struct rc_side *side);                         // the disconnect event comes
bool nd2_requested(struct nd2_pair *pair);                    // NdkConnect pends, its event has come
bool nd2_replied(struct nd2_pair *pair);                      // NdkAccept pends, NdkConnect has ended
bool nd2_completed(struct nd2_pair *pair);                    // from there to the end
bool nd2_open(struct nd2_pair *pair);                         // all of it
bool nd2_part(struct rc_side *a, struct rc_side *b);         // both disconnect, in order
bool nd2_ended(struct rc_side *side);                        // NdkDisconnect of one whose connection was aborted
void nd2_side_close(struct rc_side *side);                   // before the case ends

// ---- memory

struct nd2_memory {
    int box;
    uint8_t *bytes;
    ULONG count;
    MDL *mdl;                                 // a chain
    NDK_MR *mr;
    bool is_registered;
    uint32_t local, remote;                   // tokens
};
struct nd2_memory *nd2_memory(int box, ULONG bytes, ULONG flags);
void nd2_memory_close(struct nd2_memory *m);                  // before the case ends
NDK_MR *nd2_mr(int box);
NTSTATUS nd2_register(int box, NDK_MR *mr, MDL *mdl, SIZE_T bytes, ULONG flags);
NTSTATUS nd2_deregister(int box, NDK_MR *mr);
void nd2_fill(struct nd2_memory *m, ULONG at, ULONG bytes, uint8_t start);
// A window over the first bytes of a region; flags: NDK_OP_FLAG_ALLOW_REMOTE_...
NDK_MW *nd2_window(struct rc_side *side, struct nd2_memory *m, ULONG bytes, ULONG flags);
uint32_t nd2_window_token(int box, NDK_MW *mw);

// ---- work: contexts of a box are unique while their results are to come

struct nd2_piece {                             // of local memory
    struct nd2_memory *memory;
    ULONG at, bytes;
};
bool nd2_receive(struct rc_side *side, uintptr_t context, struct nd2_piece to);
bool nd2_send(struct rc_side *side, uintptr_t context, struct nd2_piece from);
bool nd2_write(struct rc_side *side, uintptr_t context, struct nd2_piece from, uint64_t address, uint32_t token);
bool nd2_read(struct rc_side *side, uintptr_t context, struct nd2_piece to, uint64_t address, uint32_t token);
// The result of this request in the box's own CQ.
bool nd2_result(int box, uintptr_t context, NDK_RESULT *result);
bool nd2_result_is(int box, uintptr_t context, NTSTATUS wanted);
ULONG nd2_results_now(int box);                // that are there and nobody has asked for

// ---- a CQ of its own

struct nd2_cq {
    int box;
    NDK_CQ *cq;
    volatile ULONG notifications;
    NTSTATUS status;
};
struct nd2_cq *nd2_cq(int box, ULONG depth);
NTSTATUS nd2_qp(int box, NDK_CQ *cq, const NDK_ADAPTER_INFO *sizes, NDK_QP **qp);     // sizes: depths and SGEs
void nd2_qp_close(int box, NDK_QP *qp);        // before its CQ, if the case ends there

#endif
