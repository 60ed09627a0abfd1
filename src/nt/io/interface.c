// SPDX-License-Identifier: MIT
// Device interfaces: symbolic links under which others find a device by class.
#include "nt/io/io_int.h"

void
io_interfaces_free(struct io *io)
{
}
