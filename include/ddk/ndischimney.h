// SPDX-License-Identifier: MIT
// TCP chimney offload: a host stack hands live TCP connections to an offload target (a miniport), through intermediate drivers.
//
// State goes down and comes back as a tree of block lists: neighbours, below them paths, below those connections. A protocol's block
// (NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST) and a miniport's are the same bytes: NDIS writes one form over the other on the way. Directly
// behind a block in memory lies the state that its Header.Type names; where that is all of an object, constant, cached and delegated
// part follow each other as the members of one C structure do, each at its own alignment.
//   down        NdisInitiateOffload and kin -> MiniportInitiateOffload and kin; NdisOffloadTcpSend and kin -> MiniportTcpOffloadSend
//   completion  NdisMInitiateOffloadComplete and kin -> ProtocolInitiateOffloadComplete; NDIS_TCP_OFFLOAD_EVENT_HANDLERS -> Protocol...
//   events      NdisTcpOffloadEventHandler, NdisTcpOffloadReceiveHandler, NdisMOffloadEventIndicate -> ProtocolTcpOffloadEvent ...
// Where pages contradict themselves or each other, a comment beside the declaration says which reading stands here.
// Sources: [ndischimney], one page per name (their forms of 2018 carry the declarations); numbers from symbols of Windows builds.
#ifndef NBX_DDK_NDISCHIMNEY_H
#define NBX_DDK_NDISCHIMNEY_H
#include <ndis.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum _NDIS_CHIMNEY_OFFLOAD_TYPE {
    NdisTcpChimneyOffload = 1,
    NdisIpsecChimneyOffload = 2, // this and what follows it: reserved
    NdisRdmaChimneyOffload = 3,
    NdisMaxChimneyOffload = 4
} NDIS_CHIMNEY_OFFLOAD_TYPE, *PNDIS_CHIMNEY_OFFLOAD_TYPE;

// Header.Type of a block: what lies behind it. The pages do not say what Type a block has that refers to an object and brings no state
// (in a terminate that wants none back, in an update that moves paths to another neighbour, in an invalidate); here:
//   initiate    new state: the type of a whole object, which follows; a linker: any type of its layer, nothing follows
//   update      a cached type is followed by that state; with any other type of the layer nothing follows
//   terminate   a delegated type is followed by that state; with any other nothing follows
//   query       the state of the type follows       invalidate   nothing follows
typedef enum _OFFLOAD_STATE_TYPE {
    NeighborOffloadConstState = 1,
    NeighborOffloadCachedState = 2,
    NeighborOffloadDelegatedState = 3,
    NeighborOffloadState = 4,
    Ip4OffloadConstState = 5,
    Ip4OffloadCachedState = 6,
    Ip4OffloadDelegatedState = 7,
    Ip4OffloadState = 8,
    Ip6OffloadConstState = 9,
    Ip6OffloadCachedState = 10,
    Ip6OffloadDelegatedState = 11,
    Ip6OffloadState = 12,
    TcpOffloadConstState = 13,
    TcpOffloadCachedState = 14,
    TcpOffloadDelegatedState = 15,
    TcpOffloadResourceState = 16, // not used
    TcpOffloadState = 17,
    FilterReservedOffloadState = 254,
    MaximumOffloadState = 255
} OFFLOAD_STATE_TYPE, *POFFLOAD_STATE_TYPE;

typedef enum _TCP_OFFLOAD_EVENT_TYPE {
    TcpIndicateSendBacklogChange = 1,
    TcpIndicateDisconnect = 2,
    TcpIndicateRetrieve = 3,
    TcpIndicateAbort = 4
} TCP_OFFLOAD_EVENT_TYPE, *PTCP_OFFLOAD_EVENT_TYPE;

// EventSpecificInformation of TcpIndicateRetrieve.
typedef enum _TCP_UPLOAD_REASON {
    LowActivity = 1,
    HighDropRate = 2,
    SmallIO = 3,
    NoBufferPreposting = 4,
    NoBufferProposting = NoBufferPreposting, // the pages spell it both ways
    ReceivedUrgentData = 5,
    HighFragmentation = 6,
    HighOutOfOrderPackets = 7,
    TimeoutExpiration = 8,
    InvalidState = 9,
    UploadRequested = 10,
    HardwareFailure = 11,
    MaxUploadReason = 12
} TCP_UPLOAD_REASON, *PTCP_UPLOAD_REASON;

// IndicationCode of NdisMOffloadEventIndicate.
typedef enum _INDICATE_OFFLOAD_EVENT {
    NeighborReachabilityInDoubt = 1, // reserved
    NeighborReachabilityQuery = 2,
    MaxOffloadEvent = 3
} INDICATE_OFFLOAD_EVENT, *PINDICATE_OFFLOAD_EVENT;

typedef enum _TCP_OFFLOAD_CONNECTION_STATE {
    TcpConnectionClosed = 0,
    TcpConnectionListen = 1,
    TcpConnectionSynSent = 2,
    TcpConnectionSynRcvd = 3,
    TcpConnectionEstablished = 4,
    TcpConnectionFinWait1 = 5,
    TcpConnectionFinWait2 = 6,
    TcpConnectionCloseWait = 7,
    TcpConnectionClosing = 8,
    TcpConnectionLastAck = 9,
    TcpConnectionTimeWait = 10,
    MaxTcpConnectionState = 11
} TCP_OFFLOAD_CONNECTION_STATE, *PTCP_OFFLOAD_CONNECTION_STATE;

// ---- Value ours ------------------------------------------------------------------------------------------------------------------
// No public source gives these numbers. Drivers compiled against this header agree on them; a binary compiled elsewhere would not.
// (NDIS_STATUS_OFFLOAD_PATH_MTU, ours as well, stands with the other status values in ndis/status.h.)
#define TCP_DISCONNECT_ABORTIVE_CLOSE 0x00000001
#define TCP_DISCONNECT_GRACEFUL_CLOSE 0x00000002
// TCP_OFFLOAD_STATE_CONST.Flags
#define TCP_FLAG_TIMESTAMP_ENABLED 0x0001
#define TCP_FLAG_SACK_ENABLED 0x0002
#define TCP_FLAG_WINDOW_SCALING_ENABLED 0x0004
// TCP_OFFLOAD_STATE_CACHED.Flags
#define TCP_FLAG_KEEP_ALIVE_ENABLED 0x0001
#define TCP_FLAG_NAGLING_ENABLED 0x0002
#define TCP_FLAG_KEEP_ALIVE_RESTART 0x0004
#define TCP_FLAG_MAX_RT_RESTART 0x0008
#define TCP_FLAG_UPDATE_RCV_WND 0x0010
// Names and numbers of the only revisions there have been, formed as those of every other structure of NDIS are. The pages have none.
#define NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS_REVISION_1 1
#define NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS_REVISION_1 1
#define NDIS_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS_REVISION_1 1
#define NDIS_PROVIDER_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS_REVISION_1 1
#define NDIS_TCP_OFFLOAD_EVENT_HANDLERS_REVISION_1 1
#define NDIS_OFFLOAD_BLOCK_LIST_REVISION_1 1 // of either form of a block list
#define NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS_REVISION_1 1
// ---- End of what is ours ---------------------------------------------------------------------------------------------------------

// ---- State objects. Times are in ticks of NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS.TicksPerSecond, addresses in network byte order. --
// UNSURE: no page gives the byte order of RemotePort and LocalPort. Network order here, that of the addresses and of the header.
typedef struct _OFFLOAD_STATE_HEADER {
    ULONG Length; // NDIS sets it: bytes of the structure that this header opens
    ULONG RecognizedOptions;
} OFFLOAD_STATE_HEADER, *POFFLOAD_STATE_HEADER;

typedef struct _NEIGHBOR_OFFLOAD_STATE_CONST {
    OFFLOAD_STATE_HEADER Header;
    UCHAR DlSourceAddress[32];
    ULONG VlanId : 12;
} NEIGHBOR_OFFLOAD_STATE_CONST, *PNEIGHBOR_OFFLOAD_STATE_CONST;

typedef struct _NEIGHBOR_OFFLOAD_STATE_CACHED {
    OFFLOAD_STATE_HEADER Header;
    UCHAR DlDestinationAddress[32];
    ULONG HostReachabilityDelta;
} NEIGHBOR_OFFLOAD_STATE_CACHED, *PNEIGHBOR_OFFLOAD_STATE_CACHED;

typedef struct _NEIGHBOR_OFFLOAD_STATE_DELEGATED {
    OFFLOAD_STATE_HEADER Header;
    ULONG NicReachabilityDelta;
} NEIGHBOR_OFFLOAD_STATE_DELEGATED, *PNEIGHBOR_OFFLOAD_STATE_DELEGATED;

typedef struct _PATH_OFFLOAD_STATE_CONST {
    OFFLOAD_STATE_HEADER Header;
    const UCHAR *SourceAddress;
    const UCHAR *DestinationAddress;
} PATH_OFFLOAD_STATE_CONST, *PPATH_OFFLOAD_STATE_CONST;

typedef struct _PATH_OFFLOAD_STATE_CACHED {
    OFFLOAD_STATE_HEADER Header;
    ULONG PathMtu;
} PATH_OFFLOAD_STATE_CACHED, *PPATH_OFFLOAD_STATE_CACHED;

typedef struct _PATH_OFFLOAD_STATE_DELEGATED {
    OFFLOAD_STATE_HEADER Header;
} PATH_OFFLOAD_STATE_DELEGATED, *PPATH_OFFLOAD_STATE_DELEGATED;

typedef struct _TCP_OFFLOAD_STATE_CONST {
    OFFLOAD_STATE_HEADER Header;
    USHORT Flags;
    USHORT RemotePort;
    USHORT LocalPort;
    UCHAR SndWindScale : 4;
    UCHAR RcvWindScale : 4;
    USHORT RemoteMss;
    ULONG HashValue;
} TCP_OFFLOAD_STATE_CONST, *PTCP_OFFLOAD_STATE_CONST;

typedef struct _TCP_OFFLOAD_STATE_CACHED {
    OFFLOAD_STATE_HEADER Header;
    USHORT Flags;
    ULONG InitialRcvWnd;
    ULONG RcvIndicationSize;
    UCHAR KaProbeCount;
    ULONG KaTimeout;
    ULONG KaInterval;
    ULONG MaxRT;
    ULONG FlowLabel : 20;
    UCHAR TtlOrHopLimit;
    UCHAR TosOrTrafficClass;
    UCHAR UserPriority : 3;
} TCP_OFFLOAD_STATE_CACHED, *PTCP_OFFLOAD_STATE_CACHED;

typedef struct _TCP_OFFLOAD_STATE_DELEGATED {
    OFFLOAD_STATE_HEADER Header;
    TCP_OFFLOAD_CONNECTION_STATE State;
    USHORT Flags;
    ULONG RcvNxt;
    ULONG RcvWnd;
    ULONG SndUna;
    ULONG SndNxt;
    ULONG SndMax;
    ULONG SndWnd;
    ULONG MaxSndWnd;
    ULONG SendWL1;
    ULONG CWnd;
    ULONG SsThresh;
    USHORT SRtt;   // eight times the smoothed round trip time
    USHORT RttVar; // four times its variation
    ULONG TsRecent;
    ULONG TsRecentAge;
    ULONG TsTime;
    ULONG TotalRT;
    UCHAR DupAckCount;
    UCHAR SndWndProbeCount;
    // The page calls these two unions; as they are declared, and as symbols show them, they are structures.
    struct {
        UCHAR ProbeCount;
        ULONG TimeoutDelta; // -1: the timer does not run
    } KeepAlive;
    struct {
        UCHAR Count;
        ULONG TimeoutDelta; // -1: the timer does not run
    } Retransmit;
    union {
        struct {
            PNET_BUFFER_LIST SendDataHead; // initiate and terminate
            PNET_BUFFER_LIST SendDataTail;
        };
        ULONG SendBacklogSize; // query; 0xFFFFFFFF: not supported
    };
    union {
        PNET_BUFFER_LIST BufferedData; // initiate and terminate
        ULONG ReceiveBacklogSize;      // query; 0xFFFFFFFF: not supported
    };
} TCP_OFFLOAD_STATE_DELEGATED, *PTCP_OFFLOAD_STATE_DELEGATED;

// ---- Block lists and handles ------------------------------------------------------------------------------------------------------
// A layer's own context of an offloaded object begins, or holds, one of these; its address is that layer's name for the object.
typedef struct _NDIS_OFFLOAD_HANDLE {
    PVOID NdisReserved[1];
    PVOID MiniportOffloadContext; // what the driver below wrote on initiate; NULL before
} NDIS_OFFLOAD_HANDLE, *PNDIS_OFFLOAD_HANDLE;

typedef struct _NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST {
    NDIS_OBJECT_HEADER Header; // Type: an OFFLOAD_STATE_TYPE; Size: of this structure alone
    struct _NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *NextBlock;
    struct _NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *DependentBlockList;
    NDIS_STATUS Status;
    PVOID NdisReserved[3];
    PNDIS_OFFLOAD_HANDLE OffloadHandle; // NULL: a placeholder
    PVOID ProtocolReserved[2];
    PVOID MiniportReserved[2];
    PVOID ImReserved[2];
    PVOID Scratch[2];
    PVOID SourceHandle;
    NDIS_PORT_NUMBER PortNumber;
    PNET_BUFFER_LIST NetBufferListChain;
} NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST, *PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST;

typedef struct _NDIS_MINIPORT_OFFLOAD_BLOCK_LIST {
    NDIS_OBJECT_HEADER Header;
    struct _NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *NextBlock;
    struct _NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *DependentBlockList;
    NDIS_STATUS Status;
    PVOID NdisReserved[2];
    PVOID *MiniportOffloadContext; // NULL: a placeholder; at NULL: new state; at anything else: state the target has
    NDIS_HANDLE NdisOffloadHandle; // what events about the object are indicated with
    PVOID ProtocolReserved[2];
    PVOID MiniportReserved[2];
    PVOID ImReserved[2];
    PVOID Scratch[2];
    PVOID SourceHandle;
    NDIS_PORT_NUMBER PortNumber;
    PNET_BUFFER_LIST NetBufferListChain;
} NDIS_MINIPORT_OFFLOAD_BLOCK_LIST, *PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST;

// ---- Callbacks --------------------------------------------------------------------------------------------------------------------
// The pages declare functions with these types and members of structures with them as well; only a pointer can be a member.

// An offload target's, and the upper edge of an intermediate driver.
typedef VOID(NTAPI *W_INITIATE_OFFLOAD_HANDLER)(NDIS_HANDLE MiniportAdapterContext, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST OffloadBlockList);
typedef VOID(NTAPI *W_TERMINATE_OFFLOAD_HANDLER)(NDIS_HANDLE MiniportAdapterContext, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST OffloadBlockList);
// The page has PNDIS_OFFLOAD_BLOCK_LIST, a type that nothing declares.
typedef VOID(NTAPI *W_UPDATE_OFFLOAD_HANDLER)(NDIS_HANDLE MiniportAdapterContext, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST OffloadBlockList);
typedef VOID(NTAPI *W_INVALIDATE_OFFLOAD_HANDLER)(NDIS_HANDLE MiniportAdapterContext, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST OffloadBlockList);
typedef VOID(NTAPI *W_QUERY_OFFLOAD_HANDLER)(NDIS_HANDLE MiniportAdapterContext, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST OffloadBlockList);
// MiniportOffloadContext of these four is the very PVOID that the driver wrote to *MiniportOffloadContext when it took the connection
// ("extracts the MiniportOffloadContext pointer and passes it", in the guide); their pages, read by the letter, speak of where it lies.
typedef NDIS_STATUS(NTAPI *W_TCP_OFFLOAD_SEND_HANDLER)(
    NDIS_HANDLE MiniportAdapterContext, PVOID MiniportOffloadContext, PNET_BUFFER_LIST NetBufferList);
typedef NDIS_STATUS(NTAPI *W_TCP_OFFLOAD_RECEIVE_HANDLER)(
    NDIS_HANDLE MiniportAdapterContext, PVOID MiniportOffloadContext, PNET_BUFFER_LIST NetBufferList);
typedef NDIS_STATUS(NTAPI *W_TCP_OFFLOAD_DISCONNECT_HANDLER)(
    NDIS_HANDLE MiniportAdapterContext, PVOID MiniportOffloadContext, PNET_BUFFER_LIST NetBufferList, ULONG Flags);
typedef NDIS_STATUS(NTAPI *W_TCP_OFFLOAD_FORWARD_HANDLER)(
    NDIS_HANDLE MiniportAdapterContext, PVOID MiniportOffloadContext, PNET_BUFFER_LIST NetBufferList);
// Returns NDIS_STATUS_SUCCESS always, while NdisOffloadTcpReceiveReturn, which leads here, returns nothing.
typedef NDIS_STATUS(NTAPI *W_TCP_OFFLOAD_RECEIVE_RETURN_HANDLER)(NDIS_HANDLE MiniportAdapterContext, PNET_BUFFER_LIST NetBufferList);

// A host stack's, and the lower edge of an intermediate driver.
typedef VOID(NTAPI *INITIATE_OFFLOAD_COMPLETE_HANDLER)(
    NDIS_HANDLE ProtocolBindingContext, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST OffloadBlockList);
typedef VOID(NTAPI *TERMINATE_OFFLOAD_COMPLETE_HANDLER)(
    NDIS_HANDLE ProtocolBindingContext, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST OffloadBlockList);
typedef VOID(NTAPI *UPDATE_OFFLOAD_COMPLETE_HANDLER)(
    NDIS_HANDLE ProtocolBindingContext, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST OffloadBlockList);
typedef VOID(NTAPI *INVALIDATE_OFFLOAD_COMPLETE_HANDLER)(
    NDIS_HANDLE ProtocolBindingContext, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST OffloadBlockList);
typedef VOID(NTAPI *QUERY_OFFLOAD_COMPLETE_HANDLER)(NDIS_HANDLE ProtocolBindingContext, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST OffloadBlockList);
typedef VOID(NTAPI *INDICATE_OFFLOAD_EVENT_HANDLER)(
    NDIS_HANDLE ProtocolBindingContext, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST OffloadBlockList, ULONG IndicationCode);
// The declaration on its page has a block list here; its text, and every other page, a NET_BUFFER_LIST.
typedef VOID(NTAPI *TCP_OFFLOAD_SEND_COMPLETE_HANDLER)(NDIS_HANDLE ProtocolBindingContext, PNET_BUFFER_LIST NetBufferList);
typedef VOID(NTAPI *TCP_OFFLOAD_RECV_COMPLETE_HANDLER)(NDIS_HANDLE ProtocolBindingContext, PNET_BUFFER_LIST NetBufferList);
// Its page lets an intermediate driver pass a ProtocolBindingContext on to "NdisOffloadTcpDisconnectComplete". There is no such function:
// it is NdisTcpOffloadDisconnectComplete, and that takes the NdisMiniportHandle of the intermediate driver's virtual miniport.
typedef VOID(NTAPI *TCP_OFFLOAD_DISCONNECT_COMPLETE_HANDLER)(NDIS_HANDLE ProtocolBindingContext, PNET_BUFFER_LIST NetBufferList);
typedef VOID(NTAPI *TCP_OFFLOAD_FORWARD_COMPLETE_HANDLER)(NDIS_HANDLE ProtocolBindingContext, PNET_BUFFER_LIST NetBufferList);
// Its page introduces it as ProtocolIndicateOffloadEvent, which is INDICATE_OFFLOAD_EVENT_HANDLER; it is ProtocolTcpOffloadEvent.
typedef VOID(NTAPI *TCP_OFFLOAD_EVENT_HANDLER)(PVOID OffloadContext, ULONG EventType, ULONG EventSpecificInformation);
typedef NDIS_STATUS(NTAPI *TCP_OFFLOAD_RECEIVE_INDICATE_HANDLER)(
    PVOID OffloadContext, PNET_BUFFER_LIST NetBufferList, NDIS_STATUS Status, PULONG BytesConsumed);

// NDIS's, which a target gets from NdisMGetOffloadHandlers.
typedef VOID(NTAPI *NDIS_TCP_OFFLOAD_EVENT_INDICATE)(NDIS_HANDLE NdisOffloadHandle, ULONG EventType, ULONG EventSpecificInformation);
// Its page once calls the refusal NDIS_STATUS_NOT_ACCEPTED; it is NDIS_STATUS_OFFLOAD_DATA_NOT_ACCEPTED.
typedef NDIS_STATUS(NTAPI *NDIS_TCP_OFFLOAD_RECEIVE_INDICATE)(
    NDIS_HANDLE NdisOffloadHandle, PNET_BUFFER_LIST NetBufferList, NDIS_STATUS Status, PULONG BytesConsumed);
typedef VOID(NTAPI *NDIS_TCP_OFFLOAD_SEND_COMPLETE)(NDIS_HANDLE NdisMiniportHandle, PNET_BUFFER_LIST NetBufferList);
typedef VOID(NTAPI *NDIS_TCP_OFFLOAD_RECEIVE_COMPLETE)(NDIS_HANDLE NdisMiniportHandle, PNET_BUFFER_LIST NetBufferList);
typedef VOID(NTAPI *NDIS_TCP_OFFLOAD_DISCONNECT_COMPLETE)(NDIS_HANDLE NdisMiniportHandle, PNET_BUFFER_LIST NetBufferList);
typedef VOID(NTAPI *NDIS_TCP_OFFLOAD_FORWARD_COMPLETE)(NDIS_HANDLE NdisMiniportHandle, PNET_BUFFER_LIST NetBufferList);

// ---- Registration -----------------------------------------------------------------------------------------------------------------
// For NdisSetOptionalHandlers. The pages call Header.Type "not significant", but nothing else tells the structures apart: it is
// NDIS_OBJECT_TYPE_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS and kin, and the word of a TCP structure is the one without GENERIC.
typedef struct _NDIS_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS {
    NDIS_OBJECT_HEADER Header;
    ULONG Flags;
    W_INITIATE_OFFLOAD_HANDLER InitiateOffloadHandler;
    W_TERMINATE_OFFLOAD_HANDLER TerminateOffloadHandler;
    W_UPDATE_OFFLOAD_HANDLER UpdateOffloadHandler;
    W_INVALIDATE_OFFLOAD_HANDLER InvalidateOffloadHandler;
    W_QUERY_OFFLOAD_HANDLER QueryOffloadHandler;
} NDIS_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS, *PNDIS_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS;

typedef struct _NDIS_PROVIDER_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS {
    NDIS_OBJECT_HEADER Header;
    ULONG Flags;
    NDIS_CHIMNEY_OFFLOAD_TYPE OffloadType;
    W_TCP_OFFLOAD_SEND_HANDLER TcpOffloadSendHandler;
    W_TCP_OFFLOAD_RECEIVE_HANDLER TcpOffloadReceiveHandler;
    W_TCP_OFFLOAD_DISCONNECT_HANDLER TcpOffloadDisconnectHandler;
    W_TCP_OFFLOAD_FORWARD_HANDLER TcpOffloadForwardHandler;
    W_TCP_OFFLOAD_RECEIVE_RETURN_HANDLER TcpOffloadReceiveReturnHandler;
} NDIS_PROVIDER_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS, *PNDIS_PROVIDER_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS;

typedef struct _NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS {
    NDIS_OBJECT_HEADER Header;
    ULONG Flags;
    INITIATE_OFFLOAD_COMPLETE_HANDLER InitiateOffloadCompleteHandler;
    TERMINATE_OFFLOAD_COMPLETE_HANDLER TerminateOffloadCompleteHandler;
    UPDATE_OFFLOAD_COMPLETE_HANDLER UpdateOffloadCompleteHandler;
    INVALIDATE_OFFLOAD_COMPLETE_HANDLER InvalidateOffloadCompleteHandler;
    QUERY_OFFLOAD_COMPLETE_HANDLER QueryOffloadCompleteHandler;
    INDICATE_OFFLOAD_EVENT_HANDLER IndicateOffloadEventHandler;
} NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS, *PNDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS;

typedef struct _NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS {
    NDIS_OBJECT_HEADER Header;
    ULONG Flags;
    NDIS_CHIMNEY_OFFLOAD_TYPE OffloadType;
    TCP_OFFLOAD_SEND_COMPLETE_HANDLER TcpOffloadSendCompleteHandler;
    TCP_OFFLOAD_RECV_COMPLETE_HANDLER TcpOffloadReceiveCompleteHandler;
    TCP_OFFLOAD_DISCONNECT_COMPLETE_HANDLER TcpOffloadDisconnectCompleteHandler;
    TCP_OFFLOAD_FORWARD_COMPLETE_HANDLER TcpOffloadForwardCompleteHandler;
    TCP_OFFLOAD_EVENT_HANDLER TcpOffloadEventHandler;
    TCP_OFFLOAD_RECEIVE_INDICATE_HANDLER TcpOffloadReceiveIndicateHandler;
} NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS, *PNDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS;

// What NdisMGetOffloadHandlers gives: a header whose Type is the chimney type; of NdisTcpChimneyOffload it opens the structure below.
typedef struct _NDIS_OFFLOAD_EVENT_HANDLERS {
    NDIS_OBJECT_HEADER Header;
} NDIS_OFFLOAD_EVENT_HANDLERS, *PNDIS_OFFLOAD_EVENT_HANDLERS;

typedef struct _NDIS_TCP_OFFLOAD_EVENT_HANDLERS {
    NDIS_OBJECT_HEADER Header;
    NDIS_TCP_OFFLOAD_EVENT_INDICATE NdisTcpOffloadEventHandler;
    NDIS_TCP_OFFLOAD_RECEIVE_INDICATE NdisTcpOffloadReceiveHandler;
    NDIS_TCP_OFFLOAD_SEND_COMPLETE NdisTcpOffloadSendComplete;
    NDIS_TCP_OFFLOAD_RECEIVE_COMPLETE NdisTcpOffloadReceiveComplete;
    NDIS_TCP_OFFLOAD_DISCONNECT_COMPLETE NdisTcpOffloadDisconnectComplete;
    NDIS_TCP_OFFLOAD_FORWARD_COMPLETE NdisTcpOffloadForwardComplete;
} NDIS_TCP_OFFLOAD_EVENT_HANDLERS, *PNDIS_TCP_OFFLOAD_EVENT_HANDLERS;

// ---- OIDs. OID_TCP_CONNECTION_OFFLOAD_PARAMETERS; OID_IP4_OFFLOAD_STATS and IP6; OID_TCP4_OFFLOAD_STATS and TCP6. Capabilities are
// NDIS_TCP_CONNECTION_OFFLOAD (ndis/offload.h). --------------------------------------------------------------------------------------
typedef struct _NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS {
    NDIS_OBJECT_HEADER Header;
    NDIS_OFFLOAD_ENCAPSULATION Encapsulation;
    ULONG TicksPerSecond;
    UCHAR TcpAckFrequency;
    UCHAR TcpDelayedAckTicks;
    UCHAR TcpMaximumRetransmissions;
    UCHAR TcpDoubtReachabilityRetransmissions;
    ULONG TcpSwsPreventionTicks;
    ULONG TcpDuplicateAckThreshold;
    ULONG TcpPushTicks;
    ULONG NceStaleTicks;
#if (NDIS_SUPPORT_NDIS61)
    ULONG CongestionAlgorithm : 4; // reserved
#endif
} NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS, *PNDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS;

typedef struct _IP_OFFLOAD_STATS {
    ULONG64 InReceives;
    ULONG64 InOctets;
    ULONG64 InDelivers;
    ULONG64 OutRequests;
    ULONG64 OutOctets;
    ULONG InHeaderErrors;
    ULONG InTruncatedPackets;
    ULONG InDiscards;
    ULONG OutDiscards;
    ULONG OutNoRoutes;
} IP_OFFLOAD_STATS, *PIP_OFFLOAD_STATS;

typedef struct _TCP_OFFLOAD_STATS {
    ULONG64 InSegments;
    ULONG64 OutSegments;
    ULONG CurrentlyEstablished;
    ULONG ResetEstablished;
    ULONG RetransmittedSegments;
    ULONG InErrors;
    ULONG OutResets;
} TCP_OFFLOAD_STATS, *PTCP_OFFLOAD_STATS;

// ---- Functions --------------------------------------------------------------------------------------------------------------------
// For host stacks and the lower edge of intermediate drivers.
NTAPI VOID NdisInitiateOffload(NDIS_HANDLE NdisBindingHandle, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST OffloadBlockList);
NTAPI VOID NdisTerminateOffload(NDIS_HANDLE NdisBindingHandle, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST OffloadBlockList);
NTAPI VOID NdisUpdateOffload(NDIS_HANDLE NdisBindingHandle, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST OffloadBlockList);
NTAPI VOID NdisInvalidateOffload(NDIS_HANDLE NdisBindingHandle, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST OffloadBlockList);
NTAPI VOID NdisQueryOffloadState(NDIS_HANDLE NdisBindingHandle, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST OffloadBlockList);
NTAPI NDIS_STATUS NdisOffloadTcpSend(PNDIS_OFFLOAD_HANDLE NdisOffloadHandle, PNET_BUFFER_LIST NetBufferList);
NTAPI NDIS_STATUS NdisOffloadTcpReceive(PNDIS_OFFLOAD_HANDLE NdisOffloadHandle, PNET_BUFFER_LIST NetBufferList);
NTAPI NDIS_STATUS NdisOffloadTcpDisconnect(PNDIS_OFFLOAD_HANDLE NdisOffloadHandle, PNET_BUFFER_LIST NetBufferList, ULONG Flags);
NTAPI NDIS_STATUS NdisOffloadTcpForward(PNDIS_OFFLOAD_HANDLE NdisOffloadHandle, PNET_BUFFER_LIST NetBufferList);
// Its text speaks of a returned NDIS_STATUS_SUCCESS; the declaration returns nothing.
NTAPI VOID NdisOffloadTcpReceiveReturn(NDIS_HANDLE NdisBindingHandle, PNET_BUFFER_LIST NetBufferList);

// For offload targets and the upper edge of intermediate drivers.
NTAPI NDIS_STATUS NdisMGetOffloadHandlers(
    NDIS_HANDLE NdisMiniportHandle, NDIS_CHIMNEY_OFFLOAD_TYPE ChimneyType, PNDIS_OFFLOAD_EVENT_HANDLERS *OffloadHandlers);
NTAPI VOID NdisMInitiateOffloadComplete(NDIS_HANDLE NdisMiniportHandle, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST OffloadBlockList);
NTAPI VOID NdisMTerminateOffloadComplete(NDIS_HANDLE NdisMiniportHandle, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST OffloadBlockList);
NTAPI VOID NdisMUpdateOffloadComplete(NDIS_HANDLE NdisMiniportHandle, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST OffloadBlockList);
NTAPI VOID NdisMInvalidateOffloadComplete(NDIS_HANDLE NdisMiniportHandle, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST OffloadBlockList);
NTAPI VOID NdisMQueryOffloadStateComplete(NDIS_HANDLE NdisMiniportHandle, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST OffloadBlockList);
// Its page says both that NextBlock may lead on and that there is one block list alone; with NeighborReachabilityQuery, whose state lies
// behind the block, it is one.
NTAPI VOID NdisMOffloadEventIndicate(
    NDIS_HANDLE NdisMiniportHandle, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST OffloadBlockList, ULONG IndicationCode);

#ifdef __cplusplus
}
#endif
#endif
