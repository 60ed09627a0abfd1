// SPDX-License-Identifier: MIT
// IOCTL_NBX_TCPIP_CHIMNEY (tcpioctl.h): a client says which connections go to their adapter's target, and which come back.
#include "chimney.h"

#include <tcpioctl.h>

static BOOLEAN
is_meant(const NBX_TCPIP_CHIMNEY *request, const struct tcp_record *record)
{
    const struct tcp_constant *c = &record->constant;
    return (!request->LocalPort || request->LocalPort == c->local_port) &&
           (!request->RemotePort || request->RemotePort == c->remote_port) &&
           (!request->States || request->States & 1u << record->delegated.state);
}

// locks: host->lock held
static ULONG
all_go(const NBX_TCPIP_CHIMNEY *request, uint64_t now_us)
{
    struct tcp_record record;
    ULONG count = 0;
    for (struct tcp_connection *tcp = NULL; (tcp = tcp_connection_next(tcpip_host.tcp, tcp));) {
        struct tcpip_connection *connection = tcp_context(tcp);
        if (!connection)
            continue; // nobody's any more
        tcp_query(tcp, now_us, &record);
        count += is_meant(request, &record) && !tcpip_chimney_go(connection, now_us);
    }
    return count;
}

// The states of connections that are away are those they went with: only ports choose.   locks: host->lock held
static ULONG
all_come(const NBX_TCPIP_CHIMNEY *request)
{
    NBX_TCPIP_CHIMNEY any = *request;
    ULONG count = 0;
    any.States = 0;
    for (ULONG i = 0; i < TCPIP_AWAY_BUCKETS; i++) {
        for (LIST_ENTRY *at = tcpip_host.away[i].Flink; at != &tcpip_host.away[i]; at = at->Flink) {
            struct tcpip_offload *offload = CONTAINING_RECORD(at, struct tcpip_offload, bucket);
            if (!is_meant(&any, &offload->record))
                continue;
            count += request->Verb == NBX_TCPIP_CHIMNEY_COUNT || !tcpip_chimney_come(offload->connection);
        }
    }
    return count;
}

NTSTATUS
tcpip_chimney_control(PIRP irp, const IO_STACK_LOCATION *stack)
{
    NBX_TCPIP_CHIMNEY *request = irp->AssociatedIrp.SystemBuffer;
    struct tcpip_call call;
    if (stack->Parameters.DeviceIoControl.InputBufferLength != sizeof *request ||
        stack->Parameters.DeviceIoControl.OutputBufferLength < sizeof *request)
        return STATUS_INFO_LENGTH_MISMATCH;
    if (request->Verb > NBX_TCPIP_CHIMNEY_COUNT)
        return STATUS_INVALID_PARAMETER;
    tcpip_enter(&call);
    request->Count = request->Verb == NBX_TCPIP_CHIMNEY_OFFLOAD ? all_go(request, call.now_us) : all_come(request);
    tcpip_leave(&call);
    return STATUS_SUCCESS;
}
