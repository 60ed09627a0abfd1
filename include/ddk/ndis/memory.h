// SPDX-License-Identifier: MIT
// Memory, strings, lists and lookaside lists under their NDIS names.
//
// What Windows defines as macros over the executive stays macros; what it exports is declared.
// Sources: [ndis/nf-ndis-ndisallocatememorywithtagpriority], [ndis/nf-ndis-ndismovememory], [ndis/nf-ndis-ndisinitunicodestring],
// [ndis/nf-ndis-ndisinterlockedinserttaillist], [ndis/nf-ndis-ndisallocatesharedmemory] and kin.
#ifndef NBX_DDK_NDIS_MEMORY_H
#define NBX_DDK_NDIS_MEMORY_H
#include "lock.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NDIS_MEMORY_CONTIGUOUS 0x00000001
#define NDIS_MEMORY_NONCACHED 0x00000002

NTAPI PVOID NdisAllocateMemoryWithTagPriority(NDIS_HANDLE NdisHandle, UINT Length, ULONG Tag,
                                              EX_POOL_PRIORITY Priority);
NTAPI VOID NdisFreeMemoryWithTagPriority(NDIS_HANDLE NdisHandle, PVOID VirtualAddress, ULONG Tag);
NTAPI VOID NdisFreeMemory(PVOID VirtualAddress, UINT Length, UINT MemoryFlags);
NTAPI VOID NdisFreeMemoryWithTag(PVOID VirtualAddress, ULONG Tag);
NTAPI NDIS_STATUS NdisAllocateMemoryWithTag(PVOID *VirtualAddress, UINT Length, ULONG Tag);

#define NdisMoveMemory(Destination, Source, Length) RtlCopyMemory((Destination), (Source), (Length))
#define NdisZeroMemory(Destination, Length) RtlZeroMemory((Destination), (Length))
#define NdisFillMemory(Destination, Length, Fill) RtlFillMemory((Destination), (Length), (Fill))
#define NdisEqualMemory(Source1, Source2, Length) RtlEqualMemory((Source1), (Source2), (Length))
#define NdisRetrieveUlong(Destination, Source) ((void)memcpy((Destination), (Source), sizeof(ULONG)))
#define NdisStoreUlong(Destination, Value)                                                                             \
    do {                                                                                                               \
        ULONG nbx_value_ = (Value);                                                                                    \
        memcpy((Destination), &nbx_value_, sizeof(ULONG));                                                             \
    } while (0)
#define NdisMoveMappedMemory(Destination, Source, Length) RtlCopyMemory((Destination), (Source), (Length))
#define NdisMoveFromMappedMemory(Destination, Source, Length) NdisMoveMappedMemory((Destination), (Source), (Length))
#define NdisMoveToMappedMemory(Destination, Source, Length) NdisMoveMappedMemory((Destination), (Source), (Length))
#define NdisZeroMappedMemory(Destination, Length) RtlZeroMemory((Destination), (Length))

#define NdisGetPhysicalAddressHigh(_Address) ((_Address).HighPart)
#define NdisSetPhysicalAddressHigh(_Address, _Value) ((_Address).HighPart = (_Value))
#define NdisGetPhysicalAddressLow(_Address) ((_Address).LowPart)
#define NdisSetPhysicalAddressLow(_Address, _Value) ((_Address).LowPart = (_Value))
#define NDIS_PHYSICAL_ADDRESS_CONST(_Low, _High)                                                                       \
    {                                                                                                                  \
        { (ULONG)(_Low), (LONG)(_High) }                                                                               \
    }

#define NDIS_STRING_CONST(_x) {sizeof(L##_x) - sizeof(WCHAR), sizeof(L##_x), (PWCH)L##_x}
#define NdisInitAnsiString(_as, _s) RtlInitAnsiString((_as), (_s))
#define NdisInitUnicodeString(_us, _s) RtlInitUnicodeString((_us), (_s))
#define NdisAnsiStringToUnicodeString(_us, _as) RtlAnsiStringToUnicodeString((_us), (_as), FALSE)
#define NdisUnicodeStringToAnsiString(_as, _us) RtlUnicodeStringToAnsiString((_as), (_us), FALSE)
#define NdisUpcaseUnicodeString(_d, _s) RtlUpcaseUnicodeString((_d), (_s), FALSE)
#define NdisEqualString(_s1, _s2, _CaseInsensitive) RtlEqualUnicodeString((_s1), (_s2), (_CaseInsensitive))
#define NdisEqualUnicodeString(_s1, _s2, _CaseInsensitive) RtlEqualUnicodeString((_s1), (_s2), (_CaseInsensitive))
#define NdisFreeString(_s) NdisFreeMemory((_s).Buffer, (_s).MaximumLength, 0)
NTAPI VOID NdisInitializeString(PNDIS_STRING DestinationString, PUCHAR SourceString);

#define NdisInitializeListHead(_ListHead) InitializeListHead(_ListHead)
#define NdisInterlockedIncrement(_Addend) InterlockedIncrement(_Addend)
#define NdisInterlockedDecrement(_Addend) InterlockedDecrement(_Addend)
#define NdisInterlockedAddUlong(_Addend, _Increment, _SpinLock) ExInterlockedAddUlong((_Addend), (_Increment), &(_SpinLock)->SpinLock)
#define NdisInterlockedAddLargeStatistic(_Addend, _Increment)                                                          \
    ((void)__atomic_fetch_add(&(_Addend)->QuadPart, (LONGLONG)(ULONG)(_Increment), __ATOMIC_SEQ_CST))
#define NdisInterlockedInsertHeadList(_ListHead, _ListEntry, _SpinLock)                                                \
    ExInterlockedInsertHeadList((_ListHead), (_ListEntry), &(_SpinLock)->SpinLock)
#define NdisInterlockedInsertTailList(_ListHead, _ListEntry, _SpinLock)                                                \
    ExInterlockedInsertTailList((_ListHead), (_ListEntry), &(_SpinLock)->SpinLock)
#define NdisInterlockedRemoveHeadList(_ListHead, _SpinLock) ExInterlockedRemoveHeadList((_ListHead), &(_SpinLock)->SpinLock)
#define NdisInitializeSListHead(_SListHead) ExInitializeSListHead(_SListHead)
#define NdisQueryDepthSList(_SListHead) ExQueryDepthSList(_SListHead)
#define NdisInterlockedPushEntrySList(_SListHead, _SListEntry, _Lock)                                                  \
    ExInterlockedPushEntrySList((_SListHead), (_SListEntry), &(_Lock)->SpinLock)
#define NdisInterlockedPopEntrySList(_SListHead, _Lock) ExInterlockedPopEntrySList((_SListHead), &(_Lock)->SpinLock)
#define NdisInterlockedFlushSList(_SListHead) ExInterlockedFlushSList(_SListHead)

#define NdisInitializeNPagedLookasideList(_Lookaside, _Allocate, _Free, _Flags, _Size, _Tag, _Depth)                   \
    ExInitializeNPagedLookasideList((_Lookaside), (_Allocate), (_Free), (_Flags), (_Size), (_Tag), (_Depth))
#define NdisDeleteNPagedLookasideList(_Lookaside) ExDeleteNPagedLookasideList(_Lookaside)
#define NdisAllocateFromNPagedLookasideList(_Lookaside) ExAllocateFromNPagedLookasideList(_Lookaside)
#define NdisFreeToNPagedLookasideList(_Lookaside, _Entry) ExFreeToNPagedLookasideList((_Lookaside), (_Entry))

typedef enum _NDIS_SHARED_MEMORY_USAGE {
    NdisSharedMemoryUsageUndefined,
    NdisSharedMemoryUsageXmit,
    NdisSharedMemoryUsageXmitHeader,
    NdisSharedMemoryUsageXmitData,
    NdisSharedMemoryUsageReceive,
    NdisSharedMemoryUsageReceiveLookahead,
    NdisSharedMemoryUsageReceivePostLookahead,
    NdisSharedMemoryUsageReceiveHeader,
    NdisSharedMemoryUsageReceiveData,
    NdisSharedMemoryUsageOther,
    NdisSharedMemoryUsageMax
} NDIS_SHARED_MEMORY_USAGE, *PNDIS_SHARED_MEMORY_USAGE;

#define NDIS_SHARED_MEMORY_PARAMETERS_REVISION_1 1
#define NDIS_SHARED_MEMORY_PARAMETERS_REVISION_2 2
#define NDIS_SHARED_MEM_PARAMETERS_CONTIGUOUS 0x00000001
#define NDIS_SHARED_MEM_PARAMETERS_CONTIGOUS NDIS_SHARED_MEM_PARAMETERS_CONTIGUOUS
#define NDIS_SHARED_MEMORY_PROVIDER_CHARACTERISTICS_REVISION_1 1
typedef ULONG NODE_REQUIREMENT;
typedef struct _NDIS_SHARED_MEMORY_PARAMETERS {
    NDIS_OBJECT_HEADER Header;
    ULONG Flags;
    NDIS_RECEIVE_QUEUE_ID QueueId;
    NDIS_HANDLE SharedMemoryHandle;
    NODE_REQUIREMENT PreferredNode;
    NDIS_SHARED_MEMORY_USAGE Usage;
    ULONG Length;
    PVOID VirtualAddress;
    ULONG SGListBufferLength;
    PSCATTER_GATHER_LIST SGListBuffer;
#if (NDIS_SUPPORT_NDIS630)
    NDIS_NIC_SWITCH_VPORT_ID VPortId;
#endif
} NDIS_SHARED_MEMORY_PARAMETERS, *PNDIS_SHARED_MEMORY_PARAMETERS;

#define NDIS_SIZEOF_SHARED_MEMORY_PARAMETERS_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NDIS_SHARED_MEMORY_PARAMETERS, SGListBuffer)
#define NDIS_SIZEOF_SHARED_MEMORY_PARAMETERS_REVISION_2 RTL_SIZEOF_THROUGH_FIELD(NDIS_SHARED_MEMORY_PARAMETERS, VPortId)
typedef NDIS_STATUS NTAPI ALLOCATE_SHARED_MEMORY(NDIS_HANDLE ProviderContext, PNDIS_SHARED_MEMORY_PARAMETERS SharedMemoryParameters,
                                                 PNDIS_HANDLE pSharedMemoryProviderContext);
typedef ALLOCATE_SHARED_MEMORY *ALLOCATE_SHARED_MEMORY_HANDLER;
typedef VOID NTAPI FREE_SHARED_MEMORY(NDIS_HANDLE ProviderContext, NDIS_HANDLE SharedMemoryProviderContext);
typedef FREE_SHARED_MEMORY *FREE_SHARED_MEMORY_HANDLER;
typedef struct _NDIS_SHARED_MEMORY_PROVIDER_CHARACTERISTICS {
    NDIS_OBJECT_HEADER Header;
    ULONG Flags;
    NDIS_HANDLE ProviderContext;
    ALLOCATE_SHARED_MEMORY_HANDLER AllocateSharedMemoryHandler;
    FREE_SHARED_MEMORY_HANDLER FreeSharedMemoryHandler;
} NDIS_SHARED_MEMORY_PROVIDER_CHARACTERISTICS, *PNDIS_SHARED_MEMORY_PROVIDER_CHARACTERISTICS;

#define NDIS_SIZEOF_SHARED_MEMORY_PROVIDER_CHARACTERISTICS_REVISION_1                                                  \
    RTL_SIZEOF_THROUGH_FIELD(NDIS_SHARED_MEMORY_PROVIDER_CHARACTERISTICS, FreeSharedMemoryHandler)
NTAPI NDIS_STATUS NdisAllocateSharedMemory(NDIS_HANDLE NdisHandle,
                                           PNDIS_SHARED_MEMORY_PARAMETERS SharedMemoryParameters,
                                           PNDIS_HANDLE pAllocationHandle);
NTAPI VOID NdisFreeSharedMemory(NDIS_HANDLE NdisHandle, NDIS_HANDLE AllocationHandle);

#ifdef __cplusplus
}
#endif
#endif
