// SPDX-License-Identifier: MIT
// Which Windows a box says it is.
#ifndef NBX_NT_RTL_VERSION_H
#define NBX_NT_RTL_VERSION_H

#define RTL_VERSION_MAJOR 10
#define RTL_VERSION_MINOR 0
#define RTL_VERSION_BUILD 19045
#define RTL_VERSION_SUITES 0x100   // single user terminal services, as a client has

#endif
