// SPDX-License-Identifier: MIT
// A bounds-checked reader of what the dynamic linker would look at: ELF header -> program headers -> PT_DYNAMIC -> symbol and string
// tables. Addresses of the dynamic section are turned into file offsets through the PT_LOAD headers. The number of symbols comes from
// DT_HASH or DT_GNU_HASH, as the dynamic section does not say it. Format: [System V gABI, chapters 4 and 5].
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "loader/elf.h"

struct reader {
    const uint8_t *bytes;
    size_t count;
    Elf64_Ehdr header;
};

struct dynamic {
    uint64_t symbols_at, strings_at, strings_bytes, hash_at, gnu_hash_at, symbol_bytes;
    uint32_t needed_count;
    uint64_t needed[ELF_NEEDED_MAX];
};

static bool
take(const struct reader *r, uint64_t offset, void *to, size_t bytes)
{
    if (offset > r->count || bytes > r->count - offset)
        return false;
    memcpy(to, r->bytes + offset, bytes);
    return true;
}

static bool
program_header(const struct reader *r, unsigned index, Elf64_Phdr *ph)
{
    return r->header.e_phentsize == sizeof(*ph) && take(r, r->header.e_phoff + (uint64_t)index * sizeof(*ph), ph, sizeof(*ph)) &&
           r->header.e_phoff <= r->count;
}

// File offset of a virtual address, and how many bytes of the file follow it in the same segment.
static bool
offset_of(const struct reader *r, uint64_t address, uint64_t *offset, uint64_t *room)
{
    for (unsigned i = 0; i < r->header.e_phnum; i++) {
        Elf64_Phdr ph;
        if (!program_header(r, i, &ph) || ph.p_type != PT_LOAD || address < ph.p_vaddr || address - ph.p_vaddr >= ph.p_filesz)
            continue;
        uint64_t inside = address - ph.p_vaddr;
        if (ph.p_offset > r->count || ph.p_filesz > r->count - ph.p_offset)
            return false;
        *offset = ph.p_offset + inside;
        *room = ph.p_filesz - inside;
        return true;
    }
    return false;
}

static bool
dynamic_read(const struct reader *r, struct dynamic *dynamic)
{
    Elf64_Phdr ph;
    unsigned i = 0;
    while (i < r->header.e_phnum && (!program_header(r, i, &ph) || ph.p_type != PT_DYNAMIC))
        i++;
    if (i == r->header.e_phnum)
        return false;
    for (uint64_t at = 0; at + sizeof(Elf64_Dyn) <= ph.p_filesz; at += sizeof(Elf64_Dyn)) {
        Elf64_Dyn entry;
        if (ph.p_offset > r->count || !take(r, ph.p_offset + at, &entry, sizeof(entry)))
            return false;
        switch (entry.d_tag) {
        case DT_NULL:
            return true;
        case DT_SYMTAB:
            dynamic->symbols_at = entry.d_un.d_ptr;
            break;
        case DT_STRTAB:
            dynamic->strings_at = entry.d_un.d_ptr;
            break;
        case DT_STRSZ:
            dynamic->strings_bytes = entry.d_un.d_val;
            break;
        case DT_SYMENT:
            dynamic->symbol_bytes = entry.d_un.d_val;
            break;
        case DT_HASH:
            dynamic->hash_at = entry.d_un.d_ptr;
            break;
        case DT_GNU_HASH:
            dynamic->gnu_hash_at = entry.d_un.d_ptr;
            break;
        case DT_NEEDED:
            if (dynamic->needed_count < ELF_NEEDED_MAX)
                dynamic->needed[dynamic->needed_count] = entry.d_un.d_val;
            dynamic->needed_count++;
            break;
        }
    }
    return true;
}

// The GNU table names only symbols that are defined; the highest chain tells how many there are in all.
static bool
gnu_hash_count(const struct reader *r, uint64_t address, uint32_t *count)
{
    uint64_t offset, room;
    uint32_t head[4], highest = 0;   // buckets, first symbol, bloom words, shift
    if (!offset_of(r, address, &offset, &room) || !take(r, offset, head, sizeof(head)))
        return false;
    uint64_t buckets_at = offset + sizeof(head) + (uint64_t)head[2] * 8, chains_at = buckets_at + (uint64_t)head[0] * 4;
    for (uint32_t i = 0; i < head[0]; i++) {
        uint32_t first;
        if (!take(r, buckets_at + (uint64_t)i * 4, &first, sizeof(first)))
            return false;
        highest = first > highest ? first : highest;
    }
    *count = head[1];
    if (highest < head[1])
        return true;
    for (uint32_t index = highest, word;; index++) {
        if (index == UINT32_MAX || !take(r, chains_at + (uint64_t)(index - head[1]) * 4, &word, sizeof(word)))
            return false;
        if (word & 1) {
            *count = index + 1;
            return true;
        }
    }
}

static bool
symbol_count_read(const struct reader *r, const struct dynamic *dynamic, uint32_t *count)
{
    uint64_t offset, room;
    uint32_t head[2];   // buckets, chains; one chain a symbol
    if (dynamic->hash_at) {
        if (!offset_of(r, dynamic->hash_at, &offset, &room) || !take(r, offset, head, sizeof(head)))
            return false;
        *count = head[1];
        return true;
    }
    return dynamic->gnu_hash_at && gnu_hash_count(r, dynamic->gnu_hash_at, count);
}

static const char *
tables_find(const struct reader *r, struct elf_image *image)
{
    struct dynamic dynamic = {.symbol_bytes = sizeof(Elf64_Sym)};
    uint64_t symbols_at, symbols_room, strings_at, strings_room;
    uint32_t count;
    if (!dynamic_read(r, &dynamic))
        return "it has no dynamic section (is it linked with -shared?)";
    if (dynamic.symbol_bytes != sizeof(Elf64_Sym) || !symbol_count_read(r, &dynamic, &count))
        return "its symbol hash table is damaged";
    if (!offset_of(r, dynamic.symbols_at, &symbols_at, &symbols_room) || symbols_room / sizeof(Elf64_Sym) < count)
        return "its dynamic symbol table lies outside the file";
    if (!offset_of(r, dynamic.strings_at, &strings_at, &strings_room) || strings_room < dynamic.strings_bytes)
        return "its dynamic string table lies outside the file";
    image->symbols = r->bytes + symbols_at;
    image->symbol_count = count;
    image->strings = (const char *)r->bytes + strings_at;
    image->strings_bytes = dynamic.strings_bytes;
    image->needed_count = dynamic.needed_count;
    memcpy(image->needed, dynamic.needed, sizeof(image->needed));
    return NULL;
}

int
elf_read(const void *bytes, size_t count, struct elf_image *image, const char **why)
{
    struct reader r = {.bytes = bytes, .count = count};
    *image = (struct elf_image){.bytes = bytes, .count = count};
    if (count >= 2 && r.bytes[0] == 'M' && r.bytes[1] == 'Z')
        *why = "it is a Windows PE image; ndisbox loads drivers compiled for Linux";
    else if (!take(&r, 0, &r.header, sizeof(r.header)) || memcmp(r.header.e_ident, ELFMAG, SELFMAG) != 0)
        *why = "it is not an ELF file";
    else if (r.header.e_ident[EI_CLASS] != ELFCLASS64 || r.header.e_ident[EI_DATA] != ELFDATA2LSB || r.header.e_machine != EM_X86_64)
        *why = "it is not for 64-bit x86";
    else if (r.header.e_type != ET_DYN)
        *why = "it is not a shared object";
    else
        *why = tables_find(&r, image);
    return *why ? -ENOEXEC : 0;
}

// A terminated string of the string table. NULL: there is none at the offset.
static const char *
string_at(const struct elf_image *image, uint64_t offset)
{
    if (offset == 0 || offset >= image->strings_bytes || !memchr(image->strings + offset, 0, image->strings_bytes - offset))
        return NULL;
    return image->strings + offset;
}

const char *
elf_needed_at(const struct elf_image *image, uint32_t index)
{
    return index < image->needed_count && index < ELF_NEEDED_MAX ? string_at(image, image->needed[index]) : NULL;
}

bool
elf_symbol_at(const struct elf_image *image, uint32_t index, struct elf_symbol *symbol)
{
    Elf64_Sym raw;
    if (index == 0 || index >= image->symbol_count)
        return false;
    memcpy(&raw, image->symbols + (size_t)index * sizeof(raw), sizeof(raw));
    symbol->name = string_at(image, raw.st_name);
    if (!symbol->name || ELF64_ST_BIND(raw.st_info) == STB_LOCAL)
        return false;
    symbol->is_undefined = raw.st_shndx == SHN_UNDEF;
    symbol->is_weak = ELF64_ST_BIND(raw.st_info) == STB_WEAK;
    symbol->is_function = ELF64_ST_TYPE(raw.st_info) == STT_FUNC;
    return true;
}

// elf_read has seen a whole header.
static bool
section_header(const struct elf_image *image, uint32_t index, Elf64_Shdr *sh)
{
    struct reader r = {.bytes = image->bytes, .count = image->count};
    memcpy(&r.header, r.bytes, sizeof(r.header));
    return r.header.e_shentsize == sizeof(*sh) && r.header.e_shoff <= r.count &&
           take(&r, r.header.e_shoff + (uint64_t)index * sizeof(*sh), sh, sizeof(*sh));
}

uint32_t
elf_section_count(const struct elf_image *image)
{
    Elf64_Ehdr header;
    memcpy(&header, image->bytes, sizeof(header));
    return header.e_shoff ? header.e_shnum : 0;
}

bool
elf_section_at(const struct elf_image *image, uint32_t index, struct elf_section *section)
{
    Elf64_Ehdr header;
    Elf64_Shdr sh, names;
    memcpy(&header, image->bytes, sizeof(header));
    if (index >= elf_section_count(image) || !section_header(image, index, &sh) || !(sh.sh_flags & SHF_ALLOC) ||
        !section_header(image, header.e_shstrndx, &names) || names.sh_offset > image->count ||
        names.sh_size > image->count - names.sh_offset || sh.sh_name >= names.sh_size)
        return false;
    section->name = (const char *)image->bytes + names.sh_offset + sh.sh_name;
    section->address = sh.sh_addr;
    section->bytes = sh.sh_size;
    return memchr(section->name, 0, names.sh_size - sh.sh_name) != NULL;
}
