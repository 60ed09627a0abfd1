// SPDX-License-Identifier: MIT
// Cases of tests/sim/rnic: adapters and queues, compiled here too.
#include "../../sim/rnic/case_queue.c"
