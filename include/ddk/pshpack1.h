// SPDX-License-Identifier: MIT
// Structures that follow are packed to 1 byte, until poppack.h. To be included any number of times.
#pragma clang diagnostic ignored "-Wpragma-pack"
#pragma pack(push, 1)
