// SPDX-License-Identifier: MIT
// From here on DEFINE_GUID defines. Include it once, before the headers whose GUIDs the driver wants to own.
//
// No guard round the include of guiddef.h: a file may reach guiddef.h first and change its mind afterwards.
// Source: [windows-driver-docs kernel/including-guids-in-driver-code].
#ifndef INITGUID
#define INITGUID
#endif
#include "guiddef.h"
