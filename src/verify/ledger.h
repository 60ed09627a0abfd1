// SPDX-License-Identifier: MIT
// The ledger of sends: who has lent which NET_BUFFER_LIST to NDIS, and what it looked like then.
// From NdisSendNetBufferLists until ProtocolSendNetBufferListsComplete the structures and the data belong to NDIS and the drivers
// below [network/sending-data-from-a-protocol-driver]. With the ledger on, a checksum over both is taken at the hand-over and again at
// the completion; a difference, and a completion of what is not out, end the run with a report. Off, each hook costs one pointer test.
#ifndef NBX_VERIFY_LEDGER_H
#define NBX_VERIFY_LEDGER_H

#include <ndis.h>
#include <stdbool.h>

struct io_image;

// A record of one NBL that is out. *record (in the runtime's hidden head of the NBL) holds it meanwhile.
struct verify_lent;

// sends_on: the sender is the lower edge of an intermediate driver, which may pass on what it was given to send; each loan is then
// checked against what the list looked like when that one began.
// irql: <= DISPATCH   owns: *record until verify_lent_back   fails: out of memory ends the run: a ledger with holes proves nothing
void verify_lent_out(struct verify_lent **record, const NET_BUFFER_LIST *nbl, const struct io_image *sender, bool sends_on);
// The NBL is about to be given back to its sender. Ends the run with a report [NBX-0005] when *record is NULL (not out: completed
// twice, or never sent) or when structures or data have changed.
void verify_lent_back(struct verify_lent **record, const NET_BUFFER_LIST *nbl);

#endif
