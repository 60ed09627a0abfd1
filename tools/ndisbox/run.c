// SPDX-License-Identifier: MIT
// Running a stack in real time: scheduler, world, script or waiting, teardown, the counters table.
//   run_stack -> sched_run(run_main) -> world_build -> script_run or until a signal or --for -> counters -> world_teardown
// The first SIGINT or SIGTERM ends in order; a second one gives up (130, 143).
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "nbx/script.h"
#include "nbx/world.h"
#include "faults.h"
#include "ndis/ndis.h"
#include "out.h"
#include "run.h"
#include "run_int.h"
#include "sim/sim.h"
#include "timeline.h"
#include "tool.h"
#include "verify/sink.h"
#include "wire/pcapng.h"

// ---- signals --------------------------------------------------------------------------------------------------------------------------

static volatile sig_atomic_t run_signals;

static void
run_on_signal(int number)
{
    if (run_signals++)
        _exit(128 + number);
}

static void
run_catch_signals(void)
{
    struct sigaction action = {.sa_handler = run_on_signal};
    sigemptyset(&action.sa_mask);
    run_signals = 0;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

// ---- what is said ---------------------------------------------------------------------------------------------------------------------

void
run_on_message(void *context, const char *text)
{
    const struct run *run = context;
    if (!run->options->quiet) {
        out_progress_end();
        fprintf(stderr, "%s\n", text);
    }
}

void
run_on_finding(void *context, const char *text)
{
    struct run *run = context;
    out_progress_end();
    if (strstr(text, ": error: "))
        out_diagnostic(text);
    else
        out_error("finding: %s", text);
    if (run->finding_count < RUN_FINDINGS_KEPT)
        run->finding[run->finding_count++] = strdup(text);
    if (run->options->sink)
        verify_sink_say(run->options->sink, text);
}

// The process ends after this, with 1.
void
run_on_broken(void *context, const char *function, const char *what)
{
    struct run *run = context;
    (void)function;
    (void)what;
    run_say_faults(run);
    run_note_faults(run);
    if (run->tape && !sim_tape_write(run->sched, run->tape))
        out_error("seed %llu: replay it with: ndisbox replay %s", (unsigned long long)run->seed, run->tape);
    if (run->is_replay) {
        struct sim_stats stats;
        sim_stats_get(run->sched, &stats);
        out_note("replayed: trace hash %016llx, %llu switches, with the report above", (unsigned long long)stats.trace_hash,
                 (unsigned long long)stats.switches);
    }
    if (run->trace)
        pcapng_writer_flush(run->trace);
}

void
run_note_faults(struct run *run)
{
    struct ex_fault_state state = {0};
    char text[128];
    if (!run->fault || !run->tape)
        return;
    ex_fault_state_get(run->fault, &state);
    if (!state.refused)
        return;
    faults_print(run->options->faults, &state, text, sizeof text);
    sim_tape_note(run->sched, "faults", text);
}

void
run_say_faults(struct run *run)
{
    struct ex_fault_state state = {0};
    if (run->fault)
        ex_fault_state_get(run->fault, &state);
    if (!state.refused)
        return;
    out_progress_end();
    if (state.last_place[0])
        out_note("allocation %llu was refused on purpose: %s", (unsigned long long)state.last_number, state.last_place);
    else
        out_note("%llu of %llu allocations were refused on purpose", (unsigned long long)state.refused, (unsigned long long)state.asked);
}

// ---- the table at the end -------------------------------------------------------------------------------------------------------------

struct edges_call {
    struct world_adapter *adapter;
    struct ndis_edge edge[64];
    uint32_t count;
};

static void
edges_read(void *arg)
{
    struct edges_call *call = arg;
    call->count = ndis_adapter_edges(call->adapter->ndis, call->edge, 64);
}

static void
run_keep_adapter(struct run *run, struct world_box *box, struct world_adapter *adapter)
{
    struct run_adapter *kept = &run->adapter[run->adapter_count++];
    struct edges_call call = {.adapter = adapter};
    kept->stack = adapter->stack;
    box_run(box->box, edges_read, &call);
    kept->edge_count = call.count;
    for (uint32_t i = 0; i < call.count; i++) {
        kept->edge[i] = call.edge[i];
        kept->edge[i].name = strdup(call.edge[i].name);   // the driver's name goes with it
    }
    world_counters_get(run->world, adapter, &kept->counters);
}

// While everything still runs: the counters go with the drivers.
static void
run_keep_counters(struct run *run)
{
    const struct stack *stack = run->stack;
    for (size_t b = 0; b < stack->box_count; b++)
        for (size_t a = 0; run->world->boxes[b].adapters && a < stack->boxes[b].adapter_count; a++)
            if (run->world->boxes[b].adapters[a].ndis && run->adapter_count < RUN_ADAPTERS_SHOWN)
                run_keep_adapter(run, &run->world->boxes[b], &run->world->boxes[b].adapters[a]);
}

// When the drivers have gone: a service may say something to its last moment.
static void
run_keep_services(struct run *run)
{
    const struct stack *stack = run->stack;
    size_t room = 0;
    for (size_t b = 0; b < stack->box_count; b++)
        room += stack->boxes[b].driver_count;
    run->service = calloc(room + 1, sizeof *run->service);
    for (size_t b = 0; run->service && b < stack->box_count; b++)
        for (size_t i = 0; i < stack->boxes[b].driver_count; i++) {
            const struct stack_driver *driver = &stack->boxes[b].drivers[i];
            struct world_service said = service_get(&run->world->boxes[b], driver);
            if (driver->is_service || said.state != SERVICE_SILENT)
                run->service[run->service_count++] = (struct run_service){&stack->boxes[b], driver, said};
        }
}

static const char *
run_service_word(const struct run_service *service)
{
    static const char *const words[] = {[SERVICE_SILENT] = "silent", [SERVICE_DONE] = "done", [SERVICE_FAILED] = "failed"};
    return words[service->said.state];
}

static void
run_print_adapter(const struct run_adapter *adapter, struct out_table *table)
{
    char place[256], number[4][OUT_NUMBER_BYTES];
    for (uint32_t i = adapter->edge_count; i-- > 0;) {
        const struct ndis_edge *e = &adapter->edge[i];
        snprintf(place, sizeof place, "%s.%s", adapter->stack->box->name, adapter->stack->name);
        const char *cells[] = {place,
                               e->kind,
                               e->name,
                               out_count(number[0], e->sent_nbls),
                               out_count(number[1], e->completed_nbls),
                               out_count(number[2], e->indicated_nbls),
                               out_count(number[3], e->returned_nbls)};
        out_table_add(table, cells);
    }
}

static void
run_print_table(const struct run *run, FILE *stream)
{
    static const char *const titles[] = {"adapter", "edge", "driver", ">sent", ">completed", ">indicated", ">returned", NULL};
    struct out_table *table = out_table_create(titles);
    for (size_t i = 0; i < run->adapter_count; i++)
        run_print_adapter(&run->adapter[i], table);
    out_table_print(table, stream);
    out_table_destroy(table);
    for (size_t i = 0; i < run->adapter_count; i++) {
        const struct world_counters *c = &run->adapter[i].counters;
        char rx[OUT_NUMBER_BYTES], tx[OUT_NUMBER_BYTES], rb[OUT_NUMBER_BYTES], tb[OUT_NUMBER_BYTES];
        fprintf(stream, "%s.%s: %s frames in (%s, %llu dropped), %s out (%s, %llu dropped)\n", run->adapter[i].stack->box->name,
                run->adapter[i].stack->name, out_count(rx, c->rx_frames), out_bytes(rb, (double)c->rx_bytes),
                (unsigned long long)c->rx_dropped, out_count(tx, c->tx_frames), out_bytes(tb, (double)c->tx_bytes),
                (unsigned long long)c->tx_dropped);
    }
    for (size_t i = 0; i < run->service_count; i++)
        if (run->service[i].said.state != SERVICE_SILENT)
            fprintf(stream, "%s.%s: %s: %s\n", run->service[i].box->name, run->service[i].driver->name,
                    run_service_word(&run->service[i]), run->service[i].said.text);
}

static json_t *
run_json_adapter(const struct run_adapter *adapter)
{
    json_t *edges = json_array();
    for (uint32_t i = 0; i < adapter->edge_count; i++) {
        const struct ndis_edge *e = &adapter->edge[i];
        json_array_append_new(edges, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "kind", e->kind, "driver", e->name, "sent",
                                               (json_int_t)e->sent_nbls, "completed", (json_int_t)e->completed_nbls, "indicated",
                                               (json_int_t)e->indicated_nbls, "returned", (json_int_t)e->returned_nbls));
    }
    const struct world_counters *c = &adapter->counters;
    return json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "box", adapter->stack->box->name, "adapter",
                     adapter->stack->name, "edges", edges, "rx_frames", (json_int_t)c->rx_frames, "tx_frames",
                     (json_int_t)c->tx_frames, "rx_bytes", (json_int_t)c->rx_bytes, "tx_bytes", (json_int_t)c->tx_bytes,
                     "rx_dropped", (json_int_t)c->rx_dropped, "tx_dropped", (json_int_t)c->tx_dropped);
}

static void
run_print_json(const struct run *run, FILE *stream)
{
    json_t *adapters = json_array(), *findings = json_array(), *services = json_array();
    for (size_t i = 0; i < run->adapter_count; i++)
        json_array_append_new(adapters, run_json_adapter(&run->adapter[i]));
    for (size_t i = 0; i < run->finding_count; i++)
        json_array_append_new(findings, json_string(run->finding[i]));
    for (size_t i = 0; i < run->service_count; i++)
        json_array_append_new(services, json_pack("{s:s, s:s, s:s, s:s}", "box", run->service[i].box->name, "service",
                                                  run->service[i].driver->name, "state", run_service_word(&run->service[i]), "text",
                                                  run->service[i].said.text));
    json_t *document = json_pack("{s:s, s:I, s:o, s:o, s:o}", "stack", run->stack->file, "elapsed_ns", (json_int_t)run->elapsed_ns,
                                 "adapters", adapters, "services", services, "findings", findings);
    json_dumpf(document, stream, JSON_INDENT(2));
    fputc('\n', stream);
    json_decref(document);
}

void
run_clear(struct run *run)
{
    for (size_t i = 0; i < run->finding_count; i++)
        free(run->finding[i]);
    for (size_t i = 0; i < run->adapter_count; i++)
        for (uint32_t e = 0; e < run->adapter[i].edge_count; e++)
            free((char *)run->adapter[i].edge[e].name);
    free(run->adapter);
    free(run->service);
    ex_fault_destroy(run->fault);
    timeline_destroy(run->timeline);
}

static void
run_on_event(void *context, uint64_t unix_ns, const char *text)
{
    const struct run *run = context;
    timeline_add(run->timeline, unix_ns, text);
}

// ---- the run --------------------------------------------------------------------------------------------------------------------------

static bool
run_is_stopped(void *context)
{
    (void)context;
    return run_signals > 0;
}

static void
run_wait(struct run *run)
{
    _Atomic uint32_t never = 0;
    uint64_t start = sched_now_ns(run->sched);
    uint64_t end = run->options->for_ns ? start + run->options->for_ns : SCHED_NEVER;
    for (uint64_t now = start; !run_signals && now < end; now = sched_now_ns(run->sched)) {
        uint64_t next = now + 50000000;
        out_progress("running", "s", (now - start) / 1000000000, run->options->for_ns / 1000000000, now - start);
        sched_wait(run->sched, &never, 0, next < end ? next : end);
    }
    out_progress_end();
}

void
run_main(void *arg)
{
    struct run *run = arg;
    struct world_config config = {.sched = run->sched,
                                  .stack = run->stack,
                                  .driver_path = source_driver_path,
                                  .on_message = run_on_message,
                                  .on_finding = run_on_finding,
                                  .on_broken = run_on_broken,
                                  .context = run,
                                  .verify = (enum verify_mode)run->options->verify,
                                  .sink = run->options->sink,
                                  .fault = run->fault,
                                  .trace = run->trace,
                                  .trace_edge = run->options->trace_edge,
                                  .on_event = run->timeline ? run_on_event : NULL,
                                  .images = run->images};
    run->world = world_create(&config);
    if (!run->world) {
        run->result = WORLD_MACHINE;
        run_on_finding(run, "out of memory");
        return;
    }
    run->result = world_build(run->world);
    if (run->result == WORLD_OK) {
        if (run->stack->has_script)
            script_run(run->world, run_is_stopped, run);
        else
            run_wait(run);
        run_keep_counters(run);
    }
    world_teardown(run->world);
    run->findings = atomic_load(&run->world->findings);
    if (run->result == WORLD_OK)
        run_keep_services(run);
    for (int i = 0; run->events && i < NDIS_EVENT_COUNT; i++)
        run->events[i] += run->world->events[i];
    run->elapsed_ns = sched_now_ns(run->sched);
    world_destroy(run->world);
    run->world = NULL;
}

static int
run_trace_open(struct run *run)
{
    const char *path = run->options->trace_path;
    if (!path)
        return EXIT_CLEAN;
    int failed = pcapng_writer_create(run->sched, path, "ndisbox " TOOL_VERSION, &run->trace);
    if (!failed)
        return EXIT_CLEAN;
    out_error("--trace %s: %s", path, strerror(-failed));
    return EXIT_USAGE;
}

static int
run_trace_close(struct run *run)
{
    int failed = run->trace ? pcapng_writer_destroy(run->trace) : 0;
    run->trace = NULL;
    if (!failed)
        return EXIT_CLEAN;
    out_error("--trace %s: the trace is not whole: %s", run->options->trace_path, strerror(-failed));
    return EXIT_MACHINE;
}

bool
run_allocate(struct run *run, const struct stack *stack, const struct run_options *options)
{
    *run = (struct run){.stack = stack, .options = options};
    run->adapter = calloc(RUN_ADAPTERS_SHOWN, sizeof *run->adapter);
    run->fault = options->faults ? ex_fault_create(options->faults) : NULL;
    run->timeline = options->timeline ? timeline_create() : NULL;
    if (run->adapter && (run->fault || !options->faults) && (run->timeline || !options->timeline))
        return true;
    run_clear(run);
    return false;
}

int
run_stack(const struct stack *stack, const struct run_options *options)
{
    struct run run;
    if (!run_allocate(&run, stack, options) || !(run.sched = sched_threads_create(1))) {
        out_error("out of memory");
        return EXIT_MACHINE;
    }
    run_catch_signals();
    int code = run_trace_open(&run);
    if (code == EXIT_CLEAN) {
        sched_run(run.sched, "main", run_main, &run, NULL);
        code = run.result == WORLD_MACHINE ? EXIT_MACHINE : run.findings ? EXIT_FINDING : EXIT_CLEAN;
        int trace = run_trace_close(&run);
        code = code ? code : trace;
        bool trace_on_stdout = options->trace_path && !strcmp(options->trace_path, "-");
        FILE *stream = trace_on_stdout ? stderr : stdout;
        if (run.timeline && !options->json && !options->quiet) {
            timeline_print(run.timeline, stream);
            fputc('\n', stream);
        }
        if (options->json)
            run_print_json(&run, stream);
        else if (!options->quiet && run.adapter_count)
            run_print_table(&run, stream);
        if (!options->quiet)
            run_say_faults(&run);
        if (!options->json && !options->quiet && code == EXIT_CLEAN)
            out_note("clean: nothing left behind");
    }
    sched_destroy(run.sched);
    run_clear(&run);
    return code;
}
