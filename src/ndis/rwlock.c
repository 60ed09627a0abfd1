// SPDX-License-Identifier: MIT
// Reader-writer locks. A lock keeps, for each processor, how often its owner has taken it: at DISPATCH_LEVEL the processor is the
// caller's own, so recursion needs no atomic [ndis/nf-ndis-ndisacquirerwlockread]. Only the first take of a processor touches the
// lock word. In the driver's NDIS_RW_LOCK, SpinLock's low half is the lock word, Context the writer, RefCount[n] the takes of
// processor n.
#include "ndis/rwlock.h"

#include "nt/ke/spin.h"
#include "verify/order.h"
#include "verify/refuse.h"

static EX_SPIN_LOCK *
rw_word(NDIS_RW_LOCK *lock)
{
    return (EX_SPIN_LOCK *)&lock->SpinLock;
}

// At DISPATCH_LEVEL.
void
ndis_rw_take(NDIS_RW_LOCK *lock, bool is_write, const char *function)
{
    struct ke_thread *self = ke_self();
    ULONG *depth = &lock->RefCount[self->processor->number].RefCount;
    bool is_writer = __atomic_load_n(&lock->Context, __ATOMIC_RELAXED) == self;
    if (*depth && is_write && !is_writer)
        verify_contract(function, "write access asked for while this processor holds read access: there is no promotion");
    if ((*depth)++)
        return;
    VERIFY_ORDER_HOOK(verify_order_want(lock, !is_write, function));
    if (!is_write) {
        ke_rw_take_shared(rw_word(lock));
        VERIFY_ORDER_HOOK(verify_order_took(lock, true, function));
        return;
    }
    ke_rw_take_exclusive(rw_word(lock));
    VERIFY_ORDER_HOOK(verify_order_took(lock, false, function));
    __atomic_store_n(&lock->Context, self, __ATOMIC_RELAXED);
}

void
ndis_rw_drop(NDIS_RW_LOCK *lock, const char *function)
{
    struct ke_thread *self = ke_self();
    ULONG *depth = &lock->RefCount[self->processor->number].RefCount;
    if (!*depth)
        verify_contract(function, "this processor does not hold the lock");
    if (--*depth)
        return;
    VERIFY_ORDER_HOOK(verify_order_dropped(lock));
    if (__atomic_load_n(&lock->Context, __ATOMIC_RELAXED) != self) {
        ke_rw_drop_shared(rw_word(lock));
        return;
    }
    __atomic_store_n(&lock->Context, NULL, __ATOMIC_RELAXED);
    ke_rw_drop_exclusive(rw_word(lock));
}

bool
ndis_rw_is_held(NDIS_RW_LOCK *lock)
{
    return *rw_word(lock) != 0;
}
