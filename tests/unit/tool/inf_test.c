// SPDX-License-Identifier: MIT
// ndisbox inf: facts as text and as JSON, messages with their places, templates, exit codes.
#include <jansson.h>

#include "tool_test.h"

static const char miniport[] =
    "[Version]\nSignature = \"$Windows NT$\"\nClass = Net\nProvider = %Me%\n"
    "[Manufacturer]\n%Me% = M, NT$ARCH$\n[M.NTamd64]\n%Me% = I, my_nic\n"
    "[I]\nCharacteristics = 1\n*IfType = 6\nCopyFiles = f\nAddReg = R\n[I.Services]\nAddService = @NAME@, 2, S\n"
    "[S]\nServiceType = 1\nServiceBinary = %13%\\mynic.sys\n"
    "[R]\nHKR,Ndi,Service,,@NAME@\nHKR,Ndi\\Interfaces,UpperRange,,ndis5\nHKR,Ndi\\Interfaces,LowerRange,,ethernet\n"
    "HKR,,BusNumber,,0\nHKR,Ndi\\Params\\MTU,Type,,int\nHKR,Ndi\\Params\\MTU,Default,,1500\nHKR,Ndi\\Params\\MTU,Min,,100\n"
    "HKR,Ndi\\Params\\MTU,Max,,1500\n[Strings]\nMe = \"My NIC\"\n";

TEST(inf_shows_kind_service_ranges_settings_and_registry)
{
    tool_text("mynic.inf.in", miniport);
    const struct told *told = tool("inf mynic.inf.in --subst NAME=mynic");
    ck_assert_int_eq(told->code, 0);
    out_has(told, "My NIC: a miniport driver\n");
    out_has(told, "I (Class Net), model my_nic\n");
    out_has(told, "mynic, start demand, mynic.sys\n");
    out_has(told, "ndis5\n");
    out_has(told, "an integer from 100 to 1500");
    out_has(told, "BusNumber");
    out_has(told, "CopyFiles: files are not installed");
    ck_assert_str_eq(told->err, "");
}

TEST(inf_gives_json)
{
    tool_text("mynic.inf.in", miniport);
    const struct told *told = tool("inf mynic.inf.in --subst NAME=mynic --json");
    ck_assert_int_eq(told->code, 0);
    json_t *root = json_loads(told->out, 0, NULL);
    ck_assert_ptr_nonnull(root);
    ck_assert_str_eq(json_string_value(json_object_get(root, "kind")), "miniport");
    ck_assert_str_eq(json_string_value(json_object_get(root, "service")), "mynic");
    json_t *setting = json_array_get(json_object_get(root, "settings"), 0);
    ck_assert_str_eq(json_string_value(json_object_get(setting, "default")), "1500");
    ck_assert_int_eq(json_integer_value(json_object_get(setting, "max")), 1500);
    ck_assert_int_eq(json_integer_value(json_object_get(root, "if_type")), 6);
    json_decref(root);
}

TEST(inf_refuses_with_file_line_and_column)
{
    tool_text("mynic.inf.in", miniport);
    const struct told *told = tool("inf mynic.inf.in");
    ck_assert_int_eq(told->code, 2);
    err_has(told, "mynic.inf.in:15:14: error: @NAME@ is a place to be filled in; give it with --subst NAME=VALUE");
    ck_assert_str_eq(told->out, "");
    told = tool("inf mynic.inf.in --subst NAME=x --arch arm64");
    ck_assert_int_eq(told->code, 2);
    err_has(told, "warning: no section [M.NTarm64] for these models");
    err_has(told, "no models for arm64");
    ck_assert_int_eq(tool("inf mynic.inf.in --subst NAME")->code, 2);
    err_has(tool("inf mynic.inf.in --subst NAME"), "--subst NAME: allowed: NAME=VALUE");
    ck_assert_int_eq(tool("inf nowhere.inf")->code, 2);
    err_has(tool("inf nowhere.inf"), "nowhere.inf: No such file or directory");
}
