// SPDX-License-Identifier: MIT
// libFuzzer on the reader of SOURCES files: whatever the bytes, reading ends, and names sources or says what is wrong.
#define FUZZ_PROJECT "/p/sources"
#define FUZZ_X "A=$(A) a.c\n!IF 1\n"
#define FUZZ_Y "SOURCES=$(SOURCES) sub\\b.c\n!INCLUDE y.props\n"

#include "import_fuzz.h"
