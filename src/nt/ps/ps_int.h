// SPDX-License-Identifier: MIT
// What the files of this room share.
#ifndef NBX_NT_PS_PS_INT_H
#define NBX_NT_PS_PS_INT_H

#include "nt/box.h"


#endif
