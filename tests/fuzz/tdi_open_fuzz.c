// SPDX-License-Identifier: MIT
// libFuzzer on what a client hands in when it opens a transport: the list of extended attributes, the TRANSPORT_ADDRESS in it at any
// alignment, and tcpip's reading of addresses. The code is the drivers' own; what stands behind it (addresses, endpoints) is noted here.
// input: the attribute list as it is; its last bytes again as an address that a request names
#include <stdlib.h>

#include "../../drivers/tdi_common/device.c"
#include "../../drivers/tdi_common/info.c"
// Both parts have static functions of their own names; they are one program here.
#define fits tcpip_fits
#include "../../drivers/tcpip/transport.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) \
    do { \
        if (!(condition)) \
            abort(); \
    } while (0)

struct tcpip_host tcpip_host;
static unsigned addresses, endpoints;

// Read everything that an address says is there.
static void
address_read(const TA_ADDRESS *wanted, size_t room)
{
    struct eng_address address = {0};
    USHORT port = 0;
    ULONG scope = 0;
    REQUIRE((size_t)FIELD_OFFSET(TA_ADDRESS, Address) + wanted->AddressLength <= room);
    if (!tcpip_address_from(wanted, &address, &port, &scope))
        return;
    REQUIRE(address.family == ENG_IP4 || address.family == ENG_IP6);
    REQUIRE(!scope || tcpip_is_scoped(&address));
    // There and back again: the same address, port and scope.
    union tcpip_ta back;
    struct eng_address again;
    USHORT port_again;
    ULONG scope_again, bytes = tcpip_address_to(&back, &address, port, scope);
    REQUIRE(tcpip_address_from_list(&back.list, bytes, &again, &port_again, &scope_again));
    REQUIRE(eng_address_is_equal(&address, &again) && port == port_again && scope == scope_again);
    REQUIRE(tdic_is_address(&back, (LONG)bytes));
    REQUIRE(tdic_address_fits((const TA_ADDRESS *)back.list.Address, (const TA_ADDRESS *)back.list.Address));
}

NTSTATUS
tdic_address_create(struct tdic_device *device, PFILE_OBJECT file, const TA_ADDRESS *wanted, BOOLEAN is_shared, struct tdic_address **out)
{
    addresses++;
    address_read(wanted, TDIC_ADDRESS_BYTES - FIELD_OFFSET(TRANSPORT_ADDRESS, Address));
    *out = NULL;
    return STATUS_SUCCESS;
}

NTSTATUS
tdic_endpoint_create(struct tdic_device *device, PFILE_OBJECT file, CONNECTION_CONTEXT context, struct tdic_endpoint **out)
{
    endpoints++;
    *out = NULL;
    return STATUS_SUCCESS;
}

static NTSTATUS
no_connection(struct tdic_endpoint *endpoint)
{
    abort();
}

static void
open_with(const uint8_t *data, size_t size, bool has_connections)
{
    struct tdic_ops ops = {.connection_create = (PVOID)(has_connections ? no_connection : NULL)};
    struct tdic_device device = {.ops = &ops};
    FILE_OBJECT file = {0};
    IRP irp = {0};
    IO_STACK_LOCATION stack = {.FileObject = &file};
    // A block of exactly that many bytes: what is read behind it is seen.
    uint8_t *exact = malloc(size ? size : 1);
    memcpy(exact, data, size);
    irp.AssociatedIrp.SystemBuffer = exact;
    stack.Parameters.Create.EaLength = (ULONG)size;
    unsigned before = addresses + endpoints;
    NTSTATUS status = create(&device, &irp, &stack);
    REQUIRE((addresses + endpoints - before == 1) == (size && NT_SUCCESS(status)));
    REQUIRE(status == STATUS_SUCCESS || status == STATUS_INVALID_EA_NAME || status == TDI_BAD_ADDR ||
            status == STATUS_EA_LIST_INCONSISTENT || (status == STATUS_NOT_SUPPORTED && !has_connections));
    if (!size)
        REQUIRE((ULONG_PTR)file.FsContext2 == TDI_CONTROL_CHANNEL_FILE);
    free(exact);
}

// An address in a request: where it lies is the client's business.
static void
address_in_request(const uint8_t *data, size_t size, unsigned shift)
{
    uint8_t *room = malloc(size + shift + 1);
    memcpy(room + shift, data, size);
    struct eng_address address;
    USHORT port;
    ULONG scope;
    if (tdic_is_address(room + shift, (LONG)size))
        address_read((const TA_ADDRESS *)((const TRANSPORT_ADDRESS *)(room + shift))->Address,
                     size - FIELD_OFFSET(TRANSPORT_ADDRESS, Address));
    if (tcpip_address_from_list((const TRANSPORT_ADDRESS *)(room + shift), (ULONG)size, &address, &port, &scope))
        REQUIRE(address.family == ENG_IP4 || address.family == ENG_IP6);
    free(room);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 4096)
        return 0;
    open_with(data, size, true);
    open_with(data, size, false);
    size_t tail = size < 100 ? size : 100;
    for (unsigned shift = 0; shift < 4; shift++)
        address_in_request(data + size - tail, tail, shift);
    return 0;
}

// What the opening of a file does not reach.
#define NEVER(type, function, ...) \
    type function(__VA_ARGS__) \
    { \
        abort(); \
    } \
    _Static_assert(sizeof(#function) > 1, "ends the line")
NEVER(NTSTATUS, tdic_associate, struct tdic_endpoint *endpoint, HANDLE address);
NEVER(NTSTATUS, tdic_disassociate, struct tdic_endpoint *endpoint, PIRP irp);
NEVER(NTSTATUS, tdic_connect, struct tdic_endpoint *endpoint, PIRP irp);
NEVER(NTSTATUS, tdic_listen, struct tdic_endpoint *endpoint, PIRP irp);
NEVER(NTSTATUS, tdic_accept, struct tdic_endpoint *endpoint, PIRP irp);
NEVER(NTSTATUS, tdic_disconnect, struct tdic_endpoint *endpoint, PIRP irp);
NEVER(NTSTATUS, tdic_send, struct tdic_endpoint *endpoint, PIRP irp);
NEVER(NTSTATUS, tdic_receive, struct tdic_endpoint *endpoint, PIRP irp);
NEVER(NTSTATUS, tdic_send_datagram, struct tdic_address *address, PIRP irp);
NEVER(NTSTATUS, tdic_receive_datagram, struct tdic_address *address, PIRP irp);
NEVER(NTSTATUS, tdic_set_event, struct tdic_address *address, PIRP irp);
NEVER(NTSTATUS, tdic_query, struct tdic_device *device, PIRP irp);
NEVER(NTSTATUS, tdic_set, struct tdic_device *device, PIRP irp);
NEVER(NTSTATUS, tdic_complete, PIRP irp, NTSTATUS status, ULONG_PTR information);
NEVER(VOID, tdic_endpoint_cleanup, struct tdic_endpoint *endpoint);
NEVER(VOID, tdic_endpoint_close, struct tdic_endpoint *endpoint);
NEVER(VOID, tdic_address_cleanup, struct tdic_address *address);
NEVER(VOID, tdic_address_unref, struct tdic_address *address);
NEVER(BOOLEAN, tdic_address_use, struct tdic_address *address);
NEVER(VOID, tdic_event_put, struct tdic_address *address);
