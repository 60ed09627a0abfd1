// SPDX-License-Identifier: MIT
// The TDI library without a transport: default handlers, buffers, chained receives, user-mode requests, and the macros that build requests.
#include <string.h>

#include <tdikrnl.h>

#include "unit/nt/nt_test.h"

// --- default handlers --------------------------------------------------------------------------------------------------------------

NT_TEST(TdiDefaultConnectHandler_refuses_with_INSUFFICIENT_RESOURCES)
{
    CONNECTION_CONTEXT context = NULL;
    PIRP irp = NULL;
    ck_assert_int_eq(TdiDefaultConnectHandler(NULL, 0, NULL, 0, NULL, 0, NULL, &context, &irp), STATUS_INSUFFICIENT_RESOURCES);
    ck_assert_ptr_null(irp);
}

NT_TEST(TdiDefaultReceiveHandler_does_not_accept)
{
    ULONG taken = 7;
    PIRP irp = NULL;
    ck_assert_int_eq(TdiDefaultReceiveHandler(NULL, NULL, TDI_RECEIVE_NORMAL, 1, 1, &taken, "x", &irp), STATUS_DATA_NOT_ACCEPTED);
}

NT_TEST(TdiDefaultRcvExpeditedHandler_does_not_accept)
{
    ULONG taken = 7;
    PIRP irp = NULL;
    ck_assert_int_eq(TdiDefaultRcvExpeditedHandler(NULL, NULL, TDI_RECEIVE_EXPEDITED, 1, 1, &taken, "x", &irp), STATUS_DATA_NOT_ACCEPTED);
}

NT_TEST(TdiDefaultRcvDatagramHandler_does_not_accept)
{
    ULONG taken = 7;
    PIRP irp = NULL;
    ck_assert_int_eq(TdiDefaultRcvDatagramHandler(NULL, 0, NULL, 0, NULL, 0, 1, 1, &taken, "x", &irp), STATUS_DATA_NOT_ACCEPTED);
}

NT_TEST(TdiDefaultChainedReceiveHandler_does_not_accept)
{
    ck_assert_int_eq(TdiDefaultChainedReceiveHandler(NULL, NULL, 0, 1, 0, NULL, NULL), STATUS_DATA_NOT_ACCEPTED);
}

NT_TEST(TdiDefaultChainedRcvExpeditedHandler_does_not_accept)
{
    ck_assert_int_eq(TdiDefaultChainedRcvExpeditedHandler(NULL, NULL, 0, 1, 0, NULL, NULL), STATUS_DATA_NOT_ACCEPTED);
}

NT_TEST(TdiDefaultChainedRcvDatagramHandler_does_not_accept)
{
    ck_assert_int_eq(TdiDefaultChainedRcvDatagramHandler(NULL, 0, NULL, 0, NULL, 0, 1, 0, NULL, NULL), STATUS_DATA_NOT_ACCEPTED);
}

NT_TEST(TdiDefaultDisconnectHandler_takes_note)
{
    ck_assert_int_eq(TdiDefaultDisconnectHandler(NULL, NULL, 0, NULL, 0, NULL, TDI_DISCONNECT_ABORT), STATUS_SUCCESS);
}

NT_TEST(TdiDefaultErrorHandler_takes_note)
{
    ck_assert_int_eq(TdiDefaultErrorHandler(NULL, STATUS_NETWORK_UNREACHABLE), STATUS_SUCCESS);
}

NT_TEST(TdiDefaultSendPossibleHandler_takes_note)
{
    ck_assert_int_eq(TdiDefaultSendPossibleHandler(NULL, NULL, 1), STATUS_SUCCESS);
}

// --- buffers -----------------------------------------------------------------------------------------------------------------------

// Three MDLs of 3, 0 and 5 bytes over one buffer.
static PMDL
chain_of(UCHAR *bytes)
{
    static const ULONG pieces[] = {3, 0, 5};
    PMDL first = NULL, *link = &first;
    ULONG at = 0;
    for (ULONG i = 0; i < 3; i++, link = &(*link)->Next) {
        *link = IoAllocateMdl(bytes + at, pieces[i], FALSE, FALSE, NULL);
        ck_assert_ptr_nonnull(*link);
        MmBuildMdlForNonPagedPool(*link);
        at += pieces[i];
    }
    return first;
}

static void
chain_free(PMDL mdl)
{
    for (PMDL next; mdl; mdl = next) {
        next = mdl->Next;
        IoFreeMdl(mdl);
    }
}

NT_TEST(TdiCopyBufferToMdl_copies_across_MDLs_and_says_when_the_rest_does_not_fit)
{
    UCHAR *bytes = ExAllocatePoolZero(NonPagedPoolNx, 8, 'tseT');
    PMDL chain = chain_of(bytes);
    ULONG copied = 99;
    ck_assert_int_eq(TdiCopyBufferToMdl("_abcd", 1, 4, chain, 1, &copied), STATUS_SUCCESS);
    ck_assert_uint_eq(copied, 4);
    ck_assert_int_eq(memcmp(bytes, "\0abcd\0\0\0", 8), 0);
    ck_assert_int_eq(TdiCopyBufferToMdl("0123456789", 0, 10, chain, 2, &copied), STATUS_BUFFER_OVERFLOW);
    ck_assert_uint_eq(copied, 6);
    ck_assert_int_eq(memcmp(bytes, "\0a012345", 8), 0);
    ck_assert_int_eq(TdiCopyBufferToMdl("x", 0, 1, chain, 8, &copied), STATUS_BUFFER_OVERFLOW);
    ck_assert_uint_eq(copied, 0);
    ck_assert_int_eq(TdiCopyBufferToMdl("x", 0, 0, chain, 0, &copied), STATUS_SUCCESS);
    chain_free(chain);
    ExFreePool(bytes);
}

NT_TEST(TdiCopyMdlToBuffer_copies_up_to_the_size_of_the_whole_buffer)
{
    UCHAR *bytes = ExAllocatePoolZero(NonPagedPoolNx, 8, 'tseT'), to[8] = "........";
    memcpy(bytes, "abcdefgh", 8);
    PMDL chain = chain_of(bytes);
    ULONG copied = 99;
    ck_assert_int_eq(TdiCopyMdlToBuffer(chain, 2, to, 1, 7, &copied), STATUS_SUCCESS);
    ck_assert_uint_eq(copied, 6);
    ck_assert_int_eq(memcmp(to, ".cdefgh.", 8), 0);
    ck_assert_int_eq(TdiCopyMdlToBuffer(chain, 0, to, 4, 6, &copied), STATUS_BUFFER_OVERFLOW);
    ck_assert_uint_eq(copied, 2);
    ck_assert_int_eq(memcmp(to, ".cdeabh.", 8), 0);
    ck_assert_int_eq(TdiCopyMdlToBuffer(chain, 8, to, 0, 8, &copied), STATUS_SUCCESS);   // nothing is there
    ck_assert_uint_eq(copied, 0);
    chain_free(chain);
    ExFreePool(bytes);
}

NT_TEST(TdiCopyMdlChainToMdlChain_copies_between_chains_and_checks_both_offsets)
{
    UCHAR *a = ExAllocatePoolZero(NonPagedPoolNx, 8, 'tseT'), *b = ExAllocatePoolZero(NonPagedPoolNx, 8, 'tseT');
    memcpy(a, "abcdefgh", 8);
    PMDL from = chain_of(a), to = chain_of(b);
    ULONG copied = 99;
    ck_assert_int_eq(TdiCopyMdlChainToMdlChain(from, 1, to, 1, &copied), STATUS_SUCCESS);
    ck_assert_uint_eq(copied, 7);
    ck_assert_int_eq(memcmp(b, "\0bcdefgh", 8), 0);
    ck_assert_int_eq(TdiCopyMdlChainToMdlChain(from, 0, to, 6, &copied), STATUS_BUFFER_OVERFLOW);
    ck_assert_uint_eq(copied, 2);
    ck_assert_int_eq(memcmp(b, "\0bcdefab", 8), 0);
    ck_assert_int_eq(TdiCopyMdlChainToMdlChain(from, 9, to, 0, &copied), STATUS_BUFFER_OVERFLOW);
    ck_assert_uint_eq(copied, 0);
    ck_assert_int_eq(TdiCopyMdlChainToMdlChain(from, 0, to, 9, &copied), STATUS_BUFFER_OVERFLOW);
    ck_assert_uint_eq(copied, 0);
    chain_free(from);
    chain_free(to);
    ExFreePool(a);
    ExFreePool(b);
}

NT_TEST(TdiMapBuffer_maps_every_MDL_of_a_chain_and_TdiUnmapBuffer_undoes_it)
{
    UCHAR *bytes = ExAllocatePoolZero(NonPagedPoolNx, 100, 'tseT');
    PMDL first = IoAllocateMdl(bytes, 10, FALSE, FALSE, NULL), second = IoAllocateMdl(bytes + 10, 90, FALSE, FALSE, NULL);
    MmProbeAndLockPages(first, KernelMode, IoWriteAccess);
    MmProbeAndLockPages(second, KernelMode, IoWriteAccess);
    first->Next = second;
    ck_assert(!(first->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA));
    TdiMapBuffer(first);
    ck_assert(first->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA);
    ck_assert(second->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA);
    ck_assert_ptr_eq(second->MappedSystemVa, bytes + 10);
    TdiUnmapBuffer(first);
    ck_assert(!(first->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA));
    ck_assert(!(second->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA));
    MmUnlockPages(first);
    MmUnlockPages(second);
    chain_free(first);
    ExFreePool(bytes);
}

NT_TEST(TdiUnmapBuffer_takes_the_mapping_of_locked_pages_away)
{
    UCHAR *bytes = ExAllocatePoolZero(NonPagedPoolNx, 100, 'tseT');
    PMDL mdl = IoAllocateMdl(bytes, 100, FALSE, FALSE, NULL);
    MmProbeAndLockPages(mdl, KernelMode, IoWriteAccess);
    ck_assert_ptr_eq(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority), bytes);
    ck_assert(mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA);
    TdiUnmapBuffer(mdl);
    ck_assert(!(mdl->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA));
    TdiUnmapBuffer(mdl);   // what is not mapped stays so
    TdiUnmapBuffer(NULL);
    MmUnlockPages(mdl);
    IoFreeMdl(mdl);
    ExFreePool(bytes);
}

NT_TEST(TdiUnmapBuffer_leaves_nonpaged_pool_its_address)
{
    UCHAR *bytes = ExAllocatePoolZero(NonPagedPoolNx, 8, 'tseT');
    PMDL chain = chain_of(bytes);
    TdiMapBuffer(chain);
    TdiUnmapBuffer(chain);
    ck_assert_ptr_eq(MmGetSystemAddressForMdlSafe(chain, NormalPagePriority), bytes);
    chain_free(chain);
    ExFreePool(bytes);
}

// --- chained receives --------------------------------------------------------------------------------------------------------------

static struct {
    NBX_TDI_TSDU *tsdus[4];
    ULONG count;
    KIRQL irql;
} returned;

static VOID NTAPI
return_tsdu(NBX_TDI_TSDU *tsdu)
{
    returned.tsdus[returned.count++] = tsdu;
    returned.irql = KeGetCurrentIrql();
}

NT_TEST(TdiReturnChainedReceives_gives_each_descriptor_back_to_its_transport)
{
    NBX_TDI_TSDU a = {return_tsdu, NULL}, b = {return_tsdu, NULL};
    PVOID descriptors[] = {&b, &a};
    KIRQL old;
    memset(&returned, 0, sizeof(returned));
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    TdiReturnChainedReceives(descriptors, 2);
    KeLowerIrql(old);
    ck_assert_uint_eq(returned.count, 2);
    ck_assert_ptr_eq(returned.tsdus[0], &b);
    ck_assert_ptr_eq(returned.tsdus[1], &a);
    ck_assert_uint_eq(returned.irql, DISPATCH_LEVEL);
    TdiReturnChainedReceives(descriptors, 0);
    ck_assert_uint_eq(returned.count, 2);
}

NT_TEST(TdiMatchPdoWithChainedReceiveContext_knows_the_adapter_that_received)
{
    int pdo, other;
    NBX_TDI_TSDU tsdu = {return_tsdu, &pdo}, without = {return_tsdu, NULL};
    ck_assert_int_eq(TdiMatchPdoWithChainedReceiveContext(&tsdu, &pdo), TRUE);
    ck_assert_int_eq(TdiMatchPdoWithChainedReceiveContext(&tsdu, &other), FALSE);
    ck_assert_int_eq(TdiMatchPdoWithChainedReceiveContext(&without, NULL), FALSE);
}

// --- macros ------------------------------------------------------------------------------------------------------------------------

static IO_COMPLETION_ROUTINE done;
static NTSTATUS
done(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    return STATUS_MORE_PROCESSING_REQUIRED;
}

struct built {
    PIRP irp;
    PIO_STACK_LOCATION stack;
    DEVICE_OBJECT device;
    FILE_OBJECT file;
    MDL mdl;
    LARGE_INTEGER time;
    TDI_CONNECTION_INFORMATION request, back;
};

static void
fresh(struct built *b)
{
    memset(b, 0, sizeof(*b));
    b->irp = IoAllocateIrp(1, FALSE);
    ck_assert_ptr_nonnull(b->irp);
    b->stack = IoGetNextIrpStackLocation(b->irp);
    memset(b->stack, 0xee, offsetof(IO_STACK_LOCATION, DeviceObject));
}

// What all of them have in common, and the IRP freed.
static void
check(struct built *b, UCHAR minor, PMDL mdl)
{
    ck_assert_uint_eq(b->stack->MajorFunction, IRP_MJ_INTERNAL_DEVICE_CONTROL);
    ck_assert_uint_eq(b->stack->MinorFunction, minor);
    ck_assert_ptr_eq(b->stack->DeviceObject, &b->device);
    ck_assert_ptr_eq(b->stack->FileObject, &b->file);
    ck_assert_ptr_eq((void *)b->stack->CompletionRoutine, (void *)done);
    ck_assert_ptr_eq(b->stack->Context, b);
    ck_assert_uint_eq(b->stack->Control, SL_INVOKE_ON_CANCEL | SL_INVOKE_ON_SUCCESS | SL_INVOKE_ON_ERROR);
    ck_assert_ptr_eq(b->irp->MdlAddress, mdl);
    b->irp->MdlAddress = NULL;
    IoFreeIrp(b->irp);
}

#define REQUEST(b, type) ((type *)&(b).stack->Parameters)
#define COMMON(b) (b).irp, &(b).device, &(b).file, done, &(b)
#define BUILD(macro, ...) macro(__VA_ARGS__)

NT_TEST(TdiBuildBaseIrp_without_a_routine_sets_none)
{
    struct built b;
    fresh(&b);
    TdiBuildBaseIrp(b.irp, &b.device, &b.file, NULL, NULL, b.stack, TDI_SEND);
    ck_assert_uint_eq(b.stack->MinorFunction, TDI_SEND);
    ck_assert_ptr_null((void *)b.stack->CompletionRoutine);
    ck_assert_uint_eq(b.stack->Control, 0);
    IoFreeIrp(b.irp);
}

NT_TEST(TdiBuildDisconnect_fills_in_the_next_stack_location)
{
    struct built b;
    fresh(&b);
    BUILD(TdiBuildDisconnect, COMMON(b), &b.time, TDI_DISCONNECT_RELEASE, &b.request, &b.back);
    ck_assert_uint_eq(REQUEST(b, TDI_REQUEST_KERNEL_DISCONNECT)->RequestFlags, TDI_DISCONNECT_RELEASE);
    ck_assert_ptr_eq(REQUEST(b, TDI_REQUEST_KERNEL_DISCONNECT)->RequestConnectionInformation, &b.request);
    ck_assert_ptr_eq(REQUEST(b, TDI_REQUEST_KERNEL_DISCONNECT)->ReturnConnectionInformation, &b.back);
    ck_assert_ptr_eq(REQUEST(b, TDI_REQUEST_KERNEL_DISCONNECT)->RequestSpecific, &b.time);
    check(&b, TDI_DISCONNECT, NULL);
}

NT_TEST(TdiBuildConnect_fills_in_the_next_stack_location)
{
    struct built b;
    fresh(&b);
    BUILD(TdiBuildConnect, COMMON(b), &b.time, &b.request, &b.back);
    ck_assert_uint_eq(REQUEST(b, TDI_REQUEST_KERNEL_CONNECT)->RequestFlags, 0);
    ck_assert_ptr_eq(REQUEST(b, TDI_REQUEST_KERNEL_CONNECT)->RequestConnectionInformation, &b.request);
    ck_assert_ptr_eq(REQUEST(b, TDI_REQUEST_KERNEL_CONNECT)->ReturnConnectionInformation, &b.back);
    ck_assert_ptr_eq(REQUEST(b, TDI_REQUEST_KERNEL_CONNECT)->RequestSpecific, &b.time);
    check(&b, TDI_CONNECT, NULL);
}

NT_TEST(TdiBuildListen_fills_in_the_next_stack_location)
{
    struct built b;
    fresh(&b);
    BUILD(TdiBuildListen, COMMON(b), TDI_QUERY_ACCEPT, &b.request, &b.back);
    ck_assert_uint_eq(REQUEST(b, TDI_REQUEST_KERNEL_LISTEN)->RequestFlags, TDI_QUERY_ACCEPT);
    ck_assert_ptr_eq(REQUEST(b, TDI_REQUEST_KERNEL_LISTEN)->RequestConnectionInformation, &b.request);
    ck_assert_ptr_eq(REQUEST(b, TDI_REQUEST_KERNEL_LISTEN)->ReturnConnectionInformation, &b.back);
    ck_assert_ptr_null(REQUEST(b, TDI_REQUEST_KERNEL_LISTEN)->RequestSpecific);
    check(&b, TDI_LISTEN, NULL);
}

NT_TEST(TdiBuildAccept_fills_in_the_next_stack_location)
{
    struct built b;
    fresh(&b);
    BUILD(TdiBuildAccept, COMMON(b), &b.request, &b.back);
    ck_assert_ptr_eq(REQUEST(b, TDI_REQUEST_KERNEL_ACCEPT)->RequestConnectionInformation, &b.request);
    ck_assert_ptr_eq(REQUEST(b, TDI_REQUEST_KERNEL_ACCEPT)->ReturnConnectionInformation, &b.back);
    check(&b, TDI_ACCEPT, NULL);
}

NT_TEST(TdiBuildAssociateAddress_fills_in_the_next_stack_location)
{
    struct built b;
    fresh(&b);
    BUILD(TdiBuildAssociateAddress, COMMON(b), (HANDLE)0x44);
    ck_assert_ptr_eq(REQUEST(b, TDI_REQUEST_KERNEL_ASSOCIATE)->AddressHandle, (HANDLE)0x44);
    check(&b, TDI_ASSOCIATE_ADDRESS, NULL);
}

NT_TEST(TdiBuildDisassociateAddress_fills_in_the_next_stack_location)
{
    struct built b;
    fresh(&b);
    BUILD(TdiBuildDisassociateAddress, COMMON(b));
    check(&b, TDI_DISASSOCIATE_ADDRESS, NULL);
}

NT_TEST(TdiBuildSend_fills_in_the_next_stack_location)
{
    struct built b;
    fresh(&b);
    BUILD(TdiBuildSend, COMMON(b), &b.mdl, TDI_SEND_EXPEDITED, 77);
    ck_assert_uint_eq(REQUEST(b, TDI_REQUEST_KERNEL_SEND)->SendFlags, TDI_SEND_EXPEDITED);
    ck_assert_uint_eq(REQUEST(b, TDI_REQUEST_KERNEL_SEND)->SendLength, 77);
    check(&b, TDI_SEND, &b.mdl);
}

NT_TEST(TdiBuildReceive_fills_in_the_next_stack_location)
{
    struct built b;
    fresh(&b);
    BUILD(TdiBuildReceive, COMMON(b), &b.mdl, TDI_RECEIVE_PEEK, 77);
    ck_assert_uint_eq(REQUEST(b, TDI_REQUEST_KERNEL_RECEIVE)->ReceiveFlags, TDI_RECEIVE_PEEK);
    ck_assert_uint_eq(REQUEST(b, TDI_REQUEST_KERNEL_RECEIVE)->ReceiveLength, 77);
    check(&b, TDI_RECEIVE, &b.mdl);
}

NT_TEST(TdiBuildSendDatagram_fills_in_the_next_stack_location)
{
    struct built b;
    fresh(&b);
    BUILD(TdiBuildSendDatagram, COMMON(b), &b.mdl, 77, &b.request);
    ck_assert_uint_eq(REQUEST(b, TDI_REQUEST_KERNEL_SENDDG)->SendLength, 77);
    ck_assert_ptr_eq(REQUEST(b, TDI_REQUEST_KERNEL_SENDDG)->SendDatagramInformation, &b.request);
    check(&b, TDI_SEND_DATAGRAM, &b.mdl);
}

NT_TEST(TdiBuildReceiveDatagram_fills_in_the_next_stack_location)
{
    struct built b;
    fresh(&b);
    BUILD(TdiBuildReceiveDatagram, COMMON(b), &b.mdl, 77, &b.request, &b.back, TDI_RECEIVE_NORMAL);
    ck_assert_uint_eq(REQUEST(b, TDI_REQUEST_KERNEL_RECEIVEDG)->ReceiveLength, 77);
    ck_assert_uint_eq(REQUEST(b, TDI_REQUEST_KERNEL_RECEIVEDG)->ReceiveFlags, TDI_RECEIVE_NORMAL);
    ck_assert_ptr_eq(REQUEST(b, TDI_REQUEST_KERNEL_RECEIVEDG)->ReceiveDatagramInformation, &b.request);
    ck_assert_ptr_eq(REQUEST(b, TDI_REQUEST_KERNEL_RECEIVEDG)->ReturnDatagramInformation, &b.back);
    check(&b, TDI_RECEIVE_DATAGRAM, &b.mdl);
}

NT_TEST(TdiBuildSetEventHandler_fills_in_the_next_stack_location)
{
    struct built b;
    fresh(&b);
    BUILD(TdiBuildSetEventHandler, COMMON(b), TDI_EVENT_ERROR, TdiDefaultErrorHandler, &b);
    ck_assert_int_eq(REQUEST(b, TDI_REQUEST_KERNEL_SET_EVENT)->EventType, TDI_EVENT_ERROR);
    ck_assert_ptr_eq(REQUEST(b, TDI_REQUEST_KERNEL_SET_EVENT)->EventHandler, (PVOID)TdiDefaultErrorHandler);
    ck_assert_ptr_eq(REQUEST(b, TDI_REQUEST_KERNEL_SET_EVENT)->EventContext, &b);
    check(&b, TDI_SET_EVENT_HANDLER, NULL);
}

NT_TEST(TdiBuildQueryInformation_fills_in_the_next_stack_location)
{
    struct built b;
    fresh(&b);
    BUILD(TdiBuildQueryInformation, COMMON(b), TDI_QUERY_PROVIDER_INFO, &b.mdl);
    ck_assert_int_eq(REQUEST(b, TDI_REQUEST_KERNEL_QUERY_INFORMATION)->QueryType, TDI_QUERY_PROVIDER_INFO);
    ck_assert_ptr_null(REQUEST(b, TDI_REQUEST_KERNEL_QUERY_INFORMATION)->RequestConnectionInformation);
    check(&b, TDI_QUERY_INFORMATION, &b.mdl);
}

NT_TEST(TdiBuildSetInformation_fills_in_the_next_stack_location)
{
    struct built b;
    fresh(&b);
    BUILD(TdiBuildSetInformation, COMMON(b), 5, &b.mdl);
    ck_assert_int_eq(REQUEST(b, TDI_REQUEST_KERNEL_SET_INFORMATION)->SetType, 5);
    ck_assert_ptr_null(REQUEST(b, TDI_REQUEST_KERNEL_SET_INFORMATION)->RequestConnectionInformation);
    check(&b, TDI_SET_INFORMATION, &b.mdl);
}

NT_TEST(TdiBuildAction_fills_in_the_next_stack_location)
{
    struct built b;
    fresh(&b);
    BUILD(TdiBuildAction, COMMON(b), &b.mdl);
    check(&b, TDI_ACTION, &b.mdl);
}

NT_TEST(TdiCompleteRequest_sets_the_status_and_completes)
{
    struct built b;
    fresh(&b);
    TdiBuildBaseIrp(b.irp, NULL, &b.file, done, &b, b.stack, TDI_SEND);
    b.stack->DeviceObject = NULL;
    IoSetNextIrpStackLocation(b.irp);
    TdiCompleteRequest(b.irp, STATUS_CONNECTION_RESET);
    ck_assert_int_eq(b.irp->IoStatus.Status, STATUS_CONNECTION_RESET);
    ck_assert_int_eq(b.irp->CurrentLocation, b.irp->StackCount + 1);
    IoFreeIrp(b.irp);
}

NT_TEST(TdiCopyLookaheadData_copies)
{
    UCHAR to[4] = "....";
    TdiCopyLookaheadData(to, "abc", 3, TDI_RECEIVE_COPY_LOOKAHEAD);
    ck_assert_int_eq(memcmp(to, "abc.", 4), 0);
    TdiCopyLookaheadData(to + 1, "xy", 2, TDI_RECEIVE_NORMAL);
    ck_assert_int_eq(memcmp(to, "axy.", 4), 0);
    TdiCopyLookaheadData(to, "z", 0, 0);
    ck_assert_int_eq(memcmp(to, "axy.", 4), 0);
}

// --- user-mode requests ------------------------------------------------------------------------------------------------------------

// As a dispatch routine sees it: one location, a code, a copy of the input.
static NTSTATUS
map(struct built *b, ULONG code, void *input, ULONG input_bytes, ULONG output_bytes)
{
    memset(b, 0, sizeof(*b));
    b->irp = IoAllocateIrp(1, FALSE);
    IoSetNextIrpStackLocation(b->irp);
    b->stack = IoGetCurrentIrpStackLocation(b->irp);
    b->stack->MajorFunction = IRP_MJ_DEVICE_CONTROL;
    b->stack->Parameters.DeviceIoControl.IoControlCode = code;
    b->stack->Parameters.DeviceIoControl.InputBufferLength = input_bytes;
    b->stack->Parameters.DeviceIoControl.OutputBufferLength = output_bytes;
    b->irp->AssociatedIrp.SystemBuffer = input;
    return TdiMapUserRequest(&b->device, b->irp, b->stack);
}

NT_TEST(TdiMapUserRequest_turns_the_codes_into_kernel_requests)
{
    struct built b;
    TDI_REQUEST_SEND send = {.SendFlags = TDI_SEND_EXPEDITED};
    ck_assert_int_eq(map(&b, IOCTL_TDI_SEND, &send, sizeof(send), 321), STATUS_SUCCESS);
    ck_assert_uint_eq(b.stack->MajorFunction, IRP_MJ_INTERNAL_DEVICE_CONTROL);
    ck_assert_uint_eq(b.stack->MinorFunction, TDI_SEND);
    ck_assert_uint_eq(REQUEST(b, TDI_REQUEST_KERNEL_SEND)->SendLength, 321);
    ck_assert_uint_eq(REQUEST(b, TDI_REQUEST_KERNEL_SEND)->SendFlags, TDI_SEND_EXPEDITED);
    IoFreeIrp(b.irp);
    TDI_REQUEST_RECEIVE receive = {.ReceiveFlags = TDI_RECEIVE_PEEK};
    ck_assert_int_eq(map(&b, IOCTL_TDI_RECEIVE, &receive, sizeof(receive), 5), STATUS_SUCCESS);
    ck_assert_uint_eq(b.stack->MinorFunction, TDI_RECEIVE);
    ck_assert_uint_eq(REQUEST(b, TDI_REQUEST_KERNEL_RECEIVE)->ReceiveLength, 5);
    ck_assert_uint_eq(REQUEST(b, TDI_REQUEST_KERNEL_RECEIVE)->ReceiveFlags, TDI_RECEIVE_PEEK);
    IoFreeIrp(b.irp);
    TDI_REQUEST_LISTEN listen = {.ListenFlags = TDI_QUERY_ACCEPT};
    ck_assert_int_eq(map(&b, IOCTL_TDI_LISTEN, &listen, sizeof(listen), 0), STATUS_SUCCESS);
    ck_assert_uint_eq(b.stack->MinorFunction, TDI_LISTEN);
    ck_assert_uint_eq(REQUEST(b, TDI_REQUEST_KERNEL_LISTEN)->RequestFlags, TDI_QUERY_ACCEPT);
    IoFreeIrp(b.irp);
    TDI_REQUEST_DISCONNECT disconnect = {.Timeout.QuadPart = -5};
    ck_assert_int_eq(map(&b, IOCTL_TDI_DISCONNECT, &disconnect, sizeof(disconnect), 0), STATUS_SUCCESS);
    ck_assert_uint_eq(b.stack->MinorFunction, TDI_DISCONNECT);
    ck_assert_int_eq(((LARGE_INTEGER *)REQUEST(b, TDI_REQUEST_KERNEL_DISCONNECT)->RequestSpecific)->QuadPart, -5);
    IoFreeIrp(b.irp);
    TDI_REQUEST_ASSOCIATE_ADDRESS associate = {.AddressHandle = (HANDLE)0x88};
    ck_assert_int_eq(map(&b, IOCTL_TDI_ASSOCIATE_ADDRESS, &associate, sizeof(associate), 0), STATUS_SUCCESS);
    ck_assert_uint_eq(b.stack->MinorFunction, TDI_ASSOCIATE_ADDRESS);
    ck_assert_ptr_eq(REQUEST(b, TDI_REQUEST_KERNEL_ASSOCIATE)->AddressHandle, (HANDLE)0x88);
    IoFreeIrp(b.irp);
    TDI_REQUEST_QUERY_INFORMATION query = {.QueryType = TDI_QUERY_PROVIDER_INFO};
    ck_assert_int_eq(map(&b, IOCTL_TDI_QUERY_INFORMATION, &query, sizeof(query), 40), STATUS_SUCCESS);
    ck_assert_uint_eq(b.stack->MinorFunction, TDI_QUERY_INFORMATION);
    ck_assert_int_eq(REQUEST(b, TDI_REQUEST_KERNEL_QUERY_INFORMATION)->QueryType, TDI_QUERY_PROVIDER_INFO);
    IoFreeIrp(b.irp);
}

NT_TEST(TdiMapUserRequest_maps_each_of_the_codes_and_refuses_what_it_must)
{
    static const struct {
        ULONG code;
        UCHAR minor;
    } codes[] = {{IOCTL_TDI_ACCEPT, TDI_ACCEPT}, {IOCTL_TDI_CONNECT, TDI_CONNECT}, {IOCTL_TDI_DISCONNECT, TDI_DISCONNECT},
        {IOCTL_TDI_LISTEN, TDI_LISTEN}, {IOCTL_TDI_QUERY_INFORMATION, TDI_QUERY_INFORMATION}, {IOCTL_TDI_RECEIVE, TDI_RECEIVE},
            {IOCTL_TDI_RECEIVE_DATAGRAM, TDI_RECEIVE_DATAGRAM}, {IOCTL_TDI_SEND, TDI_SEND}, {IOCTL_TDI_SEND_DATAGRAM, TDI_SEND_DATAGRAM},
                {IOCTL_TDI_SET_INFORMATION, TDI_SET_INFORMATION}, {IOCTL_TDI_ASSOCIATE_ADDRESS, TDI_ASSOCIATE_ADDRESS},
                    {IOCTL_TDI_DISASSOCIATE_ADDRESS, TDI_DISASSOCIATE_ADDRESS}, {IOCTL_TDI_ACTION, TDI_ACTION}};
    struct built b;
    TDI_REQUEST_TYPE any;
    for (ULONG i = 0; i < ARRAYSIZE(codes); i++) {
        memset(&any, 0, sizeof(any));
        ck_assert_int_eq(map(&b, codes[i].code, &any, sizeof(any), 0), STATUS_SUCCESS);
        ck_assert_uint_eq(b.stack->MinorFunction, codes[i].minor);
        IoFreeIrp(b.irp);
        NTSTATUS without = codes[i].minor == TDI_DISASSOCIATE_ADDRESS || codes[i].minor == TDI_ACTION ? STATUS_SUCCESS :
            STATUS_INVALID_PARAMETER;
        ck_assert_int_eq(map(&b, codes[i].code, &any, 7, 0), without);
        IoFreeIrp(b.irp);
    }
    ck_assert_int_eq(map(&b, IOCTL_TDI_SET_EVENT_HANDLER, &any, sizeof(any), 0), STATUS_INVALID_PARAMETER);
    IoFreeIrp(b.irp);
    ck_assert_int_eq(map(&b, IOCTL_TDI_QUERY_DIRECT_SEND_HANDLER, &any, sizeof(any), 0), STATUS_NOT_IMPLEMENTED);
    ck_assert_uint_eq(b.stack->MajorFunction, IRP_MJ_DEVICE_CONTROL);
    IoFreeIrp(b.irp);
}
