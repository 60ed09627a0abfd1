// SPDX-License-Identifier: MIT
// Named objects without a device behind them, by OBJECT_ATTRIBUTES: make and name, or open what has the name, then a handle.
//   ob_object_create -> ob_name_insert_or_open -> ob_handle_finish       ob_named_open: look up -> ob_handle_finish
#include "nt/ob/named.h"

#include "nt/ke/wait.h"
#include "nt/ob/ob_int.h"

// Name a fresh body as the attributes say, or take what has the name already when they say OBJ_OPENIF. *body may change.
NTSTATUS
ob_name_insert_or_open(struct box *box, const OBJECT_ATTRIBUTES *attributes, const struct _OBJECT_TYPE *type, void **body)
{
    UNICODE_STRING path;
    if (!attributes || (!attributes->ObjectName && !attributes->RootDirectory))
        return STATUS_SUCCESS;
    NTSTATUS status = ob_attributes_path(box, attributes, &path);
    if (status != STATUS_SUCCESS)
        return status;
    status = ob_name_insert(*body, &path, attributes->Attributes & OBJ_PERMANENT);
    if (status == STATUS_OBJECT_NAME_COLLISION && (attributes->Attributes & OBJ_OPENIF)) {
        void *there;
        status = ob_lookup(box, &path, type, &there, NULL);
        if (status == STATUS_SUCCESS) {
            ob_unref(*body);
            *body = there;
            status = STATUS_OBJECT_NAME_EXISTS;
        }
    }
    ob_string_free(&path);
    return status;
}

// A handle to the body, whose reference is the caller's and is dropped here. status is what insert_or_open said.
NTSTATUS
ob_handle_finish(struct box *box, void *body, NTSTATUS status, ACCESS_MASK access, HANDLE *handle)
{
    if (NT_SUCCESS(status)) {
        NTSTATUS opened = ob_handle_create(box, body, access, handle);
        if (!NT_SUCCESS(opened)) {
            ob_name_remove(body);
            status = opened;
        }
    }
    ob_unref(body);
    return status;
}

NTSTATUS
ob_named_open(struct box *box, const OBJECT_ATTRIBUTES *attributes, const struct _OBJECT_TYPE *type, ACCESS_MASK access, HANDLE *handle)
{
    UNICODE_STRING path;
    void *body;
    NTSTATUS status = ob_attributes_path(box, attributes, &path);
    if (status != STATUS_SUCCESS)
        return status;
    status = ob_lookup(box, &path, type, &body, NULL);
    ob_string_free(&path);
    return status == STATUS_SUCCESS ? ob_handle_finish(box, body, status, access, handle) : status;
}

NTSTATUS
ob_event_open(struct box *box, const OBJECT_ATTRIBUTES *attributes, EVENT_TYPE type, bool is_set, ACCESS_MASK access, HANDLE *handle)
{
    void *body;
    if (type != NotificationEvent && type != SynchronizationEvent)
        return STATUS_INVALID_PARAMETER_4;   // that of ZwCreateEvent
    NTSTATUS status = ob_object_create(box, &ob_event_type, sizeof(KEVENT), &body);
    if (status != STATUS_SUCCESS)
        return status;
    ke_header_init(&((KEVENT *)body)->Header, (enum ke_object_type)type, is_set);
    status = ob_name_insert_or_open(box, attributes, &ob_event_type, &body);
    return ob_handle_finish(box, body, status, access, handle);
}
