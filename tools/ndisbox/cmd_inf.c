// SPDX-License-Identifier: MIT
// ndisbox inf: what an INF, INX or .inf.in means to ndisbox: the driver's kind and service, what it binds to, where a filter stands,
// its settings with their limits, and the registry it leaves; as text or as one JSON document.
//   cmd_inf -> file_bytes -> inf_read -> inf_component_find -> show_text | show_json
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "loader/inf/inf.h"
#include "out.h"
#include "tool.h"

#define SUBSTS_MAX 256

struct show {
    const char *file;
    const struct inf *inf;
    const struct inf_component *component;
};

static void
on_message(void *context, struct inf_place place, bool is_error, const char *sentence)
{
    const struct show *show = context;
    char line[2048];
    snprintf(line, sizeof line, "%s:%u:%u: %s: %s", show->file, place.line, place.column, is_error ? "error" : "warning", sentence);
    out_diagnostic(line);
}

// The whole file, or NULL with *why. owns: free().
char *
inf_file_bytes(const char *path, size_t *length_bytes, const char **why)
{
    bool is_stdin = !strcmp(path, "-");
    FILE *file = is_stdin ? stdin : fopen(path, "rb");
    char *bytes = file ? malloc(INF_FILE_BYTES_MAX + 1) : NULL;
    *why = file && !bytes ? "out of memory" : strerror(errno);
    if (!bytes) {
        if (file && !is_stdin)
            fclose(file);
        return NULL;
    }
    errno = 0;
    *length_bytes = fread(bytes, 1, INF_FILE_BYTES_MAX + 1, file);
    bool is_bad = ferror(file);
    *why = strerror(errno);
    if (!is_stdin)
        fclose(file);
    if (!is_bad)
        return bytes;
    free(bytes);
    return NULL;
}

// ---- text -------------------------------------------------------------------------------------------------------------------------

static void
row(const char *name, const char *text)
{
    if (!text || !text[0])
        return;
    out_styled(stdout, OUT_STYLE_DIM, "  %-20s", name);
    printf("%s\n", text);
}

static void
row_words(const char *name, const char *const *words)
{
    if (!words)
        return;
    out_styled(stdout, OUT_STYLE_DIM, "  %-20s", name);
    for (size_t i = 0; words[i]; i++)
        printf("%s%s", i ? ", " : "", words[i]);
    putchar('\n');
}

static void
row_number(const char *name, bool has, uint32_t number, const char *format)
{
    char text[32];
    if (!has)
        return;
    snprintf(text, sizeof text, format, number);
    row(name, text);
}

static const char *
start_words(uint32_t start)
{
    static const char *const words[] = {"boot", "system", "automatic", "demand", "disabled"};
    return words[start];
}

static void
show_facts(const struct show *show)
{
    const struct inf_component *component = show->component;
    char text[512];
    out_styled(stdout, OUT_STYLE_BOLD, "%s", component->description);
    printf(": %s\n", inf_kind_words(component->kind));
    snprintf(text, sizeof text, "%s (Class %s)%s%s", component->install_section, component->class_name,
             component->component_id[0] ? ", model " : "", component->component_id);
    row("installs", text);
    row("provider", component->provider);
    snprintf(text, sizeof text, "%s, start %s%s%s", component->service, start_words(component->start_type),
             component->binary[0] ? ", " : "", component->binary);
    row("service", text);
    if (component->ndi_service && strcmp(component->ndi_service, component->service) != 0)
        row("Ndi\\Service", component->ndi_service);
    row_words("upper range", component->upper_range);
    row_words("lower range", component->lower_range);
    if (component->kind == INF_FILTER) {
        snprintf(text, sizeof text, "%s%s%s, %s", component->filter_class, component->filter_class[0] ? ", " : "",
                 component->filter_type == INF_FILTER_MODIFYING ? "modifying" : "monitoring",
                 component->is_mandatory ? "mandatory" : "optional");
        row("filter", text);
        row_words("media types", component->media_types);
        row("instance id", component->instance_id);
    }
    row_number("characteristics", component->has_characteristics, component->characteristics, "0x%x");
    row_number("*IfType", component->has_if_type, component->if_type, "%u");
    row_number("*MediaType", component->has_media_type, component->media_type, "%u");
    row_number("*PhysicalMediaType", component->has_physical_media_type, component->physical_media_type, "%u");
    row_number("BusType", component->has_bus_type, component->bus_type, "%u");
}

static const char *
scope_words(enum inf_param_scope scope)
{
    static const char *const words[] = {"adapter", "filter driver", "filter module"};
    return words[scope];
}

static void
show_params(const struct show *show)
{
    static const char *const titles[] = {"setting", "of", "type", "default", "may be", "meaning", NULL};
    if (!show->component->param_count)
        return;
    struct out_table *table = out_table_create(titles);
    for (size_t i = 0; i < show->component->param_count; i++) {
        const struct inf_param *param = &show->component->params[i];
        const char *initial = !param->initial ? "-" : !param->initial[0] ? "\"\""
                                                                         : param->initial;
        const char *const cells[] = {param->name,
                                     scope_words(param->scope),
                                     param->type_word,
                                     param->is_optional ? "(not present)" : initial,
                                     inf_param_words(show->inf, param),
                                     param->description};
        out_table_add(table, cells);
    }
    putchar('\n');
    out_table_print(table, stdout);
    out_table_destroy(table);
}

static const char *
root_words(enum inf_root root)
{
    static const char *const words[] = {"adapter", "hardware", "service", "HKLM"};
    return words[root];
}

// The data of a value in words. owns: free().
static char *
data_text(const struct inf_value *value)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        abort();
    if (!value->name)
        fputs("(key)", out);
    else if (value->type == INF_TYPE_DWORD || value->type == INF_TYPE_QWORD)
        fprintf(out, "%llu", (unsigned long long)value->number);
    else if (value->texts)
        for (size_t i = 0; i < value->count; i++)
            fprintf(out, "%s\"%s\"", i ? ", " : "", value->texts[i]);
    else
        for (size_t i = 0; i < value->count; i++)
            fprintf(out, "%s%02x", i ? " " : "", value->bytes[i]);
    fclose(out);
    return text;
}

static void
show_values(const struct show *show)
{
    static const char *const titles[] = {"registry of", "key", "value", "type", "data", NULL};
    size_t shown = 0;
    struct out_table *table = out_table_create(titles);
    for (size_t i = 0; i < show->component->value_count; i++) {
        const struct inf_value *value = &show->component->values[i];
        if (value->root == INF_ROOT_ADAPTER && !strncasecmp(value->key, "Ndi", 3) && (!value->key[3] || value->key[3] == '\\'))
            continue;                    // said above, in words; --json has them
        shown++;
        char *data = data_text(value);
        const char *const cells[] = {root_words(value->root), value->key,
                                     !value->name     ? ""
                                     : value->name[0] ? value->name
                                                      : "(default)",
                                     value->name ? inf_type_words(value->type) : "", data};
        out_table_add(table, cells);
        free(data);
    }
    if (shown) {
        putchar('\n');
        out_table_print(table, stdout);
    }
    out_table_destroy(table);
}

static void
show_text(const struct show *show)
{
    const struct inf_component *component = show->component;
    show_facts(show);
    show_params(show);
    show_values(show);
    if (component->model_count > 1) {
        printf("\nmodels: ");
        for (size_t i = 0; i < component->model_count; i++)
            printf("%s%s", i ? ", " : "", component->model_ids[i]);
        puts(" (the last is taken; --model names another)");
    }
    if (component->ignored_count)
        puts("\nnot used");
    for (size_t i = 0; i < component->ignored_count; i++)
        printf("  %s\n", component->ignored[i]);
}

// ---- JSON -------------------------------------------------------------------------------------------------------------------------

static json_t *
json_words(const char *const *words)
{
    json_t *array = json_array();
    for (size_t i = 0; words && words[i]; i++)
        json_array_append_new(array, json_string(words[i]));
    return array;
}

static json_t *
json_list(const char *const *texts, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_string(texts[i]));
    return array;
}

static void
json_number(json_t *object, const char *name, bool has, uint32_t number)
{
    if (has)
        json_object_set_new(object, name, json_integer(number));
}

static json_t *
json_param(const struct show *show, const struct inf_param *param)
{
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:b, s:s, s:s}", "name", param->name, "of", scope_words(param->scope), "type", param->type_word,
                  "optional", param->is_optional, "description", param->description, "may_be", inf_param_words(show->inf, param));
    if (param->initial)
        json_object_set_new(object, "default", json_string(param->initial));
    if (param->has_min)
        json_object_set_new(object, "min", json_integer(param->min));
    if (param->has_max)
        json_object_set_new(object, "max", json_integer(param->max));
    if (param->step)
        json_object_set_new(object, "step", json_integer(param->step));
    if (param->type != INF_PARAM_ENUM)
        return object;
    json_t *choices = json_object();
    for (size_t i = 0; i < param->choice_count; i++)
        json_object_set_new(choices, param->choices[i].value, json_string(param->choices[i].description));
    json_object_set_new(object, "values", choices);
    return object;
}

static json_t *
json_value(const struct inf_value *value)
{
    json_t *object = json_pack("{s:s, s:s}", "of", root_words(value->root), "key", value->key);
    if (!value->name)
        return object;
    json_object_set_new(object, "name", json_string(value->name));
    json_object_set_new(object, "type", json_integer(value->type));
    if (value->type == INF_TYPE_DWORD || value->type == INF_TYPE_QWORD)
        json_object_set_new(object, "data", json_integer((json_int_t)value->number));
    else if (value->texts && value->type != INF_TYPE_MULTI_SZ)
        json_object_set_new(object, "data", json_string(value->count ? value->texts[0] : ""));
    else if (value->texts)
        json_object_set_new(object, "data", json_list(value->texts, value->count));
    else {
        char *data = data_text(value);
        json_object_set_new(object, "data", json_string(data));
        free(data);
    }
    return object;
}

static void
show_json(const struct show *show)
{
    static const char *const kinds[] = {"miniport", "protocol", "filter", "service"};
    const struct inf_component *component = show->component;
    json_t *params = json_array(), *values = json_array();
    for (size_t i = 0; i < component->param_count; i++)
        json_array_append_new(params, json_param(show, &component->params[i]));
    for (size_t i = 0; i < component->value_count; i++)
        json_array_append_new(values, json_value(&component->values[i]));
    json_t *root =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "kind", kinds[component->kind], "class",
                  component->class_name, "description", component->description, "component_id", component->component_id,
                  "install_section", component->install_section, "service", component->service, "start", (int)component->start_type,
                  "binary", component->binary, "ndi_service", component->ndi_service ? component->ndi_service : "", "upper_range",
                  json_words(component->upper_range), "lower_range", json_words(component->lower_range), "settings", params, "registry",
                  values, "not_used", json_list(component->ignored, component->ignored_count));
    if (root && component->kind == INF_FILTER) {
        json_object_set_new(root, "filter_class", json_string(component->filter_class));
        json_object_set_new(root, "filter_type",
                            json_string(component->filter_type == INF_FILTER_MODIFYING ? "modifying" : "monitoring"));
        json_object_set_new(root, "mandatory", json_boolean(component->is_mandatory));
        json_object_set_new(root, "media_types", json_words(component->media_types));
        json_object_set_new(root, "instance_id", json_string(component->instance_id));
    }
    if (!root)
        return;
    json_object_set_new(root, "models", json_list(component->model_ids, component->model_count));
    json_number(root, "characteristics", component->has_characteristics, component->characteristics);
    json_number(root, "if_type", component->has_if_type, component->if_type);
    json_number(root, "media_type", component->has_media_type, component->media_type);
    json_number(root, "physical_media_type", component->has_physical_media_type, component->physical_media_type);
    json_number(root, "bus_type", component->has_bus_type, component->bus_type);
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}

// ---- the verb ---------------------------------------------------------------------------------------------------------------------

// "NAME=VALUE" words to names and values; the words are cut in place, in copies that live until the end of the verb.
static bool
substs_read(const struct args *args, struct inf_subst *substs, char **copies, size_t *count)
{
    const char *words[SUBSTS_MAX];
    *count = args_list(args, "subst", words, SUBSTS_MAX);
    if (*count > SUBSTS_MAX) {
        out_error("more than %d times --subst", SUBSTS_MAX);
        *count = 0;
        return false;
    }
    for (size_t i = 0; i < *count; i++) {
        copies[i] = strdup(words[i]);
        char *equals = copies[i] ? strchr(copies[i], '=') : NULL;
        if (!equals || equals == copies[i]) {
            out_error("--subst %s: allowed: NAME=VALUE, which fills in @NAME@", words[i]);
            *count = i + 1;
            return false;
        }
        *equals = 0;
        substs[i] = (struct inf_subst){copies[i], equals + 1};
    }
    return true;
}

static int
show_file(const struct args *args, const struct inf_options *options, struct show *show)
{
    const char *why;
    size_t length_bytes;
    char *bytes = inf_file_bytes(args->operands[0], &length_bytes, &why);
    if (!bytes) {
        out_error("%s: %s", args->operands[0], why);
        return EXIT_USAGE;
    }
    struct inf *inf = inf_read(options, bytes, length_bytes);
    free(bytes);
    show->inf = inf;
    show->component = inf ? inf_component_find(inf) : NULL;
    if (show->component && args_flag(args, "json"))
        show_json(show);
    else if (show->component)
        show_text(show);
    inf_destroy(inf);
    return show->component ? EXIT_CLEAN : EXIT_USAGE;
}

int
cmd_inf(const struct args *args)
{
    static const char *const archs[] = {"amd64", "arm64", "x86", "arm"};
    struct inf_subst substs[SUBSTS_MAX];
    char *copies[SUBSTS_MAX] = {0};
    struct show show = {.file = strcmp(args->operands[0], "-") ? args->operands[0] : "<stdin>"};
    struct inf_options options = {.arch = archs[args_word(args, "arch", 0)],
                                  .substs = substs,
                                  .model = args_text(args, "model"),
                                  .on_message = on_message,
                                  .context = &show};
    int code = EXIT_USAGE;
    if (substs_read(args, substs, copies, &options.subst_count))
        code = show_file(args, &options, &show);
    for (size_t i = 0; i < SUBSTS_MAX; i++)
        free(copies[i]);
    return code;
}
