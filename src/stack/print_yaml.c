// SPDX-License-Identifier: MIT
// A stack as a file that reads back as the same stack: for --print-stack and for the tape. Everything is written out (addresses made
// up, defaults of a script step), so that what was run can be read off it; empty maps and defaults of wires are left out.
#include <string.h>

#include "base/iptext.h"
#include "stack/stack_int.h"

static bool
is_plain_safe(const char *text)
{
    static const char *const taken[] = {"null", "Null", "NULL", "true", "false", "yes", "no", "on", "off", "y", "n", NULL};
    uint64_t number;
    size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./");
    if (!length || text[length] || text[0] == '-' || text[0] == '.')
        return false;
    return scalar_word(text, taken) == SIZE_MAX && !scalar_uint(text, &number);
}

// Text that stays text: quoted unless it cannot be taken for anything else.
static void
print_text(const char *text, FILE *out)
{
    if (is_plain_safe(text)) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (*at == '"' || *at == '\\')
            fprintf(out, "\\%c", *at);
        else if (*at < 32 || *at == 127)
            fprintf(out, "\\x%02x", *at);
        else
            fputc(*at, out);
    }
    fputc('"', out);
}

static void
print_hex(const uint8_t *bytes, size_t count, FILE *out)
{
    fputs("\"hex:", out);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s%02x", i ? "," : "", bytes[i]);
    fputc('"', out);
}

static void print_values(const struct stack_value *key, FILE *out);

static void
print_value(const struct stack_value *value, FILE *out)
{
    switch (value->kind) {
    case STACK_VALUE_KEY: print_values(value, out); return;
    case STACK_VALUE_DWORD: fprintf(out, "%llu", (unsigned long long)value->number); return;
    case STACK_VALUE_QWORD: fprintf(out, "qword:%llu", (unsigned long long)value->number); return;
    case STACK_VALUE_TEXT: print_text(value->text, out); return;
    case STACK_VALUE_LIST:
        fputc('[', out);
        for (size_t i = 0; i < value->count; i++) {
            fputs(i ? ", " : "", out);
            print_text(value->texts[i], out);
        }
        fputc(']', out);
        return;
    case STACK_VALUE_BINARY:   // plain: quoted it would be text
        fputs("hex:", out);
        for (size_t i = 0; i < value->count; i++)
            fprintf(out, "%s%02x", i ? " " : "", value->bytes[i]);
        return;
    }
}

static void
print_values(const struct stack_value *key, FILE *out)
{
    fputs(key->count ? "{ " : "{", out);
    for (size_t i = 0; i < key->count; i++) {
        fputs(i ? ", " : "", out);
        print_text(key->children[i].name, out);
        fputs(": ", out);
        print_value(&key->children[i], out);
    }
    fputs(key->count ? " }" : "}", out);
}

static void
print_modules(const char *key, const struct stack_module *modules, size_t count, FILE *out)
{
    if (!count)
        return;
    fprintf(out, "        %s:\n", key);
    for (size_t i = 0; i < count; i++) {
        fputs("          - ", out);
        print_text(modules[i].driver->name, out);
        if (modules[i].settings.count) {
            fputs(": ", out);
            print_values(&modules[i].settings, out);
        }
        fputc('\n', out);
    }
}

static void
print_infs(const struct stack_driver *driver, FILE *out)
{
    if (driver->inf_count)
        fputs("        inf: ", out);
    for (size_t i = 0; i < driver->inf_count; i++) {
        fputs(driver->inf_count == 1 ? "" : i ? ", " : "[", out);
        print_text(driver->infs[i], out);
    }
    if (driver->inf_count)
        fputs(driver->inf_count == 1 ? "\n" : "]\n", out);
    if (driver->subst.count && (driver->inf_count || !driver->path)) {
        fputs("        subst: ", out);
        print_values(&driver->subst, out);
        fputc('\n', out);
    }
    if (driver->model) {
        fputs("        model: ", out);
        print_text(driver->model, out);
        fputc('\n', out);
    }
}

static void
print_drivers(const struct stack_box *box, FILE *out)
{
    bool has_title = false;
    for (size_t i = 0; i < box->driver_count; i++) {
        const struct stack_driver *driver = &box->drivers[i];
        if (!driver->path && !driver->project && !driver->registry.count && !driver->grant && !driver->idle_ok && !driver->inf_count)
            continue;   // bundled, and named where it is used
        fputs(has_title ? "" : "    drivers:\n", out);
        has_title = true;
        fputs("      ", out);
        print_text(driver->name, out);
        fputs(":\n", out);
        if (driver->path) {
            fputs("        path: ", out);
            print_text(driver->path, out);
            fputc('\n', out);
        }
        if (driver->project && !driver->path) {
            fputs("        project: ", out);
            print_text(driver->project, out);
            fputc('\n', out);
        }
        print_infs(driver, out);
        if (driver->grant) {
            fputs("        grant: ", out);
            print_text(driver->grant, out);
            fputc('\n', out);
        }
        if (driver->registry.count) {
            fputs("        registry: ", out);
            print_values(&driver->registry, out);
            fputc('\n', out);
        }
        if (driver->idle_ok)
            fputs("        idle: ok\n", out);
    }
}

static void
print_services(const struct stack_box *box, FILE *out)
{
    fputs(box->service_count ? "    services:\n" : "", out);
    for (size_t i = 0; i < box->service_count; i++) {
        fputs("      ", out);
        print_text(box->services[i].driver->name, out);
        fputs(": ", out);
        print_values(&box->services[i].settings, out);
        fputc('\n', out);
    }
}

static void
print_adapter(const struct stack_adapter *adapter, FILE *out)
{
    const uint8_t *mac = adapter->mac;
    fputs("      ", out);
    print_text(adapter->name, out);
    fputs(":\n        driver: ", out);
    print_text(adapter->driver->name, out);
    fputc('\n', out);
    for (size_t i = 0; i < adapter->lower_count; i++)
        fprintf(out, "%s%s%s", i ? ", " : "        above: [", adapter->lowers[i]->name, i + 1 == adapter->lower_count ? "]\n" : "");
    if (adapter->port) {
        fputs("        port: ", out);
        print_text(adapter->port, out);
        fputc('\n', out);
    }
    if (adapter->has_mac)
        fprintf(out, "        mac: \"%02x:%02x:%02x:%02x:%02x:%02x\"\n", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    if (adapter->settings.count) {
        fputs("        settings: ", out);
        print_values(&adapter->settings, out);
        fputc('\n', out);
    }
    print_modules("intermediates", adapter->intermediates, adapter->intermediate_count, out);
    const struct stack_adapter *top = adapter->top ? adapter->top : adapter;
    print_modules("filters", top->filters, top->filter_count, out);
    print_modules("protocols", top->protocols, top->protocol_count, out);
    if (adapter->idle_ok)
        fputs("        idle: ok\n", out);
}

// Nothing for 0, which is every duration's default.
static void
print_duration(const char *before, const char *key, uint64_t ns, const char *after, FILE *out)
{
    if (!ns)
        return;
    fprintf(out, "%s%s: ", before, key);
    scalar_print_duration(ns, out);
    fputs(after, out);
}

static void
print_percent(const char *key, double part, FILE *out)
{
    char text[40];
    int length = snprintf(text, sizeof text, "%.9f", part * 100);
    while (length > 0 && text[length - 1] == '0')
        length--;
    length -= length > 0 && text[length - 1] == '.';
    fprintf(out, "%s: %.*s%%, ", key, length, text);
}

static void
print_wires(const struct stack *stack, FILE *out)
{
    fputs(stack->wire_count ? "wires:\n" : "", out);
    for (size_t i = 0; i < stack->wire_count; i++) {
        const struct stack_wire *wire = &stack->wires[i];
        const struct {
            const char *word;
            double part;
        } parts[] = {{"loss", wire->loss}, {"reorder", wire->reorder}, {"duplicate", wire->duplicate}, {"corrupt", wire->corrupt}};
        fputs("  ", out);
        print_text(wire->name, out);
        fputs(": { ", out);
        if (wire->bits_per_second) {
            fputs("rate: ", out);
            scalar_print_rate(wire->bits_per_second, out);
            fputs(", ", out);
        }
        print_duration("", "delay", wire->delay_ns, ", ", out);
        print_duration("", "jitter", wire->jitter_ns, ", ", out);
        for (size_t p = 0; p < sizeof parts / sizeof *parts; p++)
            if (parts[p].part > 0)
                print_percent(parts[p].word, parts[p].part, out);
        fprintf(out, "seed: %llu }\n", (unsigned long long)wire->seed);
    }
}

static void
print_expectations(const struct stack_step *step, FILE *out)
{
    for (size_t i = 0; i < step->expect.count; i++) {
        const struct stack_expectation *expectation = &step->expect.list[i];
        fputs(i ? ", " : "", out);
        print_text(expectation->key, out);
        fprintf(out, ": \"%s %llu\"", stack_compare_word(expectation->compare), (unsigned long long)expectation->number);
    }
}

static void
print_adapter_name(const char *key, const struct stack_adapter *adapter, FILE *out)
{
    fprintf(out, "%s: %s.%s", key, adapter->box->name, adapter->name);
}

static void
print_handover(const struct stack_step *step, FILE *out)
{
    fprintf(out, "connection: \"%s:", step->handover.box->name);
    if (step->handover.port)
        fprintf(out, "%u\"", step->handover.port);
    else
        fputs("*\"", out);
    if (step->kind == STACK_STEP_OFFLOAD)
        fprintf(out, ", when: %s, rounds: %llu", schema_whens[step->handover.when], (unsigned long long)step->handover.rounds);
}

static void
print_call(const struct stack_step *step, FILE *out)
{
    char to[IPTEXT_BYTES];
    size_t length = step->call.is_six ? iptext6_put_full(step->call.remote, 0, step->call.remote_port, to)
                                      : iptext4_put_full(step->call.remote, step->call.remote_port, to);
    if (step->kind == STACK_STEP_HANG_UP)
        fprintf(out, "connection: \"%s:%u\", by: %s, after: %llu", step->call.box->name, step->call.port,
                schema_endings[step->call.is_abort], (unsigned long long)step->call.after_bytes);
    else
        fprintf(out, "box: %s, to: \"%.*s\", port: %u", step->call.box->name, (int)length, to, step->call.port);
}

static void
print_step(const struct stack_step *step, FILE *out)
{
    static const char *const words[] = {"wait", "traffic", "oid", "do", "expect", "offload", "upload", "call", "hang-up"};
    fprintf(out, "  - %s: { ", words[step->kind]);
    if (step->adapter)
        print_adapter_name(step->kind == STACK_STEP_TRAFFIC ? "from" : "adapter", step->adapter, out);
    switch (step->kind) {
    case STACK_STEP_WAIT:
        if (step->wait.service)
            fprintf(out, "service: %s.%s", step->wait.box->name, step->wait.service->driver->name);
        else if (!step->adapter)
            print_duration("", "for", step->wait.for_ns, "", out);
        else
            fprintf(out, ", state: %s", stack_state_word(step->wait.state));
        break;
    case STACK_STEP_TRAFFIC:
        print_adapter_name(", to", step->traffic.to, out);
        fprintf(out, ", frames: %llu, sizes: %u..%u", (unsigned long long)step->traffic.frames, step->traffic.size_min_bytes,
                step->traffic.size_max_bytes);
        break;
    case STACK_STEP_OID:
        fprintf(out, ", %s: %s, ", step->oid.is_set ? "set" : "query", step->oid.name);
        if (step->oid.is_set) {
            fputs("value: ", out);
            print_hex(step->oid.value, step->oid.value_bytes, out);
            fputs(", ", out);
        }
        fprintf(out, "expect: %s", step->oid.expect);
        break;
    case STACK_STEP_DO:
        fprintf(out, ", action: %s", stack_action_word(step->act.action));
        if (step->act.filter) {
            fputs(", filter: ", out);
            print_text(step->act.filter->driver->name, out);
        }
        break;
    case STACK_STEP_EXPECT: print_expectations(step, out); break;
    case STACK_STEP_OFFLOAD:
    case STACK_STEP_UPLOAD: print_handover(step, out); break;
    case STACK_STEP_CALL:
    case STACK_STEP_HANG_UP: print_call(step, out); break;
    }
    if (step->kind != STACK_STEP_WAIT || step->adapter || step->wait.service)
        print_duration(", ", "within", step->within_ns, "", out);
    fputs(" }\n", out);
}

void
stack_print_yaml(const struct stack *stack, FILE *out)
{
    fprintf(out, "ndisbox: %d\nboxes:\n", STACK_SCHEMA_VERSION);
    for (size_t i = 0; i < stack->box_count; i++) {
        const struct stack_box *box = &stack->boxes[i];
        fputs("  ", out);
        print_text(box->name, out);
        fprintf(out, ":\n    processors: %u\n", box->processors);
        print_drivers(box, out);
        fputs("    adapters:\n", out);
        for (size_t j = 0; j < box->adapter_count; j++)
            if (!box->adapters[j].is_implied)
                print_adapter(&box->adapters[j], out);
        print_services(box, out);
    }
    print_wires(stack, out);
    fputs(stack->has_script ? "script:\n" : "", out);
    for (size_t i = 0; i < stack->step_count; i++)
        print_step(&stack->steps[i], out);
}
