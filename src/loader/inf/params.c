// SPDX-License-Identifier: MIT
// Settings that an INF declares: Ndi\Params of an adapter, FilterDriverParams, FilterAdapterParams and FilterInstanceParams of a filter;
// and whether a value is one of those that a setting may have. The same check runs over the INF's own defaults.
// [network/specifying-configuration-parameters-for-the-advanced-properties-page]
#include <string.h>
#include <strings.h>

#include "loader/inf/inf_int.h"

static const struct {
    const char *prefix;
    enum inf_root root;
    enum inf_param_scope scope;
} homes[] = {{"Ndi\\Params\\", INF_ROOT_ADAPTER, INF_PARAM_ADAPTER},
             {"FilterDriverParams\\", INF_ROOT_SERVICE, INF_PARAM_FILTER_DRIVER},
             {"FilterAdapterParams\\", INF_ROOT_SERVICE, INF_PARAM_FILTER_MODULE},
             {"FilterInstanceParams\\", INF_ROOT_SERVICE, INF_PARAM_FILTER_MODULE},
             {"FilterDriverParams\\", INF_ROOT_ADAPTER, INF_PARAM_FILTER_DRIVER},
             {"FilterAdapterParams\\", INF_ROOT_ADAPTER, INF_PARAM_FILTER_MODULE},
             {"FilterInstanceParams\\", INF_ROOT_ADAPTER, INF_PARAM_FILTER_MODULE}};

#define HOMES (sizeof homes / sizeof *homes)
#define PARAMS_MAX 512
#define CHOICES_MAX 256

static const struct {
    const char *word;
    enum inf_param_type type;
    uint32_t bits;
    bool is_signed;
} types[] = {
    {"int", INF_PARAM_INT, 32, true},
    {"long", INF_PARAM_INT, 32, true},
    {"word", INF_PARAM_INT, 16, false},
    {"dword", INF_PARAM_INT, 32, false},
    {"qword", INF_PARAM_INT, 64, false},
    {"enum", INF_PARAM_ENUM, 0, false},
    {"edit", INF_PARAM_EDIT, 0, false},
    {"hidden", INF_PARAM_EDIT, 0, false}};

struct home {
    enum inf_root root;
    const char *key; // "Ndi\Params\MTU"
};

static const struct inf_value *
find(const struct inf_values *values, const struct home *home, const char *name)
{
    return inf_value_find(values, home->root, home->key, name);
}

static const char *
text_of(const struct inf_values *values, const struct home *home, const char *name)
{
    return inf_value_text(find(values, home, name));
}

// A number that may stand as REG_DWORD or as text.
static bool
number_of(struct inf *inf, const struct inf_values *values, const struct home *home, const char *name, int64_t *number)
{
    const struct inf_value *value = find(values, home, name);
    if (!value)
        return false;
    const char *text = inf_value_text(value);
    if (!text) {
        *number = (int64_t)value->number;
        return true;
    }
    if (inf_number(text, number))
        return true;
    if (text[0])
        inf_error(inf, value->place, "%s of %s is \"%.40s\"; allowed: a number", name, home->key, text);
    return false;
}

static void
type_read(struct inf *inf, const struct inf_values *values, const struct home *home, struct inf_param *param)
{
    const struct inf_value *value = find(values, home, "Type");
    const char *text = inf_value_text(value);
    for (size_t i = 0; text && i < sizeof types / sizeof *types; i++)
        if (inf_is(text, types[i].word)) {
            param->type = types[i].type;
            param->type_word = types[i].word;
            param->bits = types[i].bits;
            param->is_signed = types[i].is_signed;
            return;
        }
    inf_error(inf, value ? value->place : param->place, "%s has %s%.40s%s; allowed: int, long, word, dword, qword, enum or edit",
              home->key, text ? "Type \"" : "no Type", text ? text : "", text ? "\"" : "");
    param->type = INF_PARAM_EDIT;
    param->type_word = "edit";
}

static void
choices_read(struct inf *inf, const struct inf_values *values, const struct home *home, struct inf_param *param)
{
    const char *key = inf_format(inf, "%s\\Enum", home->key);
    struct inf_choice *choices = inf_alloc(inf, CHOICES_MAX, sizeof *choices);
    param->choices = choices;
    for (size_t i = 0; i < values->count && param->choice_count < CHOICES_MAX; i++) {
        const struct inf_value *value = &values->list[i];
        if (value->root != home->root || !value->name || !inf_is(value->key, key))
            continue;
        const char *text = inf_value_text(value);
        choices[param->choice_count++] = (struct inf_choice){value->name, text ? text : ""};
    }
    if (param->type == INF_PARAM_ENUM && !param->choice_count)
        inf_error(inf, param->place, "%s is an enum without values; they stand below %s", home->key, key);
}

static void
param_read(struct inf *inf, const struct inf_values *values, const struct home *home, struct inf_param *param)
{
    int64_t number;
    const char *text = text_of(values, home, "ParamDesc");
    const struct inf_value *initial = find(values, home, "Default");
    param->description = text ? text : "";
    type_read(inf, values, home, param);
    if (param->type == INF_PARAM_ENUM)
        choices_read(inf, values, home, param);
    param->is_hex = number_of(inf, values, home, "Base", &number) && number == 16;
    param->is_optional = number_of(inf, values, home, "Optional", &number) && number != 0;
    param->has_min = number_of(inf, values, home, "Min", &param->min);
    param->has_max = number_of(inf, values, home, "Max", &param->max);
    if (number_of(inf, values, home, "Step", &param->step) && param->step < 0)
        inf_error(inf, find(values, home, "Step")->place, "Step of %s is less than 0", home->key);
    if (number_of(inf, values, home, "LimitText", &number) && number > 0 && number < 65536)
        param->text_max = (uint32_t)number;
    if (param->has_min && param->has_max && param->min > param->max)
        inf_error(inf, find(values, home, "Min")->place, "Min of %s is more than its Max (%lld)", home->key, (long long)param->max);
    if (!initial)
        return;
    param->initial = inf_value_text(initial);
    if (!param->initial)
        param->initial = inf_format(inf, "%llu", (unsigned long long)initial->number);
    const char *allowed = inf->error_count ? NULL : inf_param_check(inf, param, param->initial);
    // An optional setting may have an empty default: it is not present then.
    if (allowed && (param->initial[0] || !param->is_optional))
        inf_warning(inf, initial->place, "the default of %s is \"%.40s\", which it may not be; allowed: %s", param->name,
                    param->initial, allowed);
}

// The name of the setting that a key is for, or NULL.
static const char *
param_name(struct inf *inf, const struct inf_value *value, size_t home)
{
    size_t length = strlen(homes[home].prefix);
    if (value->root != homes[home].root || strncasecmp(value->key, homes[home].prefix, length) != 0)
        return NULL;
    const char *name = value->key + length, *end = strchr(name, '\\');
    return name[0] && name[0] != '\\' ? inf_copy(inf, name, end ? (size_t)(end - name) : strlen(name)) : NULL;
}

static bool
has_param(const struct inf_param *params, size_t count, enum inf_param_scope scope, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (params[i].scope == scope && inf_is(params[i].name, name))
            return true;
    return false;
}

void
inf_params_collect(struct inf *inf, const struct inf_values *values, struct inf_component *component)
{
    struct inf_param *params = NULL;
    size_t count = 0;
    for (size_t i = 0; i < values->count * HOMES; i++) {
        const struct inf_value *value = &values->list[i / HOMES];
        size_t home = i % HOMES;
        const char *name = param_name(inf, value, home);
        if (!name || has_param(params, count, homes[home].scope, name))
            continue;
        if (count == PARAMS_MAX) {
            inf_error(inf, value->place, "more than %d settings", PARAMS_MAX);
            break;
        }
        if (!params)
            params = inf_alloc(inf, PARAMS_MAX, sizeof *params);
        struct home place = {homes[home].root, inf_format(inf, "%s%s", homes[home].prefix, name)};
        params[count] = (struct inf_param){.name = name, .scope = homes[home].scope, .place = value->place};
        param_read(inf, values, &place, &params[count]);
        count++;
    }
    component->params = params;
    component->param_count = count;
}

const struct inf_param *
inf_param_find(const struct inf_component *component, enum inf_param_scope scope, const char *name)
{
    for (size_t i = 0; component && i < component->param_count; i++)
        if (component->params[i].scope == scope && inf_is(component->params[i].name, name))
            return &component->params[i];
    return NULL;
}

// ---- may it be this? --------------------------------------------------------------------------------------------------------------

static void
limits_of(const struct inf_param *param, int64_t *min, int64_t *max)
{
    uint32_t bits =
        param->bits > 63 ? 63 : param->bits - (uint32_t)param->is_signed; // a qword above INT64_MAX is none that an INF limits
    *max = (int64_t)(((uint64_t)1 << bits) - 1);
    *min = param->is_signed ? -*max - 1 : 0;
    if (param->has_min)
        *min = param->min;
    if (param->has_max)
        *max = param->max;
}

static const char *
int_words(const struct inf *inf, const struct inf_param *param)
{
    struct inf *memory = (struct inf *)inf; // words live as long as the file
    int64_t min, max;
    limits_of(param, &min, &max);
    if (param->step > 1)
        return inf_format(memory, "an integer from %lld to %lld in steps of %lld", (long long)min, (long long)max,
                          (long long)param->step);
    return inf_format(memory, "an integer from %lld to %lld", (long long)min, (long long)max);
}

const char *
inf_param_words(const struct inf *inf, const struct inf_param *param)
{
    struct inf *memory = (struct inf *)inf;
    const char *words = "";
    switch (param->type) {
    case INF_PARAM_INT: return int_words(inf, param);
    case INF_PARAM_EDIT: return param->text_max ? inf_format(memory, "a text of at most %u characters", param->text_max) : "a text";
    case INF_PARAM_ENUM:
        for (size_t i = 0; i < param->choice_count && i < 64; i++)
            words = inf_format(memory, "%s%s%s%s%.60s%s", words, i ? ", " : "", param->choices[i].value,
                               param->choices[i].description[0] ? " (" : "", param->choices[i].description,
                               param->choices[i].description[0] ? ")" : "");
        return words;
    }
    return words;
}

static bool
int_is_good(const struct inf_param *param, const char *text)
{
    int64_t min, max, number;
    char hex[40];
    if (param->is_hex && strlen(text) < 32 && !strchr(text, 'x') && !strchr(text, 'X')) {
        strcpy(hex, "0x");
        strcat(hex, text);
        text = hex;
    }
    limits_of(param, &min, &max);
    if (!inf_number(text, &number) || number < min || number > max)
        return false;
    return param->step <= 1 || ((uint64_t)number - (uint64_t)min) % (uint64_t)param->step == 0;
}

static size_t
characters(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

const char *
inf_param_check(const struct inf *inf, const struct inf_param *param, const char *text)
{
    bool is_good = false;
    switch (param->type) {
    case INF_PARAM_INT: is_good = int_is_good(param, text); break;
    case INF_PARAM_EDIT: is_good = !param->text_max || characters(text) <= param->text_max; break;
    case INF_PARAM_ENUM:
        for (size_t i = 0; i < param->choice_count; i++)
            is_good |= inf_is(param->choices[i].value, text);
        break;
    }
    return is_good ? NULL : inf_param_words(inf, param);
}
