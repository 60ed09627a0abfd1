// SPDX-License-Identifier: MIT
// See fence.h. One OS thread runs everything, so there is no lock.
//   crossing, fibre switch -> fence_view -> posts of the one that stops: poisoned; posts of the one that goes on: clear
//   hand-over              -> fence_lift (clear, regions anew) -> fence_put (into the new holder's list; poisoned unless it runs)
// Clearing comes last: where two posts share memory (a clone and its original), who holds one of them may touch it.
#include "verify/fence.h"

#include <stdlib.h>

#include "host/poison.h"
#include "ndis/nbl.h"

struct fence_holder {
    struct list node;                         // fence->holders
    const struct io_image *image;
    struct list posts;                        // out, newest last
    struct list homes;                        // home, newest last
    uint32_t home_count;
};

struct fence {
    struct list holders;
    struct fence_holder *view;                // NULL: the runtime
};

bool
fence_works(void)
{
    return poison_is_there();
}

struct fence *
fence_create(void)
{
    struct fence *fence = calloc(1, sizeof *fence);
    if (fence)
        list_init(&fence->holders);
    return fence;
}

static void
post_poison(const struct fence_post *post)
{
    for (uint32_t i = 0; i < post->count; i++)
        if (post->region[i].own || !post->home)
            poison_set(post->region[i].at, post->region[i].bytes);
}

static void
post_clear(const struct fence_post *post)
{
    for (uint32_t i = 0; i < post->count; i++)
        if (post->region[i].own || !post->home)
            poison_clear(post->region[i].at, post->region[i].bytes);
}

static void
holder_each(struct fence_holder *holder, void (*fn)(const struct fence_post *post))
{
    LIST_FOR_EACH(node, &holder->posts)
        fn(LIST_ENTRY_OF(node, struct fence_post, node));
    LIST_FOR_EACH(node, &holder->homes)
        fn(LIST_ENTRY_OF(node, struct fence_post, node));
}

static struct fence_holder *
holder_of(struct fence *fence, const struct io_image *image)
{
    if (!image)
        return NULL;
    LIST_FOR_EACH(node, &fence->holders) {
        struct fence_holder *holder = LIST_ENTRY_OF(node, struct fence_holder, node);
        if (holder->image == image)
            return holder;
    }
    struct fence_holder *holder = calloc(1, sizeof *holder);
    if (!holder)
        abort();                              // a fence with holes proves nothing
    holder->image = image;
    list_init(&holder->posts);
    list_init(&holder->homes);
    list_push_back(&fence->holders, &holder->node);
    return holder;
}

void
fence_view(struct fence *fence, const struct io_image *image)
{
    struct fence_holder *to = holder_of(fence, image), *from = fence->view;
    if (to == from)
        return;
    fence->view = to;
    LIST_FOR_EACH(node, &fence->holders) {
        struct fence_holder *holder = LIST_ENTRY_OF(node, struct fence_holder, node);
        if (!to)
            holder_each(holder, post_clear);
        else if (holder != to && (!from || holder == from))
            holder_each(holder, post_poison);
    }
    if (to)
        holder_each(to, post_clear);
}

static void
post_take_out(struct fence_post *post)
{
    if (!post->holder)
        return;
    if (post->home)
        post->holder->home_count--;
    list_remove(&post->node);
    post->holder = NULL;
}

static void
post_add(struct fence_post *post, const void *at, size_t bytes, const char *kind, bool own)
{
    if (!at || !bytes)
        return;
    if (post->count == post->room) {
        post->room = post->room ? 2 * post->room : 8;
        post->region = reallocarray(post->region, post->room, sizeof *post->region);
        if (!post->region)
            abort();
    }
    post->region[post->count++] = (struct fence_region){at, bytes, kind, own};
}

static void
post_look(struct fence_post *post, NET_BUFFER_LIST *nbl)
{
    struct ndis_nbl *head = ndis_nbl_of(nbl);
    NET_BUFFER *own_nb = head->has_net_buffer ? ndis_nbl_own_nb(head) : NULL;
    MDL *own_mdl = own_nb && head->pool->data_bytes ? ndis_nb_own_mdl(own_nb) : NULL;
    post->count = 0;
    post_add(post, nbl, sizeof head->nbl_bytes, "NET_BUFFER_LIST", true);
    for (NET_BUFFER *nb = nbl->FirstNetBuffer; nb; nb = nb->Next) {
        post_add(post, nb, sizeof *nb, "NET_BUFFER", nb == own_nb);
        for (MDL *mdl = nb->MdlChain; mdl; mdl = mdl->Next) {
            if (post->is_bare && mdl != own_mdl)
                continue;
            post_add(post, mdl, sizeof *mdl, "MDL", mdl == own_mdl);
            post_add(post, mdl->MappedSystemVa, mdl->ByteCount, "data", mdl == own_mdl);
        }
    }
}

void
fence_lift(struct fence *fence, struct fence_post *post, NET_BUFFER_LIST *nbl)
{
    (void)fence;
    post_clear(post);
    post_take_out(post);
    post->home = false;
    post_look(post, nbl);
}

void
fence_put(struct fence *fence, struct fence_post *post, const struct io_image *image, bool home)
{
    struct fence_holder *holder = holder_of(fence, image);
    post_take_out(post);
    if (!holder)
        return;
    post->holder = holder;
    post->home = home;
    list_push_back(home ? &holder->homes : &holder->posts, &post->node);
    if (home && ++holder->home_count > FENCE_HOME_MAX) {
        struct fence_post *oldest = LIST_ENTRY_OF(holder->homes.next, struct fence_post, node);
        post_clear(oldest);
        post_take_out(oldest);
    }
    if (fence->view && fence->view != holder)
        post_poison(post);
}

void
fence_forget(struct fence *fence, struct fence_post *post)
{
    (void)fence;
    if (post->holder)
        post_clear(post);
    post_take_out(post);
    free(post->region);
    *post = (struct fence_post){0};
}

const struct fence_region *
fence_find(const struct fence *fence, const void *address, struct fence_post **post)
{
    LIST_FOR_EACH(node, &fence->holders) {
        struct fence_holder *holder = LIST_ENTRY_OF(node, struct fence_holder, node);
        if (holder == fence->view)
            continue;
        struct list *lists[] = {&holder->posts, &holder->homes};
        for (int which = 0; which < 2; which++)
            LIST_FOR_EACH(at, lists[which]) {
                *post = LIST_ENTRY_OF(at, struct fence_post, node);
                for (uint32_t i = 0; i < (*post)->count; i++)
                    if ((which == 0 || (*post)->region[i].own) &&
                        (uintptr_t)address - (uintptr_t)(*post)->region[i].at < (*post)->region[i].bytes)
                        return &(*post)->region[i];
            }
    }
    return NULL;
}

void
fence_destroy(struct fence *fence)
{
    fence_view(fence, NULL);
    while (!list_is_empty(&fence->holders)) {
        struct fence_holder *holder = LIST_ENTRY_OF(list_pop_front(&fence->holders), struct fence_holder, node);
        while (!list_is_empty(&holder->posts))
            list_pop_front(&holder->posts);
        while (!list_is_empty(&holder->homes))
            list_pop_front(&holder->homes);
        free(holder);
    }
    free(fence);
}
