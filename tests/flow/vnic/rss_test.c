// SPDX-License-Identifier: MIT
// Receive side scaling: the documentation's test vectors through a wire, the indirection table, what is refused, what a query shows.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/harness.h"
#include "kit.h"
#include "nt/ke/ke.h"

// [network/verifying-the-rss-hash-calculation]
static const uint8_t key[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
                                0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
                                0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
static const struct vector {
    const char *destination;
    uint16_t destination_port;
    const char *source;
    uint16_t source_port;
    uint32_t alone, with_ports;
} vectors[] = {
    {"161.142.100.80", 1766, "66.9.149.187", 2794, 0x323e8fc2, 0x51ccc178},
    {"65.69.140.83", 4739, "199.92.111.2", 14230, 0xd718262a, 0xc626b0ea},
    {"12.22.207.184", 38024, "24.19.198.95", 12898, 0xd2d0a5de, 0x5c2b394a},
    {"209.142.163.6", 2217, "38.27.205.30", 48228, 0x82989176, 0xafc7327f},
    {"202.188.127.2", 1303, "153.39.163.191", 44251, 0x5d1809c5, 0x10e828a2},
    {"3ffe:2501:200:3::1", 1766, "3ffe:2501:200:1fff::7", 2794, 0x2cc18cd5, 0x40207d3d},
    {"ff02::1", 4739, "3ffe:501:8::260:97ff:fe40:efab", 14230, 0x0f0c461c, 0xdde51bbf},
    {"fe80::200:f8ff:fe21:67cf", 38024, "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251, 0x4b61e985, 0x02d1feef}};
#define VECTORS (sizeof vectors / sizeof *vectors)

// A TCP or UDP frame of 94 bytes with these ends; fragment: a later one of an IPv4 packet.
static uint32_t
frame_make(uint8_t *frame, const struct vector *v, uint8_t protocol, bool fragment)
{
    bool ip6 = strchr(v->source, ':');
    uint8_t *ip = frame + 14, *l4 = ip + (ip6 ? 40 : 20);
    memset(frame, 0, 94);
    memset(frame, 2, 12);
    if (ip6) {
        memcpy(frame + 12, "\x86\xdd", 2);
        ip[0] = 0x60;
        ip[5] = 40;
        ip[6] = protocol;
        ck_assert_int_eq(inet_pton(AF_INET6, v->source, ip + 8), 1);
        ck_assert_int_eq(inet_pton(AF_INET6, v->destination, ip + 24), 1);
    } else {
        memcpy(frame + 12, "\x08\x00", 2);
        ip[0] = 0x45;
        ip[3] = 60;
        ip[7] = fragment ? 9 : 0;
        ip[9] = protocol;
        ck_assert_int_eq(inet_pton(AF_INET, v->source, ip + 12), 1);
        ck_assert_int_eq(inet_pton(AF_INET, v->destination, ip + 16), 1);
    }
    l4[0] = (uint8_t)(v->source_port >> 8);
    l4[1] = (uint8_t)v->source_port;
    l4[2] = (uint8_t)(v->destination_port >> 8);
    l4[3] = (uint8_t)v->destination_port;
    if (protocol == 6)
        l4[12] = 0x50;
    else
        l4[5] = 40;
    return ip6 ? 94 : 74;
}

struct scale {
    NDIS_RECEIVE_SCALE_PARAMETERS head;
    PROCESSOR_NUMBER table[128];
    uint8_t key[40];
};

static struct scale
scale_make(uint32_t types, uint32_t entries)
{
    struct scale s = {.head = {.Header = {NDIS_OBJECT_TYPE_RSS_PARAMETERS, NDIS_RECEIVE_SCALE_PARAMETERS_REVISION_2,
                                          NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2},
                               .HashInformation = types | NdisHashFunctionToeplitz,
                               .IndirectionTableSize = (USHORT)(entries * sizeof(PROCESSOR_NUMBER)),
                               .IndirectionTableOffset = offsetof(struct scale, table),
                               .HashSecretKeySize = 40,
                               .HashSecretKeyOffset = offsetof(struct scale, key)}};
    for (uint32_t i = 0; i < entries; i++)
        s.table[i].Number = i & 1;
    memcpy(s.key, key, sizeof key);
    return s;
}

static NDIS_STATUS
scale_set(struct kit_binding *b, struct scale *s)
{
    return kit_oid(b, NdisRequestSetInformation, OID_GEN_RECEIVE_SCALE_PARAMETERS, s, sizeof *s);
}

#define ALL_TYPES (NDIS_HASH_IPV4 | NDIS_HASH_TCP_IPV4 | NDIS_HASH_UDP_IPV4 | NDIS_HASH_IPV6 | NDIS_HASH_TCP_IPV6 | NDIS_HASH_UDP_IPV6)

static struct kit_binding *a, *b;

static void
nics(void)
{
    kit_nic("nic0", "wire:lan", NULL, "tp", 0, &a);
    kit_nic("nic1", "wire:lan", NULL, "tp", 0, &b);
}

// Send one frame, give the one that arrived.
static const struct kit_frame *
carry(const struct vector *v, uint8_t protocol, bool fragment)
{
    uint8_t frame[94];
    uint32_t bytes = frame_make(frame, v, protocol, fragment), then = b->frames;
    kit_send(a, kit_nbl_one(a, frame, bytes));
    kit_wait(&b->frames, then + 1);
    ck_assert_uint_eq(b->frame[then].bytes, bytes);
    ck_assert(!memcmp(b->frame[then].data, frame, bytes));
    return &b->frame[then];
}

// ---- hashes -----------------------------------------------------------------------------------------------------------------------

static void
toeplitz(void)
{
    nics();
    struct scale s = scale_make(ALL_TYPES, 128);
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_SUCCESS);
    uint32_t on[2] = {0};
    for (uint32_t i = 0; i < VECTORS; i++) {
        bool ip6 = strchr(vectors[i].source, ':');
        const struct kit_frame *f = carry(&vectors[i], 6, false);
        ck_assert_uint_eq(f->hash, vectors[i].with_ports);
        ck_assert_uint_eq(f->hash_type, (ip6 ? NDIS_HASH_TCP_IPV6 : NDIS_HASH_TCP_IPV4) | NdisHashFunctionToeplitz);
        ck_assert_uint_eq(f->processor, f->hash & 1);   // entry i of the table is i & 1
        on[f->processor]++;
        f = carry(&vectors[i], 17, false);
        ck_assert_uint_eq(f->hash, vectors[i].with_ports);
        ck_assert_uint_eq(f->hash_type, (ip6 ? NDIS_HASH_UDP_IPV6 : NDIS_HASH_UDP_IPV4) | NdisHashFunctionToeplitz);
        f = carry(&vectors[i], 99, false);              // no ports: the addresses alone
        ck_assert_uint_eq(f->hash, vectors[i].alone);
        ck_assert_uint_eq(f->hash_type, (ip6 ? NDIS_HASH_IPV6 : NDIS_HASH_IPV4) | NdisHashFunctionToeplitz);
        ck_assert_uint_eq(f->processor, f->hash & 1);
        if (!ip6)
            ck_assert_uint_eq(carry(&vectors[i], 6, true)->hash, vectors[i].alone);   // a fragment
    }
    ck_assert_uint_gt(on[0], 0);
    ck_assert_uint_gt(on[1], 0);
}

TEST(OID_GEN_RECEIVE_SCALE_PARAMETERS_makes_the_hashes_of_the_documentation_and_sends_frames_to_their_processors)
{
    for (uint64_t seed = 1; seed <= 10; seed++)
        kit_run(seed, toeplitz);
}

static void
some_types(void)
{
    nics();
    struct scale s = scale_make(NDIS_HASH_TCP_IPV4, 2);
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(carry(&vectors[0], 6, false)->hash, vectors[0].with_ports);
    ck_assert_uint_eq(carry(&vectors[0], 17, false)->hash_type, 0);   // nor a hash left over in the NBL
    ck_assert_uint_eq(carry(&vectors[5], 6, false)->hash_type, 0);
    // Off again: no hashes, and each frame where it arrives.
    s.head.Flags = NDIS_RSS_PARAM_FLAG_DISABLE_RSS;
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_SUCCESS);
    for (uint32_t i = 0; i < 100; i++) {
        const struct kit_frame *f = carry(&vectors[0], 6, false);
        ck_assert_uint_eq(f->hash_type, 0);
        ck_assert_uint_eq(f->hash, 0);
    }
    s = scale_make(0, 2);
    s.head.HashInformation = 0;   // the other way to say off
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_SUCCESS);
}

TEST(RSS_hashes_only_the_types_that_were_asked_for_and_nothing_once_it_is_off)
{
    kit_run(3, some_types);
}

static void
unchanged(void)
{
    nics();
    struct scale s = scale_make(ALL_TYPES, 128);
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_SUCCESS);
    // All to processor 1, with the key and the types as they were.
    for (uint32_t i = 0; i < 128; i++)
        s.table[i].Number = 1;
    memset(s.key, 0x55, sizeof s.key);
    s.head.HashInformation = NDIS_HASH_IPV4 | NdisHashFunctionToeplitz;
    s.head.Flags = NDIS_RSS_PARAM_FLAG_HASH_INFO_UNCHANGED | NDIS_RSS_PARAM_FLAG_HASH_KEY_UNCHANGED;
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_SUCCESS);
    for (uint32_t i = 0; i < VECTORS; i++) {
        const struct kit_frame *f = carry(&vectors[i], 6, false);
        ck_assert_uint_eq(f->hash, vectors[i].with_ports);
        ck_assert_uint_eq(f->processor, 1);
    }
    // What NDIS tells whoever asks is the sum of both.
    struct scale now = {0};
    ck_assert_int_eq(kit_oid(b, NdisRequestQueryInformation, OID_GEN_RECEIVE_SCALE_PARAMETERS, &now, sizeof now), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(now.head.HashInformation, ALL_TYPES | NdisHashFunctionToeplitz);
    ck_assert_uint_eq(now.head.IndirectionTableSize, 128 * sizeof(PROCESSOR_NUMBER));
    ck_assert(!memcmp((uint8_t *)&now + now.head.IndirectionTableOffset, s.table, sizeof s.table));
    ck_assert_uint_eq(now.head.HashSecretKeySize, 40);
    ck_assert(!memcmp((uint8_t *)&now + now.head.HashSecretKeyOffset, key, 40));
    ck_assert_int_eq(kit_oid(b, NdisRequestQueryInformation, OID_GEN_RECEIVE_SCALE_PARAMETERS, &now, 8), NDIS_STATUS_INVALID_LENGTH);
}

TEST(OID_GEN_RECEIVE_SCALE_PARAMETERS_keeps_what_is_marked_as_unchanged_and_NDIS_answers_the_query)
{
    kit_run(4, unchanged);
}

// ---- refusals ---------------------------------------------------------------------------------------------------------------------

static void
refusals(void)
{
    nics();
    struct scale good = scale_make(ALL_TYPES, 128), s = good;
    s.head.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_INVALID_PARAMETER);
    s = good;
    s.head.Header.Revision = NDIS_RECEIVE_SCALE_PARAMETERS_REVISION_1;
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_INVALID_PARAMETER);
    s = good;
    s.head.HashInformation = ALL_TYPES | NdisHashFunctionReserved1;
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_INVALID_PARAMETER);
    s.head.HashInformation = NDIS_HASH_TCP_IPV6_EX | NdisHashFunctionToeplitz;   // not among the capabilities
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_INVALID_PARAMETER);
    s = good;
    s.head.HashSecretKeySize = 39;
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_INVALID_PARAMETER);
    s = good;
    s.head.HashSecretKeyOffset = sizeof s - 39;
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_INVALID_PARAMETER);
    s.head.HashSecretKeyOffset = 0xffffffff;
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_INVALID_PARAMETER);
    s.head.HashSecretKeyOffset = 4;   // inside the structure itself
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_INVALID_PARAMETER);
    s = good;
    s.head.IndirectionTableOffset = sizeof s - 8;
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_INVALID_PARAMETER);
    s = good;
    s.head.IndirectionTableSize = 3 * sizeof(PROCESSOR_NUMBER);
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_INVALID_PARAMETER);
    s.head.IndirectionTableSize = 0;
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_INVALID_PARAMETER);
    s = good;
    s.table[77].Number = 2;   // the box has two
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_INVALID_PARAMETER);
    s = good;
    s.head.Flags = NDIS_RSS_PARAM_FLAG_ITABLE_UNCHANGED;   // there is none yet
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_INVALID_PARAMETER);
    // Every length below the structure's, with a guard behind.
    for (uint32_t bytes = 0; bytes < NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2; bytes++) {
        uint8_t *exact = malloc(bytes + !bytes);
        memcpy(exact, &good, bytes);
        ck_assert_int_eq(kit_oid(b, NdisRequestSetInformation, OID_GEN_RECEIVE_SCALE_PARAMETERS, exact, bytes),
                         NDIS_STATUS_INVALID_LENGTH);
        free(exact);
    }
    for (uint32_t bytes = NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2; bytes < sizeof good; bytes++) {
        uint8_t *exact = malloc(bytes);
        memcpy(exact, &good, bytes);
        ck_assert_int_eq(kit_oid(b, NdisRequestSetInformation, OID_GEN_RECEIVE_SCALE_PARAMETERS, exact, bytes),
                         NDIS_STATUS_INVALID_PARAMETER);
        free(exact);
    }
    ck_assert_uint_eq(carry(&vectors[0], 6, false)->hash_type, 0);   // nothing of all that was taken
    ck_assert_int_eq(scale_set(b, &good), NDIS_STATUS_SUCCESS);
}

TEST(OID_GEN_RECEIVE_SCALE_PARAMETERS_of_a_wrong_shape_is_refused_and_changes_nothing)
{
    kit_run(5, refusals);
}

static void
capabilities(void)
{
    NDIS_RECEIVE_SCALE_CAPABILITIES caps = {0};
    nics();
    ck_assert_int_eq(kit_oid(b, NdisRequestQueryInformation, OID_GEN_RECEIVE_SCALE_CAPABILITIES, &caps, sizeof caps), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(caps.Header.Type, NDIS_OBJECT_TYPE_RSS_CAPABILITIES);
    ck_assert_uint_eq(NDIS_RSS_HASH_FUNC_FROM_HASH_INFO(caps.CapabilitiesFlags), NdisHashFunctionToeplitz);
    ck_assert_uint_eq(caps.NumberOfReceiveQueues, 2);
    ck_assert_uint_eq(caps.NumberOfIndirectionTableEntries, 128);
}

TEST(OID_GEN_RECEIVE_SCALE_CAPABILITIES_is_answered_from_the_miniports_attributes)
{
    kit_run(6, capabilities);
}

static void
switched_off(void)
{
    static const struct kit_setting off[] = {{"*RSS", "0"}, {NULL, NULL}};
    NDIS_RECEIVE_SCALE_CAPABILITIES caps;
    struct scale s = scale_make(ALL_TYPES, 128);
    kit_nic("nic0", "wire:lan", off, "tp", 0, &a);
    ck_assert_int_eq(kit_oid(a, NdisRequestQueryInformation, OID_GEN_RECEIVE_SCALE_CAPABILITIES, &caps, sizeof caps),
                     NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_int_eq(scale_set(a, &s), NDIS_STATUS_NOT_SUPPORTED);
    ck_assert_int_eq(kit_oid(a, NdisRequestQueryInformation, OID_GEN_RECEIVE_SCALE_PARAMETERS, &s, sizeof s),
                     NDIS_STATUS_NOT_SUPPORTED);
}

TEST(an_adapter_with_RSS_switched_off_has_no_capabilities_and_takes_no_parameters)
{
    kit_run(7, switched_off);
}

static void
one_queue(void)
{
    static const struct kit_setting one[] = {{"*NumRssQueues", "1"}, {NULL, NULL}};
    kit_nic("nic0", "wire:lan", NULL, "tp", 0, &a);
    kit_nic("nic1", "wire:lan", one, "tp", 0, &b);
    struct scale s = scale_make(ALL_TYPES, 128);
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_SUCCESS);
    for (uint32_t i = 0; i < VECTORS; i++)
        ck_assert_uint_eq(carry(&vectors[i], 6, false)->processor, 0);   // the subset is the first of the table
}

TEST(an_adapter_with_fewer_queues_than_processors_in_the_table_uses_a_subset)
{
    kit_run(8, one_queue);
}

// ---- hashes without scaling ---------------------------------------------------------------------------------------------------------

struct hashing {
    NDIS_RECEIVE_HASH_PARAMETERS head;
    uint8_t key[40];
};

static NDIS_STATUS
hash_set(struct hashing *h, uint32_t flags)
{
    *h = (struct hashing){.head = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_RECEIVE_HASH_PARAMETERS_REVISION_1,
                                              NDIS_SIZEOF_RECEIVE_HASH_PARAMETERS_REVISION_1},
                                   .Flags = flags,
                                   .HashInformation = ALL_TYPES | NdisHashFunctionToeplitz,
                                   .HashSecretKeySize = 40,
                                   .HashSecretKeyOffset = offsetof(struct hashing, key)}};
    memcpy(h->key, key, sizeof key);
    return kit_oid(b, NdisRequestSetInformation, OID_GEN_RECEIVE_HASH, h, sizeof *h);
}

static void
hashing(void)
{
    struct hashing h;
    nics();
    struct scale s = scale_make(ALL_TYPES, 128);
    ck_assert_int_eq(hash_set(&h, NDIS_RECEIVE_HASH_FLAG_ENABLE_HASH), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(carry(&vectors[1], 6, false)->hash, vectors[1].with_ports);
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_INVALID_OID);   // one or the other
    memset(&h, 0, sizeof h);
    ck_assert_int_eq(kit_oid(b, NdisRequestQueryInformation, OID_GEN_RECEIVE_HASH, &h, sizeof h), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(h.head.Flags, NDIS_RECEIVE_HASH_FLAG_ENABLE_HASH);
    ck_assert_uint_eq(h.head.HashInformation, ALL_TYPES | NdisHashFunctionToeplitz);
    ck_assert(!memcmp((uint8_t *)&h + h.head.HashSecretKeyOffset, key, 40));
    ck_assert_int_eq(hash_set(&h, 0), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(carry(&vectors[1], 6, false)->hash_type, 0);
    ck_assert_int_eq(kit_oid(b, NdisRequestQueryInformation, OID_GEN_RECEIVE_HASH, &h, sizeof h), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(h.head.Flags, 0);
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(hash_set(&h, NDIS_RECEIVE_HASH_FLAG_ENABLE_HASH), NDIS_STATUS_INVALID_OID);
    ck_assert_int_eq(kit_oid(b, NdisRequestSetInformation, OID_GEN_RECEIVE_HASH, &h, 8), NDIS_STATUS_INVALID_LENGTH);
    ck_assert_uint_ne(carry(&vectors[1], 6, false)->hash_type, 0);
}

TEST(OID_GEN_RECEIVE_HASH_gives_hashes_without_scaling_and_never_together_with_it)
{
    kit_run(9, hashing);
}

// ---- scaling and pausing --------------------------------------------------------------------------------------------------------------

static void
pausing(void)
{
    struct ndis_adapter *nic;
    kit_nic("nic0", "wire:lan", NULL, "tp", 0, &a);
    nic = kit_nic("nic1", "wire:lan", NULL, "tp", 0, &b);
    struct scale s = scale_make(ALL_TYPES, 128);
    ck_assert_int_eq(scale_set(b, &s), NDIS_STATUS_SUCCESS);
    for (uint32_t round = 0; round < 10; round++) {
        uint8_t frame[94];
        for (uint32_t i = 0; i < 20; i++) {
            uint32_t bytes = frame_make(frame, &vectors[i % VECTORS], 6, false);
            kit_send(a, kit_nbl_one(a, frame, bytes));
        }
        kit_sleep_us((uint32_t)prng_below(&kit.prng, 30));
        ck_assert_int_eq(ndis_adapter_pause(nic), NDIS_STATUS_SUCCESS);   // returns when every NBL is back
        ck_assert_int_eq(ndis_adapter_restart(nic), NDIS_STATUS_SUCCESS);
    }
    kit_sleep_us(10000);
    uint32_t then = b->frames;
    carry(&vectors[0], 6, false);
    ck_assert_uint_eq(b->frames, then + 1);
}

TEST(an_adapter_with_RSS_pauses_with_frames_in_the_queues_of_other_processors)
{
    for (uint64_t seed = 1; seed <= 30; seed++)
        kit_run(seed, pausing);
}
