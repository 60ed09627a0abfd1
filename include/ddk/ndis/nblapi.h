// SPDX-License-Identifier: MIT
// Pools, allocation and surgery on NET_BUFFER_LISTs and NET_BUFFERs, and the MDLs below them.
//
// A pool fixes what its members carry (context space, one NET_BUFFER each, data of one size). Retreat moves the start of the
// data towards the front, allocating an MDL when there is no room; advance is its inverse. Clone, fragment and reassemble
// make children that share their parent's data.
// Sources: [nblapi], [mdlapi], [ndis/nc-ndis-net_buffer_allocate_mdl_handler], [nbltimestamp].
#ifndef NBX_DDK_NDIS_NBLAPI_H
#define NBX_DDK_NDIS_NBLAPI_H
#include "nbl.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1 1
#define NET_BUFFER_POOL_PARAMETERS_REVISION_1 1
#define NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_2 2
#define NET_BUFFER_POOL_PARAMETERS_REVISION_2 2
#define NET_BUFFER_LIST_POOL_FLAG_VERIFY 0x00000001
#define NET_BUFFER_POOL_FLAG_VERIFY 0x00000001
typedef struct _NET_BUFFER_LIST_POOL_PARAMETERS {
    NDIS_OBJECT_HEADER Header;
    UCHAR ProtocolId;
    BOOLEAN fAllocateNetBuffer;
    USHORT ContextSize;
    ULONG PoolTag;
    ULONG DataSize;
#if NDIS_SUPPORT_NDIS682 // UNSURE: the pages do not say since when
    ULONG Flags;
#endif
} NET_BUFFER_LIST_POOL_PARAMETERS, *PNET_BUFFER_LIST_POOL_PARAMETERS;

#define NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_2 RTL_SIZEOF_THROUGH_FIELD(NET_BUFFER_LIST_POOL_PARAMETERS, Flags)
#define NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NET_BUFFER_LIST_POOL_PARAMETERS, DataSize)

// [windows-driver-docs network/net-buffer-pool-parameters]
typedef struct _NET_BUFFER_POOL_PARAMETERS {
    NDIS_OBJECT_HEADER Header;
    ULONG PoolTag;
    ULONG DataSize;
#if NDIS_SUPPORT_NDIS682 // UNSURE: the pages do not say since when
    ULONG Flags;
#endif
} NET_BUFFER_POOL_PARAMETERS, *PNET_BUFFER_POOL_PARAMETERS;
#define NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_2 RTL_SIZEOF_THROUGH_FIELD(NET_BUFFER_POOL_PARAMETERS, Flags)
#define NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NET_BUFFER_POOL_PARAMETERS, DataSize)

#define NDIS_CLONE_FLAGS_RESERVED 0x00000001
#define NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS 0x00000002
#define NDIS_PROTOCOL_ID_DEFAULT 0x00
#define NDIS_PROTOCOL_ID_TCP_IP 0x02
#define NDIS_PROTOCOL_ID_IP6 0x03
#define NDIS_PROTOCOL_ID_IPX 0x06
#define NDIS_PROTOCOL_ID_NBF 0x07
#define NDIS_PROTOCOL_ID_MAX 0x0f
#define NDIS_PROTOCOL_ID_MASK 0x0f

typedef PMDL NTAPI NET_BUFFER_ALLOCATE_MDL(PULONG BufferSize);
typedef NET_BUFFER_ALLOCATE_MDL *NET_BUFFER_ALLOCATE_MDL_HANDLER;
typedef VOID NTAPI NET_BUFFER_FREE_MDL(PMDL Mdl);
typedef NET_BUFFER_FREE_MDL *NET_BUFFER_FREE_MDL_HANDLER;

NTAPI NDIS_HANDLE NdisAllocateNetBufferListPool(NDIS_HANDLE NdisHandle, PNET_BUFFER_LIST_POOL_PARAMETERS Parameters);
NTAPI VOID NdisFreeNetBufferListPool(NDIS_HANDLE PoolHandle);
NTAPI NDIS_HANDLE NdisAllocateNetBufferPool(NDIS_HANDLE NdisHandle, PNET_BUFFER_POOL_PARAMETERS Parameters);
NTAPI VOID NdisFreeNetBufferPool(NDIS_HANDLE PoolHandle);
NTAPI PNET_BUFFER_LIST NdisAllocateNetBufferList(NDIS_HANDLE PoolHandle, USHORT ContextSize, USHORT ContextBackFill);
NTAPI VOID NdisFreeNetBufferList(PNET_BUFFER_LIST NetBufferList);
NTAPI PNET_BUFFER NdisAllocateNetBuffer(NDIS_HANDLE PoolHandle, PMDL MdlChain, ULONG DataOffset, SIZE_T DataLength);
NTAPI VOID NdisFreeNetBuffer(PNET_BUFFER NetBuffer);
NTAPI PNET_BUFFER_LIST NdisAllocateNetBufferAndNetBufferList(
    NDIS_HANDLE PoolHandle, USHORT ContextSize, USHORT ContextBackFill, PMDL MdlChain, ULONG DataOffset,
    SIZE_T DataLength);
NTAPI PNET_BUFFER NdisAllocateNetBufferMdlAndData(NDIS_HANDLE PoolHandle);
NTAPI NDIS_STATUS NdisAllocateNetBufferListContext(
    PNET_BUFFER_LIST NetBufferList, USHORT ContextSize, USHORT ContextBackFill, ULONG PoolTag);
NTAPI VOID NdisFreeNetBufferListContext(PNET_BUFFER_LIST NetBufferList, USHORT ContextSize);
NTAPI PNET_BUFFER_LIST NdisAllocateCloneNetBufferList(
    PNET_BUFFER_LIST OriginalNetBufferList, NDIS_HANDLE NetBufferListPoolHandle, NDIS_HANDLE NetBufferPoolHandle,
    ULONG AllocateCloneFlags);
NTAPI VOID NdisFreeCloneNetBufferList(PNET_BUFFER_LIST CloneNetBufferList, ULONG FreeCloneFlags);
NTAPI PNET_BUFFER_LIST NdisAllocateFragmentNetBufferList(
    PNET_BUFFER_LIST OriginalNetBufferList, NDIS_HANDLE NetBufferListPoolHandle, NDIS_HANDLE NetBufferPoolHandle,
    ULONG StartOffset, ULONG MaximumLength, ULONG DataOffsetDelta, ULONG DataBackFill, ULONG AllocateFragmentFlags);
NTAPI VOID NdisFreeFragmentNetBufferList(PNET_BUFFER_LIST FragmentNetBufferList, ULONG DataOffsetDelta,
                                         ULONG FreeFragmentFlags);
NTAPI PNET_BUFFER_LIST NdisAllocateReassembledNetBufferList(
    PNET_BUFFER_LIST FragmentedNetBufferList, NDIS_HANDLE NetBufferAndNetBufferListPoolHandle, ULONG StartOffset,
    ULONG DataOffsetDelta, ULONG DataBackFill, ULONG AllocateReassembleFlags);
NTAPI VOID NdisFreeReassembledNetBufferList(PNET_BUFFER_LIST ReassembledNetBufferList, ULONG DataOffsetDelta,
                                            ULONG FreeReassembleFlags);
NTAPI NDIS_STATUS NdisRetreatNetBufferDataStart(PNET_BUFFER NetBuffer, ULONG DataOffsetDelta, ULONG DataBackFill,
                                                NET_BUFFER_ALLOCATE_MDL_HANDLER AllocateMdlHandler);
NTAPI VOID NdisAdvanceNetBufferDataStart(PNET_BUFFER NetBuffer, ULONG DataOffsetDelta, BOOLEAN FreeMdl,
                                         NET_BUFFER_FREE_MDL_HANDLER FreeMdlHandler);
NTAPI NDIS_STATUS NdisRetreatNetBufferListDataStart(
    PNET_BUFFER_LIST NetBufferList, ULONG DataOffsetDelta, ULONG DataBackFill,
    NET_BUFFER_ALLOCATE_MDL_HANDLER AllocateMdlHandler, NET_BUFFER_FREE_MDL_HANDLER FreeMdlHandler);
NTAPI VOID NdisAdvanceNetBufferListDataStart(PNET_BUFFER_LIST NetBufferList, ULONG DataOffsetDelta, BOOLEAN FreeMdl,
                                             NET_BUFFER_FREE_MDL_HANDLER FreeMdlHandler);
NTAPI VOID NdisAdjustNetBufferCurrentMdl(PNET_BUFFER NetBuffer);
NTAPI NDIS_STATUS NdisCopyFromNetBufferToNetBuffer(
    PNET_BUFFER Destination, ULONG DestinationOffset, ULONG BytesToCopy, PNET_BUFFER Source, ULONG SourceOffset,
    PULONG BytesCopied);
NTAPI PVOID NdisGetDataBuffer(PNET_BUFFER NetBuffer, ULONG BytesNeeded, PVOID Storage, UINT AlignMultiple,
                              UINT AlignOffset);
NTAPI ULONG NdisQueryNetBufferPhysicalCount(PNET_BUFFER NetBuffer);
NTAPI NDIS_HANDLE NdisGetPoolFromNetBuffer(PNET_BUFFER NetBuffer);
NTAPI NDIS_HANDLE NdisGetPoolFromNetBufferList(PNET_BUFFER_LIST NetBufferList);
NTAPI UCHAR NdisGetNetBufferListProtocolId(PNET_BUFFER_LIST NetBufferList);
NTAPI VOID NdisCopySendNetBufferListInfo(PNET_BUFFER_LIST DestNetBufferList, PNET_BUFFER_LIST SrcNetBufferList);
NTAPI VOID NdisCopyReceiveNetBufferListInfo(PNET_BUFFER_LIST DestNetBufferList, PNET_BUFFER_LIST SrcNetBufferList);
NTAPI UCHAR NdisGeneratePartialCancelId(VOID);

#if NDIS_SUPPORT_NDIS682
// A time stamp is one slot's worth of raw clock. UNSURE: no page names its slot; any that nothing else uses will do, as long
// as only these three functions touch it.
typedef struct _NET_BUFFER_LIST_TIMESTAMP {
    ULONG64 Timestamp;
} NET_BUFFER_LIST_TIMESTAMP, *PNET_BUFFER_LIST_TIMESTAMP;

FORCEINLINE VOID
NdisSetNblTimestampInfo(PNET_BUFFER_LIST Nbl, const NET_BUFFER_LIST_TIMESTAMP *NblTimestamp)
{
    Nbl->NetBufferListInfo[NetBufferListInfoReserved3] = (PVOID)(ULONG_PTR)NblTimestamp->Timestamp;
}

FORCEINLINE VOID
NdisGetNblTimestampInfo(const NET_BUFFER_LIST *Nbl, PNET_BUFFER_LIST_TIMESTAMP NblTimestamp)
{
    NblTimestamp->Timestamp = (ULONG64)(ULONG_PTR)Nbl->NetBufferListInfo[NetBufferListInfoReserved3];
}

FORCEINLINE VOID
NdisCopyNblTimestampInfo(PNET_BUFFER_LIST NblDest, const NET_BUFFER_LIST *NblSrc)
{
    NblDest->NetBufferListInfo[NetBufferListInfoReserved3] = NblSrc->NetBufferListInfo[NetBufferListInfoReserved3];
}
#endif

NTAPI PMDL NdisAllocateMdl(NDIS_HANDLE NdisHandle, PVOID VirtualAddress, UINT Length);
NTAPI VOID NdisFreeMdl(PMDL Mdl);
#define NDIS_MDL_LINKAGE(_Mdl) ((_Mdl)->Next)
#define NDIS_MDL_TO_SPAN_PAGES(_Mdl) ADDRESS_AND_SIZE_TO_SPAN_PAGES(MmGetMdlVirtualAddress(_Mdl), MmGetMdlByteCount(_Mdl))
#define NdisGetNextMdl(_CurrentMdl, _NextMdl) (*(_NextMdl) = (_CurrentMdl)->Next)
#define NdisAdjustMdlLength(_Mdl, _Length) ((_Mdl)->ByteCount = (_Length))
#define NdisGetMdlPhysicalArraySize(_Mdl, _ArraySize) (*(_ArraySize) = NDIS_MDL_TO_SPAN_PAGES(_Mdl))
// A driver that asks for the length only passes NULL for the address.
#define NdisQueryMdl(_Mdl, _VirtualAddress, _Length, _Priority)                                                        \
    do {                                                                                                               \
        PVOID *nbx_va_ = (PVOID *)(_VirtualAddress);                                                                   \
        if (nbx_va_ != NULL)                                                                                           \
            *nbx_va_ = MmGetSystemAddressForMdlSafe(_Mdl, _Priority);                                                  \
        *(_Length) = MmGetMdlByteCount(_Mdl);                                                                          \
    } while (0)
#define NdisQueryMdlOffset(_Mdl, _Offset, _Length)                                                                     \
    do {                                                                                                               \
        *(_Offset) = MmGetMdlByteOffset(_Mdl);                                                                         \
        *(_Length) = MmGetMdlByteCount(_Mdl);                                                                          \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif
