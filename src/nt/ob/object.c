// SPDX-License-Identifier: MIT
// Bodies and their headers: creation, references, deletion at PASSIVE_LEVEL, and the report of what a box leaves behind.
//   ob_object_create -> ob_ref / ob_unref ... -> last ob_unref -> delete_body (here, or ob's worker when above PASSIVE)
//   ob_create makes the roots: \ \Device \Driver \?? (\DosDevices, \GLOBAL?? and \??\Global link to it) \Callback \BaseNamedObjects
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/io/io.h"
#include "nt/ob/ob_int.h"
#include "verify/left.h"

static void
symlink_delete(struct box *box, void *body)
{
    ob_string_free(&((struct ob_symlink *)body)->target);
}

const struct _OBJECT_TYPE ob_directory_type = {OB_DIRECTORY, "Directory", NULL, NULL};
const struct _OBJECT_TYPE ob_symlink_type = {OB_SYMLINK, "SymbolicLink", NULL, symlink_delete};
const struct _OBJECT_TYPE ob_event_type = {OB_EVENT, "Event", NULL, NULL};

_Static_assert(sizeof(struct ob_header) % 16 == 0 || sizeof(struct ob_header) % 8 == 0, "a body keeps malloc's alignment");
#define HEADER_BYTES ((sizeof(struct ob_header) + 15) & ~(size_t)15)

KIRQL
ob_lock_take(struct ob *ob)
{
    return sched_self ? ke_lock_take(&ob->lock) : 0;
}

void
ob_lock_drop(struct ob *ob, KIRQL old)
{
    if (sched_self)
        ke_lock_drop(&ob->lock, old);
}

void
ob_holder_here(char holder[OB_HOLDER_BYTES])
{
    const struct io_image *image = sched_self ? ke_self()->driver : NULL;
    snprintf(holder, OB_HOLDER_BYTES, "%s", image ? image->name : "ndisbox");
}

struct ob_header *
ob_header_of(const void *body)
{
    struct ob_header *header = (struct ob_header *)((char *)body - HEADER_BYTES);
    if (header->magic != OB_MAGIC) {
        fprintf(stderr, "ndisbox: %p is not an object%s\n", body, header->magic == OB_MAGIC_DEAD ? " any more" : "");
        abort();
    }
    return header;
}

NTSTATUS
ob_object_create(struct box *box, const struct _OBJECT_TYPE *type, size_t body_bytes, void **body)
{
    struct ob *ob = box->ob;
    char *memory = aligned_alloc(16, (HEADER_BYTES + body_bytes + 15) & ~(size_t)15);
    if (!memory)
        return STATUS_INSUFFICIENT_RESOURCES;
    memset(memory, 0, (HEADER_BYTES + body_bytes + 15) & ~(size_t)15);
    struct ob_header *header = (struct ob_header *)memory;
    header->box = box;
    header->type = type;
    header->magic = OB_MAGIC;
    atomic_init(&header->refs, 1);
    list_init(&header->name_node);
    ob_holder_here(header->holder);
    KIRQL old = ob_lock_take(ob);
    header->number = ++ob->next_number;
    list_push_back(&ob->objects, &header->node);
    ob_lock_drop(ob, old);
    *body = memory + HEADER_BYTES;
    verify_had(VERIFY_LEFT_OBJECT, *body, NULL, NULL);
    return STATUS_SUCCESS;
}

void
ob_holder_set(void *body, const char *holder)
{
    snprintf(ob_header_of(body)->holder, OB_HOLDER_BYTES, "%s", holder);
}

static void
delete_body(void *context)
{
    struct ob_header *header = context;
    struct box *box = header->box;
    verify_gave(box, VERIFY_LEFT_OBJECT, (char *)header + HEADER_BYTES);
    if (header->type->on_delete)
        header->type->on_delete(box, (char *)header + HEADER_BYTES);
    KIRQL old = ob_lock_take(box->ob);
    list_remove(&header->node);
    ob_lock_drop(box->ob, old);
    ob_string_free(&header->name);
    header->magic = OB_MAGIC_DEAD;
    free(header);
}

void
ob_ref(void *body)
{
    int64_t before = atomic_fetch_add_explicit(&ob_header_of(body)->refs, 1, memory_order_relaxed);
    if (before <= 0) {
        fprintf(stderr, "ndisbox: a reference was taken on an object that has none left (%p)\n", body);
        abort();
    }
}

static int64_t
count_down(struct ob_header *header)
{
    int64_t left = atomic_fetch_sub_explicit(&header->refs, 1, memory_order_acq_rel) - 1;
    if (left < 0) {
        fprintf(stderr, "ndisbox: %s object %u lost a reference that it did not have\n", header->type->name, header->number);
        abort();
    }
    return left;
}

static void
delete_later(struct ob_header *header)
{
    if (ke_work_queue(header->box, delete_body, header))
        box_message(header->box, "no memory to delete a %s object", header->type->name);
}

int64_t
ob_unref(void *body)
{
    struct ob_header *header = ob_header_of(body);
    int64_t left = count_down(header);
    if (left > 0)
        return left;
    if (sched_self && ke_self()->irql > PASSIVE_LEVEL && header->type->on_delete)
        delete_later(header);
    else
        delete_body(header);
    return 0;
}

void
ob_unref_deferred(void *body)
{
    struct ob_header *header = ob_header_of(body);
    if (count_down(header) == 0)
        delete_later(header);
}

static int
root_directory(struct box *box, const WCHAR *path)
{
    void *body;
    UNICODE_STRING name = {0};
    while (path[name.Length / sizeof(WCHAR)])
        name.Length += sizeof(WCHAR);
    name.MaximumLength = name.Length;
    name.Buffer = (WCHAR *)path;
    if (ob_object_create(box, &ob_directory_type, sizeof(struct ob_directory), &body) != STATUS_SUCCESS)
        return -1;
    list_init(&((struct ob_directory *)body)->entries);
    if (name.Length == sizeof(WCHAR)) {
        box->ob->root = body;
        return 0;
    }
    NTSTATUS status = ob_name_insert(body, &name, true);
    ob_unref(body);
    return status == STATUS_SUCCESS ? 0 : -1;
}

static int
root_link(struct box *box, const char *path, const char *target)
{
    UNICODE_STRING name, to;
    void *body = NULL;
    int failed = -1;
    if (ob_string_from(path, &name) != STATUS_SUCCESS)
        return -1;
    if (ob_string_from(target, &to) == STATUS_SUCCESS) {
        if (ob_object_create(box, &ob_symlink_type, sizeof(struct ob_symlink), &body) == STATUS_SUCCESS) {
            ((struct ob_symlink *)body)->target = to;
            failed = ob_name_insert(body, &name, true) == STATUS_SUCCESS ? 0 : -1;
            ob_unref(body);
        } else {
            ob_string_free(&to);
        }
    }
    ob_string_free(&name);
    return failed;
}

int
ob_create(struct box *box)
{
    struct ob *ob = calloc(1, sizeof(*ob));
    if (!ob)
        return -1;
    list_init(&ob->objects);
    box->ob = ob;
    static const WCHAR *const directories[] = {L"\\", L"\\Device", L"\\Driver", L"\\??", L"\\Callback", L"\\BaseNamedObjects"};
    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
        if (root_directory(box, directories[i]))
            goto rooms;
    if (root_link(box, "\\DosDevices", "\\??") || root_link(box, "\\GLOBAL??", "\\??") ||
        root_link(box, "\\??\\Global", "\\??"))
        goto rooms;
    ob->own_count = ob->next_number;
    return 0;
rooms:
    ob_destroy(box);
    return -1;
}

// kind 0: all kinds.
static void
close_handles(struct box *box, enum ob_kind kind)
{
    struct ob *ob = box->ob;
    for (uint32_t i = 1; i < ob->slot_used; i++) {
        if (!ob->slots[i].body || (kind && ob_header_of(ob->slots[i].body)->type->kind != kind))
            continue;
        const struct ob_header *header = ob_header_of(ob->slots[i].body);
        char name[128];
        if (!verify_left_one(box, VERIFY_LEFT_HANDLE, (HANDLE)(uintptr_t)(i * 4), "ZwClose"))
            box_leftover(box, "handle 0x%x to %s object %u %s, opened by %s", i * 4, header->type->name, header->number,
                         ob_string_text(&header->name, name, sizeof(name)), ob->slots[i].holder);
        ob_handle_close(box, (HANDLE)(uintptr_t)(i * 4));
    }
}

void
ob_handles_close_kind(struct box *box, enum ob_kind kind)
{
    close_handles(box, kind);
}

uint32_t
ob_destroy(struct box *box)
{
    struct ob *ob = box->ob;
    if (!ob)
        return 0;
    close_handles(box, 0);
    LIST_FOR_EACH_SAFE(node, &ob->objects) {
        struct ob_header *header = LIST_ENTRY_OF(node, struct ob_header, node);
        bool only_named = header->is_permanent && header->directory && atomic_load(&header->refs) == 1;   // meant to stay
        if (header->number > ob->own_count && !only_named &&
            !verify_left_one(box, VERIFY_LEFT_OBJECT, (char *)header + HEADER_BYTES, "ObDereferenceObject")) {
            char name[128];
            box_leftover(box, "%s object %u %s with %lld references, made by %s", header->type->name, header->number,
                         ob_string_text(&header->name, name, sizeof(name)), (long long)atomic_load(&header->refs), header->holder);
        }
    }
    while (!list_is_empty(&ob->objects)) {
        struct ob_header *header = LIST_ENTRY_OF(ob->objects.prev, struct ob_header, node);
        if (header->type->kind == OB_SYMLINK)
            symlink_delete(box, (char *)header + HEADER_BYTES);
        list_remove(&header->node);
        ob_string_free(&header->name);
        free(header);
    }
    free(ob->slots);
    free(ob);
    box->ob = NULL;
    return 0;   // box_leftover has counted
}
