// SPDX-License-Identifier: MIT
// The end of what pshpack1.h and its kin began.
#pragma clang diagnostic ignored "-Wpragma-pack"
#pragma pack(pop)
