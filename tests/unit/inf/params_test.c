// SPDX-License-Identifier: MIT
// Settings: what Ndi\Params and a filter's parameters say, and which values they let through.
#include "inf_test.h"

#define PARAM(name, type, more) \
    "HKR, Ndi\\Params\\" name ", ParamDesc, 0, \"A setting\"\nHKR, ndi\\params\\" name ", Type, 0, \"" type "\"\n" more
#define LINE(name, key, value) "HKR, Ndi\\Params\\" name ", " key ", 0, \"" value "\"\n"

static struct inf *
inf_of(const char *text)
{
    struct inf *inf = read_text(text, strlen(text), NULL, NULL);
    ck_assert_ptr_nonnull(inf);
    ck_assert_ptr_nonnull(inf_component_find(inf));
    return inf;
}

static void
takes(const char *param_lines, const char *const *good, const char *const *bad, const char *words)
{
    char text[8192];
    snprintf(text, sizeof text, "%s%s", MINIPORT(""), param_lines);
    struct inf *inf = inf_of(text);
    const struct inf_param *param = inf_param_find(inf_component_find(inf), INF_PARAM_ADAPTER, "x");
    ck_assert_ptr_nonnull(param);
    for (; *good; good++)
        ck_assert_msg(inf_param_check(inf, param, *good) == NULL, "%s is good, but: %s", *good, inf_param_check(inf, param, *good));
    for (; *bad; bad++) {
        ck_assert_msg(inf_param_check(inf, param, *bad) != NULL, "%s is let through", *bad);
        ck_assert_str_eq(inf_param_check(inf, param, *bad), words);
    }
}
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

TEST(a_number_keeps_to_type_min_max_and_step)
{
    takes(PARAM("X", "int", ""), LIST("0", "-2147483648", "2147483647", "0x7fffffff"),
          LIST("", "2147483648", "-2147483649", "one", "1 ", "1.5"), "an integer from -2147483648 to 2147483647");
    takes(PARAM("X", "word", ""), LIST("0", "65535"), LIST("65536", "-1"), "an integer from 0 to 65535");
    takes(PARAM("X", "dword", ""), LIST("0", "4294967295"), LIST("4294967296", "-1"), "an integer from 0 to 4294967295");
    takes(PARAM("X", "long", LINE("X", "Min", "64") LINE("X", "Max", "256") LINE("X", "Step", "64")), LIST("64", "128", "256"),
          LIST("63", "65", "257", "0"), "an integer from 64 to 256 in steps of 64");
    takes(PARAM("X", "qword", ""), LIST("0", "9223372036854775807"), LIST("-1", "9223372036854775808"),
          "an integer from 0 to 9223372036854775807");
    takes(PARAM("X", "dword", LINE("X", "Base", "16") LINE("X", "Max", "0xff")), LIST("ff", "0xFF", "a"), LIST("100", "g"),
          "an integer from 0 to 255");
}

TEST(an_enum_has_its_values_and_a_text_its_length)
{
    takes(PARAM("X", "enum", "HKR, Ndi\\Params\\X\\Enum, \"0\", 0, \"Off\"\nHKR, Ndi\\params\\X\\enum, Auto,,\n"), LIST("0", "auto"),
          LIST("1", "", "00"), "0 (Off), Auto");
    takes(PARAM("X", "edit", LINE("X", "LimitText", "3")), LIST("", "abc", "\xc3\xbc\xc3\xbc\xc3\xbc"), LIST("abcd"),
          "a text of at most 3 characters");
    takes(PARAM("X", "edit", ""), LIST("", "anything at all"), (const char *const[]){NULL}, "a text");
}

TEST(defaults_and_optional_are_read)
{
    struct inf *inf = inf_of(MINIPORT(PARAM("MTU", "int", LINE("MTU", "Default", "1500") LINE("MTU", "Optional", "1"))
                                          PARAM("*RSS", "dword", "HKR, Ndi\\Params\\*RSS, Default, 0x10001, 7\n")));
    const struct inf_component *component = inf_component_find(inf);
    ck_assert_uint_eq(component->param_count, 2);
    ck_assert_str_eq(component->params[0].initial, "1500");
    ck_assert(component->params[0].is_optional);
    ck_assert_str_eq(component->params[0].description, "A setting");
    ck_assert_str_eq(component->params[1].initial, "7");
    ck_assert_ptr_null(inf_param_find(component, INF_PARAM_FILTER_MODULE, "MTU"));
    ck_assert_ptr_nonnull(inf_param_find(component, INF_PARAM_ADAPTER, "mtu"));
}

TEST(a_filters_parameters_belong_to_the_driver_or_to_a_module)
{
    struct inf *inf = inf_of(FILTER(FILTER_WORDS("custom", "2", "2") "[Service]\nAddReg = P\n[P]\nHKR, FilterDriverParams\\D, Type,, "
                                                                     "int\nHKR, FilterAdapterParams\\A, Type,, int\n"
                                                                     "HKR, FilterInstanceParams\\I, Type,, edit\n"));
    const struct inf_component *component = inf_component_find(inf);
    ck_assert_ptr_nonnull(inf_param_find(component, INF_PARAM_FILTER_DRIVER, "D"));
    ck_assert_ptr_nonnull(inf_param_find(component, INF_PARAM_FILTER_MODULE, "A"));
    ck_assert_ptr_nonnull(inf_param_find(component, INF_PARAM_FILTER_MODULE, "I"));
}

TEST(a_setting_that_contradicts_itself_is_said)
{
    expect_said(MINIPORT(PARAM("X", "float", "")), "error: Ndi\\Params\\X has Type \"float\"; allowed: int, long, word, dword, qword, "
                                                   "enum or edit");
    expect_said(MINIPORT("HKR, Ndi\\Params\\X, ParamDesc, 0, x\n"), "Ndi\\Params\\X has no Type");
    expect_said(MINIPORT(PARAM("X", "enum", "")), "Ndi\\Params\\X is an enum without values; they stand below Ndi\\Params\\X\\Enum");
    expect_said(MINIPORT(PARAM("X", "int", LINE("X", "Min", "5") LINE("X", "Max", "4"))), "Min of Ndi\\Params\\X is more than its Max "
                                                                                          "(4)");
    expect_said(MINIPORT(PARAM("X", "int", LINE("X", "Min", "low"))), "Min of Ndi\\Params\\X is \"low\"; allowed: a number");
    expect_said(MINIPORT(PARAM("X", "int", LINE("X", "Step", "-1"))), "Step of Ndi\\Params\\X is less than 0");
    expect_said(MINIPORT(PARAM("X", "word", LINE("X", "Default", "70000"))), "warning: the default of X is \"70000\", which it may not "
                                                                             "be; allowed: an integer from 0 to 65535");
}
