// SPDX-License-Identifier: MIT
// Names of OIDs and status values, from the headers (tools/gen/words.py), for reports and for the words users write.
#ifndef NBX_NDIS_WORDS_H
#define NBX_NDIS_WORDS_H

#include <stdbool.h>
#include <stdint.h>

// "NDIS_STATUS_PAUSED", or NULL-free text "status 0x..." of the calling thread when it has no name.
const char *ndis_status_word(int32_t status);
// fails: false when there is no such name. Accepts 0x... too.
bool ndis_status_from_word(const char *word, int32_t *status);
const char *ndis_oid_word(uint32_t oid);
bool ndis_oid_from_word(const char *word, uint32_t *oid);

struct ndis_word {
    const char *name;
    uint32_t value;
};
extern const struct ndis_word ndis_oid_words[], ndis_status_words[];   // generated; name NULL ends

#endif
