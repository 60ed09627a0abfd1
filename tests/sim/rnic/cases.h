// SPDX-License-Identifier: MIT
// The cases, by file; cases.c has them in a table, nd2_test.c runs them.
#ifndef NBX_TESTS_SIM_RNIC_CASES_H
#define NBX_TESTS_SIM_RNIC_CASES_H

#include "nd2.h"

// case_data.c: what moves bytes
bool case_ndping(void);
bool case_ndpingpong(void);
bool case_ndrping(void);
bool case_ndrpingpong(void);
bool case_ndmval(void);
bool case_ndmw(void);
bool case_sendnoreceive(void);
bool case_receiveconnectorclosed(void);
// case_memory.c: regions, windows, what a peer may not
bool case_ndmrlat(void);
bool case_ndmrrate(void);
bool case_mrderegister(void);
bool case_mrinvalidbuffer(void);
bool case_invalidreadwrite(void);
bool case_overreadwrite(void);
bool case_writeviolation(void);
// case_queue.c: adapters and queues
bool case_ndadapterinfo(void);
bool case_ndcat(void);
bool case_ndcq(void);
bool case_largeqpdepth(void);
bool case_qpmaxall(void);
bool case_receiveflushqp(void);
// case_connect.c: making connections
bool case_ndconn(void);
bool case_ndmpic(void);
bool case_connectlistenerclosing(void);
bool case_connrejectclose(void);
bool case_dualconnection(void);
bool case_duallisten(void);
bool case_invalidip(void);
bool case_largeprivatedata(void);

#endif
