// SPDX-License-Identifier: MIT
// TDI_QUERY_INFORMATION and TDI_SET_INFORMATION. What every transport has is answered here; the rest is the transport's.
// A buffer that is too small gets what it holds and TDI_BUFFER_OVERFLOW, with the bytes written in Information.
// Source: the page TDI_QUERY_INFORMATION (ff565124) and the structures' pages.
#include "tdic_int.h"

#define ANSWER_BYTES 4096

struct files {
    struct tdic_address *address;
    struct tdic_endpoint *endpoint;
};

static struct files
files_of(PIRP irp)
{
    PFILE_OBJECT file = IoGetCurrentIrpStackLocation(irp)->FileObject;
    struct files files = {0};
    if ((ULONG_PTR)file->FsContext2 == TDI_TRANSPORT_ADDRESS_FILE)
        files.address = file->FsContext;
    if ((ULONG_PTR)file->FsContext2 == TDI_CONNECTION_FILE)
        files.endpoint = file->FsContext;
    return files;
}

// The connection and the address of an endpoint, each with a reference, or NULL.
static VOID
endpoint_parts(struct tdic_endpoint *endpoint, struct tdic_connection **connection, struct tdic_address **address)
{
    KIRQL irql;
    KeAcquireSpinLock(&endpoint->lock, &irql);
    *connection = endpoint->connection;
    *address = endpoint->address;
    if (*connection)
        tdic_connection_ref(*connection);
    if (*address)
        tdic_address_ref(*address);
    KeReleaseSpinLock(&endpoint->lock, irql);
}

struct tdic_connection *
tdic_file_connection(PFILE_OBJECT file)
{
    struct tdic_connection *connection;
    struct tdic_address *address;
    if ((ULONG_PTR)file->FsContext2 != TDI_CONNECTION_FILE)
        return NULL;
    endpoint_parts(file->FsContext, &connection, &address);
    if (address)
        tdic_address_unref(address);
    return connection;
}

static NTSTATUS
address_info(struct tdic_address *address, PUCHAR out, ULONG *bytes)
{
    TDI_ADDRESS_INFO *info = (TDI_ADDRESS_INFO *)out;
    KIRQL irql;
    if (!address)
        return TDI_NOT_ASSOCIATED;
    info->ActivityCount = 1;
    KeAcquireSpinLock(&address->lock, &irql);
    for (LIST_ENTRY *at = address->endpoints.Flink; at != &address->endpoints; at = at->Flink)
        info->ActivityCount++;
    KeReleaseSpinLock(&address->lock, irql);
    RtlCopyMemory(&info->Address, &address->local, address->local_bytes);
    *bytes = FIELD_OFFSET(TDI_ADDRESS_INFO, Address) + address->local_bytes;
    return STATUS_SUCCESS;
}

// State: 1 when a connection stands, 0 when none does; Event: whether the peer has finished.
static NTSTATUS
connection_info(struct tdic_endpoint *endpoint, PUCHAR out, ULONG *bytes)
{
    TDI_CONNECTION_INFO *info = (TDI_CONNECTION_INFO *)out;
    KIRQL irql;
    if (!endpoint)
        return TDI_INVALID_QUERY;
    KeAcquireSpinLock(&endpoint->lock, &irql);
    info->State = endpoint->state == TDIC_OPEN;
    info->Event = endpoint->is_fin_seen;
    info->TransmittedTsdus = endpoint->sent;
    info->ReceivedTsdus = endpoint->received;
    KeReleaseSpinLock(&endpoint->lock, irql);
    *bytes = sizeof(*info);
    return STATUS_SUCCESS;
}

static NTSTATUS
answer(struct tdic_device *device, ULONG type, struct files files, PUCHAR out, ULONG *bytes)
{
    struct tdic_connection *connection = NULL;
    struct tdic_address *address = files.address;
    TDI_PROVIDER_INFO provider;
    NTSTATUS status = STATUS_SUCCESS;
    if (files.endpoint)
        endpoint_parts(files.endpoint, &connection, &address);
    device->ops->provider_info(device, &provider);
    *bytes = ANSWER_BYTES;
    if (type == TDI_QUERY_ADDRESS_INFO && (files.address || files.endpoint)) {
        status = address_info(address, out, bytes);
    } else if (type == TDI_QUERY_CONNECTION_INFO) {
        status = connection_info(files.endpoint, out, bytes);
        if (status == STATUS_SUCCESS && connection && device->ops->query)
            device->ops->query(device, type, NULL, connection, out, bytes);   // throughput, delay, buffers: what it knows
    } else if (type == TDI_QUERY_PROVIDER_INFO) {
        RtlCopyMemory(out, &provider, *bytes = sizeof(provider));
    } else if (type == TDI_QUERY_PROVIDER_STATISTICS) {
        RtlCopyMemory(out, &device->statistics, *bytes = FIELD_OFFSET(TDI_PROVIDER_STATISTICS, ResourceStats));
    } else if (type == TDI_QUERY_DATAGRAM_INFO && device->ops->send_datagram) {
        *(TDI_DATAGRAM_INFO *)out = (TDI_DATAGRAM_INFO){.MaximumDatagramBytes = provider.MaxDatagramSize, .MaximumDatagramCount = 0};
        *bytes = sizeof(TDI_DATAGRAM_INFO);
    } else if (type == TDI_QUERY_MAX_DATAGRAM_INFO && device->ops->send_datagram) {
        *(TDI_MAX_DATAGRAM_INFO *)out = (TDI_MAX_DATAGRAM_INFO){.MaxDatagramSize = provider.MaxDatagramSize};
        *bytes = sizeof(TDI_MAX_DATAGRAM_INFO);
    } else {
        status = device->ops->query ? device->ops->query(device, type, address, connection, out, bytes) : TDI_INVALID_QUERY;
    }
    if (connection)
        tdic_connection_unref(connection);
    if (files.endpoint && address)
        tdic_address_unref(address);
    return status;
}

NTSTATUS
tdic_query(struct tdic_device *device, PIRP irp)
{
    const TDI_REQUEST_KERNEL_QUERY_INFORMATION *request =
        (TDI_REQUEST_KERNEL_QUERY_INFORMATION *)&IoGetCurrentIrpStackLocation(irp)->Parameters;
    ULONG bytes, copied = 0, room = tdic_mdl_bytes(irp->MdlAddress);
    PUCHAR out = tdic_alloc(ANSWER_BYTES);
    if (!out)
        return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = answer(device, (ULONG)request->QueryType, files_of(irp), out, &bytes);
    if (NT_SUCCESS(status)) {
        bytes = min(bytes, ANSWER_BYTES);
        TdiCopyBufferToMdl(out, 0, min(bytes, room), irp->MdlAddress, 0, &copied);
        status = bytes > room ? TDI_BUFFER_OVERFLOW : status;
    }
    tdic_free(out);
    irp->IoStatus.Information = copied;
    return status;
}

NTSTATUS
tdic_set(struct tdic_device *device, PIRP irp)
{
    const TDI_REQUEST_KERNEL_SET_INFORMATION *request =
        (TDI_REQUEST_KERNEL_SET_INFORMATION *)&IoGetCurrentIrpStackLocation(irp)->Parameters;
    struct files files = files_of(irp);
    struct tdic_connection *connection = NULL;
    struct tdic_address *address = NULL;
    ULONG bytes = tdic_mdl_bytes(irp->MdlAddress), copied = 0;
    if (!device->ops->set)
        return TDI_INVALID_REQUEST;
    if (bytes > 0xffff)
        return TDI_BUFFER_TOO_BIG;
    PVOID in = tdic_alloc(bytes + 1);
    if (!in)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (bytes)
        TdiCopyMdlToBuffer(irp->MdlAddress, 0, in, 0, bytes, &copied);
    if (files.endpoint)
        endpoint_parts(files.endpoint, &connection, &address);
    NTSTATUS status = device->ops->set(device, (ULONG)request->SetType, files.endpoint ? address : files.address, connection, in, bytes);
    if (connection)
        tdic_connection_unref(connection);
    if (address)
        tdic_address_unref(address);
    tdic_free(in);
    return status;
}
