// SPDX-License-Identifier: MIT
// The part of mstcpip.h that kernel drivers use: IP addresses as text.
//
// Socket ioctls of user mode are not declared. Source: [sdk-api mstcpip].
#ifndef NBX_DDK_MSTCPIP_H
#define NBX_DDK_MSTCPIP_H

#include "ip2string.h"
#include "ws2ipdef.h"

#endif
