// SPDX-License-Identifier: MIT
// Front doors of the object manager: references, handles, names. Tags of references are not kept apart: a count is a count.
#include <string.h>

#include "nt/ob/ob_int.h"
#include "nt/ps/ps.h"
#include "verify/refuse.h"
#include "verify/verify.h"

NTAPI NTSTATUS
ObReferenceObjectByHandle(HANDLE Handle, ACCESS_MASK DesiredAccess, POBJECT_TYPE ObjectType, KPROCESSOR_MODE AccessMode, PVOID *Object,
                          POBJECT_HANDLE_INFORMATION HandleInformation)
{
    VERIFY_ENTER(ObReferenceObjectByHandle);
    // Access is checked for user mode only [wdm/nf-wdm-obreferenceobjectbyhandle].
    NTSTATUS status = ob_handle_ref_special(box_self(), Handle, ObjectType, AccessMode == UserMode ? DesiredAccess : 0, Object);
    if (status == STATUS_SUCCESS && HandleInformation) {
        HandleInformation->HandleAttributes = 0;
        HandleInformation->GrantedAccess = ob_handle_access(box_self(), Handle);
    }
    VERIFY_LEAVE(ObReferenceObjectByHandle);
    return status;
}

NTAPI NTSTATUS
ObReferenceObjectByHandleWithTag(HANDLE Handle, ACCESS_MASK DesiredAccess, POBJECT_TYPE ObjectType, KPROCESSOR_MODE AccessMode, ULONG Tag,
                                 PVOID *Object, POBJECT_HANDLE_INFORMATION HandleInformation)
{
    return ObReferenceObjectByHandle(Handle, DesiredAccess, ObjectType, AccessMode, Object, HandleInformation);
}

static NTSTATUS
reference_pointer(void *object, const struct _OBJECT_TYPE *type, KPROCESSOR_MODE mode)
{
    // The type is looked at in user mode alone, but a symbolic link is never to be had [wdm/nf-wdm-obreferenceobjectbypointer].
    if ((mode != KernelMode && ob_header_of(object)->type != type) || type == (POBJECT_TYPE)&ob_symlink_type)
        return STATUS_OBJECT_TYPE_MISMATCH;
    ob_ref(object);
    return STATUS_SUCCESS;
}

NTAPI NTSTATUS
ObReferenceObjectByPointer(PVOID Object, ACCESS_MASK DesiredAccess, POBJECT_TYPE ObjectType, KPROCESSOR_MODE AccessMode)
{
    VERIFY_ENTER(ObReferenceObjectByPointer);
    NTSTATUS status = reference_pointer(Object, ObjectType, AccessMode);
    VERIFY_LEAVE(ObReferenceObjectByPointer);
    return status;
}

NTAPI NTSTATUS
ObReferenceObjectByPointerWithTag(PVOID Object, ACCESS_MASK DesiredAccess, POBJECT_TYPE ObjectType, KPROCESSOR_MODE AccessMode, ULONG Tag)
{
    VERIFY_ENTER(ObReferenceObjectByPointerWithTag);
    NTSTATUS status = reference_pointer(Object, ObjectType, AccessMode);
    VERIFY_LEAVE(ObReferenceObjectByPointerWithTag);
    return status;
}

NTAPI LONG_PTR
ObfReferenceObject(PVOID Object)
{
    VERIFY_ENTER(ObfReferenceObject);
    ob_ref(Object);
    LONG_PTR now = (LONG_PTR)atomic_load(&ob_header_of(Object)->refs);
    VERIFY_LEAVE(ObfReferenceObject);
    return now;
}

NTAPI LONG_PTR
ObfReferenceObjectWithTag(PVOID Object, ULONG Tag)
{
    return ObfReferenceObject(Object);
}

NTAPI LONG_PTR
ObfDereferenceObject(PVOID Object)
{
    VERIFY_ENTER(ObfDereferenceObject);
    LONG_PTR now = (LONG_PTR)ob_unref(Object);
    VERIFY_LEAVE(ObfDereferenceObject);
    return now;
}

NTAPI LONG_PTR
ObfDereferenceObjectWithTag(PVOID Object, ULONG Tag)
{
    return ObfDereferenceObject(Object);
}

NTAPI VOID
ObDereferenceObjectDeferDelete(PVOID Object)
{
    VERIFY_ENTER(ObDereferenceObjectDeferDelete);
    ob_unref_deferred(Object);
    VERIFY_LEAVE(ObDereferenceObjectDeferDelete);
}

NTAPI VOID
ObDereferenceObjectDeferDeleteWithTag(PVOID Object, ULONG Tag)
{
    ObDereferenceObjectDeferDelete(Object);
}

// What a new handle may be [ntifs/nf-ntifs-obopenobjectbypointer]. Handles of a box are all of the kernel's and nobody inherits them;
// exclusive ones there are none, so who asks for one is told.
static bool
attributes_are_good(const struct _OBJECT_TYPE *type, ULONG attributes, const char *exclusive)
{
    if (attributes & ~(ULONG)OBJ_VALID_ATTRIBUTES)
        return false;
    if (attributes & OBJ_EXCLUSIVE && (attributes & OBJ_INHERIT || type->kind == OB_FILE))
        return false;
    if (attributes & OBJ_EXCLUSIVE)
        verify_refused_call(exclusive);
    return true;
}

NTAPI NTSTATUS
ObOpenObjectByPointer(PVOID Object, ULONG HandleAttributes, PACCESS_STATE PassedAccessState, ACCESS_MASK DesiredAccess,
                      POBJECT_TYPE ObjectType, KPROCESSOR_MODE AccessMode, PHANDLE Handle)
{
    VERIFY_ENTER(ObOpenObjectByPointer);
    const struct _OBJECT_TYPE *type = ob_header_of(Object)->type;
    NTSTATUS status;
    if (!attributes_are_good(type, HandleAttributes, "ObOpenObjectByPointer (OBJ_EXCLUSIVE)"))
        status = STATUS_INVALID_PARAMETER;
    else if (ObjectType && type != ObjectType)
        status = STATUS_OBJECT_TYPE_MISMATCH;
    else
        status = ob_handle_create(box_self(), Object, DesiredAccess, Handle);
    VERIFY_LEAVE(ObOpenObjectByPointer);
    return status;
}

NTAPI NTSTATUS
ObCloseHandle(HANDLE Handle, KPROCESSOR_MODE PreviousMode)
{
    VERIFY_ENTER(ObCloseHandle);
    NTSTATUS status = ob_handle_close(box_self(), Handle);
    VERIFY_LEAVE(ObCloseHandle);
    return status;
}

NTAPI NTSTATUS
ZwClose(HANDLE Handle)
{
    VERIFY_ENTER(ZwClose);
    NTSTATUS status = ob_handle_close(box_self(), Handle);
    VERIFY_LEAVE(ZwClose);
    return status;
}

NTAPI NTSTATUS
ObQueryNameString(PVOID Object, POBJECT_NAME_INFORMATION ObjectNameInfo, ULONG Length, PULONG ReturnLength)
{
    UNICODE_STRING path;
    VERIFY_ENTER(ObQueryNameString);
    NTSTATUS status = ob_name_query(Object, &path);
    if (status == STATUS_SUCCESS) {
        ULONG needed = sizeof(*ObjectNameInfo) + (path.Length ? path.Length + (ULONG)sizeof(WCHAR) : 0);
        *ReturnLength = needed;
        if (Length < needed) {
            status = STATUS_INFO_LENGTH_MISMATCH;
        } else {
            WCHAR *text = (WCHAR *)(ObjectNameInfo + 1);
            ObjectNameInfo->Name = (UNICODE_STRING){.Length = path.Length,
                                                    .MaximumLength = path.Length ? (USHORT)(path.Length + sizeof(WCHAR)) : 0,
                                                    .Buffer = path.Length ? text : NULL};
            if (path.Length)
                memcpy(text, path.Buffer, path.Length + sizeof(WCHAR));
        }
        ob_string_free(&path);
    }
    VERIFY_LEAVE(ObQueryNameString);
    return status;
}

NTAPI NTSTATUS
ZwMakeTemporaryObject(HANDLE Handle)
{
    void *body;
    VERIFY_ENTER(ZwMakeTemporaryObject);
    NTSTATUS status = ob_handle_ref(box_self(), Handle, NULL, 0, &body);
    if (status == STATUS_SUCCESS) {
        ob_make_temporary(body);
        ob_unref(body);
    }
    VERIFY_LEAVE(ZwMakeTemporaryObject);
    return status;
}

// There is one process in a box, and its handles are everybody's.
static NTSTATUS
process_check(HANDLE handle)
{
    void *process;
    NTSTATUS status = ob_handle_ref_special(box_self(), handle, &ps_process_type, 0, &process);
    if (status == STATUS_SUCCESS)
        ob_unref(process);
    return status;
}

NTAPI NTSTATUS
ZwDuplicateObject(HANDLE SourceProcessHandle, HANDLE SourceHandle, HANDLE TargetProcessHandle, PHANDLE TargetHandle,
                  ACCESS_MASK DesiredAccess, ULONG HandleAttributes, ULONG Options)
{
    void *body;
    struct box *box = box_self();
    VERIFY_ENTER(ZwDuplicateObject);
    bool has_target = TargetProcessHandle || !(Options & DUPLICATE_CLOSE_SOURCE);
    NTSTATUS status = process_check(SourceProcessHandle);
    if (status == STATUS_SUCCESS && has_target)
        status = process_check(TargetProcessHandle);
    if (status == STATUS_SUCCESS)
        status = ob_handle_ref(box, SourceHandle, NULL, 0, &body);
    if (status == STATUS_SUCCESS) {
        ACCESS_MASK access = Options & DUPLICATE_SAME_ACCESS ? ob_handle_access(box, SourceHandle) : DesiredAccess;
        ULONG attributes = Options & DUPLICATE_SAME_ATTRIBUTES ? 0 : HandleAttributes;
        if (!attributes_are_good(ob_header_of(body)->type, attributes, "ZwDuplicateObject (OBJ_EXCLUSIVE)"))
            status = STATUS_INVALID_PARAMETER;
        else if (TargetHandle && has_target)
            status = ob_handle_create(box, body, access, TargetHandle);
        if (Options & DUPLICATE_CLOSE_SOURCE)
            ob_handle_close(box, SourceHandle);
        ob_unref(body);
    }
    VERIFY_LEAVE(ZwDuplicateObject);
    return status;
}

// What a driver names a type of object by. Constant in fact: nothing writes them.
static const struct _OBJECT_TYPE *const event_type = &ob_event_type;
POBJECT_TYPE *ExEventObjectType = (POBJECT_TYPE *)&event_type;
