// SPDX-License-Identifier: MIT
// What an INF owns: chunks that go all at once, a table of names that does not heed case, and the messages.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/inf/inf_int.h"

struct inf_chunk {
    struct inf_chunk *next;
    size_t used, room;
    _Alignas(16) char bytes[];
};

#define CHUNK_BYTES 16384

void *
inf_alloc(struct inf *inf, size_t count, size_t bytes)
{
    if (bytes && count > (size_t)1 << 40)
        abort();
    size_t need = (count * bytes + 15) & ~(size_t)15;
    struct inf_chunk *chunk = inf->chunks;
    if (!chunk || chunk->room - chunk->used < need) {
        size_t room = need > CHUNK_BYTES ? need : CHUNK_BYTES;
        chunk = calloc(1, sizeof *chunk + room);
        if (!chunk)
            abort();
        chunk->room = room;
        chunk->next = inf->chunks;
        inf->chunks = chunk;
    }
    void *memory = chunk->bytes + chunk->used;
    chunk->used += need;
    return memory;
}

char *
inf_copy(struct inf *inf, const char *text, size_t bytes)
{
    char *copy = inf_alloc(inf, bytes + 1, 1);
    memcpy(copy, text, bytes);
    return copy;
}

char *
inf_format(struct inf *inf, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0)
        abort();
    char *copy = inf_copy(inf, text, (size_t)length);
    free(text);
    return copy;
}

void
inf_free_all(struct inf *inf)
{
    while (inf->chunks) {
        struct inf_chunk *chunk = inf->chunks;
        inf->chunks = chunk->next;
        free(chunk);
    }
}

// ---- names ------------------------------------------------------------------------------------------------------------------------

static size_t
bucket_of(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)tolower((unsigned char)*name)) * 16777619u;
    return hash % INF_BUCKETS;
}

void *
inf_table_find(const struct inf_table *table, const char *name)
{
    for (const struct inf_name *entry = table->buckets[bucket_of(name)]; entry; entry = entry->next)
        if (inf_is(entry->name, name))
            return entry->thing;
    return NULL;
}

void
inf_table_add(struct inf *inf, struct inf_table *table, const char *name, void *thing)
{
    struct inf_name *entry = inf_alloc(inf, 1, sizeof *entry);
    struct inf_name **bucket = &table->buckets[bucket_of(name)];
    *entry = (struct inf_name){*bucket, name, thing};
    *bucket = entry;
}

void
inf_list_add(struct inf *inf, struct inf_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->texts[i], text))
            return;
    if (list->count + 1 >= list->room) {
        size_t room = list->room ? list->room * 2 : 8;
        const char **texts = inf_alloc(inf, room, sizeof *texts);
        memcpy(texts, list->texts ? list->texts : texts, list->count * sizeof *texts);
        list->texts = texts;
        list->room = room;
    }
    list->texts[list->count++] = text;
}

// ---- messages ---------------------------------------------------------------------------------------------------------------------

static void
say(struct inf *inf, struct inf_place place, bool is_error, const char *format, va_list args)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    for (char *at = text; *at; at++)
        if ((unsigned char)*at < 32 || *at == 127)
            *at = '?';
    if (inf->options.on_message)
        inf->options.on_message(inf->options.context, place, is_error, text);
}

void
inf_error(struct inf *inf, struct inf_place place, const char *format, ...)
{
    if (inf->error_count++ >= INF_ERRORS_MAX)
        return;
    va_list args;
    va_start(args, format);
    say(inf, place, true, format, args);
    va_end(args);
}

void
inf_warning(struct inf *inf, struct inf_place place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(inf, place, false, format, args);
    va_end(args);
}
