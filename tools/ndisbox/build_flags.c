// SPDX-License-Identifier: MIT
// The commands of a build. The flags are those of cmake/driver.flags, compiled in, so that a driver from its own project is compiled like
// a bundled one; the project's macros and folders come behind them, and what the user types with -D and -I last.
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"

enum build_flag {
    BUILD_FLAG_LANGUAGE,
    BUILD_FLAG_COMMON,
    BUILD_FLAG_DRIVER,
    BUILD_FLAG_SANITIZE,
    BUILD_FLAG_LINK
};

static const struct {
    enum build_flag where;
    const char *flag;
} flags[] = {
#include "driver_flags.h"
};

static const char *const errors[] = {"cast-calling-convention", "incompatible-function-pointer-types", "implicit-function-declaration",
                                     "implicit-int", "int-conversion", "return-mismatch"};

void
build_argv_add(struct build_argv *argv, const char *format, ...)
{
    va_list arguments;
    if (argv->count + 1 >= argv->room) {
        argv->room = argv->room ? argv->room * 2 : 64;
        argv->words = realloc(argv->words, argv->room * sizeof *argv->words);
        if (!argv->words)
            abort();
    }
    va_start(arguments, format);
    if (vasprintf(&argv->words[argv->count], format, arguments) < 0)
        abort();
    va_end(arguments);
    argv->words[++argv->count] = NULL;
}

void
build_argv_free(struct build_argv *argv)
{
    for (size_t i = 0; i < argv->count; i++)
        free(argv->words[i]);
    free(argv->words);
    *argv = (struct build_argv){0};
}

const char *
build_compiler(void)
{
    const char *given = getenv("NDISBOX_CC");
    return given && given[0] ? given : "clang-19";
}

static void
flags_add(struct build_argv *argv, enum build_flag where)
{
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (flags[i].where == where)
            build_argv_add(argv, "%s", flags[i].flag);
}

static void
instruments_add(const struct build *build, struct build_argv *argv, bool is_compiling)
{
    const struct build_request *request = build->request;
    if (request->sanitize) {
        const char *fuzzer = strstr(request->sanitize, "fuzzer");
        if (fuzzer && strncmp(fuzzer, "fuzzer-no-link", 14) != 0)   // the fuzzer's main is the tool's matter
            build_argv_add(argv, "-fsanitize=%.*sfuzzer-no-link%s", (int)(fuzzer - request->sanitize), request->sanitize, fuzzer + 6);
        else
            build_argv_add(argv, "-fsanitize=%s", request->sanitize);
        if (is_compiling)
            flags_add(argv, BUILD_FLAG_SANITIZE);
    }
    if (request->has_coverage) {
        build_argv_add(argv, "-fprofile-instr-generate");
        if (is_compiling)
            build_argv_add(argv, "-fcoverage-mapping");
    }
}

static char
optimization(const struct build *build, size_t source)
{
    if ((build->has_try && build->has_try[source]) || build->project->sources[source].is_unoptimized || build->project->is_debug)
        return '0';
    return build->request->sanitize ? '1' : '2';
}

struct build_argv
build_compile_argv(const struct build *build, size_t number, char mode)
{
    const struct import_source *source = &build->project->sources[number];
    const struct build_request *request = build->request;
    struct build_argv argv = {0};
    build_argv_add(&argv, "%s", build_compiler());
    flags_add(&argv, BUILD_FLAG_LANGUAGE);
    flags_add(&argv, BUILD_FLAG_COMMON);
    flags_add(&argv, BUILD_FLAG_DRIVER);
    if (source->is_cpp) {
        build_argv_add(&argv, "-xc++");
        build_argv_add(&argv, "-std=gnu++17");
        build_argv_add(&argv, "-fno-exceptions");
        build_argv_add(&argv, "-fno-rtti");
    } else {
        build_argv_add(&argv, "-std=gnu17");
    }
    build_argv_add(&argv, "-O%c", optimization(build, number));
    // Warnings are for the driver's authors, on their compiler; a handler that would be called with the wrong convention is no warning.
    build_argv_add(&argv, request->is_verbose ? "-Wall" : "-Wno-everything");
    build_argv_add(&argv, "-Wno-unknown-pragmas");
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)   // -Wno-everything would take the compiler's own errors too
        build_argv_add(&argv, "-Werror=%s", errors[i]);
    instruments_add(build, &argv, true);
    build_argv_add(&argv, "-ivfsoverlay%s/overlay.yaml", build->work);
    if (mode != 'E' && build->mend_hash && build->mend_hash[number]) {
        build_argv_add(&argv, "-ivfsoverlay%s/mend/%zu.yaml", build->work, number);
        build_argv_add(&argv, "-DNBX_MENDED=0x%llx", (unsigned long long)build->mend_hash[number]);
    }
    for (size_t i = 0; i < source->defines.count; i++)
        build_argv_add(&argv, "-D%s", source->defines.items[i]);
    for (size_t i = 0; i < source->undefines.count; i++)
        build_argv_add(&argv, "-U%s", source->undefines.items[i]);
    for (size_t i = 0; i < request->define_count; i++) {
        build_argv_add(&argv, "-U%.*s", (int)strcspn(request->defines[i], "=("), request->defines[i]);
        build_argv_add(&argv, "-D%s", request->defines[i]);
    }
    // Where the source lies, then the project's folders: cl looks there too, whichever header includes.
    build_argv_add(&argv, "-iquote%.*s", (int)(strrchr(source->path, '/') - source->path), source->path);
    for (size_t i = 0; i < source->folders.count; i++)
        build_argv_add(&argv, "-I%s", source->folders.items[i]);
    for (size_t i = 0; i < request->folder_count; i++)
        build_argv_add(&argv, "-I%s%s%s", request->folders[i][0] == '/' ? "" : build->cwd, request->folders[i][0] == '/' ? "" : "/",
                       request->folders[i]);
    build_argv_add(&argv, "-I%s/gen", build->work);
    build_argv_add(&argv, "-isystem%s", build->ddk);
    build_argv_add(&argv, "-include");
    build_argv_add(&argv, "%s/nbx_forced.h", build->ddk);
    if (mode != 'E') {
        build_argv_add(&argv, "-include");
        build_argv_add(&argv, "%s/gen/nbx_tags.h", build->work);
    } else {
        build_argv_add(&argv, "-isystem%s/stub", build->work);
    }
    for (size_t i = 0; i < source->forced.count; i++) {
        build_argv_add(&argv, "-include");
        build_argv_add(&argv, "%s", source->forced.items[i]);
    }
    if (mode == 'E') {
        build_argv_add(&argv, "-E");
        build_argv_add(&argv, "-fdirectives-only");
    } else if (mode == 'M') {
        build_argv_add(&argv, "-fsyntax-only");
        build_argv_add(&argv, "-ferror-limit=0");
        build_argv_add(&argv, "-fdiagnostics-print-source-range-info");
        build_argv_add(&argv, "-fno-caret-diagnostics");
        build_argv_add(&argv, "-fno-color-diagnostics");
    } else {
        build_argv_add(&argv, "-MD");
        build_argv_add(&argv, "-MF%s/obj/%zu.d", build->work, number);
        build_argv_add(&argv, "-c");
        build_argv_add(&argv, "-o%s/obj/%zu.o", build->work, number);
    }
    build_argv_add(&argv, "%s", source->path);
    return argv;
}

struct build_argv
build_link_argv(const struct build *build, const char *out)
{
    struct build_argv argv = {0};
    build_argv_add(&argv, "%s", build_compiler());
    build_argv_add(&argv, "-shared");
    flags_add(&argv, BUILD_FLAG_LINK);
    instruments_add(build, &argv, false);
    build_argv_add(&argv, "-Wl,--version-script=%s/gen/driver.map", build->work);
    build_argv_add(&argv, "-Wl,--undefined-version");   // few drivers have DllInitialize
    build_argv_add(&argv, "-Wl,--build-id");
    for (size_t i = 0; i < build->project->source_count; i++)
        build_argv_add(&argv, "%s/obj/%zu.o", build->work, i);
    build_argv_add(&argv, "-o%s", out);
    return argv;
}
