// SPDX-License-Identifier: MIT
// The 29 cases by the names of their programs: those of src/examples and src/unittests, then those of ndmemorytest.
#include "cases.h"

#define CASE(name)                                                                                                     \
    {                                                                                                                  \
        #name, case_##name                                                                                             \
    }

const struct nd2_case nd2_cases[] = {
    CASE(ndadapterinfo),    CASE(ndcat),         CASE(ndping),
    CASE(ndpingpong),       CASE(ndrping),       CASE(ndrpingpong),
    CASE(ndmrlat),          CASE(ndmrrate),      CASE(ndconn),
    CASE(ndmpic),           CASE(ndcq),          CASE(ndmval),
    CASE(ndmw),             CASE(connectlistenerclosing), CASE(connrejectclose),
    CASE(dualconnection),   CASE(duallisten),    CASE(invalidip),
    CASE(invalidreadwrite), CASE(largeprivatedata), CASE(largeqpdepth),
    CASE(mrderegister),     CASE(mrinvalidbuffer), CASE(overreadwrite),
    CASE(qpmaxall),         CASE(receiveconnectorclosed), CASE(receiveflushqp),
    CASE(sendnoreceive),    CASE(writeviolation),
};
const unsigned nd2_case_count = sizeof nd2_cases / sizeof nd2_cases[0];
_Static_assert(sizeof nd2_cases / sizeof nd2_cases[0] == 29, "the list of Network Direct's tests has 29");
