// SPDX-License-Identifier: MIT
// Every class of complaint about a stack file: where it points, what it says was found and allowed, which word it suggests.
#include "stack_test.h"

TEST(an_unknown_key_is_named_with_its_place_and_the_nearest_word)
{
    expect_line("ndisbox: 1\nboxes:\n  a:\n    procesors: 2\n    adapters: { n: { driver: vnic, port: sink } }\n",
                "t.yaml:4:5: error: boxes.a.procesors: unknown key (did you mean \"processors\"?); known for box: processors, drivers, "
                "adapters or services");
    expect_line(ONE_ADAPTER("        dirver: vnic\n"),
                "t.yaml:6:9: error: boxes.a.adapters.nic0.dirver: unknown key (did you mean \"driver\"?)");
    expect_line("ndisbox: 1\nboxs: {}\n", "t.yaml:2:1: error: boxs: unknown key (did you mean \"boxes\"?)");
}

TEST(a_key_unlike_any_gets_no_suggestion)
{
    expect_line(ONE_ADAPTER("        driver: vnic\n        port: sink\n        zzzzzzzz: 1\n"),
                "nic0.zzzzzzzz: unknown key; known for adapter:");
}

TEST(a_key_that_stands_twice_is_an_error_at_the_second)
{
    expect_line(ONE_ADAPTER("        driver: vnic\n        port: sink\n        driver: vnic\n"),
                "t.yaml:8:9: error: driver: this key stands here twice; the first is in line 6");
}

TEST(a_missing_required_key_is_named)
{
    expect_line("boxes:\n  a: { adapters: { n: { driver: vnic, port: sink } } }\n",
                "t.yaml:1:1: error: a stack file needs the key \"ndisbox\": 1");
    expect_line(ONE_ADAPTER("        port: sink\n"), "boxes.a.adapters.nic0: needs the key \"driver\"");
    expect_line("ndisbox: 1\n", "a stack file needs the key \"boxes\"");
    expect_line("ndisbox: 1\nboxes: {}\n", "boxes: needs at least one box");
    expect_line("ndisbox: 1\nboxes: { a: { adapters: {} } }\n", "boxes.a.adapters: needs at least one adapter");
}

TEST(a_wrong_type_says_what_was_found_and_what_is_allowed)
{
    expect_line("ndisbox: 2\nboxes: { a: { adapters: { n: { driver: vnic, port: sink } } } }\n",
                "t.yaml:1:10: error: ndisbox: found \"2\"; allowed: 1");
    expect_line("ndisbox: 1\nboxes: { a: { processors: two, adapters: { n: { driver: vnic, port: sink } } } }\n",
                "boxes.a.processors: found \"two\"; allowed: an integer from 1 to 64");
    expect_line("ndisbox: 1\nboxes: { a: { processors: 65, adapters: { n: { driver: vnic, port: sink } } } }\n", "found \"65\"");
    expect_line("ndisbox: 1\nboxes: { a: { processors: -1, adapters: { n: { driver: vnic, port: sink } } } }\n", "found \"-1\"");
    expect_line("ndisbox: 1\nboxes: [a]\n", "t.yaml:2:8: error: boxes: found a list; allowed: a map of names, one box each");
    expect_line(ONE_ADAPTER("        driver: [vnic]\n"), "nic0.driver: found a list; allowed: a name");
    expect_line(ONE_ADAPTER("        driver:\n"), "nic0.driver: found nothing; allowed: a name");
    expect_line(ONE_ADAPTER("        driver: vnic\n        port: sink\n        mac: 02:00:00\n"),
                "t.yaml:8:14: error: boxes.a.adapters.nic0.mac: found \"02:00:00\"; allowed: a MAC address such as 02:00:00:00:00:01");
}

TEST(values_of_a_wire_are_typed)
{
#define WIRE(text) TWO_ADAPTERS "  x: { " text " }\n"
    expect_line(WIRE("delay: 2"), "t.yaml:7:15: error: wires.x.delay: found \"2\"; allowed: a duration such as 2ms");
    expect_line(WIRE("delay: 2sec"), "found \"2sec\"");
    expect_line(WIRE("rate: 1Gb"), "wires.x.rate: found \"1Gb\"; allowed: a rate such as 1Gbit");
    expect_line(WIRE("loss: 0.1"), "wires.x.loss: found \"0.1\"; allowed: a percentage such as 0.1%");
    expect_line(WIRE("loss: 101%"), "found \"101%\"");
    expect_line(WIRE("seed: 99999999999999999999"), "wires.x.seed: found \"99999999999999999999\"; allowed: an integer");
    expect_line(WIRE("los: 1%"), "wires.x.los: unknown key (did you mean \"loss\"?)");
}

TEST(names_have_letters_digits_and_dashes_only)
{
    expect_line("ndisbox: 1\nboxes: { a.b: { adapters: { n: { driver: vnic, port: sink } } } }\n",
                "t.yaml:2:10: error: boxes: \"a.b\" is no name");
    expect_line("ndisbox: 1\nboxes: { \"\": { adapters: { n: { driver: vnic, port: sink } } } }\n", "boxes: \"\" is no name");
    expect_line("ndisbox: 1\nboxes: { a23456789012345678901234567890123: {} }\n",
                "is no name; a name has letters, digits, _ and -, at most 32");
}

TEST(what_comes_later_is_refused_by_name)
{
    expect_line("ndisbox: 1\nboxes:\n  a:\n    files: { x: {} }\n    adapters: { n: { driver: vnic, port: sink } }\n",
                "t.yaml:4:5: error: boxes.a.files: not available: files (a driver's user-mode side) are not built yet");
    expect_line(
        "ndisbox: 1\nboxes:\n  a:\n    drivers: { x: { path: x.so, inf: x.inf } }\n    adapters: { n: { driver: vnic, port: sink } }\n",
        "boxes.a.drivers.x.inf: x.inf: INF files cannot be read here");
    expect_line(ONE_ADAPTER("        driver: vnic\n        port: xdp:eth0\n"), "nic0.port: not available: port xdp is not built yet");
}

TEST(a_connection_of_a_hand_over_is_a_box_and_a_port)
{
    expect_line(WITH_SCRIPT("offload: { connection: x }"), "script.0.offload.connection: found \"x\"; allowed: BOX:PORT, or BOX:*");
    expect_line(WITH_SCRIPT("upload: { connection: \"a:0\" }"), "script.0.upload.connection: found \"a:0\"; allowed: BOX:PORT");
    expect_line(WITH_SCRIPT("upload: { connection: \"a:65536\" }"), "allowed: BOX:PORT, or BOX:*");
    expect_line(WITH_SCRIPT("offload: { connection: \"z:80\" }"), "script.0.offload.connection: no box \"z\"; there are: a");
    expect_line(WITH_SCRIPT("offload: { when: any }"), "connection");
    expect_line(WITH_SCRIPT("offload: { connection: \"a:80\", when: closed }"), "allowed: any, established or half-closed");
    expect_line(WITH_SCRIPT("offload: { connection: \"a:80\", rounds: 0 }"), "rounds");
    expect_line(WITH_SCRIPT("call: { box: z, to: \"10.0.0.2:7\", port: 1 }"), "script.0.call.box: no box \"z\"; there are: a");
    expect_line(WITH_SCRIPT("call: { box: a, to: \"10.0.0.2\", port: 1 }"),
                "script.0.call.to: found \"10.0.0.2\"; allowed: ADDRESS:PORT, or [ADDRESS]:PORT for IPv6");
    expect_line(WITH_SCRIPT("call: { box: a, to: \"10.0.0.2:70000\", port: 1 }"), "script.0.call.to: found");
    expect_line(WITH_SCRIPT("call: { box: a, to: \"fd00::2:7\", port: 1 }"), "script.0.call.to: found");
    expect_line(WITH_SCRIPT("call: { box: a, to: \"[fd00::2:7\", port: 1 }"), "script.0.call.to: found");
    expect_line(WITH_SCRIPT("call: { box: a, to: \"10.0.0.2:7\", port: 0 }"), "script.0.call.port: found \"0\"");
    expect_line(WITH_SCRIPT("call: { box: a, to: \"10.0.0.2:7\" }"), "script.0.call: needs the key \"port\"");
    expect_line(WITH_SCRIPT("hang-up: { connection: \"a:1\" }"), "there is no step call of this box and port before");
    expect_line(WITH_SCRIPT("hang-up: { connection: \"a:1\", by: phone }"), "allowed: release or abort");
    expect_line(WITH_SCRIPT("upload: { connection: \"a:80\", rounds: 2 }"), "unknown key");
}

TEST(a_driver_that_is_not_there_gets_the_nearest_name_and_how_to_declare_it)
{
    expect_line(
        ONE_ADAPTER("        driver: vnix\n"),
        "t.yaml:6:17: error: boxes.a.adapters.nic0.driver: no driver \"vnix\" in this box (did you mean \"vnic\"?); there are: vnic; "
        "declare your own under boxes.a.drivers: vnix: { path: ./vnix.so }");
    expect_line(ONE_ADAPTER("        driver: vnic\n        port: sink\n        filters: [lwfmun]\n"),
                "t.yaml:8:19: error: boxes.a.adapters.nic0.filters.0: no driver \"lwfmun\" in this box (did you mean \"lwfmon\"?)");
}

TEST(a_driver_of_another_kind_is_refused)
{
    expect_line(ONE_ADAPTER("        driver: lwfmon\n"),
                "nic0.driver: \"lwfmon\" is a filter driver (bundled); a miniport driver is wanted here");
    expect_line(ONE_ADAPTER("        driver: vnic\n        port: sink\n        filters: [tapproto]\n"),
                "is a protocol driver (bundled); a filter driver");
    expect_line("ndisbox: 1\nboxes:\n  a:\n    drivers: { x: { path: x.so } }\n"
                "    adapters: { n: { driver: vnic, port: sink, filters: [x], protocols: [x] } }\n",
                "t.yaml:5:74: error: boxes.a.adapters.n.protocols.0: \"x\" is a filter driver (so it is used elsewhere in this box)");
}

TEST(a_driver_comes_from_a_path_or_from_a_project_and_not_from_both)
{
    expect_line("ndisbox: 1\nboxes:\n  a:\n    drivers: { x: { path: x.so, project: x.vcxproj } }\n"
                "    adapters: { n: { driver: vnic, port: sink, filters: [x] } }\n",
                "t.yaml:4:42: error: boxes.a.drivers.x.project: path: is there as well; one of them says where the image comes from");
    struct stack_report report = {0};
    struct stack *stack = read_with("ndisbox: 1\nboxes:\n  a:\n    drivers: { x: { project: ../x.vcxproj, subst: { A: b } } }\n"
                                    "    adapters: { n: { driver: vnic, port: sink, filters: [x] } }\n",
                                    "/base", NULL, 0, &report);
    ck_assert_ptr_nonnull(stack);
    ck_assert_str_eq(stack->boxes[0].drivers[0].project, "/base/../x.vcxproj");
    ck_assert_ptr_null(stack->boxes[0].drivers[0].path);
    char *yaml = yaml_of(stack);
    ck_assert_ptr_nonnull(strstr(yaml, "project: /base/../x.vcxproj\n        subst: {"));
    free(yaml);
    stack_destroy(stack);
}

TEST(a_declared_driver_needs_a_path_unless_it_is_bundled)
{
    expect_line("ndisbox: 1\nboxes:\n  a:\n    drivers: { lwfmom: {} }\n    adapters: { n: { driver: vnic, port: sink } }\n",
                "t.yaml:4:16: error: boxes.a.drivers.lwfmom: needs path: or project: \"lwfmom\" is not the name of a bundled driver "
                "(did you mean \"lwfmon\"?)");
}

TEST(a_module_stands_in_a_list_once)
{
    expect_line(ONE_ADAPTER("        driver: vnic\n        port: sink\n        filters: [lwfmon, lwfmon]\n"),
                "nic0.filters.1: \"lwfmon\" stands in this list twice");
}

TEST(a_port_is_checked_as_far_as_its_text_goes)
{
#define PORT(text) ONE_ADAPTER("        driver: vnic\n        port: " text "\n")
    expect_line(PORT("tpa:nb0"),
                "t.yaml:7:15: error: boxes.a.adapters.nic0.port: found \"tpa:nb0\" (did you mean \"tap\"?); allowed: wire:NAME, ");
    expect_line(PORT("\"tap:\""), "\"tap\" needs something after it, as in tap:...");
    expect_line(PORT("tap"), "\"tap\" needs something after it");
    expect_line(PORT("none:1"), "\"none\" takes nothing after it");
    expect_line(PORT("tap:a234567890123456"), "is no interface name; Linux allows 15 characters");
    expect_line(PORT("pcap:,out.pcapng"), "needs a file to read before the comma");
    expect_line(ONE_ADAPTER("        driver: vnic\n"), "boxes.a.adapters.nic0: vnic needs the key \"port\"");
}

TEST(a_wire_must_be_declared)
{
    expect_line("ndisbox: 1\nboxes: { a: { adapters: { n: { driver: vnic, port: wire:lna } } } }\nwires: { lan: {} }\n",
                "t.yaml:2:52: error: boxes.a.adapters.n.port: no wire \"lna\" (did you mean \"lan\"?); declare it at the top level");
}

TEST(a_port_or_address_on_another_miniport_is_refused)
{
    const char *text = "ndisbox: 1\nboxes:\n  a:\n    drivers: { x: { path: x.so } }\n    adapters: { n: { driver: x, port: sink } }\n";
    expect_line(text, "t.yaml:5:33: error: boxes.a.adapters.n.port: only vnic has a port; \"x\" brings its own hardware");
}

TEST(an_address_must_be_a_unicast_one)
{
    expect_line(ONE_ADAPTER("        driver: vnic\n        port: sink\n        mac: 01:00:00:00:00:01\n"),
                "nic0.mac: 01:00:00:00:00:01 is a group address");
    expect_line(ONE_ADAPTER("        driver: vnic\n        port: sink\n        mac: 00:00:00:00:00:00\n"), "is no address");
}

TEST(two_plugs_in_one_socket_are_refused)
{
    expect_line("ndisbox: 1\nboxes: { a: { adapters: { m: { driver: vnic, port: tap:nb0 }, n: { driver: vnic, port: tap:nb0 } } } }\n",
                "t.yaml:2:88: error: boxes.a.adapters.n.port: tap nb0 is already taken by boxes.a.adapters.m.port");
    expect_line("ndisbox: 1\nboxes: { a: { adapters: { m: { driver: vnic, port: tap:nb0, protocols: [tapproto: { tap: nb0 }] } } } }\n",
                "boxes.a.adapters.m.protocols.0.tapproto: tap nb0 is already taken by boxes.a.adapters.m.port");
}

TEST(tapproto_needs_its_tap)
{
    expect_line(ONE_ADAPTER("        driver: vnic\n        port: sink\n        protocols: [tapproto]\n"),
                "protocols.0.tapproto: needs the setting tap");
}

TEST(odd_things_are_warned_about_and_run)
{
    expect_line("ndisbox: 1\nboxes: { a: { adapters: { n: { driver: vnic, port: wire:lan } } } }\nwires: { lan: {} }\n",
                "t.yaml:3:10: warning: wires.lan: has one end only");
    expect_line("ndisbox: 1\nboxes:\n  a:\n    adapters:\n      m: { driver: vnic, port: sink, mac: 02:00:00:00:00:01 }\n"
                "      n: { driver: vnic, port: sink, mac: 02:00:00:00:00:01 }\n",
                "t.yaml:6:7: warning: boxes.a.adapters.n: has the same MAC address as a.m: 02:00:00:00:00:01");
}

TEST(a_script_step_names_adapters_that_exist)
{
    expect_line(WITH_SCRIPT("wait: { adapter: a.n1, state: running }"),
                "t.yaml:8:22: error: script.0.wait.adapter: no adapter \"a.n1\" (did you mean \"a.n0\"?); there are: a.n0 or b.n0");
    expect_line(WITH_SCRIPT("traffic: { from: a.n0, to: n0, frames: 1 }"), "script.0.traffic.to: no adapter \"n0\"");
    expect_line(WITH_SCRIPT("traffic: { from: a.n0, to: a.n0, frames: 1 }"), "script.0.traffic.to: is the adapter that sends");
    expect_line(WITH_SCRIPT("expect: { c.n0.rx_frames: 1 }"), "t.yaml:8:15: error: script.0.expect.c.n0.rx_frames: no adapter \"c.n0\"");
}

TEST(a_script_step_is_one_word_with_its_keys)
{
    expect_line(WITH_SCRIPT("wiat: { for: 1s }"), "t.yaml:8:5: error: script.0.wiat: unknown key (did you mean \"wait\"?)");
    expect_line(WITH_SCRIPT("{ wait: { for: 1s }, do: { adapter: a.n0, action: pause } }"), "script.0: one step has one word, found 2");
    expect_line(WITH_SCRIPT("wait"), "script.0: found \"wait\"; allowed: wait, traffic, oid, do, expect, "
                                        "offload, upload, call or hang-up, each");
    expect_line(WITH_SCRIPT("wait: { for: 1s, state: running }"),
                "script.0.wait: allowed: { adapter: BOX.ADAPTER, state: STATE, within: 30s }, { service: BOX.SERVICE, within: 30s }, or "
                "{ for: 2s }");
    expect_line(WITH_SCRIPT("wait: { adapter: a.n0, state: runing }"),
                "found \"runing\"; allowed: running, paused, link-up, link-down or removed (did you mean \"running\"?)");
    expect_line(WITH_SCRIPT("oid: { adapter: a.n0 }"), "script.0.oid: allowed: query: OID_NAME, or set: OID_NAME with value: VALUE");
    expect_line(WITH_SCRIPT("oid: { adapter: a.n0, query: OID_GEN_STATISTICS, value: 1 }"), "script.0.oid: allowed: query");
    expect_line(WITH_SCRIPT("oid: { adapter: a.n0, query: gen_x }"), "found \"gen_x\"; allowed: an OID such as");
    expect_line(WITH_SCRIPT("oid: { adapter: a.n0, set: OID_GEN_STATISTICS, value: \"hex:1\" }"),
                "found \"hex:1\"; allowed: an integer, or bytes");
    expect_line(WITH_SCRIPT("oid: { adapter: a.n0, query: OID_GEN_STATISTICS, expect: success }"),
                "found \"success\"; allowed: a status");
    expect_line(WITH_SCRIPT("oid: { adapter: a.n0, query: OID_GEN_STATISTIC }"),
                "t.yaml:8:34: error: script.0.oid.query: found \"OID_GEN_STATISTIC\" (did you mean \"OID_GEN_STATISTICS\"?)");
    expect_line(WITH_SCRIPT("oid: { adapter: a.n0, query: OID_GEN_STATISTICS, expect: NDIS_STATUS_SUCCES }"),
                "(did you mean \"NDIS_STATUS_SUCCESS\"?)");
    expect_line(WITH_SCRIPT("do: { adapter: a.n0, action: detach }"), "script.0.do: action: detach needs filter: NAME");
    expect_line(WITH_SCRIPT("do: { adapter: a.n0, action: detach, filter: lwfmom }"),
                "no filter \"lwfmom\" on a.n0 (did you mean \"lwfmon\"?)");
    expect_line(WITH_SCRIPT("do: { adapter: a.n0, action: pause, filter: lwfmon }"), "filter: goes with action: detach only");
    expect_line(WITH_SCRIPT("traffic: { from: a.n0, to: b.n0, frames: 1, sizes: 64..40 }"),
                "found \"64..40\"; allowed: bytes as N or LOW..HIGH");
    expect_line(WITH_SCRIPT("traffic: { from: a.n0, to: b.n0, frames: 0 }"), "found \"0\"");
    expect_line(WITH_SCRIPT("expect: { a.n0.rx_frame: 1 }"), "\"rx_frame\" is no counter (did you mean \"rx_frames\"?)");
    expect_line(WITH_SCRIPT("expect: { finding: 0 }"), "script.0.expect.finding: unknown key (did you mean \"findings\"?)");
    expect_line(WITH_SCRIPT("expect: { findings: \"=> 1\" }"), "found \"=> 1\"; allowed: a number, or a comparison");
    expect_line(WITH_SCRIPT("expect: { within: 1s }"), "expects nothing");
    expect_line(TWO_ADAPTERS "script: []\n", "script: a script without a step");
}

TEST(registry_values_that_fit_nothing_are_refused)
{
#define SETTING(text) ONE_ADAPTER("        driver: vnic\n        port: sink\n        settings:\n          " text "\n")
    expect_line(SETTING("X: 4294967296"),
                "t.yaml:9:14: error: boxes.a.adapters.nic0.settings.X: 4294967296 does not fit a REG_DWORD; write qword:4294967296");
    expect_line(SETTING("X: hex:1"), "allowed: hex: and bytes of two digits");
    expect_line(SETTING("X: qword:z"), "allowed: qword: and an integer");
    expect_line(SETTING("X:"), "settings.X: found nothing");
    expect_line(SETTING("X: [[1]]"), "settings.X: found a list in a list");
    expect_line(SETTING("{ Abc: 1, aBC: 2 }"), "settings.aBC: the registry takes this for the same name as \"Abc\" in line 9");
    expect_line(SETTING("'a\\b': 1"), "no backslash");
}

TEST(what_yaml_itself_refuses_gets_a_place_and_a_hint)
{
    expect_line("ndisbox: 1\nboxes:\n\ta: 1\n", "t.yaml:3:1: error: not YAML: ");
    expect_line("ndisbox: 1\nboxes: { a: [1 }\n", "t.yaml:2:");
    expect_line("ndisbox: \"1\n", "error: not YAML: ");
    expect_line("ndisbox: 1\nx: @y\n", "a value that begins with @, ` or % needs quotes");
    expect_line("ndisbox: \xff\n", "not a text file in UTF-8");
}

TEST(anchors_aliases_tags_and_second_documents_are_refused)
{
    expect_line("ndisbox: 1\nboxes: &x { a: 1 }\n", "t.yaml:2:8: error: YAML anchors and aliases");
    expect_line("a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n", "t.yaml:1:4: error: YAML anchors and aliases");
    expect_line("ndisbox: 1\nboxes: *x\n", "a name that begins with * needs quotes");
    expect_line("ndisbox: !!int 1\n", "t.yaml:1:10: error: YAML tags");
    expect_line("ndisbox: 1\n---\nndisbox: 1\n", "t.yaml:2:1: error: a second YAML document");
    expect_line("? [a]\n: 1\n", "a key must be plain text, not a list");
    expect_line("ndisbox: \"\\0\"\n", "a NUL character");
}

TEST(depth_is_bounded)
{
    char text[4096] = "ndisbox: 1\nboxes: ";
    memset(text + strlen(text), '[', 2000);
    expect_line(text, "error: maps and lists are nested more than 24 deep");
}

TEST(a_file_of_another_kind_says_what_a_stack_file_is)
{
    expect_line("", "t.yaml:1:1: error: this is no stack file");
    expect_line("hello\n", "found a single value");
    expect_line("a: 1\n", "it should be a map that begins with \"ndisbox: 1\", found other keys");
}

TEST(all_mistakes_are_shown_at_once_and_at_most_twenty)
{
    struct stack_report report = {0};
    struct stack *stack =
        read_with("ndisbox: 3\nboxes: { a: { procs: 1, adapters: { n: { driver: 7 7, port: x } } } }\nwires: { w: { loss: 5 } }\n", NULL,
                  NULL, 0, &report);
    ck_assert_ptr_null(stack);
    ck_assert_uint_eq(report.error_count, 5);
    stack_report_clear(&report);
    char text[8192] = "ndisbox: 1\nboxes: {}\n";
    for (int i = 0; i < 50; i++)
        sprintf(text + strlen(text), "key%d: 1\n", i);
    stack = read_with(text, NULL, NULL, 0, &report);
    ck_assert_ptr_null(stack);
    ck_assert_uint_eq(report.error_count, 20);
    stack_report_clear(&report);
}

TEST(what_was_typed_cannot_drive_the_terminal)
{
    struct stack_report report = {0};
    read_with("ndisbox: \"\\e[31m\"\n", NULL, NULL, 0, &report);
    ck_assert_uint_ge(report.count, 1);
    for (size_t i = 0; i < report.count; i++)
        ck_assert_ptr_null(strchr(report.lines[i], '\033'));
    stack_report_clear(&report);
}
