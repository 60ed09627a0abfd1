// SPDX-License-Identifier: MIT
// Stopping the box for a moment. Whoever owns every processor knows that nobody is at DISPATCH_LEVEL and, since the runtime's locks
// raise to DISPATCH, that nobody holds one: what the data path reads without a lock may be rewritten. Processors are taken in
// ascending order, so two freezers cannot meet crosswise; an owner never waits for another processor.
#include "nt/ke/ke_int.h"

void
ke_freeze(struct box *box)
{
    struct ke_thread *self = ke_self();
    for (uint32_t i = 0; i < box->processor_count; i++) {
        ke_word_lock(&box->processors[i].word);
        box->processors[i].owner = self;
    }
    self->processor = &box->processors[0];
    self->irql = DISPATCH_LEVEL;
}

// Each processor is given back by ke_lower, because DPCs may have been queued for it meanwhile and nobody else would look.
void
ke_thaw(struct box *box)
{
    struct ke_thread *self = ke_self();
    for (uint32_t i = box->processor_count; i-- > 0;) {
        self->processor = &box->processors[i];
        self->irql = DISPATCH_LEVEL;
        ke_lower(self, PASSIVE_LEVEL);
    }
}
