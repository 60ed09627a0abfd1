// SPDX-License-Identifier: MIT
// The pure half of tdihttpd, compiled into the test program as it is into the driver.
#include "../../../drivers/tdihttpd/chunk.c"
#include "../../../drivers/tdihttpd/date.c"
#include "../../../drivers/tdihttpd/head.c"
#include "../../../drivers/tdihttpd/path.c"
#include "../../../drivers/tdihttpd/range.c"
#include "../../../drivers/tdihttpd/text.c"
