// SPDX-License-Identifier: MIT
// Stands in for the C library's <wchar.h>, whose functions are for 32-bit wide characters.
#ifndef NBX_DDK_WCHAR_H
#define NBX_DDK_WCHAR_H

#include "ntdef.h"

#endif
