// SPDX-License-Identifier: MIT
// What an INF means: class and kind, the choice of the model, services, registry values of every type and flag, the filter's words.
#include "inf_test.h"

#include "nt/rtl/version.h"

TEST(a_miniports_inf_gives_service_ranges_and_attributes)
{
    const struct inf_component *component =
        component_of(VERSION("Net") MODELS "[Install]\nCharacteristics = 0x84 ; NCF_PHYSICAL | NCF_HAS_UI\nBusType = 5\n*IfType = 6\n"
                                           "*MediaType = 0x0\n*PhysicalMediaType = 14\nAddReg = Reg\n" SERVICE "[Reg]\n" RANGES);
    ck_assert_int_eq(component->kind, INF_MINIPORT);
    ck_assert_str_eq(component->service, "mysvc");
    ck_assert_str_eq(component->ndi_service, "mysvc");
    ck_assert_str_eq(component->binary, "mysvc.sys");
    ck_assert_uint_eq(component->start_type, 3);
    ck_assert_str_eq(component->provider, "Someone");
    ck_assert_str_eq(component->description, "Someone");
    ck_assert_str_eq(component->component_id, "my_id");
    ck_assert_str_eq(component->upper_range[0], "ndis5");
    ck_assert_ptr_null(component->upper_range[1]);
    ck_assert_str_eq(component->lower_range[0], "ethernet");
    ck_assert_uint_eq(component->characteristics, 0x84);
    ck_assert_uint_eq(component->bus_type, 5);
    ck_assert_uint_eq(component->if_type, 6);
    ck_assert(component->has_media_type && !component->media_type);
    ck_assert_uint_eq(component->physical_media_type, 14);
    ck_assert_uint_eq(component->param_count, 0);
}

TEST(the_kind_follows_from_the_class_and_its_guid)
{
    ck_assert_int_eq(component_of(VERSION("NetTrans") MODELS "[Install]\nAddReg = Reg\n" SERVICE "[Reg]\n" RANGES)->kind, INF_PROTOCOL);
    ck_assert_int_eq(component_of(VERSION("NetService") MODELS "[Install]\nCharacteristics = 0\n" SERVICE)->kind, INF_SERVICE);
    const char *guid = "[Version]\nSignature = $CHICAGO$\nClassGuid = {4D36E972-E325-11CE-BFC1-08002BE10318}\n[Strings]\nWho = "
                       "me\n" MODELS "[Install]\nAddReg = Reg\n" SERVICE "[Reg]\n" RANGES;
    ck_assert_str_eq(component_of(guid)->class_name, "Net");
}

TEST(what_is_no_network_driver_is_refused_at_its_class)
{
    expect_said(VERSION("MEDIA"), "t.inf:3:9: error: Class is MEDIA; ndisbox reads Net (miniports), NetTrans (protocols) and "
                                  "NetService (filters)");
    expect_said("[A]\n", "t.inf:1:1: error: no [Version] section; every INF has [Version] with Signature = \"$Windows NT$\"");
    expect_said("[Version]\nClass = Net\n", "t.inf:1:1: error: no Signature in [Version]");
    expect_said("[Version]\nSignature = Linux\n", "t.inf:2:13: error: Signature is \"Linux\"; allowed: $Windows NT$");
    expect_said("[Version]\nSignature = $Windows NT$\n", "error: Class is not given");
    expect_said(VERSION("Net"), "t.inf:1:1: error: no [Manufacturer] section; a network component is installed from one");
    expect_said(VERSION("Net") "[DefaultInstall]\n", "no [Manufacturer] section, only [DefaultInstall]");
}

// ---- models -----------------------------------------------------------------------------------------------------------------------

#define TWO_INSTALLS \
    "[A]\nAddReg = Reg\n[A.Services]\nAddService = a,2,Service\n[B]\nAddReg = Reg\n[B.Services]\nAddService = b,2,Service\n" \
    "[Reg]\n" RANGES "[Service]\nServiceType = 1\n"

TEST(of_decorations_the_newest_that_is_not_too_new_is_taken)
{
#define DECORATED(words) \
    VERSION("Net") \
    "[Manufacturer]\nx = M," words "\n[M]\nx = A, u\n[M.NTamd64]\nx = A, p\n" \
    "[M.NTamd64.10.0...16299]\nx = B, q\n[M.NTamd64.10.0...25319]\nx = A, r\n[M.NTx86]\nx = A, s\n" TWO_INSTALLS
    ck_assert_str_eq(component_of(DECORATED("NT$ARCH$,NT$ARCH$.10.0...25319"))->component_id, "p");
    ck_assert_str_eq(component_of(DECORATED("NTamd64.10.0...16299,NTamd64,NTx86"))->component_id, "q");
    ck_assert_str_eq(component_of(DECORATED("NTx86,NTamd64"))->component_id, "p");
    expect_said(DECORATED("NTx86"), "error: no models for amd64, Windows 10.0.19045");
    expect_said(DECORATED("NTamd64.6.1"), "warning: no section [M.NTamd64.6.1] for these models");
    expect_said(DECORATED("NTamd64.11"), "no models for amd64");
    expect_said(DECORATED("NTamd64.10.0.3"), "no models for amd64");   // a server's
    expect_said(DECORATED("amd64"), "no models for amd64");
    ck_assert_str_eq(component_of(VERSION("Net") "[Manufacturer]\nM\n[M]\nx = A, u\n" TWO_INSTALLS)->component_id, "u");
    ck_assert_int_eq(INF_OS_BUILD, RTL_VERSION_BUILD);
}

#define TWO_MODELS VERSION("Net") "[Manufacturer]\nx = M\n[M]\nOne = A, one\nTwo = B, two, compatible\nHidden = , three\n" TWO_INSTALLS

TEST(of_models_the_last_is_taken_or_the_one_that_is_named)
{
    static const char *const wanted[][2] = {{"ONE", "a"}, {"two", "b"}, {"A", "a"}};
    const struct inf_component *component = component_of(TWO_MODELS);
    ck_assert_str_eq(component->service, "b");
    ck_assert_str_eq(component->description, "Two");
    ck_assert_uint_eq(component->model_count, 2);
    ck_assert_str_eq(component->model_ids[0], "one");
    for (int i = 0; i < 3; i++) {
        struct inf_options options = {.model = wanted[i][0]};
        struct inf *inf = read_text(TWO_MODELS, strlen(TWO_MODELS), &options, NULL);
        ck_assert_str_eq(inf_component_find(inf)->service, wanted[i][1]);
    }
    struct said said = {0};
    struct inf_options options = {.model = "four"};
    ck_assert_ptr_null(inf_component_find(read_text(TWO_MODELS, strlen(TWO_MODELS), &options, &said)));
    ck_assert_ptr_nonnull(strstr(said.text, "no model \"four\"; there are: one, two"));
}

TEST(an_install_section_may_be_decorated_and_must_be_there)
{
    const char *text = VERSION("Net") MODELS "[Install.NTamd64]\nAddReg = Reg\n[Install]\n[Install.NT]\n[Install.NTamd64.Services]\n"
                                             "AddService = mine,,Service\n[Service]\nServiceType = 1\n[Reg]\n" RANGES;
    ck_assert_str_eq(component_of(text)->install_section, "Install.NTamd64");
    ck_assert_str_eq(component_of(text)->service, "mine");
    expect_said(VERSION("Net") MODELS, "t.inf:10:9: error: no install section [Install], nor one with .NT or .NTamd64");
}

// ---- services ---------------------------------------------------------------------------------------------------------------------

TEST(of_services_the_associated_one_counts_then_the_one_the_ndi_key_names)
{
#define SERVICES(lines) \
    VERSION("Net") \
    MODELS "[Install]\nAddReg = Reg\n[Install.Services]\n" lines "[Reg]\n" RANGES "[S]\nServiceType = 1\n[U]\nServiceType = 0x20\n"
    ck_assert_str_eq(component_of(SERVICES("AddService = a,,S\nAddService = mysvc,,S\nAddService = c,2,S\n"))->service, "c");
    ck_assert_str_eq(component_of(SERVICES("AddService = a,,S\nAddService = mysvc,,S\n"))->service, "mysvc");
    ck_assert_str_eq(component_of(SERVICES("AddService = u,,U\nAddService = a,,S\n"))->service, "a");
    expect_said(SERVICES(""), "error: no AddService in [Install.Services]: the driver has no service");
    expect_said(SERVICES("AddService = ,2\n"), "no AddService");
    expect_said(SERVICES("AddService = a,2,Nowhere\n"), "error: no section [Nowhere] for the service a");
    expect_said(SERVICES("AddService = a,x,S\n"), "error: found \"x\" as the flags of a service");
    expect_said(SERVICES("AddService = a\\b,2,S\n"), "error: a service name has 1 to 200 characters and no slashes");
    expect_said(VERSION("Net") MODELS "[Install]\n[Install.Services]\nAddService = a,2,S\n[S]\nStartType = 9\n",
                "StartType is \"9\"; allowed: 0 (boot) to 4");
}

TEST(the_services_key_has_its_own_addreg)
{
    const struct inf_component *component =
        component_of(MINIPORT("[Service]\nAddReg = More\n[More]\nHKR, Parameters, Debug, 0x10001, 0x10\nHKR,, Group,, NDIS\n"));
    ck_assert_uint_eq(value_of(component, INF_ROOT_SERVICE, "Parameters", "debug")->number, 16);
    ck_assert_str_eq(value_of(component, INF_ROOT_SERVICE, "", "Group")->texts[0], "NDIS");
}

TEST(a_framework_driver_is_said_to_be_one)
{
    expect_said(MINIPORT("[Install.Wdf]\nKmdfService = mysvc, W\n"), "warning: the driver is built on KMDF, which ndisbox does not "
                                                                     "run");
    expect_said(MINIPORT("[Install.Wdf]\nUmdfService = mysvc, W\n"), "built on UMDF");
}

// ---- registry ---------------------------------------------------------------------------------------------------------------------

TEST(values_of_every_type_are_typed_by_their_flags)
{
    const struct inf_component *component = component_of(MINIPORT(
        "HKR,,sz,,\"a, b\"\nHKR,,sz2,0,5\nHKR,,empty\nHKR,,multi,0x10000,a,\"b c\",,\nHKR,,expand,0x20000,\"%%SystemRoot%%\\x\"\n"
        "HKR,,bin,1,0,1,fe,0xFF\nHKR,,dword,0x00010001,0x10\nHKR,,minus,65537,-1\nHKR,,bytes,0x10001,4,3,2,1\nHKR,,none,0x20001,1\n"
        "HKR,,qword,0xb0001,0x1234567890\nHKR,,other,0x380001,1,2\nHKLM,Software\\X,y,,z\nHKCU,a,b,,c\nHKR,,,,unnamed\nHKR,Key\\\n"));
    ck_assert_str_eq(value_of(component, INF_ROOT_ADAPTER, "", "sz")->texts[0], "a, b");
    ck_assert_uint_eq(value_of(component, INF_ROOT_ADAPTER, "", "sz2")->type, INF_TYPE_SZ);
    ck_assert_str_eq(value_of(component, INF_ROOT_ADAPTER, "", "empty")->texts[0], "");
    const struct inf_value *multi = value_of(component, INF_ROOT_ADAPTER, "", "multi");
    ck_assert_uint_eq(multi->count, 2);
    ck_assert_str_eq(multi->texts[1], "b c");
    ck_assert_str_eq(value_of(component, INF_ROOT_ADAPTER, "", "expand")->texts[0], "%SystemRoot%\\x");
    const struct inf_value *bytes = value_of(component, INF_ROOT_ADAPTER, "", "bin");
    ck_assert(bytes->type == INF_TYPE_BINARY && bytes->count == 4 && bytes->bytes[2] == 0xfe && bytes->bytes[3] == 0xff);
    ck_assert_uint_eq(value_of(component, INF_ROOT_ADAPTER, "", "dword")->number, 16);
    ck_assert_uint_eq(value_of(component, INF_ROOT_ADAPTER, "", "minus")->number, 0xffffffff);
    ck_assert_uint_eq(value_of(component, INF_ROOT_ADAPTER, "", "bytes")->number, 0x01020304);
    ck_assert_uint_eq(value_of(component, INF_ROOT_ADAPTER, "", "none")->type, INF_TYPE_NONE);
    ck_assert_uint_eq(value_of(component, INF_ROOT_ADAPTER, "", "qword")->number, 0x1234567890);
    ck_assert_uint_eq(value_of(component, INF_ROOT_ADAPTER, "", "other")->type, 0x38);
    ck_assert_str_eq(value_of(component, INF_ROOT_MACHINE, "software\\x", "Y")->texts[0], "z");
    ck_assert_str_eq(value_of(component, INF_ROOT_ADAPTER, "", "")->texts[0], "unnamed");
    ck_assert_ptr_null(value_of(component, INF_ROOT_ADAPTER, "a", "b"));
}

TEST(flags_append_keep_delete_and_make_keys)
{
    const struct inf_component *component = component_of(
        MINIPORT("HKR,,m,0x10000,a,b\nHKR,,m,0x10008,b,c\nHKR,,fresh,0x10008,x\nHKR,,keep,,1\nHKR,,keep,2,2\nHKR,,gone,,1\n"
                 "HKR,,gone,4\nHKR,,over,0x20,1\nHKR,,keep,0x20,3\nHKR,key,,0x10\nHKR,,twice,,1\nHKR,,TWICE,,2\n"));
    ck_assert_uint_eq(value_of(component, INF_ROOT_ADAPTER, "", "m")->count, 3);
    ck_assert_str_eq(value_of(component, INF_ROOT_ADAPTER, "", "m")->texts[2], "c");
    ck_assert_uint_eq(value_of(component, INF_ROOT_ADAPTER, "", "fresh")->count, 1);
    ck_assert_str_eq(value_of(component, INF_ROOT_ADAPTER, "", "keep")->texts[0], "3");
    ck_assert_ptr_null(value_of(component, INF_ROOT_ADAPTER, "", "gone"));
    ck_assert_ptr_null(value_of(component, INF_ROOT_ADAPTER, "", "over"));
    ck_assert_str_eq(value_of(component, INF_ROOT_ADAPTER, "", "twice")->texts[0], "2");
    const struct inf_value *last = &component->values[component->value_count - 2];
    ck_assert(last->name == NULL && !strcmp(last->key, "key"));
}

TEST(an_entry_that_means_nothing_is_refused_with_what_may_stand_there)
{
    expect_said(MINIPORT("HKX,,a,,b\n"), "error: found \"HKX\" where a registry entry begins; allowed: HKR, HKLM, HKCR, HKCU or HKU");
    expect_said(MINIPORT("HKR,,a,word,b\n"), "error: found \"word\" as the flags of a registry value");
    expect_said(MINIPORT("HKR,,a,%Flag%,b\n"), "error: no string %Flag% in [Strings], where the flags of a registry value stand");
    expect_said(MINIPORT("HKR,,a,0x30000,b\n"), "error: flags 0x00030000 have no meaning; allowed: 0 (REG_SZ)");
    expect_said(MINIPORT("HKR,,a,0x10001,b\n"), "error: found \"b\" for a REG_DWORD; allowed: a number as 10 or 0xa, or 4 bytes with "
                                                "commas");
    expect_said(MINIPORT("HKR,,a,0x10001,4294967296\n"), "for a REG_DWORD");
    expect_said(MINIPORT("HKR,,a,0x10001\n"), "found \"\" for a REG_DWORD");
    expect_said(MINIPORT("HKR,,a,1,100\n"), "error: found \"100\" among the bytes of a value");
    expect_said(MINIPORT("a = b\n"), "error: found \"a =\" in [Reg]; allowed in an AddReg section: ROOT, SUBKEY, NAME, FLAGS, VALUE");
    expect_said(MINIPORT("HKR,,a\\b,,c\n"), "the name of a value at most 255 and no backslash");
    expect_said(MINIPORT("HKR,,a,,%None%\n"), "warning: no string %None% in [Strings]; it stays as it is");
    expect_said(VERSION("Net") MODELS "[Install]\nAddReg = Nowhere\n" SERVICE, "t.inf:12:10: error: no section [Nowhere] for this "
                                                                               "AddReg");
    expect_said(VERSION("Net") MODELS "[Install]\nCharacteristics = many\n" SERVICE, "t.inf:12:19: error: Characteristics is \"many\"; "
                                                                                     "allowed: a number");
}

TEST(needs_of_this_file_are_followed_once_and_others_are_noted)
{
    const struct inf_component *component =
        component_of(MINIPORT("[Install]\nInclude = other.inf\nNeeds = More, Other.Section\n[More]\nAddReg = More.Reg\nNeeds = "
                              "More\n[More.Reg]\nHKR,,needed,,yes\n"));
    ck_assert_str_eq(value_of(component, INF_ROOT_ADAPTER, "", "needed")->texts[0], "yes");
    bool is_noted = false;
    for (size_t i = 0; i < component->ignored_count; i++)
        is_noted |= strstr(component->ignored[i], "Needs Other.Section: stands in another INF") != NULL;
    ck_assert(is_noted);
}

TEST(the_hardware_key_has_its_own_addreg)
{
    const struct inf_component *component = component_of(MINIPORT("[Install.HW]\nAddReg = HW\n[HW]\nHKR,,msi,0x10001,1\n"));
    ck_assert_uint_eq(value_of(component, INF_ROOT_HARDWARE, "", "msi")->number, 1);
    ck_assert_ptr_null(value_of(component, INF_ROOT_ADAPTER, "", "msi"));
}

// ---- filters ----------------------------------------------------------------------------------------------------------------------

TEST(a_filters_words_are_read)
{
    const struct inf_component *component = component_of(FILTER(FILTER_WORDS("compression", "2", "1")));
    ck_assert_int_eq(component->kind, INF_FILTER);
    ck_assert_str_eq(component->filter_class, "compression");
    ck_assert_int_eq(component->filter_type, INF_FILTER_MODIFYING);
    ck_assert(component->is_mandatory);
    ck_assert_str_eq(component->media_types[1], "wan");
    ck_assert_str_eq(component->instance_id, "{1}");
    component = component_of(FILTER("HKR, Ndi, FilterType,, 1\nHKR, Ndi, FilterRunType, 0x10001, 0x00000002\n"
                                    "HKR, Ndi\\Interfaces, FilterMediaTypes,, ethernet\n"));
    ck_assert_int_eq(component->filter_type, INF_FILTER_MONITORING);
    ck_assert(!component->is_mandatory);
    ck_assert_str_eq(component->filter_class, "");
}

TEST(a_filter_that_lacks_a_word_or_has_a_wrong_one_is_refused)
{
    expect_said(FILTER(""), "error: FilterType is not given; allowed for a filter: 1 (monitoring) or 2 (modifying)");
    expect_said(FILTER(FILTER_WORDS("custom", "3", "1")), "FilterType is neither 1 nor 2");
    expect_said(FILTER(FILTER_WORDS("custom", "2", "0")), "FilterRunType is neither 1 nor 2; allowed for a filter: 1 (mandatory) or 2 "
                                                          "(optional)");
    expect_said(FILTER(FILTER_WORDS("mine", "2", "1")), "FilterClass is \"mine\"; allowed: scheduler, encryption");
    expect_said(FILTER(FILTER_WORDS("ms_switch_filter", "2", "1")), "FilterClass ms_switch_filter is for an extension of the Hyper-V "
                                                                    "switch");
    expect_said(FILTER("HKR, Ndi, FilterType, 0x10001, 2\nHKR, Ndi, FilterRunType, 0x10001, 1\nHKR, Ndi\\Interfaces, "
                       "FilterMediaTypes,, ethernet\n"),
                "FilterClass is not given");
    expect_said(FILTER("HKR, Ndi, FilterType, 0x10001, 1\nHKR, Ndi, FilterRunType, 0x10001, 1\n"), "Ndi\\Interfaces has no "
                                                                                                   "FilterMediaTypes");
    expect_said(FILTER(FILTER_WORDS("custom", "2", "1") "HKR, Ndi\\Interfaces, FilterMediaTypes,, nolower\n"), "FilterMediaTypes has "
                                                                                                               "nolower");
}

TEST(filter_classes_have_their_documented_order)
{
    static const char *const up[] = {"provider_address", "custom", "diagnostic", "failover", "LoadBalance", "vpn",
                                     "compression", "encryption", "scheduler"};
    for (int i = 0; i < 9; i++)
        ck_assert_int_eq(inf_filter_class_height(up[i]), i);
    ck_assert_int_eq(inf_filter_class_height("ms_switch_filter"), -1);
}
