// SPDX-License-Identifier: MIT
// TDI_CONNECTION_INFORMATION both ways: what a client sends along is checked and copied before anything happens, because its buffers are
// its own again as soon as the request is back; what the peer sent is returned into the client's buffers, or lent as pointers to the
// endpoint's copy. Also transport addresses and time-outs as they come in requests.
#include "tdic_int.h"

PVOID
tdic_alloc(ULONG bytes)
{
    PVOID block = ExAllocatePoolWithTag(NonPagedPoolNx, bytes, TDIC_TAG);
    if (block)
        RtlZeroMemory(block, bytes);
    return block;
}

VOID
tdic_free(PVOID block)
{
    if (block)
        ExFreePoolWithTag(block, TDIC_TAG);
}

VOID
tdic_blob_free(struct tdic_blob *blob)
{
    tdic_free(blob->block);
    *blob = (struct tdic_blob){0};
}

struct tdic_blob
tdic_blob_take(struct tdic_blob *blob)
{
    struct tdic_blob taken = *blob;
    *blob = (struct tdic_blob){0};
    return taken;
}

static BOOLEAN
blob_fill(struct tdic_blob *blob, const void *data, ULONG data_bytes, const void *options, ULONG options_bytes)
{
    struct tdic_blob fresh = {.data_bytes = data_bytes, .options_bytes = options_bytes};
    if (data_bytes + options_bytes) {
        fresh.block = tdic_alloc(data_bytes + options_bytes);
        if (!fresh.block)
            return FALSE;
        if (data_bytes)
            RtlCopyMemory(fresh.block, data, data_bytes);
        if (options_bytes)
            RtlCopyMemory((PUCHAR)fresh.block + data_bytes, options, options_bytes);
    }
    tdic_blob_free(blob);
    *blob = fresh;
    return TRUE;
}

// Data of a peer that finds no memory is lost, as it would be with a transport that carries none.
VOID
tdic_blob_set(struct tdic_blob *blob, const struct tdic_info *info)
{
    if (!info || !blob_fill(blob, info->data, info->data_bytes, info->options, info->options_bytes))
        tdic_blob_free(blob);
}

struct tdic_info
tdic_blob_info(const struct tdic_blob *blob)
{
    struct tdic_info info = {.data_bytes = blob->data_bytes, .options_bytes = blob->options_bytes};
    info.data = blob->data_bytes ? blob->block : NULL;
    info.options = blob->options_bytes ? (PUCHAR)blob->block + blob->data_bytes : NULL;
    return info;
}

NTSTATUS
tdic_blob_capture(struct tdic_device *device, const TDI_CONNECTION_INFORMATION *from, struct tdic_blob *blob)
{
    if (!from)
        return STATUS_SUCCESS;
    if (from->UserDataLength < 0 || from->OptionsLength < 0 || (from->UserDataLength && !from->UserData) ||
        (from->OptionsLength && !from->Options))
        return STATUS_INVALID_PARAMETER;
    if ((ULONG)from->UserDataLength > device->provider.MaxConnectionUserData || from->OptionsLength > 0xffff)
        return TDI_BUFFER_TOO_BIG;
    if (!blob_fill(blob, from->UserData, (ULONG)from->UserDataLength, from->Options, (ULONG)from->OptionsLength))
        return STATUS_INSUFFICIENT_RESOURCES;
    return STATUS_SUCCESS;
}

BOOLEAN
tdic_is_address(const void *address, LONG bytes)
{
    const TRANSPORT_ADDRESS *whole = address;
    if (!address || bytes < (LONG)FIELD_OFFSET(TRANSPORT_ADDRESS, Address[0].Address) || bytes > TDIC_ADDRESS_BYTES)
        return FALSE;
    return whole->TAAddressCount >= 1 &&
           (LONG)FIELD_OFFSET(TRANSPORT_ADDRESS, Address[0].Address) + whole->Address[0].AddressLength <= bytes;
}

// IP: the eight bytes behind port and address mean nothing. IPv6: nor does the flow, and a wanted scope of 0 is any.
BOOLEAN
tdic_address_fits(const TA_ADDRESS *wanted, const TA_ADDRESS *remote)
{
    ULONG bytes = wanted->AddressLength, skip_from = bytes, skip_to = bytes;
    if (wanted->AddressType != remote->AddressType || wanted->AddressLength != remote->AddressLength)
        return FALSE;
    if (wanted->AddressType == TDI_ADDRESS_TYPE_IP && bytes >= sizeof(TDI_ADDRESS_IP)) {
        skip_from = FIELD_OFFSET(TDI_ADDRESS_IP, sin_zero);
    } else if (wanted->AddressType == TDI_ADDRESS_TYPE_IP6 && bytes >= sizeof(TDI_ADDRESS_IP6)) {
        ULONG scope;
        RtlCopyMemory(&scope, wanted->Address + FIELD_OFFSET(TDI_ADDRESS_IP6, sin6_scope_id), sizeof(scope));
        skip_from = FIELD_OFFSET(TDI_ADDRESS_IP6, sin6_flowinfo);
        skip_to = FIELD_OFFSET(TDI_ADDRESS_IP6, sin6_addr);
        bytes = scope ? bytes : FIELD_OFFSET(TDI_ADDRESS_IP6, sin6_scope_id);
    }
    return RtlCompareMemory(wanted->Address, remote->Address, skip_from) == skip_from &&
           RtlCompareMemory(wanted->Address + skip_to, remote->Address + skip_to, bytes - skip_to) == bytes - skip_to;
}

// One buffer of the client's: copied as far as it reaches, or lent when it gave none. Returns the new length.
static LONG
return_bytes(PVOID *buffer, LONG room, const void *from, ULONG bytes)
{
    if (!*buffer || room <= 0) {
        *buffer = bytes ? (PVOID)from : NULL;
        return (LONG)bytes;
    }
    LONG count = room < (LONG)bytes ? room : (LONG)bytes;
    if (count)
        RtlCopyMemory(*buffer, from, (ULONG)count);
    return count;
}

VOID
tdic_return_info(TDI_CONNECTION_INFORMATION *to, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes, const struct tdic_blob *blob)
{
    if (!to)
        return;
    struct tdic_info info = tdic_blob_info(blob);
    to->UserDataLength = return_bytes(&to->UserData, to->UserDataLength, info.data, info.data_bytes);
    to->OptionsLength = return_bytes(&to->Options, to->OptionsLength, info.options, info.options_bytes);
    if (remote && to->RemoteAddress && to->RemoteAddressLength > 0)
        to->RemoteAddressLength = return_bytes(&to->RemoteAddress, to->RemoteAddressLength, remote, remote_bytes);
}

// "An explicit time out is specified as the negative of the number of 100-nanosecond units, relative to the current system time"
// [TDI_DISCONNECT page].
NTSTATUS
tdic_timeout(PVOID request_specific, LONGLONG *relative, BOOLEAN *is_set)
{
    *is_set = request_specific != NULL;
    *relative = *is_set ? ((LARGE_INTEGER *)request_specific)->QuadPart : 0;
    return *relative > 0 ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}
