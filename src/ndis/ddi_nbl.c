// SPDX-License-Identifier: MIT
// Front doors: NET_BUFFER_LISTs, NET_BUFFERs, their pools, data start and contexts. [nblapi] [mdlapi]
// The pool calls are hot: they do nothing but check the handle and go to nbl_pool.c.
#include "ndis/nbl.h"
#include "nt/ex/fault.h"
#include "verify/left.h"
#include "verify/verify.h"

NTAPI NDIS_HANDLE
NdisAllocateNetBufferListPool(NDIS_HANDLE NdisHandle, PNET_BUFFER_LIST_POOL_PARAMETERS Parameters)
{
    VERIFY_ENTER(NdisAllocateNetBufferListPool);
    if (EX_FAULT())
        return NULL;
    struct ndis_nbl_pool *pool = ndis_nbl_pool_create(Parameters);
    if (pool)
        verify_had(VERIFY_LEFT_NBL_POOL, pool, NdisHandle, NULL);
    return pool;
}

NTAPI VOID
NdisFreeNetBufferListPool(NDIS_HANDLE PoolHandle)
{
    VERIFY_ENTER(NdisFreeNetBufferListPool);
    struct ndis_nbl_pool *pool = ndis_handle_check(PoolHandle, NDIS_KIND_POOL_NBL, "NdisFreeNetBufferListPool");
    verify_gave(pool->ndis->box, VERIFY_LEFT_NBL_POOL, pool);
    ndis_nbl_pool_destroy(pool);
}

NTAPI NDIS_HANDLE
NdisAllocateNetBufferPool(NDIS_HANDLE NdisHandle, PNET_BUFFER_POOL_PARAMETERS Parameters)
{
    VERIFY_ENTER(NdisAllocateNetBufferPool);
    if (EX_FAULT())
        return NULL;
    struct ndis_nb_pool *pool = ndis_nb_pool_create(Parameters);
    if (pool)
        verify_had(VERIFY_LEFT_NB_POOL, pool, NdisHandle, NULL);
    return pool;
}

NTAPI VOID
NdisFreeNetBufferPool(NDIS_HANDLE PoolHandle)
{
    VERIFY_ENTER(NdisFreeNetBufferPool);
    struct ndis_nb_pool *pool = ndis_handle_check(PoolHandle, NDIS_KIND_POOL_NB, "NdisFreeNetBufferPool");
    verify_gave(pool->ndis->box, VERIFY_LEFT_NB_POOL, pool);
    ndis_nb_pool_destroy(pool);
}

NTAPI PNET_BUFFER_LIST
NdisAllocateNetBufferList(NDIS_HANDLE PoolHandle, USHORT ContextSize, USHORT ContextBackFill)
{
    VERIFY_DOOR(NdisAllocateNetBufferList);
    if (EX_FAULT())
        return NULL;
    return ndis_nbl_alloc(ndis_handle_check(PoolHandle, NDIS_KIND_POOL_NBL, "NdisAllocateNetBufferList"), ContextSize,
                          ContextBackFill);
}

NTAPI PNET_BUFFER_LIST
NdisAllocateNetBufferAndNetBufferList(NDIS_HANDLE PoolHandle, USHORT ContextSize, USHORT ContextBackFill, PMDL MdlChain,
                                      ULONG DataOffset, SIZE_T DataLength)
{
    VERIFY_DOOR(NdisAllocateNetBufferAndNetBufferList);
    if (EX_FAULT())
        return NULL;
    struct ndis_nbl_pool *pool = ndis_handle_check(PoolHandle, NDIS_KIND_POOL_NBL, "NdisAllocateNetBufferAndNetBufferList");
    // Only for pools that keep a NET_BUFFER and no data in each block.
    if (!pool->with_net_buffer || pool->data_bytes)
        return NULL;
    NET_BUFFER_LIST *nbl = ndis_nbl_alloc(pool, ContextSize, ContextBackFill);
    if (nbl) {
        NET_BUFFER *nb = nbl->FirstNetBuffer;
        nb->MdlChain = MdlChain;
        nb->DataOffset = DataOffset;
        nb->stDataLength = DataLength;
        ndis_nb_seek(nb);
    }
    return nbl;
}

NTAPI VOID
NdisFreeNetBufferList(PNET_BUFFER_LIST NetBufferList)
{
    VERIFY_DOOR(NdisFreeNetBufferList);
    ndis_nbl_free(NetBufferList);
}

NTAPI PNET_BUFFER
NdisAllocateNetBuffer(NDIS_HANDLE PoolHandle, PMDL MdlChain, ULONG DataOffset, SIZE_T DataLength)
{
    VERIFY_DOOR(NdisAllocateNetBuffer);
    if (EX_FAULT())
        return NULL;
    NET_BUFFER *nb = ndis_nb_alloc(ndis_handle_check(PoolHandle, NDIS_KIND_POOL_NB, "NdisAllocateNetBuffer"));
    if (nb) {
        nb->MdlChain = MdlChain;
        nb->DataOffset = DataOffset;
        nb->stDataLength = DataLength;
        ndis_nb_seek(nb);
    }
    return nb;
}

NTAPI PNET_BUFFER
NdisAllocateNetBufferMdlAndData(NDIS_HANDLE PoolHandle)
{
    VERIFY_DOOR(NdisAllocateNetBufferMdlAndData);
    if (EX_FAULT())
        return NULL;
    struct ndis_nb_pool *pool = ndis_handle_check(PoolHandle, NDIS_KIND_POOL_NB, "NdisAllocateNetBufferMdlAndData");
    if (!pool->data_bytes)
        return NULL;
    NET_BUFFER *nb = ndis_nb_alloc(pool);
    if (nb) {
        nb->MdlChain = ndis_nb_own_mdl(nb);
        nb->MdlChain->Next = NULL;
        ndis_nb_seek(nb);
    }
    return nb;
}

NTAPI VOID
NdisFreeNetBuffer(PNET_BUFFER NetBuffer)
{
    VERIFY_DOOR(NdisFreeNetBuffer);
    ndis_nb_free(NetBuffer);
}

NTAPI NDIS_STATUS
NdisAllocateNetBufferListContext(PNET_BUFFER_LIST NetBufferList, USHORT ContextSize, USHORT ContextBackFill, ULONG PoolTag)
{
    VERIFY_DOOR(NdisAllocateNetBufferListContext);
    if (EX_FAULT())
        return NDIS_STATUS_RESOURCES;
    return ndis_nbl_context_alloc(NetBufferList, ContextSize, ContextBackFill);
}

NTAPI VOID
NdisFreeNetBufferListContext(PNET_BUFFER_LIST NetBufferList, USHORT ContextSize)
{
    VERIFY_DOOR(NdisFreeNetBufferListContext);
    ndis_nbl_context_free(NetBufferList, ContextSize);
}

NTAPI NDIS_STATUS
NdisRetreatNetBufferDataStart(PNET_BUFFER NetBuffer, ULONG DataOffsetDelta, ULONG DataBackFill,
                              NET_BUFFER_ALLOCATE_MDL_HANDLER AllocateMdlHandler)
{
    VERIFY_DOOR(NdisRetreatNetBufferDataStart);
    bool needs_memory = DataOffsetDelta > NetBuffer->DataOffset && !AllocateMdlHandler;
    if (needs_memory && EX_FAULT())
        return NDIS_STATUS_RESOURCES;
    return ndis_nb_retreat(NetBuffer, DataOffsetDelta, DataBackFill, AllocateMdlHandler);
}

NTAPI VOID
NdisAdvanceNetBufferDataStart(PNET_BUFFER NetBuffer, ULONG DataOffsetDelta, BOOLEAN FreeMdl,
                              NET_BUFFER_FREE_MDL_HANDLER FreeMdlHandler)
{
    VERIFY_DOOR(NdisAdvanceNetBufferDataStart);
    ndis_nb_advance(NetBuffer, DataOffsetDelta, FreeMdl, FreeMdlHandler);
}

NTAPI NDIS_STATUS
NdisRetreatNetBufferListDataStart(PNET_BUFFER_LIST NetBufferList, ULONG DataOffsetDelta, ULONG DataBackFill,
                                  NET_BUFFER_ALLOCATE_MDL_HANDLER AllocateMdlHandler, NET_BUFFER_FREE_MDL_HANDLER FreeMdlHandler)
{
    VERIFY_DOOR(NdisRetreatNetBufferListDataStart);
    for (NET_BUFFER *nb = NetBufferList->FirstNetBuffer; nb; nb = nb->Next) {
        bool needs_memory = DataOffsetDelta > nb->DataOffset && !AllocateMdlHandler;
        NDIS_STATUS status = needs_memory && EX_FAULT() ? NDIS_STATUS_RESOURCES
                                                        : ndis_nb_retreat(nb, DataOffsetDelta, DataBackFill, AllocateMdlHandler);
        if (status == NDIS_STATUS_SUCCESS)
            continue;
        // All or nothing: those already moved are moved back.
        for (NET_BUFFER *undo = NetBufferList->FirstNetBuffer; undo != nb; undo = undo->Next)
            ndis_nb_advance(undo, DataOffsetDelta, TRUE, FreeMdlHandler);
        return status;
    }
    return NDIS_STATUS_SUCCESS;
}

NTAPI VOID
NdisAdvanceNetBufferListDataStart(PNET_BUFFER_LIST NetBufferList, ULONG DataOffsetDelta, BOOLEAN FreeMdl,
                                  NET_BUFFER_FREE_MDL_HANDLER FreeMdlHandler)
{
    VERIFY_DOOR(NdisAdvanceNetBufferListDataStart);
    for (NET_BUFFER *nb = NetBufferList->FirstNetBuffer; nb; nb = nb->Next)
        ndis_nb_advance(nb, DataOffsetDelta, FreeMdl, FreeMdlHandler);
}

NTAPI VOID
NdisAdjustNetBufferCurrentMdl(PNET_BUFFER NetBuffer)
{
    VERIFY_DOOR(NdisAdjustNetBufferCurrentMdl);
    ndis_nb_seek(NetBuffer);
}

NTAPI PVOID
NdisGetDataBuffer(PNET_BUFFER NetBuffer, ULONG BytesNeeded, PVOID Storage, UINT AlignMultiple, UINT AlignOffset)
{
    VERIFY_DOOR(NdisGetDataBuffer);
    return ndis_nb_data(NetBuffer, BytesNeeded, Storage, AlignMultiple, AlignOffset);
}

NTAPI NDIS_HANDLE
NdisGetPoolFromNetBuffer(PNET_BUFFER NetBuffer)
{
    return NetBuffer->NdisPoolHandle;
}

NTAPI NDIS_HANDLE
NdisGetPoolFromNetBufferList(PNET_BUFFER_LIST NetBufferList)
{
    return NetBufferList->NdisPoolHandle;
}

NTAPI PMDL
NdisAllocateMdl(NDIS_HANDLE NdisHandle, PVOID VirtualAddress, UINT Length)
{
    VERIFY_DOOR(NdisAllocateMdl);
    if (EX_FAULT())
        return NULL;
    MDL *mdl = ndis_alloc(ndis_mdl_bytes(VirtualAddress, Length));
    if (!mdl)
        return NULL;
    ndis_mdl_init(mdl, VirtualAddress, Length);
    verify_had(VERIFY_LEFT_MDL, mdl, NdisHandle, "NdisAllocateMdl");
    return mdl;
}

NTAPI VOID
NdisFreeMdl(PMDL Mdl)
{
    VERIFY_DOOR(NdisFreeMdl);
    verify_gave(box_self(), VERIFY_LEFT_MDL, Mdl);
    ndis_free(Mdl);
}
