// SPDX-License-Identifier: MIT
// The form of an INF: encodings, sections, entries, quotes, comments, continuations, strings, templates, and every limit.
#include "inf_test.h"

static struct inf *
good(const char *text)
{
    struct said said = {0};
    struct inf *inf = read_text(text, strlen(text), NULL, &said);
    ck_assert_msg(inf != NULL, "refused: %s", said.text);
    return inf;
}

static const struct inf_line *
line_of(const struct inf *inf, const char *section, size_t index)
{
    const struct inf_section *found = inf_section_find(inf, section);
    ck_assert_ptr_nonnull(found);
    const struct inf_line *line = found->first;
    while (line && index--)
        line = line->next;
    ck_assert_ptr_nonnull(line);
    return line;
}

TEST(values_stand_between_commas_and_blanks_around_them_go)
{
    const struct inf_line *line = line_of(good("[S]\n key =  a b , c,, \"d \" ,\n"), "s", 0);
    ck_assert_str_eq(line->key->text, "key");
    ck_assert_uint_eq(line->count, 5);
    ck_assert_str_eq(line->fields[0].text, "a b");
    ck_assert_str_eq(line->fields[1].text, "c");
    ck_assert_str_eq(line->fields[2].text, "");
    ck_assert_str_eq(line->fields[3].text, "d ");
    ck_assert_str_eq(line->fields[4].text, "");
    ck_assert_uint_eq(line->fields[1].place.line, 2);
    ck_assert_uint_eq(line->fields[1].place.column, 15);
}

TEST(an_equals_sign_behind_the_first_comma_or_in_quotes_makes_no_key)
{
    const struct inf *inf = good("[S]\nHKR,,x,,a=b\n\"a=b\"\n=c\n");
    ck_assert_ptr_null(line_of(inf, "S", 0)->key);
    ck_assert_str_eq(line_of(inf, "S", 0)->fields[4].text, "a=b");
    ck_assert_ptr_null(line_of(inf, "S", 1)->key);
    ck_assert_str_eq(line_of(inf, "S", 1)->fields[0].text, "a=b");
    ck_assert_str_eq(line_of(inf, "S", 2)->key->text, "");
}

TEST(quotes_keep_commas_semicolons_and_blanks_and_two_are_one)
{
    const struct inf_line *line = line_of(good("[S]\n\"a,;b \"\"c\"\"\", \"\"\"x\"\"\", %13%\\\"my dir\"\\f\n"), "S", 0);
    ck_assert_uint_eq(line->count, 3);
    ck_assert_str_eq(line->fields[0].text, "a,;b \"c\"");
    ck_assert_str_eq(line->fields[1].text, "\"x\"");
    ck_assert_str_eq(line->fields[2].text, "%13%\\my dir\\f");
}

TEST(a_comment_ends_a_line_and_a_backslash_before_it_goes_on)
{
    const struct inf *inf =
        good("; one\n[S] ; two\na = b ; c, d\n  ; three\nCopyFiles = \"Dir\\\"\\ ; four\n  ,File\nx = y\\\\\n, z\n");
    ck_assert_uint_eq(line_of(inf, "S", 0)->count, 1);
    const struct inf_line *line = line_of(inf, "S", 1);
    ck_assert_uint_eq(line->count, 2);
    ck_assert_str_eq(line->fields[0].text, "Dir\\");
    ck_assert_str_eq(line->fields[1].text, "File");
    ck_assert_uint_eq(line->fields[1].place.line, 6);
    ck_assert_uint_eq(line_of(inf, "S", 2)->count, 2);
    ck_assert_str_eq(line_of(inf, "S", 2)->fields[0].text, "y");
}

TEST(sections_of_one_name_are_one_section_and_names_do_not_heed_case)
{
    const struct inf *inf = good("[ One ]\na = 1\n[Two]\nb = 2\n[ONE]\nc = 3\n");
    ck_assert_str_eq(line_of(inf, "one", 1)->key->text, "c");
    ck_assert_str_eq(inf_entry_find(inf_section_find(inf, "oNe"), "C")->text, "3");
    ck_assert_ptr_null(inf_section_find(inf, "Three"));
}

TEST(strings_are_put_in_once_and_two_percent_signs_are_one)
{
    const struct inf *inf = good("[S]\na = %x%, \"<%X%>\", %%SystemRoot%%, %12%\\f, %none%, %y%, 100%\n"
                                 "[Strings]\nx = \"eks\"\ny = %x%\n[Strings.0407]\nx = \"ix\"\nz = \"zett\"\n[S]\nb = %z%\n");
    const struct inf_line *line = line_of(inf, "S", 0);
    ck_assert_str_eq(line->fields[0].text, "eks");
    ck_assert_str_eq(line->fields[1].text, "<eks>");
    ck_assert_str_eq(line->fields[2].text, "%SystemRoot%");
    ck_assert_str_eq(line->fields[3].text, "%12%\\f");
    ck_assert_ptr_null(line->fields[3].unknown);
    ck_assert_str_eq(line->fields[4].text, "%none%");
    ck_assert_str_eq(line->fields[4].unknown, "none");
    ck_assert_str_eq(line->fields[5].text, "%x%");
    ck_assert_str_eq(line->fields[6].text, "100%");
    ck_assert_str_eq(line_of(inf, "S", 1)->fields[0].text, "zett");
}

TEST(a_semicolon_inside_a_token_is_part_of_its_name)
{
    ck_assert_str_eq(line_of(good("[S]\na = %x;y% ; c\n[Strings]\n\"x;y\" = 5\n"), "S", 0)->fields[0].text, "5");
}

TEST(templates_are_filled_in_outside_comments)
{
    struct inf_subst substs[] = {{"NAME", "tap, \"x\""}, {"EMPTY", ""}};
    struct inf_options options = {.arch = "arm64", .substs = substs, .subst_count = 2};
    const char *text = "; @OTHER@\n[@EMPTY@S.NT$ARCH$]\na = @NAME@, user@host, @ , @@\n";
    const struct inf *inf = read_text(text, strlen(text), &options, NULL);
    ck_assert_ptr_nonnull(inf);
    const struct inf_line *line = line_of(inf, "S.NTarm64", 0);
    ck_assert_str_eq(line->fields[0].text, "tap");
    ck_assert_str_eq(line->fields[1].text, "x");
    ck_assert_uint_eq(line->fields[1].place.column, 5);
    ck_assert_str_eq(line->fields[2].text, "user@host");
    ck_assert_str_eq(line->fields[4].text, "@@");
    expect_said("[S]\na = @OTHER@\n", "t.inf:2:5: error: @OTHER@ is a place to be filled in; give it with --subst OTHER=VALUE");
}

TEST(utf16_of_either_order_utf8_with_a_mark_and_windows_1252_are_read)
{
    static const char little[] = "\xff\xfe[\0S\0]\0\r\0\n\0a\0=\0\xac\x20\x3d\xd8\x00\xde";
    static const char big[] = "\xfe\xff\0[\0S\0]\0\n\0a\0=\x20\xac\xd8\x3d\xde\x00";
    const char *euro_and_face = "\xe2\x82\xac\xf0\x9f\x98\x80";
    ck_assert_str_eq(line_of(read_text(little, sizeof little - 1, NULL, NULL), "S", 0)->fields[0].text, euro_and_face);
    ck_assert_str_eq(line_of(read_text(big, sizeof big - 1, NULL, NULL), "S", 0)->fields[0].text, euro_and_face);
    ck_assert_str_eq(line_of(good("\xef\xbb\xbf[S]\na=\xe2\x82\xac"), "S", 0)->fields[0].text, "\xe2\x82\xac");
    ck_assert_str_eq(line_of(good("[S]\na=\x80\xa9"), "S", 0)->fields[0].text, "\xe2\x82\xac\xc2\xa9");
}

TEST(lines_end_with_cr_lf_lf_or_cr_and_columns_count_characters)
{
    const struct inf *inf = good("[S]\r\na = 1\rb = 2\n\xc3\xbc = x, y");
    ck_assert_str_eq(line_of(inf, "S", 1)->key->text, "b");
    const struct inf_line *line = line_of(inf, "S", 2);
    ck_assert_uint_eq(line->fields[1].place.line, 4);
    ck_assert_uint_eq(line->fields[1].place.column, 8);
}

TEST(a_preface_before_the_first_section_is_skipped)
{
    ck_assert_uint_eq(line_of(good("/*++ it's \"odd\n @X@\n--*/\n  [S]\na = 1\n"), "S", 0)->place.line, 5);
}

TEST(what_has_no_form_is_refused_with_its_place)
{
    expect_said("[S\na = b\n", "t.inf:1:1: error: a section head has no ]; allowed: [NAME] on a line of its own");
    expect_said("[S] x\n", "t.inf:1:5: error: found \"x\" behind a section head; allowed: a comment");
    expect_said("[ ]\n", "t.inf:1:1: error: the name of a section has 0 bytes; allowed: 1 to 255");
    expect_said("[S]\na = \"b\nc = d\n", "t.inf:2:5: error: a quoted string has no end on its line");
    static const char nul[] = "[S]\na = \0b\n";
    struct said said = {0};
    ck_assert_ptr_null(read_text(nul, sizeof nul - 1, NULL, &said));
    ck_assert_ptr_nonnull(strstr(said.text, "t.inf:2:5: error: found a NUL"));
}

// ---- limits -----------------------------------------------------------------------------------------------------------------------

static char *
repeated(const char *head, const char *piece, size_t count, const char *tail)
{
    size_t head_bytes = strlen(head), piece_bytes = strlen(piece);
    char *text = malloc(head_bytes + piece_bytes * count + strlen(tail) + 1), *out = text + head_bytes;
    ck_assert_ptr_nonnull(text);
    strcpy(text, head);
    for (size_t i = 0; i < count; i++, out += piece_bytes)
        memcpy(out, piece, piece_bytes);
    strcpy(out, tail);
    return text;
}

static void
expect_limit(char *text, const char *wanted)
{
    expect_said(text, wanted);
    free(text);
}

TEST(a_file_a_line_a_value_and_their_numbers_have_limits)
{
    expect_limit(repeated("[S]\n", "a = b\n", INF_FILE_BYTES_MAX / 6 + 1, ""), "an INF may have 2097152");
    expect_limit(repeated("[S]\na = ", "b,", 40000, ""), "the line has more than 65536 bytes");
    expect_limit(repeated("[S]\na = \"", "bbbb", 5000, "\""), "a value has more than 4095 characters");
    expect_limit(repeated("[S]\n", ",,,,,,,,,\n", 45000, ""), "more than 400000 values in the file");
    expect_limit(repeated("[", "a", 256, "]"), "the name of a section has 256 bytes");
}

TEST(strings_that_grow_without_end_are_refused)
{
    char *string = repeated("[Strings]\nx = \"", "abcdefgh", 500, "\"\n[S]\n");
    char *text = repeated(string, "%x%,%x%,%x%,%x%,%x%,%x%\n", 2000, "");
    expect_limit(text, "or all values more than");
    char *long_one = repeated(string, "%x%", 6, "\n");
    expect_limit(long_one, "with its %strings% put in, the value has more than 4095 characters");
    free(string);
}

TEST(more_sections_than_any_driver_has_are_refused)
{
    char *text = calloc(1, (INF_SECTIONS_MAX + 2) * 8), *out = text;
    ck_assert_ptr_nonnull(text);
    for (int i = 0; i <= INF_SECTIONS_MAX; i++)
        out += sprintf(out, "[%x]\n", i);
    expect_limit(text, "more than 8192 sections");
}
