// SPDX-License-Identifier: MIT
// See order.h. An arrow A -> B says that B was wanted by a thread that held A, and keeps both events with their stacks, of the first time.
// Readers: two arrows through a reader-writer lock belong to one circle only if one of them takes it as a writer.
// Locks on the thread's own stack are left out: their addresses are used again by other locks at once.
#include "verify/order.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "nt/ke/word.h"
#include "verify/held.h"
#include "verify/report.h"
#include "verify/verify.h"

#define NODES_MAX 4096
#define ARROWS_MAX 16384
#define NODE_BUCKETS 1024                     // by page, so that freed memory is looked up quickly
#define ARROW_BUCKETS 4096
#define CIRCLE_MAX 8                          // events of a report: of four arrows

struct order_node {
    struct list bucket;
    const void *lock;
    struct list out;                          // struct order_arrow.out
    uint32_t seen[2];                         // number of the search that came here: as a writer, as a reader
    struct order_arrow *came[2];
};

struct order_arrow {
    struct list out, bucket;
    struct order_node *from, *to;
    bool held_shared, wanted_shared;
    struct verify_event held, wanted;
};

struct verify_order {
    _Atomic uint32_t lock;
    _Atomic uint32_t nodes;                       // read without the lock: with none there is nothing to forget
    uint32_t arrows, search;
    struct list node_bucket[NODE_BUCKETS], arrow_bucket[ARROW_BUCKETS];
    struct order_node *stack[2 * NODES_MAX];  // of a search
};

struct verify_order *
verify_order_create(void)
{
    struct verify_order *order = calloc(1, sizeof *order);
    for (uint32_t i = 0; order && i < NODE_BUCKETS; i++)
        list_init(&order->node_bucket[i]);
    for (uint32_t i = 0; order && i < ARROW_BUCKETS; i++)
        list_init(&order->arrow_bucket[i]);
    return order;
}

static struct list *
node_bucket(struct verify_order *order, const void *lock)
{
    return &order->node_bucket[((uintptr_t)lock >> 12) % NODE_BUCKETS];
}

static struct list *
arrow_bucket(struct verify_order *order, const void *from, const void *to)
{
    uintptr_t mixed = ((uintptr_t)from >> 3) * 31 + ((uintptr_t)to >> 3);
    return &order->arrow_bucket[(mixed ^ mixed >> 12) % ARROW_BUCKETS];
}

static struct order_node *
node_get(struct verify_order *order, const void *lock)
{
    LIST_FOR_EACH(at, node_bucket(order, lock)) {
        struct order_node *node = LIST_ENTRY_OF(at, struct order_node, bucket);
        if (node->lock == lock)
            return node;
    }
    struct order_node *node = order->nodes < NODES_MAX ? calloc(1, sizeof *node) : NULL;
    if (!node)
        return NULL;
    order->nodes++;
    node->lock = lock;
    list_init(&node->out);
    list_push_back(node_bucket(order, lock), &node->bucket);
    return node;
}

static struct order_arrow *
arrow_find(struct verify_order *order, const void *from, const void *to)
{
    LIST_FOR_EACH(at, arrow_bucket(order, from, to)) {
        struct order_arrow *arrow = LIST_ENTRY_OF(at, struct order_arrow, bucket);
        if (arrow->from->lock == from && arrow->to->lock == to)
            return arrow;
    }
    return NULL;
}

static void
arrow_free(struct verify_order *order, struct order_arrow *arrow)
{
    list_remove(&arrow->out);
    list_remove(&arrow->bucket);
    order->arrows--;
    free(arrow);
}

// ---- forgetting -----------------------------------------------------------------------------------------------------------------------

static void
node_free(struct verify_order *order, struct order_node *node)
{
    for (uint32_t i = 0; i < ARROW_BUCKETS; i++)
        LIST_FOR_EACH_SAFE(at, &order->arrow_bucket[i]) {
            struct order_arrow *arrow = LIST_ENTRY_OF(at, struct order_arrow, bucket);
            if (arrow->from == node || arrow->to == node)
                arrow_free(order, arrow);
        }
    list_remove(&node->bucket);
    order->nodes--;
    free(node);
}

void
verify_order_freed(struct verify *verify, const void *from, size_t bytes)
{
    struct verify_order *order = verify ? verify->order : NULL;
    if (!order || !order->nodes || !bytes)
        return;
    uintptr_t first = (uintptr_t)from >> 12, last = ((uintptr_t)from + bytes - 1) >> 12;
    if (last - first >= NODE_BUCKETS)
        last = first + NODE_BUCKETS - 1;
    ke_word_lock(&order->lock);
    for (uintptr_t page = first; page <= last; page++)
        LIST_FOR_EACH_SAFE(at, &order->node_bucket[page % NODE_BUCKETS]) {
            struct order_node *node = LIST_ENTRY_OF(at, struct order_node, bucket);
            if ((uintptr_t)node->lock - (uintptr_t)from < bytes)
                node_free(order, node);
        }
    ke_word_unlock(&order->lock);
}

void
verify_order_destroy(struct verify_order *order)
{
    for (uint32_t i = 0; order && i < ARROW_BUCKETS; i++)
        while (!list_is_empty(&order->arrow_bucket[i]))
            arrow_free(order, LIST_ENTRY_OF(order->arrow_bucket[i].next, struct order_arrow, bucket));
    for (uint32_t i = 0; order && i < NODE_BUCKETS; i++)
        while (!list_is_empty(&order->node_bucket[i]))
            free(LIST_ENTRY_OF(list_pop_front(&order->node_bucket[i]), struct order_node, bucket));
    free(order);
}

// ---- the search -----------------------------------------------------------------------------------------------------------------------

// A way from `from` to `to` along arrows that go together, and go together with the arrow `closing`, which leads from `to` to `from`.
// Returns the last arrow of the way; each node's came leads back. How a node was come to (as a reader or not) is the index.
static struct order_arrow *
way_find(struct verify_order *order, struct order_node *from, const struct order_node *to, const struct order_arrow *closing)
{
    uint32_t depth = 0;
    order->search++;
    from->seen[closing->wanted_shared] = order->search;
    from->came[closing->wanted_shared] = NULL;
    order->stack[depth++] = from;
    while (depth) {
        struct order_node *node = order->stack[--depth];
        LIST_FOR_EACH(at, &node->out) {
            struct order_arrow *arrow = LIST_ENTRY_OF(at, struct order_arrow, out);
            bool as_writer = node->seen[0] == order->search, as_reader = node->seen[1] == order->search;
            if (!as_writer && !(as_reader && !arrow->held_shared))
                continue;
            if (arrow->to == to && !(arrow->wanted_shared && closing->held_shared))
                return arrow;
            if (arrow->to == to || arrow->to->seen[arrow->wanted_shared] == order->search || depth == 2 * NODES_MAX)
                continue;
            arrow->to->seen[arrow->wanted_shared] = order->search;
            arrow->to->came[arrow->wanted_shared] = arrow;
            order->stack[depth++] = arrow->to;
        }
    }
    return NULL;
}

struct circle {
    uint32_t count, locks;                    // events; locks of the whole circle
    struct verify_event events[CIRCLE_MAX];
};

// The arrows of the way, last to first: the ones nearest to the lock that is held now are told.
static void
circle_fill(const struct verify_order *order, struct circle *circle, const struct order_arrow *last, const struct order_arrow *closing)
{
    const struct order_arrow *arrow = last;
    circle->count = 0;
    circle->locks = 1;
    while (arrow) {
        circle->locks++;
        if (circle->count <= CIRCLE_MAX - 4) {
            circle->events[circle->count] = arrow->held;
            circle->events[circle->count++].what = "before: held by";
            circle->events[circle->count] = arrow->wanted;
            circle->events[circle->count++].what = "  and with it taken by";
        }
        const struct order_node *at = arrow->from;
        if (at == closing->to)
            break;
        bool as_writer = at->seen[0] == order->search;
        arrow = at->came[as_writer ? 0 : 1];
    }
    circle->events[circle->count] = closing->held;
    circle->events[circle->count++].what = "now: held by";
    circle->events[circle->count] = closing->wanted;
    circle->events[circle->count++].what = "  and with it wanted by";
}

// Adds the arrow. Does it close a circle?
static bool
arrow_add(struct verify_order *order, const struct held_lock *held, const void *lock, bool is_shared, const struct verify_event *wanted,
          struct circle *circle)
{
    struct order_node *from = node_get(order, held->lock), *to = node_get(order, lock);
    struct order_arrow *arrow = from && to && order->arrows < ARROWS_MAX ? calloc(1, sizeof *arrow) : NULL;
    if (!arrow)
        return false;
    *arrow = (struct order_arrow){.from = from, .to = to, .held_shared = held->is_shared, .wanted_shared = is_shared};
    arrow->held = held->taken;
    arrow->wanted = *wanted;
    order->arrows++;
    list_push_back(&from->out, &arrow->out);
    list_push_back(arrow_bucket(order, held->lock, lock), &arrow->bucket);
    const struct order_arrow *last = way_find(order, to, from, arrow);
    if (last)
        circle_fill(order, circle, last, arrow);
    return last != NULL;
}

static void
circle_report(const struct circle *circle, const void *lock, const void *held, const char *function)
{
    struct verify_history history = {0};
    char text[300], through[60] = "";
    for (uint32_t i = 0; i < circle->count; i++)
        verify_history_put(ke_self()->box->verify, &history, &circle->events[i], circle->events[i].what);
    if (circle->locks > 2)
        snprintf(through, sizeof through, " (through %u more)", circle->locks - 2);
    snprintf(text, sizeof text, "the lock %p is wanted while %p is held, and before they were taken the other way round%s", lock, held,
             through);
    verify_report(&(struct verify_finding){.rule = NBX_0206,
                                           .function = function,
                                           .text = text,
                                           .object_kind = "lock",
                                           .object = lock,
                                           .history = &history});
}

// A known arrow that was a reader's at both its ends so far may be taken as a writer's now: then it is looked at anew.
static void
order_check(struct ke_thread *self, const struct held_lock *held, const void *lock, bool is_shared, const char *function)
{
    struct verify *verify = self->box->verify;
    struct verify_order *order = verify->order;
    struct circle circle;
    struct verify_event wanted;
    ke_word_lock(&order->lock);
    struct order_arrow *known = arrow_find(order, held->lock, lock);
    if (known && (known->held_shared <= held->is_shared) && (known->wanted_shared <= is_shared)) {
        ke_word_unlock(&order->lock);
        return;
    }
    if (known)
        arrow_free(order, known);
    ke_word_unlock(&order->lock);
    verify_event_make(&wanted, "wanted by", function, self->driver, true);
    ke_word_lock(&order->lock);
    bool is_circle = !arrow_find(order, held->lock, lock) && arrow_add(order, held, lock, is_shared, &wanted, &circle);
    ke_word_unlock(&order->lock);
    if (is_circle)
        circle_report(&circle, lock, held->lock, function);
}

// ---- hooks ----------------------------------------------------------------------------------------------------------------------------

static bool
is_on_stack(const void *lock)
{
    return (const char *)lock >= (const char *)sched_self->stack_low && (const char *)lock < (const char *)sched_self->stack_high;
}

void
verify_order_want(const void *lock, bool is_shared, const char *function)
{
    struct ke_thread *self = ke_self();
    struct ke_held *held = self->held;
    if (!held || (!held->count && !held->other_count) || is_on_stack(lock))
        return;
    for (uint32_t i = 0; i < held->count + held->other_count; i++) {
        const struct held_lock *one = i < held->count ? &held->locks[i] : &held->others[i - held->count];
        if (one->lock != lock && !is_on_stack(one->lock))
            order_check(self, one, lock, is_shared, function);
    }
}

void
verify_order_took(const void *lock, bool is_shared, const char *function)
{
    struct ke_thread *self = ke_self();
    struct ke_held *held = held_of(self);
    verify_raised(self);
    if (held->other_count == HELD_MAX)
        return;
    struct held_lock *one = &held->others[held->other_count++];
    *one = (struct held_lock){.lock = lock, .is_shared = is_shared};
    verify_event_make(&one->taken, "taken by", function, self->driver, self->box->verify->with_stacks);
}

void
verify_order_dropped(const void *lock)
{
    struct ke_held *held = ke_self()->held;
    for (uint32_t i = held ? held->other_count : 0; i-- > 0;)
        if (held->others[i].lock == lock) {
            held->other_count--;
            for (; i < held->other_count; i++)
                held->others[i] = held->others[i + 1];
            return;
        }
}
