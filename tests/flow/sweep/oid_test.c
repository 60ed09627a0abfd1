// SPDX-License-Identifier: MIT
// Every OID that the headers know, asked and set with every length from nothing to more than any needs, with a guard page right behind
// the buffer: a driver that reads or writes beyond the length it was told dies here. Over each of the bundled miniports, filters and
// the intermediate driver.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness/harness.h"
#include "ndis/ndis.h"
#include "stack/stack_int.h"
#include "world_kit.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define OID_STEP 7
#endif
#endif
#ifndef OID_STEP
#define OID_STEP 1
#endif

#define OID_BYTES_MAX 72             // each length up to here, then a few longer ones

static unsigned asked, answered, sets_taken, short_buffers;
static uint8_t *guard;               // the first byte that must not be touched

static void
guard_make(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *pages = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(pages, MAP_FAILED);
    guard = pages + 2 * page;
    ck_assert_int_eq(mprotect(guard, page, PROT_NONE), 0);
}

static void
throw_one(struct ndis_adapter *adapter, NDIS_REQUEST_TYPE type, const struct stack_constant *oid, uint32_t bytes, int fill)
{
    uint8_t *buffer = guard - bytes;
    uint32_t done = 0;
    memset(buffer, fill, bytes);
    NDIS_STATUS status = ndis_adapter_oid(adapter, type, oid->number, buffer, bytes, &done);
    asked++;
    ck_assert_msg(status != NDIS_STATUS_PENDING, "%s of %u bytes: pending", oid->name, bytes);
    if (status == NDIS_STATUS_SUCCESS) {
        ck_assert_msg(done <= bytes, "%s of %u bytes: says that it used %u", oid->name, bytes, done);
        *(type == NdisRequestQueryInformation ? &answered : &sets_taken) += 1;
    }
    short_buffers += status == NDIS_STATUS_BUFFER_TOO_SHORT || status == NDIS_STATUS_INVALID_LENGTH;
}

// A set that changes what the adapter is, rather than asking it something: the power of a machine that nobody put to sleep.
static bool
is_left_out(const struct stack_constant *oid, NDIS_REQUEST_TYPE type)
{
    return type == NdisRequestSetInformation && !strcmp(oid->name, "OID_PNP_SET_POWER");
}

static void
throw_all(void)
{
    static const uint32_t longer[] = {128, 256, 1024, 4096};
    const struct world_box *box = &sweep_world.world->boxes[0];
    struct ndis_adapter *adapter = box->adapters[box->stack->adapter_count - 1].ndis;   // the highest
    for (const struct stack_constant *oid = stack_oids; oid->name; oid++)
        for (int t = 0; t < 2; t++) {
            NDIS_REQUEST_TYPE type = t ? NdisRequestSetInformation : NdisRequestQueryInformation;
            if (is_left_out(oid, type))
                continue;
            for (uint32_t bytes = 0; bytes <= OID_BYTES_MAX; bytes += OID_STEP)
                throw_one(adapter, type, oid, bytes, (int)(bytes % 3 == 0 ? 0 : bytes % 3 == 1 ? 0xff : bytes));
            for (size_t i = 0; i < sizeof longer / sizeof *longer; i++)
                throw_one(adapter, type, oid, longer[i], i & 1 ? 0xff : 0);
        }
}

static void
throw_at(const char *drivers, const char *adapter)
{
    guard_make();
    ck_assert(sweep_run(drivers, adapter, throw_all));
    ck_assert_msg(sweep_world.result == WORLD_OK, "%s", sweep_world.said);
    ck_assert_msg(sweep_world.findings == 0, "%s", sweep_world.said);
    printf("%u requests: %u queries answered, %u sets taken, %u buffers too short\n", asked, answered, sets_taken, short_buffers);
    ck_assert_uint_gt(answered, 100);
    ck_assert_uint_gt(sets_taken, 10);
    ck_assert_uint_gt(short_buffers, 100 / OID_STEP);
}

TEST_TIMEOUT(120, vnic_keeps_within_the_buffer_of_any_request)
{
    throw_at("", "driver: vnic, port: sink");
}

TEST_TIMEOUT(120, lwfmon_and_a_protocol_keep_within_the_buffer_of_any_request)
{
    throw_at("", "driver: vnic, port: sink, filters: [lwfmon], protocols: [echoproto]");
}

TEST_TIMEOUT(120, hello_miniport_keeps_within_the_buffer_of_any_request)
{
    throw_at("hello_miniport: { path: \"" NBX_DRIVER_DIR "/hello_miniport.so\" }", "driver: hello_miniport");
}

TEST_TIMEOUT(120, passthru_keeps_within_the_buffer_of_any_request)
{
    throw_at("", "driver: vnic, port: sink, intermediates: [passthru]");
}
