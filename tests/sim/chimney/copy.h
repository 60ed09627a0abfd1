// SPDX-License-Identifier: MIT
// Only documented fields cross: a tree that goes down becomes a byte copy in fresh memory, in which what is reserved for another layer than
// the target's is poisoned, and so is whatever lies behind a block's state. The target has the copy until it completes; then its statuses,
// the state it has filled in and its chains go back into the tree itself, and the copy's memory is poisoned before it is freed.
#ifndef NBX_TESTS_SIM_CHIMNEY_COPY_H
#define NBX_TESTS_SIM_CHIMNEY_COPY_H

#include <ndischimney.h>

NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *copy_down(NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *tree);
// The tree that this one is a copy of, which is gone then; the same if it is none.
NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *copy_up(NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree);

#endif
