// SPDX-License-Identifier: MIT
// Configuration handles over the box's registry.
//   NdisOpenConfigurationEx -> which key the handle means (config_path) -> NdisReadConfiguration: a value, in the type that the registry
//   has; the type asked for does not matter, except that text (which is what INF defaults are) is made a number for who wants one
// [ndis/nf-ndis-ndisreadconfiguration]
#include "ndis/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ndis/header.h"
#include "nt/cm/cm.h"
#include "nt/cm/query.h"

struct config_value {
    struct config_value *next;
    NDIS_CONFIGURATION_PARAMETER parameter;
    void *data; // free()
};

struct ndis_config {
    uint32_t kind;
    struct ndis *ndis;
    struct cm_key *key; // referenced
    struct config_value *values;
    uint8_t address[NDIS_MAX_PHYS_ADDRESS_LENGTH];
};

// While a protocol is in its bind handler, the parameters of the bind stand for the binding's key.
static bool
config_path_of_bind(const NDIS_BIND_PARAMETERS *parameters, char *path, size_t bytes)
{
    if (parameters->Header.Type != NDIS_OBJECT_TYPE_BIND_PARAMETERS || !parameters->ProtocolSection)
        return false;
    size_t count = parameters->ProtocolSection->Length / sizeof(WCHAR);
    if (count >= bytes)
        return false;
    for (size_t i = 0; i < count; i++)
        path[i] = (char)parameters->ProtocolSection->Buffer[i]; // a path that NDIS made (ndis_binding_key)
    path[count] = 0;
    return true;
}

// The key an NDIS handle stands for.
static bool
config_path(NDIS_HANDLE handle, char *path, size_t bytes)
{
    switch (handle ? *(const uint32_t *)handle : 0) {
    case NDIS_KIND_ADAPTER: snprintf(path, bytes, "%s", ((struct ndis_adapter *)handle)->registry_path); return true;
    case NDIS_KIND_FILTER: snprintf(path, bytes, "%s", ((struct ndis_filter *)handle)->settings_path); return true;
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
    default: return handle && config_path_of_bind(handle, path, bytes);
    }
}

// owns: takes the key's reference, also when it fails
static NDIS_STATUS
config_make(struct cm_key *key, struct ndis_config **out)
{
    struct ndis_config *config = ndis_alloc(sizeof *config);
    if (!config) {
        cm_key_put(box_self(), key);
        return NDIS_STATUS_RESOURCES;
    }
    config->kind = NDIS_KIND_CONFIG;
    config->ndis = ndis_self();
    config->key = key;
    *out = config;
    return NDIS_STATUS_SUCCESS;
}

// A filter driver has one module over an adapter here, so its instance's key is its module's, and
// NDIS_CONFIG_FLAG_FILTER_INSTANCE_CONFIGURATION, for filters only, changes nothing.
static bool
config_object_is_good(const NDIS_CONFIGURATION_OBJECT *object)
{
    bool is_filter = object->NdisHandle && *(const uint32_t *)object->NdisHandle == NDIS_KIND_FILTER;
    return ndis_header_is(&object->Header, NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT, NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1) &&
           !(object->Flags & ~(ULONG)(is_filter ? NDIS_CONFIG_FLAG_FILTER_INSTANCE_CONFIGURATION : 0));
}

NDIS_STATUS
ndis_config_open(const NDIS_CONFIGURATION_OBJECT *object, struct ndis_config **out)
{
    char path[512];
    if (!config_object_is_good(object) || !config_path(object->NdisHandle, path, sizeof path))
        return NDIS_STATUS_FAILURE;
    struct cm_key *key = cm_key_open(box_self(), path);
    if (!key)
        return NDIS_STATUS_RESOURCES;
    cm_key_get(box_self(), key);
    return config_make(key, out);
}

NDIS_STATUS
ndis_config_open_under(struct ndis_config *parent, const UNICODE_STRING *name, struct ndis_config **out)
{
    struct cm_key *key;
    if (!name->Length || !NT_SUCCESS(cm_key_find_under(parent->ndis->box, parent->key, name, &key)))
        return NDIS_STATUS_FAILURE;
    return config_make(key, out) == NDIS_STATUS_SUCCESS ? NDIS_STATUS_SUCCESS : NDIS_STATUS_FAILURE;
}

NDIS_STATUS
ndis_config_open_at(struct ndis_config *parent, ULONG index, UNICODE_STRING *name, struct ndis_config **out)
{
    struct box *box = parent->ndis->box;
    UNICODE_STRING found;
    struct cm_key *key;
    if (!NT_SUCCESS(cm_child_ref_at(box, parent->key, index, &key)))
        return NDIS_STATUS_FAILURE;
    // A child's name never changes, and the reference keeps it.
    found = key->name;
    if (found.Length > name->MaximumLength) {
        cm_key_put(box, key);
        return NDIS_STATUS_FAILURE;
    }
    memcpy(name->Buffer, found.Buffer, found.Length);
    name->Length = found.Length;
    return config_make(key, out) == NDIS_STATUS_SUCCESS ? NDIS_STATUS_SUCCESS : NDIS_STATUS_FAILURE;
}

struct ndis_config *
ndis_config_from(NDIS_HANDLE handle, const char *function)
{
    return ndis_handle_check(handle, NDIS_KIND_CONFIG, function);
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
    cm_key_put(config->ndis->box, config->key);
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
config_is_text(ULONG type)
{
    return type == REG_SZ || type == REG_EXPAND_SZ;
}

static void
config_fill_text(NDIS_CONFIGURATION_PARAMETER *p, ULONG type, void *data, ULONG bytes)
{
    const WCHAR *text = data;
    ULONG units = bytes / sizeof(WCHAR);
    // The terminator is there but not counted in a single string.
    if (config_is_text(type) && units && !text[units - 1])
        units--;
    p->ParameterType = config_is_text(type) ? NdisParameterString : NdisParameterMultiString;
    p->ParameterData.StringData =
        (NDIS_STRING){.Length = (USHORT)(units * sizeof(WCHAR)), .MaximumLength = (USHORT)bytes, .Buffer = data};
}

static bool
config_fill(NDIS_CONFIGURATION_PARAMETER *p, NDIS_PARAMETER_TYPE want, ULONG type, void *data, ULONG bytes)
{
    bool wants_number = want == NdisParameterInteger || want == NdisParameterHexInteger;
    if (bytes > 0xffff)
        return false; // more than a counted string can say
    if (config_is_text(type) && wants_number) {
        p->ParameterType = want;
        return config_number(data, bytes / sizeof(WCHAR), want == NdisParameterHexInteger, &p->ParameterData.IntegerData);
    }
    if (type == REG_DWORD && bytes == sizeof(ULONG)) {
        p->ParameterType = wants_number ? want : NdisParameterInteger;
        memcpy(&p->ParameterData.IntegerData, data, sizeof(ULONG));
        return true;
    }
    if (config_is_text(type) || type == REG_MULTI_SZ) {
        config_fill_text(p, type, data, bytes);
        return true;
    }
    if (type != REG_BINARY)
        return false;
    p->ParameterType = NdisParameterBinary;
    p->ParameterData.BinaryData = (BINARY_DATA){.Length = (USHORT)bytes, .Buffer = data};
    return true;
}

static bool
config_keyword_is(const UNICODE_STRING *keyword, const WCHAR *name, size_t bytes)
{
    UNICODE_STRING string = {(USHORT)bytes, (USHORT)bytes, (WCHAR *)name};
    return ob_name_equal(keyword, &string);
}

// Entries that every key has: the processor, and the version of NDIS.
static bool
config_predefined(const UNICODE_STRING *keyword, ULONG *number)
{
    static const WCHAR processor[] = L"ProcessorType", version[] = L"NdisVersion";
    if (config_keyword_is(keyword, processor, sizeof processor - sizeof(WCHAR)))
        *number = NdisProcessorAmd64; // what a driver is told on arm64 too: the page knows no other
    else if (config_keyword_is(keyword, version, sizeof version - sizeof(WCHAR)))
        *number = NDIS_RUNTIME_VERSION_685;
    else
        return false;
    return true;
}

NDIS_STATUS
ndis_config_read(struct ndis_config *config, const UNICODE_STRING *keyword, NDIS_PARAMETER_TYPE type,
                 NDIS_CONFIGURATION_PARAMETER **out)
{
    ULONG kind = REG_DWORD, bytes = sizeof(ULONG), number;
    void *data = NULL;
    *out = NULL;
    bool is_predefined = config_predefined(keyword, &number);
    NTSTATUS status = is_predefined ? STATUS_SUCCESS : cm_get(config->ndis->box, config->key, keyword, &kind, &data, &bytes);
    if (!NT_SUCCESS(status))
        return status == STATUS_INSUFFICIENT_RESOURCES ? NDIS_STATUS_RESOURCES : NDIS_STATUS_FAILURE;
    struct config_value *value = ndis_alloc(sizeof *value);
    if (!value || !config_fill(&value->parameter, type, kind, is_predefined ? (void *)&number : data, bytes)) {
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

// The registry's strings end with a NUL, the driver's need not.
static NTSTATUS
config_write_text(struct ndis_config *config, const UNICODE_STRING *keyword, const UNICODE_STRING *text)
{
    size_t bytes = text->Length & ~(size_t)1;
    bool is_ended = bytes && !text->Buffer[bytes / sizeof(WCHAR) - 1];
    WCHAR *copy = ndis_alloc(bytes + sizeof(WCHAR)); // zeroed
    if (!copy)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(copy, text->Buffer, bytes);
    NTSTATUS status = cm_set(config->ndis->box, config->key, keyword, REG_SZ, copy, (ULONG)(bytes + (is_ended ? 0 : sizeof(WCHAR))));
    ndis_free(copy);
    return status;
}

NDIS_STATUS
ndis_config_write(struct ndis_config *config, const UNICODE_STRING *keyword, const NDIS_CONFIGURATION_PARAMETER *value)
{
    struct box *box = config->ndis->box;
    const UNICODE_STRING *text = &value->ParameterData.StringData;
    const BINARY_DATA *binary = &value->ParameterData.BinaryData;
    NTSTATUS status;
    switch (value->ParameterType) {
    case NdisParameterInteger:
    case NdisParameterHexInteger:
        status = cm_set(box, config->key, keyword, REG_DWORD, &value->ParameterData.IntegerData, sizeof(ULONG));
        break;
    case NdisParameterString: status = config_write_text(config, keyword, text); break;
    case NdisParameterMultiString: status = cm_set(box, config->key, keyword, REG_MULTI_SZ, text->Buffer, text->Length); break;
    case NdisParameterBinary: status = cm_set(box, config->key, keyword, REG_BINARY, binary->Buffer, binary->Length); break;
    default: return NDIS_STATUS_NOT_SUPPORTED;
    }
    if (NT_SUCCESS(status))
        return NDIS_STATUS_SUCCESS;
    return status == STATUS_INSUFFICIENT_RESOURCES ? NDIS_STATUS_RESOURCES : NDIS_STATUS_FAILURE;
}

NDIS_STATUS
ndis_config_address(struct ndis_config *config, void **address, UINT *bytes)
{
    WCHAR name[] = L"NetworkAddress";
    UNICODE_STRING keyword = {sizeof name - sizeof(WCHAR), sizeof name, name};
    NDIS_CONFIGURATION_PARAMETER *value;
    NDIS_STATUS status = ndis_config_read(config, &keyword, NdisParameterString, &value);
    if (status != NDIS_STATUS_SUCCESS || value->ParameterType != NdisParameterString)
        return NDIS_STATUS_FAILURE;
    const WCHAR *text = value->ParameterData.StringData.Buffer;
    size_t length = value->ParameterData.StringData.Length / sizeof(WCHAR), digits = 0;
    for (size_t i = 0; i < length && text[i]; i++) {
        if (text[i] == '-')
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
