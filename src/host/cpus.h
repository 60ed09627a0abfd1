// SPDX-License-Identifier: MIT
// How many processors this process may run on: on one, a second thread only takes time from the first.
#ifndef NBX_HOST_CPUS_H
#define NBX_HOST_CPUS_H

// At least 1; one system call.
unsigned cpus_usable(void);

#endif
