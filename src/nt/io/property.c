// SPDX-License-Identifier: MIT
// What a physical device knows about itself, and the interfaces it shows: set by whoever enumerates it (NDIS for its adapters, from
// the stack file), asked for by drivers.
//   io_device_identify -> the device is a PDO now: hardware and software key, instance id
//   io_device_property -> Enum key values by the names Windows gives them
//   io_interface_register -> \??\<instance, # for \>#{guid}[\reference]; enabled: a symbolic link to the device
// Sources: [wdm/nf-wdm-iogetdeviceproperty], [wdm/nf-wdm-ioregisterdeviceinterface], [wdm/nf-wdm-iosetdeviceinterfacestate].
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/ex/pool.h"
#include "nt/io/io_int.h"
#include "nt/io/property.h"

struct interface {
    struct list node;
    GUID class;
    DEVICE_OBJECT *device;           // with a reference
    UNICODE_STRING link;
    bool is_enabled;
};

NTSTATUS
io_device_identify(DEVICE_OBJECT *device, const char *instance, const char *driver_key)
{
    struct io_device *extra = io_device_of(device);
    char path[512];
    if ((size_t)snprintf(path, sizeof(path), "\\Registry\\Machine\\System\\CurrentControlSet\\Enum\\%s", instance) >= sizeof(path))
        return STATUS_NAME_TOO_LONG;
    extra->device_key = cm_key_open(extra->box, path);
    int bytes = snprintf(path, sizeof(path), "\\Registry\\Machine\\System\\CurrentControlSet\\Control\\Class\\%s", driver_key);
    if ((size_t)bytes >= sizeof(path))
        return STATUS_NAME_TOO_LONG;
    extra->driver_key = cm_key_open(extra->box, path);
    if (!extra->device_key || !extra->driver_key)
        return STATUS_INSUFFICIENT_RESOURCES;
    device->Flags |= DO_BUS_ENUMERATED_DEVICE;
    return cm_set_sz(extra->box, extra->device_key, "Driver", driver_key);
}

static const char *
value_of(DEVICE_REGISTRY_PROPERTY property)
{
    switch (property) {
    case DevicePropertyDeviceDescription:
        return "DeviceDesc";
    case DevicePropertyHardwareID:
        return "HardwareID";
    case DevicePropertyCompatibleIDs:
        return "CompatibleIDs";
    case DevicePropertyClassName:
        return "Class";
    case DevicePropertyClassGuid:
        return "ClassGUID";
    case DevicePropertyDriverKeyName:
        return "Driver";
    case DevicePropertyManufacturer:
        return "Mfg";
    case DevicePropertyFriendlyName:
        return "FriendlyName";
    case DevicePropertyLocationInformation:
        return "LocationInformation";
    case DevicePropertyUINumber:
        return "UINumber";
    case DevicePropertyAddress:
        return "Address";
    default:
        return NULL;
    }
}

static NTSTATUS
put(const void *data, ULONG data_bytes, void *buffer, ULONG bytes, ULONG *result)
{
    *result = data_bytes;
    if (bytes < data_bytes)
        return STATUS_BUFFER_TOO_SMALL;
    memcpy(buffer, data, data_bytes);
    return STATUS_SUCCESS;
}

NTSTATUS
io_device_property(DEVICE_OBJECT *device, DEVICE_REGISTRY_PROPERTY property, void *buffer, ULONG bytes, ULONG *result)
{
    struct io_device *extra = io_device_of(device);
    UNICODE_STRING name;
    ULONG type, data_bytes;
    void *data;
    *result = 0;
    if (!extra->device_key)
        return STATUS_INVALID_DEVICE_REQUEST;   // no physical device object
    if (property == DevicePropertyPhysicalDeviceObjectName) {
        NTSTATUS status = ob_name_query(device, &name);
        if (status == STATUS_SUCCESS) {
            status = put(name.Buffer, name.Length + (ULONG)sizeof(WCHAR), buffer, bytes, result);
            ob_string_free(&name);
        }
        return status;
    }
    const char *value = value_of(property);
    if (!value)
        return property > DevicePropertyContainerID ? STATUS_INVALID_PARAMETER_2 : STATUS_OBJECT_NAME_NOT_FOUND;
    NTSTATUS status = ob_string_from(value, &name);
    if (status != STATUS_SUCCESS)
        return status;
    status = cm_get(extra->box, extra->device_key, &name, &type, &data, &data_bytes);
    ob_string_free(&name);
    if (status != STATUS_SUCCESS)
        return status;
    status = put(data, data_bytes, buffer, bytes, result);
    free(data);
    return status;
}

// The same key below the hardware profile, made when it is first asked for.
static NTSTATUS
profile_key_open(struct box *box, struct cm_key *key, ACCESS_MASK access, HANDLE *handle)
{
    static const char control_set[] = "\\Registry\\Machine\\System\\CurrentControlSet";
    UNICODE_STRING wide;
    char text[640], path[800];
    NTSTATUS status = cm_key_path(box, key, &wide);
    if (status != STATUS_SUCCESS)
        return status;
    ob_string_text(&wide, text, sizeof text);
    ob_string_free(&wide);
    snprintf(path, sizeof path, "%s\\Hardware Profiles\\Current%s", control_set, text + strlen("\\Registry\\Machine"));
    struct cm_key *profile = cm_key_open(box, path);
    return profile ? cm_handle_open(box, profile, access, handle) : STATUS_INSUFFICIENT_RESOURCES;
}

NTSTATUS
io_device_key_open(DEVICE_OBJECT *device, ULONG type, ACCESS_MASK access, HANDLE *handle)
{
    struct io_device *extra = io_device_of(device);
    ULONG which = type & ~(ULONG)PLUGPLAY_REGKEY_CURRENT_HWPROFILE;
    if ((which != PLUGPLAY_REGKEY_DEVICE && which != PLUGPLAY_REGKEY_DRIVER) || !extra->device_key)
        return STATUS_INVALID_PARAMETER;
    if (type & PLUGPLAY_REGKEY_CURRENT_HWPROFILE)
        return profile_key_open(extra->box, which == PLUGPLAY_REGKEY_DRIVER ? extra->driver_key : extra->device_key, access, handle);
    if (type == PLUGPLAY_REGKEY_DRIVER)
        return cm_handle_open(extra->box, extra->driver_key, access, handle);
    // The device's own values live in a key below its instance, apart from what the system keeps there.
    struct cm_key *parameters = cm_key_open_under(extra->box, extra->device_key, "Device Parameters");
    return parameters ? cm_handle_open(extra->box, parameters, access, handle) : STATUS_INSUFFICIENT_RESOURCES;
}

static NTSTATUS
link_name(struct io_device *extra, const GUID *class, const UNICODE_STRING *reference, UNICODE_STRING *link)
{
    UNICODE_STRING path;
    char instance[256], tail[256] = "", text[640];
    NTSTATUS status = cm_key_path(extra->box, extra->device_key, &path);
    if (status != STATUS_SUCCESS)
        return status;
    ob_string_text(&path, text, sizeof(text));
    ob_string_free(&path);
    const char *enum_at = strstr(text, "\\Enum\\");
    snprintf(instance, sizeof(instance), "%s", enum_at ? enum_at + 6 : text);
    for (char *at = instance; *at; at++)
        *at = *at == '\\' ? '#' : *at;
    if (reference && reference->Length) {
        tail[0] = '\\';
        ob_string_text(reference, tail + 1, sizeof(tail) - 1);
        if (strchr(tail + 1, '\\') || strchr(tail + 1, '/'))
            return STATUS_INVALID_PARAMETER;
    }
    snprintf(text, sizeof(text), "\\??\\%s#{%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x}%s", instance, class->Data1, class->Data2,
             class->Data3, class->Data4[0], class->Data4[1], class->Data4[2], class->Data4[3], class->Data4[4], class->Data4[5],
             class->Data4[6], class->Data4[7], tail);
    return ob_string_from(text, link);
}

static struct interface *
find(struct io *io, const UNICODE_STRING *link)
{
    LIST_FOR_EACH(node, &io->interfaces) {
        struct interface *interface = LIST_ENTRY_OF(node, struct interface, node);
        if (ob_name_equal(&interface->link, link))
            return interface;
    }
    return NULL;
}

NTSTATUS
io_interface_register(DEVICE_OBJECT *device, const GUID *class, const UNICODE_STRING *reference, UNICODE_STRING *out)
{
    struct io_device *extra = io_device_of(device);
    struct io *io = extra->box->io;
    UNICODE_STRING link;
    if (!extra->device_key)
        return STATUS_INVALID_DEVICE_REQUEST;
    NTSTATUS status = link_name(extra, class, reference, &link);
    if (status != STATUS_SUCCESS)
        return status;
    // The caller frees this one with RtlFreeUnicodeString: pool.
    WCHAR *text = ex_pool_alloc(extra->box, link.MaximumLength, 0x66696f49 /* 'Ioif' */, false, NULL);
    struct interface *interface = calloc(1, sizeof(*interface));
    if (!text || !interface) {
        if (text)
            ex_pool_free(extra->box, text, 0);
        free(interface);
        ob_string_free(&link);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    memcpy(text, link.Buffer, link.MaximumLength);
    *out = (UNICODE_STRING){.Length = link.Length, .MaximumLength = link.MaximumLength, .Buffer = text};
    *interface = (struct interface){.class = *class, .device = device, .link = link};
    KIRQL old = io_lock_take(io);
    bool is_known = find(io, &link) != NULL;
    if (!is_known)
        list_push_back(&io->interfaces, &interface->node);
    io_lock_drop(io, old);
    if (is_known) {   // registering again is allowed and changes nothing
        ob_string_free(&interface->link);
        free(interface);
    } else {
        ob_ref(device);
    }
    return STATUS_SUCCESS;
}

NTSTATUS
io_interface_enable(struct box *box, const UNICODE_STRING *link, bool enable)
{
    UNICODE_STRING target;
    KIRQL old = io_lock_take(box->io);
    struct interface *interface = find(box->io, link);
    bool was_enabled = interface && interface->is_enabled;
    if (interface)
        interface->is_enabled = enable;
    io_lock_drop(box->io, old);
    if (!interface)
        return STATUS_OBJECT_NAME_NOT_FOUND;
    if (was_enabled == enable)
        return enable ? STATUS_OBJECT_NAME_EXISTS : STATUS_OBJECT_NAME_NOT_FOUND;
    if (!enable)
        return io_symlink_delete(box, &interface->link);
    NTSTATUS status = ob_name_query(interface->device, &target);
    if (status == STATUS_SUCCESS) {
        status = target.Length ? io_symlink_create(box, &interface->link, &target) : STATUS_INVALID_DEVICE_REQUEST;
        ob_string_free(&target);
    }
    if (status != STATUS_SUCCESS)
        interface->is_enabled = false;
    return status;
}

// A list of names one behind the other with an empty one at its end, in pool. irql: PASSIVE.
NTSTATUS
io_interface_list(struct box *box, const GUID *class, const DEVICE_OBJECT *device, bool all, WCHAR **out,
                  const void *caller)
{
    size_t bytes = sizeof(WCHAR), used = 0;
    for (int pass = 0; pass < 2; pass++) {
        KIRQL old = io_lock_take(box->io);
        LIST_FOR_EACH(node, &box->io->interfaces) {
            struct interface *interface = LIST_ENTRY_OF(node, struct interface, node);
            size_t length = interface->link.Length + sizeof(WCHAR);
            if (memcmp(&interface->class, class, sizeof(*class)) != 0 || (device && interface->device != device) ||
                (!all && !interface->is_enabled))
                continue;
            if (pass == 0)
                bytes += length;
            else if (used + length + sizeof(WCHAR) <= bytes)
                memcpy((char *)*out + used, interface->link.Buffer, length), used += length;
        }
        io_lock_drop(box->io, old);
        if (pass == 0 && !(*out = ex_pool_alloc_asked(box, bytes, 0x66696f49, true, caller, true)))
            return STATUS_INSUFFICIENT_RESOURCES;
    }
    return STATUS_SUCCESS;
}

void
io_interfaces_free(struct io *io)
{
    for (struct list *node; (node = list_pop_front(&io->interfaces));) {
        struct interface *interface = LIST_ENTRY_OF(node, struct interface, node);
        if (interface->is_enabled)
            io_symlink_delete(io_device_of(interface->device)->box, &interface->link);
        ob_unref(interface->device);
        ob_string_free(&interface->link);
        free(interface);
    }
}
