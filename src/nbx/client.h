// SPDX-License-Identifier: MIT
// A TDI client of the runner's own ("nbx-client"), for the script's steps `call` and `hang-up`: it connects to an echo service, sends
// bytes all the while, checks each that comes back, and ends by release or by abort. Functions run in a thread of the call's box at
// PASSIVE_LEVEL (box_run) and do not wait for the peer; what they begin shows in client_look.
#ifndef NBX_NBX_CLIENT_H
#define NBX_NBX_CLIENT_H

#include <ntddk.h>

#include "nbx/world.h"

enum client_state {
    CLIENT_CONNECTING,
    CLIENT_OPEN,                     // bytes go round
    CLIENT_ENDING,                   // our disconnect is on its way
    CLIENT_OVER                      // no request of the call is out any more
};

struct client_view {
    enum client_state state;
    NTSTATUS status;                 // OVER: how
    bool is_lost;                    // the peer has ended it, or the connection broke
    uint64_t sent, received, damaged;
};

struct client_call;

struct client_place {
    uint16_t port;                   // ours
    bool is_six;
    uint8_t remote[16];
    uint16_t remote_port;            // network order
};

// Open the files and begin to connect. owns: *call is closed with client_close
NTSTATUS client_open(const struct client_place *place, struct client_call **call);
void client_look(struct client_call *call, struct client_view *view);
// No more is sent; what is out comes back first.
void client_drain(struct client_call *call);
// TDI_DISCONNECT with TDI_DISCONNECT_RELEASE or _ABORT. One a call.
void client_disconnect(struct client_call *call, ULONG flags, uint64_t timeout_ns);
// Waits until no request is out: whatever still is, is cancelled.
void client_close(struct client_call *call);

#endif
