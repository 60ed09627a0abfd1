// SPDX-License-Identifier: MIT
// TCP chimney: while the adapter below is paused, or asleep, nothing is offloaded to it. The host above is bound to the virtual miniport,
// which may run on meanwhile: only we can tell it.
//   shut   NDIS_STATUS_UPLOAD_ALL up, and wait until the last offload entry is gone: the host terminates all of it, and the adapter below
//          still answers, for its pause (or its sleep) begins when we have returned. What is initiated in spite of that is refused. A host
//          that does not do as it is asked is not waited for for ever: it may do so when it is unbound
//   open   NDIS_STATUS_OFFLOAD_RESUME up
// Reasons are bits, for a sleep brings a pause of its own. The count is of offload entries: neighbors, paths and connections.
// [network/ndis-status-upload-all], [network/power-management-for-offload-targets]
#include "offload.h"

#define PATIENCE_S 20

void
passthru_gate_prepare(struct passthru *self)
{
    self->gate_shut = PASSTHRU_PAUSED;        // from the bind on
    KeInitializeEvent(&self->none_offloaded, NotificationEvent, TRUE);
}

BOOLEAN
passthru_gate_enter(struct passthru *self)
{
    KIRQL old;
    KeAcquireSpinLock(&self->lock, &old);
    BOOLEAN is_open = !self->gate_shut;
    if (is_open && !self->offloads++)
        KeClearEvent(&self->none_offloaded);
    KeReleaseSpinLock(&self->lock, old);
    return is_open;
}

void
passthru_gate_leave(struct passthru *self)
{
    KIRQL old;
    KeAcquireSpinLock(&self->lock, &old);
    if (!--self->offloads)
        KeSetEvent(&self->none_offloaded, IO_NO_INCREMENT, FALSE);
    KeReleaseSpinLock(&self->lock, old);
}

void
passthru_gate_shut(struct passthru *self, ULONG why)
{
    LARGE_INTEGER patience = {.QuadPart = -10000000LL * PATIENCE_S};
    KIRQL old;
    KeAcquireSpinLock(&self->lock, &old);
    BOOLEAN calls_back = !self->gate_shut;
    self->gate_shut |= why;
    KeReleaseSpinLock(&self->lock, old);
    if (calls_back)
        passthru_indicate(self, NDIS_STATUS_UPLOAD_ALL);
    if (KeWaitForSingleObject(&self->none_offloaded, Executive, KernelMode, FALSE, &patience) == STATUS_TIMEOUT)
        DbgPrint("passthru: %u objects are still offloaded to an adapter that is to be paused: their host does not take them back\n",
                 self->offloads);
}

void
passthru_gate_open(struct passthru *self, ULONG why)
{
    KIRQL old;
    KeAcquireSpinLock(&self->lock, &old);
    BOOLEAN was_shut = self->gate_shut != 0;
    self->gate_shut &= ~why;
    BOOLEAN resumes = was_shut && !self->gate_shut;
    KeReleaseSpinLock(&self->lock, old);
    if (resumes)
        passthru_indicate(self, NDIS_STATUS_OFFLOAD_RESUME);
}
