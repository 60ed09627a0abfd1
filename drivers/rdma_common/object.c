// SPDX-License-Identifier: MIT
// Objects: who holds them, how they are made and closed, and the ends of requests [network/ndkpi-object-lifetime-requirements].
//   made     one hold, the consumer's; each antecedent is held until the object's own close has been completed and that callback returned
//   close    cancels what its type says and lets the consumer's hold go. The last hold (requests, callbacks under way, successors,
//            connections) decides: it goes with the close itself, which then has succeeded inline, or later, and the completion is told
//   freed    behind the completion; then the antecedents are let go, whose closes may end by that
// Where `pends` is set everything that may complete later does: consumers meet both ways.
#include "objects.h"

VOID
rdma_hold(struct rdma_object *object)
{
    object->holds++;
}

VOID
rdma_object_after(struct rdma_object *object, struct rdma_object *antecedent)
{
    for (ULONG i = 0; i < RDMA_ANTECEDENTS; i++)
        if (!object->antecedents[i]) {
            object->antecedents[i] = antecedent;
            rdma_hold(antecedent);
            return;
        }
    NT_ASSERT(FALSE);
}

VOID
rdma_object_not_after(struct rdma_object *object, struct rdma_object *antecedent)
{
    ULONG i = RDMA_ANTECEDENTS;
    while (i && object->antecedents[i - 1] != antecedent)
        i--;
    NT_ASSERT(i);
    object->antecedents[i - 1] = NULL;
    rdma_drop(antecedent);
}

VOID
rdma_object_init(struct rdma_object *object, const struct rdma_type *type, struct rdma_object *parent)
{
    struct rdma_adapter *adapter =
        parent->type->type == NdkObjectTypeAdapter ? CONTAINING_RECORD(parent, struct rdma_adapter, object) : parent->adapter;
    object->header.Version = adapter->object.header.Version;
    object->header.ObjectType = type->type;
    object->dispatch = type->dispatch;
    object->type = type;
    object->rdma = parent->rdma;
    object->adapter = adapter;
    object->holds = 1;
    rdma_object_after(object, parent);
}

static VOID
object_free(struct rdma_object *object)
{
    struct rdma_object *antecedents[RDMA_ANTECEDENTS];
    memcpy(antecedents, object->antecedents, sizeof antecedents);
    object->type->on_free(object);
    for (ULONG i = 0; i < RDMA_ANTECEDENTS && antecedents[i]; i++)
        rdma_drop(antecedents[i]);
}

// Nobody holds it, and it holds itself until the callback has returned.
static VOID
on_closed(struct rdma_tell *tell, struct rdma_object *object)
{
    UNREFERENCED_PARAMETER(tell);
    object->on_closed(object->close_context);
}

VOID
rdma_drop(struct rdma_object *object)
{
    if (--object->holds)
        return;
    if (object->is_closed) {
        object_free(object);
        return;
    }
    // The last hold of one that is being closed. An inline close is decided by its caller.
    object->is_closed = TRUE;
    if (object->is_closing_now)
        return;
    object->close_tell.on_tell = on_closed;
    rdma_tell(object, &object->close_tell);
}

NTAPI NTSTATUS
rdma_close(NDK_OBJECT_HEADER *header, NDK_FN_CLOSE_COMPLETION completion, PVOID context)
{
    struct rdma_object *object = CONTAINING_RECORD(header, struct rdma_object, header);
    struct vnic_rdma *rdma = object->rdma;
    struct rdma_call call;
    NTSTATUS status = STATUS_PENDING;
    rdma_enter(rdma, &call);
    object->on_closed = completion;
    object->close_context = context;
    object->is_closing = TRUE;
    object->is_closing_now = !rdma->pends;
    if (object->type->on_closing)
        object->type->on_closing(object, &call);
    rdma_drop(object);
    if (object->is_closed && object->is_closing_now) {
        object_free(object);
        status = STATUS_SUCCESS;
    } else {
        object->is_closing_now = FALSE;
    }
    rdma_leave(rdma, &call);
    return status;
}

NTAPI NTSTATUS
rdma_query_extension(NDK_OBJECT_HEADER *object, GUID *id, NDK_VERSION version, NDK_EXTENSION_INTERFACE *extension)
{
    UNREFERENCED_PARAMETER(object);
    UNREFERENCED_PARAMETER(id);
    UNREFERENCED_PARAMETER(version);
    UNREFERENCED_PARAMETER(extension);
    return STATUS_NOT_SUPPORTED;          // there is none [ndkpi/nc-ndkpi-ndk_fn_query_extension_interface]
}

// ---- create -----------------------------------------------------------------------------------------------------------------------

struct made {
    struct rdma_tell tell;
    NDK_FN_CREATE_COMPLETION completion;
    PVOID context;
    NTSTATUS status;
};

static VOID
on_made(struct rdma_tell *tell, struct rdma_object *object)
{
    struct made made = *CONTAINING_RECORD(tell, struct made, tell);
    rdma_free(CONTAINING_RECORD(tell, struct made, tell));
    NDK_OBJECT_HEADER *header = made.status == STATUS_SUCCESS ? &object->header : NULL;
    made.completion(made.context, made.status, header);
}

// object: what was made, or, for a failure, the parent. FALSE: it is told inline.
static BOOLEAN
made_tell(struct rdma_object *object, NTSTATUS status, NDK_FN_CREATE_COMPLETION completion, PVOID context)
{
    struct vnic_rdma *rdma = object->rdma;
    struct made *later = rdma->pends ? rdma_alloc(sizeof *later) : NULL;
    struct rdma_call call;
    if (!later)
        return FALSE;
    later->tell.on_tell = on_made;
    later->completion = completion;
    later->context = context;
    later->status = status;
    rdma_enter(rdma, &call);
    rdma_tell(object, &later->tell);
    rdma_leave(rdma, &call);
    return TRUE;
}

NTSTATUS
rdma_object_made(struct rdma_object *object, NDK_FN_CREATE_COMPLETION completion, PVOID context, PVOID *made)
{
    if (made_tell(object, STATUS_SUCCESS, completion, context))
        return STATUS_PENDING;
    *made = object;
    return STATUS_SUCCESS;
}

NTSTATUS
rdma_object_failed(struct rdma_object *parent, NTSTATUS status, NDK_FN_CREATE_COMPLETION completion, PVOID context)
{
    return made_tell(parent, status, completion, context) ? STATUS_PENDING : status;
}

// ---- requests ---------------------------------------------------------------------------------------------------------------------

static VOID
on_request_ended(struct rdma_tell *tell, struct rdma_object *object)
{
    struct rdma_request request = *CONTAINING_RECORD(tell, struct rdma_request, tell);
    UNREFERENCED_PARAMETER(object);
    rdma_free(CONTAINING_RECORD(tell, struct rdma_request, tell));
    request.completion(request.context, request.status);
}

struct rdma_request *
rdma_request_begin(struct rdma_object *object, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct rdma_request *request = rdma_alloc(sizeof *request);
    if (!request)
        return NULL;
    request->tell.on_tell = on_request_ended;
    request->object = object;
    request->completion = completion;
    request->context = context;
    rdma_hold(object);
    return request;
}

VOID
rdma_request_end(struct rdma_request *request, NTSTATUS status)
{
    struct rdma_object *object = request->object;
    request->status = status;
    rdma_tell(object, &request->tell);
    rdma_drop(object);
}

VOID
rdma_request_undo(struct rdma_request *request)
{
    rdma_drop(request->object);
    rdma_free(request);
}

NTSTATUS
rdma_request_now(struct rdma_object *object, NTSTATUS status, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct rdma_request *request = object->rdma->pends ? rdma_request_begin(object, completion, context) : NULL;
    if (!request)
        return status;
    rdma_request_end(request, status);
    return STATUS_PENDING;
}
