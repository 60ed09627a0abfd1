// SPDX-License-Identifier: MIT
// Front doors: generic tables, and SIDs. [ntddk/nf-ntddk-rtlinitializegenerictable] and its neighbours.
#include <ntddk.h>

#include "nt/ke/ke.h"
#include "nt/rtl/splay.h"
#include "verify/verify.h"

static inline struct rtl_splay_entry *
entry_of_data(void *data)
{
    return CONTAINING_RECORD(data, struct rtl_splay_entry, data);
}

NTAPI VOID
RtlInitializeGenericTable(PRTL_GENERIC_TABLE Table, PRTL_GENERIC_COMPARE_ROUTINE CompareRoutine,
                          PRTL_GENERIC_ALLOCATE_ROUTINE AllocateRoutine, PRTL_GENERIC_FREE_ROUTINE FreeRoutine, PVOID TableContext)
{
    VERIFY_ENTER(RtlInitializeGenericTable);
    *Table = (RTL_GENERIC_TABLE){.CompareRoutine = CompareRoutine, .AllocateRoutine = AllocateRoutine, .FreeRoutine = FreeRoutine};
    Table->TableContext = TableContext;
    InitializeListHead(&Table->InsertOrderList);
    Table->OrderedPointer = &Table->InsertOrderList;
}

NTAPI PVOID
RtlInsertElementGenericTable(PRTL_GENERIC_TABLE Table, PVOID Buffer, CLONG BufferSize, PBOOLEAN NewElement)
{
    VERIFY_ENTER(RtlInsertElementGenericTable);
    bool is_new;
    struct rtl_splay_entry *entry = rtl_splay_insert(Table, Buffer, BufferSize, &is_new);
    if (NewElement)
        *NewElement = is_new;
    return entry ? entry->data : NULL;
}

NTAPI BOOLEAN
RtlDeleteElementGenericTable(PRTL_GENERIC_TABLE Table, PVOID Buffer)
{
    VERIFY_ENTER(RtlDeleteElementGenericTable);
    struct rtl_splay_entry *entry = rtl_splay_find(Table, Buffer);
    if (!entry)
        return FALSE;
    rtl_splay_remove(Table, entry);
    return TRUE;
}

NTAPI PVOID
RtlLookupElementGenericTable(PRTL_GENERIC_TABLE Table, PVOID Buffer)
{
    VERIFY_ENTER(RtlLookupElementGenericTable);
    struct rtl_splay_entry *entry = rtl_splay_find(Table, Buffer);
    return entry ? entry->data : NULL;
}

// The place of the enumeration without splaying is the element given last, in the caller's key.
NTAPI PVOID
RtlEnumerateGenericTableWithoutSplaying(PRTL_GENERIC_TABLE Table, PVOID *RestartKey)
{
    VERIFY_ENTER(RtlEnumerateGenericTableWithoutSplaying);
    struct rtl_splay_entry *entry = rtl_splay_next(Table, *RestartKey ? entry_of_data(*RestartKey) : NULL);
    if (!entry)
        return NULL;
    *RestartKey = entry->data;
    return entry->data;
}

// The I-th in the order of insertion.
NTAPI PVOID
RtlGetElementGenericTable(PRTL_GENERIC_TABLE Table, ULONG I)
{
    VERIFY_ENTER(RtlGetElementGenericTable);
    if (I >= Table->NumberGenericTableElements)
        return NULL;
    LIST_ENTRY *entry = Table->InsertOrderList.Flink;
    while (I--)
        entry = entry->Flink;
    return CONTAINING_RECORD(entry, struct rtl_splay_entry, inserted)->data;
}

NTAPI ULONG
RtlNumberGenericTableElements(PRTL_GENERIC_TABLE Table)
{
    VERIFY_ENTER(RtlNumberGenericTableElements);
    return Table->NumberGenericTableElements;
}

NTAPI BOOLEAN
RtlIsGenericTableEmpty(PRTL_GENERIC_TABLE Table)
{
    VERIFY_ENTER(RtlIsGenericTableEmpty);
    return Table->TableRoot == NULL;
}

NTAPI BOOLEAN
RtlValidSid(PSID Sid)
{
    VERIFY_ENTER(RtlValidSid);
    const SID *sid = Sid;
    return sid && sid->Revision == SID_REVISION && sid->SubAuthorityCount <= SID_MAX_SUB_AUTHORITIES;
}

NTAPI ULONG
RtlLengthRequiredSid(ULONG SubAuthorityCount)
{
    VERIFY_ENTER(RtlLengthRequiredSid);
    return (ULONG)offsetof(SID, SubAuthority) + SubAuthorityCount * (ULONG)sizeof(ULONG);
}

NTAPI ULONG
RtlLengthSid(PSID Sid)
{
    VERIFY_ENTER(RtlLengthSid);
    return (ULONG)offsetof(SID, SubAuthority) + ((SID *)Sid)->SubAuthorityCount * (ULONG)sizeof(ULONG);
}

NTAPI NTSTATUS
RtlCopySid(ULONG DestinationSidLength, PSID DestinationSid, PSID SourceSid)
{
    VERIFY_ENTER(RtlCopySid);
    ULONG bytes = RtlLengthSid(SourceSid);
    if (bytes > DestinationSidLength)
        return STATUS_BUFFER_TOO_SMALL;
    memmove(DestinationSid, SourceSid, bytes);
    return STATUS_SUCCESS;
}

NTAPI BOOLEAN
RtlEqualSid(PSID Sid1, PSID Sid2)
{
    VERIFY_ENTER(RtlEqualSid);
    return RtlLengthSid(Sid1) == RtlLengthSid(Sid2) && memcmp(Sid1, Sid2, RtlLengthSid(Sid1)) == 0;
}
