// SPDX-License-Identifier: MIT
// Event handlers that note each parameter of each call and answer from a list; when that is used up they take all. For the tests that read
// the handlers' pages: which flags, sizes, addresses and contexts come, and what each answer does. One address's at a time.
#ifndef NBX_TESTS_FLOW_TDI_EVENTS_H
#define NBX_TESTS_FLOW_TDI_EVENTS_H

#include "kit.h"

#define EV_ALL 0xFFFFFFFFu                   // all that is indicated
enum {
    EV_CALLS = 48,
    EV_BYTES = 64
};

// What is wrong with the request that a handler gives.
enum ev_wrong {
    EV_RIGHT,
    EV_WRONG_MINOR,
    EV_WRONG_MAJOR,
    EV_WRONG_FILE,
    EV_WRONG_LENGTH,
    EV_WRONG_FLAGS
};

struct ev_answer {
    NTSTATUS status;
    ULONG taken;
    ULONG irp_bytes, irp_flags;              // a RECEIVE of so many bytes (at most sizeof ev.room); 0: none
    enum ev_wrong wrong;
};

struct ev_call {
    LONG type;
    PVOID context;
    CONNECTION_CONTEXT connection;
    ULONG flags, indicated, available;       // of chained data both lengths are ReceiveLength
    ULONG offset;
    PMDL mdl;
    PVOID descriptor;
    UCHAR bytes[EV_BYTES];                   // the first ones
    ULONG taken_at_entry;                    // *BytesTaken and *IoRequestPacket as they came
    PIRP irp_at_entry;
    LONG source_bytes, options_bytes, data_bytes;
    union {
        TRANSPORT_ADDRESS source;
        UCHAR source_room[64];
    };
    PVOID options, data;
    UCHAR data_copy[TK_DATA_BYTES];
    NTSTATUS status;                         // of errors
    UCHAR buffer[64];
    LONG order;
};

extern struct ev {
    struct tk_address *address;
    struct tk_endpoint *endpoint;            // whose RECEIVEs are given
    struct ev_call log[EV_CALLS];
    ULONG count;
    struct ev_answer answers[8];
    ULONG answer_count, answered;
    struct tk_request request;               // the last one that was given
    UCHAR room[256];
    PVOID kept[16];
    ULONG kept_count;
    ULONG buffer_bytes;                      // what is copied of an error's Buffer
    const char *accept_data;                 // with the accept request; ev_begin: "welcome"
} ev;

void ev_begin(struct tk_address *address, struct tk_endpoint *endpoint);
void ev_register(LONG type);                 // the handler here
void ev_unregister(LONG type);
void ev_answers(const struct ev_answer *answers, ULONG count);     // from now on, and the log is empty
// Which was call number i, and the exact flags but for TDI_RECEIVE_AT_DISPATCH_LEVEL, which each handler compares with its IRQL itself.
void ev_is(ULONG i, LONG type, ULONG flags, ULONG indicated, ULONG available);
void ev_request_drop(void);                  // a request that was not given away

#endif
