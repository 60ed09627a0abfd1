// SPDX-License-Identifier: MIT
// port none: a NIC without a cable. The link is down from open to close, nothing arrives, and what is sent is counted in
// tx_dropped. It has no thread.
#include "wire/port_int.h"

#include <errno.h>

static int
none_check(const char *argument, char *error, size_t error_bytes)
{
    if (argument)
        return port_error(error, error_bytes, -EINVAL, "port none takes no argument, found \"%s\"", argument);
    return 0;
}

static int
none_open(struct port *port, const char *argument, char *error, size_t error_bytes)
{
    return 0;
}

static void
none_close(struct port *port)
{
}

static void
none_caps(const struct port *port, struct port_caps *caps)
{
    caps->max_frame_bytes = 1518;
    caps->bits_per_second = 0;
    caps->link_up = false;
}

static uint32_t
none_tx(struct port *port, const struct port_frame *frames, uint32_t count)
{
    port_count(&port->counters.tx_dropped, count);
    return count;
}

static uint32_t
none_rx(struct port *port, struct port_slot *slots, uint32_t count)
{
    return 0;
}

const struct port_ops none_port_ops = {
    .scheme = "none",
    .bytes = sizeof(struct port),
    .check = none_check,
    .open = none_open,
    .close = none_close,
    .caps = none_caps,
    .tx = none_tx,
    .rx = none_rx,
};
