// SPDX-License-Identifier: MIT
// The host that an RNIC asks (nbx/rnic.h), one a box, in the test's hands: one address of each family, a way to the other box whose end
// the test chooses, and ports in a bitmap.
#include <check.h>
#include <string.h>

#include "host.h"
#include "nt/io/image.h"

struct rc_host rc_host[2];

struct nbx_rnic {
    int box;
    struct nbx_rnic_open open;
    struct nbx_rnic_resolve *pending;
    NTSTATUS pending_status;
    KTIMER timer;
    KDPC dpc;
    KSPIN_LOCK lock;                          // guards the rest
    UCHAR ports[65536 / 8];
};
static struct nbx_rnic hosts[2];
static int box_loading;

static bool
is_own(const struct nbx_rnic *host, const SOCKADDR_INET *address)
{
    SOCKADDR_INET own = rc_address(host->box, 0);
    if (address->si_family != own.si_family)
        return false;
    return own.si_family == AF_INET ? !memcmp(&address->Ipv4.sin_addr, &own.Ipv4.sin_addr, 4)
                                    : !memcmp(&address->Ipv6.sin6_addr, &own.Ipv6.sin6_addr, 16);
}

static void
way_fill(const struct nbx_rnic *host, struct nbx_rnic_path *path)
{
    host_link_address(host->box, path->own_link);
    host_link_address(!host->box, path->next_link);
    if (rc_host[host->box].next_link_last)
        path->next_link[5] = rc_host[host->box].next_link_last;
    path->mtu_bytes = 1500;
    path->hop_limit = 64;
    path->is_on_link = TRUE;
    path->is_local = is_own(host, &path->remote) || rc_host[host->box].way_is_local;
}

static NTAPI VOID
on_timer(PKDPC dpc, PVOID context, PVOID a, PVOID b)
{
    struct nbx_rnic *host = context;
    struct nbx_rnic_resolve *request = host->pending;
    host->pending = NULL;
    if (!request)
        return;
    if (host->pending_status == STATUS_SUCCESS)
        way_fill(host, &request->path);
    request->on_resolved(request, host->pending_status);
}

static NTAPI NTSTATUS
host_addresses(struct nbx_rnic *host, SOCKADDR_INET *addresses, ULONG *count)
{
    *addresses = rc_address(host->box, 0);
    *count = 1;
    return STATUS_SUCCESS;
}

static NTAPI NTSTATUS
host_resolve(struct nbx_rnic *host, struct nbx_rnic_resolve *request)
{
    struct rc_host *says = &rc_host[host->box];
    if (!is_own(host, &request->path.local))
        return STATUS_INVALID_ADDRESS;
    if (says->way_pends && !host->pending) {
        LARGE_INTEGER due = {.QuadPart = -30000};
        host->pending = request;
        host->pending_status = says->way_status;
        KeSetTimer(&host->timer, due, &host->dpc);
        return STATUS_PENDING;
    }
    if (says->way_status == STATUS_SUCCESS)
        way_fill(host, &request->path);
    return says->way_status;
}

static NTAPI BOOLEAN
host_cancel(struct nbx_rnic *host, struct nbx_rnic_resolve *request)
{
    BOOLEAN pended = host->pending == request;
    host->pending = NULL;
    return pended;
}

static NTAPI NTSTATUS
host_path_now(struct nbx_rnic *host, struct nbx_rnic_path *path)
{
    if (!is_own(host, &path->local))
        return STATUS_INVALID_ADDRESS;
    way_fill(host, path);
    __atomic_fetch_add(&rc_host[host->box].changes, 1, __ATOMIC_RELAXED);
    return STATUS_SUCCESS;
}

static NTAPI VOID
host_confirm(struct nbx_rnic *host, const struct nbx_rnic_path *path)
{
    __atomic_fetch_add(&rc_host[host->box].confirms, 1, __ATOMIC_RELAXED);
}

static NTAPI VOID
host_doubt(struct nbx_rnic *host, const struct nbx_rnic_path *path)
{
    __atomic_fetch_add(&rc_host[host->box].doubts, 1, __ATOMIC_RELAXED);
}

static bool
port_is_taken(const struct nbx_rnic *host, ULONG port)
{
    return host->ports[port / 8] >> port % 8 & 1;
}

static NTSTATUS
port_take_locked(struct nbx_rnic *host, SOCKADDR_INET *address)
{
    struct rc_host *says = &rc_host[host->box];
    ULONG port = rc_port_of(address), first = 49152;
    if (!is_own(host, address))
        return STATUS_INVALID_ADDRESS;
    if (!port && says->no_ports)
        return STATUS_TOO_MANY_ADDRESSES;
    if (port && (says->ports_are_held || port_is_taken(host, port) || (says->no_ports && port >= first)))
        return STATUS_SHARING_VIOLATION;
    for (; !port && first < 65536; first++)
        if (!port_is_taken(host, first))
            port = first;
    if (!port)
        return STATUS_TOO_MANY_ADDRESSES;
    host->ports[port / 8] |= (UCHAR)(1 << port % 8);
    says->ports_taken++;
    address->Ipv4.sin_port = RtlUshortByteSwap((USHORT)port);   // at the same place in both families
    return STATUS_SUCCESS;
}

static NTAPI NTSTATUS
host_port_take(struct nbx_rnic *host, SOCKADDR_INET *address)
{
    KIRQL irql;
    KeAcquireSpinLock(&host->lock, &irql);
    NTSTATUS status = port_take_locked(host, address);
    KeReleaseSpinLock(&host->lock, irql);
    return status;
}

static NTAPI BOOLEAN
host_port_give(struct nbx_rnic *host, const SOCKADDR_INET *address)
{
    ULONG port = rc_port_of(address);
    KIRQL irql;
    KeAcquireSpinLock(&host->lock, &irql);
    ck_assert(port_is_taken(host, port));
    host->ports[port / 8] &= (UCHAR)~(1 << port % 8);
    rc_host[host->box].ports_taken--;
    KeReleaseSpinLock(&host->lock, irql);
    return TRUE;
}

static NTAPI VOID
host_close(struct nbx_rnic *host)
{
    ck_assert_ptr_null(host->pending);
    ck_assert_uint_eq(rc_host[host->box].ports_taken, 0);
    host->open.on_change = NULL;
}

static const struct nbx_rnic_ops ops = {.addresses = host_addresses,
                                        .resolve = host_resolve,
                                        .cancel = host_cancel,
                                        .path_now = host_path_now,
                                        .confirm = host_confirm,
                                        .doubt = host_doubt,
                                        .port_take = host_port_take,
                                        .port_give = host_port_give,
                                        .close = host_close};

void
rc_host_change(int box)
{
    RC_CALL(box, hosts[box].open.on_change(hosts[box].open.context));
}

// ---- the device -------------------------------------------------------------------------------------------------------------------

static NTAPI NTSTATUS
on_create(PDEVICE_OBJECT device, PIRP irp)
{
    irp->IoStatus.Status = STATUS_SUCCESS;
    irp->IoStatus.Information = 0;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static NTAPI NTSTATUS
on_control(PDEVICE_OBJECT device, PIRP irp)
{
    PIO_STACK_LOCATION location = IoGetCurrentIrpStackLocation(irp);
    struct nbx_rnic *host = *(struct nbx_rnic **)device->DeviceExtension;
    struct nbx_rnic_opened *opened = irp->AssociatedIrp.SystemBuffer;
    ck_assert_uint_eq(location->Parameters.DeviceIoControl.IoControlCode, IOCTL_NBX_RNIC_OPEN);
    host->open = *(struct nbx_rnic_open *)irp->AssociatedIrp.SystemBuffer;
    *opened = (struct nbx_rnic_opened){host, &ops};
    irp->IoStatus.Status = STATUS_SUCCESS;
    irp->IoStatus.Information = sizeof *opened;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static NTAPI VOID
on_unload(PDRIVER_OBJECT driver)
{
    IoDeleteDevice(driver->DeviceObject);
}

static NTAPI NTSTATUS
host_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    static const WCHAR name[] = NBX_RNIC_DEVICE;
    UNICODE_STRING path = {sizeof name - sizeof(WCHAR), sizeof name, (PWCH)name};
    struct nbx_rnic *host = &hosts[box_loading];
    PDEVICE_OBJECT device;
    *host = (struct nbx_rnic){.box = box_loading};
    KeInitializeSpinLock(&host->lock);
    KeInitializeTimer(&host->timer);
    KeInitializeDpc(&host->dpc, on_timer, host);
    NTSTATUS status = IoCreateDevice(driver, sizeof host, &path, FILE_DEVICE_NETWORK, 0, FALSE, &device);
    if (!NT_SUCCESS(status))
        return status;
    *(struct nbx_rnic **)device->DeviceExtension = host;
    device->Flags &= ~(ULONG)DO_DEVICE_INITIALIZING;
    driver->DriverUnload = on_unload;
    driver->MajorFunction[IRP_MJ_CREATE] = driver->MajorFunction[IRP_MJ_CLOSE] = driver->MajorFunction[IRP_MJ_CLEANUP] = on_create;
    driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = driver->MajorFunction[IRP_MJ_INTERNAL_DEVICE_CONTROL] = on_control;
    return STATUS_SUCCESS;
}

struct io_image *
host_load(struct box *box, int index)
{
    struct io_image_config config = {.name = "rnichost", .entry = host_entry};
    struct io_image *image = NULL;
    char error[256] = "";
    box_loading = index;
    rc_host[index] = (struct rc_host){.way_status = STATUS_SUCCESS};
    ck_assert_msg(io_image_load(box, &config, &image, error, sizeof error) == STATUS_SUCCESS, "%s", error);
    return image;
}
