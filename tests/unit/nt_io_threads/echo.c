// SPDX-License-Identifier: MIT
// The echo driver of tests/ddi/io.
#include "ddi/io/echo.c"
