// SPDX-License-Identifier: MIT
// Pulling the cable: force a port's link down for its device, and put it back.
#ifndef NBX_NBX_LINK_H
#define NBX_NBX_LINK_H

#include "nt/box.h"

// The port that a driver of this box opened with this text. Returns false when there is none.
bool link_force(struct box *box, const char *spec, bool up);

#endif
