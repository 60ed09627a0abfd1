// SPDX-License-Identifier: MIT
// libFuzzer on the reader of .vcxproj: whatever the bytes, reading ends, and either names sources or says what is wrong.
#define FUZZ_PROJECT "/p/d.vcxproj"
#define FUZZ_X "<Project><PropertyGroup><A>$(A);a</A></PropertyGroup><Import Project=\"y.props\"/></Project>"
#define FUZZ_Y "<Project><ItemGroup><ClCompile Include=\"**\\*.c\"/></ItemGroup></Project>"

#include "import_fuzz.h"
