// SPDX-License-Identifier: MIT
// AddReg: entries root, subkey, name, flags, value... -> typed values, with the flags' meaning applied (append, do not overwrite, the
// key alone, delete). An INF meets an empty registry here, so DelReg, which runs first, has nothing to remove.
// [install/inf-addreg-directive]
#include <string.h>
#include <strings.h>

#include "loader/inf/inf_int.h"

#define FLAG_BINARY 0x00000001
#define FLAG_NO_CLOBBER 0x00000002
#define FLAG_DELETE 0x00000004
#define FLAG_APPEND 0x00000008
#define FLAG_KEY_ONLY 0x00000010
#define FLAG_OVERWRITE_ONLY 0x00000020
#define FLAG_64_BIT 0x00001000
#define FLAG_KEY_ONLY_COMMON 0x00002000
#define FLAG_32_BIT 0x00004000
#define FLAG_DELREG 0x00008000

#define FLAGS_KNOWN 0xffff703f
#define VALUES_MAX 4096
#define ENTRIES_MAX 20000              // those that several AddReg name count each time
#define TEXTS_MAX 1024

static const struct inf_field *
field_at(const struct inf_line *line, size_t index)
{
    static const struct inf_field empty = {.text = ""};
    return index < line->count ? &line->fields[index] : &empty;
}

static struct inf_value *
values_find(const struct inf_values *values, enum inf_root root, const char *key, const char *name)
{
    for (size_t i = 0; i < values->count; i++) {
        struct inf_value *value = &values->list[i];
        if (value->root == root && inf_is(value->key, key) && !value->name == !name && (!name || inf_is(value->name, name)))
            return value;
    }
    return NULL;
}

const struct inf_value *
inf_value_find(const struct inf_values *values, enum inf_root root, const char *key, const char *name)
{
    return values_find(values, root, key, name);
}

const char *
inf_value_text(const struct inf_value *value)
{
    return value && value->texts && value->count ? value->texts[0] : NULL;
}

static void
values_put(struct inf *inf, struct inf_values *values, const struct inf_value *value)
{
    struct inf_value *old = values_find(values, value->root, value->key, value->name);
    if (old) {
        *old = *value;
        return;
    }
    if (values->count == values->room) {
        size_t room = values->room ? values->room * 2 : 32;
        struct inf_value *list = inf_alloc(inf, room, sizeof *list);
        memcpy(list, values->list ? values->list : list, values->count * sizeof *list);
        values->list = list;
        values->room = room;
    }
    values->list[values->count++] = *value;
}

static void
values_drop(struct inf_values *values, struct inf_value *value)
{
    size_t index = (size_t)(value - values->list);
    memmove(value, value + 1, (values->count - index - 1) * sizeof *value);
    values->count--;
}

// ---- one value --------------------------------------------------------------------------------------------------------------------

static bool
read_bytes(struct inf *inf, const struct inf_line *line, struct inf_value *value)
{
    uint8_t *bytes = inf_alloc(inf, line->count, 1);
    value->bytes = bytes;
    for (size_t i = 4; i < line->count; i++) {
        if (!line->fields[i].text[0] && i + 1 == line->count)
            break;                       // a comma at the end
        if (!inf_hex_byte(line->fields[i].text, &bytes[value->count++])) {
            inf_error(inf, line->fields[i].place,
                      "found \"%.40s\" among the bytes of a value; allowed: hexadecimal bytes (00 to ff) with commas",
                      line->fields[i].text);
            return false;
        }
    }
    return true;
}

// A number, or its bytes with commas, the low one first.
static bool
read_number(struct inf *inf, const struct inf_line *line, struct inf_value *value)
{
    const struct inf_field *field = field_at(line, 4);
    size_t size = value->type == INF_TYPE_QWORD ? 8 : 4;
    int64_t number = 0;
    if (line->count == 4 + size) {
        if (!read_bytes(inf, line, value))
            return false;
        for (size_t i = 0; i < size; i++)
            value->number |= (uint64_t)value->bytes[i] << 8 * i;
        value->count = 0;
        value->bytes = NULL;
        return true;
    }
    if (!inf_number(field->text, &number) || (size == 4 && (number > UINT32_MAX || number < INT32_MIN))) {
        inf_error(inf, line->count > 4 ? field->place : line->place,
                  "found \"%.40s\" for a %s; allowed: a number as 10 or 0xa, or %zu bytes with commas", field->text,
                  inf_type_words(value->type), size);
        return false;
    }
    value->number = size == 4 ? (uint32_t)number : (uint64_t)number;
    return true;
}

static void
read_texts(struct inf *inf, const struct inf_line *line, struct inf_value *value)
{
    size_t count = line->count > 4 ? line->count - 4 : 0;
    if (value->type != INF_TYPE_MULTI_SZ)
        count = 1;
    if (count > TEXTS_MAX) {
        inf_error(inf, line->place, "a REG_MULTI_SZ of more than %d strings", TEXTS_MAX);
        count = 0;
    }
    const char **texts = inf_alloc(inf, count + 1, sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        const struct inf_field *field = field_at(line, 4 + i);
        texts[i] = field->text;
        if (field->unknown && value->type != INF_TYPE_EXPAND_SZ)
            inf_warning(inf, field->place, "no string %%%s%% in [Strings]; it stays as it is (a percent sign is written %%%%)",
                        field->unknown);
    }
    if (value->type == INF_TYPE_MULTI_SZ)
        while (count && !texts[count - 1][0])
            count--;
    value->texts = texts;
    value->count = count;
}

static bool
read_data(struct inf *inf, const struct inf_line *line, uint32_t flags, struct inf_value *value)
{
    uint32_t high = flags >> 16;
    if (!(flags & FLAG_BINARY))
        value->type = high == 0 ? INF_TYPE_SZ : high == 1 ? INF_TYPE_MULTI_SZ
                                                          : INF_TYPE_EXPAND_SZ;
    else
        value->type = high == 0 ? INF_TYPE_BINARY : high == 1 ? INF_TYPE_DWORD
                                                : high == 2   ? INF_TYPE_NONE
                                                              : high;
    if (!(flags & FLAG_BINARY)) {
        read_texts(inf, line, value);
        return true;
    }
    return value->type == INF_TYPE_DWORD || value->type == INF_TYPE_QWORD ? read_number(inf, line, value)
                                                                          : read_bytes(inf, line, value);
}

static bool
read_flags(struct inf *inf, const struct inf_line *line, uint32_t *flags)
{
    const struct inf_field *field = field_at(line, 3);
    int64_t number = 0;
    if (field->unknown) {
        inf_error(inf, field->place, "no string %%%s%% in [Strings], where the flags of a registry value stand", field->unknown);
        return false;
    }
    if (field->text[0] && (!inf_number(field->text, &number) || number < 0 || number > UINT32_MAX)) {
        inf_error(inf, field->place,
                  "found \"%.40s\" as the flags of a registry value; allowed: nothing, or a number such as 0x00010001 (REG_DWORD)",
                  field->text);
        return false;
    }
    *flags = (uint32_t)number;
    if ((*flags & ~FLAGS_KNOWN & 0xffff) || (!(*flags & FLAG_BINARY) && *flags >> 16 > 2)) {
        inf_error(inf, field->place,
                  "flags 0x%08x have no meaning; allowed: 0 (REG_SZ), 0x10000 (REG_MULTI_SZ), 0x20000 (REG_EXPAND_SZ), 1 (REG_BINARY), "
                  "0x10001 (REG_DWORD), 0x20001 (REG_NONE), 0xb0001 (REG_QWORD)",
                  *flags);
        return false;
    }
    return true;
}

static void
append(struct inf *inf, struct inf_values *values, struct inf_value *value)
{
    const struct inf_value *old = values_find(values, value->root, value->key, value->name);
    if (!old || old->type != INF_TYPE_MULTI_SZ) {
        values_put(inf, values, value);
        return;
    }
    struct inf_list all = {0};
    for (size_t i = 0; i < old->count; i++)
        inf_list_add(inf, &all, old->texts[i]);
    for (size_t i = 0; i < value->count && all.count < TEXTS_MAX; i++)
        inf_list_add(inf, &all, value->texts[i]);
    value->texts = all.texts;
    value->count = all.count;
    values_put(inf, values, value);
}

static void
add_value(struct inf *inf, const struct inf_line *line, struct inf_value *value, struct inf_values *values)
{
    uint32_t flags;
    if (!read_flags(inf, line, &flags))
        return;
    struct inf_value *old = values_find(values, value->root, value->key, value->name);
    if (flags & FLAG_DELETE) {
        if (old)
            values_drop(values, old);
        return;
    }
    if (flags & (FLAG_KEY_ONLY | FLAG_KEY_ONLY_COMMON)) {
        value->name = NULL;
        values_put(inf, values, value);
        return;
    }
    if (((flags & FLAG_NO_CLOBBER) && old) || ((flags & FLAG_OVERWRITE_ONLY) && !old) || !read_data(inf, line, flags, value))
        return;
    if (flags & FLAG_APPEND)
        append(inf, values, value);
    else
        values_put(inf, values, value);
}

// ---- sections ---------------------------------------------------------------------------------------------------------------------

static bool
read_root(struct inf *inf, const struct inf_line *line, enum inf_root *root)
{
    const struct inf_field *field = &line->fields[0];
    if (inf_is(field->text, "HKR"))
        return true;
    if (inf_is(field->text, "HKLM")) {
        *root = INF_ROOT_MACHINE;
        return true;
    }
    if (!inf_is(field->text, "HKCR") && !inf_is(field->text, "HKCU") && !inf_is(field->text, "HKU"))
        inf_error(inf, field->place,
                  "found \"%.40s\" where a registry entry begins; allowed: HKR, HKLM, HKCR, HKCU or HKU, then SUBKEY, NAME, FLAGS, "
                  "VALUE",
                  field->text);
    return false;                        // HKCR, HKCU and HKU are nothing that a kernel driver reads
}

// "\a\\b\" is the key a\b.
static const char *
key_clean(struct inf *inf, const char *key)
{
    char *clean = inf_copy(inf, key, strlen(key)), *out = clean;
    for (const char *at = clean; *at; at++)
        if (*at != '\\' || (out > clean && out[-1] != '\\'))
            *out++ = *at;
    if (out > clean && out[-1] == '\\')
        out--;
    *out = 0;
    return clean;
}

static void
add_section(struct inf *inf, const struct inf_section *section, enum inf_root root, struct inf_values *values)
{
    for (const struct inf_line *line = section->first; line; line = line->next) {
        struct inf_value value = {.root = root, .place = line->place};
        if (line->key) {
            inf_error(inf, line->place, "found \"%.40s =\" in [%s]; allowed in an AddReg section: ROOT, SUBKEY, NAME, FLAGS, VALUE",
                      line->key->text, section->name);
            return;
        }
        if (!read_root(inf, line, &value.root))
            continue;
        value.key = key_clean(inf, field_at(line, 1)->text);
        value.name = field_at(line, 2)->text;
        if (line->count <= 2)
            value.name = NULL;
        if (strlen(value.key) > 1024 || (value.name && (strlen(value.name) > 255 || strchr(value.name, '\\')))) {
            inf_error(inf, line->place, "a key has at most 1024 bytes, the name of a value at most 255 and no backslash");
            return;
        }
        if (values->count >= VALUES_MAX || ++values->entries > ENTRIES_MAX) {
            inf_error(inf, line->place, "more than %d registry values, or more than %d entries", VALUES_MAX, ENTRIES_MAX);
            return;
        }
        if (value.name)
            add_value(inf, line, &value, values);
        else
            values_put(inf, values, &value);
    }
}

void
inf_addreg(struct inf *inf, const struct inf_section *section, enum inf_root root, struct inf_values *values)
{
    for (const struct inf_line *line = section ? section->first : NULL; line; line = line->next) {
        if (!line->key || !inf_is(line->key->text, "AddReg"))
            continue;
        for (size_t i = 0; i < line->count && inf->error_count < INF_ERRORS_MAX; i++) {
            const struct inf_section *target = inf_section_find(inf, line->fields[i].text);
            if (target)
                add_section(inf, target, root, values);
            else if (line->fields[i].text[0])
                inf_error(inf, line->fields[i].place, "no section [%s] for this AddReg", line->fields[i].text);
        }
    }
}
