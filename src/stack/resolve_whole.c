// SPDX-License-Identifier: MIT
// What only the whole stack shows: two plugs in one socket (error), a wire with one end or none, an address used twice (warnings).
#include <string.h>

#include "stack/stack_int.h"

// A socket of the machine that one user at a time can have, with who has it.
struct socket_use {
    const char *name;                // "tap nb0"
    const char *by;                  // "boxes.alpha.adapters.nic0.port"
    struct stack_place place;
};

struct whole {
    struct stack_reader *reader;
    const struct stack *stack;
    struct socket_use *uses;
    size_t use_count;
};

static void
take_socket(struct whole *whole, const char *kind, const char *name, const char *by, struct stack_place place)
{
    const char *socket = stack_arena_format(whole->reader->arena, "%s %s", kind, name);
    for (size_t i = 0; i < whole->use_count; i++)
        if (!strcmp(whole->uses[i].name, socket)) {
            stack_error(whole->reader, place, "%s: %s is already taken by %s", by, socket, whole->uses[i].by);
            return;
        }
    whole->uses[whole->use_count++] = (struct socket_use){socket, by, place};
}

static void
take_port(struct whole *whole, const struct stack_adapter *adapter)
{
    const char *colon = adapter->port ? strchr(adapter->port, ':') : NULL;
    if (!colon)
        return;
    const char *by = stack_arena_format(whole->reader->arena, "boxes.%s.adapters.%s.port", adapter->box->name, adapter->name);
    if (!strncmp(adapter->port, "tap:", 4))
        take_socket(whole, "tap", colon + 1, by, adapter->port_place);
    else if (!strncmp(adapter->port, "stream", 6))
        take_socket(whole, "stream", colon + 1, by, adapter->port_place);
    else if (!strncmp(adapter->port, "pcap:", 5) && strchr(colon, ','))
        take_socket(whole, "output file", strchr(colon, ',') + 1, by, adapter->port_place);
}

static void
take_protocols(struct whole *whole, const struct stack_adapter *adapter)
{
    for (size_t i = 0; i < adapter->protocol_count; i++) {
        const struct stack_module *module = &adapter->protocols[i];
        const struct stack_value *tap = stack_value_find(&module->settings, "tap");
        bool is_tapproto = !module->driver->path && !strcmp(module->driver->name, "tapproto");
        const char *path =
            stack_arena_format(whole->reader->arena, "boxes.%s.adapters.%s.protocols.%zu.tapproto", adapter->box->name, adapter->name, i);
        if (!is_tapproto)
            continue;
        if (!tap || tap->kind != STACK_VALUE_TEXT || !tap->text[0] || strlen(tap->text) > 15)
            stack_error(whole->reader, module->place,
                        "%s: needs the setting tap, the TAP device that Linux sees (at most 15 characters): "
                        "tapproto: { tap: nb1 }",
                        path);
        else
            take_socket(whole, "tap", tap->text, path, tap->place);
    }
}

static void
check_ends(struct whole *whole, const struct stack_wire *wire)
{
    size_t ends = 0;
    for (size_t i = 0; i < whole->stack->box_count; i++)
        for (size_t j = 0; j < whole->stack->boxes[i].adapter_count; j++) {
            const char *port = whole->stack->boxes[i].adapters[j].port;
            ends += port && !strncmp(port, "wire:", 5) && !strcmp(port + 5, wire->name);
        }
    if (ends == 1)
        stack_warning(whole->reader, wire->place, "wires.%s: has one end only; what is sent into it arrives nowhere", wire->name);
}

static void
check_macs(struct whole *whole, const struct stack_adapter **all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (all[i]->has_mac && all[j]->has_mac && !memcmp(all[i]->mac, all[j]->mac, 6)) {
                const uint8_t *mac = all[i]->mac;
                stack_warning(whole->reader, all[i]->place,
                              "boxes.%s.adapters.%s: has the same MAC address as %s.%s: "
                              "%02x:%02x:%02x:%02x:%02x:%02x",
                              all[i]->box->name, all[i]->name, all[j]->box->name, all[j]->name, mac[0], mac[1], mac[2], mac[3], mac[4],
                              mac[5]);
                break;
            }
}

void
stack_check_whole(struct stack_reader *reader, const struct stack *stack)
{
    size_t adapters = 0, sockets = 0;
    for (size_t i = 0; i < stack->box_count; i++)
        for (size_t j = 0; j < stack->boxes[i].adapter_count; j++) {
            adapters++;
            sockets += 1 + stack->boxes[i].adapters[j].protocol_count;
        }
    struct whole whole = {reader, stack, stack_arena_array(reader->arena, sockets, sizeof *whole.uses), 0};
    const struct stack_adapter **all = stack_arena_array(reader->arena, adapters, sizeof *all);
    size_t count = 0;
    for (size_t i = 0; i < stack->box_count; i++)
        for (size_t j = 0; j < stack->boxes[i].adapter_count; j++) {
            all[count++] = &stack->boxes[i].adapters[j];
            take_port(&whole, all[count - 1]);
            take_protocols(&whole, all[count - 1]);
            stack_bind_check(reader, all[count - 1]);
        }
    for (size_t i = 0; i < stack->wire_count; i++)
        check_ends(&whole, &stack->wires[i]);
    check_macs(&whole, all, count);
}
