// SPDX-License-Identifier: MIT
// Which of the things an INF can install is installed here. Every [Manufacturer] entry names a models section and its decorations
// (NTarch.major.minor..build); of those for this machine the newest is taken, and of all models that are left the last, unless the
// user names one. [install/inf-manufacturer-section, install/inf-models-section, install/inf-ddinstall-section]
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "loader/inf/inf_int.h"

// A decoration as a number to compare by: version and build, then that it names the architecture at all. 0: not for this machine.
static uint64_t
decoration_weight(const struct inf *inf, const char *text)
{
    static const char *const archs[] = {"amd64", "x86", "ia64", "arm64", "arm", NULL};
    uint32_t parts[6] = {0};             // major, minor, product type, suite mask, build
    if (strncasecmp(text, "NT", 2) != 0)
        return 0;
    text += 2;
    bool has_arch = false;
    for (size_t i = 0; archs[i] && !has_arch; i++) {
        size_t length = strlen(archs[i]);
        if (!strncasecmp(text, archs[i], length) && !isalnum((unsigned char)text[length])) {
            if (!inf_is(archs[i], inf->arch))
                return 0;
            has_arch = true;
            text += length;
        }
    }
    for (size_t part = 0; *text == '.' && part < 5; part++) {
        text++;
        size_t digits = strspn(text, "0123456789abcdefABCDEFxX");
        int64_t number = 0;
        char word[16] = "";
        if (digits >= sizeof word)
            return 0;
        memcpy(word, text, digits);
        if (digits && (!inf_number(word, &number) || number < 0 || number > 0xffff))
            return 0;
        parts[part] = (uint32_t)number;
        text += digits;
    }
    uint32_t ours[] = {INF_OS_MAJOR, INF_OS_MINOR};
    bool is_newer =
        parts[0] > ours[0] || (parts[0] == ours[0] && (parts[1] > ours[1] || (parts[1] == ours[1] && parts[4] > INF_OS_BUILD)));
    // A product type of 2 or 3 is a server; a suite mask names editions.
    if (*text || is_newer || parts[2] > 1 || parts[3])
        return 0;
    return ((uint64_t)parts[0] << 40 | (uint64_t)parts[1] << 24 | (uint64_t)parts[4] << 4 | (uint64_t)has_arch << 1) + 1;
}

// The models section of one [Manufacturer] entry, or NULL when it has none for this machine.
static const struct inf_section *
models_of(struct inf *inf, const struct inf_line *entry)
{
    const char *base = entry->count ? entry->fields[0].text : "";
    const char *name = base;
    uint64_t best = 0;
    for (size_t i = 1; i < entry->count; i++) {
        const char *decoration = entry->fields[i].text;
        uint64_t weight = decoration[0] ? decoration_weight(inf, decoration) : 0;
        if (weight <= best)
            continue;
        best = weight;
        name = inf_format(inf, "%s.%s", base, decoration);
    }
    bool has_decoration = entry->count > 1 && entry->fields[1].text[0];
    if (has_decoration && !best)
        return NULL;
    const struct inf_section *section = base[0] ? inf_section_find(inf, name) : NULL;
    if (!section && base[0])
        inf_warning(inf, entry->fields[0].place, "no section [%s] for these models", name);
    return section;
}

const struct inf_section *
inf_install_section(const struct inf *inf, const char *name, const char *suffix)
{
    char decorated[2 * INF_SECTION_NAME_MAX + 64];
    const struct inf_section *found = NULL;
    const char *const middles[] = {".NT", ".NT", ""};
    for (int i = 0; i < 3 && !found; i++) {
        int length = snprintf(decorated, sizeof decorated, "%s%s%s%s", name, middles[i], i == 0 ? inf->arch : "", suffix);
        if (length > 0 && (size_t)length < sizeof decorated)
            found = inf_section_find(inf, decorated);
    }
    return found;
}

struct choosing {
    struct inf *inf;
    struct inf_model *model;
    struct inf_list ids;
    const struct inf_line *taken;
};

static void
consider(struct choosing *choosing, const struct inf_section *section)
{
    for (const struct inf_line *line = section->first; line; line = line->next) {
        if (!line->key || !line->fields[0].text[0])
            continue;                    // a model without an install section: there to hide a device
        const char *install = line->fields[0].text, *id = line->count > 1 ? line->fields[1].text : "";
        const char *wanted = choosing->inf->options.model;
        if (choosing->ids.count < 256)
            inf_list_add(choosing->inf, &choosing->ids, id[0] ? id : install);
        choosing->model->count++;
        if (!wanted || inf_is(wanted, id) || inf_is(wanted, install))
            choosing->taken = line;
    }
}

static bool
has_manufacturer(struct inf *inf, const struct inf_section *manufacturer)
{
    const struct inf_section *version = inf_section_find(inf, "Version");
    if (manufacturer)
        return true;
    inf_error(inf, version ? version->place : (struct inf_place){1, 1},
              "no [Manufacturer] section%s; a network component is installed from one",
              inf_install_section(inf, "DefaultInstall", "") ? ", only [DefaultInstall]" : "");
    return false;
}

static bool
take(struct choosing *choosing, const struct inf_section *manufacturer)
{
    struct inf *inf = choosing->inf;
    struct inf_model *model = choosing->model;
    const char *ids = "";
    for (size_t i = 0; i < choosing->ids.count && i < 16; i++)
        ids = inf_format(inf, "%s%s%s", ids, i ? ", " : "", choosing->ids.texts[i]);
    if (!model->count)
        inf_error(inf, manufacturer->place,
                  "no models for %s, Windows %d.%d.%d; allowed: a models section whose decoration is not newer", inf->arch,
                  INF_OS_MAJOR, INF_OS_MINOR, INF_OS_BUILD);
    else if (!choosing->taken)
        inf_error(inf, manufacturer->place, "no model \"%s\"; there are: %s", inf->options.model, ids);
    if (!model->count || !choosing->taken)
        return false;
    const struct inf_line *line = choosing->taken;
    model->description = line->key->text;
    model->place = line->fields[0].place;
    model->component_id = line->count > 1 ? line->fields[1].text : "";
    model->ids = choosing->ids.texts;
    model->count = choosing->ids.count;
    model->section = inf_install_section(inf, line->fields[0].text, "");
    if (!model->section) {
        inf_error(inf, line->fields[0].place, "no install section [%s], nor one with .NT or .NT%s", line->fields[0].text, inf->arch);
        return false;
    }
    model->install = model->section->name;
    return true;
}

bool
inf_model_choose(struct inf *inf, struct inf_model *model)
{
    const struct inf_section *manufacturer = inf_section_find(inf, "Manufacturer");
    struct choosing choosing = {.inf = inf, .model = model};
    *model = (struct inf_model){0};
    if (!has_manufacturer(inf, manufacturer))
        return false;
    for (const struct inf_line *entry = manufacturer->first; entry; entry = entry->next) {
        const struct inf_section *section = models_of(inf, entry);   // "NAME" alone is its own models section
        if (section)
            consider(&choosing, section);
    }
    return take(&choosing, manufacturer);
}
