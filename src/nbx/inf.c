// SPDX-License-Identifier: MIT
// See inf.h. Which key is which: [network/add-registry-sections-in-a-network-inf-file, install/registry-trees-and-keys]
//   service     HKR of the service's section     ...\Services\NAME
//   adapter     HKR of the install section       ...\Control\Class\{net}\ADAPTER, which NDIS reads through NdisReadConfiguration
//   hardware    HKR of its .HW section           ...\Enum\ROOT\NET\ADAPTER\Device Parameters
#include "nbx/inf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nbx/settings.h"
#include "ndis/ndis.h"
#include "nt/cm/cm.h"

#define PATH_BYTES 1600                  // a key of an INF has at most 1024

static NTSTATUS
value_set(struct box *box, struct cm_key *key, const struct inf_value *value)
{
    UNICODE_STRING name;
    NTSTATUS status;
    switch (value->type) {
    case INF_TYPE_SZ: return cm_set_sz(box, key, value->name, value->texts[0]);
    case INF_TYPE_EXPAND_SZ: return cm_set_expand_sz(box, key, value->name, value->texts[0]);
    case INF_TYPE_MULTI_SZ: return cm_set_multi_sz(box, key, value->name, value->texts, value->count);
    case INF_TYPE_DWORD: return cm_set_dword(box, key, value->name, (uint32_t)value->number);
    case INF_TYPE_QWORD: return cm_set_qword(box, key, value->name, value->number);
    default:
        status = ob_string_from(value->name, &name);
        if (NT_SUCCESS(status)) {
            status = cm_set(box, key, &name, value->type, value->bytes, (ULONG)value->count);
            ob_string_free(&name);
        }
        return status;
    }
}

static void
values_apply(struct box *box, const struct inf_component *component, enum inf_root root, const char *path)
{
    char full[PATH_BYTES];
    for (size_t i = 0; i < component->value_count; i++) {
        const struct inf_value *value = &component->values[i];
        if (value->root != root)
            continue;
        snprintf(full, sizeof full, "%s%s%s", path, value->key[0] ? "\\" : "", value->key);
        struct cm_key *key = cm_key_open(box, full);
        if (!key || (value->name && !NT_SUCCESS(value_set(box, key, value))))
            box_message(box, "the INF's registry value %s\\%s could not be stored", value->key, value->name ? value->name : "");
    }
}

static bool
is_there(struct box *box, struct cm_key *key, const char *name)
{
    UNICODE_STRING string;
    ULONG type, bytes;
    void *data;
    if (!NT_SUCCESS(ob_string_from(name, &string)))
        return false;
    NTSTATUS status = cm_get(box, key, &string, &type, &data, &bytes);
    ob_string_free(&string);
    if (NT_SUCCESS(status))
        free(data);
    return NT_SUCCESS(status);
}

// An optional setting is not present until someone sets it
// [network/specifying-configuration-parameters-for-the-advanced-properties-page].
static void
defaults_apply(struct box *box, const struct inf_component *component, enum inf_param_scope scope, const char *path)
{
    struct cm_key *key = cm_key_open(box, path);
    for (size_t i = 0; key && i < component->param_count; i++) {
        const struct inf_param *param = &component->params[i];
        if (param->scope == scope && param->initial && !param->is_optional && !is_there(box, key, param->name))
            settings_text(box, path, param->name, param->initial);
    }
}

void
inf_apply_service(struct box *box, const struct stack_driver *driver)
{
    char path[512];
    const struct inf_component *both[] = {driver->component, driver->lower};
    for (size_t i = 0; i < 2; i++) {
        const struct inf_component *component = both[i];
        if (!component)
            continue;
        settings_service_key(driver->service, path, sizeof path);
        values_apply(box, component, INF_ROOT_SERVICE, path);
        values_apply(box, component, INF_ROOT_MACHINE, "\\Registry\\Machine");
        struct cm_key *key = cm_key_open(box, path);
        if (key)
            cm_set_dword(box, key, "Start", component->start_type);
        strcat(path, "\\Parameters");
        defaults_apply(box, component, INF_PARAM_FILTER_DRIVER, path);
    }
}

const struct inf_component *
inf_adapter_component(const struct stack_adapter *adapter)
{
    const struct inf_component *component = adapter->driver->component;
    return component && component->kind == INF_MINIPORT ? component : NULL;
}

void
inf_apply_adapter(struct box *box, const struct stack_adapter *adapter)
{
    const struct inf_component *component = inf_adapter_component(adapter);
    char path[256], hardware[256], text[16];
    if (!component)
        return;
    ndis_adapter_key(adapter->name, path, sizeof path);
    snprintf(hardware, sizeof hardware, "\\Registry\\Machine\\System\\CurrentControlSet\\Enum\\ROOT\\NET\\%s\\Device Parameters",
             adapter->name);
    values_apply(box, component, INF_ROOT_ADAPTER, path);
    values_apply(box, component, INF_ROOT_HARDWARE, hardware);
    const struct {
        const char *name;
        bool has;
        uint32_t number;
    } numbers[] = {{"Characteristics", component->has_characteristics, component->characteristics},
                   {"*IfType", component->has_if_type, component->if_type},
                   {"*MediaType", component->has_media_type, component->media_type},
                   {"*PhysicalMediaType", component->has_physical_media_type, component->physical_media_type}};
    struct cm_key *key = cm_key_open(box, path);
    for (size_t i = 0; key && i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].has)
            cm_set_dword(box, key, numbers[i].name, numbers[i].number);
    snprintf(text, sizeof text, "%u", component->bus_type);
    if (component->has_bus_type)
        settings_text(box, path, "BusType", text);   // the one that the class installer writes as text
    settings_text(box, path, "DriverDesc", component->description);
    settings_text(box, path, "ProviderName", component->provider);
    settings_text(box, path, "InfSection", component->install_section);
    settings_text(box, path, "ComponentId", component->component_id);
    defaults_apply(box, component, INF_PARAM_ADAPTER, path);
}

void
inf_apply_module(struct box *box, const struct stack_adapter *adapter, const struct stack_module *filter)
{
    char path[256];
    if (!filter->driver->component)
        return;
    ndis_filter_key(adapter->name, filter->driver->service, path, sizeof path);
    defaults_apply(box, filter->driver->component, INF_PARAM_FILTER_MODULE, path);
}

const char *
inf_friendly_name(const struct stack_adapter *adapter, char *text, size_t text_bytes)
{
    const struct inf_component *component = inf_adapter_component(adapter);
    unsigned number = 1;
    if (!component)
        return NULL;
    for (uint32_t i = 0; i < adapter->index; i++)
        number += adapter->box->adapters[i].driver == adapter->driver;
    if (number == 1)
        snprintf(text, text_bytes, "%s", component->description);
    else
        snprintf(text, text_bytes, "%s #%u", component->description, number);
    return text;
}
