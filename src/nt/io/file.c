// SPDX-License-Identifier: MIT
// Files.
#include "nt/io/io_int.h"

const struct _OBJECT_TYPE io_file_type = {OB_FILE, "File", NULL, NULL};
