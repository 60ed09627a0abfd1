// SPDX-License-Identifier: MIT
// wdm.h as drivers know it: the whole kernel-mode core, by topic in wdm/.
//
// Include order follows what depends on what; a driver includes wdm.h, ntddk.h or ntifs.h and never a file of wdm/ by itself.
// Sources: [windows-driver-docs-ddi wdm] and the pages named in each part.
#ifndef NBX_DDK_WDM_H
#define NBX_DDK_WDM_H

#include "nbx_forced.h"
#include "ntdef.h"
#include "ntstatus.h"
#include "devioctl.h"
#include "wdm/base.h"
#include "wdm/interlocked.h"
#include "wdm/bits.h"
#include "wdm/ke.h"
#include "wdm/ps.h"
#include "wdm/ex.h"
#include "wdm/mm.h"
#include "wdm/se.h"
#include "wdm/rtl.h"
#include "wdm/cm.h"
#include "wdm/po.h"
#include "wdm/pnp.h"
#include "wdm/irp.h"
#include "wdm/io.h"
#include "wdm/dma.h"
#include "wdm/zw.h"

#endif
