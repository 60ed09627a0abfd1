// SPDX-License-Identifier: MIT
// Addresses of both families in one shape, and the classes of addresses that more than one engine asks about.
#include "engine/engine.h"
#include <string.h>

struct eng_address
eng_address4(const void *bytes)
{
    struct eng_address address = {.family = ENG_IP4};
    memcpy(address.bytes, bytes, 4);
    return address;
}

struct eng_address
eng_address6(const void *bytes)
{
    struct eng_address address = {.family = ENG_IP6};
    memcpy(address.bytes, bytes, 16);
    return address;
}

bool
eng_address_is_equal(const struct eng_address *left, const struct eng_address *right)
{
    return left->family == right->family && !memcmp(left->bytes, right->bytes, sizeof left->bytes);
}

bool
eng_address_is_any(const struct eng_address *address)
{
    static const uint8_t zero[16];
    return !memcmp(address->bytes, zero, sizeof zero);
}

bool
eng_address_is_loopback(const struct eng_address *address)
{
    static const uint8_t one[16] = {[15] = 1};
    return address->family == ENG_IP4 ? address->bytes[0] == 127 : !memcmp(address->bytes, one, sizeof one);
}

bool
eng_address_is_multicast(const struct eng_address *address)
{
    return address->family == ENG_IP4 ? (address->bytes[0] & 0xF0) == 0xE0 : address->bytes[0] == 0xFF;
}

bool
eng_address_is_link_local(const struct eng_address *address)
{
    if (address->family == ENG_IP4)
        return address->bytes[0] == 169 && address->bytes[1] == 254;
    return address->bytes[0] == 0xFE && (address->bytes[1] & 0xC0) == 0x80;
}
