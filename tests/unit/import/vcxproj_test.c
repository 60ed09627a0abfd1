// SPDX-License-Identifier: MIT
// Reading .vcxproj: what MSBuild would compile is what we compile, and what we cannot follow is refused with its line.
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const debug[] = {"Configuration", "Debug", NULL};

// The macros of /p/a.c in a project with this inside, for Release.
static const struct import_list *
defines(const char *inside, const char *const *properties)
{
    const struct memory_file files[] = {{"/p/a.c", ""}, {"/p/d.vcxproj", vcxproj(inside)}, {"/p/exists.h", ""}, {NULL, NULL}};
    const struct import_project *project = memory_read(files, "/p/d.vcxproj", properties);
    no_fault(project);
    return &source_of(project, "/p/a.c")->defines;
}

// Does the condition hold?
static bool
holds(const char *condition)
{
    char inside[2048];
    snprintf(inside, sizeof inside,
             "<PropertyGroup><Seven>7</Seven><Word>abc</Word><Yes>true</Yes><Path>x\\</Path></PropertyGroup>\n"
             "<ItemDefinitionGroup><ClCompile><PreprocessorDefinitions Condition=\"%s\">HELD</PreprocessorDefinitions></ClCompile>"
             "</ItemDefinitionGroup><ItemGroup><ClCompile Include=\"a.c\"/></ItemGroup>",
             condition);
    return has(defines(inside, NULL), "HELD");
}

TEST(conditions_compare_text_in_any_case_and_numbers_as_numbers)
{
    ck_assert(holds("'$(Configuration)|$(Platform)'=='Release|x64'"));
    ck_assert(holds("'ABC' == '$(Word)'"));
    ck_assert(!holds("'ABC' != '$(Word)'"));
    ck_assert(holds("'0x10' == '16'"));
    ck_assert(holds("'7.0' == '$(Seven)'"));
    ck_assert(holds("'true' == 'ON'"));
    ck_assert(!holds("'' == 'x'"));
    ck_assert(holds("'$(Nobody)' == ''"));
}

TEST(conditions_order_numbers_bare_or_quoted)
{
    ck_assert(holds("$(Seven)&lt;8"));
    ck_assert(!holds("'$(Seven)' &lt; '7'"));
    ck_assert(holds("$(Seven) &lt;= 7 and $(Seven) &gt;= 7"));
    ck_assert(holds("0x0601 &gt; 0x600"));
    ck_assert(holds("$(_NT_TARGET_VERSION)&gt;$(_NT_TARGET_VERSION_WIN7)"));
}

TEST(conditions_know_and_or_not_and_parentheses)
{
    ck_assert(holds("$(Yes) And !('$(Word)'=='x')"));
    ck_assert(holds("'a'=='b' Or 'a'=='a'"));
    ck_assert(!holds("'a'=='b' and 'a'=='a' or false"));
    ck_assert(holds("!(($(Seven)&lt;8) And (!($(Seven)&lt;9)))"));
    ck_assert(holds("!!true"));
    ck_assert(holds("  "));
}

TEST(conditions_ask_whether_a_file_is_there_in_any_case)
{
    ck_assert(holds("Exists('exists.h')"));
    ck_assert(holds("exists('..\\P\\EXISTS.H')"));
    ck_assert(!holds("Exists('$(Nobody)\\exists.h')"));
    ck_assert(holds("HasTrailingSlash('$(Path)')"));
    ck_assert(!holds("HasTrailingSlash('$(Word)')"));
}

TEST(and_and_or_do_not_look_at_what_cannot_matter)
{
    ck_assert(!holds("false And $([MSBuild]::VersionGreaterThan('1', '2'))"));
    ck_assert(holds("true Or '$(Word)' &lt; '3'"));
}

static void
condition_is_refused(const char *condition, const char *why)
{
    char inside[1024];
    snprintf(inside, sizeof inside, "<ItemGroup>\n<ClCompile Condition=\"%s\" Include=\"a.c\"/></ItemGroup>", condition);
    const struct memory_file files[] = {{"/p/a.c", ""}, {"/p/d.vcxproj", vcxproj(inside)}, {NULL, NULL}};
    fault_is(memory_read(files, "/p/d.vcxproj", NULL), 8, "Condition=", why);
}

TEST(a_condition_that_is_not_followed_is_refused_with_its_line)
{
    condition_is_refused("'abc' &lt; '3'", "not both numbers");
    condition_is_refused("'abc'", "neither true nor false");
    condition_is_refused("'a' == 'b", "a quote that is not closed");
    condition_is_refused("('a' == 'a'", "a parenthesis that is not closed");
    condition_is_refused("'a' == 'a' 'b'", "something more");
    condition_is_refused("$([MSBuild]::VersionGreaterThan('1', '2'))", "the property function $([MSBuild]");
    condition_is_refused("'a' ==", "no value");
}

// A project whose DriverType is KMDF and that uses nothing of it: what the template left behind.
TEST(a_project_that_only_says_KMDF_is_followed)
{
    const struct import_list *list =
        defines("<PropertyGroup><DriverType>KMDF</DriverType></PropertyGroup><ItemGroup><ClCompile Include=\"a.c\"/></ItemGroup>", NULL);
    ck_assert(has(list, "_WIN64"));
}

static void
method_gives(const char *call, const char *wanted)
{
    char inside[1024], macro[256];
    snprintf(inside, sizeof inside,
             "<PropertyGroup><Name>Win10 Release</Name><Path> a/b/ </Path></PropertyGroup><ItemDefinitionGroup><ClCompile>"
             "<PreprocessorDefinitions>M=$(%s)</PreprocessorDefinitions></ClCompile></ItemDefinitionGroup>"
             "<ItemGroup><ClCompile Include=\"a.c\"/></ItemGroup>",
             call);
    snprintf(macro, sizeof macro, "M=%s", wanted);
    ck_assert_msg(has(defines(inside, NULL), macro), "%s", call);
}

TEST(a_function_of_a_propertys_text_is_followed)
{
    method_gives("Name.Substring(0,5)", "Win10");
    method_gives("Name.Substring( 6 )", "Release");
    method_gives("Name.Substring(13)", "");
    method_gives("VisualStudioVersion.Split('.')[0]", "17");
    method_gives("Name.Split(' ')[1]", "Release");
    method_gives("Name.Replace('Win', 'Windows').Replace(' ', '')", "Windows10Release");
    method_gives("Path.Trim().TrimEnd('/')", "a/b");
    method_gives("Name.ToLower().TrimStart('w')", "in10 release");
    method_gives("Name.ToUpperInvariant()", "WIN10 RELEASE");
    method_gives("Name.Contains('10 R')", "True");
    method_gives("Name.StartsWith('Win7')", "False");
    method_gives("Name.EndsWith(`Release`)", "True");
    method_gives("Name.Length", "13");
    method_gives("Nothing.Trim()", "");
}

TEST(a_function_of_a_propertys_text_that_does_not_fit_is_refused)
{
    static const char *const calls[] = {"Platform.Substring(4)", "Platform.Substring(1,3)", "Platform.Substring()",
                                        "Platform.Substring('a')",
                                        "Platform.Split('6')", "Platform.Split('6')[2]", "Platform.Split('6')[x]", "Platform.Split()[0]",
                                        "Platform.Insert(0,'a')", "Platform.Replace('', 'a')", "Platform.Trim(", "Platform.Length()",
                                        "Platform.ToLower(1)", "Platform.Contains('$(X)')", "Platform.", "Platform.Substring(-1)",
                                        "Platform.Substring(99999999999999999999999)"};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char condition[256];
        snprintf(condition, sizeof condition, "'$(%s)' == 'x'", calls[i]);
        condition_is_refused(condition, i == 10 ? "a parenthesis that is not closed" : "the property function");
    }
}

TEST(macros_come_from_definitions_and_from_the_item_with_what_was_there_before)
{
    const struct import_list *list = defines(
        "<PropertyGroup><Version>1</Version><Version>$(Version).2</Version></PropertyGroup>"
        "<ItemDefinitionGroup><ClCompile><PreprocessorDefinitions>%(PreprocessorDefinitions); A ;\n B=$(Version);"
        "S=\\\"text\\\"</PreprocessorDefinitions></ClCompile></ItemDefinitionGroup>"
        "<ItemGroup><ClCompile Include=\"a.c\"><PreprocessorDefinitions>%(PreprocessorDefinitions);C=%3B</PreprocessorDefinitions>"
        "<AdditionalOptions>%(AdditionalOptions) /GS /DOPTION=3 -D NEXT</AdditionalOptions></ClCompile></ItemGroup>",
        NULL);
    static const char *const wanted[] = {"A", "B=1.2", "S=\"text\"", "C=;", "OPTION=3", "NEXT", "_WIN64", "_WIN32_WINNT=0x0A00"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        ck_assert_msg(has(list, wanted[i]), "%s", wanted[i]);
    ck_assert(!has(list, "DBG=1"));
}

TEST(properties_given_by_hand_win_and_choose_the_configuration)
{
    static const char inside[] =
        "<PropertyGroup Condition=\"'$(Configuration)'=='Debug'\"><UseDebugLibraries>true</UseDebugLibraries></PropertyGroup>"
        "<PropertyGroup><Configuration>Other</Configuration><Mine>file</Mine></PropertyGroup><ItemDefinitionGroup><ClCompile>"
        "<PreprocessorDefinitions>CONF=$(Configuration);MINE=$(Mine)</PreprocessorDefinitions></ClCompile></ItemDefinitionGroup>"
        "<ItemGroup><ClCompile Include=\"a.c\"/></ItemGroup>";
    static const char *const mine[] = {"mine", "hand", NULL};
    ck_assert(has(defines(inside, NULL), "CONF=Release"));
    ck_assert(has(defines(inside, debug), "CONF=Debug"));
    ck_assert(has(defines(inside, debug), "DBG=1"));
    ck_assert(has(defines(inside, mine), "MINE=hand"));
    const struct memory_file files[] = {{"/p/a.c", ""}, {"/p/d.vcxproj", vcxproj(inside)}, {NULL, NULL}};
    static const char *const wrong[] = {"Configuration", "Fast", NULL};
    fault_is(memory_read(files, "/p/d.vcxproj", wrong), 0, "Fast|x64", "it has: Debug|x64, Release|x64");
}

TEST(an_older_target_version_reaches_the_headers)
{
    const char *inside = "<PropertyGroup><TargetVersion>Windows7</TargetVersion></PropertyGroup><Import "
                         "Project=\"$(VCTargetsPath)\\Microsoft.Cpp.props\"/><ItemGroup><ClCompile Include=\"a.c\"/></ItemGroup>";
    const struct memory_file files[] = {
        {"/p/a.c", ""},
        {"/p/d.vcxproj", "<Project><PropertyGroup><ConfigurationType>Driver</ConfigurationType><TargetVersion>Windows7</TargetVersion>"
                         "</PropertyGroup><Import Project=\"$(VCTargetsPath)\\Microsoft.Cpp.props\"/><ItemGroup><ClCompile "
                         "Include=\"a.c\"/></ItemGroup></Project>"},
        {NULL, NULL}};
    const struct import_project *project = memory_read(files, "/p/d.vcxproj", NULL);
    no_fault(project);
    ck_assert(has(&source_of(project, "/p/a.c")->defines, "_WIN32_WINNT=0x0601"));
    ck_assert(has(&source_of(project, "/p/a.c")->defines, "NTDDI_VERSION=0x06010000"));
    ck_assert(has(defines(inside, NULL), "_WIN32_WINNT=0x0A00"));   // set at the first import, and kept
}

TEST(sources_are_found_whatever_their_case_slashes_and_how_many_stand_in_one_include)
{
    const struct memory_file files[] = {
        {"/p/one.c", ""},
        {"/p/sub/two.c", ""},
        {"/p/sub/deep/four.c", ""},
        {"/p/sys/d.vcxproj", vcxproj("<ItemGroup><ClCompile Include=\"..\\One.C; "
                                     "..\\SUB\\two.c ;\n ..\\sub\\**\\four.c;..\\three?.c\" Exclude=\"..\\three2.c\"/><ResourceCompile "
                                     "Include=\"x.rc\"/></ItemGroup>")},
        {"/p/three1.c", ""},
        {"/p/three2.c", ""},
        {NULL, NULL}};
    const struct import_project *project = memory_read(files, "/p/sys/d.vcxproj", NULL);
    no_fault(project);
    ck_assert_uint_eq(project->source_count, 4);
    ck_assert_str_eq(project->sources[0].path, "/p/one.c");
    source_of(project, "/p/sub/two.c");
    source_of(project, "/p/sub/deep/four.c");
    source_of(project, "/p/three1.c");
    ck_assert_str_eq(project->target, "d");
    ck_assert(has(&project->notes, "left out: x.rc (resources and MOF mean nothing here)"));
}

TEST(items_are_excluded_removed_and_updated)
{
    const struct memory_file files[] = {
        {"/p/a.c", ""},
        {"/p/b.c", ""},
        {"/p/c.c", ""},
        {"/p/d.vcxproj",
         vcxproj("<ItemGroup><ClCompile Include=\"*.c\"/><ClCompile Remove=\"B.c\"/><ClCompile Update=\"a.c\"><PreprocessorDefinitions>"
                 "U</PreprocessorDefinitions></ClCompile><ClCompile Update=\"c.c\"><ExcludedFromBuild "
                 "Condition=\"'$(Platform)'=='x64'\">true</ExcludedFromBuild></ClCompile></ItemGroup>")},
        {NULL, NULL}};
    const struct import_project *project = memory_read(files, "/p/d.vcxproj", NULL);
    no_fault(project);
    ck_assert_uint_eq(project->source_count, 1);
    ck_assert(has(&source_of(project, "/p/a.c")->defines, "U"));
}

TEST(imports_inside_the_tree_are_followed_in_order)
{
    const struct memory_file files[] = {
        {"/p/common.props", "<Project><PropertyGroup><V>props</V><Here>$(MSBuildThisFileName)$(MSBuildThisFile)</Here></PropertyGroup>"
                            "<ItemDefinitionGroup><ClCompile><AdditionalIncludeDirectories>$(MSBuildThisFileDirectory)inc;..\\Gone"
                            "</AdditionalIncludeDirectories></ClCompile></ItemDefinitionGroup></Project>"},
        {"/p/inc/x.h", ""},
        {"/p/sys/a.c", ""},
        {"/p/sys/d.vcxproj",
         vcxproj("<PropertyGroup><V>before</V></PropertyGroup><ImportGroup><Import Project=\"..\\Common.props\"/></ImportGroup>"
                 "<Import Project=\"..\\user.props\" Condition=\"Exists('..\\user.props')\"/><ItemGroup><ClCompile Include=\"a.c\">"
                 "<PreprocessorDefinitions>V=$(V);H=$(Here)</PreprocessorDefinitions></ClCompile></ItemGroup>")},
        {NULL, NULL}};
    const struct import_project *project = memory_read(files, "/p/sys/d.vcxproj", NULL);
    no_fault(project);
    const struct import_source *source = source_of(project, "/p/sys/a.c");
    ck_assert(has(&source->defines, "V=props"));
    ck_assert(has(&source->defines, "H=common.props"));
    ck_assert_uint_eq(source->folders.count, 1);
    ck_assert_str_eq(source->folders.items[0], "/p/inc");
    ck_assert(has(&project->read, "/p/common.props"));
    ck_assert(has(&project->notes, "the include folder ..\\Gone is not there"));
}

TEST(the_nearest_directory_build_files_above_are_part_of_the_project)
{
    const struct memory_file files[] = {
        {"/p/Directory.Build.props", "<Project><PropertyGroup><A>far</A></PropertyGroup></Project>"},
        {"/p/d/directory.build.props", "<Project><PropertyGroup><A>near</A></PropertyGroup></Project>"},
        {"/p/d/sys/a.c", ""},
        {"/p/d/sys/d.vcxproj", vcxproj("<ItemGroup><ClCompile Include=\"a.c\"><PreprocessorDefinitions>A=$(A);B=$(B)"
                                       "</PreprocessorDefinitions></ClCompile></ItemGroup>"
                                       "<Import Project=\"$(VCTargetsPath)\\Microsoft.Cpp.targets\"/>")},
        {"/p/Directory.Build.targets", "<Project><PropertyGroup><B>last</B></PropertyGroup></Project>"},
        {NULL, NULL}};
    const struct import_project *project = memory_read(files, "/p/d/sys/d.vcxproj", NULL);
    no_fault(project);
    ck_assert(has(&source_of(project, "/p/d/sys/a.c")->defines, "A=near"));
    ck_assert(has(&source_of(project, "/p/d/sys/a.c")->defines, "B=last"));
}

TEST(choose_takes_the_first_branch_that_holds)
{
    ck_assert(
        has(defines("<Choose><When Condition=\"'a'=='b'\"><PropertyGroup><W>1</W></PropertyGroup></When><When "
                    "Condition=\"true\"><PropertyGroup><W>2</W></PropertyGroup></When><Otherwise><PropertyGroup><W>3</W></PropertyGroup>"
                    "</Otherwise></Choose><ItemGroup><ClCompile Include=\"a.c\"><PreprocessorDefinitions>W=$(W)"
                    "</PreprocessorDefinitions></ClCompile></ItemGroup>",
                    NULL),
            "W=2"));
}

static void
refused(const char *inside, unsigned line, const char *construct, const char *text)
{
    const struct memory_file files[] = {{"/p/a.c", ""}, {"/p/d.vcxproj", vcxproj(inside)}, {"/p/x.asm", ""}, {NULL, NULL}};
    fault_is(memory_read(files, "/p/d.vcxproj", NULL), line, construct, text);
}

TEST(what_ndisbox_does_not_have_is_refused_with_line_and_construct)
{
    refused("<PropertyGroup>\n<DriverType>UMDF</DriverType></PropertyGroup>", 8, "DriverType UMDF", "Windows Driver Frameworks");
    refused("<PropertyGroup><KMDF_VERSION_MAJOR>1</KMDF_VERSION_MAJOR></PropertyGroup>", 7, "KMDF_VERSION_MAJOR 1", "Frameworks");
    refused("<PropertyGroup><NETADAPTER_VERSION_MAJOR>2</NETADAPTER_VERSION_MAJOR></PropertyGroup>", 7, "NETADAPTER", "NetAdapterCx");
    refused("<PropertyGroup><ConfigurationType>Application</ConfigurationType></PropertyGroup>", 7, "Application", "builds no driver");
    refused("<PropertyGroup><PlatformToolset>WindowsUserModeDriver10.0</PlatformToolset></PropertyGroup>", 7, "PlatformToolset",
            "user mode");
    refused("<ItemGroup><ClCompile Include=\"a.c\"/>\n<MASM Include=\"x.asm\"/></ItemGroup>", 8, "<MASM Include=\"x.asm\">", "assembler");
    refused("<ItemGroup><ClCompile Include=\"gone.c\"/></ItemGroup>", 7, "gone.c", "no such file");
    refused("<ItemGroup/>", 0, NULL, "names no C file");
    refused("<Import Project=\"gone.props\"/>", 7, "<Import>", "/p/gone.props, which is not there");
    refused("<Nonsense/>", 7, "<Nonsense>", "no such element");
    refused("<ItemGroup><ClCompile Include=\"$([System.IO.Path]::GetFullPath('x'))\"/></ItemGroup>", 7, "property function",
            "not followed");
    refused("<ItemGroup><A Include=\"x\"/><ClCompile Include=\"@(A->'%(Identity).c')\"/></ItemGroup>", 7, "item transform",
            "not followed");
}

TEST(an_assembler_file_that_is_excluded_does_not_matter)
{
    const struct memory_file files[] = {
        {"/p/a.c", ""},
        {"/p/d.vcxproj",
         vcxproj("<PropertyGroup><Odd>$([MSBuild]::NormalizePath('x'))</Odd></PropertyGroup><ItemGroup><ClCompile "
                 "Include=\"a.c\"/><MASM Include=\"x.asm\"><ExcludedFromBuild "
                 "Condition=\"'$(Platform)'=='x64'\">true</ExcludedFromBuild></MASM></ItemGroup><Target Name=\"T\"><Odd/></Target>")},
        {NULL, NULL}};
    no_fault(memory_read(files, "/p/d.vcxproj", NULL));
}

TEST(xml_that_is_none_is_refused_with_its_line)
{
    const struct memory_file files[] = {{"/p/a.vcxproj", "<Project>\n<ItemGroup>\n</Project>"},
                                        {"/p/b.vcxproj", "<!DOCTYPE Project [<!ENTITY e SYSTEM \"/etc/passwd\">]><Project>&e;</Project>"},
                                        {"/p/c.vcxproj", "<Solution/>"},
                                        {"/p/d.vcxproj", ""},
                                        {"/p/e.vcxproj", "<Project Sdk=\"X\"/>"},
                                        {"/p/f.sln", "x"},
                                        {NULL, NULL}};
    fault_is(memory_read(files, "/p/a.vcxproj", NULL), 3, NULL, "no XML that can be read");
    fault_is(memory_read(files, "/p/b.vcxproj", NULL), 0, "DOCTYPE", "no document type");
    fault_is(memory_read(files, "/p/c.vcxproj", NULL), 1, "Solution", "no MSBuild project");
    fault_is(memory_read(files, "/p/d.vcxproj", NULL), 0, NULL, "no XML");
    fault_is(memory_read(files, "/p/e.vcxproj", NULL), 1, "Sdk", "SDK");
    fault_is(memory_read(files, "/p/f.sln", NULL), 0, NULL, "give the one project");
    fault_is(memory_read(files, "/p", NULL), 0, NULL, "a folder");
    fault_is(memory_read(files, "/p/gone.vcxproj", NULL), 0, NULL, "no such file");
}

TEST(imports_in_a_circle_end)
{
    const struct memory_file files[] = {
        {"/p/a.c", ""},
        {"/p/a.props", "<Project><Import Project=\"b.props\"/></Project>"},
        {"/p/b.props", "<Project><Import Project=\"a.props\"/></Project>"},
        {"/p/d.vcxproj", vcxproj("<Import Project=\"a.props\"/><ItemGroup><ClCompile Include=\"a.c\"/></ItemGroup>")},
        {NULL, NULL}};
    no_fault(memory_read(files, "/p/d.vcxproj", NULL));
}

TEST(templates_are_filled_and_a_name_without_a_value_is_a_fault)
{
    const struct memory_file files[] = {
        {"/p/a.c", "#include \"Config.h\"\n"},
        {"/p/config.h.in", "#define VERSION \"@VERSION@\"\n#define MAIL me@example.org\n#define N @NUMBER@\n"},
        {"/p/d.vcxproj.in", "<Project><PropertyGroup><ConfigurationType>Driver</ConfigurationType><TargetName>@NAME@</TargetName>"
                            "</PropertyGroup><ItemGroup><ClCompile Include=\"a.c\"/></ItemGroup></Project>"},
        {NULL, NULL}};
    static const char *const all[] = {"NAME", "mine", "VERSION", "1.0", "NUMBER", "1", "NUMBER", "2", NULL};
    static const char *const some[] = {"NAME", "mine", "VERSION", "1.0", NULL};
    const struct import_project *project = memory_fill(files, "/p/d.vcxproj.in", all);
    no_fault(project);
    ck_assert_str_eq(project->target, "mine");
    ck_assert_str_eq(project->file, "/p/d.vcxproj");
    ck_assert_uint_eq(project->made_count, 1);
    ck_assert_str_eq(project->made[0].name, "Config.h");
    ck_assert_str_eq(project->made[0].text,
                     "#line 1 \"/p/config.h.in\"\n#define VERSION \"1.0\"\n#define MAIL me@example.org\n#define N 2\n");
    fault_is(memory_fill(files, "/p/d.vcxproj", some), 3, "@NUMBER@", "--subst NUMBER=VALUE");
    fault_is(memory_fill(files, "/p/d.vcxproj", NULL), 1, "@NAME@", "--subst NAME=VALUE");
}

TEST(wpp_files_and_trace_functions_are_known_before_the_preprocessor_runs)
{
    const struct memory_file files[] = {
        {"/p/a.c", "#include \"trace.h\"\n# include \"a.tmh\"\n#if 0\n#include \"sub\\b.TMH\"\n#endif\n"},
        {"/p/d.vcxproj", vcxproj("<ItemGroup><ClCompile "
                                 "Include=\"a.c\"><WppEnabled>true</WppEnabled><WppTraceFunction>DEBUGP(LEVEL,MSG,...);Two{F=1}(MSG,...)"
                                 "</WppTraceFunction></ClCompile></ItemGroup>")},
        {"/p/trace.h",
         "// begin_wpp config\n// FUNC TraceEvents(LEVEL, FLAGS, MSG, ...);\n// USEPREFIX (X, \"x\");\n//  FUNC Quiet{L=V}(MSG,...);\n"
         "// end_wpp\n// FUNC NotThis(MSG);\n"},
        {NULL, NULL}};
    const struct import_project *project = memory_read(files, "/p/d.vcxproj", NULL);
    no_fault(project);
    static const char *const traces[] = {"DEBUGP", "Two", "TraceEvents", "Quiet", "DoTraceMessage"};
    for (size_t i = 0; i < 5; i++)
        ck_assert_msg(has(&project->traces, traces[i]), "%s", traces[i]);
    ck_assert_uint_eq(project->traces.count, 5);
    ck_assert(has(&project->tmh, "a.tmh"));
    ck_assert(has(&project->tmh, "sub/b.TMH"));
    char *text = import_wpp_text(project);
    ck_assert_ptr_nonnull(strstr(text, "#define DEBUGP(...) ((void)0)\n"));
    free(text);
}

TEST(a_project_without_a_solution_above_is_told_when_it_asks_for_its_folder)
{
    const char *inside = "<ItemGroup><ClCompile Include=\"$(SolutionDir)a.c\"/></ItemGroup>";
    const struct memory_file with[] = {{"/p/a.c", ""}, {"/p/s.sln", ""}, {"/p/sys/d.vcxproj", vcxproj(inside)}, {NULL, NULL}};
    const struct memory_file without[] = {{"/p/a.c", ""}, {"/p/sys/d.vcxproj", vcxproj(inside)}, {NULL, NULL}};
    no_fault(memory_read(with, "/p/sys/d.vcxproj", NULL));
    fault_is(memory_read(without, "/p/sys/d.vcxproj", NULL), 0, "SolutionDir", "-p NAME=VALUE");
}

TEST(c_files_alone_are_a_project)
{
    const struct memory_file files[] = {{"/p/a.c", ""}, {"/p/b.c", ""}, {NULL, NULL}};
    const struct import_project *project = memory_read(files, "/p/a.c", NULL);
    no_fault(project);
    ck_assert_str_eq(project->target, "a");
    const char *both[] = {"/p/a.c", "/p/gone.c"};
    struct import_request request = {memory_fs(files), both, 2, NULL, 0, NULL, 0};
    struct import *import = import_read(&request);
    fault_is(import_project(import), 0, NULL, "no such file");
    import_destroy(import);
}

TEST(a_static_library_that_is_referenced_is_compiled_in_with_its_own_macros)
{
    static const char library[] =
        "<Project><PropertyGroup><ConfigurationType>StaticLibrary</ConfigurationType></PropertyGroup><ItemGroup><ClCompile Include=\"l.c\">"
        "<PreprocessorDefinitions>LIBRARY</PreprocessorDefinitions></ClCompile><ProjectReference Include=\"..\\sys\\d.vcxproj\"/>"
        "<ProjectReference Include=\"..\\app\\app.vcxproj\"/></ItemGroup></Project>";
    const struct memory_file files[] = {
        {"/p/app/app.vcxproj", "<Project><PropertyGroup><ConfigurationType>Application</ConfigurationType></PropertyGroup></Project>"},
        {"/p/lib/l.c", ""},
        {"/p/lib/lib.vcxproj", library},
        {"/p/sys/a.c", ""},
        {"/p/sys/d.vcxproj", vcxproj("<ItemGroup><ClCompile Include=\"a.c\"/><ProjectReference Include=\"..\\Lib\\lib.vcxproj\"/>"
                                     "<ProjectReference Include=\"gone.vcxproj\"/></ItemGroup>")},
        {NULL, NULL}};
    const struct import_project *project = memory_read(files, "/p/sys/d.vcxproj", NULL);
    no_fault(project);
    ck_assert_uint_eq(project->source_count, 2);
    ck_assert(has(&source_of(project, "/p/lib/l.c")->defines, "LIBRARY"));
    ck_assert(!has(&source_of(project, "/p/sys/a.c")->defines, "LIBRARY"));
    ck_assert_str_eq(project->target, "d");
    ck_assert_str_eq(project->folder, "/p/sys");
    ck_assert(has(&project->notes, "left out: the reference to ../app/app.vcxproj, which is no static library"));
    ck_assert(has(&project->notes, "the reference to gone.vcxproj is not followed: functions of that project will be missing"));
}
