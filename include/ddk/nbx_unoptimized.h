// SPDX-License-Identifier: MIT
// Include it before everything else (or with -include) in a file that uses __try, if the build optimises: it turns optimisation off for
// the rest of the file. excpt.h says why; `ndisbox build` does it by itself.
#ifndef NBX_DDK_NBX_UNOPTIMIZED_H
#define NBX_DDK_NBX_UNOPTIMIZED_H

#define NBX_UNOPTIMIZED 1
#pragma clang optimize off

#endif
