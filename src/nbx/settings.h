// SPDX-License-Identifier: MIT
// Settings of a stack file into the registry of a box.
#ifndef NBX_NBX_SETTINGS_H
#define NBX_NBX_SETTINGS_H

#include "nt/box.h"
#include "stack/stack.h"

// \Registry\Machine\System\CurrentControlSet\Services\NAME
void settings_service_key(const char *service, char *path, size_t path_bytes);
// Make the key and put the tree below it. irql: PASSIVE, in a thread of the box.
void settings_apply(struct box *box, const char *path, const struct stack_value *tree);
void settings_text(struct box *box, const char *path, const char *name, const char *text);

#endif
