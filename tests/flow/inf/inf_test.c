// SPDX-License-Identifier: MIT
// From an INF to a running driver: its registry, its settings, its attributes, and the fate of a stack whose filter does not attach or
// goes away. The worlds are made from stack files, with the bundled drivers and tests/drivers/teller, on the seeded scheduler.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/harness.h"
#include "nbx/world.h"
#include "ndis/ndis.h"
#include "nt/cm/cm.h"
#include "nt/ke/ke.h"
#include "sim/sim.h"

#define VERSION(class) \
    "[Version]\nSignature = \"$Windows NT$\"\nClass = " class "\nProvider = Me\n[Manufacturer]\nM = M, NTamd64\n[M.NTamd64]\n" \
                                                              "My thing = I, my_id\n[I.Services]\nAddService = tell_svc, 2, S\n"
#define TELLER(run, more) \
    VERSION("NetService") \
    "[S]\nServiceType = 1\nStartType = 1\nAddReg = P\n[P]\nHKR, Parameters, Debug, 0x10001, 7\nHKR, FilterDriverParams\\Level, " \
    "Type,, int\n" \
    "HKR, FilterDriverParams\\Level, Default,, 3\nHKR, FilterAdapterParams\\Ring, Type,, dword\nHKR, FilterAdapterParams\\Ring, " \
    "Default,, 64\n" \
    "HKR, FilterAdapterParams\\Spare, Type,, int\nHKR, FilterAdapterParams\\Spare, Default,, 9\nHKR, FilterAdapterParams\\Spare, " \
    "Optional,, 1\n" \
    "HKLM, Software\\Mine, Words, 0x10000, one, two\n" \
    "[I]\nCharacteristics = 0x40000\nAddReg = R\n[R]\nHKR, Ndi, Service,, tell_svc\nHKR, Ndi, FilterClass,, custom\n" \
    "HKR, Ndi, FilterType, 0x10001, 2\nHKR, Ndi, FilterRunType, 0x10001, " run "\nHKR, Ndi\\Interfaces, UpperRange,, noupper\n" \
    "HKR, Ndi\\Interfaces, LowerRange,, nolower\nHKR, Ndi\\Interfaces, FilterMediaTypes,, ethernet\n" more
#define NIC(types) \
    VERSION("Net") \
    "[S]\nServiceType = 1\n[I]\nCharacteristics = 0x81\nBusType = 15\n" types \
    "AddReg = R\n[I.HW]\nAddReg = H\n[H]\nHKR,, Queues, 0x10001, 4\n" \
    "[R]\nHKR,, BusNumber,, 0\nHKR, Ndi, Service,, tell_svc\nHKR, Ndi\\Interfaces, UpperRange,, ndis5\nHKR, Ndi\\Interfaces, " \
    "LowerRange,, ethernet\n" \
    "HKR, Ndi\\Params\\*JumboPacket, Type,, int\nHKR, Ndi\\Params\\*JumboPacket, Default,, 4014\n" \
    "HKR, Ndi\\Params\\*JumboPacket, Min,, 590\nHKR, Ndi\\Params\\*JumboPacket, Max,, 9014\n" \
    "HKR, Ndi\\Params\\*ReceiveBuffers, Type,, int\nHKR, Ndi\\Params\\*ReceiveBuffers, Default,, 64\n"

static struct flow {
    char said[65536];                          // messages and findings, a line each
    struct sched *sched;
    struct stack *stack;
    struct world *world;
    void (*check)(void);
    enum world_result result;
    uint32_t findings;
    const char *teller_inf, *nic_inf;
} flow;

static char *
read_inf(void *context, const char *path, size_t *length_bytes, const char **why)
{
    const char *text = strstr(path, "teller") ? flow.teller_inf : flow.nic_inf;
    *length_bytes = strlen(text);
    return strdup(text);
}

static bool
driver_path(const struct stack_driver *driver, char *path, size_t bytes)
{
    return (size_t)snprintf(path, bytes, "%s", driver->path ? driver->path : "") < bytes && driver->path
               ? true
               : (size_t)snprintf(path, bytes, "%s/%s.so", NBX_DRIVER_DIR, driver->name) < bytes;
}

static void
on_said(void *context, const char *text)
{
    size_t used = strlen(flow.said);
    snprintf(flow.said + used, sizeof flow.said - used, "%s\n", text);
}

static void
check_in_box(void *arg)
{
    flow.check();
}

static void
flow_main(void *arg)
{
    struct world_config config = {.sched = flow.sched,
                                  .stack = flow.stack,
                                  .driver_path = driver_path,
                                  .on_message = on_said,
                                  .on_finding = on_said,
                                  .verify = VERIFY_ON};
    flow.world = world_create(&config);
    flow.result = world_build(flow.world);
    if (flow.result == WORLD_OK && flow.check)
        box_run(flow.world->boxes[0].box, check_in_box, NULL);
    world_teardown(flow.world);
    flow.findings = atomic_load(&flow.world->findings);
    world_destroy(flow.world);
}

// One box, one adapter; drivers and adapter are the words of their flow maps.
static void
run(const char *drivers, const char *adapter, void (*check)(void))
{
    char text[4096];
    const char *error;
    struct stack_report report = {0};
    struct stack_source source = {.name = "t.yaml", .files = {.read_inf = read_inf}};
    struct sim_config config = {.seed = 1};
    snprintf(text, sizeof text, "ndisbox: 1\nboxes:\n  a:\n    drivers: { %s }\n    adapters:\n      n: { %s, idle: ok }\n", drivers,
             adapter);
    flow.stack = stack_read(&source, text, strlen(text), &report);
    ck_assert_msg(flow.stack != NULL, "%s", report.count ? report.lines[0] : "refused");
    stack_report_clear(&report);
    flow.check = check;
    flow.said[0] = 0;
    flow.sched = sim_create(&config, &error);
    ck_assert_ptr_nonnull(flow.sched);
    ck_assert_int_eq(sched_run(flow.sched, "main", flow_main, NULL, NULL), 0);
    sched_destroy(flow.sched);
    stack_destroy(flow.stack);
}

static void
said(const char *wanted)
{
    ck_assert_msg(strstr(flow.said, wanted) != NULL, "wanted \"%s\" in\n%s", wanted, flow.said);
}

static void
unsaid(const char *unwanted)
{
    ck_assert_msg(strstr(flow.said, unwanted) == NULL, "\"%s\" stands in\n%s", unwanted, flow.said);
}

#define TELLER_DRIVER "teller: { path: " NBX_TEST_DRIVER_DIR "/teller.so, inf: teller.inf, idle: ok }"

// ---- registry ---------------------------------------------------------------------------------------------------------------------

static struct cm_key *
key_at(const char *path)
{
    UNICODE_STRING string;
    struct cm_key *key = NULL;
    ck_assert_int_eq(ob_string_from(path, &string), STATUS_SUCCESS);
    NTSTATUS status = cm_key_find(box_self(), &string, &key);
    ob_string_free(&string);
    ck_assert_msg(status == STATUS_SUCCESS, "no key %s", path);
    return key;
}

static void
value_is(const char *path, const char *name, ULONG type, const void *data, ULONG bytes)
{
    UNICODE_STRING string;
    ULONG found_type, found_bytes;
    void *found;
    struct cm_key *key = key_at(path);
    ck_assert_int_eq(ob_string_from(name, &string), STATUS_SUCCESS);
    ck_assert_msg(cm_get(box_self(), key, &string, &found_type, &found, &found_bytes) == STATUS_SUCCESS, "no %s\\%s", path, name);
    ob_string_free(&string);
    cm_key_put(box_self(), key);
    ck_assert_msg(found_type == type && found_bytes == bytes && !memcmp(found, data, bytes), "%s\\%s has type %u, %u bytes", path, name,
                  found_type, found_bytes);
    free(found);
}
#define dword_is(path, name, number) value_is(path, name, REG_DWORD, &(uint32_t){number}, 4)
#define text_is(path, name, text) value_is(path, name, REG_SZ, L"" text, sizeof(L"" text))

#define MACHINE "\\Registry\\Machine\\"
#define SERVICE MACHINE "System\\CurrentControlSet\\Services\\tell_svc"
#define ADAPTER MACHINE "System\\CurrentControlSet\\Control\\Class\\{4D36E972-E325-11CE-BFC1-08002BE10318}\\n"

static void
filter_registry(void)
{
    dword_is(SERVICE, "Start", 1);
    dword_is(SERVICE "\\Parameters", "Debug", 7);
    text_is(SERVICE "\\Parameters", "Level", "3");
    text_is(SERVICE "\\Parameters\\Adapters\\n", "Ring", "128");
    value_is(MACHINE "Software\\Mine", "Words", REG_MULTI_SZ, L"one\0two\0", sizeof L"one\0two\0");
}

TEST(a_filters_inf_gives_service_key_parameters_and_the_defaults_of_its_settings)
{
    flow.teller_inf = TELLER("2", "");
    run(TELLER_DRIVER, "driver: vnic, port: sink, filters: [teller: { Ring: 128 }]", filter_registry);
    ck_assert_int_eq(flow.result, WORLD_OK);
    said("teller: loaded as \\Registry\\Machine\\System\\CurrentControlSet\\Services\\tell_svc");
    said("teller: Level is 3");
    said("teller: Debug is 7");
    said("teller: Ring is 128");
    said("teller: Spare is not there");
    ck_assert_uint_eq(flow.findings, 0);
}

TEST(the_stack_files_registry_replaces_what_the_inf_says)
{
    flow.teller_inf = TELLER("2", "");
    run("teller: { path: " NBX_TEST_DRIVER_DIR
        "/teller.so, inf: teller.inf, idle: ok, registry: { Parameters: { Debug: 8, Level: 5 } } }",
        "driver: vnic, port: sink, filters: [teller]", NULL);
    said("teller: Level is 5");
    said("teller: Debug is 8");
    said("teller: Ring is 64");
}

static void
adapter_registry(void)
{
    struct ndis_adapter *adapter = flow.world->boxes[0].adapters[0].ndis;
    ULONG frame = 0;
    uint32_t done;
    dword_is(ADAPTER, "Characteristics", 0x81);
    dword_is(ADAPTER, "*IfType", 6);
    dword_is(ADAPTER, "*MediaType", 0);
    dword_is(ADAPTER, "*PhysicalMediaType", 14);
    text_is(ADAPTER, "BusType", "15");
    text_is(ADAPTER, "BusNumber", "0");
    text_is(ADAPTER, "DriverDesc", "My thing");
    text_is(ADAPTER, "ComponentId", "my_id");
    text_is(ADAPTER, "*ReceiveBuffers", "128");
    text_is(ADAPTER, "*JumboPacket", "4014");
    text_is(ADAPTER "\\Ndi\\Interfaces", "UpperRange", "ndis5");
    dword_is(MACHINE "System\\CurrentControlSet\\Enum\\ROOT\\NET\\n\\Device Parameters", "Queues", 4);
    ck_assert_int_eq(ndis_adapter_oid(adapter, NdisRequestQueryInformation, OID_GEN_MAXIMUM_FRAME_SIZE, &frame, sizeof frame, &done),
                     NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(frame, 4000);
}

#define NIC_DRIVER "vnic: { inf: nic.inf }"

TEST(a_miniports_inf_gives_the_instance_key_and_its_defaults_reach_the_driver)
{
    flow.nic_inf = NIC("*IfType = 6\n*MediaType = 0\n*PhysicalMediaType = 14\n");
    run(NIC_DRIVER, "driver: vnic, port: sink, settings: { \"*ReceiveBuffers\": 128 }", adapter_registry);
    ck_assert_int_eq(flow.result, WORLD_OK);
    unsaid("the INF of vnic says");
    ck_assert_uint_eq(flow.findings, 0);
}

TEST(an_adapters_friendly_name_is_its_infs_description)
{
    flow.teller_inf = TELLER("2", "");
    flow.nic_inf = NIC("");
    run(NIC_DRIVER ", "
                   "teller: { path: " NBX_TEST_DRIVER_DIR "/teller.so, idle: ok }",
        "driver: vnic, port: sink, filters: [teller]", NULL);
    said("teller: on My thing");
}

TEST(an_inf_that_contradicts_what_the_driver_registers_is_said)
{
    flow.nic_inf = NIC("*IfType = 71\n*MediaType = 16\n*PhysicalMediaType = 14\n");
    run(NIC_DRIVER, "driver: vnic, port: sink", NULL);
    said("n: the INF of vnic says *IfType 71, the driver registered 6");
    said("says *MediaType 16, the driver registered 0");
    unsaid("*PhysicalMediaType");
}

// ---- filters that do not attach, and that go ---------------------------------------------------------------------------------------

#define REFUSING "driver: vnic, port: sink, filters: [teller: { Refuse: 1 }], protocols: [echoproto]"

static void
has_protocol(void)
{
    struct ndis_edge edges[8];
    uint32_t count = ndis_adapter_edges(flow.world->boxes[0].adapters[0].ndis, edges, 8);
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(edges[0].kind, "miniport");
    ck_assert_str_eq(edges[1].kind, "protocol");
    ck_assert(ndis_adapter_is_running(flow.world->boxes[0].adapters[0].ndis));
}

TEST(a_stack_stands_without_an_optional_filter)
{
    flow.teller_inf = TELLER("2", "");
    run(TELLER_DRIVER ", echoproto: { idle: ok }, vnic: { idle: ok }", REFUSING, has_protocol);
    ck_assert_int_eq(flow.result, WORLD_OK);
    said("n: the optional filter teller did not attach: NDIS_STATUS_FAILURE");
    ck_assert_uint_eq(flow.findings, 0);
}

TEST(an_optional_filter_that_does_not_attach_is_a_finding_unless_it_may_be_idle)
{
    flow.teller_inf = TELLER("2", "");
    run("teller: { path: " NBX_TEST_DRIVER_DIR "/teller.so, inf: teller.inf }", REFUSING, has_protocol);
    ck_assert_int_eq(flow.result, WORLD_OK);
    said("t.yaml:6:7: error: a.n: teller: NDIS_STATUS_FAILURE");
    ck_assert_uint_eq(flow.findings, 1);
}

TEST(no_protocol_binds_without_a_mandatory_filter)
{
    flow.teller_inf = TELLER("1", "");
    run(TELLER_DRIVER, REFUSING, NULL);
    ck_assert_int_eq(flow.result, WORLD_FINDING);
    said("t.yaml:6:7: error: a.n: teller: NDIS_STATUS_FAILURE");
}
