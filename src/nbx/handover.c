// SPDX-License-Identifier: MIT
// See handover.h.
//   offload        asks until so many are away as were asked for      upload   asks until none is
//   offload with rounds: offload, a moment, upload, a moment; the moments are drawn from the run's seed
#include "nbx/handover.h"

#include <stdio.h>
#include <string.h>

#include <ndischimney.h>
#include <tcpioctl.h>

#include "host/sched.h"
#include "nbx/file.h"
#include "nbx/script.h"
#include "nbx/watch.h"
#include "nt/ke/ke.h"

#define POLL_NS 200000
#define MOMENT_NS UINT64_C(3000000)

struct ask {
    NBX_TCPIP_CHIMNEY request;
    NTSTATUS status;
    uint32_t count;
};

// Both devices have the connections of both families.
static void
ask_in_box(void *arg)
{
    struct ask *ask = arg;
    struct nbx_file *file;
    uint32_t got;
    ask->status = nbx_file_open("\\Device\\Tcp", NBX_FILE_READ, &file);
    if (ask->status)
        return;
    ask->status = nbx_file_control(file, IOCTL_NBX_TCPIP_CHIMNEY, &ask->request, sizeof ask->request, &ask->request, sizeof ask->request,
                                   NULL, &got);
    ask->count = ask->request.Count;
    nbx_file_close(file);
}

static ULONG
states_of(enum stack_when when)
{
    switch (when) {
    case STACK_WHEN_ESTABLISHED: return 1u << TcpConnectionEstablished;
    case STACK_WHEN_HALF_CLOSED: return 1u << TcpConnectionFinWait1 | 1u << TcpConnectionFinWait2 | 1u << TcpConnectionCloseWait;
    default: return 0;
    }
}

// Returns how many; a device that does not answer is a finding, and *is_over is set.
static uint32_t
ask(struct world *world, const struct stack_step *step, ULONG verb, bool *is_over)
{
    struct ask ask = {.request = {.Verb = verb, .LocalPort = step->handover.port, .States = states_of(step->handover.when)}};
    char text[160];
    size_t i = 0;
    while (world->boxes[i].stack != step->handover.box)
        i++;
    box_run(world->boxes[i].box, ask_in_box, &ask);
    if (!ask.status)
        return ask.count;
    snprintf(text, sizeof text, "\\Device\\Tcp of box %s does not answer (0x%08x): is tcpip among its protocols?", step->handover.box->name,
             (unsigned)ask.status);
    script_failed(world, &step->place, text);
    *is_over = true;
    return 0;
}

// Ask again and again until it is so, or the step's time is over.
static bool
until(struct world *world, const struct stack_step *step, ULONG verb, bool wants_any, uint64_t deadline_ns)
{
    bool is_over = false;
    for (;;) {
        ask(world, step, verb, &is_over);
        bool is_any = !is_over && ask(world, step, NBX_TCPIP_CHIMNEY_COUNT, &is_over) != 0;
        if (is_over || world_is_stopped(world))
            return false;
        if (is_any == wants_any)
            return true;
        if (sched_now_ns(world->config.sched) >= deadline_ns)
            break;
        script_pass(world, POLL_NS);
    }
    script_failed(world, &step->place,
                  wants_any ? "no connection went to an offload target in time" : "connections did not come back from it in time");
    return false;
}

static void
moment(struct world *world)
{
    script_pass(world, sched_draw(world->config.sched, SCHED_DRAW_DRIVER, MOMENT_NS));
}

void
handover_offload(struct world *world, const struct stack_step *step)
{
    uint64_t deadline_ns = sched_now_ns(world->config.sched) + step->within_ns;
    for (uint64_t round = 0; round < step->handover.rounds; round++) {
        if (!until(world, step, NBX_TCPIP_CHIMNEY_OFFLOAD, true, deadline_ns))
            return;
        watch_event(world, "offload of %s:%u", step->handover.box->name, step->handover.port);
        if (step->handover.rounds == 1)
            return;
        moment(world);
        if (!until(world, step, NBX_TCPIP_CHIMNEY_UPLOAD, false, deadline_ns))
            return;
        watch_event(world, "upload of %s:%u", step->handover.box->name, step->handover.port);
        moment(world);
    }
}

void
handover_upload(struct world *world, const struct stack_step *step)
{
    if (until(world, step, NBX_TCPIP_CHIMNEY_UPLOAD, false, sched_now_ns(world->config.sched) + step->within_ns))
        watch_event(world, "upload of %s:%u", step->handover.box->name, step->handover.port);
}
