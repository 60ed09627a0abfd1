// SPDX-License-Identifier: MIT
// The steps of the script: which adapter is meant, which keys stand together. The schema has checked each key alone.
#include <string.h>

#include "base/iptext.h"
#include "stack/stack_int.h"

struct step_work {
    struct stack_reader *reader;
    const struct stack *stack;
    const struct stack_node *node;   // the map behind the step's word
    const char *path;                // "script.0.wait"
    const struct stack_step *first;  // of the script
};

static const char *
text_of(const struct step_work *work, const char *key)
{
    const struct stack_node *node = stack_node_find(work->node, key);
    return node ? node->text : NULL;
}

static uint64_t
duration_of(const struct step_work *work, const char *key, uint64_t fallback_ns)
{
    uint64_t ns = fallback_ns;
    if (text_of(work, key))
        scalar_duration(text_of(work, key), &ns);
    return ns;
}

static const char *const *
adapter_words(const struct step_work *work)
{
    size_t count = 0;
    for (size_t i = 0; i < work->stack->box_count; i++)
        count += work->stack->boxes[i].adapter_count;
    const char **words = stack_arena_array(work->reader->arena, count + 1, sizeof *words);
    count = 0;
    for (size_t i = 0; i < work->stack->box_count; i++)
        for (size_t j = 0; j < work->stack->boxes[i].adapter_count; j++)
            words[count++] =
                stack_arena_format(work->reader->arena, "%s.%s", work->stack->boxes[i].name, work->stack->boxes[i].adapters[j].name);
    return words;
}

static const struct stack_adapter *
adapter_named(const struct step_work *work, const char *name, struct stack_place place, const char *key)
{
    const struct stack_adapter *adapter = stack_adapter_find(work->stack, name);
    if (!adapter) {
        const char *const *words = adapter_words(work);
        stack_error(work->reader, place, "%s.%s: no adapter \"%.80s\"%s; there are: %s", work->path, key, name,
                    stack_hint(work->reader, name, words), stack_words_join(work->reader->arena, words));
    }
    return adapter;
}

static const struct stack_adapter *
adapter_of(const struct step_work *work, const char *key)
{
    const struct stack_node *node = stack_node_find(work->node, key);
    return node ? adapter_named(work, node->text, node->place, key) : NULL;
}

// "alpha.ndkping".
static void
resolve_service(const struct step_work *work, struct stack_step *step)
{
    const struct stack_node *node = stack_node_find(work->node, "service");
    size_t count = 0;
    for (size_t i = 0; i < work->stack->box_count; i++)
        count += work->stack->boxes[i].service_count;
    const char **words = stack_arena_array(work->reader->arena, count + 1, sizeof *words);
    count = 0;
    for (size_t i = 0; i < work->stack->box_count; i++)
        for (size_t j = 0; j < work->stack->boxes[i].service_count; j++) {
            const struct stack_box *box = &work->stack->boxes[i];
            words[count] = stack_arena_format(work->reader->arena, "%s.%s", box->name, box->services[j].driver->name);
            if (!strcmp(words[count++], node->text)) {
                step->wait.box = box;
                step->wait.service = &box->services[j];
            }
        }
    if (!step->wait.service)
        stack_error(work->reader, node->place, "%s.service: no service \"%.80s\"%s; there are: %s", work->path, node->text,
                    stack_hint(work->reader, node->text, words), count ? stack_words_join(work->reader->arena, words) : "none");
}

static void
resolve_wait(const struct step_work *work, struct stack_step *step)
{
    bool has_for = text_of(work, "for"), has_adapter = text_of(work, "adapter"), has_state = text_of(work, "state");
    bool has_service = text_of(work, "service"), has_within = text_of(work, "within");
    if (has_for + has_adapter + has_service != 1 || has_adapter != has_state || (has_for && has_within)) {
        stack_error(work->reader, work->node->place,
                    "%s: allowed: { adapter: BOX.ADAPTER, state: STATE, within: 30s }, { service: BOX.SERVICE, within: 30s }, or "
                    "{ for: 2s }",
                    work->path);
        return;
    }
    if (has_service)
        resolve_service(work, step);
    step->wait.for_ns = duration_of(work, "for", 0);
    step->within_ns = duration_of(work, "within", UINT64_C(30000000000));
    if (!has_adapter)
        return;
    step->adapter = adapter_of(work, "adapter");
    step->wait.state = (enum stack_state)scalar_word(text_of(work, "state"), schema_states);
}

static void
resolve_traffic(const struct step_work *work, struct stack_step *step)
{
    uint64_t low = 64, high = 1514;
    const struct stack_node *to = stack_node_find(work->node, "to");
    step->adapter = adapter_of(work, "from");
    step->traffic.to = adapter_of(work, "to");
    step->within_ns = duration_of(work, "within", UINT64_C(60000000000));
    scalar_uint(text_of(work, "frames"), &step->traffic.frames);
    if (text_of(work, "sizes"))
        scalar_range(text_of(work, "sizes"), &low, &high);
    step->traffic.size_min_bytes = (uint32_t)low;
    step->traffic.size_max_bytes = (uint32_t)high;
    if (step->adapter && step->adapter == step->traffic.to)
        stack_error(work->reader, to->place, "%s.to: is the adapter that sends; traffic goes to another one", work->path);
}

static void
resolve_oid_value(const struct step_work *work, struct stack_step *step, const char *text)
{
    uint64_t number = 0;
    if (!strncmp(text, "hex:", 4)) {
        scalar_hex(work->reader->arena, text + 4, &step->oid.value, &step->oid.value_bytes);
        return;
    }
    uint8_t *bytes = stack_arena_alloc(work->reader->arena, 4);
    scalar_uint(text, &number);
    for (size_t i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(number >> 8 * i);
    step->oid.value = bytes;
    step->oid.value_bytes = 4;
}

static void
resolve_oid(const struct step_work *work, struct stack_step *step)
{
    const char *query = text_of(work, "query"), *set = text_of(work, "set"), *value = text_of(work, "value");
    if (!query == !set || !set != !value) {
        stack_error(work->reader, work->node->place, "%s: allowed: query: OID_NAME, or set: OID_NAME with value: VALUE", work->path);
        return;
    }
    step->adapter = adapter_of(work, "adapter");
    step->within_ns = duration_of(work, "within", UINT64_C(10000000000));
    step->oid.is_set = set != NULL;
    step->oid.name = set ? set : query;
    step->oid.expect = text_of(work, "expect") ? text_of(work, "expect") : "NDIS_STATUS_SUCCESS";
    stack_oid_find(step->oid.name, &step->oid.number);
    stack_status_find(step->oid.expect, &step->oid.expect_status);
    if (value)
        resolve_oid_value(work, step, value);
}

static const struct stack_module *
filter_named(const struct step_work *work, const struct stack_adapter *adapter, const struct stack_node *node)
{
    const char **words = stack_arena_array(work->reader->arena, adapter->filter_count + 1, sizeof *words);
    for (size_t i = 0; i < adapter->filter_count; i++) {
        words[i] = adapter->filters[i].driver->name;
        if (!strcmp(words[i], node->text))
            return &adapter->filters[i];
    }
    stack_error(work->reader, node->place, "%s.filter: no filter \"%s\" on %s.%s%s; there are: %s", work->path, node->text,
                adapter->box->name, adapter->name, stack_hint(work->reader, node->text, words),
                stack_words_join(work->reader->arena, words));
    return NULL;
}

static void
resolve_do(const struct step_work *work, struct stack_step *step)
{
    const struct stack_node *filter = stack_node_find(work->node, "filter");
    step->adapter = adapter_of(work, "adapter");
    step->within_ns = duration_of(work, "within", UINT64_C(30000000000));
    step->act.action = (enum stack_action)scalar_word(text_of(work, "action"), schema_actions);
    if ((step->act.action == STACK_ACTION_DETACH) != (filter != NULL))
        stack_error(work->reader, filter ? filter->place : work->node->place, "%s: %s", work->path,
                    filter ? "filter: goes with action: detach only" : "action: detach needs filter: NAME, the one to take out");
    else if (filter && step->adapter)
        step->act.filter = filter_named(work, step->adapter, filter);
}

// "alpha:80", or "alpha:*".
static void
resolve_connection(const struct step_work *work, struct stack_step *step)
{
    const struct stack_node *node = stack_node_find(work->node, "connection");
    const char *text = node->text, *colon = strrchr(text, ':');
    uint64_t port = 0;
    bool is_port = colon && (!strcmp(colon + 1, "*") || (scalar_uint(colon + 1, &port) && port >= 1 && port <= 65535));
    if (!is_port) {
        stack_error(work->reader, node->place, "%s.connection: found \"%.80s\"; allowed: BOX:PORT, or BOX:*", work->path, text);
        return;
    }
    const char **words = stack_arena_array(work->reader->arena, work->stack->box_count + 1, sizeof *words);
    for (size_t i = 0; i < work->stack->box_count; i++) {
        const struct stack_box *box = &work->stack->boxes[i];
        words[i] = box->name;
        if (strlen(box->name) == (size_t)(colon - text) && !strncmp(box->name, text, (size_t)(colon - text)))
            step->handover.box = box;
    }
    if (!step->handover.box)
        stack_error(work->reader, node->place, "%s.connection: no box \"%.*s\"; there are: %s", work->path, (int)(colon - text), text,
                    stack_words_join(work->reader->arena, words));
    step->handover.port = (uint16_t)port;
}

static void
resolve_offload(const struct step_work *work, struct stack_step *step)
{
    const char *when = text_of(work, "when");
    step->within_ns = duration_of(work, "within", UINT64_C(30000000000));
    step->handover.rounds = 1;
    if (text_of(work, "rounds"))
        scalar_uint(text_of(work, "rounds"), &step->handover.rounds);
    if (when)
        step->handover.when = (enum stack_when)scalar_word(when, schema_whens);
    resolve_connection(work, step);
}

// "10.77.0.2:7" or "[fd77::2]:7". fails: false
static bool
call_place(const char *text, struct stack_step *step)
{
    uint32_t scope;
    uint16_t port = 0;               // in network order, both here and in the step
    step->call.is_six = text[0] == '[';
    bool is_good = step->call.is_six ? iptext6_get_full(text, step->call.remote, &scope, &port) && !scope
                                     : iptext4_get_full(text, true, step->call.remote, &port);
    step->call.remote_port = port;
    return is_good && port;
}

static void
resolve_call(const struct step_work *work, struct stack_step *step)
{
    const struct stack_node *to = stack_node_find(work->node, "to"), *box = stack_node_find(work->node, "box");
    const char **words = stack_arena_array(work->reader->arena, work->stack->box_count + 1, sizeof *words);
    uint64_t port = 0;
    step->within_ns = duration_of(work, "within", UINT64_C(30000000000));
    scalar_uint(text_of(work, "port"), &port);
    for (size_t i = 0; i < work->stack->box_count; i++) {
        words[i] = work->stack->boxes[i].name;
        if (!strcmp(words[i], box->text))
            step->call.box = &work->stack->boxes[i];
    }
    if (!step->call.box)
        stack_error(work->reader, box->place, "%s.box: no box \"%s\"; there are: %s", work->path, box->text,
                    stack_words_join(work->reader->arena, words));
    if (!call_place(to->text, step))
        stack_error(work->reader, to->place, "%s.to: found \"%.80s\"; allowed: ADDRESS:PORT, or [ADDRESS]:PORT for IPv6", work->path,
                    to->text);
    step->call.port = (uint16_t)port;
}

// The port must be that of a call in an earlier step.
static void
resolve_hang_up(const struct step_work *work, struct stack_step *step)
{
    const struct stack_node *node = stack_node_find(work->node, "connection");
    const char *by = text_of(work, "by");
    uint64_t after = 0;
    step->within_ns = duration_of(work, "within", UINT64_C(30000000000));
    resolve_connection(work, step);
    const struct stack_box *box = step->handover.box;
    uint16_t port = step->handover.port;
    if (text_of(work, "after"))
        scalar_uint(text_of(work, "after"), &after);
    memset(&step->call, 0, sizeof step->call);
    step->call.box = box;
    step->call.port = port;
    step->call.after_bytes = after;
    step->call.is_abort = by && !strcmp(by, "abort");
    for (const struct stack_step *earlier = step; box && earlier-- > work->first;)
        if (earlier->kind == STACK_STEP_CALL && earlier->call.box == box && earlier->call.port == port)
            return;
    if (box)
        stack_error(work->reader, node->place, "%s.connection: found \"%.80s\"; there is no step call of this box and port before",
                    work->path, node->text);
}

static void
resolve_expect(const struct step_work *work, struct stack_step *step)
{
    struct stack_expectation *list = stack_arena_array(work->reader->arena, work->node->count, sizeof *list);
    step->within_ns = duration_of(work, "within", 0);
    step->expect.list = list;
    for (const struct stack_node *child = work->node->first; child; child = child->next) {
        if (!strcmp(child->key, "within"))
            continue;
        struct stack_expectation *expectation = &list[step->expect.count++];
        const char *last = strrchr(child->key, '.');
        expectation->key = child->key;
        expectation->place = child->key_place;
        scalar_compare(child->text, &expectation->compare, &expectation->number);
        if (!last)
            continue;   // findings: counter 0, no adapter
        const char *name = stack_arena_copy(work->reader->arena, child->key, (size_t)(last - child->key));
        expectation->counter = (enum stack_counter)(STACK_COUNTER_RX_FRAMES + scalar_word(last + 1, schema_counters));
        expectation->adapter = adapter_named(work, name, child->key_place, child->key);
    }
}

const struct stack_step *
stack_resolve_script(struct stack_reader *reader, const struct stack *stack, const struct stack_node *list)
{
    static const struct {
        const char *word;
        void (*resolve)(const struct step_work *, struct stack_step *);
    } kinds[] = {[STACK_STEP_WAIT] = {"wait", resolve_wait},
                 [STACK_STEP_TRAFFIC] = {"traffic", resolve_traffic},
                 [STACK_STEP_OID] = {"oid", resolve_oid},
                 [STACK_STEP_DO] = {"do", resolve_do},
                 [STACK_STEP_EXPECT] = {"expect", resolve_expect},
                 [STACK_STEP_OFFLOAD] = {"offload", resolve_offload},
                 [STACK_STEP_UPLOAD] = {"upload", resolve_offload},
                 [STACK_STEP_CALL] = {"call", resolve_call},
                 [STACK_STEP_HANG_UP] = {"hang-up", resolve_hang_up}};
    struct stack_step *steps = stack_arena_array(reader->arena, list->count, sizeof *steps);
    size_t index = 0;
    for (const struct stack_node *item = list->first; item; item = item->next, index++) {
        const struct stack_node *node = item->first;
        struct step_work work = {reader, stack, node, stack_arena_format(reader->arena, "script.%zu.%s", index, node->key),
                                 steps};
        steps[index].place = node->key_place;
        for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
            if (!strcmp(kinds[kind].word, node->key)) {
                steps[index].kind = (enum stack_step_kind)kind;
                kinds[kind].resolve(&work, &steps[index]);
            }
    }
    return steps;
}
