// SPDX-License-Identifier: MIT
// What a good file becomes: every field, every default, every reference; the two forms against each other; print and read again.
#include <arpa/inet.h>

#include "stack_test.h"

static const char full[] =
    "ndisbox: 1\n"
    "boxes:\n"
    "  alpha:\n"
    "    processors: 2\n"
    "    drivers:\n"
    "      mylwf: { path: ../mylwf.so, registry: { Parameters: { Debug: 1, Big: qword:0x100000000, Name: \"1\", L: [a, \"2\"], B: "
    "hex:01 0aFF } } }\n"
    "      lwfmon: { registry: { X: 7 }, idle: ok }\n"
    "    adapters:\n"
    "      nic0:\n"
    "        driver: vnic\n"
    "        port: wire:lan\n"
    "        mac: 02:00:00:00:00:0A\n"
    "        settings: { \"*RSS\": 1, Depth: 0x10 }\n"
    "        filters: [lwfmon, mylwf: { Level: 3 }]\n"
    "        protocols:\n"
    "          - tapproto: { tap: nb1 }\n"
    "          - echoproto\n"
    "  beta:\n"
    "    adapters:\n"
    "      nic0: { driver: vnic, port: \"wire:lan\" }\n"
    "      nic1: { driver: vnic, port: \"pcap:in.pcap,/tmp/out.pcapng\", idle: ok }\n"
    "wires:\n"
    "  lan: { rate: 1Gbit, delay: 2ms, jitter: 0, loss: 0.1%, reorder: 1%, duplicate: 0%, corrupt: 12.5%, seed: 7 }\n"
    "script:\n"
    "  - wait: { adapter: alpha.nic0, state: running, within: 5s }\n"
    "  - wait: { for: 1.5s }\n"
    "  - traffic: { from: alpha.nic0, to: beta.nic0, frames: 1000, sizes: 64..1514 }\n"
    "  - oid: { adapter: alpha.nic0, query: OID_GEN_MAXIMUM_FRAME_SIZE, expect: NDIS_STATUS_SUCCESS }\n"
    "  - oid: { adapter: alpha.nic0, set: 0x0001010E, value: 0x0102, expect: NDIS_STATUS_INVALID_LENGTH, within: 1s }\n"
    "  - do: { adapter: alpha.nic0, action: link-down }\n"
    "  - do: { adapter: alpha.nic0, action: detach, filter: mylwf }\n"
    "  - expect: { alpha.nic0.rx_frames: \">= 1000\", findings: 0, within: 2s }\n"
    "  - call: { box: beta, to: \"10.77.0.2:7\", port: 40001, within: 3s }\n"
    "  - call: { box: beta, to: \"[fd77::2]:70\", port: 2 }\n"
    "  - hang-up: { connection: \"beta:40001\", by: abort, after: 100000 }\n"
    "  - hang-up: { connection: \"beta:2\" }\n";

TEST(a_full_file_resolves_field_by_field)
{
    struct stack_report report = {0};
    struct stack *stack = read_with(full, "/base", NULL, 0, &report);
    ck_assert_msg(stack != NULL, "%s", report.count ? report.lines[0] : "");
    ck_assert_uint_eq(report.count, 0);
    ck_assert_uint_eq(stack->box_count, 2);
    const struct stack_box *alpha = &stack->boxes[0], *beta = &stack->boxes[1];
    ck_assert_str_eq(alpha->name, "alpha");
    ck_assert_uint_eq(alpha->processors, 2);
    ck_assert_uint_eq(beta->processors, 1);
    ck_assert_uint_eq(beta->index, 1);
    ck_assert_uint_eq(alpha->driver_count, 5);   // mylwf lwfmon, then vnic tapproto echoproto as they are used
    ck_assert_str_eq(alpha->drivers[0].name, "mylwf");
    ck_assert_str_eq(alpha->drivers[0].path, "/base/../mylwf.so");
    ck_assert_int_eq(alpha->drivers[0].kind, STACK_DRIVER_FILTER);
    ck_assert_ptr_null(alpha->drivers[1].path);
    ck_assert(alpha->drivers[1].idle_ok);
    ck_assert_str_eq(alpha->drivers[2].name, "vnic");
    ck_assert_str_eq(alpha->drivers[4].name, "echoproto");
    const struct stack_adapter *nic0 = &alpha->adapters[0];
    ck_assert_ptr_eq(nic0->box, alpha);
    ck_assert_ptr_eq(nic0->driver, &alpha->drivers[2]);
    ck_assert_str_eq(nic0->port, "wire:lan");
    ck_assert(nic0->mac_given && nic0->mac[5] == 0x0a);
    ck_assert_uint_eq(nic0->port_place.line, 11);
    ck_assert_uint_eq(nic0->port_place.column, 15);
    ck_assert_uint_eq(nic0->filter_count, 2);
    ck_assert_ptr_eq(nic0->filters[1].driver, &alpha->drivers[0]);
    ck_assert_uint_eq(stack_value_find(&nic0->filters[1].settings, "level")->number, 3);
    ck_assert_str_eq(stack_value_text(&nic0->protocols[0].settings, "tap"), "nb1");
    ck_assert_uint_eq(nic0->protocols[1].settings.count, 0);
    ck_assert_str_eq(beta->adapters[1].port, "pcap:/base/in.pcap,/tmp/out.pcapng");
    ck_assert(beta->adapters[1].idle_ok);
    static const uint8_t made[6] = {0x02, 0x6e, 0x62, 0, 1, 1};
    ck_assert_mem_eq(beta->adapters[1].mac, made, 6);
    stack_destroy(stack);
}

TEST(registry_values_are_typed_by_how_they_are_written)
{
    struct stack *stack = expect_good(full);
    const struct stack_value *parameters = stack_value_find(&stack->boxes[0].drivers[0].registry, "Parameters");
    ck_assert_int_eq(parameters->kind, STACK_VALUE_KEY);
    ck_assert_int_eq(stack_value_find(parameters, "Debug")->kind, STACK_VALUE_DWORD);
    ck_assert_uint_eq(stack_value_find(parameters, "Big")->number, UINT64_C(0x100000000));
    ck_assert_str_eq(stack_value_text(parameters, "Name"), "1");
    const struct stack_value *list = stack_value_find(parameters, "L"), *bytes = stack_value_find(parameters, "B");
    ck_assert_uint_eq(list->count, 2);
    ck_assert_str_eq(list->texts[1], "2");
    ck_assert_uint_eq(bytes->count, 3);
    ck_assert_mem_eq(bytes->bytes, "\x01\x0a\xff", 3);
    const struct stack_value *settings = &stack->boxes[0].adapters[0].settings;
    ck_assert_str_eq(stack_value_text(settings, "*rss"), "1");
    ck_assert_uint_eq(stack_value_find(settings, "Depth")->number, 16);
    stack_destroy(stack);
}

TEST(a_wire_gets_its_numbers_and_defaults)
{
    struct stack *stack = expect_good(full);
    const struct stack_wire *wire = &stack->wires[0];
    ck_assert_uint_eq(wire->bits_per_second, 1000000000);
    ck_assert_uint_eq(wire->delay_ns, 2000000);
    ck_assert_uint_eq(wire->jitter_ns, 0);
    ck_assert(wire->loss > 0.00099999 && wire->loss < 0.00100001);
    ck_assert(wire->corrupt == 0.125 && wire->duplicate == 0);
    ck_assert_uint_eq(wire->seed, 7);
    stack_destroy(stack);
    stack = expect_good(TWO_ADAPTERS);
    ck_assert_uint_eq(stack->wires[0].bits_per_second, 0);
    ck_assert_uint_eq(stack->wires[0].seed, 1);
    ck_assert(!stack->has_script);
    stack_destroy(stack);
}

TEST(a_script_resolves_step_by_step)
{
    struct stack *stack = expect_good(full);
    const struct stack_adapter *nic0 = stack_adapter_find(stack, "alpha.nic0");
    const struct stack_step *step = stack->steps;
    ck_assert_uint_eq(stack->step_count, 12);
    ck_assert(step[0].kind == STACK_STEP_WAIT && step[0].adapter == nic0 && step[0].wait.state == STACK_STATE_RUNNING);
    ck_assert_uint_eq(step[0].within_ns, UINT64_C(5000000000));
    ck_assert_uint_eq(step[0].place.line, 25);
    ck_assert(step[1].adapter == NULL && step[1].wait.for_ns == 1500000000);
    ck_assert(step[2].kind == STACK_STEP_TRAFFIC && step[2].traffic.to == stack_adapter_find(stack, "beta.nic0"));
    ck_assert(step[2].traffic.frames == 1000 && step[2].traffic.size_min_bytes == 64 && step[2].traffic.size_max_bytes == 1514);
    ck_assert(!step[3].oid.is_set && step[3].within_ns == UINT64_C(10000000000));
    ck_assert_str_eq(step[3].oid.name, "OID_GEN_MAXIMUM_FRAME_SIZE");
    ck_assert(step[4].oid.is_set && step[4].oid.value_bytes == 4);
    ck_assert_mem_eq(step[4].oid.value, "\x02\x01\x00\x00", 4);
    ck_assert_str_eq(step[4].oid.expect, "NDIS_STATUS_INVALID_LENGTH");
    ck_assert_uint_eq(step[3].oid.number, 0x00010106);
    ck_assert_uint_eq(step[3].oid.expect_status, 0);
    ck_assert_uint_eq(step[4].oid.number, 0x0001010e);
    ck_assert_uint_eq(step[4].oid.expect_status, 0xc0010014);
    ck_assert_str_eq(stack_status_name(step[4].oid.expect_status), "NDIS_STATUS_INVALID_LENGTH");
    ck_assert_str_eq(stack_oid_name(0x00010106), "OID_GEN_MAXIMUM_FRAME_SIZE");
    ck_assert_ptr_null(stack_oid_name(0xffffffff));
    ck_assert(step[5].act.action == STACK_ACTION_LINK_DOWN && step[6].act.filter == &nic0->filters[1]);
    ck_assert_uint_eq(step[7].expect.count, 2);
    ck_assert(step[7].expect.list[0].counter == STACK_COUNTER_RX_FRAMES && step[7].expect.list[0].compare == STACK_COMPARE_GE);
    ck_assert(step[7].expect.list[1].counter == STACK_COUNTER_FINDINGS && step[7].expect.list[1].adapter == NULL);
    ck_assert_uint_eq(step[7].within_ns, UINT64_C(2000000000));
    const struct stack_box *beta = &stack->boxes[1];
    ck_assert(step[8].kind == STACK_STEP_CALL && step[8].call.box == beta && step[8].call.port == 40001 && !step[8].call.is_six);
    ck_assert(ntohs(step[8].call.remote_port) == 7 && step[8].within_ns == UINT64_C(3000000000));
    ck_assert_mem_eq(step[8].call.remote, "\x0a\x4d\x00\x02", 4);
    ck_assert(step[9].call.is_six && ntohs(step[9].call.remote_port) == 70);
    ck_assert(step[9].call.remote[0] == 0xfd && step[9].call.remote[15] == 2);
    ck_assert(step[10].kind == STACK_STEP_HANG_UP && step[10].call.box == beta && step[10].call.port == 40001);
    ck_assert(step[10].call.is_abort && step[10].call.after_bytes == 100000);
    ck_assert(step[11].call.port == 2 && !step[11].call.is_abort && !step[11].call.after_bytes);
    stack_destroy(stack);
}

TEST(a_printed_stack_reads_back_as_the_same_stack)
{
    struct stack *stack = expect_good(full);
    char *first = yaml_of(stack);
    struct stack *again = expect_good(first);
    char *second = yaml_of(again);
    ck_assert_str_eq(first, second);
    ck_assert_ptr_nonnull(strstr(first, "loss: 0.1"));
    stack_destroy(stack);
    stack_destroy(again);
    free(first);
    free(second);
}

TEST(printed_text_stays_text_whatever_it_looks_like)
{
    struct stack *stack = expect_good(ONE_ADAPTER(
        "        driver: vnic\n        port: sink\n        settings: { A: \"12\", B: \"hex:01\", C: 'no', D: \"a\\\"\\\\\\n\", "
        "E: \"\", \"*F\": 1, G: \"- x\", H: \"qword:1\", I: \"null\", J: \"\xc3\xa9: #\" }\n"));
    char *first = yaml_of(stack);
    struct stack *again = expect_good(first);
    const struct stack_value *a = &stack->boxes[0].adapters[0].settings, *b = &again->boxes[0].adapters[0].settings;
    ck_assert_uint_eq(b->count, 10);
    for (size_t i = 0; i < 10; i++) {
        ck_assert_int_eq(b->children[i].kind, STACK_VALUE_TEXT);
        ck_assert_str_eq(a->children[i].text, b->children[i].text);
        ck_assert_str_eq(a->children[i].name, b->children[i].name);
    }
    stack_destroy(stack);
    stack_destroy(again);
    free(first);
}

TEST(set_replaces_adds_and_enters_lists)
{
    static const char *const sets[] = {"boxes.alpha.adapters.nic0.port=tap:nb0",
                                       "boxes.alpha.processors=4",
                                       "boxes.alpha.adapters.nic0.settings.My\\.Key=5",
                                       "boxes.beta.adapters.nic0.filters=[lwfmon]",
                                       "script.2.traffic.frames=9",
                                       "boxes.alpha.adapters.nic0.protocols.1.echoproto.Depth=\"8\""};
    struct stack_report report = {0};
    struct stack *stack = read_with(full, NULL, sets, 6, &report);
    ck_assert_msg(stack != NULL, "%s", report.count ? report.lines[0] : "");
    const struct stack_adapter *nic0 = stack_adapter_find(stack, "alpha.nic0");
    ck_assert_str_eq(nic0->port, "tap:nb0");
    ck_assert_uint_eq(stack->boxes[0].processors, 4);
    ck_assert_uint_eq(stack_value_find(&nic0->settings, "My.Key")->number, 5);
    ck_assert_uint_eq(stack_adapter_find(stack, "beta.nic0")->filter_count, 1);
    ck_assert_uint_eq(stack->steps[2].traffic.frames, 9);
    ck_assert_str_eq(stack_value_text(&nic0->protocols[1].settings, "Depth"), "8");
    ck_assert_ptr_eq(stack_adapter_find_real(stack), nic0);
    stack_destroy(stack);
    stack_report_clear(&report);
}

static void
set_fails(const char *set, const char *wanted, int line)
{
    struct stack_report report = {0};
    struct stack *stack = read_with(full, NULL, &set, 1, &report);
    ck_assert_ptr_null(stack);
    report_has(&report, wanted, line);
    stack_report_clear(&report);
}

TEST(a_bad_set_is_named_in_the_complaint)
{
    set_fails("boxes.alpha.processors=many", "--set boxes.alpha.processors=many: error: boxes.alpha.processors: found \"many\"",
              __LINE__);
    set_fails("boxes.alpha.procesors=1", "boxes.alpha.procesors: unknown key (did you mean \"processors\"?)", __LINE__);
    set_fails("nothing", "--set takes KEY=VALUE", __LINE__);
    set_fails("=1", "--set takes KEY=VALUE", __LINE__);
    set_fails("script.12.wait.for=1s", "stands for a place in a list here; it has 12", __LINE__);
    set_fails("boxes..x=1", "the key has an empty part", __LINE__);
    set_fails("boxes.alpha.adapters.nic0.filters=[lwfmon", "--set boxes.alpha.adapters.nic0.filters=[lwfmon: error: not YAML", __LINE__);
    set_fails("wires.lan.loss=[&a b]", "anchors", __LINE__);
}

static struct stack *
read_short(const char *const *drivers, size_t driver_count, const char *const *adapters, size_t adapter_count,
           struct stack_report *report)
{
    struct stack_source source = {.name = "--adapter"};
    return stack_read_short(&source, drivers, driver_count, adapters, adapter_count, report);
}

TEST(the_short_form_means_the_same_as_the_long_one)
{
    static const char *const drivers[] = {"mylwf,path=./mylwf.so,registry.Parameters.Debug=1"};
    static const char *const adapters[] = {
        "nic0,driver=vnic,port=tap:nb0,mac=02:00:00:00:00:01,filters=lwfmon+mylwf:Level=3:Name=a\\:b\\+c\\,d,protocols=tapproto:tap=nb1",
        "nic1,driver=vnic,port=wire:lan,settings.*RSS=1", "nic2,driver=vnic,port=pcap:in.pcap\\,out.pcapng"};
    struct stack_report report = {0};
    struct stack *brief = read_short(drivers, 1, adapters, 3, &report);
    ck_assert_msg(brief != NULL, "%s", report.count ? report.lines[0] : "");
    struct stack *lengthy = expect_good("ndisbox: 1\n"
                                        "boxes:\n"
                                        "  box:\n"
                                        "    drivers: { mylwf: { path: ./mylwf.so, registry: { Parameters: { Debug: 1 } } } }\n"
                                        "    adapters:\n"
                                        "      nic0:\n"
                                        "        driver: vnic\n"
                                        "        port: tap:nb0\n"
                                        "        mac: 02:00:00:00:00:01\n"
                                        "        filters: [lwfmon, mylwf: { Level: 3, Name: \"a:b+c,d\" }]\n"
                                        "        protocols: [tapproto: { tap: nb1 }]\n"
                                        "      nic1: { driver: vnic, port: \"wire:lan\", settings: { \"*RSS\": 1 } }\n"
                                        "      nic2: { driver: vnic, port: \"pcap:in.pcap,out.pcapng\" }\n"
                                        "wires: { lan: {} }\n");
    char *a = yaml_of(brief), *b = yaml_of(lengthy);
    ck_assert_str_eq(a, b);
    free(a);
    free(b);
    stack_destroy(brief);
    stack_destroy(lengthy);
    stack_report_clear(&report);
}

static void
short_fails(const char *driver, const char *adapter, const char *wanted, int line)
{
    struct stack_report report = {0};
    struct stack *stack = read_short(&driver, driver ? 1 : 0, &adapter, 1, &report);
    ck_assert_ptr_null(stack);
    report_has(&report, wanted, line);
    stack_report_clear(&report);
}

TEST(a_bad_short_form_is_named_in_the_complaint)
{
    short_fails(NULL, "nic0,driver=vnic,prot=sink",
                "--adapter nic0,driver=vnic,prot=sink: error: boxes.box.adapters.nic0.prot: unknown key (did you mean \"port\"?)",
                __LINE__);
    short_fails(NULL, "driver=vnic", "begins with a name", __LINE__);
    short_fails(NULL, "nic0,vnic", "\"vnic\" is not KEY=VALUE", __LINE__);
    short_fails(NULL, "nic0,driver=vnic,port=sink,filters=lwfmon,filters=x", "filters stands here twice", __LINE__);
    short_fails(NULL, "nic0,driver=vnic,port=sink,protocols=tapproto:tap", "\"tap\" is no setting", __LINE__);
    short_fails("mylwf,paht=x", "nic0,driver=vnic,port=sink",
                "--driver mylwf,paht=x: error: boxes.box.drivers.mylwf.paht: unknown key (did you mean \"path\"?)", __LINE__);
}

TEST(the_picture_shows_protocols_on_top_and_the_other_end_of_the_wire)
{
    struct stack *stack = expect_good(full);
    char *picture = picture_of(stack);
    const char *order[] = {"box alpha, 2 processors",
                           "alpha.nic0",
                           "tapproto",
                           "tap=nb1",
                           "echoproto",
                           "mylwf",
                           "filter  Level=3",
                           "lwfmon",
                           "vnic",
                           "miniport  02:00:00:00:00:0a",
                           "wire:lan  --> beta.nic0, 1000 Mbit/s, delay 2ms, loss 0.1%",
                           "box beta",
                           "script of 12 steps"};
    const char *at = picture;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        const char *found = strstr(at, order[i]);
        ck_assert_msg(found != NULL, "no \"%s\" below what came before in:\n%s", order[i], picture);
        at = found;
    }
    free(picture);
    stack_destroy(stack);
}

TEST(the_schema_is_told_in_full_to_manual_and_editors)
{
    void (*const prints[])(FILE *) = {stack_schema_print_man, stack_schema_print_json};
    static const char *const keys[] = {"processors", "registry", "intermediates", "duplicate", "frames", "offload", "findings"};
    for (size_t i = 0; i < 2; i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        prints[i](out);
        fclose(out);
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            ck_assert_msg(strstr(text, keys[k]) != NULL, "%s is missing", keys[k]);
        free(text);
    }
}
