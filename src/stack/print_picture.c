// SPDX-License-Identifier: MIT
// A stack drawn in ASCII: for every adapter its protocols on top, its filters from the top one down, the miniport, and below it the
// port with who is at the other end. Wide names widen the picture; nothing is cut off.
#include <string.h>

#include "stack/stack_int.h"

struct row {
    char left[128], right[192];
};

static void
print_rule(size_t width, FILE *out)
{
    fputs("  +", out);
    for (size_t i = 0; i < width + 2; i++)
        fputc('-', out);
    fputs("+\n", out);
}

// "*RSS=1 tap=nb1", short; keys below are shown as NAME{...}.
static void
settings_text(const struct stack_value *settings, char *text, size_t room)
{
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < settings->count && used + 1 < room; i++) {
        const struct stack_value *value = &settings->children[i];
        const char *gap = i ? " " : "";
        if (value->kind == STACK_VALUE_TEXT)
            used += (size_t)snprintf(text + used, room - used, "%s%s=%s", gap, value->name, value->text);
        else if (value->kind == STACK_VALUE_DWORD || value->kind == STACK_VALUE_QWORD)
            used += (size_t)snprintf(text + used, room - used, "%s%s=%llu", gap, value->name, (unsigned long long)value->number);
        else
            used += (size_t)snprintf(text + used, room - used, "%s%s{%zu}", gap, value->name, value->count);
    }
    if (used >= room)
        memcpy(text + room - 4, "...", 4);
    for (char *at = text; *at; at++)
        if ((unsigned char)*at < 32 || *at == 127)
            *at = '?';
}

// "  compression, modifying, mandatory", or nothing.
static void
filter_text(const struct inf_component *component, char *text, size_t room)
{
    text[0] = 0;
    if (component && component->kind == INF_FILTER)
        snprintf(text, room, "  %s%s%s, %s", component->filter_class, component->filter_class[0] ? ", " : "",
                 component->filter_type == INF_FILTER_MODIFYING ? "modifying" : "monitoring",
                 component->is_mandatory ? "mandatory" : "optional");
}

static void
module_row(struct row *row, const struct stack_module *module, const char *what)
{
    char settings[120], words[80];
    const struct inf_component *component = module->driver->component;
    settings_text(&module->settings, settings, sizeof settings);
    filter_text(component, words, sizeof words);
    snprintf(row->left, sizeof row->left, "%s", module->driver->name);
    snprintf(row->right, sizeof row->right, "%s%s%s%s", what, words, settings[0] ? "  " : "", settings);
}

// The lower edge of an intermediate driver, and where its upper one is.
static void
upper_row(struct row *row, const struct stack_upper *upper)
{
    char settings[120] = "";
    if (upper->module)
        settings_text(&upper->module->settings, settings, sizeof settings);
    snprintf(row->left, sizeof row->left, "%s", upper->driver->name);
    size_t used = (size_t)snprintf(row->right, sizeof row->right, "intermediate, below");
    for (size_t i = 0; i < upper->adapter_count && used < sizeof row->right; i++)
        used += (size_t)snprintf(row->right + used, sizeof row->right - used, " %s", upper->adapters[i]->name);
    if (settings[0] && used < sizeof row->right)
        snprintf(row->right + used, sizeof row->right - used, "  %s", settings);
}

// Bottom row last. Returns how many.
static size_t
adapter_rows(const struct stack_adapter *adapter, struct row *rows)
{
    size_t count = 0;
    char settings[120];
    const uint8_t *mac = adapter->mac;
    for (size_t i = 0; i < adapter->protocol_count; i++)
        module_row(&rows[count++], &adapter->protocols[i], "protocol");
    for (size_t i = adapter->filter_count; i-- > 0;)
        module_row(&rows[count++], &adapter->filters[i], "filter");
    for (size_t i = 0; i < adapter->upper_count; i++)
        upper_row(&rows[count++], &adapter->uppers[i]);
    settings_text(&adapter->settings, settings, sizeof settings);
    struct row *row = &rows[count++];
    snprintf(row->left, sizeof row->left, "%s", adapter->driver->name);
    int used = snprintf(row->right, sizeof row->right, adapter->lower_count ? "virtual miniport" : "miniport");
    if (adapter->has_mac)
        used += snprintf(row->right + used, sizeof row->right - (size_t)used, "  %02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
                         mac[3], mac[4], mac[5]);
    if (settings[0])
        snprintf(row->right + used, sizeof row->right - (size_t)used, "  %s", settings);
    return count;
}

static void
print_time(const char *word, uint64_t ns, FILE *out)
{
    if (!ns)
        return;
    fprintf(out, ", %s ", word);
    scalar_print_duration(ns, out);
}

static void
print_wire(const struct stack *stack, const struct stack_adapter *adapter, FILE *out)
{
    const char *name = adapter->port + strlen("wire:");
    unsigned ends = 0;
    for (size_t i = 0; i < stack->box_count; i++)
        for (size_t j = 0; j < stack->boxes[i].adapter_count; j++) {
            const struct stack_adapter *other = &stack->boxes[i].adapters[j];
            if (other == adapter || !other->port || strcmp(other->port, adapter->port))
                continue;
            fprintf(out, "%s %s.%s", ends++ ? "," : "  -->", other->box->name, other->name);
        }
    fputs(ends ? "" : "  --> no one", out);
    for (size_t i = 0; i < stack->wire_count; i++) {
        const struct stack_wire *wire = &stack->wires[i];
        if (strcmp(wire->name, name))
            continue;
        if (wire->bits_per_second)
            fprintf(out, ", %.10g Mbit/s", (double)wire->bits_per_second / 1e6);
        print_time("delay", wire->delay_ns, out);
        print_time("jitter", wire->jitter_ns, out);
        const double parts[] = {wire->loss, wire->reorder, wire->duplicate, wire->corrupt};
        static const char *const words[] = {"loss", "reorder", "duplicate", "corrupt"};
        for (size_t p = 0; p < 4; p++)
            if (parts[p] > 0)
                fprintf(out, ", %s %.10g%%", words[p], parts[p] * 100);
    }
}

static void
print_adapter(const struct stack *stack, const struct stack_adapter *adapter, FILE *out)
{
    size_t room = adapter->protocol_count + adapter->filter_count + adapter->upper_count + 1;
    struct row *rows = stack_arena_array(stack->arena, room, sizeof *rows);
    size_t count = adapter_rows(adapter, rows), left = 0, right = 0;
    for (size_t i = 0; i < count; i++) {
        left = strlen(rows[i].left) > left ? strlen(rows[i].left) : left;
        right = strlen(rows[i].right) > right ? strlen(rows[i].right) : right;
    }
    fprintf(out, "\n  %s.%s\n", adapter->box->name, adapter->name);
    for (size_t i = 0; i < count; i++) {
        print_rule(left + 2 + right, out);
        fprintf(out, "  | %-*s  %-*s |\n", (int)left, rows[i].left, (int)right, rows[i].right);
    }
    print_rule(left + 2 + right, out);
    for (size_t i = 0; i < adapter->lower_count; i++)
        fprintf(out, "%s%s.%s%s", i ? ", " : "      |\n      above ", adapter->box->name, adapter->lowers[i]->name,
                i + 1 == adapter->lower_count ? "\n" : "");
    if (!adapter->port)
        return;
    fprintf(out, "      |\n      %s", adapter->port);
    if (!strncmp(adapter->port, "wire:", 5))
        print_wire(stack, adapter, out);
    fputc('\n', out);
}

// Clients stand on transports of the whole box, so they are drawn beside its adapters.
static void
print_service(const struct stack_box *box, const struct stack_service *service, FILE *out)
{
    char settings[160];
    settings_text(&service->settings, settings, sizeof settings);
    fprintf(out, "\n  %s service %s%s%s\n", box->name, service->driver->name, settings[0] ? ": " : "", settings);
}

void
stack_print_picture(const struct stack *stack, FILE *out)
{
    for (size_t i = 0; i < stack->box_count; i++) {
        const struct stack_box *box = &stack->boxes[i];
        fprintf(out, "%sbox %s, %u processor%s, %zu driver%s\n", i ? "\n" : "", box->name, box->processors,
                box->processors == 1 ? "" : "s", box->driver_count, box->driver_count == 1 ? "" : "s");
        for (size_t j = 0; j < box->adapter_count; j++)
            print_adapter(stack, &box->adapters[j], out);
        for (size_t j = 0; j < box->service_count; j++)
            print_service(box, &box->services[j], out);
    }
    if (stack->has_script)
        fprintf(out, "\nscript of %zu step%s; the run ends with it\n", stack->step_count, stack->step_count == 1 ? "" : "s");
    else
        fputs("\nno script: runs until --for is over or Ctrl-C\n", out);
}
