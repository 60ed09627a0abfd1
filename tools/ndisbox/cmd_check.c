// SPDX-License-Identifier: MIT
// ndisbox check: what a driver needs of us, before anything is built. A project's code is read after the preprocessor (build_scan), so that
// what #if leaves out does not count; an image says by itself what it needs. Each name is looked up in the DDI table.
//
//   cmd_check -> an image: check_image.c; a project: build_open, build_scan -> uses -> sorted, told as a table or as JSON
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "build_options.h"
#include "check_driver.h"
#include "jobs.h"
#include "out.h"

void
check_use_add(struct check *check, struct check_use use)
{
    for (size_t i = 0; i < check->use_count; i++)
        if (use.row ? check->uses[i].row == use.row : !strcmp(check->uses[i].name, use.name)) {
            check->uses[i].count += use.count;
            free((char *)use.name);
            free((char *)use.dll);
            return;
        }
    if (check->use_count == check->use_room) {
        check->use_room = check->use_room ? 2 * check->use_room : 64;
        check->uses = realloc(check->uses, check->use_room * sizeof *check->uses);
        if (!check->uses)
            abort();
    }
    check->uses[check->use_count++] = use;
}

void
check_fault_add(struct check *check, struct import_fault fault)
{
    check->faults = realloc(check->faults, (check->fault_count + 1) * sizeof *check->faults);
    if (!check->faults)
        abort();
    check->faults[check->fault_count++] = fault;
}

const char *
check_own(struct check *check, char *text)
{
    check->owned = realloc(check->owned, (check->owned_count + 1) * sizeof *check->owned);
    if (!check->owned || !text)
        abort();
    return check->owned[check->owned_count++] = text;
}

bool
check_has(const struct check *check, const char *name)
{
    for (size_t i = 0; i < check->use_count; i++)
        if (!strcmp(check->uses[i].name, name))
            return true;
    return false;
}

void
check_clear(struct check *check)
{
    for (size_t i = 0; i < check->use_count; i++) {
        free((char *)check->uses[i].name);
        free((char *)check->uses[i].dll);
    }
    for (size_t i = 0; i < check->owned_count; i++)
        free(check->owned[i]);
    free(check->owned);
    free(check->uses);
    free(check->faults);
}

// ---- a project

// A name that Windows's kernel may have, by how it begins: we cannot know all of them, but a call that nothing declares is no C either.
static bool
is_windows_name(const char *name)
{
    static const char *const starts[] = {"Ndis", "Net", "Zw", "Nt", "Ke", "Io", "Ex", "Rtl", "Mm", "Ob",
                                         "Ps", "Se", "Hal", "Po", "Cm", "Fwp", "Flt", "Wdf", "Wsk", "BCrypt",
                                         "Etw", "Wmi", "Tdi", "Ndk", "Nmr", "Kd", "Cc", "Fs"};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        size_t length = strlen(starts[i]);
        if (!strncmp(name, starts[i], length) && (isupper((unsigned char)name[length]) || name[length] == 'f'))
            return true;
    }
    return false;
}

// What `ndisbox build` puts in WPP's place.
static bool
is_wpp(const struct import_project *project, const char *word)
{
    bool is_trace = project->tmh.count && !strncmp(word, "WPP_", 4);
    for (size_t i = 0; i < project->traces.count; i++)
        is_trace |= !strcmp(project->traces.items[i], word);
    return is_trace;
}

static void
uses_take(struct check *check, const struct build *build)
{
    const struct import_scan *scan = &build->scan;
    for (size_t i = 0; i < scan->use_count; i++) {
        const struct import_use *use = &scan->uses[i];
        const struct ddi_row *row = use->count ? ddi_row_find(use->word) : NULL;
        // The name of a callback's page is often the name of the driver's own function.
        bool is_table =
            row && (row->kind == DDI_KIND_CALLBACK ? !strcmp(row->name, use->word) : use->is_call || !use->is_declared || use->is_ours);
        if (is_wpp(build->project, use->word))
            continue;
        bool is_unknown = use->count && !row && use->is_call && !use->is_ours && !use->is_declared && is_windows_name(use->word);
        if (is_table || is_unknown)
            check_use_add(check, (struct check_use){strdup(use->word), row, NULL, use->place, use->count});
    }
    check->long_count = scan->long_count;
    check->long_place = scan->long_place;
}

// A name that the compiler does not know: neither the project nor our headers declare it.
static void
each_unknown(void *to, const char *name, size_t length, const char *line)
{
    struct check *check = to;
    const char *file = check_own(check, strndup(line, strcspn(line, ":"))), *word = check_own(check, strndup(name, length));
    struct import_place place = {file, (unsigned)strtoul(line + strlen(file) + (line[strlen(file)] == ':'), NULL, 10)};
    bool is_known = check_has(check, word);   // it stands in the table already
    for (size_t i = 0; i < check->fault_count; i++)
        is_known |= check->faults[i].construct && !strcmp(check->faults[i].construct, word);
    if (!is_known)
        check_fault_add(check, (struct import_fault){place, word, "neither the project nor the headers of ndisbox declare it"});
}

static void
each_said(void *to, size_t source, const char *said)
{
    (void)source;
    build_unknown_names(said, each_unknown, to);
}

static int
check_project(struct check *check, struct build *build, const struct build_request *request)
{
    int code = build_open(build, request);
    check->build = build;
    if (build->project)
        check->format = build->project->kind;
    for (size_t i = 0; build->project && i < build->project->fault_count; i++) {
        const struct import_fault *fault = &build->project->faults[i];
        check_fault_add(check, *fault);
        if (!fault->construct) { // there is no project to speak of
            build_print_fault(build, fault);
            return EXIT_USAGE;
        }
    }
    if (check->fault_count)
        return EXIT_CLEAN;
    if (code != EXIT_CLEAN)
        return code;
    check->configuration = build->project->configuration;
    code = build_scan(build);
    if (code != EXIT_CLEAN)
        return code;
    for (size_t i = 0; i < build->missing_count; i++)
        check_fault_add(check, build->missing[i]);
    for (size_t i = 0; i < build->scan.fault_count; i++)
        check_fault_add(check, build->scan.faults[i]);
    uses_take(check, build);
    return build->missing_count ? EXIT_CLEAN : build_probe(build, NULL, each_said, check);
}

// ---- telling

static enum ddi_status
status_of(const struct check_use *use)
{
    return use->row ? use->row->status : DDI_STATUS_ABSENT;
}

static int
use_order(const void *a, const void *b)
{
    const struct check_use *x = a, *y = b;
    int bad = (int)(status_of(y) >= DDI_STATUS_REFUSE) - (int)(status_of(x) >= DDI_STATUS_REFUSE);
    return bad ? bad : strcmp(x->name, y->name);
}

static const char *
kind_of(const struct check *check)
{
    bool has_miniport = check_has(check, "NdisMRegisterMiniportDriver"), has_protocol = check_has(check, "NdisRegisterProtocolDriver");
    if (check_has(check, "NdisFRegisterFilterDriver"))
        return "filter";
    if (has_miniport && has_protocol)
        return "intermediate";
    if (has_miniport || has_protocol)
        return has_miniport ? "miniport" : "protocol";
    return "no NDIS driver (it registers none of the four kinds)";
}

static const char *
shown(const struct check *check, const char *path)
{
    return check->build ? build_shown(check->build, path) : path;
}

static void
table_print(const struct check *check)
{
    static const char *const titles[] = {"name", "status", "kind", ">uses", "first", NULL};
    struct out_table *table = out_table_create(titles);
    for (size_t i = 0; i < check->use_count; i++) {
        const struct check_use *use = &check->uses[i];
        char place[PATH_MAX + 16], count[OUT_NUMBER_BYTES];
        if (use->place.file)
            snprintf(place, sizeof place, "%s:%u", shown(check, use->place.file), use->place.line);
        else
            snprintf(place, sizeof place, "%s", use->dll ? use->dll : "-");
        const char *const cells[] = {use->name, use->row ? ddi_status_name(use->row->status) : "unknown",
                                     use->row ? ddi_kind_name(use->row->kind) : "-", out_count(count, use->count), place};
        out_table_add(table, cells);
    }
    out_table_print(table, stdout);
    out_table_destroy(table);
}

static void
print_text(const struct check *check, size_t bad)
{
    printf("%s: %s, %s%s%s\n", check->subject, kind_of(check), check->format, check->configuration ? " " : "",
           check->configuration ? check->configuration : "");
    for (size_t i = 0; i < check->fault_count; i++) {
        const struct import_fault *fault = &check->faults[i];
        char line[16] = "";
        if (fault->place.line)
            snprintf(line, sizeof line, ":%u", fault->place.line);
        bool has_construct = fault->construct && !strstr(fault->text, fault->construct);
        printf("refused: %s%s: %s%s%s\n", shown(check, fault->place.file), line, has_construct ? fault->construct : "",
               has_construct ? ": " : "", fault->text);
    }
    if (check->use_count)
        table_print(check);
    if (check->long_count)
        printf("%u lines have a bare long, which is 32 bits on Windows and 64 here; the first is %s:%u\n", check->long_count,
               shown(check, check->long_place.file), check->long_place.line);
    printf("%zu names of Windows are used, %zu of them refused, absent or unknown; %zu things are refused\n", check->use_count, bad,
           check->fault_count);
}

static void
print_json(const struct check *check, bool works)
{
    json_t *uses = json_array(), *faults = json_array();
    for (size_t i = 0; i < check->use_count; i++) {
        const struct check_use *use = &check->uses[i];
        json_array_append_new(uses, json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:i, s:i}", "name", use->name, "status",
                                              use->row ? ddi_status_name(use->row->status) : "unknown", "kind",
                                              use->row ? ddi_kind_name(use->row->kind) : NULL, "library", use->dll, "file",
                                              use->place.file, "line", (int)use->place.line, "uses", (int)use->count));
    }
    for (size_t i = 0; i < check->fault_count; i++)
        json_array_append_new(faults, json_pack("{s:s?, s:i, s:s?, s:s}", "file", check->faults[i].place.file, "line",
                                                (int)check->faults[i].place.line, "construct", check->faults[i].construct, "text",
                                                check->faults[i].text));
    json_t *json = json_pack("{s:s, s:s, s:s, s:s?, s:b, s:o, s:o, s:i}", "subject", check->subject, "kind", kind_of(check), "format",
                             check->format ? check->format : "?", "configuration", check->configuration, "works", works, "ddis", uses,
                             "refused", faults, "long_lines", (int)check->long_count);
    json_dumpf(json, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(json);
}

static int
tell(const struct args *args, struct check *check)
{
    size_t bad = 0;
    if (check->use_count)
        qsort(check->uses, check->use_count, sizeof *check->uses, use_order);
    for (size_t i = 0; i < check->use_count; i++)
        bad += status_of(&check->uses[i]) >= DDI_STATUS_REFUSE;
    bool works = !bad && !check->fault_count;
    if (args_flag(args, "json"))
        print_json(check, works);
    else
        print_text(check, bad);
    return works ? EXIT_CLEAN : EXIT_FINDING;
}

int
cmd_check(const struct args *args)
{
    struct build_options options;
    struct build build = {.lock = -1};
    bool is_opened = false;
    struct check check = {.subject = args->operands[0], .format = "project"};
    size_t bytes;
    int code = build_options_read(args, &options);
    char *file = code == EXIT_CLEAN ? import_disk.read(NULL, args->operands[0], &bytes) : NULL;
    if (code == EXIT_CLEAN && file && check_is_image(file, bytes)) {
        code = check_image(&check, args->operands[0], file, bytes);
    } else if (code == EXIT_CLEAN) {
        options.request.is_check = is_opened = true;
        code = check_project(&check, &build, &options.request);
    }
    if (code == EXIT_CLEAN)
        code = tell(args, &check);
    check_clear(&check);
    if (is_opened)
        build_close(&build);
    build_options_clear(&options);
    free(file);
    return code;
}
