// SPDX-License-Identifier: MIT
// See settings.h. A value that cannot be stored (no memory) is said and skipped; the driver then sees its own default.
#include "nbx/settings.h"

#include <stdio.h>

#include "nt/cm/cm.h"

void
settings_service_key(const char *service, char *path, size_t path_bytes)
{
    snprintf(path, path_bytes, CM_SERVICES "\\%s", service);
}

static NTSTATUS
settings_value(struct box *box, struct cm_key *key, const struct stack_value *value)
{
    switch (value->kind) {
    case STACK_VALUE_DWORD:
        return cm_set_dword(box, key, value->name, (uint32_t)value->number);
    case STACK_VALUE_QWORD:
        return cm_set_qword(box, key, value->name, value->number);
    case STACK_VALUE_TEXT:
        return cm_set_sz(box, key, value->name, value->text);
    case STACK_VALUE_LIST:
        return cm_set_multi_sz(box, key, value->name, value->texts, value->count);
    case STACK_VALUE_BINARY:
        return cm_set_binary(box, key, value->name, value->bytes, (uint32_t)value->count);
    case STACK_VALUE_KEY:
        break;
    }
    return STATUS_SUCCESS;
}

// The tree's depth is bounded by the reader of stack files.
static void
settings_tree(struct box *box, struct cm_key *key, const struct stack_value *tree)
{
    for (size_t i = 0; key && i < tree->count; i++) {
        const struct stack_value *value = &tree->children[i];
        if (value->kind == STACK_VALUE_KEY)
            settings_tree(box, cm_key_open_under(box, key, value->name), value);
        else if (!NT_SUCCESS(settings_value(box, key, value)))
            box_message(box, "setting %s could not be stored", value->name);
    }
}

void
settings_apply(struct box *box, const char *path, const struct stack_value *tree)
{
    settings_tree(box, cm_key_open(box, path), tree);
}

void
settings_text(struct box *box, const char *path, const char *name, const char *text)
{
    struct cm_key *key = cm_key_open(box, path);
    if (!key || !NT_SUCCESS(cm_set_sz(box, key, name, text)))
        box_message(box, "setting %s could not be stored", name);
}
