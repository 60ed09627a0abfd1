// SPDX-License-Identifier: MIT
// One passthru more on a stack: its image under a name of its own (an image has one service), a virtual miniport that is declared, named to
// the binding, asked for in the bind, and running. For the tests that stand on no, one or two of them.
#ifndef NBX_TESTS_FLOW_PASSTHRU_STOREY_H
#define NBX_TESTS_FLOW_PASSTHRU_STOREY_H

#include <check.h>

#include "ndis/ndis.h"
#include "nt/box.h"
#include "nt/cm/cm.h"
#include "nt/io/image.h"

static inline void
storey_changed(void *context, struct ndis_adapter *adapter, NDIS_STATUS status)
{
    (void)status;
    *(struct ndis_adapter **)context = adapter;
}

// which: 0 stands on the adapter nic0, 1 on the first. *slot is its virtual miniport for as long as there is one.
static inline struct ndis_adapter *
storey_add(struct box *box, struct ndis_adapter *below, unsigned which, struct ndis_adapter **slot)
{
    static const char *const below_names[] = {"nic0", "v0"}, *const names[] = {"v0", "v1"}, *const drivers[] = {"passthru", "outer"};
    const char *driver = drivers[which];
    struct ndis_virtual_config config = {.name = names[which], .driver = driver, .on_change = storey_changed, .context = slot};
    struct io_image_config image_config = {.name = driver, .path = NBX_DRIVER_DIR "/passthru.so"};
    struct io_image *image;
    char device[64], path[256], error[256];
    const char *const list[] = {device};
    ck_assert_msg(NT_SUCCESS(io_image_load(box, &image_config, &image, error, sizeof error)), "%s", error);
    ck_assert_int_eq(ndis_virtual_declare(box, &config, device, sizeof device), NDIS_STATUS_SUCCESS);
    ndis_binding_key(below_names[which], driver, path, sizeof path);
    ck_assert(NT_SUCCESS(cm_set_multi_sz(box, cm_key_open(box, path), "UpperBindings", list, 1)));
    ck_assert_int_eq(ndis_adapter_bind(below, driver), NDIS_STATUS_SUCCESS);
    ndis_settle(box);
    ck_assert_ptr_nonnull(*slot);
    ck_assert_int_eq(ndis_adapter_restart(*slot), NDIS_STATUS_SUCCESS);
    return *slot;
}

// Once their adapters are gone: the images of so many.
static inline void
storeys_unload(struct box *box, unsigned count)
{
    while (count-- > 0)
        ck_assert_int_eq(io_image_unload(io_image_find(box, count ? "outer" : "passthru")), STATUS_SUCCESS);
}

#endif
