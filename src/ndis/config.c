// SPDX-License-Identifier: MIT
// Configuration handles over the box's registry.
//   NdisOpenConfigurationEx -> which key the handle means (config_path) -> NdisReadConfiguration: a value, converted as the page says:
//   an integer may stand as REG_DWORD or as text (INF defaults are text), a string is REG_SZ or REG_EXPAND_SZ
// [ndis/nf-ndis-ndisreadconfiguration]
#include "ndis/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ndis/header.h"
#include "nt/cm/cm.h"

#define NDIS_KIND_CONFIG 0x4e424346

struct config_value {
    struct config_value *next;
    NDIS_CONFIGURATION_PARAMETER parameter;
    void *data;                               // free()
};

struct ndis_config {
    uint32_t kind;
    struct ndis *ndis;
    struct cm_key *key;                       // referenced
    struct config_value *values;
    uint8_t address[NDIS_MAX_PHYS_ADDRESS_LENGTH];
};

// The key an NDIS handle stands for.
static bool
config_path(NDIS_HANDLE handle, char *path, size_t bytes)
{
    switch (handle ? *(const uint32_t *)handle : 0) {
    case NDIS_KIND_ADAPTER:
        snprintf(path, bytes, "%s", ((struct ndis_adapter *)handle)->registry_path);
        return true;
    case NDIS_KIND_FILTER:
        snprintf(path, bytes, "%s", ((struct ndis_filter *)handle)->settings_path);
        return true;
    case NDIS_KIND_BINDING: {
        const struct ndis_binding *binding = handle;
        ndis_binding_key(binding->module.adapter->name, binding->protocol->image->name, path, bytes);
        return true;
    }
    case NDIS_KIND_FILTER_DRIVER:
        snprintf(path, bytes, CM_SERVICES "\\%s\\Parameters", ((struct ndis_filter_driver *)handle)->image->name);
        return true;
    case NDIS_KIND_PROTOCOL:
        snprintf(path, bytes, CM_SERVICES "\\%s\\Parameters", ((struct ndis_protocol *)handle)->image->name);
        return true;
    case NDIS_KIND_MINIPORT_DRIVER:
        snprintf(path, bytes, CM_SERVICES "\\%s\\Parameters", ((struct ndis_miniport_driver *)handle)->image->name);
        return true;
    default:
        return false;
    }
}

static NDIS_STATUS
config_make(struct cm_key *key, struct ndis_config **out)
{
    struct ndis_config *config = key ? ndis_alloc(sizeof *config) : NULL;
    if (!config)
        return NDIS_STATUS_RESOURCES;
    config->kind = NDIS_KIND_CONFIG;
    config->ndis = ndis_self();
    config->key = key;
    *out = config;
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS
ndis_config_open(const NDIS_CONFIGURATION_OBJECT *object, struct ndis_config **out)
{
    char path[512];
    if (!ndis_header_is(&object->Header, NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT, NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1) ||
        !config_path(object->NdisHandle, path, sizeof path))
        return NDIS_STATUS_INVALID_PARAMETER;
    return config_make(cm_key_open(box_self(), path), out);
}

NDIS_STATUS
ndis_config_open_under(struct ndis_config *parent, const UNICODE_STRING *name, struct ndis_config **out)
{
    char relative[256];
    size_t length = name->Length / sizeof(WCHAR);
    if (length >= sizeof relative)
        return NDIS_STATUS_FAILURE;
    for (size_t i = 0; i < length; i++)
        relative[i] = (char)name->Buffer[i];
    relative[length] = 0;
    return config_make(cm_key_open_under(parent->ndis->box, parent->key, relative), out);
}

void
ndis_config_close(struct ndis_config *config)
{
    while (config->values) {
        struct config_value *value = config->values;
        config->values = value->next;
        free(value->data);
        ndis_free(value);
    }
    config->kind = 0;
    ndis_free(config);
}

// ---- conversions ------------------------------------------------------------------------------------------------------------------

static int
digit_of(WCHAR c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

// A number in text: base 16 when asked for as NdisParameterHexInteger or written with 0x, else base 10.
static bool
config_number(const WCHAR *text, size_t length, bool hex, ULONG *out)
{
    uint64_t number = 0;
    size_t i = 0;
    if (length > 2 && text[0] == '0' && (text[1] | 32) == 'x') {
        hex = true;
        i = 2;
    }
    int base = hex ? 16 : 10;
    size_t first = i;
    for (; i < length && text[i]; i++) {
        int digit = digit_of(text[i]);
        if (digit >= base || number > UINT32_MAX)
            return false;
        number = number * (unsigned)base + (unsigned)digit;
    }
    *out = (ULONG)number;
    return i > first && number <= UINT32_MAX;
}

static bool
config_integer(ULONG type, const void *data, ULONG bytes, bool hex, ULONG *out)
{
    if (type == REG_DWORD && bytes >= sizeof *out) {
        memcpy(out, data, sizeof *out);
        return true;
    }
    return type == REG_SZ && config_number(data, bytes / sizeof(WCHAR), hex, out);
}

static bool
config_fill(NDIS_CONFIGURATION_PARAMETER *p, NDIS_PARAMETER_TYPE want, ULONG type, void *data, ULONG bytes)
{
    p->ParameterType = want;
    switch (want) {
    case NdisParameterInteger:
    case NdisParameterHexInteger:
        return config_integer(type, data, bytes, want == NdisParameterHexInteger, &p->ParameterData.IntegerData);
    case NdisParameterString:
    case NdisParameterMultiString:
        if (type != REG_SZ && type != REG_EXPAND_SZ && type != REG_MULTI_SZ)
            return false;
        p->ParameterData.StringData.Buffer = data;
        p->ParameterData.StringData.MaximumLength = (USHORT)bytes;
        // The terminator is there but not counted in a single string.
        p->ParameterData.StringData.Length =
            (USHORT)(want == NdisParameterString && bytes >= sizeof(WCHAR) ? bytes - sizeof(WCHAR) : bytes);
        return bytes <= 0xffff;
    case NdisParameterBinary:
        p->ParameterData.BinaryData.Buffer = data;
        p->ParameterData.BinaryData.Length = (USHORT)bytes;
        return bytes <= 0xffff;
    default:
        return false;
    }
}

NDIS_STATUS
ndis_config_read(struct ndis_config *config, const UNICODE_STRING *keyword, NDIS_PARAMETER_TYPE type,
                 NDIS_CONFIGURATION_PARAMETER **out)
{
    ULONG kind, bytes;
    void *data;
    *out = NULL;
    NTSTATUS status = cm_get(config->ndis->box, config->key, keyword, &kind, &data, &bytes);
    if (!NT_SUCCESS(status))
        return status == STATUS_INSUFFICIENT_RESOURCES ? NDIS_STATUS_RESOURCES : NDIS_STATUS_FAILURE;
    struct config_value *value = ndis_alloc(sizeof *value);
    if (!value || !config_fill(&value->parameter, type, kind, data, bytes)) {
        status = value ? NDIS_STATUS_FAILURE : NDIS_STATUS_RESOURCES;
        ndis_free(value);
        free(data);
        return status;
    }
    value->data = data;
    value->next = config->values;
    config->values = value;
    *out = &value->parameter;
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS
ndis_config_write(struct ndis_config *config, const UNICODE_STRING *keyword, const NDIS_CONFIGURATION_PARAMETER *value)
{
    struct box *box = config->ndis->box;
    const UNICODE_STRING *text = &value->ParameterData.StringData;
    switch (value->ParameterType) {
    case NdisParameterInteger:
    case NdisParameterHexInteger:
        return cm_set(box, config->key, keyword, REG_DWORD, &value->ParameterData.IntegerData, sizeof(ULONG));
    case NdisParameterString:
        return cm_set(box, config->key, keyword, REG_SZ, text->Buffer, text->Length);
    case NdisParameterMultiString:
        return cm_set(box, config->key, keyword, REG_MULTI_SZ, text->Buffer, text->Length);
    case NdisParameterBinary:
        return cm_set(box, config->key, keyword, REG_BINARY, value->ParameterData.BinaryData.Buffer,
                      value->ParameterData.BinaryData.Length);
    default:
        return NDIS_STATUS_NOT_SUPPORTED;
    }
}

NDIS_STATUS
ndis_config_address(struct ndis_config *config, void **address, UINT *bytes)
{
    WCHAR name[] = L"NetworkAddress";
    UNICODE_STRING keyword = {sizeof name - sizeof(WCHAR), sizeof name, name};
    NDIS_CONFIGURATION_PARAMETER *value;
    NDIS_STATUS status = ndis_config_read(config, &keyword, NdisParameterString, &value);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    const WCHAR *text = value->ParameterData.StringData.Buffer;
    size_t length = value->ParameterData.StringData.Length / sizeof(WCHAR), digits = 0;
    for (size_t i = 0; i < length && text[i]; i++) {
        if (text[i] == '-' || text[i] == ':')
            continue;
        int digit = digit_of(text[i]);
        if (digit == 16 || digits >= 2 * sizeof config->address)
            return NDIS_STATUS_FAILURE;
        config->address[digits / 2] = (uint8_t)(config->address[digits / 2] << 4 | digit);
        digits++;
    }
    if (!digits || digits % 2)
        return NDIS_STATUS_FAILURE;
    *address = config->address;
    *bytes = (UINT)(digits / 2);
    return NDIS_STATUS_SUCCESS;
}
