// SPDX-License-Identifier: MIT
// The order of locks, NBX-0206: which lock was taken while which was held, as a graph over all boxes of the verifier. Paths:
//   a door that is about to wait for a lock -> VERIFY_LOCK_WANTED -> an arrow from each lock that the thread holds; a new arrow that closes
//   a circle is a finding, although nobody has waited for anybody yet
//   reader-writer locks and mutexes -> VERIFY_ORDER_TOOK, VERIFY_ORDER_DROPPED (spin locks: locks.h)
//   memory that is freed, and a lock that is initialised -> verify_order_freed: what lay there is forgotten
// Bounded: what is beyond 4,096 locks and 16,384 arrows is not seen. With the verifier off each hook is one test of a pointer; with it on
// a thread that holds nothing pays one more.
#ifndef NBX_VERIFY_ORDER_H
#define NBX_VERIFY_ORDER_H

#include "nt/ke/ke.h"

struct verify;
struct verify_order;

struct verify_order *verify_order_create(void);
void verify_order_destroy(struct verify_order *order);

// is_shared: as a reader. function: a literal. irql: any   locks: takes a raw leaf   fails: out of memory: the arrow is not seen
void verify_order_want(const void *lock, bool is_shared, const char *function);
void verify_order_took(const void *lock, bool is_shared, const char *function);
void verify_order_dropped(const void *lock);
// verify: NULL, nothing.
void verify_order_freed(struct verify *verify, const void *from, size_t bytes);

#define VERIFY_ORDER_HOOK(call) \
    do { \
        if (__builtin_expect(box_self()->verify != NULL, 0)) \
            call; \
    } while (0)
#define VERIFY_LOCK_WANTED(lock, name) VERIFY_ORDER_HOOK(verify_order_want(lock, false, #name))
#define VERIFY_LOCK_INITIALIZED(lock) VERIFY_ORDER_HOOK(verify_order_freed(box_self()->verify, lock, 1))

#endif
