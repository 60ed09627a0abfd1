// SPDX-License-Identifier: MIT
// See counts.h.
#include "counts.h"

#include <string.h>

#include <tdiinfo.h>

#include "../../../drivers/tcpip/counts.h"

#include <tcpioctl.h>

static struct tk_control control;

void
counts_open(void)
{
    tk_open_control(&control, TN_DEVICE);
}

void
counts_close(void)
{
    tk_close_control(&control);
}

PFILE_OBJECT
counts_file(void)
{
    return control.file;
}

ULONG
count_of(const char *name)
{
    static NBX_TCPIP_COUNT counts[256];
    TCP_REQUEST_QUERY_INFORMATION_EX request = {.ID = {.toi_entity = {CL_NL_ENTITY, 0}, .toi_class = INFO_CLASS_IMPLEMENTATION,
                                                       .toi_type = INFO_TYPE_PROVIDER, .toi_id = NBX_TCPIP_COUNTS_ID}};
    ULONG_PTR bytes;
    ck_assert_int_eq(tk_ioctl(control.file, IOCTL_TCP_QUERY_INFORMATION_EX, &request, sizeof(request), counts, sizeof(counts), &bytes),
                     STATUS_SUCCESS);
    for (ULONG i = 0; i < bytes / sizeof(counts[0]); i++)
        if (!strcmp(counts[i].Name, name))
            return (ULONG)counts[i].Value;
    ck_abort_msg("no counter %s", name);
    return 0;
}

ULONG
away_count(void)
{
    NBX_TCPIP_CHIMNEY request = {.Verb = NBX_TCPIP_CHIMNEY_COUNT};
    ULONG_PTR bytes;
    ck_assert_int_eq(tk_ioctl(control.file, IOCTL_NBX_TCPIP_CHIMNEY, &request, sizeof(request), &request, sizeof(request), &bytes),
                     STATUS_SUCCESS);
    return request.Count;
}
