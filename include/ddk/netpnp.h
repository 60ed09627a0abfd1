// SPDX-License-Identifier: MIT
// netpnp.h: the PnP and power events that reach transports and their clients (NET_PNP_EVENT and its codes).
//
// NDIS and TDI share them; they stand in ndis/pnp.h. Source: [netpnp/ns-netpnp-_net_pnp_event].
#ifndef NBX_DDK_NETPNP_H
#define NBX_DDK_NETPNP_H

#include "ndis/pnp.h"

#endif
