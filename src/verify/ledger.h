// SPDX-License-Identifier: MIT
// The ledger: whose a NET_BUFFER_LIST is. Every hand-over between drivers passes here when the verifier is on.
//   a door gives      NdisSendNetBufferLists, ...Complete, ...Indicate..., ...Return... -> verify_nbls_give: was it the caller's to give?
//   an upcall takes   before the handler is called (or put off, frame.c)                -> verify_nbls_take
// In between nobody holds it and the runtime may look at it. What was sent is summed up at the call (structures and data) and compared
// when it is home again [network/sending-data-from-a-protocol-driver]; behind the fence (fence.h) it cannot be touched at all meanwhile.
// Off, each hook costs one test of a flag.
#ifndef NBX_VERIFY_LEDGER_H
#define NBX_VERIFY_LEDGER_H

#include <ndis.h>
#include <stdbool.h>

struct io_image;
struct ndis_module;

// A record of one NBL, from the first time that it is given away until it is freed. It lies before the hidden head of the NBL.
struct verify_record;
struct ndis_nbl;

enum verify_give {
    VERIFY_SENT,                              // down: from above or from a filter
    VERIFY_COMPLETED,                         // up
    VERIFY_INDICATED,                         // up
    VERIFY_RETURNED                           // down
};

// The module gives the list away at the door function. One that is not the driver's is a finding (and may not be followed, so the list
// is read only as far as it is). irql: <= DISPATCH   fails: out of memory ends the run: a ledger with holes proves nothing
// flags: of the call; bit 0 says in all of them that it comes at DISPATCH_LEVEL. Returns how many there are.
uint32_t verify_nbls_give(NET_BUFFER_LIST *nbls, const struct ndis_module *from, enum verify_give how, const char *function, ULONG flags);
// How many the caller says there are (count), against the chain, and how the miniport that indicates stands.
void verify_nbls_indicated(uint32_t found, const struct ndis_module *from, ULONG count, const char *function);
// The list is the module's from here on, as its handler is about to be told. resources: only until the handler returns
// (NDIS_RECEIVE_FLAGS_RESOURCES); then verify_nbls_back takes it from there again.
void verify_nbls_take(NET_BUFFER_LIST *nbls, const struct ndis_module *to, const char *function, bool resources);
void verify_nbls_back(NET_BUFFER_LIST *nbls);
// The same for lists of the TCP chimney: an offload target keeps them for as long as its peer likes (no age is looked at) and gives them
// back advanced (no sum is compared). Of a request only the list and its NET_BUFFERs stand behind the fence: a packet that the host made
// before it handed the connection over may still need the bytes.
void verify_offload_give(NET_BUFFER_LIST *nbls, const struct ndis_module *from, enum verify_give how, const char *function);
void verify_offload_take(NET_BUFFER_LIST *nbls, const struct ndis_module *to, const char *function);
// What the chimney knows of a list that has passed a layer on its way down: put on there, taken off on its way up. Only between
// verify_offload_give and verify_offload_take. Returns whether there was room (or one).
#define VERIFY_HOPS 4
struct verify_hop {
    void *object;                             // of the connection, in that layer
    uint32_t number, bytes;                   // how many such requests came before it; its data
    NDIS_STATUS status;                       // as it was
    uint16_t kind, flags;
};
bool verify_offload_push(NET_BUFFER_LIST *nbl, const struct verify_hop *hop);
bool verify_offload_pop(NET_BUFFER_LIST *nbl, struct verify_hop *hop);
// Of a pool: room for a record before each head, whole cache lines.
uint32_t verify_record_bytes(void);
// An NBL was made from a block: nothing has happened to it yet.
void verify_nbl_made(struct ndis_nbl *head);
// It is freed: nobody but its holder may, and only when it is home.
void verify_nbl_freed(NET_BUFFER_LIST *nbl, const struct io_image *by);
// Its pool takes the memory of this block along, whether the NBL is in use or not.
void verify_nbl_lost(void *block);

struct fence;
// What the fence stops is told from the ledger's records. NULL: nobody listens any more.
void ledger_fence_listen(struct fence *fence);

#endif
