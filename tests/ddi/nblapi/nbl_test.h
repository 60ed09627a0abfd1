// SPDX-License-Identifier: MIT
// Runs a test's body at PASSIVE in a box with NDIS on the seeded scheduler, and demands that nothing stays behind.
#ifndef NBX_TESTS_DDI_NBLAPI_NBL_TEST_H
#define NBX_TESTS_DDI_NBLAPI_NBL_TEST_H

#include <ndis.h>

#include "harness/harness.h"
#include "ndis/ndis.h"
#include "sim/sim.h"

struct nbl_test_body {
    struct box *box;
    void (*fn)(void);
    uint32_t left;               // what ndis_destroy reported
};

static inline void
nbl_test_main(void *arg)
{
    struct nbl_test_body *body = arg;
    ck_assert_int_eq(ndis_create(body->box), 0);
    body->fn();
    body->left = ndis_destroy(body->box);
}

// left: how many objects must be reported as left behind.
static inline void
nbl_test_run(void (*fn)(void), uint32_t left)
{
    const char *error = NULL;
    struct sched *sched = sim_create(&(struct sim_config){.seed = 1, .strategy = SIM_RUN_TO_BLOCK}, &error);
    ck_assert_msg(sched != NULL, "%s", error);
    struct box *box = box_create(sched, &(struct box_config){.name = "box", .processors = 1, .seed = 1});
    struct nbl_test_body body = {box, fn, 0};
    ck_assert_int_eq(box_run(box, nbl_test_main, &body), 0);
    ck_assert_uint_eq(body.left + box_destroy(box), left);
    sched_destroy(sched);
}

#define NBL_TEST(name)                                                                                                 \
    static void name##_body(void);                                                                                     \
    TEST(name) { nbl_test_run(name##_body, 0); }                                                                       \
    static void name##_body(void)

static inline NET_BUFFER_LIST_POOL_PARAMETERS
nbl_pool_parameters(BOOLEAN with_net_buffer, USHORT context_bytes, ULONG data_bytes)
{
    return (NET_BUFFER_LIST_POOL_PARAMETERS){.Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                                                        NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
                                             .fAllocateNetBuffer = with_net_buffer, .ContextSize = context_bytes,
                                             .PoolTag = 'tseT', .DataSize = data_bytes};
}

static inline NDIS_HANDLE
nbl_pool(BOOLEAN with_net_buffer, USHORT context_bytes, ULONG data_bytes)
{
    NET_BUFFER_LIST_POOL_PARAMETERS parameters = nbl_pool_parameters(with_net_buffer, context_bytes, data_bytes);
    NDIS_HANDLE pool = NdisAllocateNetBufferListPool(NULL, &parameters);
    ck_assert_ptr_nonnull(pool);
    return pool;
}

static inline NDIS_HANDLE
nb_pool(ULONG data_bytes)
{
    NET_BUFFER_POOL_PARAMETERS parameters = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_POOL_PARAMETERS_REVISION_1,
                                                        NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1},
                                             .PoolTag = 'tseT', .DataSize = data_bytes};
    NDIS_HANDLE pool = NdisAllocateNetBufferPool(NULL, &parameters);
    ck_assert_ptr_nonnull(pool);
    return pool;
}

#endif
