// SPDX-License-Identifier: MIT
// The object manager: references, names through links, handles, and the front doors over them.
#include <stdio.h>

#include "nt/ob/ob.h"
#include "unit/nt/nt_test.h"

static UNICODE_STRING
text(const WCHAR *s)
{
    UNICODE_STRING string = {.Buffer = (WCHAR *)s};
    while (s[string.Length / 2])
        string.Length += 2;
    string.MaximumLength = string.Length + 2;
    return string;
}

static void *
make_event(void)
{
    void *body;
    ck_assert_int_eq(ob_object_create(box_self(), &ob_event_type, sizeof(KEVENT), &body), STATUS_SUCCESS);
    return body;
}

NT_TEST(object_is_found_by_name_in_any_case_and_gone_after_its_name_is_removed)
{
    UNICODE_STRING name = text(L"\\BaseNamedObjects\\MyEvent"), other = text(L"\\basenamedobjects\\MYEVENT");
    void *event = make_event(), *found;
    ck_assert_int_eq(ob_name_insert(event, &name, false), STATUS_SUCCESS);
    ck_assert_int_eq(ob_lookup(box_self(), &other, &ob_event_type, &found, NULL), STATUS_SUCCESS);
    ck_assert_ptr_eq(found, event);
    ob_unref(found);
    ck_assert_int_eq(ob_lookup(box_self(), &other, &ob_directory_type, &found, NULL), STATUS_OBJECT_TYPE_MISMATCH);
    ob_name_remove(event);
    ck_assert_int_eq(ob_lookup(box_self(), &other, &ob_event_type, &found, NULL), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(ob_unref(event), 0);
}

NT_TEST(object_name_errors_tell_apart_a_missing_path_a_missing_name_and_bad_syntax)
{
    static const struct {
        const WCHAR *path;
        NTSTATUS status;
    } rows[] = {
        {L"\\BaseNamedObjects\\none", STATUS_OBJECT_NAME_NOT_FOUND},
        {L"\\none\\none", STATUS_OBJECT_PATH_NOT_FOUND},
        {L"none", STATUS_OBJECT_PATH_SYNTAX_BAD},
        {L"\\\\none", STATUS_OBJECT_NAME_INVALID},
        {L"", STATUS_OBJECT_NAME_INVALID},
    };
    void *found;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        UNICODE_STRING path = text(rows[i].path);
        ck_assert_int_eq(ob_lookup(box_self(), &path, NULL, &found, NULL), rows[i].status);
    }
    UNICODE_STRING taken = text(L"\\Device");
    void *event = make_event();
    ck_assert_int_eq(ob_name_insert(event, &taken, false), STATUS_OBJECT_NAME_COLLISION);
    ck_assert_int_eq(ob_unref(event), 0);
}

NT_TEST(object_handle_closed_twice_is_invalid_and_slots_are_not_reused_at_once)
{
    void *event = make_event();
    HANDLE first, second;
    ck_assert_int_eq(ob_handle_create(box_self(), event, EVENT_ALL_ACCESS, &first), STATUS_SUCCESS);
    ob_unref(event);
    ck_assert_int_eq(ZwClose(first), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(first), STATUS_INVALID_HANDLE);
    event = make_event();
    ck_assert_int_eq(ob_handle_create(box_self(), event, EVENT_ALL_ACCESS, &second), STATUS_SUCCESS);
    ck_assert_ptr_ne(first, second);
    ob_unref(event);
    ck_assert_int_eq(ZwClose(second), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(NULL), STATUS_INVALID_HANDLE);
    ck_assert_int_eq(ZwClose((HANDLE)(uintptr_t)3), STATUS_INVALID_HANDLE);
}

NT_TEST(object_directory_links_lead_DosDevices_names_to_their_device_directory)
{
    UNICODE_STRING link = text(L"\\DosDevices\\Mine"), target = text(L"\\BaseNamedObjects\\Behind"), same = text(L"\\??\\mine");
    UNICODE_STRING path;
    void *event = make_event(), *found, *symlink;
    ck_assert_int_eq(ob_name_insert(event, &target, false), STATUS_SUCCESS);
    ck_assert_int_eq(IoCreateSymbolicLink(&link, &target), STATUS_SUCCESS);
    ck_assert_int_eq(IoCreateSymbolicLink(&same, &target), STATUS_OBJECT_NAME_COLLISION);
    ck_assert_int_eq(ob_lookup(box_self(), &same, NULL, &found, NULL), STATUS_SUCCESS);
    ck_assert_ptr_eq(found, event);
    ck_assert_int_eq(ob_name_query(found, &path), STATUS_SUCCESS);
    ck_assert(ob_name_equal(&path, &target));
    ob_string_free(&path);
    ob_unref(found);
    ck_assert_int_eq(ob_lookup(box_self(), &same, &ob_symlink_type, &symlink, NULL), STATUS_SUCCESS);
    ob_unref(symlink);
    ck_assert_int_eq(IoDeleteSymbolicLink(&link), STATUS_SUCCESS);
    ck_assert_int_eq(IoDeleteSymbolicLink(&link), STATUS_OBJECT_NAME_NOT_FOUND);
    ob_name_remove(event);
    ob_unref(event);
}

NT_TEST(object_links_in_a_circle_end_with_an_error)
{
    UNICODE_STRING a = text(L"\\??\\A"), b = text(L"\\??\\B");
    void *found;
    ck_assert_int_eq(IoCreateSymbolicLink(&a, &b), STATUS_SUCCESS);
    ck_assert_int_eq(IoCreateSymbolicLink(&b, &a), STATUS_SUCCESS);
    ck_assert_int_eq(ob_lookup(box_self(), &a, NULL, &found, NULL), STATUS_OBJECT_NAME_INVALID);
    ck_assert_int_eq(IoDeleteSymbolicLink(&a), STATUS_SUCCESS);
    ck_assert_int_eq(IoDeleteSymbolicLink(&b), STATUS_SUCCESS);
}

NT_TEST(ZwCreateEvent_opens_what_exists_only_with_OBJ_OPENIF)
{
    UNICODE_STRING name = text(L"\\BaseNamedObjects\\E");
    OBJECT_ATTRIBUTES plain, openif;
    HANDLE first, second;
    LONG before;
    InitializeObjectAttributes(&plain, &name, OBJ_KERNEL_HANDLE, NULL, NULL);
    InitializeObjectAttributes(&openif, &name, OBJ_KERNEL_HANDLE | OBJ_OPENIF, NULL, NULL);
    ck_assert_int_eq(ZwCreateEvent(&first, EVENT_ALL_ACCESS, &plain, NotificationEvent, FALSE), STATUS_SUCCESS);
    ck_assert_int_eq(ZwCreateEvent(&second, EVENT_ALL_ACCESS, &plain, NotificationEvent, FALSE), STATUS_OBJECT_NAME_COLLISION);
    ck_assert_int_eq(ZwCreateEvent(&second, EVENT_ALL_ACCESS, &openif, NotificationEvent, FALSE), STATUS_OBJECT_NAME_EXISTS);
    ck_assert_int_eq(ZwSetEvent(second, &before), STATUS_SUCCESS);
    ck_assert_int_eq(before, 0);
    ck_assert_int_eq(ZwWaitForSingleObject(first, FALSE, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(first), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(second), STATUS_SUCCESS);
    ck_assert_int_eq(ZwCreateEvent(&first, EVENT_ALL_ACCESS, &plain, NotificationEvent, FALSE), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(first), STATUS_SUCCESS);
}

NT_TEST(ObReferenceObjectByHandle_checks_type_and_handle_and_adds_one_reference)
{
    HANDLE handle;
    void *event, *again;
    ck_assert_int_eq(ZwCreateEvent(&handle, EVENT_ALL_ACCESS, NULL, SynchronizationEvent, TRUE), STATUS_SUCCESS);
    ck_assert_int_eq(ObReferenceObjectByHandle(handle, 0, *IoFileObjectType, KernelMode, &event, NULL), STATUS_OBJECT_TYPE_MISMATCH);
    ck_assert_int_eq(ObReferenceObjectByHandle((HANDLE)(uintptr_t)0x7000, 0, NULL, KernelMode, &event, NULL), STATUS_INVALID_HANDLE);
    ck_assert_int_eq(ObReferenceObjectByHandle(handle, 0, *ExEventObjectType, KernelMode, &event, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(ObReferenceObjectByHandle(handle, 0, NULL, KernelMode, &again, NULL), STATUS_SUCCESS);
    ck_assert_ptr_eq(event, again);
    ck_assert_int_eq(ZwClose(handle), STATUS_SUCCESS);
    ck_assert_int_eq(ObReferenceObject(event), 3);
    ck_assert_int_eq(ObDereferenceObject(event), 2);
    ck_assert_int_eq(ObDereferenceObject(event), 1);
    ck_assert_int_eq(ObDereferenceObject(event), 0);
}

static uint32_t messages;
static char last_message[512];

static void
keep_message(void *context, const char *line)
{
    messages++;
    snprintf(last_message, sizeof(last_message), "%s", line);
}

static void
leak_a_handle(void *arg)
{
    HANDLE handle;
    UNICODE_STRING name = text(L"\\BaseNamedObjects\\Lost");
    OBJECT_ATTRIBUTES attributes;
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE, NULL, NULL);
    ck_assert_int_eq(ZwCreateEvent(&handle, EVENT_ALL_ACCESS, &attributes, NotificationEvent, FALSE), STATUS_SUCCESS);
}

TEST(object_handle_left_open_is_reported_by_name_and_counted_when_the_box_goes)
{
    const char *error;
    struct sched *sched = sim_create(&(struct sim_config){.seed = 1}, &error);
    struct box *box = box_create(sched, &(struct box_config){.name = "leaky", .processors = 1, .seed = 1});
    box->on_message = keep_message;
    ck_assert_int_eq(box_run(box, leak_a_handle, NULL), 0);
    ck_assert_uint_eq(box_destroy(box), 1);
    ck_assert_uint_eq(messages, 1);
    ck_assert_ptr_nonnull(strstr(last_message, "Lost"));
    sched_destroy(sched);
}

TEST(object_text_survives_the_way_to_UTF_16_and_back)
{
    static const char *const texts[] = {"plain", "\xc3\xa4\xe2\x82\xac", "\xf0\x9f\x98\x80 smile", ""};
    char out[64];
    for (size_t i = 0; i < 4; i++) {
        UNICODE_STRING wide;
        ck_assert_int_eq(ob_string_from(texts[i], &wide), STATUS_SUCCESS);
        ck_assert_str_eq(ob_string_text(&wide, out, sizeof(out)), texts[i]);
        ob_string_free(&wide);
    }
    UNICODE_STRING bad;
    ck_assert_int_eq(ob_string_from("a\xff\xc3", &bad), STATUS_SUCCESS);
    ck_assert_uint_eq(bad.Length, 6);
    ck_assert_uint_eq(bad.Buffer[1], 0xfffd);
    ck_assert_str_eq(ob_string_text(&bad, out, 4), "a");
    ob_string_free(&bad);
}
