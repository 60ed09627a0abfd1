// SPDX-License-Identifier: MIT
// What the services of a world say of their work (include/nbx/service.h), kept until somebody looks. Drivers speak on any thread; the
// thread that runs the world makes findings of it, at a script's step and at the end.
//   nbx_service_done -> box->on_service -> kept in the box's list -> services_settle -> world_trouble
#ifndef NBX_NBX_SERVICE_H
#define NBX_NBX_SERVICE_H

#include "nbx/world.h"

#define SERVICE_TEXT 201

enum service_state {
    SERVICE_SILENT,
    SERVICE_DONE,
    SERVICE_FAILED
};

// One for each driver of the stack file, services or not.
struct world_service {
    enum service_state state;        // under the box's services_lock, as the next
    char text[SERVICE_TEXT];         // its last words, or the first of a failure
    bool is_told;                    // its failure is a finding already; the world's thread's
};

// box->services, before drivers load. fails: false when out of memory
bool services_open(struct world_box *box);
void services_close(struct world_box *box);
// Failures that are new become findings. irql: PASSIVE, the world's thread.
void services_settle(struct world *world);
// A copy of what stands.
struct world_service service_get(struct world_box *box, const struct stack_driver *driver);

#endif
