// SPDX-License-Identifier: MIT
// See service.h of this room, and the public one.
#include "nbx/service.h"
#include "nbx/watch.h"

#include <nbx/service.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/io/image.h"
#include "nt/ke/ke.h"

// The driver's place in the file; drivers of the runner's own have none.
static size_t
place_of(const struct world_box *self, const char *service)
{
    size_t i = 0;
    while (i < self->stack->driver_count && strcmp(self->stack->drivers[i].service, service))
        i++;
    return i;
}

// A line for a terminal: nothing in it that is not printable.
static void
text_keep(char kept[SERVICE_TEXT], const char *text)
{
    size_t i = 0;
    for (; i + 1 < SERVICE_TEXT && text[i]; i++)
        kept[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    kept[i] = 0;
}

static void
on_service(void *context, const char *service, bool is_good, const char *text)
{
    struct world_box *self = context;
    size_t i = place_of(self, service);
    if (i == self->stack->driver_count)
        return;
    struct world_service *mine = &self->services[i];
    char kept[SERVICE_TEXT];
    text_keep(kept, text);
    watch_event(self->world, "%s.%s %s: %s", self->stack->name, service, is_good ? "done" : "failed", kept);
    KIRQL old = ke_lock_take(&self->services_lock);
    if (mine->state != SERVICE_FAILED) {
        mine->state = is_good ? SERVICE_DONE : SERVICE_FAILED;
        text_keep(mine->text, text);
    }
    ke_lock_drop(&self->services_lock, old);
}

static void
say(PDRIVER_OBJECT driver, bool is_good, PCSTR text)
{
    struct box *box = box_self();
    if (box->on_service)
        box->on_service(box->on_service_context, io_image_of(driver)->name, is_good, text);
}

NTAPI VOID
nbx_service_done(PDRIVER_OBJECT driver, PCSTR text)
{
    say(driver, true, text);
}

NTAPI VOID
nbx_service_failed(PDRIVER_OBJECT driver, PCSTR text)
{
    say(driver, false, text);
}

// ---- the world's side -----------------------------------------------------------------------------------------------------------------

bool
services_open(struct world_box *self)
{
    self->services = calloc(self->stack->driver_count + 1, sizeof *self->services);
    if (!self->services)
        return false;
    self->box->on_service = on_service;
    self->box->on_service_context = self;
    return true;
}

void
services_close(struct world_box *self)
{
    free(self->services);
}

struct get_call {
    struct world_box *self;
    size_t place;
    struct world_service copy;
};

static void
get_in_box(void *arg)
{
    struct get_call *call = arg;
    KIRQL old = ke_lock_take(&call->self->services_lock);
    call->copy = call->self->services[call->place];
    ke_lock_drop(&call->self->services_lock, old);
}

// A box that has gone has no threads that speak.
struct world_service
service_get(struct world_box *self, const struct stack_driver *driver)
{
    struct get_call call = {self, (size_t)(driver - self->stack->drivers), {0}};
    if (self->services && self->box)
        box_run(self->box, get_in_box, &call);
    else if (self->services)
        call.copy = self->services[call.place];
    return call.copy;
}

void
services_settle(struct world *world)
{
    for (size_t b = 0; b < world->config.stack->box_count; b++) {
        struct world_box *self = &world->boxes[b];
        for (size_t i = 0; self->services && i < self->stack->driver_count; i++) {
            struct world_service now = service_get(self, &self->stack->drivers[i]);
            if (now.state != SERVICE_FAILED || self->services[i].is_told)
                continue;
            self->services[i].is_told = true;
            world_trouble(world, "%s: service %s failed: %s", self->stack->name, self->stack->drivers[i].name, now.text);
        }
    }
}
