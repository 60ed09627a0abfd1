// SPDX-License-Identifier: MIT
// services: which names and settings are taken, what becomes of directories, what is refused, and that both prints show them.
#include "stack_test.h"

#define SERVICES(text) \
    "ndisbox: 1\nboxes:\n  a:\n    drivers: { mine: { path: mine.so, registry: { Parameters: { Depth: 1 } } } }\n    services:\n" text \
    "    adapters: { n: { driver: vnic, port: sink, protocols: [tcpip] } }\n"

TEST(a_service_is_a_client_driver_with_its_settings_in_the_order_of_the_file)
{
    struct stack *stack = expect_good(SERVICES("      tdihttpd: { root: ./www, port: 8080, upload: /tmp }\n"
                                               "      mine: { Depth: 3 }\n"
                                               "      tdiecho: {}\n"));
    const struct stack_box *box = &stack->boxes[0];
    ck_assert_uint_eq(box->service_count, 3);
    ck_assert_str_eq(box->services[0].driver->name, "tdihttpd");
    ck_assert_int_eq(box->services[0].driver->kind, STACK_DRIVER_CLIENT);
    ck_assert(box->services[0].driver->is_service);
    ck_assert_uint_eq(stack_value_find(&box->services[0].settings, "port")->number, 8080);
    ck_assert_str_eq(box->services[1].driver->path, "mine.so");
    ck_assert_uint_eq(stack_value_find(&box->services[1].settings, "Depth")->number, 3);
    ck_assert_str_eq(box->services[2].driver->name, "tdiecho");
    ck_assert_uint_eq(box->services[2].settings.count, 0);
    stack_destroy(stack);
}

TEST(a_services_directories_are_made_good_and_only_what_takes_files_may_be_written)
{
    struct stack_report report = {0};
    struct stack *stack = read_with(SERVICES("      tdihttpd: { root: www, upload: 7, port: \"81\" }\n"), "/base", NULL, 0, &report);
    ck_assert_msg(stack != NULL, "%s", report.count ? report.lines[0] : "");
    const struct stack_service *service = &stack->boxes[0].services[0];
    ck_assert_uint_eq(service->directory_count, 2);
    ck_assert_str_eq(service->directories[0].name, "root");
    ck_assert_str_eq(service->directories[0].path, "/base/www");
    ck_assert(!service->directories[0].can_write);
    ck_assert_str_eq(service->directories[1].path, "/base/7");
    ck_assert(service->directories[1].can_write);
    ck_assert_str_eq(stack_value_text(&service->settings, "root"), "/base/www");
    ck_assert_int_eq(stack_value_find(&service->settings, "port")->kind, STACK_VALUE_DWORD);
    ck_assert_uint_eq(stack_value_find(&service->settings, "port")->number, 81);
    stack_destroy(stack);
}

TEST(services_are_printed_as_they_read_back_and_drawn)
{
    struct stack *stack = expect_good(SERVICES("      tdihttpd: { root: /www, port: 8080 }\n      mine: { Depth: 3 }\n"));
    char *yaml = yaml_of(stack), *picture = picture_of(stack);
    ck_assert_ptr_nonnull(strstr(picture, "a service tdihttpd: root=/www port=8080\n"));
    ck_assert_ptr_nonnull(strstr(picture, "a service mine: Depth=3\n"));
    struct stack *again = expect_good(yaml);
    char *twice = yaml_of(again);
    ck_assert_str_eq(yaml, twice);
    ck_assert_uint_eq(again->boxes[0].service_count, 2);
    stack_destroy(again);
    stack_destroy(stack);
    free(twice);
    free(picture);
    free(yaml);
}

TEST(a_bundled_service_knows_its_settings)
{
    expect_line(SERVICES("      tdihttpd: { root: www, prot: 80 }\n"),
                "t.yaml:6:30: error: boxes.a.services.tdihttpd.prot: unknown key (did you mean \"port\"?); known for service tdihttpd: root");
    expect_line(SERVICES("      tdihttpd: {}\n"), "boxes.a.services.tdihttpd: needs the key \"root\": a directory, relative to the file");
    expect_line(SERVICES("      tdihttpd: { root: www, port: 65536 }\n"), "found \"65536\"; allowed: an integer from 1 to 65535");
    expect_line(SERVICES("      tdiecho: { port: 7 }\n"), "boxes.a.services.tdiecho.port: unknown key (did you mean \"Port\"?)");
    expect_line(SERVICES("      tdiecho: 7\n"), "boxes.a.services.tdiecho: found \"7\"; allowed: a map of settings, or {}");
    expect_line(SERVICES("      mine: { \"a\\\\b\": 1 }\n"), "a name in the registry has 1 to 255 bytes and no backslash");
}

// ---- ndkping

#define PING(settings, more) \
    "ndisbox: 1\nboxes:\n  a:\n    services: { ndkping: { " settings " } }\n    adapters:\n      nic0: { driver: vnic, port: sink" more \
    " }\n      nic1: { driver: vnic, port: none }\n"
#define NDK ", settings: { \"*NetworkDirect\": 1 }"
#define PING_LINE(settings, column, key, line) \
    expect_line(PING(settings, NDK), "t.yaml:4:" column ": error: boxes.a.services.ndkping" key ": " line)

TEST(a_services_text_may_look_like_a_number)
{
    struct stack *stack = expect_good(PING("role: client, local: 10.0.0.1, peer: 10.0.0.2, sizes: 64, port: \"7\"", NDK));
    const struct stack_service *service = &stack->boxes[0].services[0];
    ck_assert_str_eq(stack_value_text(&service->settings, "sizes"), "64");
    ck_assert_uint_eq(stack_value_find(&service->settings, "port")->number, 7);
    stack_destroy(stack);
}

TEST(settings_of_ndkping_that_make_sense_are_taken)
{
    stack_destroy(expect_good(PING("role: server, local: \"10.0.0.1, fd77::1 10.0.0.2 fd77::2\", adapter: nic0, reject: 1", NDK)));
    stack_destroy(expect_good(PING("role: client, local: \"fd77::1\", peer: \"fd77::2\", tests: \"write,send read ping\", "
                                   "sizes: \"1 2, 4194304\", buffer: 4194304, count: 100000000, depth: 2, delay: 60000",
                                   NDK)));
}

TEST(lists_of_ndkping_are_judged_where_they_stand)
{
    PING_LINE("role: server, local: 10.0.0.1/24", "49", ".local", "found \"10.0.0.1/24\"; allowed: one to four");
    PING_LINE("role: server, local: \"10.0.0.1:7\"", "49", ".local", "found \"10.0.0.1:7\"; allowed");
    PING_LINE("role: server, local: \"1.0.0.1 1.0.0.2 1.0.0.3 1.0.0.4 1.0.0.5\"", "49", ".local", "found");
    PING_LINE("role: server, local: \" \"", "49", ".local", "found \" \"; allowed: one to four");
    PING_LINE("role: client, peer: 1.0.0.1, local: \"1.0.0.1 1.0.0.2\"", "64", ".local", "found");
    PING_LINE("role: client, local: 1.0.0.1, peer: \"fd77::1\"", "64", ".peer", "found \"fd77::1\"; allowed: the "
                                                                                "server's address, of the family of local");
    PING_LINE("role: client, local: 1.0.0.1", "17", "", "needs the key \"peer\": the server's address");
    expect_line(PING("role: client, local: 1.0.0.1, peer: 1.0.0.2, tests: sent", NDK), "write, between spaces (did you mean \"send\"?)");
    PING_LINE("role: client, local: 1.0.0.1, peer: 1.0.0.2, tests: sent", "80", ".tests", "found \"sent\"; allowed: some of ping, send");
    PING_LINE("role: client, local: 1.0.0.1, peer: 1.0.0.2, tests: \" \"", "80", ".tests", "found \" \"; allowed");
}

TEST(sizes_of_ndkping_fit_its_buffer)
{
    const char *const bad[] = {"0", "1048577", "64k", "-1", "12 0", "18446744073709551617", "\" \""};
    char text[1024];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, PING("role: client, local: 1.0.0.1, peer: 1.0.0.2, sizes: %s", NDK), bad[i]);
        expect_line(text, "ndkping.sizes: found \"");
        expect_line(text, "allowed: one to 32 numbers of bytes between spaces, each from 1 to buffer (1048576)");
    }
    PING_LINE("role: client, local: 1.0.0.1, peer: 1.0.0.2, buffer: 99, sizes: 100", "92", ".sizes", "found");
    PING_LINE("role: client, local: 1.0.0.1, peer: 1.0.0.2, sizes: \"1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\"",
              "80", ".sizes", "found");
}

TEST(what_ndkpings_other_role_has_is_refused)
{
    expect_line(PING("role: servant, local: 10.0.0.1", NDK), "ndkping.role: found \"servant\"; allowed: client or server");
    PING_LINE("role: server, local: 10.0.0.1, peer: 10.0.0.2", "65", ".peer", "found \"10.0.0.2\"; allowed: nothing");
    PING_LINE("role: server, local: 10.0.0.1, count: 7", "66", ".count", "found 7; allowed: nothing: what is done");
    PING_LINE("role: server, local: 10.0.0.1, tests: send", "66", ".tests", "found \"send\"; allowed: nothing");
    PING_LINE("role: client, local: 1.0.0.1, peer: 1.0.0.2, reject: 1", "81", ".reject", "found 1; allowed: nothing");
}

TEST(ndkping_needs_an_adapter_with_ndk)
{
    PING_LINE("role: server, local: 1.0.0.1, adapter: nic", "67", ".adapter", "found \"nic\"; allowed: an adapter "
                                                                              "of this box (did you mean \"nic0\"?): nic0 or nic1");
    PING_LINE("role: server, local: 1.0.0.1, adapter: nic1", "17", "", "adapter nic1 has no NDK; give vnic");
    expect_line(PING("role: server, local: 1.0.0.1", ""), "t.yaml:4:17: error: boxes.a.services.ndkping: no adapter of this box has NDK; "
                                                          "give vnic the setting \"*NetworkDirect\": 1");
    expect_line(PING("role: server, local: 1.0.0.1", ", settings: { \"*NetworkDirect\": 0 }"), "no adapter of this box has NDK");
}

TEST(a_step_waits_for_a_service_by_box_and_name)
{
#define WAIT(step) SERVICES("      tdiecho: {}\n      mine: {}\n") "script: [ wait: { " step " } ]\n"
    struct stack *stack = expect_good(WAIT("service: a.mine, within: 2s"));
    ck_assert_ptr_eq(stack->steps[0].wait.service, &stack->boxes[0].services[1]);
    ck_assert_ptr_eq(stack->steps[0].wait.box, &stack->boxes[0]);
    ck_assert_ptr_null(stack->steps[0].adapter);
    ck_assert_uint_eq(stack->steps[0].within_ns, 2000000000);
    char *yaml = yaml_of(stack);
    ck_assert_ptr_nonnull(strstr(yaml, "  - wait: { service: a.mine, within: 2s }\n"));
    struct stack *again = expect_good(yaml);
    ck_assert_ptr_eq(again->steps[0].wait.service, &again->boxes[0].services[1]);
    stack_destroy(again);
    stack_destroy(stack);
    free(yaml);
}

TEST(a_wait_for_a_service_that_is_not_there_or_for_two_things_is_refused)
{
    expect_line(WAIT("service: a.tdiech"),
                "script.0.wait.service: no service \"a.tdiech\" (did you mean \"a.tdiecho\"?); there are: a.tdiecho or a.mine");
    expect_line(WAIT("service: tdiecho"), "no service \"tdiecho\"");
    expect_line(ONE_ADAPTER("        driver: vnic\n        port: sink\n") "script: [ wait: { service: a.x } ]\n", "there are: none");
    expect_line(WAIT("service: a.tdiecho, for: 2s"),
                "script.0.wait: allowed: { adapter: BOX.ADAPTER, state: STATE, within: 30s }, { service: BOX.SERVICE, within: 30s }");
    expect_line(WAIT("service: a.tdiecho, adapter: a.n, state: running"), "script.0.wait: allowed: ");
    expect_line(WAIT("service: a.tdiecho, state: running"), "script.0.wait: allowed: ");
}

TEST(what_is_no_client_is_no_service)
{
    expect_line(SERVICES("      vnic: {}\n"),
                "boxes.a.services.vnic: \"vnic\" is a miniport driver (bundled); a client driver is wanted here");
    expect_line(SERVICES("      tdihttp: {}\n"), "no driver \"tdihttp\" in this box (did you mean \"tdihttpd\"?)");
    expect_line(ONE_ADAPTER("        driver: vnic\n        port: sink\n        protocols: [tdiecho]\n"),
                "\"tdiecho\" is a client driver (bundled); a protocol driver is wanted here");
    expect_line("ndisbox: 1\nboxes:\n  a:\n    services: [tdiecho]\n    adapters: { n: { driver: vnic, port: sink } }\n",
                "boxes.a.services: found a list; allowed: a map of driver names, each with a map of its settings");
    expect_line("ndisbox: 1\nboxes:\n  a:\n    services: { \"a.b\": {} }\n    adapters: { n: { driver: vnic, port: sink } }\n",
                "boxes.a.services: \"a.b\" is no name");
}

// ---- a bundled protocol's settings

#define TCPIP(settings) ONE_ADAPTER("        driver: vnic\n        port: sink\n        protocols:\n          - tcpip: { " settings " }\n")

TEST(the_settings_of_tcpip_are_checked_with_the_file)
{
    stack_destroy(expect_good(TCPIP("addresses: [10.0.0.1/24, \"fd00::1/64\"], gateway: 10.0.0.2, mtu: 1400, probes: 3, chimney: on, "
                                    "chimney_after: 2000, chimney_rate: 100, chimney_rest: 0")));
    stack_destroy(expect_good(TCPIP("addresses: 10.0.0.1/24, gateway: [10.0.0.2, \"fd00::2\"], chimney: always")));
    expect_line(TCPIP("chimny: on"), "tcpip.chimny: unknown key (did you mean \"chimney\"?)");
    expect_line(TCPIP("chimney: sometimes"), "tcpip.chimney: found \"sometimes\"");
    expect_line(TCPIP("chimney_after: 86400001"), "allowed: an integer from 0 to 86400000");
    expect_line(TCPIP("chimney_rate: fast"), "allowed: an integer from 0 to 4194303");
    expect_line(TCPIP("mtu: 575"), "allowed: an integer from 576 to 65535");
    expect_line(TCPIP("gateway: [10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5]"), "allowed: a text, or a list of at most 4");
}
