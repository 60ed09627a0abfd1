// SPDX-License-Identifier: MIT
// What the first box's tcpip counts, and how many of its connections are away.
#ifndef NBX_TESTS_FLOW_TCPIP_FOLLOW_COUNTS_H
#define NBX_TESTS_FLOW_TCPIP_FOLLOW_COUNTS_H

#include "../tcpip/kit.h"

void counts_open(void);
void counts_close(void);
PFILE_OBJECT counts_file(void);      // the control channel that they come by
ULONG count_of(const char *name);    // NBX_TCPIP_COUNTS
ULONG away_count(void);

#endif
