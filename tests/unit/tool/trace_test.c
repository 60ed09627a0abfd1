// SPDX-License-Identifier: MIT
// ndisbox trace: files that our own writer made, files cut short, files of another kind.
#include "tool_test.h"

#include <jansson.h>
#include <stdint.h>
#include <unistd.h>

#include "wire/pcapng.h"

static const uint8_t arp[42] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 10, 8, 6, 0, 1, 8, 0, 6, 4, 0,
                                1, 2, 0, 0, 0, 0, 10, 10, 77, 0, 1, 0, 0, 0, 0, 0, 0, 10, 77, 0, 2};
static const uint8_t udp[46] = {2, 0, 0, 0, 0, 11, 2, 0, 0, 0, 0, 10, 8, 0, 0x45, 0, 0, 32, 0, 1, 0, 0, 64,
                                17, 0, 0, 10, 77, 0, 1, 10, 77, 0, 2, 0x0f, 0xa0, 0, 9, 0, 12, 0, 0, 1, 2, 3, 4};

// Two frames and an event on two edges; returns the file's bytes.
static size_t
make_trace(uint8_t *bytes, size_t room)
{
    char path[] = "/tmp/nbx-trace-XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    struct pcapng_writer *writer;
    ck_assert_int_eq(pcapng_writer_create(NULL, path, "test", &writer), 0);
    int port = pcapng_interface_add(writer, "alpha.nic0.port", "port", PCAPNG_ETHERNET);
    int filter = pcapng_interface_add(writer, "alpha.nic0.lwfmon", "filter", PCAPNG_ETHERNET);
    struct iovec one = {(void *)arp, sizeof arp}, two = {(void *)udp, sizeof udp};
    pcapng_frame_write(writer, (uint32_t)port, UINT64_C(1700000000000000000), PCAPNG_OUTBOUND, &one, 1, sizeof arp, NULL);
    pcapng_frame_write(writer, (uint32_t)filter, UINT64_C(1700000000001500000), PCAPNG_INBOUND | PCAPNG_SUM_OPEN, &two, 1, sizeof udp,
                       "a\033comment");
    pcapng_event_write(writer, UINT64_C(1700000002000000000), "alpha.nic0 paused");
    ck_assert_int_eq(pcapng_writer_destroy(writer), 0);
    FILE *file = fopen(path, "rb");
    size_t length = fread(bytes, 1, room, file);
    fclose(file);
    unlink(path);
    return length;
}

TEST(trace_shows_frames_and_events_with_their_edges)
{
    static uint8_t bytes[65536];
    tool_file("t.pcapng", bytes, make_trace(bytes, sizeof bytes));
    const struct told *told = tool("trace t.pcapng");
    ck_assert_msg(told->code == 0, "%s", told->err);
    out_has(told, "0.000000000  alpha.nic0.port          out    42  02:00:00:00:00:0a > ff:ff:ff:ff:ff:ff  ARP who has 10.77.0.2, tell "
                  "10.77.0.1\n");
    out_has(told, "0.001500000  alpha.nic0.lwfmon        in     46  02:00:00:00:00:0a > 02:00:00:00:00:0b  IPv4 10.77.0.1 > 10.77.0.2  "
                  "UDP 4000 > 9, 12 bytes, checksum to be filled in  # a?comment\n");
    out_has(told, "2.000000000  events                             alpha.nic0 paused\n");
}

TEST(trace_narrows_to_an_edge_and_a_number_of_lines)
{
    static uint8_t bytes[65536];
    tool_file("t.pcapng", bytes, make_trace(bytes, sizeof bytes));
    ck_assert_ptr_null(strstr(tool("trace t.pcapng --edge lwfmon")->out, "ARP"));
    out_has(tool("trace t.pcapng --edge lwfmon"), "UDP");
    ck_assert_ptr_null(strstr(tool("trace t.pcapng -n1")->out, "UDP"));
    err_has(tool("trace t.pcapng --edge xyz"), "none of 3 records is of an edge whose name contains \"xyz\"");
}

TEST(trace_as_json_is_one_object_a_line)
{
    static uint8_t bytes[65536];
    tool_file("t.pcapng", bytes, make_trace(bytes, sizeof bytes));
    const struct told *told = tool("trace t.pcapng --as json");
    size_t lines = 0;
    for (const char *at = told->out; *at; at = strchr(at, '\n') + 1, lines++) {
        json_t *json = json_loadb(at, strcspn(at, "\n"), 0, NULL);
        ck_assert_ptr_nonnull(json_object_get(json, "edge"));
        if (lines == 1)
            ck_assert_str_eq(json_string_value(json_object_get(json, "checksum")), "to be filled in");
        json_decref(json);
    }
    ck_assert_uint_eq(lines, 3);
}

TEST(trace_cut_short_shows_what_came_before_and_is_a_finding)
{
    static uint8_t bytes[65536];
    size_t length = make_trace(bytes, sizeof bytes);
    tool_file("t.pcapng", bytes, length - 10);
    const struct told *told = tool("trace t.pcapng");
    ck_assert_int_eq(told->code, 1);
    out_has(told, "UDP");
    ck_assert_str_ne(told->err, "");
}

TEST(trace_of_something_else_is_bad_input)
{
    tool_text("t.pcapng", "hello, this is not a capture file at all\n");
    ck_assert_int_eq(tool("trace t.pcapng")->code, 2);
    ck_assert_int_eq(tool("trace gone.pcapng")->code, 2);
    err_has(tool("trace gone.pcapng"), "gone.pcapng: No such file or directory");
}
