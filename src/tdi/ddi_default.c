// SPDX-License-Identifier: MIT
// Front doors: the event handlers of a client that registered none. Offers are refused, data is not accepted, the rest is taken note of.
#include "tdi/tdi.h"
#include "verify/verify.h"

NTAPI NTSTATUS
TdiDefaultConnectHandler(PVOID TdiEventContext, LONG RemoteAddressLength, PVOID RemoteAddress, LONG UserDataLength, PVOID UserData,
                         LONG OptionsLength, PVOID Options, CONNECTION_CONTEXT *ConnectionContext, PIRP *AcceptIrp)
{
    VERIFY_ENTER(TdiDefaultConnectHandler);
    return STATUS_INSUFFICIENT_RESOURCES;
}

NTAPI NTSTATUS
TdiDefaultDisconnectHandler(PVOID TdiEventContext, CONNECTION_CONTEXT ConnectionContext, LONG DisconnectDataLength, PVOID DisconnectData,
                            LONG DisconnectInformationLength, PVOID DisconnectInformation, ULONG DisconnectFlags)
{
    VERIFY_ENTER(TdiDefaultDisconnectHandler);
    return STATUS_SUCCESS;
}

NTAPI NTSTATUS
TdiDefaultErrorHandler(PVOID TdiEventContext, NTSTATUS Status)
{
    VERIFY_ENTER(TdiDefaultErrorHandler);
    return STATUS_SUCCESS;
}

NTAPI NTSTATUS
TdiDefaultReceiveHandler(PVOID TdiEventContext, CONNECTION_CONTEXT ConnectionContext, ULONG ReceiveFlags, ULONG BytesIndicated,
                         ULONG BytesAvailable, ULONG *BytesTaken, PVOID Tsdu, PIRP *IoRequestPacket)
{
    VERIFY_ENTER(TdiDefaultReceiveHandler);
    return STATUS_DATA_NOT_ACCEPTED;
}

NTAPI NTSTATUS
TdiDefaultRcvDatagramHandler(PVOID TdiEventContext, LONG SourceAddressLength, PVOID SourceAddress, LONG OptionsLength, PVOID Options,
                             ULONG ReceiveDatagramFlags, ULONG BytesIndicated, ULONG BytesAvailable, ULONG *BytesTaken, PVOID Tsdu,
                             PIRP *IoRequestPacket)
{
    VERIFY_ENTER(TdiDefaultRcvDatagramHandler);
    return STATUS_DATA_NOT_ACCEPTED;
}

NTAPI NTSTATUS
TdiDefaultRcvExpeditedHandler(PVOID TdiEventContext, CONNECTION_CONTEXT ConnectionContext, ULONG ReceiveFlags, ULONG BytesIndicated,
                              ULONG BytesAvailable, ULONG *BytesTaken, PVOID Tsdu, PIRP *IoRequestPacket)
{
    VERIFY_ENTER(TdiDefaultRcvExpeditedHandler);
    return STATUS_DATA_NOT_ACCEPTED;
}

NTAPI NTSTATUS
TdiDefaultChainedReceiveHandler(PVOID TdiEventContext, CONNECTION_CONTEXT ConnectionContext, ULONG ReceiveFlags, ULONG ReceiveLength,
                                ULONG StartingOffset, PMDL Tsdu, PVOID TsduDescriptor)
{
    VERIFY_ENTER(TdiDefaultChainedReceiveHandler);
    return STATUS_DATA_NOT_ACCEPTED;
}

NTAPI NTSTATUS
TdiDefaultChainedRcvDatagramHandler(PVOID TdiEventContext, LONG SourceAddressLength, PVOID SourceAddress, LONG OptionsLength, PVOID Options,
                                    ULONG ReceiveDatagramFlags, ULONG ReceiveDatagramLength, ULONG StartingOffset, PMDL Tsdu,
                                    PVOID TsduDescriptor)
{
    VERIFY_ENTER(TdiDefaultChainedRcvDatagramHandler);
    return STATUS_DATA_NOT_ACCEPTED;
}

NTAPI NTSTATUS
TdiDefaultChainedRcvExpeditedHandler(PVOID TdiEventContext, CONNECTION_CONTEXT ConnectionContext, ULONG ReceiveFlags, ULONG ReceiveLength,
                                     ULONG StartingOffset, PMDL Tsdu, PVOID TsduDescriptor)
{
    VERIFY_ENTER(TdiDefaultChainedRcvExpeditedHandler);
    return STATUS_DATA_NOT_ACCEPTED;
}

NTAPI NTSTATUS
TdiDefaultSendPossibleHandler(PVOID TdiEventContext, PVOID ConnectionContext, ULONG BytesAvailable)
{
    VERIFY_ENTER(TdiDefaultSendPossibleHandler);
    return STATUS_SUCCESS;
}
