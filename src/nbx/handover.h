// SPDX-License-Identifier: MIT
// The script's steps about TCP connections and offload targets: what the step says goes to tcpip's device as IOCTL_NBX_TCPIP_CHIMNEY.
#ifndef NBX_NBX_HANDOVER_H
#define NBX_NBX_HANDOVER_H

#include "nbx/world.h"

// Until there is a connection that goes, or none away any more; with rounds, so often there and back. A finding when it does not come
// about within the step's time.
void handover_offload(struct world *world, const struct stack_step *step);
void handover_upload(struct world *world, const struct stack_step *step);

#endif
