// SPDX-License-Identifier: MIT
// Remove locks: a count of operations in flight, and a wait for the last of them.
//   IoCount starts at 1; acquire counts up unless Removed is set; ReleaseAndWait sets Removed, drops two and waits for 0
// [windows-driver-docs kernel/using-remove-locks]. Tags are not kept: a driver built with DBG has room for them, this does not use it.
#include <string.h>

#include "nt/io/io_int.h"
#include "verify/verify.h"

NTAPI VOID
IoInitializeRemoveLockEx(PIO_REMOVE_LOCK Lock, ULONG AllocateTag, ULONG MaxLockedMinutes, ULONG HighWatermark, ULONG RemlockSize)
{
    VERIFY_ENTER(IoInitializeRemoveLockEx);
    memset(Lock, 0, RemlockSize);
    Lock->Common.IoCount = 1;
    ke_header_init(&Lock->Common.RemoveEvent.Header, KE_OBJECT_EVENT_SYNCHRONIZATION, 0);
    VERIFY_LEAVE(IoInitializeRemoveLockEx);
}

static void
count_down(IO_REMOVE_LOCK *lock)
{
    LONG left = __atomic_sub_fetch(&lock->Common.IoCount, 1, __ATOMIC_ACQ_REL);
    if (left < 0)
        ke_bugcheck(BUGCODE_DRIVER_VERIFIER_DETECTED_VIOLATION, 0xe2, (uintptr_t)lock, 0, 0);
    if (left == 0)
        ke_event_set(&lock->Common.RemoveEvent);
}

NTAPI NTSTATUS
IoAcquireRemoveLockEx(PIO_REMOVE_LOCK RemoveLock, PVOID Tag, PCSTR File, ULONG Line, ULONG RemlockSize)
{
    NTSTATUS status = STATUS_SUCCESS;
    VERIFY_ENTER(IoAcquireRemoveLockEx);
    __atomic_add_fetch(&RemoveLock->Common.IoCount, 1, __ATOMIC_ACQ_REL);
    if (__atomic_load_n(&RemoveLock->Common.Removed, __ATOMIC_ACQUIRE)) {
        count_down(RemoveLock);
        status = STATUS_DELETE_PENDING;
    }
    VERIFY_LEAVE(IoAcquireRemoveLockEx);
    return status;
}

NTAPI VOID
IoReleaseRemoveLockEx(PIO_REMOVE_LOCK RemoveLock, PVOID Tag, ULONG RemlockSize)
{
    VERIFY_ENTER(IoReleaseRemoveLockEx);
    count_down(RemoveLock);
    VERIFY_LEAVE(IoReleaseRemoveLockEx);
}

NTAPI VOID
IoReleaseRemoveLockAndWaitEx(PIO_REMOVE_LOCK RemoveLock, PVOID Tag, ULONG RemlockSize)
{
    void *waitable = &RemoveLock->Common.RemoveEvent;
    VERIFY_ENTER(IoReleaseRemoveLockAndWaitEx);
    __atomic_store_n(&RemoveLock->Common.Removed, TRUE, __ATOMIC_RELEASE);
    count_down(RemoveLock);
    // Waits for the event even when the count was the last: whoever set it did so on the way to 0.
    if (__atomic_sub_fetch(&RemoveLock->Common.IoCount, 1, __ATOMIC_ACQ_REL) > 0)
        ke_wait(box_self(), 1, &waitable, false, SCHED_NEVER);
    VERIFY_LEAVE(IoReleaseRemoveLockAndWaitEx);
}
