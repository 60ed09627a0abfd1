// SPDX-License-Identifier: MIT
// The types and constants that public drivers use (docs/facts/usage-types.tsv, usage-consts.tsv) stand in include/ddk, but for those of
// docs/facts/usage-left-out.tsv, which really do not: the list would otherwise hide what has come since.
//
// One compiler run for each table: a line for each name, and the numbers of the lines with errors are read back.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/harness.h"

#define NAMES_MAX 600

struct name {
    char text[96];
    bool is_left_out, fails;
};

static const char before[] = "#include <ntifs.h>\n#include <ndis.h>\n#include <netioapi.h>\n#include <wdmsec.h>\n#include <wmilib.h>\n"
                             "#include <wmistr.h>\n#include <ntstrsafe.h>\n#include <ip2string.h>\n#include <mstcpip.h>\n"
                             "#include <ws2ipdef.h>\n#include <wdmguid.h>\n";

static size_t
names_read(const char *table, const char *family_a, const char *family_b, struct name *names, size_t count)
{
    char path[1024], line[256];
    snprintf(path, sizeof path, "%s/docs/facts/%s", NBX_SOURCE_DIR, table);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s", path);
    for (bool is_head = true; fgets(line, sizeof line, file);) {
        if (line[0] == '#')
            continue;
        char *family = line + strcspn(line, "\t");
        *family++ = 0;
        family[strcspn(family, "\t")] = 0;
        if (!is_head && (!family_a || !strcmp(family, family_a) || !strcmp(family, family_b))) {
            ck_assert_uint_lt(count, NAMES_MAX);
            snprintf(names[count++].text, sizeof names->text, "%s", line);
        }
        is_head = false;
    }
    fclose(file);
    return count;
}

static void
left_out_mark(const char *table, struct name *names, size_t count)
{
    static struct name left_out[NAMES_MAX];
    size_t left_count = names_read("usage-left-out.tsv", table, table, left_out, 0);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < left_count; j++)
            if (!strcmp(names[i].text, left_out[j].text))
                names[i].is_left_out = true;
}

// Compile one line for each name and mark those that fail.
static void
names_compile(struct name *names, size_t count, const char *format)
{
    char path[] = "/tmp/nbx-usage-XXXXXX.c", command[2048], line[2048];
    int fd = mkstemps(path, 2), first = 1;
    ck_assert_int_ge(fd, 0);
    FILE *source = fdopen(fd, "w");
    fputs(before, source);
    for (const char *at = before; (at = strchr(at, '\n')); at++)
        first++;
    for (size_t i = 0; i < count; i++)
        fprintf(source, format, (int)i, names[i].text);
    fclose(source);
    snprintf(command, sizeof command,
             "clang-19 -std=gnu17 -fsyntax-only -fms-extensions -fdeclspec -fshort-wchar -mms-bitfields -Wno-everything -ferror-limit=0 "
             "-fno-caret-diagnostics -I%s/include/ddk %s 2>&1", NBX_SOURCE_DIR, path);
    FILE *output = popen(command, "r");
    ck_assert_ptr_nonnull(output);
    while (fgets(line, sizeof line, output)) {
        int number;
        if (strncmp(line, path, strlen(path)) || !strstr(line, ": error: "))
            continue;
        ck_assert_int_eq(sscanf(line + strlen(path), ":%d:", &number), 1);
        ck_assert_msg(number >= first && (size_t)(number - first) < count, "%s", line);
        names[number - first].fails = true;
    }
    pclose(output);
    unlink(path);
}

static void
names_check(const struct name *names, size_t count)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        if (names[i].fails != names[i].is_left_out)
            fprintf(stderr, "%s %s\n", names[i].text, names[i].fails ? "does not compile" : "is listed as left out but compiles");
        wrong += names[i].fails != names[i].is_left_out;
    }
    ck_assert_uint_eq(wrong, 0);
}

TEST_TIMEOUT(60, each_type_that_public_drivers_use_is_in_the_headers_or_listed_as_left_out)
{
    static struct name names[NAMES_MAX];
    size_t count = names_read("usage-types.tsv", "ndis-core", "nt-exec", names, 0);
    ck_assert_uint_eq(count, 229);
    left_out_mark("types", names, count);
    names_compile(names, count, "char t%d[sizeof(%s *)];\n");
    names_check(names, count);
}

TEST_TIMEOUT(60, each_constant_that_public_drivers_use_is_in_the_headers_or_listed_as_left_out)
{
    static struct name names[NAMES_MAX];
    size_t count = names_read("usage-consts.tsv", NULL, NULL, names, 0);
    ck_assert_uint_eq(count, 376);
    left_out_mark("consts", names, count);
    names_compile(names, count, "unsigned long long c%d(void) { return (unsigned long long)(%s); }\n");
    names_check(names, count);
}
