// SPDX-License-Identifier: MIT
// Helpers of the INF tests: read a text as "t.inf", demand success or one message.
#ifndef NBX_TESTS_INF_TEST_H
#define NBX_TESTS_INF_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/harness.h"
#include "loader/inf/inf.h"

#define VERSION(class) "[Version]\nSignature = \"$Windows NT$\"\nClass = " class "\nProvider = %Who%\n[Strings]\nWho = \"Someone\"\n"
#define MODELS "[Manufacturer]\n%Who% = Models, NT$ARCH$\n[Models.NT$ARCH$]\n%Who% = Install, my_id\n"
#define SERVICE \
    "[Install.Services]\nAddService = mysvc, 2, Service\n" \
    "[Service]\nServiceType = 1\nStartType = 3\nErrorControl = 1\nServiceBinary = %13%\\mysvc.sys\n"
#define RANGES \
    "HKR, Ndi, Service, 0, mysvc\nHKR, Ndi\\Interfaces, UpperRange, 0, ndis5\nHKR, Ndi\\Interfaces, LowerRange, 0, ethernet\n"
// A miniport's INF; lines are those of its AddReg section, from line 17 on.
#define MINIPORT(lines) VERSION("Net") MODELS "[Install]\nCharacteristics = 1\nAddReg = Reg\n" SERVICE "[Reg]\n" RANGES lines
#define FILTER(lines) \
    VERSION("NetService") \
    MODELS "[Install]\nCharacteristics = 0x40000\nNetCfgInstanceId = \"{1}\"\nAddReg = Reg\n" SERVICE \
           "[Reg]\nHKR, Ndi\\Interfaces, UpperRange,, noupper\nHKR, Ndi\\Interfaces, LowerRange,, nolower\n" lines
#define FILTER_WORDS(class, type, run) \
    "HKR, Ndi, FilterClass,, " class "\nHKR, Ndi, FilterType, 0x10001, " type "\nHKR, Ndi, FilterRunType, 0x10001, " run \
                                     "\nHKR, Ndi\\Interfaces, FilterMediaTypes,, \"ethernet, wan\"\n"

struct said {
    char text[65536];
    size_t errors, warnings;
};

// The reader with default options; said may be NULL. The result is destroyed by the harness's process, or with inf_destroy.
struct inf *read_text(const char *text, size_t bytes, const struct inf_options *options, struct said *said);
const struct inf_component *component_of_at(const char *text, int line);
void expect_said_at(const char *text, const char *wanted, int line);
const struct inf_value *value_of(const struct inf_component *component, enum inf_root root, const char *key, const char *name);
#define component_of(text) component_of_at(text, __LINE__)
#define expect_said(text, wanted) expect_said_at(text, wanted, __LINE__)

#endif
