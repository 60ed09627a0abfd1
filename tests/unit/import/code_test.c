// SPDX-License-Identifier: MIT
// What is read from a driver's code, what is refused in it, and what is mended in copies of it.
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>

static struct import_scan scan;

static const struct import_use *
use(const char *word)
{
    return import_scan_find(&scan, word);
}

static void
scan_text(const char *text)
{
    static const char *const outside[] = {"/ddk/"};
    import_scan_init(&scan);
    import_scan_text(&scan, text, strlen(text), outside, 1);
}

TEST(names_are_counted_where_they_stand)
{
    scan_text("# 1 \"/p/a.c\"\n# 1 \"/ddk/ndis.h\" 1\nvoid NdisFoo(int a);\n#define NdisMacro(x) NdisInner(x)\n# 2 \"/p/a.c\" 2\n"
              "#define MINE(x) KeLower(x)\nint helper(int a);\nint f(void)\n{\n  // NdisComment();\n  \"NdisText()\";\n"
              "  return NdisFoo(1) + p->NdisMember(2) + NdisUnknown(3) + helper(4);\n}\nstruct _TAG *g(struct _OTHER *o);\n");
    ck_assert(use("NdisFoo")->is_call && use("NdisFoo")->is_ours);
    ck_assert_uint_eq(use("NdisFoo")->place.line, 8);
    ck_assert_str_eq(use("NdisFoo")->place.file, "/p/a.c");
    ck_assert(use("NdisUnknown")->is_call && !use("NdisUnknown")->is_ours && !use("NdisUnknown")->is_declared);
    ck_assert(use("helper")->is_declared);
    ck_assert(use("KeLower")->is_call);
    ck_assert_ptr_null(use("NdisInner"));
    ck_assert_ptr_null(use("NdisMember"));
    ck_assert_ptr_null(use("NdisComment"));
    ck_assert_ptr_null(use("NdisText"));
    ck_assert(has(&scan.tags, "_TAG") && has(&scan.tags, "_OTHER"));
    ck_assert(has(&scan.files, "/p/a.c") && !has(&scan.files, "/ddk/ndis.h"));
    char *tags = import_tags_text(&scan);
    ck_assert_ptr_nonnull(strstr(tags, "struct _TAG;\n"));
    free(tags);
    ck_assert(!scan.has_try && !scan.fault_count);
    import_scan_clear(&scan);
}

TEST(bare_longs_are_counted_by_line)
{
    scan_text("# 1 \"/p/a.c\"\nlong a, b(long);\nunsigned long c;\nlong long d; long double e;\n");
    ck_assert_uint_eq(scan.long_count, 2);
    ck_assert_uint_eq(scan.long_place.line, 1);
    import_scan_clear(&scan);
}

// Does a break or continue in this __try leave it? The line that is complained of; 0: none.
static unsigned
leaves(const char *body)
{
    char text[1024];
    snprintf(text, sizeof text,
             "# 1 \"/p/a.c\"\nvoid f(void)\n{\nwhile (1) {\n__try {\n%s\n}\n__except (EXCEPTION_EXECUTE_HANDLER) { g(); }\n}\n}\n", body);
    scan_text(text);
    ck_assert(scan.has_try);
    unsigned line = scan.fault_count ? scan.faults[0].place.line : 0;
    import_scan_clear(&scan);
    return line;
}

TEST(a_break_or_continue_that_leaves_a_try_is_refused_with_its_line)
{
    ck_assert_uint_eq(leaves("g();\nbreak;"), 6);
    ck_assert_uint_eq(leaves("if (a) continue;"), 5);
    ck_assert_uint_eq(leaves("if (a) g(); else\nbreak;"), 6);
    ck_assert_uint_eq(leaves("switch (a) {\ncase 1:\ncontinue;\n}"), 7);
    ck_assert_uint_eq(leaves("label: { { break; } }"), 5);
    ck_assert_uint_eq(leaves("__try { break; } __finally { g(); }"), 5);
    ck_assert_uint_eq(leaves("}\n__finally { continue;"), 6);
}

TEST(a_break_of_a_loop_or_switch_inside_the_try_is_fine)
{
    ck_assert_uint_eq(leaves("for (;;) break;"), 0);
    ck_assert_uint_eq(leaves("while (a) { if (b) continue; else break; }"), 0);
    ck_assert_uint_eq(leaves("do { continue; } while (0); g();"), 0);
    ck_assert_uint_eq(leaves("switch (a) { case 1: { break; } default: g(); break; }"), 0);
    ck_assert_uint_eq(leaves("for (i = 0; i < 3; i++)\nswitch (a) { case 'b': continue; }"), 0);
    ck_assert_uint_eq(leaves("int breaks[] = {1, 2}; x = (struct s){.a = 1}; break_it(\"break;\"); // break;\n/* continue; */"), 0);
    ck_assert_uint_eq(leaves("__try { for (;;) break; } __except (1) { while (1) break; }"), 0);
    ck_assert_uint_eq(leaves("return;"), 0);
}

TEST(inline_assembler_is_refused)
{
    scan_text("# 1 \"/p/a.c\"\nvoid f(void) {\n__asm { int 3 }\n}\n");
    ck_assert_uint_eq(scan.fault_count, 1);
    ck_assert_uint_eq(scan.faults[0].place.line, 2);
    import_scan_clear(&scan);
}

// ---- mends

static const char *mend_text;

static char *
reader_read(void *context, size_t source, const char *path)
{
    return strdup(mend_text);
}

static bool
reader_is_project(void *context, const char *path)
{
    return !strncmp(path, "/p/", 3);
}

static struct import_mends *mends;

static size_t
mends_read(const char *said, const char *text)
{
    static const struct import_mend_reader reader = {NULL, reader_read, reader_is_project};
    import_mends_destroy(mends);
    mends = import_mends_create();
    mend_text = text;
    return import_mends_read(mends, &reader, said, 3);
}

static void
mends_clear(void)
{
    import_mends_destroy(mends);
    mends = NULL;
}

static void
mended_is(size_t source, const char *text, const char *wanted)
{
    char *mended = import_mends_apply(mends, source, "/p/a.h", text);
    if (wanted)
        ck_assert_str_eq(mended ? mended : "(nothing)", wanted);
    else
        ck_assert_ptr_null(mended);
    free(mended);
}

TEST(a_handler_without_a_role_type_gets_the_convention_where_it_is_declared)
{
    size_t found =
        mends_read("/p/x/..\\a.h:2:4:{2:5-2:16}: error: incompatible function pointer types passing 'void (int)' to parameter of "
                   "type 'F' (aka 'void (*)(int) __attribute__((ms_abi))')\n",
                   "int a;\nset(&handler, 1);\n");
    ck_assert_uint_eq(found, 0);   // the range is no name
    found = mends_read("/p/a.h:2:4:{2:1-2:4}{2:5-2:13}: error: incompatible function pointer types passing 'void (int)' to parameter of "
                       "type 'F' (aka 'void (*)(int) __attribute__((ms_abi))')\n",
                       "int a;\nset(&handler, 1);\n");
    ck_assert_uint_eq(found, 1);
    mended_is(0,
              "static VOID\nhandler(int a);\nROLE handler;\nint x = handler(1);\nvoid g(void) { handler(2); set(handler); return "
              "handler(3); }\n"
              "#define handler(x) 1\n// void handler(int)\nVOID *handler (int a) { }\n",
              "static VOID\n__attribute__((ms_abi)) handler(int a);\nROLE __attribute__((ms_abi)) handler;\nint x = handler(1);\n"
              "void g(void) { handler(2); set(handler); return handler(3); }\n"
              "#define handler(x) 1\n// void handler(int)\nVOID *__attribute__((ms_abi)) handler (int a) { }\n");
    mended_is(0, "nothing here", NULL);
    mends_clear();
}

TEST(a_handler_that_is_cast_gets_it_too_and_other_mismatches_are_left_to_the_compiler)
{
    ck_assert_uint_eq(mends_read("/p/a.c:3:1: error: cast between incompatible calling conventions 'cdecl' and 'ms_abi'\n"
                                 "/p/a.c:2:6: note: consider defining 'f' with the 'ms_abi' calling convention\n",
                                 ""),
                      1);
    mended_is(0, "void f(int a);", "void __attribute__((ms_abi)) f(int a);");
    ck_assert_uint_eq(
        mends_read("/p/a.h:1:1:{1:1-1:2}: error: incompatible function pointer types passing 'void (int)' to parameter of type "
                   "'void (*)(char)'\n",
                   "f"),
        0);
    ck_assert_uint_eq(mends_read("nothing of the kind\n:::\n", ""), 0);
    mends_clear();
}

TEST(a_prototype_that_differs_in_a_type_loses_its_parameters_for_that_source_alone)
{
    static const char text[] = "int F(void *a,\n      int b);\nint F(struct s *a, int b)\n{ return F(a, 1); }\n";
    static const char said[] = "/p/a.h:3:5: error: conflicting types for 'F'\n/p/a.h:1:5: note: previous declaration is here\n";
    ck_assert_uint_eq(mends_read(said, text), 1);
    mended_is(3, text, "int F(        \n           );\nint F(struct s *a, int b)\n{ return F(a, 1); }\n");
    mended_is(2, text, NULL);
    ck_assert_uint_eq(mends_read(said, "int F(void *a);\n\nint F(struct s *a, int b)\n{\n}\n"), 0);   // not as many
    ck_assert_uint_eq(
        mends_read("/p/a.h:3:5: error: conflicting types for 'F'\n/ddk/a.h:1:5: note: previous declaration is here\n", text), 0);
}

TEST(an_extern_inline_function_becomes_one_that_other_files_can_call)
{
    ck_assert_uint_eq(mends_read("/p/a.h:1:1: error: cannot combine with previous 'extern' declaration specifier\n"
                                 "/p/a.h:5:1: error: static declaration of 'F' follows non-static declaration\n",
                                 ""),
                      2);
    mended_is(0, "extern\nFORCEINLINE\nVOID\nF(int a);\nFORCEINLINE VOID F(int a) { G(); }\nFORCEINLINE VOID G(void) {}\nextern int x;\n",
              "extern\n           \nVOID\nF(int a);\n__attribute__((weak)) VOID F(int a) { G(); }\nFORCEINLINE VOID G(void) {}\nextern "
              "int x;\n");
}

TEST(an_overlay_lists_headers_below_the_folders_once)
{
    const struct memory_file files[] = {{"/p/A'b.h", ""}, {"/p/note.txt", ""}, {"/p/sub/c.H", ""}, {"/q/d.inl", ""}, {NULL, NULL}};
    const char *folders[] = {"/p/sub", "/p", "/q", "/p"};
    char *text = import_overlay_text(memory_fs(files), folders, 4);
    ck_assert_str_eq(
        text,
        "{'version': 0, 'case-sensitive': 'false', 'roots': [\n{'type': 'directory', 'name': '/p', 'contents': [\n"
        "{'type': 'file', 'name': 'A''b.h', 'external-contents': '/p/A''b.h'},\n"
        "{'type': 'directory', 'name': 'sub', 'contents': [\n{'type': 'file', 'name': 'c.H', 'external-contents': '/p/sub/c.H'}]}]},\n"
        "{'type': 'directory', 'name': '/q', 'contents': [\n{'type': 'file', 'name': 'd.inl', 'external-contents': '/q/d.inl'}]}]}\n");
    free(text);
}
