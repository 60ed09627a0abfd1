// SPDX-License-Identifier: MIT
// ntifs.h: everything of ntddk.h, and the routines whose pages stand under ntifs.
//
// Sources: [windows-driver-docs-ddi ntifs].
#ifndef NBX_DDK_NTIFS_H
#define NBX_DDK_NTIFS_H

#include "ntddk.h"

#endif
