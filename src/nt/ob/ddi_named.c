// SPDX-License-Identifier: MIT
// Front doors that make or open named objects without a device behind them: directories, symbolic links, events.
#include <string.h>

#include "nt/ex/fault.h"
#include "nt/ke/wait.h"
#include "nt/ob/named.h"
#include "nt/ob/ob_int.h"
#include "verify/verify.h"

NTAPI NTSTATUS
ZwCreateDirectoryObject(PHANDLE DirectoryHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes)
{
    struct box *box = box_self();
    void *body;
    VERIFY_ENTER(ZwCreateDirectoryObject);
    NTSTATUS status = ob_object_create(box, &ob_directory_type, sizeof(struct ob_directory), &body);
    if (status == STATUS_SUCCESS) {
        list_init(&((struct ob_directory *)body)->entries);
        status = ob_name_insert_or_open(box, ObjectAttributes, &ob_directory_type, &body);
        status = ob_handle_finish(box, body, status, DesiredAccess, DirectoryHandle);
    }
    VERIFY_LEAVE(ZwCreateDirectoryObject);
    return status;
}

NTAPI NTSTATUS
ZwOpenDirectoryObject(PHANDLE DirectoryHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes)
{
    VERIFY_ENTER(ZwOpenDirectoryObject);
    NTSTATUS status = ob_named_open(box_self(), ObjectAttributes, &ob_directory_type, DesiredAccess, DirectoryHandle);
    VERIFY_LEAVE(ZwOpenDirectoryObject);
    return status;
}

NTAPI NTSTATUS
ZwOpenSymbolicLinkObject(PHANDLE LinkHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes)
{
    VERIFY_ENTER(ZwOpenSymbolicLinkObject);
    NTSTATUS status = ob_named_open(box_self(), ObjectAttributes, &ob_symlink_type, DesiredAccess, LinkHandle);
    VERIFY_LEAVE(ZwOpenSymbolicLinkObject);
    return status;
}

NTAPI NTSTATUS
ZwQuerySymbolicLinkObject(HANDLE LinkHandle, PUNICODE_STRING LinkTarget, PULONG ReturnedLength)
{
    void *body;
    VERIFY_ENTER(ZwQuerySymbolicLinkObject);
    NTSTATUS status = ob_handle_ref(box_self(), LinkHandle, &ob_symlink_type, 0, &body);
    if (status == STATUS_SUCCESS) {
        const UNICODE_STRING *target = &((struct ob_symlink *)body)->target;
        if (ReturnedLength)
            *ReturnedLength = target->Length;
        if (LinkTarget->MaximumLength < target->Length) {
            status = STATUS_BUFFER_TOO_SMALL;
        } else {
            memcpy(LinkTarget->Buffer, target->Buffer, target->Length);
            LinkTarget->Length = target->Length;
        }
        ob_unref(body);
    }
    VERIFY_LEAVE(ZwQuerySymbolicLinkObject);
    return status;
}

NTAPI NTSTATUS
ZwCreateEvent(PHANDLE EventHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes, EVENT_TYPE EventType,
              BOOLEAN InitialState)
{
    VERIFY_ENTER(ZwCreateEvent);
    if (EX_FAULT())
        return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = ob_event_open(box_self(), ObjectAttributes, EventType, InitialState, DesiredAccess, EventHandle);
    VERIFY_LEAVE(ZwCreateEvent);
    return status;
}

NTAPI NTSTATUS
ZwSetEvent(HANDLE EventHandle, PLONG PreviousState)
{
    void *body;
    VERIFY_ENTER(ZwSetEvent);
    NTSTATUS status = ob_handle_ref(box_self(), EventHandle, &ob_event_type, 0, &body);
    if (status == STATUS_SUCCESS) {
        LONG before = ke_event_set(body);
        if (PreviousState)
            *PreviousState = before;
        ob_unref(body);
    }
    VERIFY_LEAVE(ZwSetEvent);
    return status;
}

NTAPI NTSTATUS
ZwClearEvent(HANDLE EventHandle)
{
    void *body;
    VERIFY_ENTER(ZwClearEvent);
    NTSTATUS status = ob_handle_ref(box_self(), EventHandle, &ob_event_type, 0, &body);
    if (status == STATUS_SUCCESS) {
        ke_event_reset(body);
        ob_unref(body);
    }
    VERIFY_LEAVE(ZwClearEvent);
    return status;
}

// A thread is waited for by its body, an event too; a file by the event inside it.
static void *
waitable_of(void *body)
{
    switch (ob_header_of(body)->type->kind) {
    case OB_EVENT:
    case OB_THREAD:
    case OB_PROCESS:
        return body;
    case OB_FILE:
        return &((FILE_OBJECT *)body)->Event;
    default:
        return NULL;
    }
}

NTAPI NTSTATUS
ZwWaitForSingleObject(HANDLE Handle, BOOLEAN Alertable, PLARGE_INTEGER Timeout)
{
    void *body;
    struct box *box = box_self();
    VERIFY_ENTER(ZwWaitForSingleObject);
    NTSTATUS status = ob_handle_ref_special(box, Handle, NULL, 0, &body);
    if (status == STATUS_SUCCESS) {
        void *waitable = waitable_of(body);
        status = waitable ? ke_wait(box, 1, &waitable, false, ke_deadline_ns(box, Timeout)) : STATUS_OBJECT_TYPE_MISMATCH;
        ob_unref(body);
    }
    VERIFY_LEAVE(ZwWaitForSingleObject);
    return status;
}

// An event of a name that others may have opened before: the name exists, the same event comes back [wdm/nf-wdm-iocreatenotificationevent].
static KEVENT *
named_event(const UNICODE_STRING *name, EVENT_TYPE type, HANDLE *handle)
{
    struct box *box = box_self();
    OBJECT_ATTRIBUTES attributes;
    void *body;
    InitializeObjectAttributes(&attributes, (PUNICODE_STRING)name, OBJ_OPENIF | OBJ_KERNEL_HANDLE, NULL, NULL);
    if (!NT_SUCCESS(ob_event_open(box, &attributes, type, true, EVENT_ALL_ACCESS, handle)))
        return NULL;
    if (ob_handle_ref(box, *handle, &ob_event_type, 0, &body) != STATUS_SUCCESS)
        return NULL;
    ob_unref(body);   // the handle keeps it
    return body;
}

NTAPI PKEVENT
IoCreateNotificationEvent(PUNICODE_STRING EventName, PHANDLE EventHandle)
{
    VERIFY_ENTER(IoCreateNotificationEvent);
    KEVENT *event = named_event(EventName, NotificationEvent, EventHandle);
    VERIFY_LEAVE(IoCreateNotificationEvent);
    return event;
}

NTAPI PKEVENT
IoCreateSynchronizationEvent(PUNICODE_STRING EventName, PHANDLE EventHandle)
{
    VERIFY_ENTER(IoCreateSynchronizationEvent);
    KEVENT *event = named_event(EventName, SynchronizationEvent, EventHandle);
    VERIFY_LEAVE(IoCreateSynchronizationEvent);
    return event;
}
