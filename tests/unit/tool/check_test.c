// SPDX-License-Identifier: MIT
// ndisbox check: kind, uses and refusals of projects, shared objects and .sys files.
#include "tool_test.h"

#include <unistd.h>

#define SECONDS 120

static const struct told *
check(const char *arguments)
{
    char line[512], cache[64];
    snprintf(cache, sizeof cache, "/tmp/nbx-check-%d", (int)getpid());
    setenv("NDISBOX_CACHE", cache, 1);
    snprintf(line, sizeof line, "check %s", arguments);
    const struct told *told = tool(line);
    snprintf(line, sizeof line, "rm -rf %s", cache);
    ck_assert_int_eq(system(line), 0);
    return told;
}

#define FILTER \
    "#include <ndis.h>\nDRIVER_INITIALIZE DriverEntry;\nNDIS_HANDLE handle;\n#if 0\nvoid z(void) { NdisGone(); }\n#endif\n" \
    "NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)\n{\n    NDIS_FILTER_DRIVER_CHARACTERISTICS c = {0};\n" \
    "    return NdisFRegisterFilterDriver(driver, NULL, &c, &handle);\n}\n"

TEST_TIMEOUT(SECONDS, a_driver_that_can_run_is_told_its_kind_and_uses)
{
    tool_text("a.c", FILTER);
    const struct told *told = check("a.c");
    ck_assert_msg(told->code == 0, "%d %s%s", told->code, told->out, told->err);
    out_has(told, "a.c: filter, C files\n");
    out_has(told, "NdisFRegisterFilterDriver  full     function     1  a.c:10\n");
    out_has(told, "0 of them refused, absent or unknown; 0 things are refused");
    ck_assert_ptr_null(strstr(told->out, "NdisGone"));
}

TEST_TIMEOUT(SECONDS, a_name_that_is_refused_or_unknown_is_a_finding)
{
    tool_text("a.c", FILTER "void f(void)\n{\n    long a; NdisNobodyKnows(1);\n    NdisMGetBusData(0, 0, 0, 0, 0);\n}\n");
    const struct told *told = check("a.c");
    ck_assert_int_eq(told->code, 1);
    out_has(told, "NdisNobodyKnows");
    out_has(told, "unknown");
    out_has(told, "1 lines have a bare long, which is 32 bits on Windows and 64 here; the first is a.c:14");
    told = check("a.c --json");
    ck_assert_int_eq(told->code, 1);
    out_has(told, "\"works\": false");
    out_has(told, "\"kind\": \"filter\"");
    out_has(told, "\"name\": \"NdisNobodyKnows\"");
    out_has(told, "\"long_lines\": 1");
}

TEST_TIMEOUT(SECONDS, what_is_refused_is_told_with_file_line_and_construct)
{
    tool_text("a.c", FILTER "#include <wdf.h>\nvoid f(void)\n{\n    __asm { int 3 }\n}\n");
    const struct told *told = check("a.c");
    ck_assert_int_eq(told->code, 1);
    out_has(told, "refused: a.c:12: wdf.h: needs the Kernel-Mode Driver Framework (KMDF)");
    out_has(told, "refused: a.c:15: __asm: ");
    tool_text("k.vcxproj",
              "<Project>\n<PropertyGroup><ConfigurationType>Driver</ConfigurationType>\n<DriverType>UMDF</DriverType></PropertyGroup>"
              "<ItemGroup><ClCompile Include=\"a.c\"/></ItemGroup></Project>\n");
    told = check("k.vcxproj");
    ck_assert_int_eq(told->code, 1);
    out_has(told, "refused: k.vcxproj:3: DriverType UMDF: needs the Windows Driver Frameworks");
    ck_assert_int_eq(check("gone.vcxproj")->code, 2);
    err_has(check("gone.vcxproj"), "gone.vcxproj: error: there is no such file");
}

TEST_TIMEOUT(SECONDS, a_type_or_constant_that_no_header_has_is_told_once)
{
    tool_text("a.c", FILTER "NDIS_NOT_A_TYPE a;\nNDIS_NOT_A_TYPE b;\nint f(void) { return NDIS_NOT_A_CONSTANT; }\nint g(void);\n");
    const struct told *told = check("a.c");
    ck_assert_int_eq(told->code, 1);
    out_has(told, "refused: a.c:12: NDIS_NOT_A_TYPE: neither the project nor the headers of ndisbox declare it\n");
    out_has(told, "refused: a.c:14: NDIS_NOT_A_CONSTANT: ");
    out_has(told, "2 things are refused");
}

TEST_TIMEOUT(SECONDS, a_shared_object_is_looked_at_without_running_it)
{
    const struct told *told = check(NBX_DRIVER_DIR "/lwfmon.so");
    out_has(told, "lwfmon.so: filter, ELF image\n");
    out_has(told, "NdisFSendNetBufferLists");
    ck_assert_ptr_null(strstr(told->out, "memcpy"));
    ck_assert_int_eq(told->code, 0);
    tool_file("broken.so", "\177ELF\2\1\1", 8);
    ck_assert_int_eq(check("broken.so")->code, 2);
    err_has(check("broken.so"), "broken.so: no driver image: ");
}

static unsigned char image[0x600];

static void
put(size_t at, unsigned long long value, size_t bytes)
{
    memcpy(image + at, &value, bytes);
}

TEST_TIMEOUT(SECONDS, a_sys_file_is_told_by_its_import_table)
{
    memset(image, 0, sizeof image);
    memcpy(image, "MZ", 2);
    put(60, 0x40, 4);
    memcpy(image + 0x40, "PE\0\0", 4);
    put(0x44, 0x8664, 2);
    put(0x46, 1, 2);
    put(0x54, 240, 2);
    put(0x58, 0x20B, 2);
    put(0x58 + 60, 0x200, 4);
    put(0x58 + 68, 1, 2);
    put(0x58 + 108, 16, 4);
    put(0x58 + 120, 0x1000, 4);
    put(0x148 + 8, 0x400, 4);
    put(0x148 + 12, 0x1000, 4);
    put(0x148 + 16, 0x400, 4);
    put(0x148 + 20, 0x200, 4);
    put(0x200, 0x1080, 4);
    put(0x20C, 0x1100, 4);
    put(0x210, 0x1080, 4);
    put(0x280, 0x1120, 8);
    put(0x288, 0x1150, 8);
    strcpy((char *)image + 0x300, "NDIS.SYS");
    strcpy((char *)image + 0x322, "NdisMRegisterMiniportDriver");
    strcpy((char *)image + 0x352, "NdisNobodyKnows");
    tool_file("a.sys", image, sizeof image);
    const struct told *told = check("a.sys");
    ck_assert_int_eq(told->code, 1);
    out_has(told, "a.sys: miniport, PE image\n");
    out_has(told, "NdisNobodyKnows              unknown  -            1  NDIS.SYS\n");
    strcpy((char *)image + 0x300, "fwpkclnt.sys");
    put(0x288, 0, 8);
    tool_file("a.sys", image, sizeof image);
    told = check("a.sys");
    ck_assert_int_eq(told->code, 1);
    out_has(told, "refused: a.sys: fwpkclnt.sys: needs the Windows Filtering Platform");
}
