// SPDX-License-Identifier: MIT
// Worlds for sweeps: a stack file's text, the bundled drivers without their INFs (so that nothing keeps bad values from them), the
// seeded scheduler; what was said, and a function that runs inside the first box while the world stands.
#ifndef NBX_TESTS_FLOW_SWEEP_WORLD_KIT_H
#define NBX_TESTS_FLOW_SWEEP_WORLD_KIT_H

#include <stdbool.h>

#include "nbx/world.h"

struct sweep_world {
    char said[65536];                // messages and findings, a line each
    struct world *world;
    enum world_result result;
    uint32_t findings;
};

extern struct sweep_world sweep_world;

// One box "a", one adapter "n"; drivers and adapter are the words of their flow maps. false: the stack's reader refused it.
bool sweep_run(const char *drivers, const char *adapter, void (*inside)(void));

#endif
