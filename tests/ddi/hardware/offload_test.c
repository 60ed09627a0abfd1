// SPDX-License-Identifier: MIT
// Task offload as NDIS keeps it: queries that the miniport never sees, changes that it indicates, settings that become keywords.
#include <stdlib.h>
#include <string.h>

#include "hw.h"
#include "nt/cm/cm.h"

static uint32_t asked, set;                   // requests that reached the miniport
static NDIS_STATUS answer;
static bool with_attributes = true;
static char keyword_seen[4];                  // *TCPChecksumOffloadIPv4 when the miniport got the set

static NDIS_OFFLOAD
offload(ULONG mss)
{
    return (NDIS_OFFLOAD){.Header = {NDIS_OBJECT_TYPE_OFFLOAD, NDIS_OFFLOAD_REVISION_1, NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_1},
                          .LsoV2.IPv4 = {.Encapsulation = NDIS_ENCAPSULATION_IEEE_802_3, .MaxOffLoadSize = mss, .MinSegmentCount = 2}};
}

static NDIS_STATUS
tell_offload(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    NDIS_OFFLOAD now = offload(1000), can = offload(9000);
    NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES attributes = {.Header = {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES,
                                                                      NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1,
                                                                      NDIS_SIZEOF_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1},
                                                           .DefaultOffloadConfiguration = &now,
                                                           .HardwareOffloadCapabilities = &can};
    return with_attributes ? NdisMSetMiniportAttributes(adapter, (void *)&attributes) : NDIS_STATUS_SUCCESS;
}

static void
keyword(const char *name, char out[4])
{
    char path[256];
    UNICODE_STRING text;
    ULONG type, bytes;
    void *data = NULL;
    ndis_adapter_key("nic0", path, sizeof path);
    out[0] = '-';
    out[1] = 0;
    ck_assert_int_eq(ob_string_from(name, &text), STATUS_SUCCESS);
    if (cm_get(kit.box, cm_key_open(kit.box, path), &text, &type, &data, &bytes) == STATUS_SUCCESS)
        out[0] = (char)*(WCHAR *)data;
    ob_string_free(&text);
    free(data);
}

static NDIS_STATUS
on_oid(NDIS_OID_REQUEST *request)
{
    NDIS_OID oid = request->DATA.QUERY_INFORMATION.Oid;   // the first member of each shape
    if (oid != OID_TCP_OFFLOAD_CURRENT_CONFIG && oid != OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES && oid != OID_OFFLOAD_ENCAPSULATION &&
        oid != OID_TCP_OFFLOAD_PARAMETERS)
        return NDIS_STATUS_NOT_RECOGNIZED;
    if (request->RequestType != NdisRequestSetInformation) {
        asked++;
        return NDIS_STATUS_NOT_SUPPORTED;
    }
    set++;
    keyword("*TCPChecksumOffloadIPv4", keyword_seen);
    return answer;
}

static void
prepare(void)
{
    kit_mp_hooks.initialize = tell_offload;
    kit_mp_hooks.oid = on_oid;
    asked = set = 0;
    answer = NDIS_STATUS_SUCCESS;
}

static ULONG
size_of(NDIS_OID oid)
{
    NDIS_OFFLOAD now = {0};
    ck_assert_int_eq(kit_query(&kit.binding[0], oid, &now, sizeof now), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(now.Header.Type, NDIS_OBJECT_TYPE_OFFLOAD);
    return now.LsoV2.IPv4.MaxOffLoadSize;
}

static void
indicate(NDIS_STATUS code, NDIS_OFFLOAD *now, ULONG bytes)
{
    NDIS_STATUS_INDICATION indication = {.Header = {NDIS_OBJECT_TYPE_STATUS_INDICATION, NDIS_STATUS_INDICATION_REVISION_1,
                                                    NDIS_SIZEOF_STATUS_INDICATION_REVISION_1},
                                         .SourceHandle = kit.mp.adapter,
                                         .StatusCode = code,
                                         .StatusBuffer = now,
                                         .StatusBufferSize = bytes};
    NdisMIndicateStatusEx(kit.mp.adapter, &indication);
}

// ---- configuration and capabilities ---------------------------------------------------------------------------------------------------

static void
configuration(void)
{
    NDIS_OFFLOAD now = offload(1500), can = offload(5000);
    kit_start(false, 1);
    ck_assert_uint_eq(size_of(OID_TCP_OFFLOAD_CURRENT_CONFIG), 1000);
    ck_assert_uint_eq(size_of(OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES), 9000);
    uint32_t heard = kit.binding[0].status_indications;
    indicate(NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG, &now, now.Header.Size);
    ck_assert_uint_eq(kit.binding[0].status_indications, heard + 1);
    ck_assert_uint_eq(size_of(OID_TCP_OFFLOAD_CURRENT_CONFIG), 1500);
    ck_assert_uint_eq(size_of(OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES), 9000);
    indicate(NDIS_STATUS_TASK_OFFLOAD_HARDWARE_CAPABILITIES, &can, can.Header.Size);
    ck_assert_uint_eq(size_of(OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES), 5000);
    ck_assert_uint_eq(size_of(OID_TCP_OFFLOAD_CURRENT_CONFIG), 1500);
    ck_assert_int_eq(kit_query(&kit.binding[0], OID_TCP_OFFLOAD_CURRENT_CONFIG, &now, 8), NDIS_STATUS_BUFFER_TOO_SHORT);
    ck_assert_int_eq(kit_query(&kit.binding[0], OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES, &now, 8), NDIS_STATUS_BUFFER_TOO_SHORT);
    ck_assert_uint_eq(asked, 0);
}

TEST(OID_TCP_OFFLOAD_CURRENT_CONFIG_and_HARDWARE_CAPABILITIES_are_answered_from_attributes_and_indications)
{
    prepare();
    hw_run(1, NULL, configuration);
}

static void
nothing_told(void)
{
    NDIS_OFFLOAD now;
    kit_start(false, 1);
    ck_assert_int_eq(kit_query(&kit.binding[0], OID_TCP_OFFLOAD_CURRENT_CONFIG, &now, sizeof now), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_int_eq(kit_query(&kit.binding[0], OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES, &now, sizeof now), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_uint_eq(asked, 0);
    now = offload(1234);
    indicate(NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG, &now, now.Header.Size);
    ck_assert_uint_eq(size_of(OID_TCP_OFFLOAD_CURRENT_CONFIG), 1234);
}

TEST(OID_TCP_OFFLOAD_CURRENT_CONFIG_is_not_supported_by_a_miniport_that_told_nothing)
{
    prepare();
    with_attributes = false;
    hw_run(1, NULL, nothing_told);
}

static void
malformed(void)
{
    NDIS_OFFLOAD now = offload(1234);
    kit_start(false, 1);
    indicate(NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG, &now, now.Header.Size - 1u);
}

TEST(NdisMIndicateStatusEx_of_an_offload_change_with_a_short_buffer_is_reported)
{
    prepare();
    hw_reported(NULL, malformed, "the status buffer holds no NDIS_OFFLOAD");
}

// ---- encapsulation ----------------------------------------------------------------------------------------------------------------------

static void
encapsulation(void)
{
    NDIS_OFFLOAD_ENCAPSULATION now = {0}, want = {.Header = {NDIS_OBJECT_TYPE_OFFLOAD_ENCAPSULATION, NDIS_OFFLOAD_ENCAPSULATION_REVISION_1,
                                                             NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1},
                                                  .IPv4 = {NDIS_OFFLOAD_SET_ON, NDIS_ENCAPSULATION_IEEE_802_3, 14}};
    kit_start(false, 1);
    ck_assert_int_eq(kit_query(&kit.binding[0], OID_OFFLOAD_ENCAPSULATION, &now, sizeof now), NDIS_STATUS_FAILURE);
    answer = NDIS_STATUS_INVALID_PARAMETER;
    ck_assert_int_eq(kit_set(&kit.binding[0], OID_OFFLOAD_ENCAPSULATION, &want, sizeof want), NDIS_STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(kit_query(&kit.binding[0], OID_OFFLOAD_ENCAPSULATION, &now, sizeof now), NDIS_STATUS_FAILURE);
    answer = NDIS_STATUS_SUCCESS;
    ck_assert_int_eq(kit_set(&kit.binding[0], OID_OFFLOAD_ENCAPSULATION, &want, sizeof want), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(kit_query(&kit.binding[0], OID_OFFLOAD_ENCAPSULATION, &now, sizeof now), NDIS_STATUS_SUCCESS);
    ck_assert(!memcmp(&now, &want, sizeof want));
    ck_assert_uint_eq(asked, 0);
    ck_assert_uint_eq(set, 2);
}

TEST(OID_OFFLOAD_ENCAPSULATION_shows_what_the_miniport_has_agreed_to)
{
    prepare();
    hw_run(1, NULL, encapsulation);
}

// ---- keywords -------------------------------------------------------------------------------------------------------------------------

static void
parameters(void)
{
    NDIS_OFFLOAD_PARAMETERS p = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_OFFLOAD_PARAMETERS_REVISION_1,
                                            NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1},
                                 .TCPIPv4Checksum = NDIS_OFFLOAD_PARAMETERS_RX_ENABLED_TX_DISABLED,
                                 .UDPIPv4Checksum = 9,   // no such setting
                                 .LsoV2IPv4 = NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED,
                                 .LsoV2IPv6 = NDIS_OFFLOAD_PARAMETERS_LSOV2_DISABLED};
    char value[4];
    kit_start(false, 1);
    ck_assert_int_eq(kit_set(&kit.binding[0], OID_TCP_OFFLOAD_PARAMETERS, &p, NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1),
                     NDIS_STATUS_SUCCESS);
    ck_assert_str_eq(keyword_seen, "2");   // before the miniport was asked
    static const char *const want[][2] = {{"*TCPChecksumOffloadIPv4", "2"}, {"*LsoV2IPv4", "1"},     {"*LsoV2IPv6", "0"},
                                          {"*IPChecksumOffloadIPv4", "-"},  {"*UDPChecksumOffloadIPv4", "-"}, {"*RscIPv4", "-"}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        keyword(want[i][0], value);
        ck_assert_str_eq(value, want[i][1]);
    }
    p.Flags = NDIS_OFFLOAD_PARAMETERS_SKIP_REGISTRY_UPDATE;
    p.TCPIPv4Checksum = NDIS_OFFLOAD_PARAMETERS_TX_RX_ENABLED;
    ck_assert_int_eq(kit_set(&kit.binding[0], OID_TCP_OFFLOAD_PARAMETERS, &p, NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1),
                     NDIS_STATUS_SUCCESS);
    keyword("*TCPChecksumOffloadIPv4", value);
    ck_assert_str_eq(value, "2");
    ck_assert_uint_eq(set, 2);
    // Every length, with a guard behind: what is not there is not read.
    for (uint32_t bytes = 0; bytes <= sizeof p; bytes++) {
        uint8_t *exact = malloc(bytes + !bytes);
        memset(exact, 1, bytes);
        kit_set(&kit.binding[0], OID_TCP_OFFLOAD_PARAMETERS, exact, bytes);
        free(exact);
    }
}

TEST(OID_TCP_OFFLOAD_PARAMETERS_becomes_keywords_on_its_way_down_unless_a_flag_forbids_it)
{
    prepare();
    hw_run(1, NULL, parameters);
}
