// SPDX-License-Identifier: MIT
// INFs in a stack: kind and service follow from them, settings are held against them, and what does not go together is refused with the
// place in the stack file; what is wrong in the INF, with the place in the INF.
#include "stack_test.h"

#define HEAD(class) \
    "[Version]\nSignature = \"$Windows NT$\"\nClass = " class "\n[Manufacturer]\nM = M\n[M]\nD = I, id\n[I.Services]\nAddService = " \
                                                              "@S@, 2, S\n" \
                                                              "[S]\nServiceType = 1\nAddReg = P\n[I]\nAddReg = R\n"
#define RANGES(upper, lower) "HKR,Ndi\\Interfaces,UpperRange,,\"" upper "\"\nHKR,Ndi\\Interfaces,LowerRange,,\"" lower "\"\n"
#define MINIPORT(upper, lower) \
    HEAD("Net") \
    "[P]\nHKR,Parameters,Debug,0x10001,1\n[R]\n" RANGES( \
        upper, lower) "HKR,Ndi\\Params\\MTU,Type,,int\nHKR,Ndi\\Params\\MTU,Default,,1500\nHKR,Ndi\\Params\\MTU,Max,,1500\nHKR," \
                      "Ndi\\Params\\MTU,Min,,100\n" \
                      "HKR,Ndi\\Params\\Mode,Type,,enum\nHKR,Ndi\\Params\\Mode\\Enum,0,,Slow\nHKR,Ndi\\Params\\Mode\\Enum,1,,Fast\n"
#define FILTER(class, type, run, media) \
    HEAD("NetService") \
    "[P]\nHKR,FilterDriverParams\\Level,Type,,int\nHKR,FilterAdapterParams\\Ring,Type,,word\n[R]\n" RANGES( \
        "noupper", "nolower") class "HKR,Ndi,FilterType,0x10001," type "\nHKR,Ndi,FilterRunType,0x10001," run \
                                    "\nHKR,Ndi\\Interfaces,FilterMediaTypes,," media "\n"
#define CLASS(name) "HKR,Ndi,FilterClass,," name "\n"
#define PROTOCOL(lower) HEAD("NetTrans") "[P]\n[R]\n" RANGES("noupper", lower)

static const char *const files[][2] = {
    {"nic.inf", MINIPORT("ndis5", "ethernet")},
    {"ip.inf", MINIPORT("ndis5", "nolower")},
    {"odd.inf", MINIPORT("ndis9", "ethernet")},
    {"wan.inf", MINIPORT("ndis5", "wan")},
    {"enc.inf", FILTER(CLASS("encryption"), "2", "1", "ethernet")},
    {"comp.inf", FILTER(CLASS("compression"), "2", "2", "\"ethernet, wan\"")},
    {"mon.inf", FILTER("", "1", "2", "ethernet")},
    {"proto.inf", PROTOCOL("ndis5,ndis4")},
    {"virtual.inf", MINIPORT("ndis5", "nolower")},
    {"bad.inf", "[Version]\nSignature = \"$Windows NT$\"\nClass = Camera\n"},
    {"vnic.inf", MINIPORT("ndis5", "ethernet")},
    {"lwfmon.inf", FILTER(CLASS("custom"), "2", "2", "ethernet")},
};

static char *
read_inf(void *context, const char *path, size_t *length_bytes, const char **why)
{
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!strcmp(files[i][0], path)) {
            char *text = strdup(files[i][1]), *place = strstr(text, "@S@");
            if (!strcmp(path, "vnic.inf") || !strcmp(path, "lwfmon.inf"))
                memcpy(place, path, 3);      // a bundled driver's INF is no template
            *length_bytes = strlen(text);
            return text;
        }
    *why = "No such file or directory";
    return NULL;
}

static bool
bundled_inf(void *context, const char *driver, size_t index, char *path, size_t path_bytes)
{
    snprintf(path, path_bytes, "%s.inf", driver);
    return *(bool *)context && !index && (!strcmp(driver, "vnic") || !strcmp(driver, "lwfmon"));
}

static struct stack *
read_text(const char *text, bool has_bundled, struct stack_report *report)
{
    struct stack_source source = {.name = "t.yaml", .files = {read_inf, bundled_inf, &has_bundled}};
    return stack_read(&source, text, strlen(text), report);
}

static struct stack *
good_at(const char *text, bool has_bundled, int line)
{
    struct stack_report report = {0};
    struct stack *stack = read_text(text, has_bundled, &report);
    ck_assert_msg(stack != NULL, "line %d: refused: %s", line, report.count ? report.lines[0] : "without a word");
    stack_report_clear(&report);
    return stack;
}

static void
line_at(const char *text, const char *wanted, bool is_error, int line)
{
    struct stack_report report = {0};
    struct stack *stack = read_text(text, true, &report);
    report_has(&report, wanted, line);
    ck_assert_msg((stack == NULL) == is_error, "line %d: %s", line, is_error ? "not refused" : "refused");
    stack_destroy(stack);
    stack_report_clear(&report);
}
#define good(text, has_bundled) good_at(text, has_bundled, __LINE__)
#define refused(text, wanted) line_at(text, wanted, true, __LINE__)
#define warned(text, wanted) line_at(text, wanted, false, __LINE__)

// Line 4 is the drivers' line, line 5 the adapter's.
#define BOX(drivers, adapter) "ndisbox: 1\nboxes:\n  a:\n    drivers: { " drivers " }\n    adapters: { n: { " adapter " } }\n"
#define DRIVER(name, inf) name ": { path: " name ".so, inf: " inf ".inf, subst: { S: " name "_svc } }"

TEST(an_inf_gives_a_driver_its_kind_and_service)
{
    struct stack *stack = good(BOX(DRIVER("mynic", "nic") ", " DRIVER("mylwf", "enc"), "driver: mynic, filters: [mylwf]"), false);
    const struct stack_driver *drivers = stack->boxes[0].drivers;
    ck_assert_str_eq(drivers[0].service, "mynic_svc");
    ck_assert_int_eq(drivers[0].kind, STACK_DRIVER_MINIPORT);
    ck_assert_int_eq(drivers[1].kind, STACK_DRIVER_FILTER);
    ck_assert(drivers[1].component->is_mandatory);
    stack_destroy(stack);
    refused(BOX(DRIVER("mynic", "nic") ", " DRIVER("mylwf", "nic"), "driver: mynic, filters: [mylwf]"),
            "t.yaml:5:47: error: boxes.a.adapters.n.filters.0: \"mylwf\" is a miniport driver (so its INF says); a filter driver is "
            "wanted here");
    refused(BOX("vnic: { inf: enc.inf, subst: { S: x } }", "driver: vnic, port: sink"),
            "t.yaml:4:29: error: boxes.a.drivers.vnic.inf: it is the INF of a filter driver, but \"vnic\" is a miniport driver");
}

TEST(without_an_inf_a_drivers_service_is_its_name)
{
    struct stack *stack = good(BOX("mynic: { path: x.so }", "driver: mynic, filters: [lwfmon]"), false);
    ck_assert_str_eq(stack->boxes[0].drivers[0].service, "mynic");
    ck_assert_str_eq(stack->boxes[0].drivers[1].service, "lwfmon");
    ck_assert_ptr_null(stack->boxes[0].drivers[1].component);
    stack_destroy(stack);
}

TEST(what_is_wrong_in_an_inf_is_said_with_its_own_line)
{
    refused(BOX("x: { path: x.so, inf: bad.inf }", "driver: vnic, port: sink"), "bad.inf:3:9: error: Class is Camera; ndisbox reads "
                                                                                "Net");
    refused(BOX("x: { path: x.so, inf: none.inf }", "driver: vnic, port: sink"), "t.yaml:4:38: error: boxes.a.drivers.x.inf: none.inf: "
                                                                                 "No such file or directory");
    refused(BOX("x: { path: x.so, inf: nic.inf }", "driver: vnic, port: sink"), "nic.inf:9:14: error: @S@ is a place to be filled in");
    refused(BOX("x: { path: x.so, inf: nic.inf, subst: { S: s }, model: other }", "driver: vnic, port: sink"),
            "nic.inf:4:1: error: no model \"other\"; there are: id");
    refused(BOX("x: { path: x.so, model: other }", "driver: vnic, port: sink"), "boxes.a.drivers.x.inf: needs an INF for its model");
    refused(BOX("x: { path: x.so, inf: nic.inf, subst: { S: [a] } }", "driver: vnic, port: sink"), "subst.S is no text; allowed: NAME: "
                                                                                                   "text");
    refused(BOX("x: { path: x.so, inf: [] }", "driver: vnic, port: sink"), "boxes.a.drivers.x.inf: found a list of 0; allowed: a path, "
                                                                           "relative to the file, or a list of at most 2");
}

TEST(a_service_belongs_to_one_driver_of_a_box)
{
    refused(BOX(DRIVER("x", "nic") ", y: { path: y.so, inf: nic.inf, subst: { S: X_SVC } }", "driver: vnic, port: sink"),
            "boxes.a.drivers.y: its service X_SVC is also that of x; a machine has each service once");
}

// ---- settings -----------------------------------------------------------------------------------------------------------------------

TEST(settings_are_held_against_the_inf)
{
    refused(BOX("", "driver: vnic, port: sink, settings: { MTU: 1501 }"), "t.yaml:5:65: error: boxes.a.adapters.n.settings.MTU: found "
                                                                          "\"1501\"; allowed by the INF of vnic: an integer from 100 "
                                                                          "to 1500");
    refused(BOX("", "driver: vnic, port: sink, settings: { MTU: \"\" }"), "settings.MTU: found \"\"; allowed by the INF of vnic");
    refused(BOX("", "driver: vnic, port: sink, settings: { MTU: hex:05 }"), "settings.MTU: found no number or text");
    refused(BOX("", "driver: vnic, port: sink, settings: { mode: 2 }"), "settings.mode: found \"2\"; allowed by the INF of vnic: 0 "
                                                                        "(Slow), 1 (Fast)");
    refused(BOX("", "driver: vnic, port: sink, filters: [lwfmon: { Ring: 65536 }]"),
            "boxes.a.adapters.n.filters.0.lwfmon.Ring: found \"65536\"; allowed by the INF of lwfmon: an integer from 0 to 65535");
    refused(BOX("lwfmon: { registry: { Parameters: { Level: high } } }", "driver: vnic, port: sink, filters: [lwfmon]"),
            "boxes.a.drivers.lwfmon.registry.Parameters.Level: found \"high\"; allowed by the INF of lwfmon");
    warned(BOX("", "driver: vnic, port: sink, settings: { MTV: 1 }"), "t.yaml:5:65: warning: boxes.a.adapters.n.settings.MTV: the INF "
                                                                      "of vnic has no such setting (did you mean \"MTU\"?)");
}

TEST(a_setting_that_the_inf_declares_becomes_a_text_others_stay)
{
    struct stack *stack = good(BOX("", "driver: vnic, port: sink, settings: { MTU: 1400, Other: 7 }"), true);
    const struct stack_value *settings = &stack->boxes[0].adapters[0].settings;
    ck_assert_int_eq(settings->children[0].kind, STACK_VALUE_TEXT);
    ck_assert_str_eq(settings->children[0].text, "1400");
    ck_assert_int_eq(settings->children[1].kind, STACK_VALUE_DWORD);
    stack_destroy(stack);
}

// ---- what goes together -----------------------------------------------------------------------------------------------------------

TEST(a_protocol_binds_where_its_lower_range_meets_an_upper_range)
{
    stack_destroy(good(BOX(DRIVER("x", "nic") ", " DRIVER("p", "proto"), "driver: x, protocols: [p]"), false));
    stack_destroy(good(BOX("x: { path: x.so }, " DRIVER("p", "proto"), "driver: x, protocols: [p]"), false));
    refused(BOX(DRIVER("x", "odd") ", " DRIVER("p", "proto"), "driver: x, protocols: [p]"),
            "error: boxes.a.adapters.n.protocols.0: p does not bind to x: its LowerRange is ndis5, ndis4, the UpperRange below it is "
            "ndis9");
}

TEST(a_filter_attaches_where_its_media_types_meet_the_lower_range)
{
    refused(BOX(DRIVER("x", "wan") ", " DRIVER("f", "enc"), "driver: x, filters: [f]"), "error: boxes.a.adapters.n.filters.0: f does "
                                                                                        "not attach to x: its FilterMediaTypes are "
                                                                                        "ethernet, the adapter's LowerRange is wan");
    refused(BOX(DRIVER("x", "ip") ", " DRIVER("f", "enc"), "driver: x, filters: [f]"), "no filter attaches to x, whose LowerRange is "
                                                                                       "nolower");
    stack_destroy(good(BOX(DRIVER("x", "wan") ", " DRIVER("f", "comp"), "driver: x, filters: [f]"), false));
}

TEST(filters_stand_in_the_order_of_their_classes)
{
    const char *both = DRIVER("x", "nic") ", " DRIVER("e", "enc") ", " DRIVER("c", "comp") ", " DRIVER("m", "mon");
    char text[1024];
    static const char *const right[] = {"c, e", "m, c, e", "c, m, e", "c, e, m", "e", "c"};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        snprintf(text, sizeof text, BOX("%s", "driver: x, filters: [%s]"), both, right[i]);
        stack_destroy(good(text, false));
    }
    static const char *const wrong[] = {"e, c", "e, m, c", "m, e, c"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(text, sizeof text, BOX("%s", "driver: x, filters: [%s]"), both, wrong[i]);
        refused(text, "c (FilterClass compression) stands above e (encryption); from the bottom to the top the classes are: "
                      "provider_address, custom, "
                      "diagnostic, failover, loadbalance, vpn, compression, encryption, scheduler");
    }
}

TEST(two_infs_are_an_intermediates)
{
    refused(BOX("m: { path: m.so, inf: [nic.inf, enc.inf], subst: { S: m } }", "driver: vnic, port: sink"),
            "boxes.a.drivers.m.inf: found a miniport driver and a filter driver; two INFs are those of an intermediate driver");
    struct stack *stack =
        good(BOX("m: { path: m.so, inf: [proto.inf, virtual.inf], subst: { S: mux } }", "driver: vnic, port: sink"), true);
    const struct stack_driver *driver = &stack->boxes[0].drivers[0];
    ck_assert_int_eq(driver->kind, STACK_DRIVER_INTERMEDIATE);
    ck_assert_int_eq(driver->component->kind, INF_MINIPORT);
    ck_assert_int_eq(driver->lower->kind, INF_PROTOCOL);
    ck_assert_str_eq(driver->service, "mux");
    stack_destroy(stack);
}

// ---- out again --------------------------------------------------------------------------------------------------------------------

TEST(the_picture_shows_what_a_filters_inf_says)
{
    struct stack *stack = good(BOX(DRIVER("c", "comp") ", " DRIVER("m", "mon"), "driver: vnic, port: sink, filters: [c, m]"), true);
    char *picture = picture_of(stack);
    ck_assert_ptr_nonnull(strstr(picture, "| c     filter  compression, modifying, optional"));
    ck_assert_ptr_nonnull(strstr(picture, "| m     filter  monitoring, optional"));
    free(picture);
    stack_destroy(stack);
}

TEST(a_stack_with_infs_prints_as_a_file_that_reads_the_same)
{
    const char *text = BOX("m: { path: m.so, inf: [proto.inf, virtual.inf], subst: { S: mux } }, c: { path: c.so, inf: comp.inf, "
                           "subst: { S: 1 }, model: id }",
                           "driver: vnic, port: sink, settings: { MTU: 1400 }, filters: [c]");
    struct stack *stack = good(text, true);
    char *first = yaml_of(stack);
    ck_assert_ptr_nonnull(strstr(first, "        inf: [proto.inf, virtual.inf]\n        subst: { S: mux }\n"));
    ck_assert_ptr_nonnull(strstr(first, "        inf: comp.inf\n        subst: { S: 1 }\n        model: id\n"));
    struct stack *again = good(first, true);
    char *second = yaml_of(again);
    ck_assert_str_eq(first, second);
    free(first);
    free(second);
    stack_destroy(stack);
    stack_destroy(again);
}

TEST(the_short_form_takes_an_inf)
{
    bool has_bundled = true;
    struct stack_source source = {.name = "--adapter", .files = {read_inf, bundled_inf, &has_bundled}};
    struct stack_report report = {0};
    const char *drivers[] = {"mylwf,path=x.so,inf=comp.inf,subst.S=mine"}, *adapters[] = {"n,driver=vnic,port=sink,filters=mylwf"};
    struct stack *stack = stack_read_short(&source, drivers, 1, adapters, 1, &report);
    ck_assert_msg(stack != NULL, "%s", report.count ? report.lines[0] : "-");
    ck_assert_str_eq(stack->boxes[0].drivers[0].service, "mine");
    stack_destroy(stack);
    stack_report_clear(&report);
}
