// SPDX-License-Identifier: MIT
// TDI for kernel mode: the requests as a transport sees them, the macros that build them, event handlers, and the TDI library.
//
// A request is an IRP_MJ_INTERNAL_DEVICE_CONTROL whose MinorFunction is TDI_XXX and whose Parameters hold a TDI_REQUEST_KERNEL_XXX.
// TdiBuildXxx fill in the *next* stack location, and go with or without a semicolon behind them, as on Windows. Layouts: tests/layout/tdi.
// Sources: the public-domain tdikrnl.h of mingw-w64 for values and prototypes (RequestFlags is ULONG_PTR: the page of
// TDI_REQUEST_KERNEL, ff565139); the pages of TDI_XXX, TdiBuildXxx, ClientEventXxx and TdiXxx (ff565062 ff.) for their meaning.
#ifndef NBX_DDK_TDIKRNL_H
#define NBX_DDK_TDIKRNL_H

#include "tdi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TDIKRNLAPI

typedef struct _TDI_REQUEST_KERNEL {
    ULONG_PTR RequestFlags;
    PTDI_CONNECTION_INFORMATION RequestConnectionInformation;
    PTDI_CONNECTION_INFORMATION ReturnConnectionInformation;
    PVOID RequestSpecific;           // a LARGE_INTEGER: a time-out
} TDI_REQUEST_KERNEL, *PTDI_REQUEST_KERNEL;

// MinorFunction
#define TDI_ASSOCIATE_ADDRESS 0x01
#define TDI_DISASSOCIATE_ADDRESS 0x02
#define TDI_CONNECT 0x03
#define TDI_LISTEN 0x04
#define TDI_ACCEPT 0x05
#define TDI_DISCONNECT 0x06
#define TDI_SEND 0x07
#define TDI_RECEIVE 0x08
#define TDI_SEND_DATAGRAM 0x09
#define TDI_RECEIVE_DATAGRAM 0x0A
#define TDI_SET_EVENT_HANDLER 0x0B
#define TDI_QUERY_INFORMATION 0x0C
#define TDI_SET_INFORMATION 0x0D
#define TDI_ACTION 0x0E
#define TDI_DIRECT_SEND 0x27
#define TDI_DIRECT_SEND_DATAGRAM 0x29
#define TDI_DIRECT_ACCEPT 0x2A

// What a file of a transport is, usually kept in FsContext2
#define TDI_TRANSPORT_ADDRESS_FILE 1
#define TDI_CONNECTION_FILE 2
#define TDI_CONTROL_CHANNEL_FILE 3

#define IOCTL_TDI_QUERY_DIRECT_SEND_HANDLER _TDI_CONTROL_CODE(0x80, METHOD_NEITHER)
#define IOCTL_TDI_QUERY_DIRECT_SENDDG_HANDLER _TDI_CONTROL_CODE(0x81, METHOD_NEITHER)

typedef struct _TDI_REQUEST_KERNEL_ASSOCIATE {
    HANDLE AddressHandle;
} TDI_REQUEST_KERNEL_ASSOCIATE, *PTDI_REQUEST_KERNEL_ASSOCIATE;
typedef TDI_REQUEST_KERNEL TDI_REQUEST_KERNEL_DISASSOCIATE, *PTDI_REQUEST_KERNEL_DISASSOCIATE;
typedef TDI_REQUEST_KERNEL TDI_REQUEST_KERNEL_CONNECT, *PTDI_REQUEST_KERNEL_CONNECT;
typedef TDI_REQUEST_KERNEL TDI_REQUEST_KERNEL_LISTEN, *PTDI_REQUEST_KERNEL_LISTEN;
typedef struct _TDI_REQUEST_KERNEL_ACCEPT {
    PTDI_CONNECTION_INFORMATION RequestConnectionInformation;
    PTDI_CONNECTION_INFORMATION ReturnConnectionInformation;
} TDI_REQUEST_KERNEL_ACCEPT, *PTDI_REQUEST_KERNEL_ACCEPT;
typedef TDI_REQUEST_KERNEL TDI_REQUEST_KERNEL_DISCONNECT, *PTDI_REQUEST_KERNEL_DISCONNECT;
typedef struct _TDI_REQUEST_KERNEL_SEND {
    ULONG SendLength;
    ULONG SendFlags;
} TDI_REQUEST_KERNEL_SEND, *PTDI_REQUEST_KERNEL_SEND;
typedef struct _TDI_REQUEST_KERNEL_RECEIVE {
    ULONG ReceiveLength;
    ULONG ReceiveFlags;
} TDI_REQUEST_KERNEL_RECEIVE, *PTDI_REQUEST_KERNEL_RECEIVE;
typedef struct _TDI_REQUEST_KERNEL_SENDDG {
    ULONG SendLength;
    PTDI_CONNECTION_INFORMATION SendDatagramInformation;
} TDI_REQUEST_KERNEL_SENDDG, *PTDI_REQUEST_KERNEL_SENDDG;
typedef struct _TDI_REQUEST_KERNEL_RECEIVEDG {
    ULONG ReceiveLength;
    PTDI_CONNECTION_INFORMATION ReceiveDatagramInformation;
    PTDI_CONNECTION_INFORMATION ReturnDatagramInformation;
    ULONG ReceiveFlags;
} TDI_REQUEST_KERNEL_RECEIVEDG, *PTDI_REQUEST_KERNEL_RECEIVEDG;
typedef struct _TDI_REQUEST_KERNEL_SET_EVENT {
    LONG EventType;
    PVOID EventHandler;
    PVOID EventContext;
} TDI_REQUEST_KERNEL_SET_EVENT, *PTDI_REQUEST_KERNEL_SET_EVENT;
typedef struct _TDI_REQUEST_KERNEL_QUERY_INFO {
    LONG QueryType;
    PTDI_CONNECTION_INFORMATION RequestConnectionInformation;
} TDI_REQUEST_KERNEL_QUERY_INFORMATION, *PTDI_REQUEST_KERNEL_QUERY_INFORMATION;
typedef struct _TDI_REQUEST_KERNEL_SET_INFO {
    LONG SetType;
    PTDI_CONNECTION_INFORMATION RequestConnectionInformation;
} TDI_REQUEST_KERNEL_SET_INFORMATION, *PTDI_REQUEST_KERNEL_SET_INFORMATION;

// --- event handlers: registered by TDI_SET_EVENT_HANDLER on an address file, called at IRQL <= DISPATCH_LEVEL ------------------------
#define TDI_EVENT_CONNECT 0
#define TDI_EVENT_DISCONNECT 1
#define TDI_EVENT_ERROR 2
#define TDI_EVENT_RECEIVE 3
#define TDI_EVENT_RECEIVE_DATAGRAM 4
#define TDI_EVENT_RECEIVE_EXPEDITED 5
#define TDI_EVENT_SEND_POSSIBLE 6
#define TDI_EVENT_CHAINED_RECEIVE 7
#define TDI_EVENT_CHAINED_RECEIVE_DATAGRAM 8
#define TDI_EVENT_CHAINED_RECEIVE_EXPEDITED 9
#define TDI_EVENT_ERROR_EX 10

typedef NTSTATUS NTAPI TDI_IND_CONNECT(PVOID TdiEventContext, LONG RemoteAddressLength, PVOID RemoteAddress, LONG UserDataLength,
                                       PVOID UserData, LONG OptionsLength, PVOID Options, CONNECTION_CONTEXT *ConnectionContext,
                                       PIRP *AcceptIrp);
typedef TDI_IND_CONNECT *PTDI_IND_CONNECT;
typedef NTSTATUS NTAPI TDI_IND_DISCONNECT(PVOID TdiEventContext, CONNECTION_CONTEXT ConnectionContext, LONG DisconnectDataLength,
                                          PVOID DisconnectData, LONG DisconnectInformationLength, PVOID DisconnectInformation,
                                          ULONG DisconnectFlags);
typedef TDI_IND_DISCONNECT *PTDI_IND_DISCONNECT;
typedef NTSTATUS NTAPI TDI_IND_ERROR(PVOID TdiEventContext, NTSTATUS Status);
typedef TDI_IND_ERROR *PTDI_IND_ERROR;
typedef NTSTATUS NTAPI TDI_IND_ERROR_EX(PVOID TdiEventContext, NTSTATUS Status, PVOID Buffer);
typedef TDI_IND_ERROR_EX *PTDI_IND_ERROR_EX;
typedef NTSTATUS NTAPI TDI_IND_RECEIVE(PVOID TdiEventContext, CONNECTION_CONTEXT ConnectionContext, ULONG ReceiveFlags,
                                       ULONG BytesIndicated, ULONG BytesAvailable, ULONG *BytesTaken, PVOID Tsdu, PIRP *IoRequestPacket);
typedef TDI_IND_RECEIVE *PTDI_IND_RECEIVE;
typedef NTSTATUS NTAPI TDI_IND_RECEIVE_DATAGRAM(PVOID TdiEventContext, LONG SourceAddressLength, PVOID SourceAddress,
                                                LONG OptionsLength, PVOID Options, ULONG ReceiveDatagramFlags, ULONG BytesIndicated,
                                                ULONG BytesAvailable, ULONG *BytesTaken, PVOID Tsdu, PIRP *IoRequestPacket);
typedef TDI_IND_RECEIVE_DATAGRAM *PTDI_IND_RECEIVE_DATAGRAM;
typedef NTSTATUS NTAPI TDI_IND_RECEIVE_EXPEDITED(PVOID TdiEventContext, CONNECTION_CONTEXT ConnectionContext, ULONG ReceiveFlags,
                                                 ULONG BytesIndicated, ULONG BytesAvailable, ULONG *BytesTaken, PVOID Tsdu,
                                                 PIRP *IoRequestPacket);
typedef TDI_IND_RECEIVE_EXPEDITED *PTDI_IND_RECEIVE_EXPEDITED;
typedef NTSTATUS NTAPI TDI_IND_CHAINED_RECEIVE(PVOID TdiEventContext, CONNECTION_CONTEXT ConnectionContext, ULONG ReceiveFlags,
                                               ULONG ReceiveLength, ULONG StartingOffset, PMDL Tsdu, PVOID TsduDescriptor);
typedef TDI_IND_CHAINED_RECEIVE *PTDI_IND_CHAINED_RECEIVE;
typedef NTSTATUS NTAPI TDI_IND_CHAINED_RECEIVE_DATAGRAM(PVOID TdiEventContext, LONG SourceAddressLength, PVOID SourceAddress,
                                                        LONG OptionsLength, PVOID Options, ULONG ReceiveDatagramFlags,
                                                        ULONG ReceiveDatagramLength, ULONG StartingOffset, PMDL Tsdu,
                                                        PVOID TsduDescriptor);
typedef TDI_IND_CHAINED_RECEIVE_DATAGRAM *PTDI_IND_CHAINED_RECEIVE_DATAGRAM;
typedef NTSTATUS NTAPI TDI_IND_CHAINED_RECEIVE_EXPEDITED(PVOID TdiEventContext, CONNECTION_CONTEXT ConnectionContext,
                                                         ULONG ReceiveFlags, ULONG ReceiveLength, ULONG StartingOffset, PMDL Tsdu,
                                                         PVOID TsduDescriptor);
typedef TDI_IND_CHAINED_RECEIVE_EXPEDITED *PTDI_IND_CHAINED_RECEIVE_EXPEDITED;
typedef NTSTATUS NTAPI TDI_IND_SEND_POSSIBLE(PVOID TdiEventContext, PVOID ConnectionContext, ULONG BytesAvailable);
typedef TDI_IND_SEND_POSSIBLE *PTDI_IND_SEND_POSSIBLE;

// The answer of a client that registered nothing.
TDIKRNLAPI TDI_IND_CONNECT TdiDefaultConnectHandler;
TDIKRNLAPI TDI_IND_DISCONNECT TdiDefaultDisconnectHandler;
TDIKRNLAPI TDI_IND_ERROR TdiDefaultErrorHandler;
TDIKRNLAPI TDI_IND_RECEIVE TdiDefaultReceiveHandler;
TDIKRNLAPI TDI_IND_RECEIVE_DATAGRAM TdiDefaultRcvDatagramHandler;
TDIKRNLAPI TDI_IND_RECEIVE_EXPEDITED TdiDefaultRcvExpeditedHandler;
TDIKRNLAPI TDI_IND_CHAINED_RECEIVE TdiDefaultChainedReceiveHandler;
TDIKRNLAPI TDI_IND_CHAINED_RECEIVE_DATAGRAM TdiDefaultChainedRcvDatagramHandler;
TDIKRNLAPI TDI_IND_CHAINED_RECEIVE_EXPEDITED TdiDefaultChainedRcvExpeditedHandler;
TDIKRNLAPI TDI_IND_SEND_POSSIBLE TdiDefaultSendPossibleHandler;

// --- building requests -----------------------------------------------------------------------------------------------------------
#define TdiBuildBaseIrp(bIrp, bDevObj, bFileObj, bCompRoutine, bContxt, bIrpSp, bMinor)                                \
    {                                                                                                                  \
        (bIrpSp)->MajorFunction = IRP_MJ_INTERNAL_DEVICE_CONTROL;                                                      \
        (bIrpSp)->MinorFunction = (bMinor);                                                                            \
        (bIrpSp)->DeviceObject = (bDevObj);                                                                            \
        (bIrpSp)->FileObject = (bFileObj);                                                                             \
        if (bCompRoutine)                                                                                              \
            IoSetCompletionRoutine(bIrp, (PIO_COMPLETION_ROUTINE)(bCompRoutine), bContxt, TRUE, TRUE, TRUE);           \
        else                                                                                                           \
            IoSetCompletionRoutine(bIrp, NULL, NULL, FALSE, FALSE, FALSE);                                             \
    }

#define TdiBuildAccept(Irp, DevObj, FileObj, CompRoutine, Contxt, RequestConnectionInfo, ReturnConnectionInfo)         \
    {                                                                                                                  \
        PIO_STACK_LOCATION _IrpSp = IoGetNextIrpStackLocation(Irp);                                                    \
        TDI_REQUEST_KERNEL_ACCEPT *_Request = (TDI_REQUEST_KERNEL_ACCEPT *)&_IrpSp->Parameters;                        \
        TdiBuildBaseIrp(Irp, DevObj, FileObj, CompRoutine, Contxt, _IrpSp, TDI_ACCEPT);                                \
        _Request->RequestConnectionInformation = (RequestConnectionInfo);                                              \
        _Request->ReturnConnectionInformation = (ReturnConnectionInfo);                                                \
    }
#define TdiBuildAction(Irp, DevObj, FileObj, CompRoutine, Contxt, MdlAddr)                                             \
    {                                                                                                                  \
        PIO_STACK_LOCATION _IrpSp = IoGetNextIrpStackLocation(Irp);                                                    \
        TdiBuildBaseIrp(Irp, DevObj, FileObj, CompRoutine, Contxt, _IrpSp, TDI_ACTION);                                \
        (Irp)->MdlAddress = (MdlAddr);                                                                                 \
    }
#define TdiBuildAssociateAddress(Irp, DevObj, FileObj, CompRoutine, Contxt, AddrHandle)                                \
    {                                                                                                                  \
        PIO_STACK_LOCATION _IrpSp = IoGetNextIrpStackLocation(Irp);                                                    \
        TDI_REQUEST_KERNEL_ASSOCIATE *_Request = (TDI_REQUEST_KERNEL_ASSOCIATE *)&_IrpSp->Parameters;                  \
        TdiBuildBaseIrp(Irp, DevObj, FileObj, CompRoutine, Contxt, _IrpSp, TDI_ASSOCIATE_ADDRESS);                     \
        _Request->AddressHandle = (HANDLE)(AddrHandle);                                                                \
    }
#define TdiBuildConnect(Irp, DevObj, FileObj, CompRoutine, Contxt, Time, RequestConnectionInfo, ReturnConnectionInfo)  \
    {                                                                                                                  \
        PIO_STACK_LOCATION _IrpSp = IoGetNextIrpStackLocation(Irp);                                                    \
        TDI_REQUEST_KERNEL_CONNECT *_Request = (TDI_REQUEST_KERNEL_CONNECT *)&_IrpSp->Parameters;                      \
        TdiBuildBaseIrp(Irp, DevObj, FileObj, CompRoutine, Contxt, _IrpSp, TDI_CONNECT);                               \
        _Request->RequestFlags = 0;                                                                                    \
        _Request->RequestConnectionInformation = (RequestConnectionInfo);                                              \
        _Request->ReturnConnectionInformation = (ReturnConnectionInfo);                                                \
        _Request->RequestSpecific = (PVOID)(Time);                                                                     \
    }
#define TdiBuildDisassociateAddress(Irp, DevObj, FileObj, CompRoutine, Contxt)                                         \
    {                                                                                                                  \
        PIO_STACK_LOCATION _IrpSp = IoGetNextIrpStackLocation(Irp);                                                    \
        TdiBuildBaseIrp(Irp, DevObj, FileObj, CompRoutine, Contxt, _IrpSp, TDI_DISASSOCIATE_ADDRESS);                  \
    }
#define TdiBuildDisconnect(Irp, DevObj, FileObj, CompRoutine, Contxt, Time, Flags, RequestConnectionInfo, ReturnConnectionInfo) \
    {                                                                                                                  \
        PIO_STACK_LOCATION _IrpSp = IoGetNextIrpStackLocation(Irp);                                                    \
        TDI_REQUEST_KERNEL_DISCONNECT *_Request = (TDI_REQUEST_KERNEL_DISCONNECT *)&_IrpSp->Parameters;                \
        TdiBuildBaseIrp(Irp, DevObj, FileObj, CompRoutine, Contxt, _IrpSp, TDI_DISCONNECT);                            \
        _Request->RequestFlags = (Flags);                                                                              \
        _Request->RequestConnectionInformation = (RequestConnectionInfo);                                              \
        _Request->ReturnConnectionInformation = (ReturnConnectionInfo);                                                \
        _Request->RequestSpecific = (PVOID)(Time);                                                                     \
    }
#define TdiBuildListen(Irp, DevObj, FileObj, CompRoutine, Contxt, Flags, RequestConnectionInfo, ReturnConnectionInfo)  \
    {                                                                                                                  \
        PIO_STACK_LOCATION _IrpSp = IoGetNextIrpStackLocation(Irp);                                                    \
        TDI_REQUEST_KERNEL_LISTEN *_Request = (TDI_REQUEST_KERNEL_LISTEN *)&_IrpSp->Parameters;                        \
        TdiBuildBaseIrp(Irp, DevObj, FileObj, CompRoutine, Contxt, _IrpSp, TDI_LISTEN);                                \
        _Request->RequestFlags = (Flags);                                                                              \
        _Request->RequestConnectionInformation = (RequestConnectionInfo);                                              \
        _Request->ReturnConnectionInformation = (ReturnConnectionInfo);                                                \
        _Request->RequestSpecific = NULL;                                                                              \
    }
#define TdiBuildQueryInformation(Irp, DevObj, FileObj, CompRoutine, Contxt, QType, MdlAddr)                            \
    {                                                                                                                  \
        PIO_STACK_LOCATION _IrpSp = IoGetNextIrpStackLocation(Irp);                                                    \
        TDI_REQUEST_KERNEL_QUERY_INFORMATION *_Request = (TDI_REQUEST_KERNEL_QUERY_INFORMATION *)&_IrpSp->Parameters;  \
        TdiBuildBaseIrp(Irp, DevObj, FileObj, CompRoutine, Contxt, _IrpSp, TDI_QUERY_INFORMATION);                     \
        _Request->RequestConnectionInformation = NULL;                                                                 \
        _Request->QueryType = (LONG)(QType);                                                                           \
        (Irp)->MdlAddress = (MdlAddr);                                                                                 \
    }
#define TdiBuildReceive(Irp, DevObj, FileObj, CompRoutine, Contxt, MdlAddr, InFlags, ReceiveLen)                       \
    {                                                                                                                  \
        PIO_STACK_LOCATION _IrpSp = IoGetNextIrpStackLocation(Irp);                                                    \
        TDI_REQUEST_KERNEL_RECEIVE *_Request = (TDI_REQUEST_KERNEL_RECEIVE *)&_IrpSp->Parameters;                      \
        TdiBuildBaseIrp(Irp, DevObj, FileObj, CompRoutine, Contxt, _IrpSp, TDI_RECEIVE);                               \
        _Request->ReceiveFlags = (InFlags);                                                                            \
        _Request->ReceiveLength = (ReceiveLen);                                                                        \
        (Irp)->MdlAddress = (MdlAddr);                                                                                 \
    }
#define TdiBuildReceiveDatagram(Irp, DevObj, FileObj, CompRoutine, Contxt, MdlAddr, ReceiveLen, ReceiveDatagramInfo, ReturnInfo, InFlags) \
    {                                                                                                                  \
        PIO_STACK_LOCATION _IrpSp = IoGetNextIrpStackLocation(Irp);                                                    \
        TDI_REQUEST_KERNEL_RECEIVEDG *_Request = (TDI_REQUEST_KERNEL_RECEIVEDG *)&_IrpSp->Parameters;                  \
        TdiBuildBaseIrp(Irp, DevObj, FileObj, CompRoutine, Contxt, _IrpSp, TDI_RECEIVE_DATAGRAM);                      \
        _Request->ReceiveDatagramInformation = (ReceiveDatagramInfo);                                                  \
        _Request->ReturnDatagramInformation = (ReturnInfo);                                                            \
        _Request->ReceiveLength = (ReceiveLen);                                                                        \
        _Request->ReceiveFlags = (InFlags);                                                                            \
        (Irp)->MdlAddress = (MdlAddr);                                                                                 \
    }
#define TdiBuildSend(Irp, DevObj, FileObj, CompRoutine, Contxt, MdlAddr, InFlags, SendLen)                             \
    {                                                                                                                  \
        PIO_STACK_LOCATION _IrpSp = IoGetNextIrpStackLocation(Irp);                                                    \
        TDI_REQUEST_KERNEL_SEND *_Request = (TDI_REQUEST_KERNEL_SEND *)&_IrpSp->Parameters;                            \
        TdiBuildBaseIrp(Irp, DevObj, FileObj, CompRoutine, Contxt, _IrpSp, TDI_SEND);                                  \
        _Request->SendFlags = (InFlags);                                                                               \
        _Request->SendLength = (SendLen);                                                                              \
        (Irp)->MdlAddress = (MdlAddr);                                                                                 \
    }
#define TdiBuildSendDatagram(Irp, DevObj, FileObj, CompRoutine, Contxt, MdlAddr, SendLen, SendDatagramInfo)            \
    {                                                                                                                  \
        PIO_STACK_LOCATION _IrpSp = IoGetNextIrpStackLocation(Irp);                                                    \
        TDI_REQUEST_KERNEL_SENDDG *_Request = (TDI_REQUEST_KERNEL_SENDDG *)&_IrpSp->Parameters;                        \
        TdiBuildBaseIrp(Irp, DevObj, FileObj, CompRoutine, Contxt, _IrpSp, TDI_SEND_DATAGRAM);                         \
        _Request->SendDatagramInformation = (SendDatagramInfo);                                                        \
        _Request->SendLength = (SendLen);                                                                              \
        (Irp)->MdlAddress = (MdlAddr);                                                                                 \
    }
#define TdiBuildSetEventHandler(Irp, DevObj, FileObj, CompRoutine, Contxt, InEventType, InEventHandler, InEventContext) \
    {                                                                                                                  \
        PIO_STACK_LOCATION _IrpSp = IoGetNextIrpStackLocation(Irp);                                                    \
        TDI_REQUEST_KERNEL_SET_EVENT *_Request = (TDI_REQUEST_KERNEL_SET_EVENT *)&_IrpSp->Parameters;                  \
        TdiBuildBaseIrp(Irp, DevObj, FileObj, CompRoutine, Contxt, _IrpSp, TDI_SET_EVENT_HANDLER);                     \
        _Request->EventType = (InEventType);                                                                           \
        _Request->EventHandler = (PVOID)(InEventHandler);                                                              \
        _Request->EventContext = (PVOID)(InEventContext);                                                              \
    }
#define TdiBuildSetInformation(Irp, DevObj, FileObj, CompRoutine, Contxt, SType, MdlAddr)                              \
    {                                                                                                                  \
        PIO_STACK_LOCATION _IrpSp = IoGetNextIrpStackLocation(Irp);                                                    \
        TDI_REQUEST_KERNEL_SET_INFORMATION *_Request = (TDI_REQUEST_KERNEL_SET_INFORMATION *)&_IrpSp->Parameters;      \
        TdiBuildBaseIrp(Irp, DevObj, FileObj, CompRoutine, Contxt, _IrpSp, TDI_SET_INFORMATION);                       \
        _Request->RequestConnectionInformation = NULL;                                                                 \
        _Request->SetType = (LONG)(SType);                                                                             \
        (Irp)->MdlAddress = (MdlAddr);                                                                                 \
    }
// An IRP of its own for a TdiBuildXxx; FileObject and the subfunction are those of the macro that follows. irql: PASSIVE.
#define TdiBuildInternalDeviceControlIrp(IrpSubFunction, DeviceObject, FileObject, Event, IoStatusBlock)               \
    IoBuildDeviceIoControlRequest(0x00000003, DeviceObject, NULL, 0, NULL, 0, TRUE, Event, IoStatusBlock)

#define TdiCompleteRequest(Irp, NewStatus)                                                                             \
    {                                                                                                                  \
        (Irp)->IoStatus.Status = (NewStatus);                                                                          \
        IoCompleteRequest((Irp), IO_NETWORK_INCREMENT);                                                                \
    }
// TDI_RECEIVE_COPY_LOOKAHEAD asks for a byte-wise copy from memory that need not be memory; here it always is.
#define TdiCopyLookaheadData(Destination, Source, Length, ReceiveFlags) RtlCopyMemory(Destination, Source, Length)

// --- the library: buffers --------------------------------------------------------------------------------------------------------
TDIKRNLAPI NTAPI NTSTATUS TdiCopyBufferToMdl(PVOID SourceBuffer, ULONG SourceOffset, ULONG SourceBytesToCopy, PMDL DestinationMdlChain,
                                             ULONG DestinationOffset, PULONG BytesCopied);
TDIKRNLAPI NTAPI NTSTATUS TdiCopyMdlToBuffer(PMDL SourceMdlChain, ULONG SourceOffset, PVOID DestinationBuffer, ULONG DestinationOffset,
                                             ULONG DestinationBufferSize, PULONG BytesCopied);
TDIKRNLAPI NTAPI NTSTATUS TdiCopyMdlChainToMdlChain(PMDL SourceMdlChain, ULONG SourceOffset, PMDL DestinationMdlChain, ULONG DestinationOffset,
                                                    PULONG BytesCopied);
// Not Windows's: what a TsduDescriptor points at here. There it is an NDIS_PACKET, which NDIS 6 has no more. The transport puts one
// beside each buffer that it lends, and gets it back by Return, at IRQL <= DISPATCH_LEVEL.
typedef struct _NBX_TDI_TSDU {
    VOID(NTAPI *Return)(struct _NBX_TDI_TSDU *Tsdu);
    PVOID PhysicalDeviceObject;      // of the adapter that received it, for TdiMatchPdoWithChainedReceiveContext; may be NULL
} NBX_TDI_TSDU, *PNBX_TDI_TSDU;

TDIKRNLAPI NTAPI VOID TdiMapBuffer(PMDL MdlChain);
TDIKRNLAPI NTAPI VOID TdiUnmapBuffer(PMDL MdlChain);
TDIKRNLAPI NTAPI VOID TdiReturnChainedReceives(PVOID *TsduDescriptors, ULONG NumberOfTsdus);
TDIKRNLAPI NTAPI BOOLEAN TdiMatchPdoWithChainedReceiveContext(PVOID TsduDescriptor, PVOID PDO);
TDIKRNLAPI NTAPI NTSTATUS TdiMapUserRequest(PDEVICE_OBJECT DeviceObject, PIRP Irp, PIO_STACK_LOCATION IrpSp);

// --- the library: transports and their clients meet ------------------------------------------------------------------------------
#define TDI_CURRENT_MAJOR_VERSION 2
#define TDI_CURRENT_MINOR_VERSION 0
#define TDI_CURRENT_VERSION ((TDI_CURRENT_MINOR_VERSION) << 8 | (TDI_CURRENT_MAJOR_VERSION))
#define TDI_VERSION_ONE 0x0001

typedef enum _TDI_PNP_OPCODE {
    TDI_PNP_OP_MIN,
    TDI_PNP_OP_ADD,
    TDI_PNP_OP_DEL,
    TDI_PNP_OP_UPDATE,
    TDI_PNP_OP_PROVIDERREADY,
    TDI_PNP_OP_NETREADY,
    TDI_PNP_OP_ADD_IGNORE_BINDING,
    TDI_PNP_OP_DELETE_IGNORE_BINDING,
    TDI_PNP_OP_MAX
} TDI_PNP_OPCODE;

#define TDI_PNP_CONTEXT_TYPE_IF_NAME 0x1
#define TDI_PNP_CONTEXT_TYPE_IF_ADDR 0x2
#define TDI_PNP_CONTEXT_TYPE_PDO 0x3
#define TDI_PNP_CONTEXT_TYPE_FIRST_OR_LAST_IF 0x4
typedef struct _TDI_PNP_CONTEXT {
    USHORT ContextSize;              // bytes of ContextData
    USHORT ContextType;
    UCHAR ContextData[1];
} TDI_PNP_CONTEXT, *PTDI_PNP_CONTEXT;

typedef VOID NTAPI NBX_TDI_ADDRESS_ROUTINE(PTA_ADDRESS Address);
typedef NBX_TDI_ADDRESS_ROUTINE *TDI_ADD_ADDRESS_HANDLER;
typedef NBX_TDI_ADDRESS_ROUTINE *TDI_DEL_ADDRESS_HANDLER;
typedef VOID NTAPI NBX_TDI_ADDRESS_ROUTINE_V2(PTA_ADDRESS Address, PUNICODE_STRING DeviceName, PTDI_PNP_CONTEXT Context);
typedef NBX_TDI_ADDRESS_ROUTINE_V2 *TDI_ADD_ADDRESS_HANDLER_V2;
typedef NBX_TDI_ADDRESS_ROUTINE_V2 *TDI_DEL_ADDRESS_HANDLER_V2;
typedef VOID NTAPI NBX_TDI_BINDING_ROUTINE(TDI_PNP_OPCODE PnPOpcode, PUNICODE_STRING DeviceName, PWSTR MultiSZBindList);
typedef NBX_TDI_BINDING_ROUTINE *TDI_BINDING_HANDLER;
typedef VOID NTAPI NBX_TDI_BIND_ROUTINE(PUNICODE_STRING DeviceName);
typedef NBX_TDI_BIND_ROUTINE *TDI_BIND_HANDLER;
typedef NBX_TDI_BIND_ROUTINE *TDI_UNBIND_HANDLER;
typedef NTSTATUS NTAPI NBX_TDI_PNP_POWER_ROUTINE(PUNICODE_STRING DeviceName, PNET_PNP_EVENT PowerEvent, PTDI_PNP_CONTEXT Context1,
                                                 PTDI_PNP_CONTEXT Context2);
typedef NBX_TDI_PNP_POWER_ROUTINE *TDI_PNP_POWER_HANDLER;
typedef VOID NTAPI NBX_TDI_POWER_COMPLETE_ROUTINE(PNET_PNP_EVENT NetEvent, NTSTATUS ProviderStatus);
typedef NBX_TDI_POWER_COMPLETE_ROUTINE *ProviderPnPPowerComplete;

typedef struct _TDI20_CLIENT_INTERFACE_INFO {
    union {
        struct {
            UCHAR MajorTdiVersion;
            UCHAR MinorTdiVersion;
        };
        USHORT TdiVersion;
    };
    USHORT Unused;
    PUNICODE_STRING ClientName;
    TDI_PNP_POWER_HANDLER PnPPowerHandler;
    union {
        TDI_BINDING_HANDLER BindingHandler;
        struct {
            TDI_BIND_HANDLER BindHandler;
            TDI_UNBIND_HANDLER UnBindHandler;
        };
    };
    union {
        struct {
            TDI_ADD_ADDRESS_HANDLER_V2 AddAddressHandlerV2;
            TDI_DEL_ADDRESS_HANDLER_V2 DelAddressHandlerV2;
        };
        struct {
            TDI_ADD_ADDRESS_HANDLER AddAddressHandler;
            TDI_DEL_ADDRESS_HANDLER DelAddressHandler;
        };
    };
} TDI20_CLIENT_INTERFACE_INFO, *PTDI20_CLIENT_INTERFACE_INFO;
typedef TDI20_CLIENT_INTERFACE_INFO TDI_CLIENT_INTERFACE_INFO, *PTDI_CLIENT_INTERFACE_INFO;

TDIKRNLAPI NTAPI VOID TdiInitialize(VOID);
TDIKRNLAPI NTAPI NTSTATUS TdiRegisterPnPHandlers(PTDI_CLIENT_INTERFACE_INFO ClientInterfaceInfo, ULONG InterfaceInfoSize, HANDLE *BindingHandle);
TDIKRNLAPI NTAPI NTSTATUS TdiDeregisterPnPHandlers(HANDLE BindingHandle);
TDIKRNLAPI NTAPI NTSTATUS TdiEnumerateAddresses(HANDLE BindingHandle);
TDIKRNLAPI NTAPI NTSTATUS TdiPnPPowerRequest(PUNICODE_STRING DeviceName, PNET_PNP_EVENT PowerEvent, PTDI_PNP_CONTEXT Context1,
                                             PTDI_PNP_CONTEXT Context2, ProviderPnPPowerComplete ProtocolCompletionHandler);
TDIKRNLAPI NTAPI VOID TdiPnPPowerComplete(HANDLE BindingHandle, PNET_PNP_EVENT PowerEvent, NTSTATUS Status);
TDIKRNLAPI NTAPI NTSTATUS TdiRegisterNotificationHandler(TDI_BIND_HANDLER BindHandler, TDI_UNBIND_HANDLER UnbindHandler, HANDLE *BindingHandle);
TDIKRNLAPI NTAPI NTSTATUS TdiDeregisterNotificationHandler(HANDLE BindingHandle);
TDIKRNLAPI NTAPI NTSTATUS TdiRegisterAddressChangeHandler(TDI_ADD_ADDRESS_HANDLER AddHandler, TDI_DEL_ADDRESS_HANDLER DeleteHandler,
                                                          HANDLE *BindingHandle);
TDIKRNLAPI NTAPI NTSTATUS TdiDeregisterAddressChangeHandler(HANDLE BindingHandle);

TDIKRNLAPI NTAPI NTSTATUS TdiRegisterProvider(PUNICODE_STRING ProviderName, HANDLE *ProviderHandle);
TDIKRNLAPI NTAPI NTSTATUS TdiProviderReady(HANDLE ProviderHandle);
TDIKRNLAPI NTAPI NTSTATUS TdiDeregisterProvider(HANDLE ProviderHandle);
TDIKRNLAPI NTAPI NTSTATUS TdiRegisterDeviceObject(PUNICODE_STRING DeviceName, HANDLE *DevRegistrationHandle);
TDIKRNLAPI NTAPI NTSTATUS TdiDeregisterDeviceObject(HANDLE DevRegistrationHandle);
TDIKRNLAPI NTAPI NTSTATUS TdiRegisterNetAddress(PTA_ADDRESS Address, PUNICODE_STRING DeviceName, PTDI_PNP_CONTEXT Context,
                                                HANDLE *AddrRegistrationHandle);
TDIKRNLAPI NTAPI NTSTATUS TdiDeregisterNetAddress(HANDLE AddrRegistrationHandle);

#ifdef __cplusplus
}
#endif

#endif
