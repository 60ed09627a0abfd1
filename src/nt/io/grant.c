// SPDX-License-Identifier: MIT
// Host directories that drivers of a box may open files in. Nothing is granted unless somebody says so.
#include <stdlib.h>

#include "nt/io/io_int.h"

void
io_grants_free(struct io *io)
{
}
