// SPDX-License-Identifier: MIT
// NDIS 6, as a driver sees it. Drivers include this file and nothing else of ndis/.
//
// Each topic has a file of its own below ndis/; this one only lists them. Left out, so that a driver that needs them does not
// compile rather than run wrongly: connection-oriented NDIS (NdisCo, NdisCl, NdisCm, NdisMCm), Packet Direct, the extensible
// switch, SR-IOV and the NIC switch, native 802.11, KDNET, IPsec security associations, and everything of NDIS 5
// (NDIS_PACKET, NdisMSend..., MiniportInitialize without Ex). Their names may appear as opaque pointers.
// Also left out are the status indications of later versions whose numbers no public source gives: PM_HARDWARE_CAPABILITIES,
// PM_WAKE_REASON, RECEIVE_FILTER_xxx, TIMESTAMP_xxx,
// ISOLATION_PARAMETERS_CHANGE and CURRENT_MAC_ADDRESS_CHANGE.
// Source: the reference of ndis.h, one page per name: [ndis], [nbl...], [ntddndis].
#ifndef NBX_DDK_NDIS_H
#define NBX_DDK_NDIS_H
#include <ntddk.h>

#include "ndis/version.h"
#include "ndis/types.h"
#include "ndis/status.h"
#include "ndis/nblinfo.h"
#include "ndis/nbl.h"
#include "ndis/nblapi.h"
#include "ndis/lock.h"
#include "ndis/memory.h"
#include "ndis/timer.h"
#include "ndis/config.h"
#include "ntddndis.h"
#include "ndis/oidrequest.h"
#include "ndis/statusindication.h"
#include "ndis/pnp.h"
#include "ndis/driver.h"
#include "ndis/dma.h"
#include "ndis/interrupt.h"
#include "ndis/miniport.h"
#include "ndis/protocol.h"
#include "ndis/filter.h"
#include "ndis/im.h"
#include "ndis/poll.h"
#include "xfilter.h"
#endif
