// SPDX-License-Identifier: MIT
// Numbers, tables and the progress line of the tool, and frames in one line.
#include "tool_test.h"

#include <unistd.h>

#include "frame.h"
#include "out.h"

static const char *
printed_table(struct out_table *table)
{
    static char text[4096];
    FILE *stream = fmemopen(text, sizeof text, "w");
    out_table_print(table, stream);
    fclose(stream);
    return text;
}

TEST(numbers_are_written_for_people)
{
    char text[OUT_NUMBER_BYTES];
    ck_assert_str_eq(out_count(text, 0), "0");
    ck_assert_str_eq(out_count(text, 999), "999");
    ck_assert_str_eq(out_count(text, 1000), "1,000");
    ck_assert_str_eq(out_count(text, UINT64_MAX), "18,446,744,073,709,551,615");
    ck_assert_str_eq(out_scaled(text, 0, ""), "0");
    ck_assert_str_eq(out_scaled(text, 999, "pps"), "999 pps");
    ck_assert_str_eq(out_scaled(text, 999.6, "pps"), "1.00 kpps");
    ck_assert_str_eq(out_scaled(text, 1234567, ""), "1.23 M");
    ck_assert_str_eq(out_scaled(text, 99960, ""), "100 k");
    ck_assert_str_eq(out_bits(text, 9.414e9), "9.41 Gbit/s");
    ck_assert_str_eq(out_bytes(text, 1023), "1023 B");
    ck_assert_str_eq(out_bytes(text, 1536), "1.5 KiB");
    ck_assert_str_eq(out_bytes(text, 1023.9), "1.0 KiB");
    ck_assert_str_eq(out_time(text, 999), "999 ns");
    ck_assert_str_eq(out_time(text, 1500), "1.50 us");
    ck_assert_str_eq(out_time(text, UINT64_C(2500000000)), "2.5 s");
    ck_assert_str_eq(out_time(text, UINT64_C(123000000000)), "2 m 03 s");
    ck_assert_str_eq(out_time(text, UINT64_C(7260000000000)), "2 h 01 m");
}

TEST(a_table_is_as_wide_as_its_cells)
{
    static const char *const titles[] = {"adapter", ">frames", "note", NULL};
    static const char *const one[] = {"alpha.nic0", "1", "x"}, *const two[] = {"b", "1,000,000", NULL};
    struct out_table *table = out_table_create(titles);
    out_table_add(table, one);
    out_table_add(table, two);
    ck_assert_str_eq(printed_table(table), "adapter        frames  note\n"
                                           "alpha.nic0          1  x\n"
                                           "b           1,000,000  \n");
    out_table_destroy(table);
}

// What stderr gets while fn runs, off a terminal.
static const char *
stderr_of(void (*fn)(void))
{
    static char text[4096];
    FILE *file = tmpfile();
    fflush(stderr);
    int saved = dup(2);
    dup2(fileno(file), 2);
    fn();
    fflush(stderr);
    dup2(saved, 2);
    close(saved);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return text;
}

static void
progress_for_a_minute(void)
{
    out_setup(OUT_COLOR_AUTO, false, 0);
    for (uint64_t ms = 0; ms <= 60000; ms += 50)
        out_progress("sim", "seeds", ms, 120000, ms * 1000000);
    out_progress_end();
}

static void
progress_quietly(void)
{
    out_setup(OUT_COLOR_AUTO, true, 0);
    out_progress("sim", "seeds", 10, 20, UINT64_C(60000000000));
    out_note("a note");
    out_diagnostic("f.yaml:1:2: warning: odd");
    out_diagnostic("f.yaml:1:2: error: wrong");
}

TEST(progress_off_a_terminal_is_a_line_now_and_then)
{
    const char *text = stderr_of(progress_for_a_minute);
    size_t lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    ck_assert_uint_eq(lines, 6);
    told_has("stderr", text, "sim: 10,000 of 120,000 seeds, 1.00 k/s, 1 m 50 s left\n", __LINE__);
    ck_assert_ptr_null(strchr(text, '\r'));
}

TEST(quiet_keeps_errors_only)
{
    ck_assert_str_eq(stderr_of(progress_quietly), "f.yaml:1:2: error: wrong\n");
}

TEST(a_frame_is_told_in_one_line_and_cut_frames_say_so)
{
    static const uint8_t tcp6[74] = {2, 0, 0, 0, 0, 11, 2, 0, 0, 0, 0, 10, 0x81, 0x00, 0, 5, 0x86, 0xdd,
                                     0x60, 0, 0, 0, 0, 20, 6, 64, 0xfd, 0x77, 0, 0, 0, 0, 0, 0, 0, 0,
                                     0, 0, 0, 0, 0, 1, 0xfd, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                     0, 0, 0, 2, 0, 80, 0x1f, 0x90, 0, 0, 0, 7, 0, 0, 0, 9, 0x50, 0x12};
    char text[256];
    frame_describe(tcp6, sizeof tcp6, text, sizeof text);
    ck_assert_str_eq(text, "02:00:00:00:00:0a > 02:00:00:00:00:0b  VLAN 5  IPv6 fd77::1 > fd77::2  TCP (cut short)");
    uint8_t whole[78] = {0};
    memcpy(whole, tcp6, sizeof tcp6);
    frame_describe(whole, sizeof whole, text, sizeof text);
    ck_assert_str_eq(text, "02:00:00:00:00:0a > 02:00:00:00:00:0b  VLAN 5  IPv6 fd77::1 > fd77::2  TCP 80 > 8080 SA seq 7 ack 9");
    for (size_t bytes = 0; bytes <= sizeof whole; bytes++) {
        uint8_t *exact = malloc(bytes ? bytes : 1);   // its end is the allocation's, for the sanitizer
        memcpy(exact, whole, bytes);
        frame_describe(exact, bytes, text, sizeof text);
        free(exact);
    }
    frame_describe(whole, 13, text, sizeof text);
    ck_assert_str_eq(text, "(13 bytes, no Ethernet header)");
}
