// SPDX-License-Identifier: MIT
// Front door: the event log of protocol drivers. The record is the I/O manager's error log entry: dump data first, padded to ULONGs, then
// the strings [ndis/nf-ndis-ndiswriteeventlogentry]. Miniports have NdisWriteErrorLogEntry (ddi_system.c).
#include <string.h>

#include "ndis/ndis_int.h"
#include "verify/refuse.h"
#include "verify/verify.h"

static ULONG
string_bytes(const WCHAR *text)
{
    ULONG count = 0;
    while (text[count])
        count++;
    return (count + 1) * sizeof(WCHAR);
}

static ULONG
strings_bytes(PCWSTR const *strings, USHORT count)
{
    ULONG bytes = 0;
    for (USHORT i = 0; i < count && bytes <= MAX_EVENT_LOG_DATA_SIZE; i++)
        bytes += string_bytes(strings[i]);
    return bytes;
}

NTAPI NDIS_STATUS
NdisWriteEventLogEntry(PVOID LogHandle, NDIS_STATUS EventCode, ULONG UniqueEventValue, USHORT NumStrings, PVOID StringsList,
                       ULONG DataSize, PVOID Data)
{
    VERIFY_ENTER(NdisWriteEventLogEntry);
    if ((!StringsList && NumStrings) || (!Data && DataSize))
        verify_contract("NdisWriteEventLogEntry", "without a list of strings NumStrings is zero, and without data DataSize");
    PCWSTR *strings = StringsList;
    if (DataSize > MAX_EVENT_LOG_DATA_SIZE)
        return NDIS_STATUS_BUFFER_TOO_SHORT;
    ULONG data_bytes = (DataSize + 3) & ~3u, text_bytes = strings_bytes(strings, NumStrings);
    if (data_bytes + text_bytes > MAX_EVENT_LOG_DATA_SIZE)
        return NDIS_STATUS_BUFFER_TOO_SHORT;
    ULONG head = FIELD_OFFSET(IO_ERROR_LOG_PACKET, DumpData);
    IO_ERROR_LOG_PACKET *packet = IoAllocateErrorLogEntry(LogHandle, (UCHAR)(head + data_bytes + text_bytes));
    if (!packet)
        return NDIS_STATUS_RESOURCES;
    packet->ErrorCode = EventCode;
    packet->UniqueErrorValue = UniqueEventValue;
    packet->DumpDataSize = (USHORT)data_bytes;
    if (DataSize)
        memcpy(packet->DumpData, Data, DataSize);
    packet->NumberOfStrings = NumStrings;
    packet->StringOffset = (USHORT)(head + data_bytes);
    UCHAR *at = (UCHAR *)packet + packet->StringOffset;
    for (USHORT i = 0; i < NumStrings; at += string_bytes(strings[i]), i++)
        memcpy(at, strings[i], string_bytes(strings[i]));
    IoWriteErrorLogEntry(packet);
    return NDIS_STATUS_SUCCESS;
}
