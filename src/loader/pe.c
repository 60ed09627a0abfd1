// SPDX-License-Identifier: MIT
// A bounds-checked reader of a PE image's import table: DOS header -> PE header -> optional header -> data directory 1 -> descriptors ->
// thunks -> names. Addresses are turned into file offsets through the section headers. Every loop is bounded by what the file can hold,
// so that a table that points into itself ends. Format: [learn.microsoft.com, "PE Format"].
#include <errno.h>
#include <string.h>

#include "loader/pe.h"

#define LIBRARIES_MAX 256
#define NAMES_MAX 65536
#define DESCRIPTOR_BYTES 20
#define SECTION_BYTES 40

static bool
take(const struct pe_image *image, uint64_t offset, void *to, size_t bytes)
{
    if (offset > image->count || bytes > image->count - offset)
        return false;
    memcpy(to, image->bytes + offset, bytes);
    return true;
}

static bool
take16(const struct pe_image *image, uint64_t offset, uint16_t *value)
{
    return take(image, offset, value, sizeof *value);
}

static bool
take32(const struct pe_image *image, uint64_t offset, uint32_t *value)
{
    return take(image, offset, value, sizeof *value);
}

// File offset of an address, and how many bytes of the file follow it in the same section.
static bool
offset_of(const struct pe_image *image, uint32_t address, uint64_t *offset, uint64_t *room)
{
    if (address < image->headers_bytes && address < image->count) {
        *offset = address;
        *room = (image->headers_bytes < image->count ? image->headers_bytes : image->count) - address;
        return true;
    }
    for (uint32_t i = 0; i < image->section_count; i++) {
        uint64_t at = image->sections_at + (uint64_t)i * SECTION_BYTES;
        uint32_t start, raw_bytes, raw_at;
        if (!take32(image, at + 12, &start) || !take32(image, at + 16, &raw_bytes) || !take32(image, at + 20, &raw_at))
            return false;
        if (address < start || address - start >= raw_bytes)
            continue;
        uint32_t inside = address - start;
        if (raw_at > image->count || raw_bytes > image->count - raw_at)
            return false;
        *offset = (uint64_t)raw_at + inside;
        *room = raw_bytes - inside;
        return true;
    }
    return false;
}

// A terminated text at an address. NULL: it is empty, or does not end inside its section.
static const char *
text_at(const struct pe_image *image, uint32_t address)
{
    uint64_t offset, room;
    if (!offset_of(image, address, &offset, &room))
        return NULL;
    const char *text = (const char *)image->bytes + offset;
    return room && text[0] && memchr(text, 0, room) ? text : NULL;
}

static const char *
headers_read(struct pe_image *image)
{
    uint32_t pe_at, signature, directories;
    uint16_t sections, optional_bytes, magic, subsystem;
    if (!take32(image, 60, &pe_at) || !take32(image, pe_at, &signature) || signature != 0x00004550)
        return "it has no PE header (a DOS program?)";
    uint64_t optional_at = (uint64_t)pe_at + 24;
    if (!take16(image, pe_at + UINT64_C(4), &image->machine) || !take16(image, pe_at + UINT64_C(6), &sections) ||
        !take16(image, pe_at + UINT64_C(20), &optional_bytes) || !take16(image, optional_at, &magic))
        return "its headers end with the file";
    if (magic != 0x10B && magic != 0x20B)
        return "its optional header is of no known kind";
    image->is_wide = magic == 0x20B;
    uint32_t directory_at = image->is_wide ? 112 : 96;
    if (optional_bytes < directory_at || !take32(image, optional_at + 60, &image->headers_bytes) ||
        !take16(image, optional_at + 68, &subsystem) || !take32(image, optional_at + directory_at - 4, &directories))
        return "its optional header is too short";
    image->is_native = subsystem == 1;
    uint64_t sections_at = optional_at + optional_bytes;
    if (sections_at + (uint64_t)sections * SECTION_BYTES > image->count)
        return "its section headers end with the file";
    image->sections_at = (uint32_t)sections_at;
    image->section_count = sections;
    if (directories > 1 && optional_bytes >= directory_at + 16 &&
        (!take32(image, optional_at + directory_at + 8, &image->imports_at) ||
         !take32(image, optional_at + directory_at + 12, &image->imports_bytes)))
        return "its data directories end with the file";
    return NULL;
}

int
pe_read(const void *bytes, size_t count, struct pe_image *image, const char **why)
{
    *image = (struct pe_image){.bytes = bytes, .count = count};
    if (count < 2 || image->bytes[0] != 'M' || image->bytes[1] != 'Z')
        *why = "it is not a PE file";
    else
        *why = headers_read(image);
    return *why ? -ENOEXEC : 0;
}

// One library: its thunks, up to the empty one. *budget: how many names may still come.
static const char *
library_read(const struct pe_image *image, const char *library, uint32_t thunks, uint32_t *budget,
             bool (*each)(void *to, const char *library, const char *name, uint16_t ordinal), void *to, bool *goes_on)
{
    uint32_t step = image->is_wide ? 8 : 4;
    for (uint32_t address = thunks; *goes_on; address += step) {
        uint64_t offset, room, thunk = 0;
        if (!offset_of(image, address, &offset, &room) || room < step || !take(image, offset, &thunk, step))
            return "a list of imported names lies outside the file";
        if (!thunk)
            return NULL;
        if (!(*budget)--)
            return "it imports more than 65536 names";
        if (thunk >> (image->is_wide ? 63 : 31)) {
            *goes_on = each(to, library, NULL, (uint16_t)thunk);
            continue;
        }
        const char *name = text_at(image, (uint32_t)thunk + 2);   // behind the hint
        if (!name || thunk > UINT32_MAX - 2)
            return "an imported name lies outside the file";
        *goes_on = each(to, library, name, 0);
        if (address > UINT32_MAX - step)
            return "a list of imported names lies outside the file";
    }
    return NULL;
}

int
pe_imports(const struct pe_image *image, bool (*each)(void *to, const char *library, const char *name, uint16_t ordinal), void *to,
           const char **why)
{
    uint32_t budget = NAMES_MAX;
    bool goes_on = true;
    *why = NULL;
    if (!image->imports_at)
        return 0;
    for (uint32_t i = 0; goes_on && !*why; i++) {
        uint64_t offset, room;
        uint32_t names, name, addresses;
        if (i == LIBRARIES_MAX || !offset_of(image, image->imports_at + i * DESCRIPTOR_BYTES, &offset, &room) || room < DESCRIPTOR_BYTES ||
            !take32(image, offset, &names) || !take32(image, offset + 12, &name) || !take32(image, offset + 16, &addresses)) {
            *why = "its import table lies outside the file";
            break;
        }
        if (!name && !addresses)
            return 0;
        const char *library = text_at(image, name);
        if (!library)
            *why = "the name of an imported library lies outside the file";
        else
            *why = library_read(image, library, names ? names : addresses, &budget, each, to, &goes_on);
    }
    return *why ? -ENOEXEC : 0;
}
