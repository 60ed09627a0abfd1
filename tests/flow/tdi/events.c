// SPDX-License-Identifier: MIT
// See events.h.
#include "events.h"

#include <string.h>

struct ev ev;

void
ev_begin(struct tk_address *address, struct tk_endpoint *endpoint)
{
    memset(&ev, 0, sizeof ev);
    ev.address = address;
    ev.endpoint = endpoint;
    ev.accept_data = "welcome";
}

void
ev_answers(const struct ev_answer *answers, ULONG count)
{
    ck_assert_uint_le(count, ARRAYSIZE(ev.answers));
    if (count)
        memcpy(ev.answers, answers, count * sizeof *answers);
    ev.answer_count = count;
    ev.answered = ev.count = 0;
    memset(ev.log, 0, sizeof ev.log);
}

void
ev_is(ULONG i, LONG type, ULONG flags, ULONG indicated, ULONG available)
{
    const struct ev_call *call = &ev.log[i];
    ck_assert_uint_lt(i, ev.count);
    ck_assert_int_eq(call->type, type);
    ck_assert_uint_eq(call->flags & ~(ULONG)TDI_RECEIVE_AT_DISPATCH_LEVEL, flags);
    ck_assert_uint_eq(call->indicated, indicated);
    ck_assert_uint_eq(call->available, available);
}

static struct ev_call *
note(LONG type, PVOID context, CONNECTION_CONTEXT connection, ULONG flags)
{
    ck_assert_uint_lt(ev.count, EV_CALLS);
    ck_assert_uint_le(KeGetCurrentIrql(), DISPATCH_LEVEL);
    struct ev_call *call = &ev.log[ev.count++];
    memset(call, 0, sizeof *call);
    call->type = type;
    call->context = context;
    call->connection = connection;
    call->flags = flags;
    call->order = InterlockedIncrement(&tk_order);
    return call;
}

static struct ev_answer
answer(void)
{
    struct ev_answer all = {.status = STATUS_SUCCESS, .taken = EV_ALL};
    return ev.answered < ev.answer_count ? ev.answers[ev.answered++] : all;
}

// --- data --------------------------------------------------------------------------------------------------------------------------

static PIRP
spoiled(PIRP irp, enum ev_wrong wrong)
{
    PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(irp);
    TDI_REQUEST_KERNEL_RECEIVE *receive = (TDI_REQUEST_KERNEL_RECEIVE *)&next->Parameters;
    switch (wrong) {
    case EV_RIGHT: break;
    case EV_WRONG_MINOR: next->MinorFunction = TDI_SEND; break;
    case EV_WRONG_MAJOR: next->MajorFunction = IRP_MJ_DEVICE_CONTROL; break;
    case EV_WRONG_FILE: next->FileObject = ev.address->file == next->FileObject ? ev.endpoint->file : ev.address->file; break;
    case EV_WRONG_LENGTH: receive->ReceiveLength++; break;
    case EV_WRONG_FLAGS: receive->ReceiveFlags = 0x4000; break;
    }
    return irp;
}

static NTSTATUS
data(struct ev_call *call, ULONG indicated, ULONG available, ULONG *taken, const void *tsdu, PIRP *irp, bool is_datagram)
{
    struct ev_answer it = answer();
    ck_assert_int_eq(!!(call->flags & TDI_RECEIVE_AT_DISPATCH_LEVEL), KeGetCurrentIrql() == DISPATCH_LEVEL);
    call->indicated = indicated;
    call->available = available;
    call->taken_at_entry = *taken;
    call->irp_at_entry = *irp;
    memcpy(call->bytes, tsdu, min(indicated, EV_BYTES));
    *taken = it.taken == EV_ALL ? indicated : it.taken;
    if (it.irp_bytes && is_datagram)
        *irp = spoiled(tk_receive_datagram_make(&ev.request, ev.address, ev.room, it.irp_bytes), it.wrong);
    else if (it.irp_bytes)
        *irp = spoiled(tk_receive_make(&ev.request, ev.endpoint, ev.room, it.irp_bytes, it.irp_flags), it.wrong);
    return it.status;
}

static TDI_IND_RECEIVE on_receive;
static NTSTATUS
on_receive(PVOID context, CONNECTION_CONTEXT connection, ULONG flags, ULONG indicated, ULONG available, ULONG *taken, PVOID tsdu, PIRP *irp)
{
    return data(note(TDI_EVENT_RECEIVE, context, connection, flags), indicated, available, taken, tsdu, irp, false);
}

static TDI_IND_RECEIVE_EXPEDITED on_expedited;
static NTSTATUS
on_expedited(PVOID context, CONNECTION_CONTEXT connection, ULONG flags, ULONG indicated, ULONG available, ULONG *taken, PVOID tsdu,
             PIRP *irp)
{
    return data(note(TDI_EVENT_RECEIVE_EXPEDITED, context, connection, flags), indicated, available, taken, tsdu, irp, false);
}

static void
came_from(struct ev_call *call, LONG source_bytes, const void *source, LONG options_bytes, PVOID options)
{
    ck_assert_int_le(source_bytes, (LONG)sizeof call->source_room);
    memcpy(call->source_room, source, (size_t)source_bytes);
    call->source_bytes = source_bytes;
    call->options_bytes = options_bytes;
    call->options = options;
}

static TDI_IND_RECEIVE_DATAGRAM on_datagram;
static NTSTATUS
on_datagram(PVOID context, LONG source_bytes, PVOID source, LONG options_bytes, PVOID options, ULONG flags, ULONG indicated,
            ULONG available, ULONG *taken, PVOID tsdu, PIRP *irp)
{
    struct ev_call *call = note(TDI_EVENT_RECEIVE_DATAGRAM, context, NULL, flags);
    came_from(call, source_bytes, source, options_bytes, options);
    return data(call, indicated, available, taken, tsdu, irp, true);
}

// --- chained data ------------------------------------------------------------------------------------------------------------------

static NTSTATUS
lent(struct ev_call *call, ULONG bytes, ULONG offset, PMDL mdl, PVOID descriptor)
{
    struct ev_answer it = answer();
    ULONG copied;
    ck_assert_int_eq(!!(call->flags & TDI_RECEIVE_AT_DISPATCH_LEVEL), KeGetCurrentIrql() == DISPATCH_LEVEL);
    call->indicated = call->available = bytes;
    call->offset = offset;
    call->mdl = mdl;
    call->descriptor = descriptor;
    TdiCopyMdlToBuffer(mdl, offset, call->bytes, 0, min(bytes, EV_BYTES), &copied);
    ck_assert_uint_eq(copied, min(bytes, EV_BYTES));
    if (it.status == STATUS_PENDING) {
        ck_assert_uint_lt(ev.kept_count, ARRAYSIZE(ev.kept));
        ev.kept[ev.kept_count++] = descriptor;
    }
    return it.status;
}

static TDI_IND_CHAINED_RECEIVE on_chained;
static NTSTATUS
on_chained(PVOID context, CONNECTION_CONTEXT connection, ULONG flags, ULONG bytes, ULONG offset, PMDL mdl, PVOID descriptor)
{
    return lent(note(TDI_EVENT_CHAINED_RECEIVE, context, connection, flags), bytes, offset, mdl, descriptor);
}

static TDI_IND_CHAINED_RECEIVE_EXPEDITED on_chained_expedited;
static NTSTATUS
on_chained_expedited(PVOID context, CONNECTION_CONTEXT connection, ULONG flags, ULONG bytes, ULONG offset, PMDL mdl, PVOID descriptor)
{
    return lent(note(TDI_EVENT_CHAINED_RECEIVE_EXPEDITED, context, connection, flags), bytes, offset, mdl, descriptor);
}

static TDI_IND_CHAINED_RECEIVE_DATAGRAM on_chained_datagram;
static NTSTATUS
on_chained_datagram(PVOID context, LONG source_bytes, PVOID source, LONG options_bytes, PVOID options, ULONG flags, ULONG bytes,
                    ULONG offset, PMDL mdl, PVOID descriptor)
{
    struct ev_call *call = note(TDI_EVENT_CHAINED_RECEIVE_DATAGRAM, context, NULL, flags);
    came_from(call, source_bytes, source, options_bytes, options);
    return lent(call, bytes, offset, mdl, descriptor);
}

// --- the rest ----------------------------------------------------------------------------------------------------------------------

static TDI_IND_CONNECT on_connect;
static NTSTATUS
on_connect(PVOID context, LONG remote_bytes, PVOID remote, LONG data_bytes, PVOID bytes, LONG options_bytes, PVOID options,
           CONNECTION_CONTEXT *connection, PIRP *accept)
{
    struct ev_call *call = note(TDI_EVENT_CONNECT, context, *connection, 0);
    struct ev_answer it = answer();
    came_from(call, remote_bytes, remote, options_bytes, options);
    call->irp_at_entry = *accept;
    call->data_bytes = data_bytes;
    call->data = bytes;
    if (data_bytes)
        memcpy(call->data_copy, bytes, (size_t)data_bytes);
    *connection = &ev;                               // the events of the connection come with it
    if (it.irp_bytes)
        *accept = spoiled(tk_accept_make(&ev.request, ev.endpoint, ev.accept_data), it.wrong);
    return it.status;
}

static TDI_IND_DISCONNECT on_disconnect;
static NTSTATUS
on_disconnect(PVOID context, CONNECTION_CONTEXT connection, LONG data_bytes, PVOID bytes, LONG information_bytes, PVOID information,
              ULONG flags)
{
    struct ev_call *call = note(TDI_EVENT_DISCONNECT, context, connection, flags);
    call->data_bytes = data_bytes;
    call->data = bytes;
    if (data_bytes)
        memcpy(call->data_copy, bytes, (size_t)data_bytes);
    call->options_bytes = information_bytes;
    call->options = information;
    return answer().status;
}

static TDI_IND_SEND_POSSIBLE on_possible;
static NTSTATUS
on_possible(PVOID context, PVOID connection, ULONG bytes)
{
    note(TDI_EVENT_SEND_POSSIBLE, context, connection, 0)->available = bytes;
    return answer().status;
}

static TDI_IND_ERROR on_error;
static NTSTATUS
on_error(PVOID context, NTSTATUS status)
{
    note(TDI_EVENT_ERROR, context, NULL, 0)->status = status;
    return answer().status;
}

static TDI_IND_ERROR_EX on_error_ex;
static NTSTATUS
on_error_ex(PVOID context, NTSTATUS status, PVOID buffer)
{
    struct ev_call *call = note(TDI_EVENT_ERROR_EX, context, NULL, 0);
    call->status = status;
    call->data = buffer;
    if (buffer)
        memcpy(call->buffer, buffer, ev.buffer_bytes);
    return answer().status;
}

void
ev_register(LONG type)
{
    static PVOID const handlers[TK_ALL_EVENTS] = {on_connect, on_disconnect, on_error, on_receive, on_datagram, on_expedited, on_possible,
                                                  on_chained, on_chained_datagram, on_chained_expedited, on_error_ex};
    ck_assert_int_eq(tk_set_handler(ev.address, type, handlers[type]), STATUS_SUCCESS);
}

void
ev_unregister(LONG type)
{
    ck_assert_int_eq(tk_set_handler(ev.address, type, NULL), STATUS_SUCCESS);
}

void
ev_request_drop(void)
{
    ck_assert_int_eq(ev.request.completions, 0);
    IoFreeMdl(ev.request.mdl);
    IoFreeIrp(ev.request.irp);
}
