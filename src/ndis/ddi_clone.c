// SPDX-License-Identifier: MIT
// Front doors: clones, copies between NET_BUFFERs, and the out-of-band information that goes with a derived list.
// Fragment and reassembled lists are refused by their generated doors.
#include "ndis/nbl.h"
#include "nt/ex/fault.h"
#include "verify/refuse.h"
#include "verify/verify.h"

NTAPI PNET_BUFFER_LIST
NdisAllocateCloneNetBufferList(PNET_BUFFER_LIST OriginalNetBufferList, NDIS_HANDLE NetBufferListPoolHandle,
                               NDIS_HANDLE NetBufferPoolHandle, ULONG AllocateCloneFlags)
{
    VERIFY_ENTER(NdisAllocateCloneNetBufferList);
    if (EX_FAULT())
        return NULL;
    struct ndis_nbl_pool *pool = NULL;
    struct ndis_nb_pool *nb_pool = NULL;
    if (NetBufferListPoolHandle)
        pool = ndis_handle_check(NetBufferListPoolHandle, NDIS_KIND_POOL_NBL, "NdisAllocateCloneNetBufferList");
    if (NetBufferPoolHandle)
        nb_pool = ndis_handle_check(NetBufferPoolHandle, NDIS_KIND_POOL_NB, "NdisAllocateCloneNetBufferList");
    return ndis_nbl_clone(OriginalNetBufferList, pool, nb_pool, AllocateCloneFlags & NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS);
}

NTAPI VOID
NdisFreeCloneNetBufferList(PNET_BUFFER_LIST CloneNetBufferList, ULONG FreeCloneFlags)
{
    VERIFY_ENTER(NdisFreeCloneNetBufferList);
    if (ndis_nbl_of(CloneNetBufferList)->kind != NDIS_NBL_CLONE)
        verify_contract("NdisFreeCloneNetBufferList", "this NET_BUFFER_LIST is no clone");
    bool original_mdls = FreeCloneFlags & NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS;
    if (ndis_nbl_of(CloneNetBufferList)->has_original_mdls != original_mdls)
        verify_contract("NdisFreeCloneNetBufferList", "FreeCloneFlags are not the flags of NdisAllocateCloneNetBufferList");
    ndis_nbl_clone_free(CloneNetBufferList, original_mdls);
}

// Offsets count from the current data start of each; nothing in the destination changes but its data. It may be written up to the
// end of its MDL chain [nblapi/nf-nblapi-ndiscopyfromnetbuffertonetbuffer].
NTAPI NDIS_STATUS
NdisCopyFromNetBufferToNetBuffer(PNET_BUFFER Destination, ULONG DestinationOffset, ULONG BytesToCopy, PNET_BUFFER Source,
                                 ULONG SourceOffset, PULONG BytesCopied)
{
    VERIFY_ENTER(NdisCopyFromNetBufferToNetBuffer);
    size_t skip = (size_t)Destination->CurrentMdlOffset + DestinationOffset;
    ULONG done = 0;
    for (MDL *mdl = Destination->CurrentMdl; mdl && done < BytesToCopy; mdl = mdl->Next) {
        if (skip >= mdl->ByteCount) {
            skip -= mdl->ByteCount;
            continue;
        }
        size_t room = mdl->ByteCount - skip;
        if (room > BytesToCopy - done)
            room = BytesToCopy - done;
        size_t got = ndis_nb_read(Source, (size_t)SourceOffset + done, (uint8_t *)mdl->MappedSystemVa + skip, room);
        done += (ULONG)got;
        skip = 0;
        if (got < room)
            break;
    }
    *BytesCopied = done;
    return NDIS_STATUS_SUCCESS;
}

// An upper bound: each MDL may break at each page it touches [nblapi/nf-nblapi-ndisquerynetbufferphysicalcount].
NTAPI ULONG
NdisQueryNetBufferPhysicalCount(PNET_BUFFER NetBuffer)
{
    VERIFY_ENTER(NdisQueryNetBufferPhysicalCount);
    ULONG count = 0;
    for (MDL *mdl = NetBuffer->MdlChain; mdl; mdl = mdl->Next)
        count += (ULONG)ADDRESS_AND_SIZE_TO_SPAN_PAGES(mdl->MappedSystemVa, mdl->ByteCount);
    return count;
}

// The low byte of the slot; the pool's protocol id went there [nblapi/nf-nblapi-ndisgetnetbufferlistprotocolid].
NTAPI UCHAR
NdisGetNetBufferListProtocolId(PNET_BUFFER_LIST NetBufferList)
{
    VERIFY_ENTER(NdisGetNetBufferListProtocolId);
    return (UCHAR)(uintptr_t)NetBufferList->NetBufferListInfo[NetBufferListProtocolId];
}

static void
info_copy(NET_BUFFER_LIST *to, const NET_BUFFER_LIST *from, const uint8_t *slots, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to->NetBufferListInfo[slots[i]] = from->NetBufferListInfo[slots[i]];
}

// The slots are those of the page's table, no others [nblapi/nf-nblapi-ndiscopysendnetbufferlistinfo].
NTAPI VOID
NdisCopySendNetBufferListInfo(PNET_BUFFER_LIST DestNetBufferList, PNET_BUFFER_LIST SrcNetBufferList)
{
    static const uint8_t slots[] = {TcpIpChecksumNetBufferListInfo, IPsecOffloadV1NetBufferListInfo, TcpLargeSendNetBufferListInfo,
                                    Ieee8021QNetBufferListInfo, MediaSpecificInformation, NetBufferListCancelId,
                                    NetBufferListProtocolId, IPsecOffloadV2TunnelNetBufferListInfo,
                                    IPsecOffloadV2HeaderNetBufferListInfo, VirtualSubnetInfo, NetBufferListFilteringInfo};
    VERIFY_ENTER(NdisCopySendNetBufferListInfo);
    info_copy(DestNetBufferList, SrcNetBufferList, slots, sizeof slots);
}

// [nblapi/nf-nblapi-ndiscopyreceivenetbufferlistinfo]
NTAPI VOID
NdisCopyReceiveNetBufferListInfo(PNET_BUFFER_LIST DestNetBufferList, PNET_BUFFER_LIST SrcNetBufferList)
{
    static const uint8_t slots[] = {TcpIpChecksumNetBufferListInfo, IPsecOffloadV1NetBufferListInfo, TcpReceiveNoPush,
                                    Ieee8021QNetBufferListInfo, MediaSpecificInformation, NetBufferListFrameType,
                                    NetBufferListHashValue, NetBufferListHashInfo, IPsecOffloadV2TunnelNetBufferListInfo,
                                    IPsecOffloadV2HeaderNetBufferListInfo, VirtualSubnetInfo, NetBufferListFilteringInfo};
    VERIFY_ENTER(NdisCopyReceiveNetBufferListInfo);
    info_copy(DestNetBufferList, SrcNetBufferList, slots, sizeof slots);
}
