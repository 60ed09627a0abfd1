// SPDX-License-Identifier: MIT
// The structures of TDI against the layout table docs/facts/layout-x64.tsv, at compile time and again at run time.
//
// Each row below becomes a static assertion. The test then reads the table itself and demands that every row of a structure
// that is named here is here with the same number, so that neither side can change alone.
#include <stdio.h>
#include <string.h>

#include "harness/harness.h"
#include <tdiinfo.h>
#include <tdikrnl.h>

#define TABLE \
    SIZE(TDI_CONNECTION_INFORMATION, 0x30) \
    FIELD(TDI_CONNECTION_INFORMATION, UserDataLength, 0x0) \
    FIELD(TDI_CONNECTION_INFORMATION, UserData, 0x8) \
    FIELD(TDI_CONNECTION_INFORMATION, OptionsLength, 0x10) \
    FIELD(TDI_CONNECTION_INFORMATION, Options, 0x18) \
    FIELD(TDI_CONNECTION_INFORMATION, RemoteAddressLength, 0x20) \
    FIELD(TDI_CONNECTION_INFORMATION, RemoteAddress, 0x28) \
    SIZE(TDI_REQUEST, 0x20) \
    FIELD(TDI_REQUEST, Handle, 0x0) \
    FIELD(TDI_REQUEST, RequestNotifyObject, 0x8) \
    FIELD(TDI_REQUEST, RequestContext, 0x10) \
    FIELD(TDI_REQUEST, TdiStatus, 0x18) \
    SIZE(TDI_REQUEST_STATUS, 0x18) \
    FIELD(TDI_REQUEST_STATUS, Status, 0x0) \
    FIELD(TDI_REQUEST_STATUS, RequestContext, 0x8) \
    FIELD(TDI_REQUEST_STATUS, BytesTransferred, 0x10) \
    SIZE(TDI_REQUEST_ASSOCIATE_ADDRESS, 0x28) \
    FIELD(TDI_REQUEST_ASSOCIATE_ADDRESS, Request, 0x0) \
    FIELD(TDI_REQUEST_ASSOCIATE_ADDRESS, AddressHandle, 0x20) \
    SIZE(TDI_REQUEST_CONNECT, 0x38) \
    FIELD(TDI_REQUEST_CONNECT, Request, 0x0) \
    FIELD(TDI_REQUEST_CONNECT, RequestConnectionInformation, 0x20) \
    FIELD(TDI_REQUEST_CONNECT, ReturnConnectionInformation, 0x28) \
    FIELD(TDI_REQUEST_CONNECT, Timeout, 0x30) \
    SIZE(TDI_REQUEST_ACCEPT, 0x30) \
    FIELD(TDI_REQUEST_ACCEPT, Request, 0x0) \
    FIELD(TDI_REQUEST_ACCEPT, RequestConnectionInformation, 0x20) \
    FIELD(TDI_REQUEST_ACCEPT, ReturnConnectionInformation, 0x28) \
    SIZE(TDI_REQUEST_LISTEN, 0x38) \
    FIELD(TDI_REQUEST_LISTEN, Request, 0x0) \
    FIELD(TDI_REQUEST_LISTEN, RequestConnectionInformation, 0x20) \
    FIELD(TDI_REQUEST_LISTEN, ReturnConnectionInformation, 0x28) \
    FIELD(TDI_REQUEST_LISTEN, ListenFlags, 0x30) \
    SIZE(TDI_REQUEST_DISCONNECT, 0x28) \
    FIELD(TDI_REQUEST_DISCONNECT, Request, 0x0) \
    FIELD(TDI_REQUEST_DISCONNECT, Timeout, 0x20) \
    SIZE(TDI_REQUEST_SEND, 0x28) \
    FIELD(TDI_REQUEST_SEND, Request, 0x0) \
    FIELD(TDI_REQUEST_SEND, SendFlags, 0x20) \
    SIZE(TDI_REQUEST_RECEIVE, 0x28) \
    FIELD(TDI_REQUEST_RECEIVE, Request, 0x0) \
    FIELD(TDI_REQUEST_RECEIVE, ReceiveFlags, 0x20) \
    SIZE(TDI_REQUEST_SEND_DATAGRAM, 0x28) \
    FIELD(TDI_REQUEST_SEND_DATAGRAM, Request, 0x0) \
    FIELD(TDI_REQUEST_SEND_DATAGRAM, SendDatagramInformation, 0x20) \
    SIZE(TDI_REQUEST_RECEIVE_DATAGRAM, 0x38) \
    FIELD(TDI_REQUEST_RECEIVE_DATAGRAM, Request, 0x0) \
    FIELD(TDI_REQUEST_RECEIVE_DATAGRAM, ReceiveDatagramInformation, 0x20) \
    FIELD(TDI_REQUEST_RECEIVE_DATAGRAM, ReturnInformation, 0x28) \
    FIELD(TDI_REQUEST_RECEIVE_DATAGRAM, ReceiveFlags, 0x30) \
    SIZE(TDI_REQUEST_SET_EVENT_HANDLER, 0x38) \
    FIELD(TDI_REQUEST_SET_EVENT_HANDLER, Request, 0x0) \
    FIELD(TDI_REQUEST_SET_EVENT_HANDLER, EventType, 0x20) \
    FIELD(TDI_REQUEST_SET_EVENT_HANDLER, EventHandler, 0x28) \
    FIELD(TDI_REQUEST_SET_EVENT_HANDLER, EventContext, 0x30) \
    SIZE(TDI_REQUEST_QUERY_INFORMATION, 0x30) \
    FIELD(TDI_REQUEST_QUERY_INFORMATION, Request, 0x0) \
    FIELD(TDI_REQUEST_QUERY_INFORMATION, QueryType, 0x20) \
    FIELD(TDI_REQUEST_QUERY_INFORMATION, RequestConnectionInformation, 0x28) \
    SIZE(TDI_REQUEST_SET_INFORMATION, 0x30) \
    FIELD(TDI_REQUEST_SET_INFORMATION, Request, 0x0) \
    FIELD(TDI_REQUEST_SET_INFORMATION, SetType, 0x20) \
    FIELD(TDI_REQUEST_SET_INFORMATION, RequestConnectionInformation, 0x28) \
    SIZE(TDI_REQUEST_TYPE, 0x38) \
    FIELD(TDI_REQUEST_TYPE, TdiAccept, 0x0) \
    FIELD(TDI_REQUEST_TYPE, TdiConnect, 0x0) \
    FIELD(TDI_REQUEST_TYPE, TdiDisconnect, 0x0) \
    FIELD(TDI_REQUEST_TYPE, TdiListen, 0x0) \
    FIELD(TDI_REQUEST_TYPE, TdiQueryInformation, 0x0) \
    FIELD(TDI_REQUEST_TYPE, TdiReceive, 0x0) \
    FIELD(TDI_REQUEST_TYPE, TdiReceiveDatagram, 0x0) \
    FIELD(TDI_REQUEST_TYPE, TdiSend, 0x0) \
    FIELD(TDI_REQUEST_TYPE, TdiSendDatagram, 0x0) \
    FIELD(TDI_REQUEST_TYPE, TdiSetEventHandler, 0x0) \
    FIELD(TDI_REQUEST_TYPE, TdiSetInformation, 0x0) \
    SIZE(TDI_ENDPOINT_INFO, 0x2c) \
    FIELD(TDI_ENDPOINT_INFO, State, 0x0) \
    FIELD(TDI_ENDPOINT_INFO, Event, 0x4) \
    FIELD(TDI_ENDPOINT_INFO, TransmittedTsdus, 0x8) \
    FIELD(TDI_ENDPOINT_INFO, ReceivedTsdus, 0xc) \
    FIELD(TDI_ENDPOINT_INFO, TransmissionErrors, 0x10) \
    FIELD(TDI_ENDPOINT_INFO, ReceiveErrors, 0x14) \
    FIELD(TDI_ENDPOINT_INFO, MinimumLookaheadData, 0x18) \
    FIELD(TDI_ENDPOINT_INFO, MaximumLookaheadData, 0x1c) \
    FIELD(TDI_ENDPOINT_INFO, PriorityLevel, 0x20) \
    FIELD(TDI_ENDPOINT_INFO, SecurityLevel, 0x24) \
    FIELD(TDI_ENDPOINT_INFO, SecurityCompartment, 0x28) \
    SIZE(TDI_CONNECTION_INFO, 0x38) \
    FIELD(TDI_CONNECTION_INFO, State, 0x0) \
    FIELD(TDI_CONNECTION_INFO, Event, 0x4) \
    FIELD(TDI_CONNECTION_INFO, TransmittedTsdus, 0x8) \
    FIELD(TDI_CONNECTION_INFO, ReceivedTsdus, 0xc) \
    FIELD(TDI_CONNECTION_INFO, TransmissionErrors, 0x10) \
    FIELD(TDI_CONNECTION_INFO, ReceiveErrors, 0x14) \
    FIELD(TDI_CONNECTION_INFO, Throughput, 0x18) \
    FIELD(TDI_CONNECTION_INFO, Delay, 0x20) \
    FIELD(TDI_CONNECTION_INFO, SendBufferSize, 0x28) \
    FIELD(TDI_CONNECTION_INFO, ReceiveBufferSize, 0x2c) \
    FIELD(TDI_CONNECTION_INFO, Unreliable, 0x30) \
    SIZE(TDI_DATAGRAM_INFO, 0x8) \
    FIELD(TDI_DATAGRAM_INFO, MaximumDatagramBytes, 0x0) \
    FIELD(TDI_DATAGRAM_INFO, MaximumDatagramCount, 0x4) \
    SIZE(TDI_MAX_DATAGRAM_INFO, 0x4) \
    FIELD(TDI_MAX_DATAGRAM_INFO, MaxDatagramSize, 0x0) \
    SIZE(TDI_PROVIDER_INFO, 0x28) \
    FIELD(TDI_PROVIDER_INFO, Version, 0x0) \
    FIELD(TDI_PROVIDER_INFO, MaxSendSize, 0x4) \
    FIELD(TDI_PROVIDER_INFO, MaxConnectionUserData, 0x8) \
    FIELD(TDI_PROVIDER_INFO, MaxDatagramSize, 0xc) \
    FIELD(TDI_PROVIDER_INFO, ServiceFlags, 0x10) \
    FIELD(TDI_PROVIDER_INFO, MinimumLookaheadData, 0x14) \
    FIELD(TDI_PROVIDER_INFO, MaximumLookaheadData, 0x18) \
    FIELD(TDI_PROVIDER_INFO, NumberOfResources, 0x1c) \
    FIELD(TDI_PROVIDER_INFO, StartTime, 0x20) \
    SIZE(TDI_PROVIDER_RESOURCE_STATS, 0x10) \
    FIELD(TDI_PROVIDER_RESOURCE_STATS, ResourceId, 0x0) \
    FIELD(TDI_PROVIDER_RESOURCE_STATS, MaximumResourceUsed, 0x4) \
    FIELD(TDI_PROVIDER_RESOURCE_STATS, AverageResourceUsed, 0x8) \
    FIELD(TDI_PROVIDER_RESOURCE_STATS, ResourceExhausted, 0xc) \
    SIZE(TDI_PROVIDER_STATISTICS, 0xd8) \
    FIELD(TDI_PROVIDER_STATISTICS, Version, 0x0) \
    FIELD(TDI_PROVIDER_STATISTICS, OpenConnections, 0x4) \
    FIELD(TDI_PROVIDER_STATISTICS, ConnectionsAfterNoRetry, 0x8) \
    FIELD(TDI_PROVIDER_STATISTICS, ConnectionsAfterRetry, 0xc) \
    FIELD(TDI_PROVIDER_STATISTICS, LocalDisconnects, 0x10) \
    FIELD(TDI_PROVIDER_STATISTICS, RemoteDisconnects, 0x14) \
    FIELD(TDI_PROVIDER_STATISTICS, LinkFailures, 0x18) \
    FIELD(TDI_PROVIDER_STATISTICS, AdapterFailures, 0x1c) \
    FIELD(TDI_PROVIDER_STATISTICS, SessionTimeouts, 0x20) \
    FIELD(TDI_PROVIDER_STATISTICS, CancelledConnections, 0x24) \
    FIELD(TDI_PROVIDER_STATISTICS, RemoteResourceFailures, 0x28) \
    FIELD(TDI_PROVIDER_STATISTICS, LocalResourceFailures, 0x2c) \
    FIELD(TDI_PROVIDER_STATISTICS, NotFoundFailures, 0x30) \
    FIELD(TDI_PROVIDER_STATISTICS, NoListenFailures, 0x34) \
    FIELD(TDI_PROVIDER_STATISTICS, DatagramsSent, 0x38) \
    FIELD(TDI_PROVIDER_STATISTICS, DatagramBytesSent, 0x40) \
    FIELD(TDI_PROVIDER_STATISTICS, DatagramsReceived, 0x48) \
    FIELD(TDI_PROVIDER_STATISTICS, DatagramBytesReceived, 0x50) \
    FIELD(TDI_PROVIDER_STATISTICS, PacketsSent, 0x58) \
    FIELD(TDI_PROVIDER_STATISTICS, PacketsReceived, 0x5c) \
    FIELD(TDI_PROVIDER_STATISTICS, DataFramesSent, 0x60) \
    FIELD(TDI_PROVIDER_STATISTICS, DataFrameBytesSent, 0x68) \
    FIELD(TDI_PROVIDER_STATISTICS, DataFramesReceived, 0x70) \
    FIELD(TDI_PROVIDER_STATISTICS, DataFrameBytesReceived, 0x78) \
    FIELD(TDI_PROVIDER_STATISTICS, DataFramesResent, 0x80) \
    FIELD(TDI_PROVIDER_STATISTICS, DataFrameBytesResent, 0x88) \
    FIELD(TDI_PROVIDER_STATISTICS, DataFramesRejected, 0x90) \
    FIELD(TDI_PROVIDER_STATISTICS, DataFrameBytesRejected, 0x98) \
    FIELD(TDI_PROVIDER_STATISTICS, ResponseTimerExpirations, 0xa0) \
    FIELD(TDI_PROVIDER_STATISTICS, AckTimerExpirations, 0xa4) \
    FIELD(TDI_PROVIDER_STATISTICS, MaximumSendWindow, 0xa8) \
    FIELD(TDI_PROVIDER_STATISTICS, AverageSendWindow, 0xac) \
    FIELD(TDI_PROVIDER_STATISTICS, PiggybackAckQueued, 0xb0) \
    FIELD(TDI_PROVIDER_STATISTICS, PiggybackAckTimeouts, 0xb4) \
    FIELD(TDI_PROVIDER_STATISTICS, WastedPacketSpace, 0xb8) \
    FIELD(TDI_PROVIDER_STATISTICS, WastedSpacePackets, 0xc0) \
    FIELD(TDI_PROVIDER_STATISTICS, NumberOfResources, 0xc4) \
    FIELD(TDI_PROVIDER_STATISTICS, ResourceStats, 0xc8) \
    SIZE(TDI_ACTION_HEADER, 0x8) \
    FIELD(TDI_ACTION_HEADER, TransportId, 0x0) \
    FIELD(TDI_ACTION_HEADER, ActionCode, 0x4) \
    FIELD(TDI_ACTION_HEADER, Reserved, 0x6) \
    SIZE(TA_ADDRESS, 0x6) \
    FIELD(TA_ADDRESS, AddressLength, 0x0) \
    FIELD(TA_ADDRESS, AddressType, 0x2) \
    FIELD(TA_ADDRESS, Address, 0x4) \
    SIZE(TRANSPORT_ADDRESS, 0xc) \
    FIELD(TRANSPORT_ADDRESS, TAAddressCount, 0x0) \
    FIELD(TRANSPORT_ADDRESS, Address, 0x4) \
    SIZE(TDI_ADDRESS_INFO, 0x10) \
    FIELD(TDI_ADDRESS_INFO, ActivityCount, 0x0) \
    FIELD(TDI_ADDRESS_INFO, Address, 0x4) \
    SIZE(TDI_ADDRESS_IP, 0xe) \
    FIELD(TDI_ADDRESS_IP, sin_port, 0x0) \
    FIELD(TDI_ADDRESS_IP, in_addr, 0x2) \
    FIELD(TDI_ADDRESS_IP, sin_zero, 0x6) \
    SIZE(TDI_ADDRESS_IP6, 0x1a) \
    FIELD(TDI_ADDRESS_IP6, sin6_port, 0x0) \
    FIELD(TDI_ADDRESS_IP6, sin6_flowinfo, 0x2) \
    FIELD(TDI_ADDRESS_IP6, sin6_addr, 0x6) \
    FIELD(TDI_ADDRESS_IP6, sin6_scope_id, 0x16) \
    SIZE(TDI_ADDRESS_8022, 0x6) \
    FIELD(TDI_ADDRESS_8022, MACAddress, 0x0) \
    SIZE(TDI_ADDRESS_APPLETALK, 0x4) \
    FIELD(TDI_ADDRESS_APPLETALK, Network, 0x0) \
    FIELD(TDI_ADDRESS_APPLETALK, Node, 0x2) \
    FIELD(TDI_ADDRESS_APPLETALK, Socket, 0x3) \
    SIZE(TDI_ADDRESS_IPX, 0xc) \
    FIELD(TDI_ADDRESS_IPX, NetworkAddress, 0x0) \
    FIELD(TDI_ADDRESS_IPX, NodeAddress, 0x4) \
    FIELD(TDI_ADDRESS_IPX, Socket, 0xa) \
    SIZE(TDI_ADDRESS_NS, 0xc) \
    FIELD(TDI_ADDRESS_NS, NetworkAddress, 0x0) \
    FIELD(TDI_ADDRESS_NS, NodeAddress, 0x4) \
    FIELD(TDI_ADDRESS_NS, Socket, 0xa) \
    SIZE(TDI_ADDRESS_NETBIOS, 0x12) \
    FIELD(TDI_ADDRESS_NETBIOS, NetbiosNameType, 0x0) \
    FIELD(TDI_ADDRESS_NETBIOS, NetbiosName, 0x2) \
    SIZE(TDI_ADDRESS_NETBIOS_EX, 0x22) \
    FIELD(TDI_ADDRESS_NETBIOS_EX, EndpointName, 0x0) \
    FIELD(TDI_ADDRESS_NETBIOS_EX, NetbiosAddress, 0x10) \
    SIZE(TDI_ADDRESS_NETBIOS_UNICODE_EX, 0x4a) \
    FIELD(TDI_ADDRESS_NETBIOS_UNICODE_EX, NetbiosNameType, 0x0) \
    FIELD(TDI_ADDRESS_NETBIOS_UNICODE_EX, NameBufferType, 0x2) \
    FIELD(TDI_ADDRESS_NETBIOS_UNICODE_EX, EndpointName, 0x6) \
    FIELD(TDI_ADDRESS_NETBIOS_UNICODE_EX, RemoteName, 0x16) \
    FIELD(TDI_ADDRESS_NETBIOS_UNICODE_EX, EndpointBuffer, 0x26) \
    FIELD(TDI_ADDRESS_NETBIOS_UNICODE_EX, RemoteNameBuffer, 0x48) \
    SIZE(TDI_ADDRESS_NETONE, 0x16) \
    FIELD(TDI_ADDRESS_NETONE, NetoneNameType, 0x0) \
    FIELD(TDI_ADDRESS_NETONE, NetoneName, 0x2) \
    SIZE(TDI_ADDRESS_OSI_TSAP, 0x46) \
    FIELD(TDI_ADDRESS_OSI_TSAP, tp_addr_type, 0x0) \
    FIELD(TDI_ADDRESS_OSI_TSAP, tp_taddr_len, 0x2) \
    FIELD(TDI_ADDRESS_OSI_TSAP, tp_tsel_len, 0x4) \
    FIELD(TDI_ADDRESS_OSI_TSAP, tp_addr, 0x6) \
    SIZE(TDI_ADDRESS_VNS, 0xe) \
    FIELD(TDI_ADDRESS_VNS, net_address, 0x0) \
    FIELD(TDI_ADDRESS_VNS, subnet_addr, 0x4) \
    FIELD(TDI_ADDRESS_VNS, port, 0x6) \
    FIELD(TDI_ADDRESS_VNS, hops, 0x8) \
    FIELD(TDI_ADDRESS_VNS, filler, 0x9) \
    SIZE(TDI_REQUEST_KERNEL, 0x20) \
    FIELD(TDI_REQUEST_KERNEL, RequestFlags, 0x0) \
    FIELD(TDI_REQUEST_KERNEL, RequestConnectionInformation, 0x8) \
    FIELD(TDI_REQUEST_KERNEL, ReturnConnectionInformation, 0x10) \
    FIELD(TDI_REQUEST_KERNEL, RequestSpecific, 0x18) \
    SIZE(TDI_REQUEST_KERNEL_ASSOCIATE, 0x8) \
    FIELD(TDI_REQUEST_KERNEL_ASSOCIATE, AddressHandle, 0x0) \
    SIZE(TDI_REQUEST_KERNEL_ACCEPT, 0x10) \
    FIELD(TDI_REQUEST_KERNEL_ACCEPT, RequestConnectionInformation, 0x0) \
    FIELD(TDI_REQUEST_KERNEL_ACCEPT, ReturnConnectionInformation, 0x8) \
    SIZE(TDI_REQUEST_KERNEL_SEND, 0x8) \
    FIELD(TDI_REQUEST_KERNEL_SEND, SendLength, 0x0) \
    FIELD(TDI_REQUEST_KERNEL_SEND, SendFlags, 0x4) \
    SIZE(TDI_REQUEST_KERNEL_RECEIVE, 0x8) \
    FIELD(TDI_REQUEST_KERNEL_RECEIVE, ReceiveLength, 0x0) \
    FIELD(TDI_REQUEST_KERNEL_RECEIVE, ReceiveFlags, 0x4) \
    SIZE(TDI_REQUEST_KERNEL_SENDDG, 0x10) \
    FIELD(TDI_REQUEST_KERNEL_SENDDG, SendLength, 0x0) \
    FIELD(TDI_REQUEST_KERNEL_SENDDG, SendDatagramInformation, 0x8) \
    SIZE(TDI_REQUEST_KERNEL_RECEIVEDG, 0x20) \
    FIELD(TDI_REQUEST_KERNEL_RECEIVEDG, ReceiveLength, 0x0) \
    FIELD(TDI_REQUEST_KERNEL_RECEIVEDG, ReceiveDatagramInformation, 0x8) \
    FIELD(TDI_REQUEST_KERNEL_RECEIVEDG, ReturnDatagramInformation, 0x10) \
    FIELD(TDI_REQUEST_KERNEL_RECEIVEDG, ReceiveFlags, 0x18) \
    SIZE(TDI_REQUEST_KERNEL_SET_EVENT, 0x18) \
    FIELD(TDI_REQUEST_KERNEL_SET_EVENT, EventType, 0x0) \
    FIELD(TDI_REQUEST_KERNEL_SET_EVENT, EventHandler, 0x8) \
    FIELD(TDI_REQUEST_KERNEL_SET_EVENT, EventContext, 0x10) \
    SIZE(TDI_REQUEST_KERNEL_QUERY_INFORMATION, 0x10) \
    FIELD(TDI_REQUEST_KERNEL_QUERY_INFORMATION, QueryType, 0x0) \
    FIELD(TDI_REQUEST_KERNEL_QUERY_INFORMATION, RequestConnectionInformation, 0x8) \
    SIZE(TDI_REQUEST_KERNEL_SET_INFORMATION, 0x10) \
    FIELD(TDI_REQUEST_KERNEL_SET_INFORMATION, SetType, 0x0) \
    FIELD(TDI_REQUEST_KERNEL_SET_INFORMATION, RequestConnectionInformation, 0x8) \
    SIZE(TDI_PNP_CONTEXT, 0x6) \
    FIELD(TDI_PNP_CONTEXT, ContextSize, 0x0) \
    FIELD(TDI_PNP_CONTEXT, ContextType, 0x2) \
    FIELD(TDI_PNP_CONTEXT, ContextData, 0x4) \
    SIZE(TDI20_CLIENT_INTERFACE_INFO, 0x38) \
    FIELD(TDI20_CLIENT_INTERFACE_INFO, MajorTdiVersion, 0x0) \
    FIELD(TDI20_CLIENT_INTERFACE_INFO, MinorTdiVersion, 0x1) \
    FIELD(TDI20_CLIENT_INTERFACE_INFO, TdiVersion, 0x0) \
    FIELD(TDI20_CLIENT_INTERFACE_INFO, Unused, 0x2) \
    FIELD(TDI20_CLIENT_INTERFACE_INFO, ClientName, 0x8) \
    FIELD(TDI20_CLIENT_INTERFACE_INFO, PnPPowerHandler, 0x10) \
    FIELD(TDI20_CLIENT_INTERFACE_INFO, BindingHandler, 0x18) \
    FIELD(TDI20_CLIENT_INTERFACE_INFO, BindHandler, 0x18) \
    FIELD(TDI20_CLIENT_INTERFACE_INFO, UnBindHandler, 0x20) \
    FIELD(TDI20_CLIENT_INTERFACE_INFO, AddAddressHandlerV2, 0x28) \
    FIELD(TDI20_CLIENT_INTERFACE_INFO, DelAddressHandlerV2, 0x30) \
    FIELD(TDI20_CLIENT_INTERFACE_INFO, AddAddressHandler, 0x28) \
    FIELD(TDI20_CLIENT_INTERFACE_INFO, DelAddressHandler, 0x30) \
    SIZE(TDIEntityID, 0x8) \
    FIELD(TDIEntityID, tei_entity, 0x0) \
    FIELD(TDIEntityID, tei_instance, 0x4) \
    SIZE(TDIObjectID, 0x14) \
    FIELD(TDIObjectID, toi_entity, 0x0) \
    FIELD(TDIObjectID, toi_class, 0x8) \
    FIELD(TDIObjectID, toi_type, 0xc) \
    FIELD(TDIObjectID, toi_id, 0x10) \
    SIZE(TCP_REQUEST_QUERY_INFORMATION_EX, 0x28) \
    FIELD(TCP_REQUEST_QUERY_INFORMATION_EX, ID, 0x0) \
    FIELD(TCP_REQUEST_QUERY_INFORMATION_EX, Context, 0x18) \
    SIZE(TCP_REQUEST_QUERY_INFORMATION_EX32, 0x24) \
    FIELD(TCP_REQUEST_QUERY_INFORMATION_EX32, ID, 0x0) \
    FIELD(TCP_REQUEST_QUERY_INFORMATION_EX32, Context, 0x14) \
    SIZE(TCP_REQUEST_SET_INFORMATION_EX, 0x1c) \
    FIELD(TCP_REQUEST_SET_INFORMATION_EX, ID, 0x0) \
    FIELD(TCP_REQUEST_SET_INFORMATION_EX, BufferSize, 0x14) \
    FIELD(TCP_REQUEST_SET_INFORMATION_EX, Buffer, 0x18) \
    SIZE(TA_APPLETALK_ADDRESS, 0xc) \
    FIELD(TA_APPLETALK_ADDRESS, TAAddressCount, 0x0) \
    FIELD(TA_APPLETALK_ADDRESS, Address, 0x4) \
    SIZE(TA_IP_ADDRESS, 0x16) \
    FIELD(TA_IP_ADDRESS, TAAddressCount, 0x0) \
    FIELD(TA_IP_ADDRESS, Address, 0x4) \
    SIZE(TA_IP6_ADDRESS, 0x22) \
    FIELD(TA_IP6_ADDRESS, TAAddressCount, 0x0) \
    FIELD(TA_IP6_ADDRESS, Address, 0x4) \
    SIZE(TA_IPX_ADDRESS, 0x14) \
    FIELD(TA_IPX_ADDRESS, TAAddressCount, 0x0) \
    FIELD(TA_IPX_ADDRESS, Address, 0x4) \
    SIZE(TA_NS_ADDRESS, 0x14) \
    FIELD(TA_NS_ADDRESS, TAAddressCount, 0x0) \
    FIELD(TA_NS_ADDRESS, Address, 0x4) \
    SIZE(TA_NETBIOS_ADDRESS, 0x1a) \
    FIELD(TA_NETBIOS_ADDRESS, TAAddressCount, 0x0) \
    FIELD(TA_NETBIOS_ADDRESS, Address, 0x4) \
    SIZE(TA_NETBIOS_EX_ADDRESS, 0x2a) \
    FIELD(TA_NETBIOS_EX_ADDRESS, TAAddressCount, 0x0) \
    FIELD(TA_NETBIOS_EX_ADDRESS, Address, 0x4) \
    SIZE(TA_NETBIOS_UNICODE_EX_ADDRESS, 0x52) \
    FIELD(TA_NETBIOS_UNICODE_EX_ADDRESS, TAAddressCount, 0x0) \
    FIELD(TA_NETBIOS_UNICODE_EX_ADDRESS, Address, 0x4) \
    SIZE(TA_VNS_ADDRESS, 0x16) \
    FIELD(TA_VNS_ADDRESS, TAAddressCount, 0x0) \
    FIELD(TA_VNS_ADDRESS, Address, 0x4)

#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type);
#define FIELD(type, field, offset) _Static_assert(FIELD_OFFSET(type, field) == (offset), #type "." #field);
TABLE
#undef SIZE
#undef FIELD

struct layout_row {
    const char *type, *field;
    unsigned long value;
};
#define SIZE(type, bytes) {#type, "<sizeof>", sizeof(type)},
#define FIELD(type, field, offset) {#type, #field, (unsigned long)FIELD_OFFSET(type, field)},
static const struct layout_row rows[] = {TABLE};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

static int
is_ours(const char *type)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (!strcmp(rows[i].type, type))
            return 1;
    return 0;
}

static void
expect_row(const char *type, const char *field, unsigned long value)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (!strcmp(rows[i].type, type) && !strcmp(rows[i].field, field)) {
            ck_assert_msg(rows[i].value == value, "%s.%s is at %#lx, the table says %#lx", type, field, rows[i].value, value);
            return;
        }
    ck_abort_msg("the table has %s.%s at %#lx, this file does not", type, field, value);
}

TEST(every_row_of_the_layout_table_for_tdi_holds)
{
    FILE *table = fopen(NBX_SOURCE_DIR "/docs/facts/layout-x64.tsv", "r");
    char line[256], type[100], field[100];
    unsigned long value;
    size_t seen = 0;

    ck_assert_ptr_nonnull(table);
    while (fgets(line, sizeof line, table))
        if (sscanf(line, "%99[^\t]\t%99[^\t]\t%lx", type, field, &value) == 3 && is_ours(type)) {
            expect_row(type, field, value);
            seen++;
        }
    fclose(table);
    ck_assert_uint_eq(seen, ROW_COUNT);
}

// What travels in IRPs and IOCTLs as a number, by value.
TEST(requests_events_and_control_codes_have_their_numbers)
{
    static const ULONG requests[] = {TDI_ASSOCIATE_ADDRESS, TDI_DISASSOCIATE_ADDRESS, TDI_CONNECT, TDI_LISTEN, TDI_ACCEPT, TDI_DISCONNECT,
                                     TDI_SEND, TDI_RECEIVE, TDI_SEND_DATAGRAM, TDI_RECEIVE_DATAGRAM, TDI_SET_EVENT_HANDLER,
                                     TDI_QUERY_INFORMATION, TDI_SET_INFORMATION, TDI_ACTION};
    static const ULONG codes[] = {IOCTL_TDI_ACCEPT, IOCTL_TDI_CONNECT, IOCTL_TDI_DISCONNECT, IOCTL_TDI_LISTEN, IOCTL_TDI_QUERY_INFORMATION,
                                  IOCTL_TDI_RECEIVE, IOCTL_TDI_RECEIVE_DATAGRAM, IOCTL_TDI_SEND, IOCTL_TDI_SEND_DATAGRAM,
                                  IOCTL_TDI_SET_EVENT_HANDLER, IOCTL_TDI_SET_INFORMATION, IOCTL_TDI_ASSOCIATE_ADDRESS,
                                  IOCTL_TDI_DISASSOCIATE_ADDRESS, IOCTL_TDI_ACTION};
    static const ULONG methods[] = {0, 0, 0, 0, 2, 2, 2, 1, 1, 0, 1, 0, 0, 2};
    for (ULONG i = 0; i < 14; i++) {
        ck_assert_uint_eq(requests[i], i + 1);
        ck_assert_uint_eq(codes[i], 0x00210000 | i << 2 | methods[i]);
    }
    ck_assert_uint_eq(IOCTL_TDI_QUERY_DIRECT_SEND_HANDLER, 0x00210203);
    ck_assert_uint_eq(IOCTL_TDI_QUERY_DIRECT_SENDDG_HANDLER, 0x00210207);
    ck_assert_uint_eq(TDI_DIRECT_SEND, 0x27);
    ck_assert_uint_eq(TDI_DIRECT_SEND_DATAGRAM, 0x29);
    ck_assert_uint_eq(TDI_DIRECT_ACCEPT, 0x2a);
    ck_assert_uint_eq(TDI_EVENT_ERROR_EX, 10);
    ck_assert_uint_eq(TDI_PNP_OP_MAX, 8);
    ck_assert_uint_eq(TDI_CURRENT_VERSION, 2);
}
