// SPDX-License-Identifier: MIT
// What an INF leaves in the registry of a box, as the class installer of Windows would: the service's key, an adapter's instance key
// with the defaults of its settings, a filter module's key. The stack file's own values are written after these and replace them.
#ifndef NBX_NBX_INF_H
#define NBX_NBX_INF_H

#include "nt/box.h"
#include "stack/stack.h"

// What the INF says about the adapter's miniport side; NULL: there is none.
const struct inf_component *inf_adapter_component(const struct stack_adapter *adapter);
// irql: PASSIVE, in a thread of the box. Nothing happens for a driver without an INF.
void inf_apply_service(struct box *box, const struct stack_driver *driver);
void inf_apply_adapter(struct box *box, const struct stack_adapter *adapter);
void inf_apply_module(struct box *box, const struct stack_adapter *adapter, const struct stack_module *filter);
// "PCI Ethernet Adapter #2": the description, with a number from the second adapter of a driver on. NULL: there is no INF.
const char *inf_friendly_name(const struct stack_adapter *adapter, char *text, size_t text_bytes);

#endif
