// SPDX-License-Identifier: MIT
// What the chosen model means to us: its install section with what it needs, its service, the Ndi key, the adapter's attributes.
//
//   inf_component_find -> version_read -> inf_model_choose -> install_read (AddReg, Needs, .HW) -> services_read -> ndi_read
//                      -> inf_params_collect -> the checks of its kind
// [network/ddinstall-section-in-a-network-inf-file, network/add-registry-sections-in-a-network-inf-file]
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "loader/inf/inf_int.h"

#define NCF_LW_FILTER 0x40000
#define SERVICE_ASSOCIATED 2             // SPSVCINST_ASSOCSERVICE
#define NEEDS_MAX 64

struct building {
    struct inf *inf;
    struct inf_component *component;
    struct inf_model model;
    struct inf_values values;
    struct inf_list ignored;
    const struct inf_section *needed[NEEDS_MAX];
    size_t needed_count;
    bool is_filter_class;                // NetService
    bool has_service;
    struct inf_place class_place;
};

static const char *const class_guids[][2] = {{"Net", "{4d36e972-e325-11ce-bfc1-08002be10318}"},
                                             {"NetService", "{4d36e974-e325-11ce-bfc1-08002be10318}"},
                                             {"NetTrans", "{4d36e975-e325-11ce-bfc1-08002be10318}"},
                                             {NULL, NULL}};

static bool
version_read(struct building *building)
{
    struct inf *inf = building->inf;
    const struct inf_section *version = inf_section_find(inf, "Version");
    const struct inf_field *signature = inf_entry_find(version, "Signature"), *class = inf_entry_find(version, "Class");
    const struct inf_field *guid = inf_entry_find(version, "ClassGuid"), *provider = inf_entry_find(version, "Provider");
    if (!version || !signature) {
        inf_error(inf, version ? version->place : (struct inf_place){1, 1},
                  "no %s; every INF has [Version] with Signature = \"$Windows NT$\"",
                  version ? "Signature in [Version]" : "[Version] section");
        return false;
    }
    if (!inf_is(signature->text, "$Windows NT$") && !inf_is(signature->text, "$Windows 95$") && !inf_is(signature->text, "$Chicago$")) {
        inf_error(inf, signature->place, "Signature is \"%.40s\"; allowed: $Windows NT$, $Windows 95$ or $Chicago$", signature->text);
        return false;
    }
    const char *name = class ? class->text : NULL;
    for (size_t i = 0; guid && !name && class_guids[i][0]; i++)
        if (inf_is(guid->text, class_guids[i][1]))
            name = class_guids[i][0];
    struct inf_place place = class ? class->place : guid ? guid->place
                                                         : version->place;
    building->class_place = place;
    for (size_t i = 0; name && class_guids[i][0]; i++)
        if (inf_is(name, class_guids[i][0])) {
            building->component->class_name = class_guids[i][0];
            building->component->provider = provider ? provider->text : "";
            return true;
        }
    inf_error(inf, place, "Class is %.60s; ndisbox reads Net (miniports), NetTrans (protocols) and NetService (filters)",
              name   ? name
              : guid ? guid->text
                     : "not given");
    return false;
}

// ---- the install section ----------------------------------------------------------------------------------------------------------

static void
number_read(struct building *building, const struct inf_section *section, const char *key, bool *has, uint32_t *into)
{
    const struct inf_field *field = inf_entry_find(section, key);
    int64_t number;
    if (!field)
        return;
    if (!inf_number(field->text, &number) || number < 0 || number > UINT32_MAX) {
        inf_error(building->inf, field->place, "%s is \"%.40s\"; allowed: a number such as 6 or 0x40000", key, field->text);
        return;
    }
    *has = true;
    *into = (uint32_t)number;
}

static void
directive_note(struct building *building, const struct inf_line *line)
{
    static const char *const read_ones[] = {
        "AddReg", "Needs", "Characteristics", "BusType", "*IfType", "*MediaType", "*PhysicalMediaType", "NetCfgInstanceId", NULL};
    static const char *const known[][2] = {{"CopyFiles", "files are not installed; the stack file's path: says where the image is"},
                                           {"DelReg", "runs before AddReg, on a registry that is empty here"},
                                           {"Include", "other INFs are not read"},
                                           {"CopyINF", "other INFs are not read; an intermediate driver's two INFs are given together"},
                                           {"AddProperty", "device properties are for the user interface"},
                                           {"EnableDhcp", "there is no Windows TCP/IP here to be told"},
                                           {NULL, NULL}};
    const char *key = line->key ? line->key->text : NULL;
    for (size_t i = 0; key && read_ones[i]; i++)
        if (inf_is(key, read_ones[i]))
            return;
    for (size_t i = 0; key && known[i][0]; i++)
        if (inf_is(key, known[i][0])) {
            inf_list_add(building->inf, &building->ignored, inf_format(building->inf, "%s: %s", known[i][0], known[i][1]));
            return;
        }
    if (key && building->ignored.count < 64)
        inf_list_add(building->inf, &building->ignored, inf_format(building->inf, "%.60s: not used", key));
}

static void install_read(struct building *building, const struct inf_section *section, enum inf_root root);

static void
need_read(struct building *building, const struct inf_field *name, enum inf_root root)
{
    struct inf *inf = building->inf;
    const struct inf_section *section = inf_section_find(inf, name->text);
    if (!section) {
        inf_list_add(inf, &building->ignored, inf_format(inf, "Needs %.60s: stands in another INF, which is not read", name->text));
        return;
    }
    for (size_t i = 0; i < building->needed_count; i++)
        if (building->needed[i] == section)
            return;
    if (building->needed_count == NEEDS_MAX) {
        inf_error(inf, name->place, "more than %d sections are needed", NEEDS_MAX);
        return;
    }
    building->needed[building->needed_count++] = section;
    install_read(building, section, root);
}

static void
install_read(struct building *building, const struct inf_section *section, enum inf_root root)
{
    struct inf_component *component = building->component;
    for (const struct inf_line *line = section->first; line; line = line->next)
        if (line->key && inf_is(line->key->text, "Needs"))
            for (size_t i = 0; i < line->count; i++)
                if (line->fields[i].text[0])
                    need_read(building, &line->fields[i], root);
    inf_addreg(building->inf, section, root, &building->values);
    for (const struct inf_line *line = section->first; line; line = line->next)
        directive_note(building, line);
    if (root != INF_ROOT_ADAPTER)
        return;
    number_read(building, section, "Characteristics", &component->has_characteristics, &component->characteristics);
    number_read(building, section, "BusType", &component->has_bus_type, &component->bus_type);
    number_read(building, section, "*IfType", &component->has_if_type, &component->if_type);
    number_read(building, section, "*MediaType", &component->has_media_type, &component->media_type);
    number_read(building, section, "*PhysicalMediaType", &component->has_physical_media_type, &component->physical_media_type);
    const struct inf_field *instance = inf_entry_find(section, "NetCfgInstanceId");
    if (instance)
        component->instance_id = instance->text;
}

// ---- services ---------------------------------------------------------------------------------------------------------------------

struct service {
    const struct inf_field *name;
    const struct inf_section *section;
    int64_t flags, type;
};

// The one that runs the device, the one the Ndi key names, the first kernel driver, the first.
static int
service_weight(const struct building *building, const struct service *service)
{
    const char *ndi = building->component->ndi_service;
    if (service->flags & SERVICE_ASSOCIATED)
        return 4;
    if (ndi && inf_is(service->name->text, ndi))
        return 3;
    return service->type == 1 ? 2 : 1;
}

static bool
service_entry(struct building *building, const struct inf_line *line, struct service *service)
{
    struct inf *inf = building->inf;
    const struct inf_field *name = &line->fields[0];
    *service = (struct service){.name = name};
    if (!name->text[0])
        return false;                    // ", 2": no service at all
    if (strlen(name->text) > 200 || strpbrk(name->text, "\\/")) {
        inf_error(inf, name->place, "a service name has 1 to 200 characters and no slashes");
        return false;
    }
    if (line->count > 1 && line->fields[1].text[0] && !inf_number(line->fields[1].text, &service->flags)) {
        inf_error(inf, line->fields[1].place, "found \"%.40s\" as the flags of a service; allowed: nothing, or a number such as 2",
                  line->fields[1].text);
        return false;
    }
    service->section = line->count > 2 ? inf_section_find(inf, line->fields[2].text) : NULL;
    if (!service->section) {
        inf_error(inf, line->count > 2 ? line->fields[2].place : name->place, "no section [%s] for the service %s",
                  line->count > 2 ? line->fields[2].text : "", name->text);
        return false;
    }
    const struct inf_field *type = inf_entry_find(service->section, "ServiceType");
    if (type)
        inf_number(type->text, &service->type);
    return true;
}

static void
service_take(struct building *building, const struct service *service)
{
    struct inf_component *component = building->component;
    const struct inf_field *start = inf_entry_find(service->section, "StartType"),
                           *binary = inf_entry_find(service->section, "ServiceBinary");
    int64_t number = 3;
    component->service = service->name->text;
    component->service_place = service->name->place;
    if (start && (!inf_number(start->text, &number) || number < 0 || number > 4))
        inf_error(building->inf, start->place, "StartType is \"%.40s\"; allowed: 0 (boot) to 4 (disabled)", start->text);
    component->start_type = (uint32_t)number;
    const char *slash = binary ? strrchr(binary->text, '\\') : NULL;
    component->binary = slash ? slash + 1 : binary ? binary->text
                                                   : "";
    inf_addreg(building->inf, service->section, INF_ROOT_SERVICE, &building->values);
}

static void
services_read(struct building *building)
{
    struct inf *inf = building->inf;
    const struct inf_section *section = inf_section_find(inf, inf_format(inf, "%s.Services", building->model.install));
    struct service best = {0}, service;
    int best_weight = 0;
    if (!section)
        section = inf_install_section(inf, building->model.install, ".Services");
    for (const struct inf_line *line = section ? section->first : NULL; line; line = line->next) {
        if (!line->key || !inf_is(line->key->text, "AddService") || !service_entry(building, line, &service))
            continue;
        if (service_weight(building, &service) > best_weight) {
            best_weight = service_weight(building, &service);
            best = service;
        }
    }
    if (best_weight)
        service_take(building, &best);
    else if (!inf->error_count)
        inf_error(inf, building->model.section->place, "no AddService in [%s.Services]: the driver has no service",
                  building->model.install);
}

static void
framework_note(struct building *building)
{
    struct inf *inf = building->inf;
    const struct inf_section *wdf = inf_section_find(inf, inf_format(inf, "%s.Wdf", building->model.install));
    if (!wdf)
        wdf = inf_install_section(inf, building->model.install, ".Wdf");
    if (!wdf)
        return;
    bool is_user = inf_entry_find(wdf, "UmdfService") != NULL;
    inf_warning(inf, wdf->place, "the driver is built on %s, which ndisbox does not run", is_user ? "UMDF" : "KMDF");
    inf_list_add(inf, &building->ignored, inf_format(inf, "[%s]: ndisbox runs no %s drivers", wdf->name, is_user ? "UMDF" : "KMDF"));
}

// ---- the Ndi key ------------------------------------------------------------------------------------------------------------------

static const char *
ndi_text(struct building *building, const char *key, const char *name, struct inf_place *place)
{
    const struct inf_value *value = inf_value_find(&building->values, INF_ROOT_ADAPTER, key, name);
    if (value && place)
        *place = value->place;
    return inf_value_text(value);
}

// "ethernet, wan" -> words.
static const char *const *
ndi_words(struct building *building, const char *name, struct inf_place *place)
{
    const char *text = ndi_text(building, "Ndi\\Interfaces", name, place);
    if (!text)
        return NULL;
    struct inf_list words = {0};
    while (*text && words.count < 64) {
        text += strspn(text, ", \t");
        size_t length = strcspn(text, ", \t");
        if (length)
            inf_list_add(building->inf, &words, inf_copy(building->inf, text, length));
        text += length;
    }
    inf_list_add(building->inf, &words, "");         // makes room
    words.texts[words.count - 1] = NULL;
    return words.texts;
}

// FilterType and FilterRunType: REG_DWORD, sometimes written as text.
static uint32_t
filter_number(struct building *building, const char *name, const char *one, const char *two)
{
    const struct inf_value *value = inf_value_find(&building->values, INF_ROOT_ADAPTER, "Ndi", name);
    int64_t number = value ? (int64_t)value->number : 0;
    const char *text = inf_value_text(value);
    if (text && !inf_number(text, &number))
        number = 0;
    if (number == 1 || number == 2)
        return (uint32_t)number;
    inf_error(building->inf, value ? value->place : building->model.section->place, "%s is %s; allowed for a filter: 1 (%s) or 2 (%s)",
              name, value ? "neither 1 nor 2" : "not given", one, two);
    return 0;
}

const char *const inf_filter_classes[] = {"scheduler", "encryption", "compression", "vpn", "loadbalance", "failover",
                                          "diagnostic", "custom", "provider_address", NULL};

int
inf_filter_class_height(const char *filter_class)
{
    int count = (int)(sizeof inf_filter_classes / sizeof *inf_filter_classes) - 1;
    for (int i = 0; i < count; i++)
        if (inf_is(inf_filter_classes[i], filter_class))
            return count - 1 - i;
    return -1;
}

static void
filter_read(struct building *building)
{
    struct inf *inf = building->inf;
    struct inf_component *component = building->component;
    struct inf_place place = building->model.section->place;
    const char *class = ndi_text(building, "Ndi", "FilterClass", &place);
    component->filter_class = class ? class : "";
    component->filter_type = (enum inf_filter_type)filter_number(building, "FilterType", "monitoring", "modifying");
    component->is_mandatory = filter_number(building, "FilterRunType", "mandatory", "optional") == 1;
    if (component->filter_type == INF_FILTER_MODIFYING && !class)
        inf_error(inf, place,
                  "FilterClass is not given; a modifying filter has one: scheduler, encryption, compression, vpn, loadbalance, "
                  "failover, "
                  "diagnostic, custom or provider_address");
    else if (class && !strncasecmp(class, "ms_switch_", 10))
        inf_error(inf, place, "FilterClass %s is for an extension of the Hyper-V switch; ndisbox has none", class);
    else if (class && inf_filter_class_height(class) < 0)
        inf_error(inf, place,
                  "FilterClass is \"%.40s\"; allowed: scheduler, encryption, compression, vpn, loadbalance, failover, diagnostic, "
                  "custom or "
                  "provider_address",
                  class);
    if (!component->media_types)
        inf_error(inf, building->model.section->place, "Ndi\\Interfaces has no FilterMediaTypes: the filter would attach to nothing");
    for (size_t i = 0; component->media_types && component->media_types[i]; i++)
        if (inf_is(component->media_types[i], "nolower"))
            inf_error(inf, component->media_place, "FilterMediaTypes has nolower, which no filter may attach to");
}

static void
ndi_read(struct building *building)
{
    struct inf_component *component = building->component;
    component->upper_range = ndi_words(building, "UpperRange", &component->upper_place);
    component->lower_range = ndi_words(building, "LowerRange", &component->lower_place);
    component->media_types = ndi_words(building, "FilterMediaTypes", &component->media_place);
    bool has_filter_type = inf_value_find(&building->values, INF_ROOT_ADAPTER, "Ndi", "FilterType") != NULL;
    if (inf_is(component->class_name, "Net"))
        component->kind = INF_MINIPORT;
    else if (inf_is(component->class_name, "NetTrans"))
        component->kind = INF_PROTOCOL;
    else
        component->kind = has_filter_type || (component->characteristics & NCF_LW_FILTER) ? INF_FILTER : INF_SERVICE;
    if (component->kind == INF_FILTER)
        filter_read(building);
    else if (component->kind != INF_SERVICE && (!component->upper_range || !component->lower_range))
        inf_warning(building->inf, building->model.section->place, "Ndi\\Interfaces has no %s; what binds to what is not checked then",
                    component->upper_range ? "LowerRange" : "UpperRange");
}

// ---- the way in -------------------------------------------------------------------------------------------------------------------

const struct inf_component *
inf_component_find(struct inf *inf)
{
    struct inf_component *component = inf_alloc(inf, 1, sizeof *component);
    struct building building = {.inf = inf, .component = component};
    if (inf->component)
        return inf->component;
    *component = (struct inf_component){.provider = "", .instance_id = "", .filter_class = "", .binary = ""};
    if (!version_read(&building) || !inf_model_choose(inf, &building.model))
        return NULL;
    component->description = building.model.description;
    component->component_id = building.model.component_id;
    component->install_section = building.model.install;
    component->model_place = building.model.place;
    component->model_count = building.model.count;
    component->model_ids = building.model.ids;
    install_read(&building, building.model.section, INF_ROOT_ADAPTER);
    const struct inf_section *hardware = inf_section_find(inf, inf_format(inf, "%s.HW", building.model.install));
    if (hardware)
        install_read(&building, hardware, INF_ROOT_HARDWARE);
    component->ndi_service = ndi_text(&building, "Ndi", "Service", NULL);
    services_read(&building);
    framework_note(&building);
    ndi_read(&building);
    inf_params_collect(inf, &building.values, component);
    component->values = building.values.list;
    component->value_count = building.values.count;
    component->ignored = building.ignored.texts;
    component->ignored_count = building.ignored.count;
    if (inf->error_count)
        return NULL;
    inf->component = component;
    return component;
}

const char *
inf_kind_words(enum inf_kind kind)
{
    static const char *const words[] = {"a miniport driver", "a protocol driver", "a filter driver",
                                        "a network service that is no filter"};
    return words[kind];
}

const char *
inf_type_words(uint32_t type)
{
    switch (type) {
    case INF_TYPE_NONE: return "REG_NONE";
    case INF_TYPE_SZ: return "REG_SZ";
    case INF_TYPE_EXPAND_SZ: return "REG_EXPAND_SZ";
    case INF_TYPE_BINARY: return "REG_BINARY";
    case INF_TYPE_DWORD: return "REG_DWORD";
    case INF_TYPE_MULTI_SZ: return "REG_MULTI_SZ";
    case INF_TYPE_QWORD: return "REG_QWORD";
    default: return "a type of its own";
    }
}
