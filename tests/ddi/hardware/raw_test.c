// SPDX-License-Identifier: MIT
// NDIS's macros over ports and mapped registers, one test each: how wide each access is, how many there are, where they go and what comes
// back. The device is the test's own: models behind a register window and behind ports, which see each access, and plain memory.
// [ndis/nf-ndis-ndisrawreadportuchar] and its kin, [ndis/nf-ndis-ndisreadregisteruchar] and its kin, [ndis/nf-ndis-ndiszeromappedmemory]
#include <string.h>

#include "hw.h"

#define ANSWER 0xf1e2d3c4b5a69788ull          // what the models say first; then one more each time

struct access {
    uint32_t offset, width;
    uint64_t value;
};

static struct access reads[8], writes[8];
static uint32_t read_count, write_count;
static uint8_t *window, *plain;               // mapped
static void *port;
static void (*body)(void);

static uint64_t
model_read(void *context, uint32_t offset, uint32_t bytes)
{
    ck_assert_uint_lt(read_count, 8);
    reads[read_count] = (struct access){offset, bytes, 0};
    return ANSWER + read_count++;
}

static void
model_write(void *context, uint32_t offset, uint32_t bytes, uint64_t value)
{
    ck_assert_uint_lt(write_count, 8);
    writes[write_count++] = (struct access){offset, bytes, value};
}

static const struct nbx_device_config device = {
    .adapter = "nic0",
    .has_line = true,
    .region_count = 3,
    .regions = {{.kind = NBX_REGION_MEMORY, .bytes = 0x100, .on_read = model_read, .on_write = model_write},
                {.kind = NBX_REGION_MEMORY, .bytes = 0x1000},
                {.kind = NBX_REGION_PORTS, .bytes = 32, .on_read = model_read, .on_write = model_write}}};

static NDIS_STATUS
map(NDIS_HANDLE adapter, NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    CM_PARTIAL_RESOURCE_DESCRIPTOR *r = parameters->AllocatedResources->PartialDescriptors;
    ck_assert_int_eq(NdisMMapIoSpace((void **)&window, adapter, r[0].u.Memory.Start, 0x100), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisMMapIoSpace((void **)&plain, adapter, r[1].u.Memory.Start, 0x1000), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisMRegisterIoPortRange(&port, adapter, (UINT)r[2].u.Port.Start.QuadPart, 32), NDIS_STATUS_SUCCESS);
    return NDIS_STATUS_SUCCESS;
}

static void
unmap(void)
{
    NdisMUnmapIoSpace(kit.mp.adapter, window, 0x100);
    NdisMUnmapIoSpace(kit.mp.adapter, plain, 0x1000);
    NdisMDeregisterIoPortRange(kit.mp.adapter, (UINT)(ULONG_PTR)port, 32, port);
}

static void
run_body(void)
{
    KIRQL old;
    kit_start(false, 1);
    for (int high = 0; high < 2; high++) {    // any IRQL: an ISR may do all of this
        read_count = write_count = 0;
        KeRaiseIrql(high ? HIGH_LEVEL : PASSIVE_LEVEL, &old);
        body();
        KeLowerIrql(old);
    }
}

static void
run(void (*fn)(void))
{
    body = fn;
    kit_mp_hooks.initialize = map;
    kit_mp_hooks.halt = unmap;
    hw_run(1, &device, run_body);
}

static void
reads_were(uint32_t count, uint32_t offset, uint32_t width)
{
    ck_assert_uint_eq(read_count, count);
    ck_assert_uint_eq(write_count, 0);
    for (uint32_t i = 0; i < count; i++) {
        ck_assert_uint_eq(reads[i].offset, offset);
        ck_assert_uint_eq(reads[i].width, width);
    }
}

static void
writes_were(uint32_t count, uint32_t offset, uint32_t width, const uint64_t *values)
{
    ck_assert_uint_eq(write_count, count);
    ck_assert_uint_eq(read_count, 0);
    for (uint32_t i = 0; i < count; i++) {
        ck_assert_uint_eq(writes[i].offset, offset);
        ck_assert_uint_eq(writes[i].width, width);
        ck_assert_uint_eq(writes[i].value, values[i]);
    }
}

// ---- ports --------------------------------------------------------------------------------------------------------------------------

static void
raw_read_uchar(void)
{
    UCHAR data[3] = {1, 2, 3};
    NdisRawReadPortUchar((ULONG_PTR)port + 8, &data[1]);
    reads_were(1, 8, 1);
    ck_assert_uint_eq(data[0], 1);
    ck_assert_uint_eq(data[1], 0x88);
    ck_assert_uint_eq(data[2], 3);
}

TEST(NdisRawReadPortUchar_reads_one_UCHAR_from_the_port)
{
    run(raw_read_uchar);
}

static void
raw_write_uchar(void)
{
    NdisRawWritePortUchar((ULONG_PTR)port + 8, 0xa1);
    writes_were(1, 8, 1, (const uint64_t[]){0xa1});
}

TEST(NdisRawWritePortUchar_writes_one_UCHAR_to_the_port)
{
    run(raw_write_uchar);
}

static void
raw_read_buffer_uchar(void)
{
    UCHAR data[4] = {0, 0, 0, 7};
    NdisRawReadPortBufferUchar((ULONG_PTR)port + 4, data, 3);
    reads_were(3, 4, 1);                    // the same port each time
    for (uint32_t i = 0; i < 3; i++)
        ck_assert_uint_eq(data[i], 0x88 + i);
    ck_assert_uint_eq(data[3], 7);
}

TEST(NdisRawReadPortBufferUchar_reads_each_UCHAR_one_at_a_time_from_the_same_port)
{
    run(raw_read_buffer_uchar);
}

static void
raw_write_buffer_uchar(void)
{
    UCHAR data[3] = {0xa1, 0xb2, 0xc3};
    NdisRawWritePortBufferUchar((ULONG_PTR)port + 4, data, 3);
    writes_were(3, 4, 1, (const uint64_t[]){0xa1, 0xb2, 0xc3});
}

TEST(NdisRawWritePortBufferUchar_writes_each_UCHAR_one_at_a_time_to_the_same_port)
{
    run(raw_write_buffer_uchar);
}

static void
raw_read_ushort(void)
{
    USHORT data[3] = {1, 2, 3};
    NdisRawReadPortUshort((ULONG_PTR)port + 8, &data[1]);
    reads_were(1, 8, 2);
    ck_assert_uint_eq(data[0], 1);
    ck_assert_uint_eq(data[1], 0x9788);
    ck_assert_uint_eq(data[2], 3);
}

TEST(NdisRawReadPortUshort_reads_one_USHORT_from_the_port)
{
    run(raw_read_ushort);
}

static void
raw_write_ushort(void)
{
    NdisRawWritePortUshort((ULONG_PTR)port + 8, 0xa1a2);
    writes_were(1, 8, 2, (const uint64_t[]){0xa1a2});
}

TEST(NdisRawWritePortUshort_writes_one_USHORT_to_the_port)
{
    run(raw_write_ushort);
}

static void
raw_read_buffer_ushort(void)
{
    USHORT data[4] = {0, 0, 0, 7};
    NdisRawReadPortBufferUshort((ULONG_PTR)port + 4, data, 3);
    reads_were(3, 4, 2);                    // the same port each time
    for (uint32_t i = 0; i < 3; i++)
        ck_assert_uint_eq(data[i], 0x9788 + i);
    ck_assert_uint_eq(data[3], 7);
}

TEST(NdisRawReadPortBufferUshort_reads_each_USHORT_one_at_a_time_from_the_same_port)
{
    run(raw_read_buffer_ushort);
}

static void
raw_write_buffer_ushort(void)
{
    USHORT data[3] = {0xa1a2, 0xb1b2, 0xc1c2};
    NdisRawWritePortBufferUshort((ULONG_PTR)port + 4, data, 3);
    writes_were(3, 4, 2, (const uint64_t[]){0xa1a2, 0xb1b2, 0xc1c2});
}

TEST(NdisRawWritePortBufferUshort_writes_each_USHORT_one_at_a_time_to_the_same_port)
{
    run(raw_write_buffer_ushort);
}

static void
raw_read_ulong(void)
{
    ULONG data[3] = {1, 2, 3};
    NdisRawReadPortUlong((ULONG_PTR)port + 8, &data[1]);
    reads_were(1, 8, 4);
    ck_assert_uint_eq(data[0], 1);
    ck_assert_uint_eq(data[1], 0xb5a69788);
    ck_assert_uint_eq(data[2], 3);
}

TEST(NdisRawReadPortUlong_reads_one_ULONG_from_the_port)
{
    run(raw_read_ulong);
}

static void
raw_write_ulong(void)
{
    NdisRawWritePortUlong((ULONG_PTR)port + 8, 0xa1a2a3a4);
    writes_were(1, 8, 4, (const uint64_t[]){0xa1a2a3a4});
}

TEST(NdisRawWritePortUlong_writes_one_ULONG_to_the_port)
{
    run(raw_write_ulong);
}

static void
raw_read_buffer_ulong(void)
{
    ULONG data[4] = {0, 0, 0, 7};
    NdisRawReadPortBufferUlong((ULONG_PTR)port + 4, data, 3);
    reads_were(3, 4, 4);                    // the same port each time
    for (uint32_t i = 0; i < 3; i++)
        ck_assert_uint_eq(data[i], 0xb5a69788 + i);
    ck_assert_uint_eq(data[3], 7);
}

TEST(NdisRawReadPortBufferUlong_reads_each_ULONG_one_at_a_time_from_the_same_port)
{
    run(raw_read_buffer_ulong);
}

static void
raw_write_buffer_ulong(void)
{
    ULONG data[3] = {0xa1a2a3a4, 0xb1b2b3b4, 0xc1c2c3c4};
    NdisRawWritePortBufferUlong((ULONG_PTR)port + 4, data, 3);
    writes_were(3, 4, 4, (const uint64_t[]){0xa1a2a3a4, 0xb1b2b3b4, 0xc1c2c3c4});
}

TEST(NdisRawWritePortBufferUlong_writes_each_ULONG_one_at_a_time_to_the_same_port)
{
    run(raw_write_buffer_ulong);
}

// ---- registers ----------------------------------------------------------------------------------------------------------------------

static void
read_register_uchar(void)
{
    UCHAR data[3] = {1, 2, 3};
    NdisReadRegisterUchar((PUCHAR)(window + 16), &data[1]);
    reads_were(1, 16, 1);
    ck_assert_uint_eq(data[0], 1);
    ck_assert_uint_eq(data[1], 0x88);
    ck_assert_uint_eq(data[2], 3);
}

TEST(NdisReadRegisterUchar_reads_one_UCHAR_from_the_register)
{
    run(read_register_uchar);
}

static void
write_register_uchar(void)
{
    NdisWriteRegisterUchar((PUCHAR)(window + 16), 0xb2);
    writes_were(1, 16, 1, (const uint64_t[]){0xb2});
}

TEST(NdisWriteRegisterUchar_writes_one_UCHAR_to_the_register)
{
    run(write_register_uchar);
}

static void
read_register_ushort(void)
{
    USHORT data[3] = {1, 2, 3};
    NdisReadRegisterUshort((PUSHORT)(window + 16), &data[1]);
    reads_were(1, 16, 2);
    ck_assert_uint_eq(data[0], 1);
    ck_assert_uint_eq(data[1], 0x9788);
    ck_assert_uint_eq(data[2], 3);
}

TEST(NdisReadRegisterUshort_reads_one_USHORT_from_the_register)
{
    run(read_register_ushort);
}

static void
write_register_ushort(void)
{
    NdisWriteRegisterUshort((PUSHORT)(window + 16), 0xb1b2);
    writes_were(1, 16, 2, (const uint64_t[]){0xb1b2});
}

TEST(NdisWriteRegisterUshort_writes_one_USHORT_to_the_register)
{
    run(write_register_ushort);
}

static void
read_register_ulong(void)
{
    ULONG data[3] = {1, 2, 3};
    NdisReadRegisterUlong((PULONG)(window + 16), &data[1]);
    reads_were(1, 16, 4);
    ck_assert_uint_eq(data[0], 1);
    ck_assert_uint_eq(data[1], 0xb5a69788);
    ck_assert_uint_eq(data[2], 3);
}

TEST(NdisReadRegisterUlong_reads_one_ULONG_from_the_register)
{
    run(read_register_ulong);
}

static void
write_register_ulong(void)
{
    NdisWriteRegisterUlong((PULONG)(window + 16), 0xb1b2b3b4);
    writes_were(1, 16, 4, (const uint64_t[]){0xb1b2b3b4});
}

TEST(NdisWriteRegisterUlong_writes_one_ULONG_to_the_register)
{
    run(write_register_ulong);
}

static void
zero_mapped(void)
{
    memset(plain, 0xee, 64);
    NdisZeroMappedMemory(plain + 8, 40);
    for (uint32_t i = 0; i < 64; i++)
        ck_assert_uint_eq(plain[i], i >= 8 && i < 48 ? 0 : 0xee);
}

TEST(NdisZeroMappedMemory_clears_just_the_bytes)
{
    run(zero_mapped);
}
