// SPDX-License-Identifier: MIT
// Running a stack under the seeded scheduler: a sweep of seeds, and the run that a tape holds.
//   run_seeds: for each seed  sim_create -> sched_run(run_main) -> statistics, findings -> the tape of a seed with findings is kept
//   run_tape:  the tape's notes hold the resolved stack and the build ids -> the same run again -> was it the same?
// The same seed gives the same trace hash; every sweep runs its first seed twice to prove it on this very build.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "base/hash.h"
#include "host/pages.h"
#include "loader/keep.h"
#include "faults.h"
#include "out.h"
#include "run.h"
#include "run_int.h"
#include "sim/sim.h"
#include "tool.h"
#include "verify/sink.h"
#include "wire/pcapng.h"

struct sweep {
    uint64_t seeds, findings_seeds;
    uint64_t events[NDIS_EVENT_COUNT];
    uint64_t switches, choices, draws[SCHED_DRAW_COUNT];
    uint64_t virtual_ns, distinct;
    uint64_t refused, refused_last_seed;      // allocations on purpose; the ordinal of the last seed that had one
    uint64_t *hashes;
};

static uint64_t
real_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// ---- notes of the tape ----------------------------------------------------------------------------------------------------------------

static char *
stack_text(const struct stack *stack)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    if (!stream)
        return NULL;
    stack_print_yaml(stack, stream);
    fclose(stream);
    return text;
}

static uint64_t
file_hash(const char *path)
{
    uint8_t buffer[65536];
    uint64_t hash = HASH_FNV_START;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) > 0;)
        hash = hash_bytes(hash, buffer, (size_t)got);
    close(fd);
    return hash;
}

static void
build_infs(FILE *stream, const struct stack_box *box, const struct stack_driver *driver)
{
    char path[4096];
    for (size_t i = 0; !driver->inf_count && !driver->path && i < 2; i++)
        if (source_files.bundled_inf(NULL, driver->name, i, path, sizeof path))
            fprintf(stream, "%s.%s.inf%zu %016llx\n", box->name, driver->name, i, (unsigned long long)file_hash(path));
    for (size_t i = 0; i < driver->inf_count; i++)
        fprintf(stream, "%s.%s.inf%zu %016llx\n", box->name, driver->name, i, (unsigned long long)file_hash(driver->infs[i]));
}

// The tool, every driver image and its INFs, by the hash of their bytes: a tape means nothing to another build.
static char *
build_text(const struct stack *stack)
{
    char *text = NULL, path[4096];
    size_t bytes = 0;
    FILE *stream = open_memstream(&text, &bytes);
    if (!stream)
        return NULL;
    fprintf(stream, "ndisbox %016llx\n", (unsigned long long)file_hash("/proc/self/exe"));
    for (size_t b = 0; b < stack->box_count; b++)
        for (size_t d = 0; d < stack->boxes[b].driver_count; d++) {
            const struct stack_driver *driver = &stack->boxes[b].drivers[d];
            if (source_driver_path(driver, path, sizeof path))
                fprintf(stream, "%s.%s %016llx\n", stack->boxes[b].name, driver->name, (unsigned long long)file_hash(path));
            build_infs(stream, &stack->boxes[b], driver);
        }
    fclose(stream);
    return text;
}

// ---- one seed ---------------------------------------------------------------------------------------------------------------------------

static void
seed_notes(struct sched *sched, const char *stack, const char *build)
{
    if (stack)
        sim_tape_note(sched, "stack", stack);
    if (build)
        sim_tape_note(sched, "build", build);
}

void
seeds_heap(void)
{
    mallopt(M_MXFAST, 0);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
}

// The scheduler has said on stderr what a run ended with before its end; the reports have it too.
static void
seed_say_end(const struct run_options *options, int ended)
{
    if (options->sink && ended)
        verify_sink_say(options->sink, ended == -EDEADLK ? "deadlock: no thread can run and none waits for a time"
                                       : ended == -ETIME ? "the run took more steps than are allowed: it may never end"
                                                         : "the run does not follow its tape");
}

bool
seed_run(const struct seed_job *job, const struct sim_config *config, const char *tape, struct seed_result *result)
{
    const struct run_options *options = job->options;
    const char *error = "out of memory";
    struct sim_config with_pages = *config;
    struct run run;
    with_pages.pages = job->pages;
    if (!run_allocate(&run, job->stack, options))
        return false;
    run.sched = sim_create(&with_pages, &error);
    if (!run.sched) {
        out_error("%s", error);
        run_clear(&run);
        return false;
    }
    seed_notes(run.sched, job->notes[0], job->notes[1]);
    if (options->trace_path)
        pcapng_writer_create(run.sched, options->trace_path, "ndisbox " TOOL_VERSION, &run.trace);
    run.events = result->events;
    run.images = job->images;
    run.tape = tape;
    run.is_replay = config->tape_in != NULL;
    run.seed = config->seed;
    char replay[PATH_MAX + 32];
    snprintf(replay, sizeof replay, "ndisbox replay %s  # seed %llu", tape ? tape : "", (unsigned long long)config->seed);
    if (options->sink && tape)
        verify_sink_replay(options->sink, replay);
    if (options->verify == RUN_VERIFY_STRICT)
        sim_tape_note(run.sched, "verify", "strict");
    result->ended = sched_run(run.sched, "main", run_main, &run, NULL);
    seed_say_end(options, result->ended);
    result->findings = run.findings + (result->ended ? 1 : 0);
    result->result = run.result;
    if (options->sink)
        verify_sink_replay(options->sink, NULL);
    sim_stats_get(run.sched, &result->stats);
    if (config->tape_in && sim_replay_check(run.sched))
        result->findings++;
    if (run.fault)
        ex_fault_state_get(run.fault, &result->fault);
    if (result->findings) {
        run_note_faults(&run);
        run_say_faults(&run);
        if (tape)
            sim_tape_write(run.sched, tape);
    }
    if (run.trace)
        pcapng_writer_destroy(run.trace);
    sched_destroy(run.sched);
    run_clear(&run);
    return true;
}

// ---- a sweep ----------------------------------------------------------------------------------------------------------------------------

static void
sweep_add(struct sweep *sweep, const struct seed_result *result)
{
    for (int i = 0; i < NDIS_EVENT_COUNT; i++)
        sweep->events[i] += result->events[i];
    for (int i = 0; i < SCHED_DRAW_COUNT; i++)
        sweep->draws[i] += result->stats.draws[i];
    for (int i = 0; i < SCHED_POINT_COUNT; i++)
        sweep->choices += result->stats.choices[i];
    sweep->switches += result->stats.switches;
    sweep->virtual_ns += result->stats.virtual_ns;
    sweep->hashes[sweep->seeds++] = result->stats.trace_hash;
    sweep->findings_seeds += result->findings > 0;
    sweep->refused += result->fault.refused;
    if (result->fault.refused)
        sweep->refused_last_seed = sweep->seeds;
}

static int
hash_order(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void
sweep_count_distinct(struct sweep *sweep)
{
    qsort(sweep->hashes, sweep->seeds, sizeof *sweep->hashes, hash_order);
    for (uint64_t i = 0; i < sweep->seeds; i++)
        sweep->distinct += !i || sweep->hashes[i] != sweep->hashes[i - 1];
}

static void
sweep_print(const struct sweep *sweep, const struct run_options *options, uint64_t elapsed_ns)
{
    static const struct {
        enum sched_draw draw;
        const char *word;
    } draws[] = {{SCHED_DRAW_WIRE, "wire's choice"},
                 {SCHED_DRAW_ORDER, "completion order drawn"},
                 {SCHED_DRAW_DRIVER, "driver's randomness"}};
    char number[OUT_NUMBER_BYTES], time[OUT_NUMBER_BYTES], wall[OUT_NUMBER_BYTES];
    printf("%s seeds in %s (%s of virtual time), %llu distinct traces, %llu with findings\n", out_count(number, sweep->seeds),
           out_time(wall, elapsed_ns), out_time(time, sweep->virtual_ns), (unsigned long long)sweep->distinct,
           (unsigned long long)sweep->findings_seeds);
    printf("what happened, over all seeds:\n");
    for (int i = 0; i < NDIS_EVENT_COUNT; i++)
        printf("  %-32s %12s\n", ndis_event_word(i), out_count(number, sweep->events[i]));
    for (size_t i = 0; i < sizeof draws / sizeof draws[0]; i++)
        printf("  %-32s %12s\n", draws[i].word, out_count(number, sweep->draws[draws[i].draw]));
    printf("  %-32s %12s\n", "places where a thread may change", out_count(number, sweep->choices));
    printf("  %-32s %12s\n", "switches between threads", out_count(number, sweep->switches));
    if (options->faults)
        printf("  %-32s %12s\n", "allocations refused on purpose", out_count(number, sweep->refused));
    if (options->faults && options->faults->mode == EX_FAULT_STACK)
        printf(sweep->refused_last_seed < sweep->seeds
                   ? "each of them from another call stack; the last %llu seeds met none that was new\n"
                   : "each of them from another call stack; every seed met a new one: more seeds may meet more\n",
               (unsigned long long)(sweep->seeds - sweep->refused_last_seed));
}

static void
sweep_print_json(const struct sweep *sweep, uint64_t elapsed_ns)
{
    json_t *events = json_object();
    for (int i = 0; i < NDIS_EVENT_COUNT; i++)
        json_object_set_new(events, ndis_event_word(i), json_integer((json_int_t)sweep->events[i]));
    json_t *document = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "seeds", (json_int_t)sweep->seeds, "elapsed_ns",
                                 (json_int_t)elapsed_ns, "virtual_ns", (json_int_t)sweep->virtual_ns, "distinct_traces",
                                 (json_int_t)sweep->distinct, "seeds_with_findings", (json_int_t)sweep->findings_seeds,
                                 "allocations_refused", (json_int_t)sweep->refused, "events", events);
    json_dumpf(document, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(document);
}

static void
tape_path(char *path, size_t bytes, const struct stack *stack, const struct run_options *options, uint64_t seed)
{
    const char *name = strrchr(stack->file, '/') ? strrchr(stack->file, '/') + 1 : stack->file;
    snprintf(path, bytes, "%s/%.*s-%llu.tape", options->tape_dir, (int)strcspn(name, "."), name, (unsigned long long)seed);
}

// The first seed again: the same trace, or this build is not deterministic and no tape of it is worth anything.
static bool
sweep_prove(const struct seed_job *job, const struct sim_config *config, const struct seed_result *first)
{
    const struct run_options *options = job->options;
    struct seed_result again = {0};
    struct run_options silent = *options;
    struct seed_job repeated = *job;
    struct ex_fault_plan same;
    silent.quiet = true;
    if (options->faults && options->faults->mode == EX_FAULT_STACK) {   // the stack is in the set now: refuse it by its number
        same = *options->faults;
        same.mode = EX_FAULT_NUMBER;
        same.number = first->fault.last_number;
        silent.faults = &same;
    }
    repeated.options = &silent;
    if (!seed_run(&repeated, config, NULL, &again))
        return false;
    if (again.stats.trace_hash == first->stats.trace_hash)
        return true;
    out_error("seed %llu ran twice and gave two different traces: something below reads a clock, an address or a random number",
              (unsigned long long)config->seed);
    return false;
}

static int
sweep_run(const struct seed_job *job, uint64_t first, uint64_t last, struct sweep *sweep)
{
    uint64_t start = real_ns();
    int code = EXIT_CLEAN;
    for (uint64_t seed = first; seed <= last && sweep->findings_seeds < job->options->stop_after; seed++) {
        struct sim_config config = {.seed = seed};
        struct seed_result result = {0};
        char tape[4096];
        tape_path(tape, sizeof tape, job->stack, job->options, seed);
        if (!seed_run(job, &config, tape, &result))
            return EXIT_MACHINE;
        if (seed == first && !result.findings && !sweep_prove(job, &config, &result))
            code = EXIT_FINDING;
        sweep_add(sweep, &result);
        out_progress("sim", "seeds", seed - first + 1, last - first + 1, real_ns() - start);
        if (!result.findings)
            continue;
        code = EXIT_FINDING;
        out_progress_end();
        out_error("seed %llu: %u findings; replay it with: ndisbox replay %s", (unsigned long long)seed, result.findings, tape);
    }
    out_progress_end();
    return code;
}

int
run_seeds(const struct stack *stack, const struct run_options *options, uint64_t first, uint64_t last)
{
    struct sweep sweep = {0};
    char *texts[2] = {stack_text(stack), build_text(stack)};
    struct run_options silent = *options;
    struct seed_job job = {.stack = stack,
                           .options = &silent,
                           .notes = {texts[0], texts[1]},
                           .images = loader_keep_create(),
                           .pages = pages_create()};
    struct ex_fault_plan plan;
    struct ex_fault_set *set = NULL;
    silent.quiet = true;                      // drivers' own chatter would drown the sweep
    if (options->faults && options->faults->mode == EX_FAULT_STACK) {   // one a seed, each stack once over the sweep
        plan = *options->faults;
        plan.at_most = 1;
        plan.set = set = ex_fault_set_create();
        silent.faults = &plan;
    }
    uint64_t start = real_ns();
    seeds_heap();
    int code = EXIT_USAGE;
    sweep.hashes = calloc(last - first + 1, sizeof *sweep.hashes);
    if (!stack->has_script)
        out_error("%s: a sweep needs a script: it says when a run is over", stack->file);
    else if (!sweep.hashes || !job.images || (silent.faults && silent.faults->mode == EX_FAULT_STACK && !set))
        out_error("out of memory for %llu seeds", (unsigned long long)(last - first + 1));
    else {
        code = sweep_run(&job, first, last, &sweep);
        sweep_count_distinct(&sweep);
        if (options->json)
            sweep_print_json(&sweep, real_ns() - start);
        else if (!options->quiet)
            sweep_print(&sweep, options, real_ns() - start);
    }
    ex_fault_set_destroy(set);
    if (job.images)
        loader_keep_destroy(job.images);
    if (job.pages)
        pages_destroy(job.pages);
    free(sweep.hashes);
    free(texts[0]);
    free(texts[1]);
    return code;
}

// ---- a tape -----------------------------------------------------------------------------------------------------------------------------

static struct stack *
tape_stack(const char *path, char **text)
{
    const char *error = NULL;
    int failed = sim_tape_note_load(path, "stack", text, &error);
    if (failed) {
        out_error("%s: %s", path, error ? error : "the tape holds no stack");
        return NULL;
    }
    struct stack_report report = {0};
    struct stack_source source = {.name = path, .files = source_files};
    struct stack *stack = stack_read(&source, *text, strlen(*text), &report);
    for (size_t i = 0; i < report.count; i++)
        out_diagnostic(report.lines[i]);
    stack_report_clear(&report);
    return stack;
}

static bool
tape_build_matches(const char *path, const struct stack *stack, bool force)
{
    const char *error = NULL;
    char *wanted = NULL, *have = build_text(stack);
    bool same = !sim_tape_note_load(path, "build", &wanted, &error) && have && !strcmp(wanted, have);
    if (!same && force)
        out_note("%s: made by another build; replayed all the same because of --force", path);
    else if (!same)
        out_error("%s: made by another build of ndisbox or of a driver, so its choices mean nothing here (--force tries it)\n  tape: %s"
                  "  here: %s",
                  path, wanted ? wanted : "(no build ids)\n", have ? have : "?\n");
    free(wanted);
    free(have);
    return same || force;
}

// gdb takes over this process's place and runs the same command without --gdb.
static int
tape_under_gdb(const char *path)
{
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0)
        return EXIT_MACHINE;
    self[length] = 0;
    execlp("gdb", "gdb", "-q", "--args", self, "replay", path, (char *)NULL);
    out_error("gdb could not be started: install it (apt-get install gdb)");
    return EXIT_MACHINE;
}

// What the tape's run had refused on purpose. A tape without the note had no plan.
static bool
tape_faults(const char *path, struct faults *faults, bool *has)
{
    const char *error = NULL;
    char *text = NULL, why[200];
    *has = !sim_tape_note_load(path, "faults", &text, &error);
    bool good = !*has || faults_parse(text, faults, why, sizeof why);
    if (!good)
        out_error("%s: the note of what was refused: %s", path, why);
    free(text);
    return good;
}

// A tape of a strict run is replayed as one.
static enum run_verify
tape_verify(const char *path, enum run_verify given)
{
    const char *error;
    char *text = NULL;
    enum run_verify verify = given;
    if (!sim_tape_note_load(path, "verify", &text, &error) && !strcmp(text, "strict"))
        verify = RUN_VERIFY_STRICT;
    free(text);
    return verify;
}

int
run_tape(const char *path, const struct run_options *given)
{
    char *text = NULL;
    int code = EXIT_USAGE;
    struct faults faults;
    bool has_faults;
    struct run_options with_faults = *given;
    const struct run_options *options = &with_faults;
    if (!tape_faults(path, &faults, &has_faults))
        return code;
    with_faults.faults = has_faults ? &faults.plan : NULL;
    with_faults.verify = tape_verify(path, given->verify);
    struct stack *stack = tape_stack(path, &text);
    if (stack && tape_build_matches(path, stack, options->force)) {
        struct seed_job job = {.stack = stack, .options = options};
        struct sim_config config = {.tape_in = path};
        struct seed_result result = {0};
        if (options->gdb)
            code = tape_under_gdb(path);
        else if (!seed_run(&job, &config, NULL, &result))
            code = EXIT_USAGE;
        else {
            code = result.findings ? EXIT_FINDING : EXIT_CLEAN;
            out_note("replayed: trace hash %016llx, %llu switches, %s", (unsigned long long)result.stats.trace_hash,
                     (unsigned long long)result.stats.switches, result.findings ? "with the findings above" : "no finding");
        }
    }
    if (stack)
        stack_destroy(stack);
    free(text);
    return code;
}
