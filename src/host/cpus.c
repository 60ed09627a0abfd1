// SPDX-License-Identifier: MIT
// See cpus.h: the affinity mask, which taskset and containers narrow, not what the machine has.
#include "host/cpus.h"

#include <sched.h>

unsigned
cpus_usable(void)
{
    cpu_set_t set;
    // A machine with more processors than the mask holds refuses; it has more than one.
    if (sched_getaffinity(0, sizeof(set), &set))
        return 2;
    return CPU_COUNT(&set) > 0 ? (unsigned)CPU_COUNT(&set) : 1;
}
