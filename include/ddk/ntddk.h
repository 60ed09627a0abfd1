// SPDX-License-Identifier: MIT
// ntddk.h: everything of wdm.h, and the routines whose pages stand under ntddk.
//
// Sources: [windows-driver-docs-ddi ntddk].
#ifndef NBX_DDK_NTDDK_H
#define NBX_DDK_NTDDK_H

#include "wdm.h"

#endif
