// SPDX-License-Identifier: MIT
// Calls that may be pended, made to wait for: a thread of ours can, and its code then reads from top to bottom. A completion may come
// inside the call, in any thread, at DISPATCH_LEVEL; it sets an event and touches nothing more, because the waiter's frame may be gone.
// Also memory regions: nonpaged pool, described by an MDL, registered for as long as it is of use.
#include "ndkping.h"

VOID
ping_wait_init(struct ping_wait *wait)
{
    KeInitializeEvent(&wait->done, NotificationEvent, FALSE);
    wait->status = STATUS_PENDING;
    wait->object = NULL;
}

VOID NTAPI
ping_created(PVOID context, NTSTATUS status, NDK_OBJECT_HEADER *object)
{
    struct ping_wait *wait = context;
    wait->status = status;
    wait->object = object;
    KeSetEvent(&wait->done, IO_NO_INCREMENT, FALSE);
}

VOID NTAPI
ping_requested(PVOID context, NTSTATUS status)
{
    struct ping_wait *wait = context;
    wait->status = status;
    KeSetEvent(&wait->done, IO_NO_INCREMENT, FALSE);
}

NTSTATUS
ping_wait_end(struct ping_wait *wait, NTSTATUS returned)
{
    if (returned != STATUS_PENDING)
        return returned;
    KeWaitForSingleObject(&wait->done, Executive, KernelMode, FALSE, NULL);
    return wait->status;
}

static VOID NTAPI
closed(PVOID context)
{
    ping_requested(context, STATUS_SUCCESS);
}

VOID
ping_close(NDK_OBJECT_HEADER *object, NDK_FN_CLOSE_OBJECT close)
{
    struct ping_wait wait;
    ping_wait_init(&wait);
    ping_wait_end(&wait, close(object, closed, &wait));
}

// ---- memory ---------------------------------------------------------------------------------------------------------------------

NTSTATUS
ping_region_open(NDK_PD *pd, SIZE_T count, ULONG flags, struct ping_region *region)
{
    struct ping_wait wait;
    NTSTATUS status;
    *region = (struct ping_region){.bytes = ping_alloc(count), .count = count};
    region->mdl = region->bytes ? IoAllocateMdl(region->bytes, (ULONG)count, FALSE, FALSE, NULL) : NULL;
    if (!region->mdl)
        return STATUS_INSUFFICIENT_RESOURCES; // ping_region_close takes the rest
    MmBuildMdlForNonPagedPool(region->mdl);
    PING_CREATE(status, region->mr, pd->Dispatch->NdkCreateMr(pd, FALSE, ping_created, &wait, &region->mr));
    if (!NT_SUCCESS(status))
        return status;
    ping_wait_init(&wait);
    status = region->mr->Dispatch->NdkRegisterMr(region->mr, region->mdl, count, flags, ping_requested, &wait);
    status = ping_wait_end(&wait, status);
    if (!NT_SUCCESS(status))
        return status;
    region->is_registered = TRUE;
    region->local = region->mr->Dispatch->NdkGetLocalTokenFromMr(region->mr);
    region->remote = region->mr->Dispatch->NdkGetRemoteTokenFromMr(region->mr);
    return STATUS_SUCCESS;
}

VOID
ping_region_close(struct ping_region *region)
{
    if (region->is_registered) {
        struct ping_wait wait;
        ping_wait_init(&wait);
        ping_wait_end(&wait, region->mr->Dispatch->NdkDeregisterMr(region->mr, ping_requested, &wait));
    }
    PING_CLOSE(region->mr, NdkCloseMr);
    if (region->mdl)
        IoFreeMdl(region->mdl);
    ping_free(region->bytes);
    *region = (struct ping_region){0};
}
