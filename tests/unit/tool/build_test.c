// SPDX-License-Identifier: MIT
// ndisbox build, as a user types it, on projects written here: one for each construct that drivers use.
#include "tool_test.h"

#include <unistd.h>

#define BUILD_TIMEOUT 120

// A filter of a few lines, enough to load. WORD is what its file has before DriverEntry.
#define DRIVER(word) \
    "#include <NDIS.h>\n" word "\nDRIVER_INITIALIZE DriverEntry;\n" \
    "NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)\n{\n    return STATUS_SUCCESS;\n}\n"

static void
cache_set(void)
{
    char cache[64];
    snprintf(cache, sizeof cache, "/tmp/nbx-build-%d", (int)getpid());
    setenv("NDISBOX_CACHE", cache, 1);
}

static void
cache_remove(void)
{
    char line[128];
    snprintf(line, sizeof line, "rm -rf /tmp/nbx-build-%d", (int)getpid());
    ck_assert_int_eq(system(line), 0);
}

static const struct told *
build(const char *arguments)
{
    char line[1024];
    cache_set();
    snprintf(line, sizeof line, "build %s", arguments);
    return tool(line);
}

static void
built(const char *arguments, const char *wanted)
{
    const struct told *told = build(arguments);
    ck_assert_msg(told->code == 0, "build %s: %d\n%s", arguments, told->code, told->err);
    out_has(told, wanted);
}

#define PROJECT(inside) "<Project>\n<PropertyGroup><ConfigurationType>Driver</ConfigurationType></PropertyGroup>\n" inside "</Project>\n"

TEST_TIMEOUT(BUILD_TIMEOUT, a_c_file_builds_to_an_image_that_runs)
{
    tool_text("one.c", DRIVER(""));
    built("one.c", "one.so: C files, 1 sources");
    ck_assert_int_eq(tool("run --driver one,path=one.so --adapter n,driver=vnic,port=none,filters=one --check")->code, 0);
    err_has(build("one.c -o other/x.so"), "other, where the result should go: No such file or directory");
    ck_assert_int_eq(build("one.c -o other/x.so")->code, 2);
    cache_remove();
}

TEST_TIMEOUT(BUILD_TIMEOUT, a_project_builds_with_its_macros_headers_in_any_case_and_traces)
{
    tool_text("A.c", DRIVER("#include \"HEAD.H\"\n#include \"trace.h\"\n#include \"a.tmh\"\n#if FROM_ITEM != 2\n#error item\n#endif\n"
                            "#if !defined(_WIN32) || !defined(_WIN64)\n#error what the compiler defines\n#endif\n"
                            "VOID f(struct _FIRST_HERE *a);\nVOID f(struct _FIRST_HERE *a) { TraceIt(NOBODY, \"%d\", UNKNOWN_NAME); "
                            "WPP_INIT_TRACING(a, a); }\n"));
    tool_text("head.h", "#define FROM_HEAD 1\n");
    tool_text("trace.h", "// begin_wpp config\n// FUNC TraceIt(LEVEL, MSG, ...);\n// end_wpp\n");
    tool_text("mine.vcxproj",
              PROJECT("<PropertyGroup><TargetName>named</TargetName></PropertyGroup><ItemGroup><ClCompile Include=\"a.C\">"
                      "<PreprocessorDefinitions>FROM_ITEM=2</PreprocessorDefinitions></ClCompile></ItemGroup>"));
    built("mine.vcxproj", "named.so: vcxproj Release|x64, 1 sources");
    built("mine.vcxproj -o again.so -p TargetName=x", "again.so: vcxproj");
    ck_assert_int_eq(build("mine.vcxproj -D FROM_ITEM=3")->code, 1);
    err_has(build("mine.vcxproj -D FROM_ITEM=3"), "error: item");
    cache_remove();
}

TEST_TIMEOUT(BUILD_TIMEOUT, templates_are_filled_from_the_command_line)
{
    tool_text("a.c", DRIVER("#include \"config.h\"\nstatic const char text[] = VERSION;\n"));
    tool_text("config.h.in", "#define VERSION \"@VERSION@\"\n");
    tool_text("mine.vcxproj.in", PROJECT("<ItemGroup><ClCompile Include=\"@FILE@.c\"/></ItemGroup>"));
    tool_text("values", "FILE=a\nVERSION=1.0\n");
    built("mine.vcxproj.in --subst-file values --subst VERSION=2.0", "mine.so: vcxproj");
    const struct told *told = build("mine.vcxproj.in --subst FILE=a");
    ck_assert_int_eq(told->code, 2);
    err_has(told, "config.h.in:1: error: nothing says what @VERSION@ becomes: --subst VERSION=VALUE, or --subst-file FILE");
    ck_assert_int_eq(build("mine.vcxproj.in --subst nonsense")->code, 2);
    cache_remove();
}

TEST_TIMEOUT(BUILD_TIMEOUT, what_clang_alone_objects_to_is_mended_in_a_copy)
{
    static const char header[] = "VOID Later(void *a, int b);\nextern\nFORCEINLINE\nint Shared(int a);\n";
    static const char one[] = "#include <ntddk.h>\n#include \"both.h\"\n"
                              "VOID Handler(PKDPC dpc, PVOID a, PVOID b, PVOID c)\n{\n}\nVOID Cast(PDEVICE_OBJECT a, PVOID b);\n"
                              "DRIVER_INITIALIZE DriverEntry;\n"
                              "NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)\n{\n    static KDPC dpc;\n"
                              "    KeInitializeDpc(&dpc, Handler, NULL);\n    driver->DriverUnload = (PDRIVER_UNLOAD)Cast;\n"
                              "    Later(driver, Shared(1));\n    return STATUS_SUCCESS;\n}\n";
    static const char two[] = "#include <ntddk.h>\n#include \"both.h\"\nFORCEINLINE int Shared(int a)\n{\n    return a;\n}\n"
                              "VOID Later(PDRIVER_OBJECT a, int b)\n{\n}\nVOID Cast(PDEVICE_OBJECT a, PVOID b)\n{\n}\n";
    tool_text("both.h", header);
    tool_text("one.c", one);
    tool_text("two.c", two);
    built("one.c two.c -o x.so", "x.so: C files, 2 sources");
    const struct told *told = build("one.c two.c -o y.so -D OTHER -v");   // another folder of the cache: it is found anew
    ck_assert_int_eq(told->code, 0);
    err_has(told, "mended in a copy: Handler\n");
    err_has(told, "mended in a copy: Cast\n");
    err_has(told, "mended in a copy: Later\n");
    tool_text("three.c", DRIVER("void f(void);\nvoid f(void)\n{\n    int a = (void *)1;\n}\n"));
    ck_assert_int_eq(build("three.c")->code, 1);
    tool_text("three.c", DRIVER("void f(void);\nvoid f(void)\n{\n    undeclared();\n}\n"));
    ck_assert_int_eq(build("three.c")->code, 1);
    tool_text("two.c", "#include <ntddk.h>\nVOID Later(int b) { }\n");
    ck_assert_int_eq(build("one.c two.c -o x.so")->code, 1);   // a function that is gone
    cache_remove();
}

TEST_TIMEOUT(BUILD_TIMEOUT, what_is_missing_is_named_with_its_place)
{
    tool_text("a.c", DRIVER("#include \"gone.h\"\n#include <wdf.h>\n"));
    const struct told *told = build("a.c");
    ck_assert_int_eq(told->code, 2);
    err_has(told, "a.c:2: error: gone.h is neither in the project nor among the headers of ndisbox");
    err_has(told, "a.c:3: error: wdf.h: needs the Kernel-Mode Driver Framework (KMDF)");
    err_has(told, "nothing was compiled");
    tool_text("a.c", DRIVER("VOID NTAPI NdisNobodyHasThis(void);\nVOID f(void);\nVOID f(void)\n{\n    NdisNobodyHasThis();\n}\n"));
    told = build("a.c");
    ck_assert_int_eq(told->code, 1);
    err_has(told, "a.c:2: error: NdisNobodyHasThis: nothing defines this function");
    tool_text("a.c", "#include <ndis.h>\nint x;\n");
    ck_assert_int_eq(build("a.c")->code, 1);
    err_has(build("a.c"), "no DriverEntry");
    tool_text("a.c", DRIVER("NdisNoSuchType x;\n"));
    ck_assert_int_eq(build("a.c")->code, 1);
    err_has(build("a.c"), "a.c:2:1: error: unknown type name 'NdisNoSuchType'");
    err_has(build("a.c"), "NdisNoSuchType: no header of ndisbox has it");
    cache_remove();
}

TEST_TIMEOUT(BUILD_TIMEOUT, a_try_is_compiled_unoptimised_and_a_break_out_of_it_refused)
{
    tool_text("a.c", DRIVER("int f(int *a);\nint f(int *a)\n{\n    __try\n    {\n        return *a;\n    }\n    "
                            "__except (EXCEPTION_EXECUTE_HANDLER)\n    {\n        return -1;\n    }\n}\n"));
    built("a.c", "a.so: C files");
    tool_text("b.c",
              DRIVER("void f(int *a);\nvoid f(int *a)\n{\n    while (*a)\n        __try {\n            break;\n        } __finally {\n"
                     "        }\n}\n"));
    const struct told *told = build("b.c");
    ck_assert_int_eq(told->code, 2);
    err_has(told, "b.c:7: error: this break leaves a __try");
    cache_remove();
}

TEST_TIMEOUT(BUILD_TIMEOUT, a_second_build_compiles_only_what_changed_and_a_failed_one_leaves_no_result)
{
    char line[256], folder[64];
    tool_text("one.c", DRIVER(""));
    tool_text("two.c", "int two;\n");
    built("one.c two.c -o x.so", "x.so");
    snprintf(folder, sizeof folder, "%s", getenv("NDISBOX_CACHE"));
    snprintf(line, sizeof line, "touch -d '2001-01-01' %s/build/*/obj/0.err %s/build/*/obj/1.err", folder, folder);
    ck_assert_int_eq(system(line), 0);
    tool_text("two.c", "int two = 2;\n");
    built("one.c two.c -o x.so", "x.so");
    snprintf(line, sizeof line, "test $(find %s -name 1.d -newermt 2020-01-01 | wc -l) = 1", folder);
    ck_assert_int_eq(system(line), 0);
    tool_text("two.c", "int two = nobody;\n");
    ck_assert_int_eq(build("one.c two.c -o y.so")->code, 1);
    ck_assert_int_eq(tool("run --driver y,path=y.so --adapter n,driver=vnic,port=none,filters=y --check")->code, 2);
    cache_remove();
}

TEST_TIMEOUT(BUILD_TIMEOUT, options_that_make_no_sense_are_refused_before_anything_is_read)
{
    ck_assert_int_eq(build("a.c --sanitize addres")->code, 2);
    err_has(build("a.c --sanitize addres"), "--sanitize: found \"addres\"; allowed: address, undefined, thread and fuzzer");
    err_has(build("a.c --sanitize thread,address"), "do not go together");
    err_has(build("a.c -p Configuration"), "--property: found \"Configuration\"; allowed: NAME=VALUE");
    err_has(build("a.c --subst-file gone"), "gone: No such file");
    err_has(build("gone.vcxproj"), "gone.vcxproj: error: there is no such file");
    err_has(build("."), "a folder");
    ck_assert_int_eq(build(".")->code, 2);
    ck_assert_int_eq(build("")->code, 2);
}

TEST_TIMEOUT(BUILD_TIMEOUT, commands_are_written_down_with_the_flags_of_the_bundled_drivers)
{
    char line[1024];
    tool_text("one.c", DRIVER(""));
    built("one.c", "one.so");
    // Every flag of cmake/driver.flags is in both files: what CMake wrote for a bundled driver, and what build wrote here.
    snprintf(line, sizeof line,
             "cd %s && for f in $(sed -nE 's/^(language|common|driver) //p' " NBX_SOURCE_DIR "/cmake/driver.flags); do "
             "grep -q -- \"$f\" compile_commands.json || { echo \"build lacks $f\"; exit 1; }; "
             "grep '/drivers/lwfmon/entry.c' " NBX_SOURCE_DIR
             "/build/*/compile_commands.json | grep -q -- \"$f\" || { echo \"cmake lacks $f\"; exit 1; };"
             " done",
             tool_folder());
    ck_assert_int_eq(system(line), 0);
    cache_remove();
}

TEST_TIMEOUT(BUILD_TIMEOUT, a_stack_builds_its_projects_once_and_again_when_a_file_changed)
{
    cache_set();
    tool_text("flt.c", DRIVER(""));
    tool_text("flt.vcxproj.in", PROJECT("<ItemGroup><ClCompile Include=\"@FILE@.c\"/></ItemGroup>"));
    tool_text("s.yaml", "ndisbox: 1\nboxes:\n  a:\n    drivers: { x: { project: flt.vcxproj.in, subst: { FILE: flt } } }\n"
                        "    adapters: { n: { driver: vnic, port: none, filters: [x] } }\n");
    ck_assert_int_eq(tool("run s.yaml --print-stack")->code, 0);
    out_has(tool("run s.yaml --print-stack"), "/flt.vcxproj.in\n");
    const struct told *told = tool("run s.yaml --check");
    ck_assert_msg(told->code == 0, "%d %s", told->code, told->err);
    err_has(told, "building x from ");
    ck_assert_str_eq(tool("run s.yaml --check")->err, "");
    tool_text("flt.c", DRIVER("int changed;"));
    err_has(tool("run s.yaml --check"), "building x from ");
    tool_text("flt.c", DRIVER("nonsense"));
    ck_assert_int_eq(tool("run s.yaml")->code, 1);
    err_has(tool("run s.yaml"), "unknown type name 'nonsense'");
    err_has(tool("run s.yaml"), "nothing was started");
    ck_assert_int_eq(tool("run --driver x,project=gone.c --adapter n,driver=vnic,port=none,filters=x --check")->code, 2);
    cache_remove();
}

TEST_TIMEOUT(BUILD_TIMEOUT, an_interrupted_build_leaves_no_result)
{
    char line[512];
    cache_set();
    tool_text("slow", "#!/bin/sh\nsleep 30 & wait\n");
    tool_text("one.c", DRIVER(""));
    // --foreground: else timeout sends SIGCONT too, which takes away the stop that LeakSanitizer waits for at the end.
    snprintf(line, sizeof line,
             "cd %s && chmod +x slow && "
             "{ NDISBOX_CC=$PWD/slow timeout --foreground -s INT 2 " NBX_TOOL " build one.c 2>err; test $? = 124 && "
             "grep -q interrupted err && test ! -e one.so && test -z \"$(ls | grep part)\"; }",
             tool_folder());
    ck_assert_int_eq(system(line), 0);
    cache_remove();
}

TEST_TIMEOUT(BUILD_TIMEOUT, a_missing_compiler_is_status_3_with_what_to_do)
{
    char line[512];
    cache_set();
    tool_text("one.c", DRIVER(""));
    snprintf(line, sizeof line,
             "cd %s && NDISBOX_CC=no-such-clang " NBX_TOOL " build one.c 2>err; test $? = 3 && grep -q 'apt install clang-19' err",
             tool_folder());
    ck_assert_int_eq(system(line), 0);
    cache_remove();
}

TEST_TIMEOUT(BUILD_TIMEOUT, an_installed_tool_finds_its_headers)
{
    char line[1024];
    cache_set();
    tool_text("one.c", DRIVER(""));
    snprintf(line, sizeof line,
             "cd %s && mkdir -p usr/bin usr/include/ndisbox && cp " NBX_TOOL " usr/bin/ && cp -r " NBX_SOURCE_DIR
             "/include/ddk usr/include/ndisbox/ && usr/bin/ndisbox build one.c && grep -q \"$PWD/usr/include/ndisbox/ddk\" "
             "compile_commands.json && "
             "rm -r usr/include; usr/bin/ndisbox build one.c 2>err; test $? = 3 && grep -q 'point NDISBOX_DDK at' err",
             tool_folder());
    ck_assert_int_eq(system(line), 0);
    cache_remove();
}

TEST_TIMEOUT(BUILD_TIMEOUT, sanitizers_and_coverage_reach_the_image)
{
    char line[512];
    tool_text("one.c", DRIVER("int f(int *a);\nint f(int *a)\n{\n    return *a;\n}\n"));
    built("one.c -o asan.so --sanitize address,undefined", "asan.so");
    built("one.c -o fuzz.so --sanitize fuzzer", "fuzz.so");
    built("one.c -o cov.so --coverage", "cov.so");
    snprintf(line, sizeof line,
             "cd %s && llvm-nm-19 -D asan.so | grep -q __asan_report && llvm-objdump-19 -h fuzz.so | grep -q sancov && "
             "llvm-objdump-19 -h cov.so | grep -q __llvm_prf && llvm-objdump-19 -h cov.so | grep -q debug_info",
             tool_folder());
    ck_assert_int_eq(system(line), 0);
    cache_remove();
}
