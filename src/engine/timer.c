// SPDX-License-Identifier: MIT
// The pairing heap behind the timers: a tree in which no child is earlier than its parent. Arming merges one node with the root;
// taking a node out merges its children pair by pair, from the left, and then from the right.
#include "engine/timer.h"

static bool
timer_is_before(const struct timer *left, const struct timer *right)
{
    return left->at_us != right->at_us ? left->at_us < right->at_us : left->sequence < right->sequence;
}

static struct timer *
timer_merge(struct timer *left, struct timer *right)
{
    if (!left || !right)
        return left ? left : right;
    if (timer_is_before(right, left)) {
        struct timer *swap = left;
        left = right;
        right = swap;
    }
    right->next = left->child;
    if (left->child)
        left->child->previous = right;
    right->previous = left;
    left->child = right;
    return left;
}

static struct timer *
timer_merge_siblings(struct timer *sibling)
{
    struct timer *pairs = NULL, *whole = NULL;
    while (sibling) {
        struct timer *left = sibling, *right = sibling->next;
        sibling = right ? right->next : NULL;
        left->next = left->previous = NULL;
        if (right)
            right->next = right->previous = NULL;
        left = timer_merge(left, right);
        left->next = pairs; // a stack, linked by next
        pairs = left;
    }
    while (pairs) {
        struct timer *pair = pairs;
        pairs = pair->next;
        pair->next = NULL;
        whole = timer_merge(whole, pair);
    }
    return whole;
}

void
timer_cancel(struct timer_heap *heap, struct timer *timer)
{
    if (!timer->is_armed)
        return;
    struct timer *rest = timer_merge_siblings(timer->child);
    if (heap->first == timer) {
        heap->first = rest;
    } else {
        if (timer->previous->child == timer)
            timer->previous->child = timer->next;
        else
            timer->previous->next = timer->next;
        if (timer->next)
            timer->next->previous = timer->previous;
        heap->first = timer_merge(heap->first, rest);
    }
    timer->child = timer->next = timer->previous = NULL;
    timer->is_armed = false;
}

void
timer_arm(struct timer_heap *heap, struct timer *timer, uint64_t at_us)
{
    timer_cancel(heap, timer);
    timer->at_us = at_us;
    timer->sequence = heap->next_sequence++;
    timer->is_armed = true;
    heap->first = timer_merge(heap->first, timer);
}
