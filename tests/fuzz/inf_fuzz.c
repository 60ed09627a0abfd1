// SPDX-License-Identifier: MIT
// Any bytes as an INF. What is refused must say why; what is accepted must have a meaning that can be walked from end to end, and every
// default that was not warned about must be a value that its setting may have.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "loader/inf/inf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct said {
    size_t errors, warnings;
};

static void
on_message(void *context, struct inf_place place, bool is_error, const char *sentence)
{
    struct said *said = context;
    *(is_error ? &said->errors : &said->warnings) += 1;
    if (!place.line || !place.column || !sentence[0])
        abort();
}

static size_t
walk(const struct inf *inf, const struct inf_component *component)
{
    size_t bytes = strlen(component->service) + strlen(component->description);
    for (size_t i = 0; i < component->value_count; i++) {
        const struct inf_value *value = &component->values[i];
        bytes += strlen(value->key);
        for (size_t t = 0; value->texts && t < value->count; t++)
            bytes += strlen(value->texts[t]);
        for (size_t b = 0; value->bytes && b < value->count; b++)
            bytes += value->bytes[b];
    }
    for (size_t i = 0; i < component->param_count; i++) {
        const struct inf_param *param = &component->params[i];
        bytes += strlen(inf_param_words(inf, param));
        if (param->initial)
            bytes += inf_param_check(inf, param, param->initial) != NULL;
    }
    for (const char *const *word = component->upper_range; word && *word; word++)
        bytes += strlen(*word);
    return bytes;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct inf_subst substs[] = {{"NAME", "mynic"}, {"TEXT", "\"a, b\""}};
    struct said said = {0};
    struct inf_options options = {.substs = substs, .subst_count = 2, .on_message = on_message, .context = &said};
    struct inf *inf = inf_read(&options, data, size);
    if (!inf && !said.errors)
        abort();
    const struct inf_component *component = inf ? inf_component_find(inf) : NULL;
    if (inf && !component == !said.errors)
        abort();
    if (component && !walk(inf, component))
        abort();
    inf_destroy(inf);
    return 0;
}
