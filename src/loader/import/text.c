// SPDX-License-Identifier: MIT
// Memory and text of the importer: an arena that goes as a whole, lists of texts in it, and a builder for texts whose length is not
// known. Out of memory ends the process: nothing has been started yet.
#include <stdio.h>
#include <stdlib.h>

#include "loader/import/import_int.h"

#define BLOCK_BYTES 65536

struct block {
    struct block *next;
    size_t used, room;
    _Alignas(16) char bytes[];
};

struct import_texts {
    struct block *blocks;
};

struct import_texts *
texts_create(void)
{
    struct import_texts *texts = calloc(1, sizeof *texts);
    if (!texts)
        abort();
    return texts;
}

void
import_texts_destroy(struct import_texts *texts)
{
    for (struct block *block = texts ? texts->blocks : NULL, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(texts);
}

void *
texts_alloc(struct import_texts *texts, size_t bytes)
{
    struct block *block = texts->blocks;
    bytes = (bytes + 15) & ~(size_t)15;
    if (!block || block->room - block->used < bytes) {
        size_t room = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
        block = malloc(sizeof *block + room);
        if (!block)
            abort();
        *block = (struct block){.next = texts->blocks, .room = room};
        texts->blocks = block;
    }
    void *start = block->bytes + block->used;
    block->used += bytes;
    return memset(start, 0, bytes);
}

char *
texts_copy(struct import_texts *texts, const char *text, size_t bytes)
{
    char *copy = texts_alloc(texts, bytes + 1);
    memcpy(copy, text, bytes);
    return copy;
}

char *
texts_vformat(struct import_texts *texts, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int bytes = vsnprintf(NULL, 0, format, arguments);
    if (bytes < 0)
        abort();
    char *text = texts_alloc(texts, (size_t)bytes + 1);
    vsnprintf(text, (size_t)bytes + 1, format, again);
    va_end(again);
    return text;
}

char *
texts_format(struct import_texts *texts, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = texts_vformat(texts, format, arguments);
    va_end(arguments);
    return text;
}

void
list_add(struct import_texts *texts, struct import_list *list, const char *item)
{
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 8;
        const char **items = texts_alloc(texts, room * sizeof *items);
        if (list->count)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = item;
}

bool
list_has(const struct import_list *list, const char *item)
{
    for (size_t i = 0; i < list->count; i++)
        if (!strcmp(list->items[i], item))
            return true;
    return false;
}

void
list_split(struct import_texts *texts, struct import_list *list, const char *text, const char *separators)
{
    static const char blanks[] = " \t\r\n";
    while (*text) {
        size_t length = strcspn(text, separators);
        const char *start = text, *end = text + length;
        text = *end ? end + 1 : end;
        while (start < end && strchr(blanks, *start))
            start++;
        while (end > start && strchr(blanks, end[-1]))
            end--;
        if (end > start)
            list_add(texts, list, texts_copy(texts, start, (size_t)(end - start)));
    }
}

void
builder_add(struct builder *builder, const char *text, size_t bytes)
{
    if (builder->room - builder->bytes <= bytes) {
        builder->room = (builder->bytes + bytes + 64) * 2;
        builder->text = realloc(builder->text, builder->room);
        if (!builder->text)
            abort();
    }
    memcpy(builder->text + builder->bytes, text, bytes);
    builder->bytes += bytes;
    builder->text[builder->bytes] = 0;
}

void
builder_puts(struct builder *builder, const char *text)
{
    builder_add(builder, text, strlen(text));
}

void
builder_format(struct builder *builder, const char *format, ...)
{
    va_list arguments;
    char *text;
    va_start(arguments, format);
    int bytes = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (bytes < 0)
        abort();
    builder_add(builder, text, (size_t)bytes);
    free(text);
}

char *
builder_take(struct builder *builder)
{
    char *text = builder->text ? builder->text : calloc(1, 1);
    if (!text)
        abort();
    *builder = (struct builder){0};
    return text;
}
