// SPDX-License-Identifier: MIT
// The script's steps `call` and `hang-up`: TCP connections that a TDI client of the runner's own (client.h) opens and ends.
#ifndef NBX_NBX_CALL_H
#define NBX_NBX_CALL_H

#include "nbx/world.h"

// Until the connection is open. A finding when it does not come about within the step's time.
void call_begin(struct world *world, const struct stack_step *step);
// Until so many bytes are back as the step wants, and then until it has ended.
void call_end(struct world *world, const struct stack_step *step);
// Those of the box that the script has not ended: closed, which resets them. irql: PASSIVE, in a thread of the box
void calls_close(struct world_box *box);

#endif
