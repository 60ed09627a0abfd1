// SPDX-License-Identifier: MIT
// NdkCreateConnector, NdkCreateListener, NdkCreateSharedEndpoint: the object comes inline or by the completion, as does each failure;
// where the completion comes, nothing is written to the place for the object.
#include <check.h>

#include <nbx/fault.h>

#include "kit.h"

enum kind {
    CONNECTOR,
    LISTENER,
    SHARED
};

static struct creation {
    struct rc_wait wait;
    NTSTATUS returned;
    NDK_OBJECT_HEADER *inline_object, *later_object;
    PVOID context;
} made;

static NTAPI VOID
on_created(PVOID context, NTSTATUS status, NDK_OBJECT_HEADER *object)
{
    made.context = context;
    made.later_object = object;
    rc_done(&made.wait, status);
}

static NTAPI VOID
on_connect(PVOID context, NDK_CONNECTOR *connector)
{
    ck_abort_msg("nobody connects here");
}

#define UNTOUCHED ((NDK_OBJECT_HEADER *)(uintptr_t)0xA5A5)

static void
create_at(enum kind kind, PVOID context, const SOCKADDR_INET *address)
{
    NDK_ADAPTER *adapter = rc_end[0].adapter;
    const NDK_ADAPTER_DISPATCH *dispatch = adapter->Dispatch;
    ULONG bytes = address->si_family == AF_INET ? sizeof address->Ipv4 : sizeof address->Ipv6;
    made = (struct creation){.inline_object = UNTOUCHED, .context = UNTOUCHED};
    rc_wait_init(&made.wait);
    struct rc_visit v = rc_visit(0);
    switch (kind) {
    case CONNECTOR:
        made.returned = dispatch->NdkCreateConnector(adapter, on_created, context, (NDK_CONNECTOR **)&made.inline_object);
        break;
    case LISTENER:
        made.returned =
            dispatch->NdkCreateListener(adapter, on_connect, context, on_created, context, (NDK_LISTENER **)&made.inline_object);
        break;
    default:
        made.returned = dispatch->NdkCreateSharedEndpoint(adapter, (PSOCKADDR)address, bytes, on_created, context,
                                                          (NDK_SHARED_ENDPOINT **)&made.inline_object);
        break;
    }
    rc_go_back(v);
}

// Nothing was written there by the provider; a strict verifier clears the place before it asks.
static void
is_untouched(const NDK_OBJECT_HEADER *object)
{
    ck_assert(object == UNTOUCHED || (rc_is_strict() && !object));
}

// The object, of which nothing but the way it comes depends on rc_net.pends.
static NDK_OBJECT_HEADER *
comes(enum kind kind, PVOID context, const SOCKADDR_INET *address)
{
    create_at(kind, context, address);
    ck_assert_int_eq(made.returned, rc_net.pends ? STATUS_PENDING : STATUS_SUCCESS);
    if (!rc_net.pends) {
        ck_assert_uint_eq(made.wait.calls, 0);
        ck_assert_ptr_ne(made.inline_object, UNTOUCHED);
        return made.inline_object;
    }
    ck_assert_int_eq(rc_end_of(0, made.returned, &made.wait), STATUS_SUCCESS);
    is_untouched(made.inline_object);
    ck_assert_ptr_eq(made.context, context);
    return made.later_object;
}

static void
fails(enum kind kind, const SOCKADDR_INET *address, NTSTATUS status)
{
    create_at(kind, &made, address);
    ck_assert_int_eq(made.returned, rc_net.pends ? STATUS_PENDING : status);
    ck_assert_int_eq(rc_end_of(0, made.returned, &made.wait), status);
    is_untouched(made.inline_object);
    ck_assert_ptr_null(made.later_object);
}

static void
closes(enum kind kind, NDK_OBJECT_HEADER *object)
{
    NDK_FN_CLOSE_OBJECT *const close[] = {(NDK_FN_CLOSE_OBJECT *)&((NDK_CONNECTOR *)object)->Dispatch->NdkCloseConnector,
                                          (NDK_FN_CLOSE_OBJECT *)&((NDK_LISTENER *)object)->Dispatch->NdkCloseListener,
                                          (NDK_FN_CLOSE_OBJECT *)&((NDK_SHARED_ENDPOINT *)object)->Dispatch->NdkCloseSharedEndpoint};
    rc_close_object(0, object, close[kind]);
}

static void
object_comes(enum kind kind, NDK_OBJECT_TYPE type)
{
    SOCKADDR_INET own = rc_address(0, 6000);
    for (int i = 0; i < 4; i++) {
        rc_net.at_dispatch = i & 1;
        NDK_OBJECT_HEADER *object = comes(kind, i & 2 ? NULL : &made, &own);
        ck_assert_int_eq(object->ObjectType, type);
        ck_assert_uint_eq(object->Version.Major, 2);
        ck_assert_uint_eq(object->Version.Minor, 1);
        closes(kind, object);
    }
}

static void
no_memory(enum kind kind)
{
    SOCKADDR_INET own = rc_address(0, 6000);
    for (uint64_t number = 1; number < 8; number++) {
        const struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = number, .driver = "vnic"};
        struct nbx_fault_report report;
        ck_assert_int_eq(nbx_fault_arm(&plan), 0);
        create_at(kind, &made, &own);
        nbx_fault_disarm(&report);
        NTSTATUS status = rc_end_of(0, made.returned, &made.wait);
        NDK_OBJECT_HEADER *object = made.returned == STATUS_PENDING ? made.later_object : made.inline_object;
        if (status == STATUS_SUCCESS) {       // past what it takes; or it pends no more for want of a record, and is there all the same
            closes(kind, object);
            if (!report.refused)
                return;
            continue;
        }
        ck_assert_int_eq(status, STATUS_INSUFFICIENT_RESOURCES);
        ck_assert_int_eq(made.returned, rc_net.pends ? STATUS_PENDING : STATUS_INSUFFICIENT_RESOURCES);
        is_untouched(made.inline_object);
        ck_assert_ptr_null(made.later_object);
        ck_assert_uint_eq(report.refused, 1);
        ck_assert_uint_le(number, 2);
    }
    ck_abort_msg("each of 8 allocations was refused");
}

RC_TEST_BOTH(NdkCreateConnector_gives_the_object_inline_or_by_the_completion)
{
    object_comes(CONNECTOR, NdkObjectTypeConnector);
}

RC_TEST_BOTH(NdkCreateConnector_is_INSUFFICIENT_RESOURCES_inline_or_later_without_memory)
{
    no_memory(CONNECTOR);
}

RC_TEST_BOTH(NdkCreateListener_gives_the_object_inline_or_by_the_completion)
{
    object_comes(LISTENER, NdkObjectTypeListener);
}

RC_TEST_BOTH(NdkCreateListener_is_INSUFFICIENT_RESOURCES_inline_or_later_without_memory)
{
    no_memory(LISTENER);
}

RC_TEST_BOTH(NdkCreateSharedEndpoint_gives_the_object_inline_or_by_the_completion)
{
    object_comes(SHARED, NdkObjectTypeSharedEndpoint);
}

RC_TEST_BOTH(NdkCreateSharedEndpoint_is_INSUFFICIENT_RESOURCES_inline_or_later_without_memory)
{
    no_memory(SHARED);
}

RC_TEST_BOTH(NdkCreateSharedEndpoint_is_INVALID_ADDRESS_inline_or_later_for_an_address_that_is_not_the_adapters)
{
    SOCKADDR_INET address = rc_address(1, 6000);
    fails(SHARED, &address, STATUS_INVALID_ADDRESS);
    address = rc_address(0, 6000);
    address.si_family = 99;
    fails(SHARED, &address, STATUS_INVALID_ADDRESS);
}

RC_TEST_BOTH(NdkCreateSharedEndpoint_is_SHARING_VIOLATION_inline_or_later_while_the_address_is_in_use)
{
    struct rc_listener listener = {0};
    SOCKADDR_INET address = rc_address(0, 6000);
    rc_listen(&listener, 0, 6000);
    fails(SHARED, &address, STATUS_SHARING_VIOLATION);
    rc_listener_close(&listener);
    NDK_OBJECT_HEADER *first = comes(SHARED, NULL, &address);
    fails(SHARED, &address, STATUS_SHARING_VIOLATION);
    closes(SHARED, first);
    closes(SHARED, comes(SHARED, NULL, &address));
}

// ---- versions -------------------------------------------------------------------------------------------------------------------------

static NTAPI VOID
on_notification(PVOID context, NTSTATUS status)
{
    ck_abort_msg("nothing is posted here");
}

// An adapter of this version, and what it makes: the highest minor version of the major one, whose tables are whole and have no more.
static void
version_is(USHORT major, USHORT minor, USHORT highest)
{
    NDK_VERSION version = {major, minor};
    NDK_ADAPTER *adapter;
    NDK_CONNECTOR *connector;
    NDK_CQ *cq;
    RC_CALL(0, ck_assert_int_eq(nbx_ndk_adapter_open(rc_end[0].client, rc_end[0].if_index, version, &adapter), NDIS_STATUS_SUCCESS));
    ck_assert_int_eq(adapter->Dispatch->NdkCreateConnector(adapter, NULL, NULL, &connector), STATUS_SUCCESS);
    ck_assert_int_eq(adapter->Dispatch->NdkCreateCq(adapter, 4, on_notification, NULL, NULL, NULL, NULL, &cq), STATUS_SUCCESS);
    const NDK_OBJECT_HEADER *const headers[] = {&adapter->Header, &connector->Header, &cq->Header};
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(headers[i]->Version.Major, major);
        ck_assert_uint_eq(headers[i]->Version.Minor, highest);
    }
    const NDK_CONNECTOR_DISPATCH *dispatch = connector->Dispatch;
    const PVOID *slots = (const PVOID *)dispatch;
    for (size_t i = 0; i < offsetof(NDK_CONNECTOR_DISPATCH, NdkCompleteConnectEx) / sizeof(PVOID); i++)
        ck_assert_ptr_nonnull(slots[i]);
    ck_assert_ptr_nonnull((PVOID)cq->Dispatch->NdkGetCqResultsEx);       // of 1.2
    if (major == 2 || !rc_is_strict()) {      // the verifier has one table of its own for both
        ck_assert_int_eq(dispatch->NdkCompleteConnectEx != NULL, major == 2);
        ck_assert_int_eq(dispatch->NdkAcceptEx != NULL, major == 2);
    }
    rc_close_object(0, &connector->Header, (NDK_FN_CLOSE_OBJECT *)&dispatch->NdkCloseConnector);
    rc_close_object(0, &cq->Header, (NDK_FN_CLOSE_OBJECT *)&cq->Dispatch->NdkCloseCq);
    RC_CALL(0, nbx_ndk_adapter_close(rc_end[0].client, adapter));
}

RC_TEST(NdkCreateConnector_gives_the_functions_of_the_adapters_version)
{
    version_is(1, 1, 2);
    version_is(1, 2, 2);
    version_is(2, 0, 1);
    version_is(2, 1, 1);
}
