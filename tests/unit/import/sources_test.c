// SPDX-License-Identifier: MIT
// Reading SOURCES files and files of values for templates.
#include "memory.h"

#include <stdio.h>

static const struct import_project *
read_text(const char *text, const char *const *properties)
{
    const struct memory_file files[] = {
        {"/p/A.c", ""},
        {"/p/b.c", ""},
        {"/p/common.inc", "C_DEFINES=$(C_DEFINES) -DINCLUDED\n"},
        {"/p/inc/h.h", ""},
        {"/p/sources", text},
        {"/p/x.asm", ""},
        {NULL, NULL},
    };
    return memory_read(files, "/p/sources", properties);
}

TEST(a_sources_file_names_target_sources_macros_and_folders)
{
    const struct import_project *project =
        read_text("# a comment\nTARGETNAME = mine\r\nTARGETTYPE=DRIVER\nINCLUDES=$(DDK_INC_PATH);INC;gone\n"
                  "C_DEFINES=$(C_DEFINES) -DONE /DTWO=2 -D THREE\n!INCLUDE common.inc\n!include $(NTMAKEENV)\\makefile.def\n"
                  "SOURCES= \\\n    a.c \\\n# in between\n    b.c \\\n    r.rc\nRUN_WPP=$(SOURCES) -km -func:DEBUGP(LEVEL,MSG,...)\n",
                  NULL);
    no_fault(project);
    ck_assert_str_eq(project->target, "mine");
    ck_assert_uint_eq(project->source_count, 2);
    const struct import_source *source = source_of(project, "/p/A.c");
    static const char *const wanted[] = {"ONE", "TWO=2", "THREE", "INCLUDED", "_AMD64_"};
    for (size_t i = 0; i < 5; i++)
        ck_assert_msg(has(&source->defines, wanted[i]), "%s", wanted[i]);
    ck_assert_uint_eq(source->folders.count, 1);
    ck_assert_str_eq(source->folders.items[0], "/p/inc");
    ck_assert(has(&project->traces, "DEBUGP"));
    ck_assert(has(&project->notes, "left out: r.rc (resources and MOF mean nothing here)"));
    source_of(project, "/p/b.c");
}

TEST(conditions_of_nmake_choose_lines)
{
    static const char text[] =
        "V=3\n!IF \"$(V)\" == \"3\" && defined(V)\nC_DEFINES=-DA\n!ELSE\nC_DEFINES=-DB\n!ENDIF\n"
        "!IFDEF NOBODY\n!IF $(UNEVALUATED) nonsense\n!ENDIF\n!ELSEIF $(V) > 2\nC_DEFINES=$(C_DEFINES) -DC\n!ELSE\n"
        "C_DEFINES=$(C_DEFINES) -DD\n!ENDIF\n!IFNDEF NOBODY\nC_DEFINES=$(C_DEFINES) -DE\n!ENDIF\n"
        "!IF !exist(b.c) || (0)\n!ERROR not here\n!ENDIF\n!if $(FREEBUILD)\nC_DEFINES=$(C_DEFINES) -DFREE\n!endif\n"
        "SOURCES=b.c\n";
    const struct import_project *project = read_text(text, NULL);
    no_fault(project);
    const struct import_list *defines = &source_of(project, "/p/b.c")->defines;
    ck_assert(has(defines, "A") && !has(defines, "B") && has(defines, "C") && !has(defines, "D") && has(defines, "E") &&
              has(defines, "FREE"));
    static const char *const checked[] = {"FREEBUILD", "0", NULL};
    defines = &source_of(read_text(text, checked), "/p/b.c")->defines;
    ck_assert(has(defines, "DBG=1") && !has(defines, "FREE"));
}

static void
refused(const char *text, unsigned line, const char *construct, const char *why)
{
    fault_is(read_text(text, NULL), line, construct, why);
}

TEST(what_a_sources_file_says_that_is_not_followed_is_refused_with_its_line)
{
    refused("SOURCES=b.c\nTARGETTYPE=PROGRAM\n", 2, "TARGETTYPE=PROGRAM", "builds no driver");
    refused("SOURCES=b.c\nKMDF_VERSION_MAJOR=1\n", 2, "KMDF_VERSION_MAJOR=1", "Frameworks");
    refused("SOURCES=b.c \\\n x.asm\n", 1, "x.asm", "assembler");
    refused("SOURCES=gone.c\n", 1, "gone.c", "no such file");
    refused("\n!IF 1\nSOURCES=b.c\n", 0, "!IF", "never closed");
    refused("!ENDIF\n", 1, "!ENDIF", "no !IF before it");
    refused("!ELSE\n", 1, "!ELSE", "no !IF before it");
    refused("!IF \"a\" ~ \"b\"\n!ENDIF\nSOURCES=b.c\n", 1, "!IF", "not followed");
    refused("!INCLUDE gone.inc\n", 1, "!INCLUDE", "no such file");
    refused("!FROBNICATE\n", 1, "!FROBNICATE", "no directive");
    refused("just words\n", 1, "just words", "NAME=VALUE");
    refused("!ERROR do not\n", 1, "!ERROR", "the project says: do not");
    refused("TARGETNAME=x\n", 0, NULL, "names no C file");
}

TEST(values_for_templates_are_read_from_lines_and_from_m4)
{
    const struct import_pair *pairs;
    struct import_fault fault;
    size_t count;
    struct import_texts *texts = import_substs_read(
        "v",
        "# a comment\nONE=1\n  TWO=a b = c  \ndnl m4's\ndefine([THREE], [3,0])\ndefine(`FOUR', `4')dnl\nm4_define([FIVE],[])\n\nSIX=",
        &pairs, &count, &fault);
    ck_assert_ptr_null(fault.text);
    ck_assert_uint_eq(count, 6);
    static const char *const wanted[][2] = {{"ONE", "1"}, {"TWO", "a b = c"}, {"THREE", "3,0"}, {"FOUR", "4"}, {"FIVE", ""}, {"SIX", ""}};
    for (size_t i = 0; i < 6; i++) {
        ck_assert_str_eq(pairs[i].name, wanted[i][0]);
        ck_assert_str_eq(pairs[i].value, wanted[i][1]);
    }
    import_texts_destroy(texts);
    texts = import_substs_read("v", "A=1\nnonsense\n", &pairs, &count, &fault);
    ck_assert_uint_eq(fault.place.line, 2);
    ck_assert_ptr_nonnull(fault.text);
    import_texts_destroy(texts);
}
