// SPDX-License-Identifier: MIT
// See world_kit.h.
#include "world_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/harness.h"
#include "sim/sim.h"

struct sweep_world sweep_world;

static struct sched *sched;
static struct stack *stack;
static void (*run_inside)(void);

static bool
driver_path(const struct stack_driver *driver, char *path, size_t bytes)
{
    return (size_t)snprintf(path, bytes, "%s/%s.so", NBX_DRIVER_DIR, driver->name) < bytes;
}

static void
on_said(void *context, const char *text)
{
    size_t used = strlen(sweep_world.said);
    snprintf(sweep_world.said + used, sizeof sweep_world.said - used, "%s\n", text);
}

static void
in_box(void *arg)
{
    run_inside();
}

static void
sweep_main(void *arg)
{
    struct world_config config = {
        .sched = sched, .stack = stack, .driver_path = driver_path, .on_message = on_said, .on_finding = on_said, .verify = VERIFY_ON};
    sweep_world.world = world_create(&config);
    sweep_world.result = world_build(sweep_world.world);
    if (sweep_world.result == WORLD_OK && run_inside)
        box_run(sweep_world.world->boxes[0].box, in_box, NULL);
    world_teardown(sweep_world.world);
    sweep_world.findings = atomic_load(&sweep_world.world->findings);
    world_destroy(sweep_world.world);
}

bool
sweep_run(const char *drivers, const char *adapter, void (*inside)(void))
{
    static char text[1 << 18];
    const char *error;
    struct stack_report report = {0};
    struct stack_source source = {.name = "t.yaml"};
    struct sim_config config = {.seed = 1};
    snprintf(text, sizeof text, "ndisbox: 1\nboxes:\n  a:\n    drivers: { %s }\n    adapters:\n      n: { %s, idle: ok }\n", drivers,
             adapter);
    stack = stack_read(&source, text, strlen(text), &report);
    stack_report_clear(&report);
    if (!stack)
        return false;
    run_inside = inside;
    sweep_world.said[0] = 0;
    sched = sim_create(&config, &error);
    ck_assert_ptr_nonnull(sched);
    ck_assert_int_eq(sched_run(sched, "main", sweep_main, NULL, NULL), 0);
    sched_destroy(sched);
    stack_destroy(stack);
    return true;
}
