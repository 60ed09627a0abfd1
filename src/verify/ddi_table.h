// SPDX-License-Identifier: MIT
// The DDI table as the program sees it: one row per function, callback, macro and inline function of ddi/*.ddi.
// The rows are generated (tools/gen/ddi.py), constant, and sorted by name, so that an enum ddi_id is an index into them.
#pragma once

#include "ddi_ids.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ddi_kind { DDI_KIND_FUNCTION, DDI_KIND_CALLBACK, DDI_KIND_MACRO, DDI_KIND_INLINE };
enum ddi_status { DDI_STATUS_FULL, DDI_STATUS_PARTIAL, DDI_STATUS_REFUSE, DDI_STATUS_ABSENT };

struct ddi_row {
    const char *name;
    const char *alias;   // the name its page goes by (FilterAttach for FILTER_ATTACH), or null
    const char *family;  // the table it stands in: ndis, nt, tdi
    const char *header;  // "-": no page
    const char *irql;    // as the table writes it: "<=DISPATCH"
    const char *owns;    // "-": nothing written down
    const char *file;    // where it is defined, or null
    const char *tests;   // names with commas, or null
    enum ddi_kind kind;
    enum ddi_status status;
    uint8_t irql_min;    // lowest and highest IRQL a caller may run at; 0 and 15 where the page does not say
    uint8_t irql_max;
    uint8_t used_by;     // of 20 public driver trees, how many use it (docs/facts/usage.tsv)
};

extern const struct ddi_row ddi_rows[DDI_COUNT];

/* The row of this name or alias, or null. Names compare as bytes. irql: any. */
const struct ddi_row *ddi_row_find(const char *name);

/* The words of the table for a kind and a status: "function", "partial". irql: any. */
const char *ddi_kind_name(enum ddi_kind kind);
const char *ddi_status_name(enum ddi_status status);

/* Reads one word of the irql column into the lowest and highest level it allows; "-" and "any" allow 0 to 15.
 * False, and nothing written, if it is no such word. irql: any. */
bool ddi_irql_parse(const char *word, uint8_t *irql_min, uint8_t *irql_max);
