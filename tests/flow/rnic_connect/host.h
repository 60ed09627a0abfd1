// SPDX-License-Identifier: MIT
// The hosts of both boxes (host.c), for kit.c.
#ifndef NBX_TESTS_FLOW_RNIC_CONNECT_HOST_H
#define NBX_TESTS_FLOW_RNIC_CONNECT_HOST_H

#include "kit.h"

struct io_image *host_load(struct box *box, int index);
void host_link_address(int box, UCHAR address[6]);      // kit.c's

#endif
