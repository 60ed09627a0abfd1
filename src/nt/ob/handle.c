// SPDX-License-Identifier: MIT
// The handle table of a box: handle value = 4 * slot, slots are reused oldest first.
//   ob_handle_create -> a slot holds one reference and counts in header->handles
//   ob_handle_close  -> slot freed; after the last handle of an object on_close runs, and a temporary name goes
#include <stdlib.h>
#include <string.h>

#include "nt/ob/ob_int.h"
#include "nt/ps/ps.h"
#include "verify/left.h"

#define SLOTS_MIN 64

static bool
slots_grow_locked(struct ob *ob)
{
    uint32_t count = ob->slot_count ? ob->slot_count * 2 : SLOTS_MIN;
    struct ob_slot *slots = realloc(ob->slots, count * sizeof(*slots));
    if (!slots)
        return false;
    memset(slots + ob->slot_count, 0, (count - ob->slot_count) * sizeof(*slots));
    ob->slots = slots;
    ob->slot_count = count;
    if (!ob->slot_used)
        ob->slot_used = 1;
    return true;
}

// Fresh slots first while the table has room, then the one freed longest ago.
static uint32_t
slot_get_locked(struct ob *ob)
{
    if (ob->slot_used < ob->slot_count)
        return ob->slot_used++;
    if (ob->free_first) {
        uint32_t index = ob->free_first;
        ob->free_first = ob->slots[index].next_free;
        if (!ob->free_first)
            ob->free_last = 0;
        return index;
    }
    return slots_grow_locked(ob) ? ob->slot_used++ : 0;
}

static void
slot_put_locked(struct ob *ob, uint32_t index)
{
    ob->slots[index] = (struct ob_slot){0};
    if (ob->free_last)
        ob->slots[ob->free_last].next_free = index;
    else
        ob->free_first = index;
    ob->free_last = index;
}

static struct ob_slot *
slot_of_locked(struct ob *ob, HANDLE handle)
{
    uintptr_t value = (uintptr_t)handle;
    if (value % 4 || value / 4 >= ob->slot_used || value == 0)
        return NULL;
    struct ob_slot *slot = &ob->slots[value / 4];
    return slot->body ? slot : NULL;
}

NTSTATUS
ob_handle_create(struct box *box, void *body, ACCESS_MASK access, HANDLE *handle)
{
    struct ob *ob = box->ob;
    KIRQL old = ob_lock_take(ob);
    uint32_t index = slot_get_locked(ob);
    if (index) {
        struct ob_slot *slot = &ob->slots[index];
        *slot = (struct ob_slot){.body = body, .access = access};
        ob_holder_here(slot->holder);
        ob_ref(body);
        ob_header_of(body)->handles++;
    }
    ob_lock_drop(ob, old);
    if (!index)
        return STATUS_INSUFFICIENT_RESOURCES;
    *handle = (HANDLE)(uintptr_t)(index * 4);
    verify_had(VERIFY_LEFT_HANDLE, *handle, NULL, NULL);
    return STATUS_SUCCESS;
}

// GENERIC_ALL and MAXIMUM_ALLOWED at open stand for everything: kernel handles are not checked against a descriptor.
static bool
access_covers(ACCESS_MASK granted, ACCESS_MASK wanted)
{
    return (granted & (GENERIC_ALL | MAXIMUM_ALLOWED)) || (wanted & ~granted) == 0;
}

NTSTATUS
ob_handle_ref(struct box *box, HANDLE handle, const struct _OBJECT_TYPE *type, ACCESS_MASK access, void **body)
{
    struct ob *ob = box->ob;
    NTSTATUS status = STATUS_SUCCESS;
    *body = NULL;
    KIRQL old = ob_lock_take(ob);
    struct ob_slot *slot = slot_of_locked(ob, handle);
    if (!slot)
        status = STATUS_INVALID_HANDLE;
    else if (type && ob_header_of(slot->body)->type != type)
        status = STATUS_OBJECT_TYPE_MISMATCH;
    else if (!access_covers(slot->access, access))
        status = STATUS_ACCESS_DENIED;
    else {
        ob_ref(slot->body);
        *body = slot->body;
    }
    ob_lock_drop(ob, old);
    return status;
}

NTSTATUS
ob_handle_ref_special(struct box *box, HANDLE handle, const struct _OBJECT_TYPE *type, ACCESS_MASK access, void **body)
{
    bool is_process = handle == ZwCurrentProcess();
    if (!is_process && handle != ZwCurrentThread())
        return ob_handle_ref(box, handle, type, access, body);
    // A KTHREAD is the body of a thread object only for threads that drivers made; those of the runtime have none.
    struct ke_thread *self = ke_self();
    void *object = is_process ? ps_process(box) : self->ps ? self : NULL;
    *body = NULL;
    if (!object)
        return STATUS_INVALID_HANDLE;
    if (type && ob_header_of(object)->type != type)
        return STATUS_OBJECT_TYPE_MISMATCH;
    ob_ref(object);
    *body = object;
    return STATUS_SUCCESS;
}

ACCESS_MASK
ob_handle_access(struct box *box, HANDLE handle)
{
    KIRQL old = ob_lock_take(box->ob);
    struct ob_slot *slot = slot_of_locked(box->ob, handle);
    ACCESS_MASK access = slot ? slot->access : 0;
    ob_lock_drop(box->ob, old);
    return access;
}

NTSTATUS
ob_handle_close(struct box *box, HANDLE handle)
{
    struct ob *ob = box->ob;
    bool is_last = false, drop_name = false;
    verify_gave(box, VERIFY_LEFT_HANDLE, handle);   // first: from then on the number may be another's
    KIRQL old = ob_lock_take(ob);
    struct ob_slot *slot = slot_of_locked(ob, handle);
    void *body = slot ? slot->body : NULL;
    if (body) {
        struct ob_header *header = ob_header_of(body);
        slot_put_locked(ob, (uint32_t)((uintptr_t)handle / 4));
        is_last = --header->handles == 0;
        drop_name = is_last && header->directory && !header->is_permanent;
        if (drop_name)
            ob_name_unlink_locked(header);
    }
    ob_lock_drop(ob, old);
    if (!body)
        return STATUS_INVALID_HANDLE;
    const struct _OBJECT_TYPE *type = ob_header_of(body)->type;
    if (is_last && type->on_close)
        type->on_close(box, body);
    if (drop_name)
        ob_unref(body);
    ob_unref(body);
    return STATUS_SUCCESS;
}
