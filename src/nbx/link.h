// SPDX-License-Identifier: MIT
// The cable: plug it in when the stacks stand; force a port's link down for its device, and put it back.
#ifndef NBX_NBX_LINK_H
#define NBX_NBX_LINK_H

#include "nt/box.h"

// The port that a driver of this box opened with this text. Returns false when there is none.
bool link_force(struct box *box, const char *spec, bool up);
// Start the ports whose drivers started them while box->nbx_ports_held was set: a recording, or a peer, must not play to a stack that
// is still without its protocols. irql: PASSIVE, a thread of the box.
void link_release(struct box *box);

#endif
