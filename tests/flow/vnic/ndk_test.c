// SPDX-License-Identifier: MIT
// RDMA's OIDs as a driver asks: statistics as a direct request, at DISPATCH_LEVEL; and where *NetworkDirect is 0. What they count is
// tests/flow/rnic_connect's.
#include <string.h>

#include "harness/harness.h"
#include "kit.h"
#include "nt/ke/ke.h"

static const struct kit_setting on[] = {{"*NetworkDirect", "1"}, {NULL, NULL}};
static const struct kit_setting off[] = {{"*NetworkDirect", "0"}, {NULL, NULL}};

static NDIS_OID_REQUEST request;

static NDIS_STATUS
ask(struct kit_binding *binding, NDIS_REQUEST_TYPE type, NDIS_OID oid, void *data, uint32_t bytes)
{
    request = (NDIS_OID_REQUEST){
        .Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
        .RequestType = type,
        .DATA.QUERY_INFORMATION = {.Oid = oid, .InformationBuffer = data, .InformationBufferLength = bytes}};
    KIRQL irql;
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    NDIS_STATUS status = NdisDirectOidRequest(binding->handle, &request);
    KeLowerIrql(irql);
    return status;
}

static void
direct(void)
{
    struct kit_binding *binding;
    NDIS_NDK_STATISTICS_INFO told, same;
    memset(&told, 0xA5, sizeof told);
    memset(&same, 0xA5, sizeof same);
    kit_nic("nic0", "wire:lan", on, "tp", 0, &binding);
    ck_assert_int_eq(ask(binding, NdisRequestQueryInformation, OID_NDK_STATISTICS, &told, sizeof told), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(request.DATA.QUERY_INFORMATION.BytesWritten, NDIS_SIZEOF_NDK_STATISTICS_INFO_REVISION_1);
    ck_assert_uint_eq(told.Header.Revision, NDIS_NDK_STATISTICS_INFO_REVISION_1);
    ck_assert_int_eq(kit_oid(binding, NdisRequestQueryInformation, OID_NDK_STATISTICS, &same, sizeof same), NDIS_STATUS_SUCCESS);
    ck_assert_mem_eq(&told, &same, sizeof told);
    ck_assert_int_eq(ask(binding, NdisRequestQueryStatistics, OID_NDK_STATISTICS, &told, sizeof told), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ask(binding, NdisRequestQueryInformation, OID_NDK_STATISTICS, &told, sizeof told - 1), NDIS_STATUS_BUFFER_TOO_SHORT);
    ck_assert_uint_eq(request.DATA.QUERY_INFORMATION.BytesNeeded, NDIS_SIZEOF_NDK_STATISTICS_INFO_REVISION_1);
    ck_assert_int_eq(ask(binding, NdisRequestSetInformation, OID_NDK_STATISTICS, &told, sizeof told), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_int_eq(ask(binding, NdisRequestQueryInformation, OID_NDK_CONNECTIONS, &told, sizeof told), NDIS_STATUS_NOT_SUPPORTED);
}

TEST(OID_NDK_STATISTICS_may_also_be_a_direct_request_at_DISPATCH_LEVEL)
{
    kit_run(1, direct);
}

static void
direct_without(void)
{
    NDIS_NDK_STATISTICS_INFO told;
    struct kit_binding *binding;
    kit_nic("nic0", "wire:lan", off, "tp", 0, &binding);
    ck_assert_int_eq(ask(binding, NdisRequestQueryInformation, OID_NDK_STATISTICS, &told, sizeof told), NDIS_STATUS_NOT_SUPPORTED);
}

// [network/oid-ndk-set-state]: it can be switched on only where the keyword is not 0.
static void
switch_without(void)
{
    struct kit_binding *binding;
    BOOLEAN wish = TRUE;
    kit_nic("nic0", "wire:lan", off, "tp", 0, &binding);
    ck_assert_int_eq(kit_oid(binding, NdisRequestSetInformation, OID_NDK_SET_STATE, &wish, sizeof wish), NDIS_STATUS_NOT_SUPPORTED);
    wish = FALSE;
    ck_assert_int_eq(kit_oid(binding, NdisRequestSetInformation, OID_NDK_SET_STATE, &wish, sizeof wish), NDIS_STATUS_SUCCESS);
}

TEST(OID_NDK_SET_STATE_cannot_switch_NDK_on_where_NetworkDirect_is_0)
{
    kit_run(1, switch_without);
}

TEST(OID_NDK_STATISTICS_is_not_supported_where_NetworkDirect_is_0)
{
    kit_run(1, direct_without);
}
