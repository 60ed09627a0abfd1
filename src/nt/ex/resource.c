// SPDX-License-Identifier: MIT
// ERESOURCEs. The state lies in the driver's structure: OwnerEntry is the exclusive owner, OwnerTable the shared ones (pool, grown as
// needed), SpinLock's low half a raw lock over both, Address's low half the word that waiters sleep on; it changes with every release.
// Flag bit 7 says "exclusive", as on Windows. [wdm/nf-wdm-exacquireresourceexclusivelite] and its neighbours.
#include "nt/ex/resource.h"

#include "nt/ex/pool.h"
#include "nt/ke/bugcheck.h"
#include "nt/ke/ke.h"
#include "nt/ke/word.h"

#define RESOURCE_EXCLUSIVE 0x80
#define TAG_RESOURCE 0x62735245   // "ERsb"

static inline _Atomic uint32_t *
resource_lock(ERESOURCE *resource)
{
    return (_Atomic uint32_t *)&resource->SpinLock;
}

static inline _Atomic uint32_t *
resource_word(ERESOURCE *resource)
{
    return (_Atomic uint32_t *)&resource->Address;
}

void
ex_resource_init(ERESOURCE *resource)
{
    *resource = (ERESOURCE){.ActiveCount = 0};
}

void
ex_resource_fini(ERESOURCE *resource)
{
    if (resource->OwnerTable)
        ex_pool_free(box_self(), resource->OwnerTable, TAG_RESOURCE);
    *resource = (ERESOURCE){.ActiveCount = 0};
}

// ActiveEntries counts the slots of OwnerTable that are in use; they lie at its front.
static OWNER_ENTRY *
resource_shared_entry(ERESOURCE *resource, ERESOURCE_THREAD owner)
{
    for (ULONG i = 0; i < resource->ActiveEntries; i++)
        if (resource->OwnerTable[i].OwnerThread == owner)
            return &resource->OwnerTable[i];
    return NULL;
}

static void
resource_share_add(ERESOURCE *resource, ERESOURCE_THREAD owner)
{
    struct box *box = box_self();
    ULONG room = resource->OwnerTable ? (ULONG)(ex_pool_bytes(resource->OwnerTable) / sizeof(OWNER_ENTRY)) : 0;
    if (resource->ActiveEntries == room) {
        OWNER_ENTRY *table = ex_pool_alloc(box, (room ? 2 * room : 4) * sizeof *table, TAG_RESOURCE, true, NULL);
        if (!table)
            ke_bugcheck(BUGCODE_RESOURCE_NOT_OWNED, (uint64_t)(uintptr_t)resource, owner, room, 1);
        if (room) {
            memcpy(table, resource->OwnerTable, room * sizeof *table);
            ex_pool_free(box, resource->OwnerTable, TAG_RESOURCE);
        }
        resource->OwnerTable = table;
    }
    resource->OwnerTable[resource->ActiveEntries++] = (OWNER_ENTRY){.OwnerThread = owner, .OwnerCount = 1};
}

static bool
resource_try_locked(ERESOURCE *resource, ERESOURCE_THREAD self, enum ex_resource_mode mode)
{
    if (resource->Flag & RESOURCE_EXCLUSIVE) {
        if (resource->OwnerEntry.OwnerThread != self)
            return false;
        resource->OwnerEntry.OwnerCount++;
        return true;
    }
    if (mode == EX_RESOURCE_EXCLUSIVE) {
        if (resource->ActiveEntries)
            return false;
        resource->Flag |= RESOURCE_EXCLUSIVE;
        resource->OwnerEntry = (OWNER_ENTRY){.OwnerThread = self, .OwnerCount = 1};
        resource->ActiveCount = 1;
        return true;
    }
    OWNER_ENTRY *mine = resource_shared_entry(resource, self);
    bool yields = mode == EX_RESOURCE_SHARED_WAIT || (mode == EX_RESOURCE_SHARED && !mine);
    if (yields && resource->NumberOfExclusiveWaiters)
        return false;
    if (mine)
        mine->OwnerCount++;
    else
        resource_share_add(resource, self);
    resource->ActiveCount = (SHORT)resource->ActiveEntries;
    return true;
}

bool
ex_resource_take(ERESOURCE *resource, enum ex_resource_mode mode, bool wait)
{
    struct sched *sched = sched_self->sched;
    ERESOURCE_THREAD self = (ERESOURCE_THREAD)ke_self();
    ULONG *waiters = mode == EX_RESOURCE_EXCLUSIVE ? &resource->NumberOfExclusiveWaiters : &resource->NumberOfSharedWaiters;
    bool counted = false;
    if (ke_self()->irql > APC_LEVEL)
        ke_bugcheck(BUGCODE_IRQL_NOT_LESS_OR_EQUAL, (uint64_t)(uintptr_t)resource, ke_self()->irql, 0, 0);
    sched_choice(sched, SCHED_POINT_LOCK);
    for (;;) {
        ke_word_lock(resource_lock(resource));
        uint32_t word = atomic_load(resource_word(resource));
        // While it is counted itself, a waiting writer must not hold itself up; only readers look at that count.
        bool taken = resource_try_locked(resource, self, mode);
        if (taken && counted)
            __atomic_store_n(waiters, *waiters - 1, __ATOMIC_RELAXED);
        if (!taken && wait && !counted) {
            __atomic_store_n(waiters, *waiters + 1, __ATOMIC_RELAXED);
            resource->ContentionCount++;
            counted = true;
        }
        ke_word_unlock(resource_lock(resource));
        if (taken || !wait)
            return taken;
        sched_wait(sched, resource_word(resource), word, SCHED_NEVER);
    }
}

static void
resource_changed(ERESOURCE *resource)
{
    struct sched *sched = sched_self->sched;
    atomic_fetch_add(resource_word(resource), 1);
    ke_word_unlock(resource_lock(resource));
    sched_wake(sched, resource_word(resource), UINT32_MAX);
    sched_choice(sched, SCHED_POINT_UNLOCK);
}

void
ex_resource_drop(ERESOURCE *resource, ERESOURCE_THREAD owner)
{
    ke_word_lock(resource_lock(resource));
    OWNER_ENTRY *entry = resource->Flag & RESOURCE_EXCLUSIVE ? &resource->OwnerEntry : resource_shared_entry(resource, owner);
    if (!entry || entry->OwnerThread != owner)
        ke_bugcheck(BUGCODE_RESOURCE_NOT_OWNED, (uint64_t)(uintptr_t)resource, owner, 0, 0);
    if (--entry->OwnerCount) {
        ke_word_unlock(resource_lock(resource));
        return;
    }
    if (entry == &resource->OwnerEntry)
        resource->Flag &= (USHORT)~RESOURCE_EXCLUSIVE;
    else
        *entry = resource->OwnerTable[--resource->ActiveEntries];
    if (!(resource->Flag & RESOURCE_EXCLUSIVE))
        resource->OwnerEntry = (OWNER_ENTRY){.OwnerThread = 0};
    resource->ActiveCount = (SHORT)resource->ActiveEntries;
    resource_changed(resource);
}

void
ex_resource_share(ERESOURCE *resource)
{
    ERESOURCE_THREAD self = (ERESOURCE_THREAD)ke_self();
    ke_word_lock(resource_lock(resource));
    if (!(resource->Flag & RESOURCE_EXCLUSIVE) || resource->OwnerEntry.OwnerThread != self)
        ke_bugcheck(BUGCODE_RESOURCE_NOT_OWNED, (uint64_t)(uintptr_t)resource, self, 0, 2);
    ULONG count = resource->OwnerEntry.OwnerCount;
    resource->Flag &= (USHORT)~RESOURCE_EXCLUSIVE;
    resource->OwnerEntry = (OWNER_ENTRY){.OwnerThread = 0};
    resource_share_add(resource, self);
    resource_shared_entry(resource, self)->OwnerCount = count;
    resource->ActiveCount = (SHORT)resource->ActiveEntries;
    resource_changed(resource);
}

bool
ex_resource_is_exclusive(ERESOURCE *resource)
{
    ke_word_lock(resource_lock(resource));
    bool is_exclusive = (resource->Flag & RESOURCE_EXCLUSIVE) && resource->OwnerEntry.OwnerThread == (ERESOURCE_THREAD)ke_self();
    ke_word_unlock(resource_lock(resource));
    return is_exclusive;
}

ULONG
ex_resource_held(ERESOURCE *resource)
{
    ERESOURCE_THREAD self = (ERESOURCE_THREAD)ke_self();
    ke_word_lock(resource_lock(resource));
    bool is_exclusive = resource->Flag & RESOURCE_EXCLUSIVE;
    OWNER_ENTRY *entry = is_exclusive ? &resource->OwnerEntry : resource_shared_entry(resource, self);
    ULONG count = entry && entry->OwnerThread == self ? entry->OwnerCount : 0;
    ke_word_unlock(resource_lock(resource));
    return count;
}
