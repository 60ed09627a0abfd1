// SPDX-License-Identifier: MIT
// The fence: in asan builds on sim, what a driver does not hold cannot be touched while its code runs.
// Each NET_BUFFER_LIST that has been given away has a post: the driver that holds it, and the memory that goes with it (the list, its
// NET_BUFFERs, their MDLs and data). At every crossing, and at every switch of fibres, what the driver that stops running holds is
// poisoned, and what the one that goes on holds is not. While the runtime's own threads run, everything may be touched.
//   out    memory of everything in the chain       home   (back with its origin) only what lives in the NBL's own pool block: payload
//          from elsewhere may have another owner by then; only the last FENCE_HOME_MAX of a driver, so that a crossing stays cheap
#ifndef NBX_VERIFY_FENCE_H
#define NBX_VERIFY_FENCE_H

#include <ndis.h>

#include "base/list.h"

#define FENCE_HOME_MAX 64

struct io_image;
struct fence;

struct fence_region {
    const void *at;
    size_t bytes;
    const char *kind;                         // "NET_BUFFER_LIST", "NET_BUFFER", "MDL", "data"
    bool own;                                 // lives in the NBL's pool block
};

// Part of a ledger record.
struct fence_post {
    struct list node;                         // of its holder's posts
    struct fence_holder *holder;              // NULL: not behind the fence
    bool home;
    bool is_bare;                             // without MDLs and data that are not its own: others use them too
    uint32_t count, room;
    struct fence_region *region;
};

// Is there a fence in this build? It needs ASan.
bool fence_works(void);
// owns: returns the fence; fence_destroy frees it. fails: NULL.
struct fence *fence_create(void);
void fence_destroy(struct fence *fence);

// The list, taken from whoever held it, is in nobody's hands: it may be touched. Its memory is looked up anew.
void fence_lift(struct fence *fence, struct fence_post *post, NET_BUFFER_LIST *nbl);
// From now on only image may touch it. home: it is the one that made it.
void fence_put(struct fence *fence, struct fence_post *post, const struct io_image *image, bool home);
// The NBL goes away.
void fence_forget(struct fence *fence, struct fence_post *post);
// Whose code runs from now on; NULL: the runtime's.
void fence_view(struct fence *fence, const struct io_image *image);
// Which region holds this address, and whose post it is; NULL: none.
const struct fence_region *fence_find(const struct fence *fence, const void *address, struct fence_post **post);

#endif
