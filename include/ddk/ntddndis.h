// SPDX-License-Identifier: MIT
// What NDIS shares with user mode and with every driver: OIDs, media, statistics, offloads, RSS, power, filters, ports.
//
// Only a list: each topic has a file below ndis/. Switch, SR-IOV, NIC switch, Packet Direct, WAN, wireless and WMI structures
// are left out.
// Source: [ntddndis], [windows-driver-docs network].
#ifndef NBX_DDK_NTDDNDIS_H
#define NBX_DDK_NTDDNDIS_H
#include "ndis/types.h"
#include "ndis/oid.h"
#include "ndis/media.h"
#include "ndis/stats.h"
#include "ndis/offload.h"
#include "ndis/rss.h"
#include "ndis/pm.h"
#include "ndis/hdsplit.h"
#include "ndis/recvfilter.h"
#include "ndis/nicswitch.h"
#include "ndis/ports.h"
#include "ndis/qos.h"
#include "ndis/ndk.h"
#include "ndis/isolation.h"
#include "ndis/timestamp.h"
#include "ndis/wmi.h"
#endif
