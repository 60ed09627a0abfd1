// SPDX-License-Identifier: MIT
// The structures of ndkinfo.h, ndkpi.h and ndisndk.h have Windows x64's layout, and the tables of functions their order: 70 slots in ten.
//
// NDK_CQ_DISPATCH is known from symbols of Windows builds (close 0x00, extension 0x08, resize 0x10, arm 0x18, results 0x20, moderation
// 0x28, results ex 0x30, size 0x38); the others are computed from the documented members.
#include <ndisndk.h>

#include "harness/harness.h"

#define AT(type, field, offset) _Static_assert(__builtin_offsetof(type, field) == (offset), #type "." #field)
#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type)
// Slot n of a table, with the type that its function must have.
#define SLOT(type, n, fn, field) \
    AT(type, field, (n) * 8); \
    _Static_assert(__builtin_types_compatible_p(__typeof__(((type *)0)->field), fn), #type "." #field " is a " #fn)

SIZE(NDK_VERSION, 4);
SIZE(NDK_ADAPTER_INFO, 0x68);
AT(NDK_ADAPTER_INFO, VendorId, 0x04);
AT(NDK_ADAPTER_INFO, DeviceId, 0x08);
AT(NDK_ADAPTER_INFO, MaxRegistrationSize, 0x10);
AT(NDK_ADAPTER_INFO, MaxWindowSize, 0x18);
AT(NDK_ADAPTER_INFO, FRMRPageCount, 0x20);
AT(NDK_ADAPTER_INFO, MaxInitiatorRequestSge, 0x24);
AT(NDK_ADAPTER_INFO, MaxReceiveRequestSge, 0x28);
AT(NDK_ADAPTER_INFO, MaxReadRequestSge, 0x2c);
AT(NDK_ADAPTER_INFO, MaxTransferLength, 0x30);
AT(NDK_ADAPTER_INFO, MaxInlineDataSize, 0x34);
AT(NDK_ADAPTER_INFO, MaxInboundReadLimit, 0x38);
AT(NDK_ADAPTER_INFO, MaxOutboundReadLimit, 0x3c);
AT(NDK_ADAPTER_INFO, MaxReceiveQueueDepth, 0x40);
AT(NDK_ADAPTER_INFO, MaxInitiatorQueueDepth, 0x44);
AT(NDK_ADAPTER_INFO, MaxSrqDepth, 0x48);
AT(NDK_ADAPTER_INFO, MaxCqDepth, 0x4c);
AT(NDK_ADAPTER_INFO, LargeRequestThreshold, 0x50);
AT(NDK_ADAPTER_INFO, MaxCallerData, 0x54);
AT(NDK_ADAPTER_INFO, MaxCalleeData, 0x58);
AT(NDK_ADAPTER_INFO, AdapterFlags, 0x5c);
AT(NDK_ADAPTER_INFO, RdmaTechnology, 0x60);
SIZE(NDK_OBJECT_HEADER_RESERVED_BLOCK, 0x20);
SIZE(NDK_OBJECT_HEADER, 0x28);
AT(NDK_OBJECT_HEADER, ObjectType, 0x04);
AT(NDK_OBJECT_HEADER, NdkReserved, 0x08);
SIZE(NDK_ADAPTER, 0x30);
AT(NDK_ADAPTER, Dispatch, 0x28);
SIZE(NDK_CQ, 0x30);
AT(NDK_CQ, Dispatch, 0x28);
SIZE(NDK_PD, 0x30);
AT(NDK_PD, Dispatch, 0x28);
SIZE(NDK_MR, 0x30);
AT(NDK_MR, Dispatch, 0x28);
SIZE(NDK_MW, 0x30);
AT(NDK_MW, Dispatch, 0x28);
SIZE(NDK_SRQ, 0x30);
AT(NDK_SRQ, Dispatch, 0x28);
SIZE(NDK_QP, 0x30);
AT(NDK_QP, Dispatch, 0x28);
SIZE(NDK_CONNECTOR, 0x30);
AT(NDK_CONNECTOR, Dispatch, 0x28);
SIZE(NDK_LISTENER, 0x30);
AT(NDK_LISTENER, Dispatch, 0x28);
SIZE(NDK_SHARED_ENDPOINT, 0x30);
AT(NDK_SHARED_ENDPOINT, Dispatch, 0x28);
SIZE(NDK_EXTENSION_INTERFACE, 8);
SIZE(NDK_LOGICAL_ADDRESS, 8);
SIZE(NDK_LOGICAL_ADDRESS_MAPPING, 0x18);
AT(NDK_LOGICAL_ADDRESS_MAPPING, AdapterPageCount, 0x08);
AT(NDK_LOGICAL_ADDRESS_MAPPING, AdapterPageArray, 0x10);
SIZE(NDK_SGE, 0x10);
AT(NDK_SGE, LogicalAddress, 0x00);
AT(NDK_SGE, Length, 0x08);
AT(NDK_SGE, MemoryRegionToken, 0x0c);
SIZE(NDK_RESULT, 0x18);
AT(NDK_RESULT, BytesTransferred, 0x04);
AT(NDK_RESULT, QPContext, 0x08);
AT(NDK_RESULT, RequestContext, 0x10);
SIZE(NDK_RESULT_EX, 0x28);
AT(NDK_RESULT_EX, BytesTransferred, 0x04);
AT(NDK_RESULT_EX, QPContext, 0x08);
AT(NDK_RESULT_EX, RequestContext, 0x10);
AT(NDK_RESULT_EX, Type, 0x18);
AT(NDK_RESULT_EX, ProviderErrorCode, 0x1c);
AT(NDK_RESULT_EX, TypeSpecificCompletionOutput, 0x20); // where it was before 2.1
SIZE(NDIS_OPEN_NDK_ADAPTER_PARAMETERS, 4);
SIZE(NDIS_NDK_PROVIDER_CHARACTERISTICS, 0x18);
AT(NDIS_NDK_PROVIDER_CHARACTERISTICS, Flags, 0x04);
AT(NDIS_NDK_PROVIDER_CHARACTERISTICS, OpenNDKAdapterHandler, 0x08);
AT(NDIS_NDK_PROVIDER_CHARACTERISTICS, CloseNDKAdapterHandler, 0x10);
_Static_assert(NDIS_SIZEOF_NDK_PROVIDER_CHARACTERISTICS_REVISION_1 == 0x18, "revision 1 is all of it");

SIZE(NDK_ADAPTER_DISPATCH, 9 * 8);
SLOT(NDK_ADAPTER_DISPATCH, 0, NDK_FN_QUERY_EXTENSION_INTERFACE, NdkQueryExtension);
SLOT(NDK_ADAPTER_DISPATCH, 1, NDK_FN_QUERY_ADAPTER_INFO, NdkQueryAdapterInfo);
SLOT(NDK_ADAPTER_DISPATCH, 2, NDK_FN_CREATE_CQ, NdkCreateCq);
SLOT(NDK_ADAPTER_DISPATCH, 3, NDK_FN_CREATE_PD, NdkCreatePd);
SLOT(NDK_ADAPTER_DISPATCH, 4, NDK_FN_CREATE_SHARED_ENDPOINT, NdkCreateSharedEndpoint);
SLOT(NDK_ADAPTER_DISPATCH, 5, NDK_FN_CREATE_CONNECTOR, NdkCreateConnector);
SLOT(NDK_ADAPTER_DISPATCH, 6, NDK_FN_CREATE_LISTENER, NdkCreateListener);
SLOT(NDK_ADAPTER_DISPATCH, 7, NDK_FN_BUILD_LAM, NdkBuildLAM);
SLOT(NDK_ADAPTER_DISPATCH, 8, NDK_FN_RELEASE_LAM, NdkReleaseLAM);
SIZE(NDK_CQ_DISPATCH, 7 * 8);
SLOT(NDK_CQ_DISPATCH, 0, NDK_FN_CLOSE_OBJECT, NdkCloseCq);
SLOT(NDK_CQ_DISPATCH, 1, NDK_FN_QUERY_EXTENSION_INTERFACE, NdkQueryExtension);
SLOT(NDK_CQ_DISPATCH, 2, NDK_FN_RESIZE_CQ, NdkResizeCq);
SLOT(NDK_CQ_DISPATCH, 3, NDK_FN_ARM_CQ, NdkArmCq);
SLOT(NDK_CQ_DISPATCH, 4, NDK_FN_GET_CQ_RESULTS, NdkGetCqResults);
SLOT(NDK_CQ_DISPATCH, 5, NDK_FN_CONTROL_CQ_INTERRUPT_MODERATION, NdkControlCqInterruptModeration);
SLOT(NDK_CQ_DISPATCH, 6, NDK_FN_GET_CQ_RESULTS_EX, NdkGetCqResultsEx);
SIZE(NDK_PD_DISPATCH, 8 * 8);
SLOT(NDK_PD_DISPATCH, 0, NDK_FN_CLOSE_OBJECT, NdkClosePd);
SLOT(NDK_PD_DISPATCH, 1, NDK_FN_QUERY_EXTENSION_INTERFACE, NdkQueryExtension);
SLOT(NDK_PD_DISPATCH, 2, NDK_FN_CREATE_MR, NdkCreateMr);
SLOT(NDK_PD_DISPATCH, 3, NDK_FN_CREATE_MW, NdkCreateMw);
SLOT(NDK_PD_DISPATCH, 4, NDK_FN_CREATE_SRQ, NdkCreateSrq);
SLOT(NDK_PD_DISPATCH, 5, NDK_FN_CREATE_QP, NdkCreateQp);
SLOT(NDK_PD_DISPATCH, 6, NDK_FN_CREATE_QP_WITH_SRQ, NdkCreateQpWithSrq);
SLOT(NDK_PD_DISPATCH, 7, NDK_FN_GET_PRIVILEGED_MEMORY_REGION_TOKEN, NdkGetPrivilegedMemoryRegionToken);
SIZE(NDK_MR_DISPATCH, 7 * 8);
SLOT(NDK_MR_DISPATCH, 0, NDK_FN_CLOSE_OBJECT, NdkCloseMr);
SLOT(NDK_MR_DISPATCH, 1, NDK_FN_QUERY_EXTENSION_INTERFACE, NdkQueryExtension);
SLOT(NDK_MR_DISPATCH, 2, NDK_FN_REGISTER_MR, NdkRegisterMr);
SLOT(NDK_MR_DISPATCH, 3, NDK_FN_DEREGISTER_MR, NdkDeregisterMr);
SLOT(NDK_MR_DISPATCH, 4, NDK_FN_INITIALIZE_FAST_REGISTER_MR, NdkInitializeFastRegisterMr);
SLOT(NDK_MR_DISPATCH, 5, NDK_FN_GET_REMOTE_TOKEN_FROM_MR, NdkGetRemoteTokenFromMr);
SLOT(NDK_MR_DISPATCH, 6, NDK_FN_GET_LOCAL_TOKEN_FROM_MR, NdkGetLocalTokenFromMr);
SIZE(NDK_MW_DISPATCH, 3 * 8);
SLOT(NDK_MW_DISPATCH, 0, NDK_FN_CLOSE_OBJECT, NdkCloseMw);
SLOT(NDK_MW_DISPATCH, 1, NDK_FN_QUERY_EXTENSION_INTERFACE, NdkQueryExtension);
SLOT(NDK_MW_DISPATCH, 2, NDK_FN_GET_REMOTE_TOKEN_FROM_MW, NdkGetRemoteTokenFromMw);
SIZE(NDK_SRQ_DISPATCH, 4 * 8);
SLOT(NDK_SRQ_DISPATCH, 0, NDK_FN_CLOSE_OBJECT, NdkCloseSrq);
SLOT(NDK_SRQ_DISPATCH, 1, NDK_FN_QUERY_EXTENSION_INTERFACE, NdkQueryExtension);
SLOT(NDK_SRQ_DISPATCH, 2, NDK_FN_MODIFY_SRQ, NdkModifySrq);
SLOT(NDK_SRQ_DISPATCH, 3, NDK_FN_SRQ_RECEIVE, NdkSrqReceive);
SIZE(NDK_QP_DISPATCH, 11 * 8);
SLOT(NDK_QP_DISPATCH, 0, NDK_FN_CLOSE_OBJECT, NdkCloseQp);
SLOT(NDK_QP_DISPATCH, 1, NDK_FN_QUERY_EXTENSION_INTERFACE, NdkQueryExtension);
SLOT(NDK_QP_DISPATCH, 2, NDK_FN_FLUSH, NdkFlush);
SLOT(NDK_QP_DISPATCH, 3, NDK_FN_SEND, NdkSend);
SLOT(NDK_QP_DISPATCH, 4, NDK_FN_RECEIVE, NdkReceive);
SLOT(NDK_QP_DISPATCH, 5, NDK_FN_BIND, NdkBind);
SLOT(NDK_QP_DISPATCH, 6, NDK_FN_FAST_REGISTER, NdkFastRegister);
SLOT(NDK_QP_DISPATCH, 7, NDK_FN_INVALIDATE, NdkInvalidate);
SLOT(NDK_QP_DISPATCH, 8, NDK_FN_READ, NdkRead);
SLOT(NDK_QP_DISPATCH, 9, NDK_FN_WRITE, NdkWrite);
SLOT(NDK_QP_DISPATCH, 10, NDK_FN_SEND_AND_INVALIDATE, NdkSendAndInvalidate);
SIZE(NDK_CONNECTOR_DISPATCH, 13 * 8);
SLOT(NDK_CONNECTOR_DISPATCH, 0, NDK_FN_CLOSE_OBJECT, NdkCloseConnector);
SLOT(NDK_CONNECTOR_DISPATCH, 1, NDK_FN_QUERY_EXTENSION_INTERFACE, NdkQueryExtension);
SLOT(NDK_CONNECTOR_DISPATCH, 2, NDK_FN_CONNECT, NdkConnect);
SLOT(NDK_CONNECTOR_DISPATCH, 3, NDK_FN_CONNECT_WITH_SHARED_ENDPOINT, NdkConnectWithSharedEndpoint);
SLOT(NDK_CONNECTOR_DISPATCH, 4, NDK_FN_COMPLETE_CONNECT, NdkCompleteConnect);
SLOT(NDK_CONNECTOR_DISPATCH, 5, NDK_FN_ACCEPT, NdkAccept);
SLOT(NDK_CONNECTOR_DISPATCH, 6, NDK_FN_REJECT, NdkReject);
SLOT(NDK_CONNECTOR_DISPATCH, 7, NDK_FN_GET_CONNECTION_DATA, NdkGetConnectionData);
SLOT(NDK_CONNECTOR_DISPATCH, 8, NDK_FN_GET_LOCAL_ADDRESS, NdkGetLocalAddress);
SLOT(NDK_CONNECTOR_DISPATCH, 9, NDK_FN_GET_PEER_ADDRESS, NdkGetPeerAddress);
SLOT(NDK_CONNECTOR_DISPATCH, 10, NDK_FN_DISCONNECT, NdkDisconnect);
SLOT(NDK_CONNECTOR_DISPATCH, 11, NDK_FN_COMPLETE_CONNECT_EX, NdkCompleteConnectEx);
SLOT(NDK_CONNECTOR_DISPATCH, 12, NDK_FN_ACCEPT_EX, NdkAcceptEx);
SIZE(NDK_LISTENER_DISPATCH, 5 * 8);
SLOT(NDK_LISTENER_DISPATCH, 0, NDK_FN_CLOSE_OBJECT, NdkCloseListener);
SLOT(NDK_LISTENER_DISPATCH, 1, NDK_FN_QUERY_EXTENSION_INTERFACE, NdkQueryExtension);
SLOT(NDK_LISTENER_DISPATCH, 2, NDK_FN_LISTEN, NdkListen);
SLOT(NDK_LISTENER_DISPATCH, 3, NDK_FN_GET_LISTENER_LOCAL_ADDRESS, NdkGetLocalAddress);
SLOT(NDK_LISTENER_DISPATCH, 4, NDK_FN_CONTROL_CONNECT_EVENTS, NdkControlConnectEvents);
SIZE(NDK_SHARED_ENDPOINT_DISPATCH, 3 * 8);
SLOT(NDK_SHARED_ENDPOINT_DISPATCH, 0, NDK_FN_CLOSE_OBJECT, NdkCloseSharedEndpoint);
SLOT(NDK_SHARED_ENDPOINT_DISPATCH, 1, NDK_FN_QUERY_EXTENSION_INTERFACE, NdkQueryExtension);
SLOT(NDK_SHARED_ENDPOINT_DISPATCH, 2, NDK_FN_GET_SHARED_ENDPOINT_LOCAL_ADDRESS, NdkGetLocalAddress);

TEST(the_ten_tables_of_NDK_have_seventy_slots)
{
    size_t bytes = sizeof(NDK_ADAPTER_DISPATCH) +
                   sizeof(NDK_CQ_DISPATCH) +
                   sizeof(NDK_PD_DISPATCH) +
                   sizeof(NDK_MR_DISPATCH) +
                   sizeof(NDK_MW_DISPATCH) +
                   sizeof(NDK_SRQ_DISPATCH) +
                   sizeof(NDK_QP_DISPATCH) +
                   sizeof(NDK_CONNECTOR_DISPATCH) +
                   sizeof(NDK_LISTENER_DISPATCH) +
                   sizeof(NDK_SHARED_ENDPOINT_DISPATCH);
    ck_assert_uint_eq(bytes / sizeof(void *), 70);
}

// [ndkpi/nc-ndkpi-ndk_fn_bind, nc-ndkpi-ndk_fn_register_mr]: a right to write from afar is one to write locally too.
TEST(the_flags_of_NDK_have_one_bit_each_but_for_remote_writes_which_hold_local_ones)
{
    static const ULONG ops[] = {NDK_OP_FLAG_SILENT_SUCCESS, NDK_OP_FLAG_READ_FENCE, NDK_OP_FLAG_SEND_AND_SOLICIT_EVENT,
                                NDK_OP_FLAG_ALLOW_REMOTE_READ, NDK_OP_FLAG_ALLOW_LOCAL_WRITE,
                                NDK_OP_FLAG_ALLOW_REMOTE_WRITE & ~NDK_OP_FLAG_ALLOW_LOCAL_WRITE, NDK_OP_FLAG_INLINE,
                                NDK_OP_FLAG_RDMA_READ_SINK, NDK_OP_FLAG_RDMA_READ_LOCAL_INVALIDATE, NDK_OP_FLAG_DEFER};
    for (unsigned i = 0; i < sizeof ops / sizeof *ops; i++)
        ck_assert_uint_eq(ops[i], 1u << i);
    ck_assert_uint_eq(NDK_OP_FLAG_ALLOW_REMOTE_WRITE & NDK_OP_FLAG_ALLOW_LOCAL_WRITE, NDK_OP_FLAG_ALLOW_LOCAL_WRITE);
    ck_assert_uint_eq(NDK_MR_FLAG_ALLOW_REMOTE_WRITE & NDK_MR_FLAG_ALLOW_LOCAL_WRITE, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    ck_assert_uint_eq(NDK_MR_FLAG_ALLOW_REMOTE_WRITE | NDK_MR_FLAG_ALLOW_REMOTE_READ | NDK_MR_FLAG_RDMA_READ_SINK, 0xF);
    ck_assert_uint_eq(NdkOperationTypeReceiveAndInvalidate, 0x8000 | NdkOperationTypeReceive);
}

TEST(the_objects_and_technologies_of_NDK_have_Windows_numbers)
{
    static const NDK_OBJECT_TYPE types[] = {NdkObjectTypeUndefined, NdkObjectTypeAdapter, NdkObjectTypeQp, NdkObjectTypeCq, NdkObjectTypeMr,
                                            NdkObjectTypeMw, NdkObjectTypePd, NdkObjectTypeSharedEndpoint, NdkObjectTypeConnector,
                                            NdkObjectTypeListener, NdkObjectTypeSrq, NdkObjectTypeMax};
    for (int i = 0; i < 12; i++)
        ck_assert_int_eq(types[i], i);
    ck_assert_int_eq(NdkiWarp, 1);
    ck_assert_int_eq(NdkInfiniBand, 2);
    ck_assert_int_eq(NdkRoCE, 3);
    ck_assert_int_eq(NdkRoCEv2, 4);
}
