// SPDX-License-Identifier: MIT
// Front doors: lists and counters under a spin lock of the caller's. Callable at any IRQL: the lock is taken at DISPATCH or where the
// caller is, if higher. [wdm/nf-wdm-exinterlockedinserttaillist] and its neighbours.
#include "nt/ke/ke.h"
#include "nt/ke/spin.h"
#include "verify/verify.h"

static inline KIRQL
interlocked_take(KSPIN_LOCK *lock)
{
    KIRQL old = ke_raise_dispatch(ke_self());
    ke_spin_take(lock);
    return old;
}

static inline void
interlocked_drop(KSPIN_LOCK *lock, KIRQL old)
{
    ke_spin_drop(lock);
    ke_lower(ke_self(), old);
}

NTAPI PLIST_ENTRY
ExInterlockedInsertHeadList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry, PKSPIN_LOCK Lock)
{
    VERIFY_ENTER(ExInterlockedInsertHeadList);
    KIRQL old = interlocked_take(Lock);
    PLIST_ENTRY before = IsListEmpty(ListHead) ? NULL : ListHead->Flink;
    InsertHeadList(ListHead, ListEntry);
    interlocked_drop(Lock, old);
    return before;
}

NTAPI PLIST_ENTRY
ExInterlockedInsertTailList(PLIST_ENTRY ListHead, PLIST_ENTRY ListEntry, PKSPIN_LOCK Lock)
{
    VERIFY_ENTER(ExInterlockedInsertTailList);
    KIRQL old = interlocked_take(Lock);
    PLIST_ENTRY before = IsListEmpty(ListHead) ? NULL : ListHead->Blink;
    InsertTailList(ListHead, ListEntry);
    interlocked_drop(Lock, old);
    return before;
}

NTAPI PLIST_ENTRY
ExInterlockedRemoveHeadList(PLIST_ENTRY ListHead, PKSPIN_LOCK Lock)
{
    VERIFY_ENTER(ExInterlockedRemoveHeadList);
    KIRQL old = interlocked_take(Lock);
    PLIST_ENTRY entry = IsListEmpty(ListHead) ? NULL : RemoveHeadList(ListHead);
    interlocked_drop(Lock, old);
    return entry;
}

NTAPI PSINGLE_LIST_ENTRY
ExInterlockedPopEntryList(PSINGLE_LIST_ENTRY ListHead, PKSPIN_LOCK Lock)
{
    VERIFY_ENTER(ExInterlockedPopEntryList);
    KIRQL old = interlocked_take(Lock);
    PSINGLE_LIST_ENTRY entry = ListHead->Next;
    if (entry)
        ListHead->Next = entry->Next;
    interlocked_drop(Lock, old);
    return entry;
}

NTAPI PSINGLE_LIST_ENTRY
ExInterlockedPushEntryList(PSINGLE_LIST_ENTRY ListHead, PSINGLE_LIST_ENTRY ListEntry, PKSPIN_LOCK Lock)
{
    VERIFY_ENTER(ExInterlockedPushEntryList);
    KIRQL old = interlocked_take(Lock);
    PSINGLE_LIST_ENTRY before = ListHead->Next;
    ListEntry->Next = before;
    ListHead->Next = ListEntry;
    interlocked_drop(Lock, old);
    return before;
}

NTAPI ULONG
ExInterlockedAddUlong(PULONG Addend, ULONG Increment, PKSPIN_LOCK Lock)
{
    VERIFY_ENTER(ExInterlockedAddUlong);
    KIRQL old = interlocked_take(Lock);
    ULONG before = *Addend;
    *Addend = before + Increment;
    interlocked_drop(Lock, old);
    return before;
}

NTAPI LARGE_INTEGER
ExInterlockedAddLargeInteger(PLARGE_INTEGER Addend, LARGE_INTEGER Increment, PKSPIN_LOCK Lock)
{
    VERIFY_ENTER(ExInterlockedAddLargeInteger);
    KIRQL old = interlocked_take(Lock);
    LARGE_INTEGER before = *Addend;
    Addend->QuadPart = (LONGLONG)((ULONGLONG)before.QuadPart + (ULONGLONG)Increment.QuadPart);
    interlocked_drop(Lock, old);
    return before;
}
