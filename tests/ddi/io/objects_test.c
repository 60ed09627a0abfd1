// SPDX-License-Identifier: MIT
// References, handles, named events, directories and links, each promise of their pages. Sources:
// [wdm/nf-wdm-obreferenceobjectbypointer], [wdm/nf-wdm-obclosehandle], [ntifs/nf-ntifs-obquerynamestring], [ntifs/nf-ntifs-zwcreateevent],
// [ntifs/nf-ntifs-zwsetevent], [ntifs/nf-ntifs-zwwaitforsingleobject], [wdm/nf-wdm-zwquerysymboliclinkobject],
// [wdm/nf-wdm-iocreatenotificationevent], [wdm/nf-wdm-zwmaketemporaryobject].
#include <ntifs.h>
#include <string.h>

#include "nt/ob/ob.h"
#include "unit/nt/nt_test.h"
#include "unit/nt/refuse.h"

#define US(text) ((UNICODE_STRING)RTL_CONSTANT_STRING(text))

static OBJECT_ATTRIBUTES
attributes_of(UNICODE_STRING *name, HANDLE root)
{
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, root, NULL);
    return attributes;
}

static HANDLE
event_of(UNICODE_STRING *name, EVENT_TYPE type, BOOLEAN state)
{
    HANDLE handle;
    OBJECT_ATTRIBUTES attributes = attributes_of(name, NULL);
    ck_assert_int_eq(ZwCreateEvent(&handle, EVENT_ALL_ACCESS, name ? &attributes : NULL, type, state), STATUS_SUCCESS);
    return handle;
}

static void *
body_of(HANDLE handle)
{
    void *body;
    ck_assert_int_eq(ObReferenceObjectByHandle(handle, EVENT_ALL_ACCESS, *ExEventObjectType, KernelMode, &body, NULL), STATUS_SUCCESS);
    return body;
}

// How many references an object has: what one more says, less that one.
static LONG_PTR
references(void *body)
{
    ObfReferenceObject(body);
    return ObfDereferenceObject(body);
}

NT_TEST(ObfReferenceObject_adds_one_and_ObfDereferenceObject_takes_it)
{
    HANDLE handle = event_of(NULL, NotificationEvent, FALSE);
    void *event = body_of(handle);
    LONG_PTR before = references(event);
    ck_assert_int_eq(ObfReferenceObject(event), before + 1);
    ck_assert_int_eq(ObfReferenceObjectWithTag(event, 'tseT'), before + 2);
    ck_assert_int_eq(ObfDereferenceObject(event), before + 1);
    ck_assert_int_eq(ObfDereferenceObjectWithTag(event, 'tseT'), before);
    ZwClose(handle);
    ck_assert_int_eq(ObfDereferenceObject(event), 0);
}
NT_TEST(ObfReferenceObjectWithTag_adds_one)
{
    HANDLE handle = event_of(NULL, NotificationEvent, FALSE);
    void *event = body_of(handle);
    LONG_PTR before = references(event);
    ck_assert_int_eq(ObfReferenceObjectWithTag(event, 'tseT'), before + 1);
    ObfDereferenceObject(event);
    ObfDereferenceObject(event);
    ZwClose(handle);
}
NT_TEST(ObfDereferenceObjectWithTag_takes_one)
{
    HANDLE handle = event_of(NULL, NotificationEvent, FALSE);
    void *event = body_of(handle);
    ck_assert_int_eq(ObfDereferenceObjectWithTag(event, 'tseT'), 1);
    ZwClose(handle);
}
NT_TEST(ObfDereferenceObject_of_the_last_one_deletes_it)
{
    HANDLE handle = event_of(NULL, NotificationEvent, FALSE);
    void *event = body_of(handle);
    ZwClose(handle);
    ck_assert_int_eq(ObfDereferenceObject(event), 0);
}

static void
check_deferred(VOID(NTAPI *drop)(PVOID))
{
    HANDLE handle = event_of(NULL, NotificationEvent, FALSE);
    void *event = body_of(handle);
    LONG_PTR before = references(event);
    ObfReferenceObject(event);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    drop(event);
    KeLowerIrql(old);
    nt_test_sleep_ms(5);
    ck_assert_int_eq(references(event), before);
    ZwClose(handle);
    drop(event);                                             // the last one: a worker deletes it
    nt_test_sleep_ms(5);
}

static NTAPI VOID
drop_with_tag(PVOID object)
{
    ObDereferenceObjectDeferDeleteWithTag(object, 'tseT');
}

NT_TEST(ObDereferenceObjectDeferDelete_takes_one_and_leaves_the_rest_to_a_worker)
{
    check_deferred(ObDereferenceObjectDeferDelete);
}
NT_TEST(ObDereferenceObjectDeferDeleteWithTag_takes_one_and_leaves_the_rest_to_a_worker)
{
    check_deferred(drop_with_tag);
}

static void
check_by_pointer(NTSTATUS(NTAPI *reference)(PVOID, ACCESS_MASK, POBJECT_TYPE, KPROCESSOR_MODE))
{
    UNICODE_STRING name = US(L"\\NbxLink"), target = US(L"\\Device");
    OBJECT_ATTRIBUTES attributes = attributes_of(&name, NULL);
    HANDLE handle = event_of(NULL, NotificationEvent, FALSE), link;
    void *event = body_of(handle), *body;
    LONG_PTR before = references(event);
    ck_assert_int_eq(reference(event, 0, *ExEventObjectType, UserMode), STATUS_SUCCESS);
    ck_assert_int_eq(reference(event, 0, NULL, KernelMode), STATUS_SUCCESS);
    ck_assert_int_eq(reference(event, 0, *IoFileObjectType, KernelMode), STATUS_SUCCESS);  // looked at in user mode alone
    ck_assert_int_eq(references(event), before + 3);
    ck_assert_int_eq(reference(event, 0, *IoFileObjectType, UserMode), STATUS_OBJECT_TYPE_MISMATCH);
    ck_assert_int_eq(reference(event, 0, NULL, UserMode), STATUS_OBJECT_TYPE_MISMATCH);
    ck_assert_int_eq(references(event), before + 3);
    for (int i = 0; i < 4; i++)
        ObfDereferenceObject(event);
    ZwClose(handle);
    ck_assert_int_eq(IoCreateSymbolicLink(&name, &target), STATUS_SUCCESS);
    ck_assert_int_eq(ZwOpenSymbolicLinkObject(&link, GENERIC_READ, &attributes), STATUS_SUCCESS);
    ck_assert_int_eq(ob_handle_ref(box_self(), link, NULL, 0, &body), STATUS_SUCCESS);
    ck_assert_int_eq(reference(body, 0, (POBJECT_TYPE)&ob_symlink_type, KernelMode), STATUS_OBJECT_TYPE_MISMATCH);
    ob_unref(body);
    ZwClose(link);
    IoDeleteSymbolicLink(&name);
}

static NTAPI NTSTATUS
by_pointer_with_tag(PVOID object, ACCESS_MASK access, POBJECT_TYPE type, KPROCESSOR_MODE mode)
{
    return ObReferenceObjectByPointerWithTag(object, access, type, mode, 'tseT');
}

NT_TEST(ObReferenceObjectByPointer_looks_at_the_type_in_user_mode_and_refuses_links)
{
    check_by_pointer(ObReferenceObjectByPointer);
}
NT_TEST(ObReferenceObjectByPointerWithTag_looks_at_the_type_in_user_mode_and_refuses_links)
{
    check_by_pointer(by_pointer_with_tag);
}

NT_TEST(ObReferenceObjectByHandleWithTag_gives_the_object_of_the_type)
{
    HANDLE handle = event_of(NULL, NotificationEvent, FALSE);
    void *event = NULL, *other = NULL;
    NTSTATUS status = ObReferenceObjectByHandleWithTag(handle, EVENT_ALL_ACCESS, *ExEventObjectType, KernelMode, 'tseT', &event, NULL);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    ck_assert_int_eq(references(event), 2);
    status = ObReferenceObjectByHandleWithTag(handle, 0, *IoFileObjectType, KernelMode, 'tseT', &other, NULL);
    ck_assert_int_eq(status, STATUS_OBJECT_TYPE_MISMATCH);
    ck_assert_int_eq(ObReferenceObjectByHandleWithTag((HANDLE)0x7778, 0, NULL, KernelMode, 'tseT', &other, NULL), STATUS_INVALID_HANDLE);
    ObfDereferenceObjectWithTag(event, 'tseT');
    ZwClose(handle);
}

NT_TEST(ObCloseHandle_ends_one_handle_and_refuses_it_the_second_time)
{
    HANDLE handle = event_of(NULL, NotificationEvent, FALSE);
    void *event = body_of(handle);
    ck_assert_int_eq(ObCloseHandle(handle, KernelMode), STATUS_SUCCESS);
    ck_assert_int_eq(references(event), 1);
    ck_assert_int_eq(ObCloseHandle(handle, KernelMode), STATUS_INVALID_HANDLE);
    ObfDereferenceObject(event);
}

NT_TEST(ZwCreateEvent_makes_either_kind_and_refuses_what_its_page_refuses)
{
    UNICODE_STRING bad = US(L"none"), slashes = US(L"\\\\none");
    OBJECT_ATTRIBUTES attributes = attributes_of(&bad, NULL);
    HANDLE handle;
    for (int type = NotificationEvent; type <= SynchronizationEvent; type++) {
        LARGE_INTEGER none = {.QuadPart = 0};
        handle = event_of(NULL, (EVENT_TYPE)type, TRUE);
        ck_assert_int_eq(ZwWaitForSingleObject(handle, FALSE, &none), STATUS_SUCCESS);
        ck_assert_int_eq(ZwWaitForSingleObject(handle, FALSE, &none), type == SynchronizationEvent ? STATUS_TIMEOUT : STATUS_SUCCESS);
        ZwClose(handle);
    }
    handle = event_of(NULL, NotificationEvent, FALSE);
    PKEVENT event = body_of(handle);
    ck_assert_int_eq(KeReadStateEvent(event), 0);
    ObfDereferenceObject(event);
    ZwClose(handle);
    ck_assert_int_eq(ZwCreateEvent(&handle, EVENT_ALL_ACCESS, NULL, (EVENT_TYPE)7, FALSE), STATUS_INVALID_PARAMETER_4);
    ck_assert_int_eq(ZwCreateEvent(&handle, EVENT_ALL_ACCESS, &attributes, NotificationEvent, FALSE), STATUS_OBJECT_PATH_SYNTAX_BAD);
    attributes.ObjectName = &slashes;
    ck_assert_int_eq(ZwCreateEvent(&handle, EVENT_ALL_ACCESS, &attributes, NotificationEvent, FALSE), STATUS_OBJECT_NAME_INVALID);
    attributes.Length = 3;
    ck_assert_int_eq(ZwCreateEvent(&handle, EVENT_ALL_ACCESS, &attributes, NotificationEvent, FALSE), STATUS_INVALID_PARAMETER);
    refuse_next();
    ck_assert_int_eq(ZwCreateEvent(&handle, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE), STATUS_INSUFFICIENT_RESOURCES);
    refuse_end();
}

NT_TEST(ZwSetEvent_signals_and_gives_the_state_before)
{
    HANDLE handle = event_of(NULL, NotificationEvent, FALSE);
    LONG before = 99;
    ck_assert_int_eq(ZwSetEvent(handle, &before), STATUS_SUCCESS);
    ck_assert_int_eq(before, 0);
    ck_assert_int_eq(ZwSetEvent(handle, &before), STATUS_SUCCESS);
    ck_assert_int_ne(before, 0);
    ck_assert_int_eq(ZwSetEvent(handle, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(ZwWaitForSingleObject(handle, FALSE, NULL), STATUS_SUCCESS);
    ZwClose(handle);
    ck_assert_int_eq(ZwSetEvent(handle, NULL), STATUS_INVALID_HANDLE);
}

NT_TEST(ZwClearEvent_takes_the_signal_away)
{
    HANDLE handle = event_of(NULL, NotificationEvent, TRUE);
    LARGE_INTEGER none = {.QuadPart = 0};
    ck_assert_int_eq(ZwClearEvent(handle), STATUS_SUCCESS);
    ck_assert_int_eq(ZwWaitForSingleObject(handle, FALSE, &none), STATUS_TIMEOUT);
    ZwClose(handle);
    ck_assert_int_eq(ZwClearEvent(handle), STATUS_INVALID_HANDLE);
}

static void
set_later(void *arg)
{
    nt_test_sleep_ms(3);
    ZwSetEvent((HANDLE)arg, NULL);
}

NT_TEST(ZwWaitForSingleObject_waits_for_the_signal_or_the_time)
{
    HANDLE handle = event_of(NULL, NotificationEvent, FALSE);
    LARGE_INTEGER short_time = nt_test_ms(2), long_time = nt_test_ms(1000);
    ULONGLONG before = KeQueryInterruptTime();
    ck_assert_int_eq(ZwWaitForSingleObject(handle, FALSE, &short_time), STATUS_TIMEOUT);
    ck_assert_uint_ge(KeQueryInterruptTime() - before, 20000);
    struct ke_thread *setter = nt_test_start(set_later, handle);
    ck_assert_int_eq(ZwWaitForSingleObject(handle, FALSE, &long_time), STATUS_SUCCESS);
    ke_thread_join(setter);
    ck_assert_int_eq(ZwWaitForSingleObject((HANDLE)0x7778, FALSE, NULL), STATUS_INVALID_HANDLE);
    UNICODE_STRING name = US(L"\\Device");
    OBJECT_ATTRIBUTES attributes = attributes_of(&name, NULL);
    HANDLE directory;
    ck_assert_int_eq(ZwOpenDirectoryObject(&directory, DIRECTORY_QUERY, &attributes), STATUS_SUCCESS);
    ck_assert_int_eq(ZwWaitForSingleObject(directory, FALSE, NULL), STATUS_OBJECT_TYPE_MISMATCH);
    ZwClose(directory);
    ZwClose(handle);
}

static void
check_named_event(PKEVENT(NTAPI *create)(PUNICODE_STRING, PHANDLE), bool resets)
{
    UNICODE_STRING name = US(L"\\BaseNamedObjects\\NbxOne"), bad = US(L"none");
    HANDLE first = NULL, second = NULL;
    KEVENT *event = create(&name, &first);
    LARGE_INTEGER none = {.QuadPart = 0};
    ck_assert(event && first);
    ck_assert_ptr_eq(create(&name, &second), event);         // the one that is there
    ck_assert(second && second != first);
    ck_assert_int_eq(KeWaitForSingleObject(event, Executive, KernelMode, FALSE, &none), STATUS_SUCCESS);   // it begins signalled
    ck_assert_int_eq(KeWaitForSingleObject(event, Executive, KernelMode, FALSE, &none), resets ? STATUS_TIMEOUT : STATUS_SUCCESS);
    ZwClose(second);
    ZwClose(first);
    ck_assert_ptr_null(create(&bad, &first));
}

NT_TEST(IoCreateNotificationEvent_makes_or_opens_one_that_stays_signalled)
{
    check_named_event(IoCreateNotificationEvent, false);
}
NT_TEST(IoCreateSynchronizationEvent_makes_or_opens_one_that_resets_itself)
{
    check_named_event(IoCreateSynchronizationEvent, true);
}

NT_TEST(ObQueryNameString_gives_the_whole_path_or_none_and_what_room_it_needs)
{
    UNICODE_STRING name = US(L"\\BaseNamedObjects\\NbxOne");
    HANDLE named = event_of(&name, NotificationEvent, FALSE), unnamed = event_of(NULL, NotificationEvent, FALSE);
    void *body = body_of(named), *other = body_of(unnamed);
    union {
        OBJECT_NAME_INFORMATION info;
        UCHAR room[256];
    } u;
    ULONG needed = 0, exact = (ULONG)sizeof u.info + name.Length + 2;
    ck_assert_int_eq(ObQueryNameString(body, NULL, 0, &needed), STATUS_INFO_LENGTH_MISMATCH);
    ck_assert_uint_eq(needed, exact);
    ck_assert_int_eq(ObQueryNameString(body, &u.info, exact - 1, &needed), STATUS_INFO_LENGTH_MISMATCH);
    ck_assert_int_eq(ObQueryNameString(body, &u.info, exact, &needed), STATUS_SUCCESS);
    ck_assert(RtlEqualUnicodeString(&u.info.Name, &name, FALSE) && u.info.Name.MaximumLength == name.Length + 2);
    ck_assert_uint_eq(u.info.Name.Buffer[name.Length / 2], 0);
    memset(&u, 0xcc, sizeof u);
    ck_assert_int_eq(ObQueryNameString(other, &u.info, sizeof u, &needed), STATUS_SUCCESS);
    ck_assert(!u.info.Name.Buffer && !u.info.Name.Length && !u.info.Name.MaximumLength);
    ObfDereferenceObject(body);
    ObfDereferenceObject(other);
    ZwClose(named);
    ZwClose(unnamed);
}

static NTSTATUS
open_event(UNICODE_STRING *name)
{
    OBJECT_ATTRIBUTES attributes = attributes_of(name, NULL);
    HANDLE handle;
    NTSTATUS status = ZwOpenDirectoryObject(&handle, DIRECTORY_QUERY, &attributes);
    if (!status)
        ZwClose(handle);
    return status;
}

NT_TEST(ZwCreateDirectoryObject_makes_one_that_names_may_stand_in)
{
    UNICODE_STRING name = US(L"\\NbxDirectory"), below = US(L"NbxOne"), missing = US(L"\\none\\none");
    OBJECT_ATTRIBUTES attributes = attributes_of(&name, NULL), event_attributes, wrong = attributes_of(&missing, NULL);
    HANDLE directory, event, again;
    ck_assert_int_eq(open_event(&name), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(ZwCreateDirectoryObject(&directory, DIRECTORY_ALL_ACCESS, &attributes), STATUS_SUCCESS);
    ck_assert_int_eq(open_event(&name), STATUS_SUCCESS);
    event_attributes = attributes_of(&below, directory);
    ck_assert_int_eq(ZwCreateEvent(&event, EVENT_ALL_ACCESS, &event_attributes, NotificationEvent, FALSE), STATUS_SUCCESS);
    ck_assert_int_eq(ZwCreateDirectoryObject(&again, DIRECTORY_ALL_ACCESS, &attributes), STATUS_OBJECT_NAME_COLLISION);
    attributes.Attributes |= OBJ_OPENIF;
    ck_assert_int_eq(ZwCreateDirectoryObject(&again, DIRECTORY_ALL_ACCESS, &attributes), STATUS_OBJECT_NAME_EXISTS);
    ZwClose(again);
    ZwClose(event);
    ZwClose(directory);
    ck_assert_int_eq(open_event(&name), STATUS_OBJECT_NAME_NOT_FOUND);     // with its last handle its name goes
    ck_assert_int_eq(ZwCreateDirectoryObject(&directory, DIRECTORY_ALL_ACCESS, &wrong), STATUS_OBJECT_PATH_NOT_FOUND);
}

NT_TEST(ZwOpenDirectoryObject_opens_directories_alone)
{
    UNICODE_STRING device = US(L"\\Device"), name = US(L"\\BaseNamedObjects\\NbxOne"), missing = US(L"\\none");
    HANDLE event = event_of(&name, NotificationEvent, FALSE);
    ck_assert_int_eq(open_event(&device), STATUS_SUCCESS);
    ck_assert_int_eq(open_event(&name), STATUS_OBJECT_TYPE_MISMATCH);
    ck_assert_int_eq(open_event(&missing), STATUS_OBJECT_NAME_NOT_FOUND);
    ZwClose(event);
}

NT_TEST(ZwMakeTemporaryObject_lets_the_name_go_with_the_last_handle)
{
    UNICODE_STRING name = US(L"\\NbxDirectory");
    OBJECT_ATTRIBUTES attributes = attributes_of(&name, NULL);
    HANDLE directory;
    attributes.Attributes |= OBJ_PERMANENT;
    ck_assert_int_eq(ZwCreateDirectoryObject(&directory, DIRECTORY_ALL_ACCESS, &attributes), STATUS_SUCCESS);
    ZwClose(directory);
    ck_assert_int_eq(open_event(&name), STATUS_SUCCESS);     // it stays
    attributes.Attributes &= ~(ULONG)OBJ_PERMANENT;
    ck_assert_int_eq(ZwOpenDirectoryObject(&directory, DIRECTORY_ALL_ACCESS, &attributes), STATUS_SUCCESS);
    ck_assert_int_eq(ZwMakeTemporaryObject(directory), STATUS_SUCCESS);
    ck_assert_int_eq(open_event(&name), STATUS_SUCCESS);     // as long as somebody has it open
    ck_assert_int_eq(ZwMakeTemporaryObject(directory), STATUS_SUCCESS);
    ZwClose(directory);
    ck_assert_int_eq(open_event(&name), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(ZwMakeTemporaryObject(directory), STATUS_INVALID_HANDLE);
}

NT_TEST(ZwQuerySymbolicLinkObject_gives_the_target_or_the_room_it_needs)
{
    UNICODE_STRING name = US(L"\\NbxLink"), target = US(L"\\Device\\NbxNone"), missing = US(L"\\NbxNoLink"), device = US(L"\\Device");
    OBJECT_ATTRIBUTES attributes = attributes_of(&name, NULL);
    HANDLE link;
    WCHAR text[32];
    UNICODE_STRING got = {0, sizeof text, text};
    ULONG length = 0;
    ck_assert_int_eq(IoCreateSymbolicLink(&name, &target), STATUS_SUCCESS);
    ck_assert_int_eq(ZwOpenSymbolicLinkObject(&link, GENERIC_READ, &attributes), STATUS_SUCCESS);
    ck_assert_int_eq(ZwQuerySymbolicLinkObject(link, &got, &length), STATUS_SUCCESS);
    ck_assert(RtlEqualUnicodeString(&got, &target, FALSE) && length == target.Length);
    got = (UNICODE_STRING){0, target.Length - 2, text};
    length = 0;
    ck_assert_int_eq(ZwQuerySymbolicLinkObject(link, &got, &length), STATUS_BUFFER_TOO_SMALL);
    ck_assert_uint_ge(length, target.Length);
    got.MaximumLength = (USHORT)length;
    ck_assert_int_eq(ZwQuerySymbolicLinkObject(link, &got, NULL), STATUS_SUCCESS);
    ZwClose(link);
    ck_assert_int_eq(ZwQuerySymbolicLinkObject(link, &got, NULL), STATUS_INVALID_HANDLE);
    attributes.ObjectName = &missing;
    ck_assert_int_eq(ZwOpenSymbolicLinkObject(&link, GENERIC_READ, &attributes), STATUS_OBJECT_NAME_NOT_FOUND);
    attributes.ObjectName = &device;
    ck_assert_int_eq(ZwOpenSymbolicLinkObject(&link, GENERIC_READ, &attributes), STATUS_OBJECT_TYPE_MISMATCH);
    IoDeleteSymbolicLink(&name);
}
NT_TEST(ZwOpenSymbolicLinkObject_opens_the_link_and_not_its_target)
{
    UNICODE_STRING name = US(L"\\NbxLink"), target = US(L"\\Device"), missing = US(L"\\none\\none");
    OBJECT_ATTRIBUTES attributes = attributes_of(&name, NULL), wrong = attributes_of(&missing, NULL);
    HANDLE link;
    WCHAR text[32];
    UNICODE_STRING got = {0, sizeof text, text};
    IoCreateSymbolicLink(&name, &target);
    ck_assert_int_eq(ZwOpenSymbolicLinkObject(&link, GENERIC_READ, &attributes), STATUS_SUCCESS);
    ck_assert_int_eq(ZwQuerySymbolicLinkObject(link, &got, NULL), STATUS_SUCCESS);
    ck_assert(RtlEqualUnicodeString(&got, &target, FALSE));
    ZwClose(link);
    ck_assert_int_eq(ZwOpenSymbolicLinkObject(&link, GENERIC_READ, &wrong), STATUS_OBJECT_PATH_NOT_FOUND);
    IoDeleteSymbolicLink(&name);
}
