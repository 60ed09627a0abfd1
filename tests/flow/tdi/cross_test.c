// SPDX-License-Identifier: MIT
// A transport calls its clients' event handlers by a pointer, with no door between: whose code runs is known all the same, and what a
// handler breaks is said of its driver, under the name that the handler's page has. The handlers are those of tests/drivers/heedless.
#include "kit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../../drivers/tdimem/tdimem.h"
#include "../../drivers/heedless/heedless.h"
#include "harness/crime.h"
#include "nt/io/image.h"
#include "nt/ke/ke.h"

static struct tk_pair pair;
static struct tk_request r1;
static struct tk_address name;
static UCHAR room[8192], big[MEM_WINDOW_BYTES];
static struct io_image *image;
static struct heedless *heedless;
static const char *ran[HEEDLESS_EVENTS], *after;

static void
heedless_load(void)
{
    char error[256] = "";
    struct io_image_config config = {.name = "heedless", .path = NBX_TEST_DRIVER_DIR "/heedless.so"};
    NTSTATUS status = io_image_load(ke_self()->box, &config, &image, error, sizeof error);
    ck_assert_msg(status == STATUS_SUCCESS, "%s", error);
    heedless = image->driver_object->DeviceObject->DeviceExtension;
}

static void
heedless_registers(struct tk_address *address, LONG type)
{
    ck_assert_int_eq(tk_set_handler(address, type, heedless->handlers[type]), STATUS_SUCCESS);
}

static void
nobody_registers(struct tk_address *address, LONG type)
{
    ck_assert_int_eq(tk_set_handler(address, type, NULL), STATUS_SUCCESS);
}

// --- each event once ---------------------------------------------------------------------------------------------------------------

static void
sends(ULONG flags)
{
    tk_send(&r1, &pair.here, "event", 5, flags);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_settle();
}

static void
errs(void)
{
    struct {
        TDI_ACTION_HEADER header;
        NTSTATUS status;
    } action = {{MEM_TRANSPORT_ID, MEM_ACTION_ERROR, 0}, STATUS_NETWORK_UNREACHABLE};
    tk_action(&r1, name.file, &action, sizeof action);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
}

// There is no room, and then there is.
static void
room_comes(void)
{
    tk_send(&r1, &pair.here, big, sizeof big, TDI_SEND_NON_BLOCKING);
    ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
    tk_send(&r1, &pair.here, "more", 4, TDI_SEND_NON_BLOCKING);
    ck_assert_int_eq(tk_wait(&r1), STATUS_DEVICE_NOT_READY);
    for (ULONG got = 0; got < sizeof big; got += (ULONG)r1.iosb.Information) {
        tk_receive(&r1, &pair.there, room, sizeof room, TDI_RECEIVE_NORMAL);
        ck_assert(tk_wait(&r1) == STATUS_SUCCESS || r1.iosb.Status == TDI_BUFFER_OVERFLOW);
    }
    tk_settle();
}

static void
happens(LONG type)
{
    switch (type) {
    case TDI_EVENT_CONNECT:
        tk_connect(&r1, &pair.here, tk_place.server, NULL, 0);
        ck_assert_int_eq(tk_wait(&r1), TDI_CONN_REFUSED);
        break;
    case TDI_EVENT_DISCONNECT:
        tk_disconnect(&r1, &pair.here, TDI_DISCONNECT_ABORT, NULL, 1);
        ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
        tk_settle();
        break;
    case TDI_EVENT_RECEIVE:
    case TDI_EVENT_CHAINED_RECEIVE: sends(0); break;
    case TDI_EVENT_RECEIVE_EXPEDITED:
    case TDI_EVENT_CHAINED_RECEIVE_EXPEDITED: sends(TDI_SEND_EXPEDITED); break;
    case TDI_EVENT_SEND_POSSIBLE: room_comes(); break;
    case TDI_EVENT_RECEIVE_DATAGRAM:
    case TDI_EVENT_CHAINED_RECEIVE_DATAGRAM:
        tk_send_datagram(&r1, &pair.client, "name", "event", 5);
        ck_assert_int_eq(tk_wait(&r1), STATUS_SUCCESS);
        tk_settle();
        break;
    default: errs(); break;
    }
}

static struct tk_address *
whose(LONG type)
{
    switch (type) {
    case TDI_EVENT_ERROR:
    case TDI_EVENT_ERROR_EX:
    case TDI_EVENT_RECEIVE_DATAGRAM:
    case TDI_EVENT_CHAINED_RECEIVE_DATAGRAM: return &name;
    case TDI_EVENT_SEND_POSSIBLE: return &pair.client;
    default: return &pair.server;
    }
}

// The handler of this type alone is registered, and called.
static void
event(LONG type)
{
    bool is_connected = type != TDI_EVENT_CONNECT;
    tk_pair_prepare(&pair, TK_MEM);
    tk_open_address(&name, TK_MEM, "name");
    if (is_connected)
        tk_pair_connect(&pair);
    heedless_registers(whose(type), type);
    happens(type);
    ck_assert_int_eq(heedless->calls[type], 1);
    nobody_registers(whose(type), type);
    tk_close_address(&name);
    tk_pair_close(&pair);
}

// --- whose code runs ---------------------------------------------------------------------------------------------------------------

static void
probe(ULONG type)
{
    const struct io_image *now = ke_self()->driver;
    ran[type] = now ? now->name : "the runtime";
}

static void
each_event(void)
{
    memset(ran, 0, sizeof ran);
    heedless_load();
    heedless->probe = probe;
    for (LONG type = 0; type < HEEDLESS_EVENTS; type++) {
        event(type);
        ck_assert_msg(ran[type] && !strcmp(ran[type], "heedless"), "event %d ran as %s", (int)type, ran[type] ? ran[type] : "nobody");
    }
    after = ke_self()->driver ? "a driver" : "the runtime";
    ck_assert_int_eq(io_image_unload(image), STATUS_SUCCESS);
}

TEST_TIMEOUT(120, each_of_the_eleven_handlers_runs_as_its_clients_code)
{
    tk_run("each event", each_event, 2);
    ck_assert_str_eq(after, "the runtime");
}

// --- what a handler breaks ---------------------------------------------------------------------------------------------------------

static LONG crime_type;
static enum heedless_crime crime;

static void
commits(void)
{
    heedless_load();
    heedless->crime = crime;
    event(crime_type);
    ck_assert_int_eq(io_image_unload(image), STATUS_SUCCESS);
}

static void
watched(void)
{
    tk_run("crime", commits, 1);
}

static void
is_found(LONG type, enum heedless_crime what, const char *rule, const char *text)
{
    crime_type = type;
    crime = what;
    crime_is_found(watched, rule, text, "driver heedless", NULL);
}

TEST(a_handler_that_returns_with_a_spin_lock_is_named_not_its_transport)
{
    is_found(TDI_EVENT_RECEIVE, HEEDLESS_LOCK, "NBX-0202", "ClientEventReceive: heedless returned with a spin lock held");
    is_found(TDI_EVENT_CONNECT, HEEDLESS_LOCK, "NBX-0202", "ClientEventConnect: heedless returned with a spin lock held");
}

TEST(a_handler_that_returns_at_another_IRQL_is_named_not_its_transport)
{
    static const char *const names[HEEDLESS_EVENTS] = {
        "ClientEventConnect", "ClientEventDisconnect", "ClientEventError", "ClientEventReceive",
        "ClientEventReceiveDatagram", "ClientEventReceiveExpedited", "ClientEventSendPossible", "ClientEventChainedReceive",
        "ClientEventChainedReceiveDatagram", "ClientEventChainedReceiveExpedited", "ClientEventErrorEx"};
    for (LONG type = 0; type < HEEDLESS_EVENTS; type++) {
        char text[80];
        snprintf(text, sizeof text, "%s: called at IRQL ", names[type]);
        is_found(type, HEEDLESS_IRQL, "NBX-0201", text);
    }
}

TEST(a_block_that_a_handler_forgets_is_its_drivers)
{
    is_found(TDI_EVENT_CHAINED_RECEIVE, HEEDLESS_FORGETS, "NBX-0300", "heedless");
}
