// SPDX-License-Identifier: MIT
// Front doors: buffers and MDL chains, and chained receives on their way back.
// [TdiCopyBufferToMdl ff565024, TdiCopyMdlToBuffer ff565029, TdiCopyMdlChainToMdlChain ff565028, TdiReturnChainedReceives ff565064]
#include "nt/mm/mdl.h"
#include "tdi/tdi.h"
#include "verify/refuse.h"
#include "verify/verify.h"

NTAPI NTSTATUS
TdiCopyBufferToMdl(PVOID SourceBuffer, ULONG SourceOffset, ULONG SourceBytesToCopy, PMDL DestinationMdlChain, ULONG DestinationOffset,
                   PULONG BytesCopied)
{
    VERIFY_ENTER(TdiCopyBufferToMdl);
    *BytesCopied = tdi_mdl_write(DestinationMdlChain, DestinationOffset, (PUCHAR)SourceBuffer + SourceOffset, SourceBytesToCopy);
    return *BytesCopied == SourceBytesToCopy ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
}

// DestinationBufferSize is that of the whole buffer, the offset included.
NTAPI NTSTATUS
TdiCopyMdlToBuffer(PMDL SourceMdlChain, ULONG SourceOffset, PVOID DestinationBuffer, ULONG DestinationOffset, ULONG DestinationBufferSize,
                   PULONG BytesCopied)
{
    VERIFY_ENTER(TdiCopyMdlToBuffer);
    ULONG there = tdi_mdl_bytes(SourceMdlChain);
    ULONG wanted = SourceOffset < there ? there - SourceOffset : 0;
    ULONG room = DestinationOffset < DestinationBufferSize ? DestinationBufferSize - DestinationOffset : 0;
    *BytesCopied = tdi_mdl_read(SourceMdlChain, SourceOffset, (PUCHAR)DestinationBuffer + DestinationOffset, wanted < room ? wanted : room);
    return wanted > room ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

NTAPI NTSTATUS
TdiCopyMdlChainToMdlChain(PMDL SourceMdlChain, ULONG SourceOffset, PMDL DestinationMdlChain, ULONG DestinationOffset, PULONG BytesCopied)
{
    VERIFY_ENTER(TdiCopyMdlChainToMdlChain);
    ULONG source = tdi_mdl_bytes(SourceMdlChain), destination = tdi_mdl_bytes(DestinationMdlChain);
    *BytesCopied = 0;
    if (SourceOffset > source || DestinationOffset > destination)
        return STATUS_BUFFER_OVERFLOW;
    *BytesCopied = tdi_mdl_copy(SourceMdlChain, SourceOffset, DestinationMdlChain, DestinationOffset);
    return *BytesCopied == source - SourceOffset ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
}

NTAPI VOID
TdiMapBuffer(PMDL MdlChain)
{
    VERIFY_ENTER(TdiMapBuffer);
    for (MDL *mdl = MdlChain; mdl; mdl = mdl->Next)
        mm_mdl_map(mdl);
}

// Only what was mapped: the pages of nonpaged pool have their address anyway.
NTAPI VOID
TdiUnmapBuffer(PMDL MdlChain)
{
    VERIFY_ENTER(TdiUnmapBuffer);
    for (MDL *mdl = MdlChain; mdl; mdl = mdl->Next)
        if ((mdl->MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL)) == MDL_MAPPED_TO_SYSTEM_VA)
            mm_mdl_unmap(mdl);
}

NTAPI VOID
TdiReturnChainedReceives(PVOID *TsduDescriptors, ULONG NumberOfTsdus)
{
    VERIFY_ENTER(TdiReturnChainedReceives);
    for (ULONG i = 0; i < NumberOfTsdus; i++) {
        NBX_TDI_TSDU *tsdu = TsduDescriptors[i];
        if (!tsdu || !tsdu->Return)
            verify_contract("TdiReturnChainedReceives", "this is no descriptor of a chained receive that is out");
        struct ke_crossing before = ke_driver_enter_code(ke_self(), (const void *)tsdu->Return, "NBX_TDI_TSDU.Return");
        tsdu->Return(tsdu);
        ke_driver_leave(ke_self(), before);
    }
}

NTAPI BOOLEAN
TdiMatchPdoWithChainedReceiveContext(PVOID TsduDescriptor, PVOID PDO)
{
    VERIFY_ENTER(TdiMatchPdoWithChainedReceiveContext);
    const NBX_TDI_TSDU *tsdu = TsduDescriptor;
    return PDO && tsdu->PhysicalDeviceObject == PDO;
}
