// SPDX-License-Identifier: MIT
// The trace format: what the writer writes the reader, libpcap and tshark read; what is broken is an error, never a crash.
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "wire/pcapng.h"
#include "world.h"

enum { start_ns_low = 123456789 };
static const uint64_t start_ns = 1700000000ull * 1000000000 + start_ns_low;

static void
temporary(char *path, size_t bytes)
{
    snprintf(path, bytes, "/tmp/nbx-pcapng-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

// Two edges, three frames, an event.
static void
sample_write(const char *path)
{
    struct pcapng_writer *w;
    uint8_t frame[61];
    struct iovec iov[2] = {{frame, 20}, {frame + 20, sizeof(frame) - 20}};
    for (size_t i = 0; i < sizeof(frame); i++)
        frame[i] = (uint8_t)i;
    ck_assert_int_eq(pcapng_writer_create(NULL, path, "ndisbox test", &w), 0);
    ck_assert_int_eq(pcapng_interface_add(w, "alpha.nic0.port", "below the miniport", PCAPNG_ETHERNET), 0);
    ck_assert_int_eq(pcapng_interface_add(w, "alpha.nic0.tcpip", "", PCAPNG_ETHERNET), 1);
    pcapng_frame_write(w, 0, start_ns, PCAPNG_INBOUND, iov, 2, 61, NULL);
    pcapng_frame_write(w, 1, start_ns + 1, PCAPNG_OUTBOUND | PCAPNG_SUM_OPEN | PCAPNG_SEGMENTS, iov, 2, 60, "needs a checksum");
    pcapng_event_write(w, start_ns + 2, "NdisMPauseComplete on alpha.nic0");
    pcapng_frame_write(w, 1, start_ns + 3000000000, PCAPNG_NO_DIRECTION, iov, 1, 20, NULL);
    ck_assert_int_eq(pcapng_writer_destroy(w), 0);
}

static void
expect_next(struct pcapng_reader *r, struct pcapng_record *record)
{
    int rc = pcapng_reader_next(r, record);
    ck_assert_msg(rc == 1, "%d %s", rc, pcapng_reader_error(r));
}

TEST(pcapng_reads_back_what_it_wrote)
{
    char path[64];
    struct pcapng_reader *r;
    struct pcapng_record record;
    temporary(path, sizeof(path));
    sample_write(path);
    ck_assert_int_eq(pcapng_reader_open(path, &r), 0);
    expect_next(r, &record);
    ck_assert_str_eq(record.interface_name, "alpha.nic0.port");
    ck_assert_str_eq(record.interface_description, "below the miniport");
    ck_assert_uint_eq(record.unix_ns, start_ns);
    ck_assert_int_eq(record.direction, PCAPNG_INBOUND);
    ck_assert_uint_eq(record.captured_bytes, 61);
    ck_assert_uint_eq(record.original_bytes, 61);
    ck_assert_uint_eq(record.data[60], 60);
    ck_assert_uint_eq(record.flags, 0);
    ck_assert_str_eq(record.comment, "");
    expect_next(r, &record);
    ck_assert_str_eq(record.interface_name, "alpha.nic0.tcpip");
    ck_assert_int_eq(record.direction, PCAPNG_OUTBOUND);
    ck_assert_uint_eq(record.flags, PCAPNG_SUM_OPEN | PCAPNG_SEGMENTS);
    ck_assert_str_eq(record.comment, "needs a checksum");
    ck_assert_uint_eq(record.captured_bytes, 60);
    expect_next(r, &record);
    ck_assert_str_eq(record.interface_name, "events");
    ck_assert_uint_eq(record.link_type, PCAPNG_EVENTS);
    ck_assert_str_eq(record.comment, "NdisMPauseComplete on alpha.nic0");
    ck_assert_mem_eq(record.data, record.comment, record.captured_bytes);
    expect_next(r, &record);
    ck_assert_uint_eq(record.unix_ns, start_ns + 3000000000);
    ck_assert_int_eq(pcapng_reader_next(r, &record), 0);
    pcapng_reader_close(r);
    unlink(path);
}

TEST(pcapng_is_understood_by_libpcap_and_tshark)
{
    char path[64], command[256], words[256] = "";
    temporary(path, sizeof(path));
    sample_write(path);
    if (access("/usr/bin/tshark", X_OK)) {
        fprintf(stderr, "SKIP pcapng_is_understood_by_libpcap_and_tshark: tshark is not installed (apt install tshark)\n");
        return;
    }
    snprintf(command, sizeof(command),
             "tshark -r %s -T fields -e frame.interface_name -e frame.comment -e frame.time_epoch -e frame.packet_flags_direction "
             "-e frame.len 2>/dev/null | tr '\\t\\n' '|;'", path);
    FILE *tshark = popen(command, "r");
    ck_assert_ptr_nonnull(tshark);
    ck_assert_ptr_nonnull(fgets(words, sizeof(words), tshark));
    ck_assert_int_eq(pclose(tshark), 0);
    ck_assert_str_eq(words, "alpha.nic0.port||1700000000.123456789|0x00000001|61;"
                            "alpha.nic0.tcpip|needs a checksum|1700000000.123456790|0x00000002|60;"
                            "events|NdisMPauseComplete on alpha.nic0|1700000000.123456791||32;"
                            "alpha.nic0.tcpip||1700000003.123456789||20;");
    unlink(path);
}

static size_t
sample_load(uint8_t *bytes, size_t capacity)
{
    char path[64];
    temporary(path, sizeof(path));
    sample_write(path);
    FILE *file = fopen(path, "r");
    size_t count = fread(bytes, 1, capacity, file);
    fclose(file);
    unlink(path);
    return count;
}

// Read it all. Returns the last answer of the reader.
static int
read_all(const uint8_t *bytes, size_t count, uint32_t *records)
{
    struct pcapng_record record;
    FILE *stream = fmemopen((void *)bytes, count, "r");
    struct pcapng_reader *r = pcapng_reader_open_stream(stream);
    int rc;
    *records = 0;
    while ((rc = pcapng_reader_next(r, &record)) == 1)
        ++*records;
    ck_assert_msg(rc == 0 || pcapng_reader_error(r)[0], "no reason given");
    pcapng_reader_close(r);
    fclose(stream);
    return rc;
}

TEST(pcapng_cut_off_anywhere_but_between_blocks_is_an_error)
{
    static uint8_t bytes[4096];
    size_t count = sample_load(bytes, sizeof(bytes)), ends = 0;
    uint32_t records;
    for (size_t cut = 1; cut <= count; cut++) {
        int rc = read_all(bytes, cut, &records);
        ck_assert(rc == 0 || rc == -EINVAL);
        ends += rc == 0;
    }
    ck_assert_uint_eq(ends, 8);              // section, 3 interfaces, 4 packets
    ck_assert_uint_eq(records, 4);
}

TEST(pcapng_with_any_byte_changed_never_crashes_and_gives_a_reason)
{
    static uint8_t bytes[4096];
    size_t count = sample_load(bytes, sizeof(bytes)), errors = 0;
    uint32_t records;
    for (size_t at = 0; at < count; at++)
        for (int bit = 0; bit < 8; bit++) {
            bytes[at] ^= (uint8_t)(1 << bit);
            errors += read_all(bytes, count, &records) < 0;
            bytes[at] ^= (uint8_t)(1 << bit);
        }
    ck_assert_uint_gt(errors, 100);
}

TEST(pcapng_of_the_other_byte_order_is_read)
{
    // Section, interface with microseconds (no option), packet of 4 bytes; all big-endian.
    static const uint8_t bytes[] = {
        0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 28, 0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 28,
        0, 0, 0, 1, 0, 0, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20,
        0, 0, 0, 6, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 9, 1, 2, 3, 4, 0, 0, 0, 36};
    FILE *stream = fmemopen((void *)bytes, sizeof(bytes), "r");
    struct pcapng_reader *r = pcapng_reader_open_stream(stream);
    struct pcapng_record record;
    expect_next(r, &record);
    ck_assert_uint_eq(record.unix_ns, (0x100000002ull) * 1000);
    ck_assert_uint_eq(record.captured_bytes, 4);
    ck_assert_uint_eq(record.original_bytes, 9);
    ck_assert_int_eq(pcapng_reader_next(r, &record), 0);
    pcapng_reader_close(r);
    fclose(stream);
}

TEST(pcapng_that_cannot_be_written_says_so_at_the_end)
{
    struct pcapng_writer *w;
    uint8_t frame[1500] = {0};
    struct iovec iov = {frame, sizeof(frame)};
    ck_assert_int_eq(pcapng_writer_create(NULL, "/no/such/folder/x", "t", &w), -ENOENT);
    ck_assert_int_eq(pcapng_writer_create(NULL, "/dev/full", "t", &w), 0);
    pcapng_interface_add(w, "a", "", PCAPNG_ETHERNET);
    for (int i = 0; i < 2000; i++)
        pcapng_frame_write(w, 0, start_ns, PCAPNG_INBOUND, &iov, 1, sizeof(frame), NULL);
    ck_assert_int_eq(pcapng_writer_destroy(w), -ENOSPC);
}

// A recording of ten frames, 1 ms apart, in the old format with microseconds, made by libpcap.
static void
recording_write(const char *path, int link_type)
{
    pcap_t *pcap = pcap_open_dead(link_type, 65535);
    pcap_dumper_t *file = pcap_dump_open(pcap, path);
    uint8_t frame[100] = {0};
    for (uint64_t i = 0; i < 10; i++) {
        struct pcap_pkthdr header = {{1600000000, (suseconds_t)(i * 1000)}, 100, 100};
        memcpy(frame + 14, &i, sizeof(i));
        pcap_dump((u_char *)file, &header, frame);
    }
    pcap_dump_close(file);
    pcap_close(pcap);
}

WORLD_TEST(pcap_port_plays_a_recording_in_virtual_time)
{
    static struct device a;
    char path[64], spec[80];
    temporary(path, sizeof(path));
    recording_write(path, DLT_EN10MB);
    snprintf(spec, sizeof(spec), "pcap:%s", path);
    device_open(&a, world, spec);
    uint64_t began_ns = sched_now_ns(sched);
    ck_assert(device_wait(&a, 10, 1000000000));
    for (uint64_t i = 0; i < 10; i++) {
        ck_assert_uint_eq(a.log[i].number, i);
        ck_assert_uint_ge(a.log[i].at_ns - began_ns, i * 1000000);
        ck_assert_uint_lt(a.log[i].at_ns - began_ns, i * 1000000 + 100000);
    }
    device_close(&a);
    unlink(path);
}

WORLD_TEST(pcap_port_writes_what_the_device_sends_and_plays_it_again)
{
    static struct device a;
    struct port_stats stats;
    char path[64], spec[80];
    temporary(path, sizeof(path));
    snprintf(spec, sizeof(spec), "pcap:,%s", path);
    device_open(&a, world, spec);
    device_send(&a, 0, 50, 77);
    device_close(&a);
    snprintf(spec, sizeof(spec), "pcap:%s", path);
    device_open(&a, world, spec);
    ck_assert(device_wait(&a, 50, 1000000000));
    ck_assert(a.log[49].is_intact);
    ck_assert_uint_eq(a.log[49].bytes, 77);
    device_send(&a, 0, 5, 77);
    port_stats_get(a.port, &stats);
    ck_assert_uint_eq(stats.tx_dropped, 5);
    device_close(&a);
    unlink(path);
}

WORLD_TEST(pcap_port_refuses_what_it_cannot_play)
{
    static const struct port_upcalls upcalls = {0};
    struct port *port;
    char path[64], spec[80], error[512];
    temporary(path, sizeof(path));
    recording_write(path, DLT_RAW);
    snprintf(spec, sizeof(spec), "pcap:%s", path);
    ck_assert_int_eq(port_open(world, spec, &upcalls, NULL, &port, error, sizeof(error)), -EINVAL);
    ck_assert_msg(strstr(error, "not Ethernet") != NULL, "%s", error);
    ck_assert_int_eq(port_open(world, "pcap:/no/such/file", &upcalls, NULL, &port, error, sizeof(error)), -EINVAL);
    ck_assert_msg(strstr(error, "/no/such/file") != NULL, "%s", error);
    ck_assert_int_eq(port_open(world, "tap:nb0", &upcalls, NULL, &port, error, sizeof(error)), -ENOTSUP);
    ck_assert_msg(strstr(error, "real time") != NULL, "%s", error);
    unlink(path);
}
