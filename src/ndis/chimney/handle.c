// SPDX-License-Identifier: MIT
// NDIS_OFFLOAD_HANDLE: an upper layer's name for an offloaded object, in its own memory. NDIS has one word in it (NdisReserved[0]), from
// the call of NdisInitiateOffload to the completion of the terminate: the binding, with the phase in its two lowest bits. With a verifier
// it is what is watched of the object (watch.h), which names the binding; the third bit says so.
//   begin (initiating) -> phase_set (offloaded) -> phase_set (terminating) -> end        initiate failed: begin -> end
// Each begin counts one object more that the binding has below it, each end one less: a binding is not closed over them.
#include "ndis/chimney/chimney_int.h"
#include "verify/refuse.h"
#include "verify/report.h"

#define PHASE_MASK ((uintptr_t)3)
#define WATCHED ((uintptr_t)4)
#define WORD_MASK (PHASE_MASK | WATCHED)

_Static_assert(_Alignof(struct ndis_binding) > WORD_MASK && _Alignof(struct chimney_watch) > WORD_MASK, "both fit below an address");

static uintptr_t
handle_word(const NDIS_OFFLOAD_HANDLE *handle)
{
    return (uintptr_t)__atomic_load_n(&handle->NdisReserved[0], __ATOMIC_ACQUIRE);
}

static struct ndis_binding *
word_binding(uintptr_t word)
{
    void *at = (void *)(word & ~WORD_MASK);
    return __builtin_expect(word & WATCHED, 0) ? ((struct chimney_watch *)at)->binding : at;
}

struct chimney_watch *
chimney_handle_watch(const NDIS_OFFLOAD_HANDLE *handle)
{
    uintptr_t word = handle_word(handle);
    return word & WATCHED ? (void *)(word & ~WORD_MASK) : NULL;
}

void
chimney_handle_begin(NDIS_OFFLOAD_HANDLE *handle, struct ndis_binding *binding)
{
    uintptr_t word = (uintptr_t)binding;
    if (binding->module.ndis->box->verify)
        word = (uintptr_t)chimney_watch_create(binding) | WATCHED;
    atomic_fetch_add(&binding->offloads, 1);
    __atomic_store_n(&handle->NdisReserved[0], (void *)(word | CHIMNEY_INITIATING), __ATOMIC_RELEASE);
}

void
chimney_handle_end(NDIS_OFFLOAD_HANDLE *handle)
{
    uintptr_t word = handle_word(handle);
    struct ndis_binding *binding = word_binding(word);
    struct chimney_watch *watch = chimney_handle_watch(handle);
    __atomic_store_n(&handle->NdisReserved[0], NULL, __ATOMIC_RELEASE);
    atomic_fetch_sub(&binding->offloads, 1);
    if (watch)
        chimney_watch_put(watch);
}

void
chimney_handle_phase_set(NDIS_OFFLOAD_HANDLE *handle, enum chimney_phase phase)
{
    uintptr_t *word = (uintptr_t *)&handle->NdisReserved[0], had = handle_word(handle);
    while (!__atomic_compare_exchange_n(word, &had, (had & ~PHASE_MASK) | phase, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        ;
}

struct ndis_binding *
chimney_handle_binding(const NDIS_OFFLOAD_HANDLE *handle, enum chimney_phase *phase, const char *function)
{
    uintptr_t word = handle ? handle_word(handle) : 0;
    if (!(word & ~WORD_MASK))
        verify_rule_fatal(NBX_0600, function, "is called with the NDIS_OFFLOAD_HANDLE of an object that is not offloaded");
    struct ndis_module *module = ndis_handle_check(word_binding(word), NDIS_KIND_BINDING, function);
    *phase = (enum chimney_phase)(word & PHASE_MASK);
    return CONTAINING_RECORD(module, struct ndis_binding, module);
}

struct ndis_binding *
chimney_handle_offloaded(const NDIS_OFFLOAD_HANDLE *handle, const char *function)
{
    enum chimney_phase phase;
    struct ndis_binding *binding = chimney_handle_binding(handle, &phase, function);
    if (phase == CHIMNEY_INITIATING)
        verify_rule_fatal(NBX_0600, function, "is called for an object before its initiate offload operation has completed");
    if (phase == CHIMNEY_TERMINATING)
        verify_rule_fatal(NBX_0600, function, "is called for an object whose offload is being terminated");
    return binding;
}
