// SPDX-License-Identifier: MIT
// Virtual miniports in stack files: implied by `intermediates`, declared with `above`, what goes onto which, and what is refused.
#include "stack_test.h"

#define BOX(adapters) "ndisbox: 1\nboxes:\n  a:\n    drivers: { mux: { path: mux.so }, imx: { path: imx.so } }\n    adapters:\n" adapters
#define NIC "      nic0: { driver: vnic, port: sink }\n      nic1: { driver: vnic, port: sink }\n"

static struct stack *
good(const char *text)
{
    struct stack_report report = {0};
    struct stack *stack = read_with(text, NULL, NULL, 0, &report);
    ck_assert_msg(stack != NULL, "%s", report.count ? report.lines[0] : "nothing reported");
    stack_report_clear(&report);
    return stack;
}

TEST(an_intermediate_implies_a_virtual_miniport_that_takes_filters_and_protocols)
{
    struct stack *stack = good(BOX("      nic0:\n        driver: vnic\n        port: sink\n"
                                   "        intermediates: [passthru: { A: 1 }]\n"
                                   "        filters: [lwfmon]\n        protocols: [echoproto]\n"
                                   "      nic1: { driver: vnic, port: sink }\n"));
    const struct stack_box *box = &stack->boxes[0];
    ck_assert_uint_eq(box->adapter_count, 3);
    const struct stack_adapter *nic0 = &box->adapters[0], *made = &box->adapters[2];
    ck_assert_str_eq(made->name, "nic0-passthru");
    ck_assert_str_eq(box->adapters[1].name, "nic1");         // written ones keep their numbers
    ck_assert(made->is_implied && made->index == 2 && !made->has_mac);
    ck_assert_uint_eq(made->lower_count, 1);
    ck_assert_ptr_eq(made->lowers[0], nic0);
    ck_assert_ptr_eq(nic0->top, made);
    ck_assert_uint_eq(nic0->filter_count + nic0->protocol_count, 0);
    ck_assert_uint_eq(made->filter_count, 1);
    ck_assert_str_eq(made->protocols[0].driver->name, "echoproto");
    ck_assert_uint_eq(nic0->upper_count, 1);
    ck_assert_uint_eq(stack_value_find(&nic0->uppers[0].module->settings, "A")->number, 1);
    ck_assert_ptr_eq(nic0->uppers[0].adapters[0], made);
    stack_destroy(stack);
}

TEST(several_intermediates_stand_on_each_other_in_order)
{
    struct stack *stack = good(BOX("      nic0: { driver: vnic, port: sink, intermediates: [imx, passthru: { B: 2 }], "
                                   "protocols: [echoproto] }\n"));
    const struct stack_adapter *list = stack->boxes[0].adapters;
    ck_assert_uint_eq(stack->boxes[0].adapter_count, 3);
    ck_assert_str_eq(list[1].name, "nic0-imx");
    ck_assert_str_eq(list[2].name, "nic0-imx-passthru");
    ck_assert_ptr_eq(list[2].lowers[0], &list[1]);
    ck_assert_ptr_eq(list[0].top, &list[2]);
    ck_assert_uint_eq(list[1].protocol_count, 0);
    ck_assert_uint_eq(list[2].protocol_count, 1);
    ck_assert_uint_eq(list[0].uppers[0].module->settings.count, 0);
    ck_assert_uint_eq(stack_value_find(&list[1].uppers[0].module->settings, "B")->number, 2);   // kept with nic0 in the file
    stack_destroy(stack);
}

TEST(declared_virtual_miniports_are_adapters_of_their_own)
{
    struct stack *stack = good(BOX("      v0: { driver: mux, above: nic0, protocols: [echoproto], settings: { VlanID: 7 }, "
                                   "mac: 02:00:00:00:00:77 }\n"
                                   "      nic0: { driver: vnic, port: sink, intermediates: [mux: { C: 3 }], filters: [lwfmon] }\n"
                                   "      v1: { driver: mux, above: [nic0, nic1] }\n      nic1: { driver: vnic, port: sink }\n"));
    const struct stack_adapter *list = stack->boxes[0].adapters;
    ck_assert_uint_eq(stack->boxes[0].adapter_count, 4);
    ck_assert_uint_eq(list[1].filter_count, 1);              // nic0 keeps what is its own
    ck_assert_ptr_null(list[1].top);
    ck_assert(list[0].has_mac && list[0].mac[5] == 0x77);
    ck_assert_int_eq(list[0].driver->kind, STACK_DRIVER_INTERMEDIATE);
    ck_assert_uint_eq(list[1].upper_count, 1);
    ck_assert_uint_eq(list[1].uppers[0].adapter_count, 2);
    ck_assert_ptr_eq(list[1].uppers[0].adapters[0], &list[0]);
    ck_assert_ptr_eq(list[1].uppers[0].adapters[1], &list[2]);
    ck_assert_uint_eq(stack_value_find(&list[1].uppers[0].module->settings, "C")->number, 3);
    ck_assert_uint_eq(list[3].upper_count, 1);
    ck_assert_ptr_eq(list[3].uppers[0].adapters[0], &list[2]);
    ck_assert_ptr_null(list[3].uppers[0].module);
    ck_assert_uint_eq(list[2].lower_count, 2);
    stack_destroy(stack);
}

TEST(virtual_miniports_are_printed_as_they_were_written_and_read_again)
{
    static const char text[] = BOX("      nic0: { driver: vnic, port: sink, intermediates: [passthru], filters: [lwfmon], "
                                   "protocols: [echoproto] }\n"
                                   "      nic1: { driver: vnic, port: sink }\n      v0: { driver: mux, above: [nic1, nic0-passthru] }\n");
    struct stack_report report = {0};
    // nic0-passthru is implied: only written adapters can be named.
    ck_assert_ptr_null(read_with(text, NULL, NULL, 0, &report));
    ck_assert(strstr(report.lines[0], "no other adapter \"nic0-passthru\" in this box"));
    stack_report_clear(&report);
    struct stack *stack = good(BOX("      nic0: { driver: vnic, port: sink, intermediates: [passthru], filters: [lwfmon], "
                                   "protocols: [echoproto] }\n"
                                   "      nic1: { driver: vnic, port: sink }\n      v0: { driver: mux, above: [nic1, nic0] }\n"));
    char *bytes = yaml_of(stack), *picture = picture_of(stack);
    ck_assert(strstr(picture, "passthru  intermediate, below nic0-passthru"));
    ck_assert(strstr(picture, "mux       intermediate, below v0"));
    ck_assert(strstr(picture, "above a.nic1, a.nic0"));
    ck_assert(strstr(bytes, "above: [nic1, nic0]"));
    ck_assert(!strstr(bytes, "nic0-passthru"));
    struct stack *again = good(bytes);
    ck_assert_uint_eq(again->boxes[0].adapter_count, 4);
    ck_assert_uint_eq(again->boxes[0].adapters[3].protocol_count, 1);
    ck_assert_uint_eq(again->boxes[0].adapters[2].lower_count, 2);
    stack_destroy(again);
    stack_destroy(stack);
    free(bytes);
    free(picture);
}

TEST(what_above_names_has_to_be_another_adapter_of_the_box)
{
    expect_line(BOX(NIC "      v0: { driver: mux, above: nic2 }\n"),
                "boxes.a.adapters.v0.above: no other adapter \"nic2\" in this box (did you mean \"nic0\"?); there are: nic0 or nic1");
    expect_line(BOX(NIC "      v0: { driver: mux, above: v0 }\n"), "boxes.a.adapters.v0.above: no other adapter \"v0\" in this box");
    expect_line(BOX(NIC "      v0: { driver: mux, above: [nic0, nic0] }\n"), "boxes.a.adapters.v0.above: \"nic0\" stands here twice");
    expect_line(BOX(NIC "      v0: { driver: mux, above: { nic0: 1 } }\n"),
                "boxes.a.adapters.v0.above: found a map; allowed: the name of an adapter of this box, or a list of such names");
    expect_line(BOX(NIC "      v0: { driver: mux, above: [] }\n"), "boxes.a.adapters.v0.above: found");
}

TEST(a_driver_does_not_stand_on_itself_nor_in_a_circle)
{
    expect_line(BOX(NIC "      v0: { driver: mux, above: nic0 }\n      v1: { driver: mux, above: v0 }\n"),
                "boxes.a.adapters.v1.above: v0 is a virtual miniport of mux itself; a driver is not bound to its own");
    expect_line(BOX(NIC "      v0: { driver: mux, above: v1 }\n      v1: { driver: imx, above: v0 }\n"),
                "boxes.a.adapters.v0.above: stands above itself");
}

TEST(an_intermediate_has_declared_miniports_for_all_or_none_of_a_list)
{
    expect_line(BOX("      nic0: { driver: vnic, port: sink, intermediates: [mux, passthru] }\n      v0: { driver: mux, above: nic0 }\n"),
                "boxes.a.adapters.nic0.intermediates: no adapter is declared for passthru, while others of this list have one");
    expect_line(BOX("      nic0: { driver: vnic, port: sink, intermediates: [passthru] }\n"
                    "      nic0-passthru: { driver: vnic, port: sink }\n"),
                "the virtual miniport of passthru would be named nic0-passthru, which is taken; declare it: vm0: { driver: passthru, "
                "above: nic0 }");
    expect_line(BOX("      a2345678901234567890123456789: { driver: vnic, port: sink, intermediates: [passthru] }\n"), "which is too long");
}

TEST(a_virtual_miniport_has_no_port_and_needs_an_intermediate_driver)
{
    expect_line(BOX(NIC "      v0: { driver: passthru, above: nic0, port: sink }\n"), "boxes.a.adapters.v0.port: only vnic has a port");
    expect_line(BOX(NIC "      v0: { driver: passthru }\n"), "\"passthru\" is an intermediate driver");
    expect_line(BOX(NIC "      v0: { driver: vnic, above: nic0 }\n"), "\"vnic\" is a miniport driver");
    expect_line(BOX(NIC "      v0: { driver: mux, above: nic0, mac: 01:00:00:00:00:00 }\n"), "is a group address");
}
