// SPDX-License-Identifier: MIT
// Callback objects. A registration that is being called is busy; unregistering waits for its word. The list is walked with the busy
// mark as the place keeper, because the lock is dropped for each call. [wdm/nf-wdm-excreatecallback], [wdm/nf-wdm-exnotifycallback]
#include "nt/ex/callback.h"

#include <stdlib.h>

#include "nt/ke/ke.h"
#include "nt/ke/word.h"
#include "nt/ob/ob.h"

const struct _OBJECT_TYPE ob_callback_type = {.kind = OB_CALLBACK, .name = "Callback"};

struct callback {
    _Atomic uint32_t lock;           // raw
    bool many;                       // more than one may register
    struct list registrations;       // struct ex_registration.node
};

struct ex_registration {
    struct list node;
    struct callback *callback;       // referenced
    PCALLBACK_FUNCTION function;
    void *context;
    _Atomic uint32_t busy;           // calls inside; whoever unregisters sleeps on it
};

static NTSTATUS
callback_make(struct box *box, const UNICODE_STRING *path, bool permanent, bool many, void **out)
{
    struct callback *callback;
    HANDLE handle;
    NTSTATUS status = ob_object_create(box, &ob_callback_type, sizeof *callback, (void **)&callback);
    if (!NT_SUCCESS(status))
        return status;
    list_init(&callback->registrations);
    callback->many = many;
    status = ob_name_insert(callback, path, permanent);
    // Windows makes a handle and closes it again, which is what takes a temporary name away.
    if (NT_SUCCESS(status))
        status = ob_handle_create(box, callback, 0, &handle);
    if (NT_SUCCESS(status))
        ob_handle_close(box, handle);
    if (!NT_SUCCESS(status)) {
        ob_unref(callback);
        return status;
    }
    *out = callback;
    return STATUS_SUCCESS;
}

NTSTATUS
ex_callback_create(struct box *box, const OBJECT_ATTRIBUTES *attributes, bool create, bool many, void **callback)
{
    UNICODE_STRING path;
    if (!attributes || !attributes->ObjectName || !attributes->ObjectName->Length)
        return STATUS_UNSUCCESSFUL;
    NTSTATUS status = ob_attributes_path(box, attributes, &path);
    if (!NT_SUCCESS(status))
        return status;
    status = ob_lookup(box, &path, &ob_callback_type, callback, NULL);
    if (!NT_SUCCESS(status) && create)
        status = callback_make(box, &path, attributes->Attributes & OBJ_PERMANENT, many, callback);
    ob_string_free(&path);
    return status;
}

struct ex_registration *
ex_callback_register(void *body, PCALLBACK_FUNCTION function, void *context)
{
    struct callback *callback = body;
    struct ex_registration *registration = malloc(sizeof *registration);
    if (!registration)
        return NULL;
    *registration = (struct ex_registration){.callback = callback, .function = function, .context = context};
    ke_word_lock(&callback->lock);
    bool allowed = callback->many || list_is_empty(&callback->registrations);
    if (allowed)
        list_push_back(&callback->registrations, &registration->node);
    ke_word_unlock(&callback->lock);
    if (!allowed) {
        free(registration);
        return NULL;
    }
    ob_ref(callback);
    return registration;
}

void
ex_callback_unregister(struct ex_registration *registration)
{
    struct callback *callback = registration->callback;
    for (;;) {
        ke_word_lock(&callback->lock);
        uint32_t busy = atomic_load(&registration->busy);
        if (!busy)
            list_remove(&registration->node);
        ke_word_unlock(&callback->lock);
        if (!busy)
            break;
        sched_wait(sched_self->sched, &registration->busy, busy, SCHED_NEVER);
    }
    free(registration);
    ob_unref(callback);
}

void
ex_callback_notify(void *body, void *argument1, void *argument2)
{
    struct callback *callback = body;
    struct sched *sched = sched_self->sched;
    ke_word_lock(&callback->lock);
    for (struct list *node = callback->registrations.next; node != &callback->registrations;) {
        struct ex_registration *registration = LIST_ENTRY_OF(node, struct ex_registration, node);
        atomic_fetch_add(&registration->busy, 1);   // keeps it in the list, and with it our place
        ke_word_unlock(&callback->lock);
        struct ke_crossing crossing =
            ke_driver_enter_code(ke_self(), (const void *)registration->function, "CALLBACK_FUNCTION");
        registration->function(registration->context, argument1, argument2);
        ke_driver_leave(ke_self(), crossing);
        ke_word_lock(&callback->lock);
        node = node->next;
        if (atomic_fetch_sub(&registration->busy, 1) == 1)
            sched_wake(sched, &registration->busy, UINT32_MAX);
    }
    ke_word_unlock(&callback->lock);
}
