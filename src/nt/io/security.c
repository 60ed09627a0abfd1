// SPDX-License-Identifier: MIT
// The little security that a box has: whether a device's descriptor lets user mode in. User mode (nbx/file.h) is a
// service that runs as LocalSystem: SY and its groups BA, WD and AU; kernel mode is never asked
// [windows-driver-docs kernel/sddl-for-device-objects].
//   io_sddl_grants -> D: flags, then ACEs (type;flags;rights;object;inherit;sid), in order: the first deny or the allows decide
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "nt/io/io_int.h"

#define RIGHTS_READ 1u
#define RIGHTS_WRITE 2u

static uint32_t
rights_of(const char *text, size_t bytes)
{
    uint32_t rights = 0;
    if (bytes > 2 && text[0] == '0' && text[1] == 'x') {
        unsigned long mask = strtoul(text, NULL, 16);
        rights |= mask & (GENERIC_READ | FILE_READ_DATA | GENERIC_ALL) ? RIGHTS_READ : 0;
        rights |= mask & (GENERIC_WRITE | FILE_WRITE_DATA | GENERIC_ALL) ? RIGHTS_WRITE : 0;
        return rights;
    }
    for (size_t i = 0; i + 1 < bytes; i += 2) {
        if (strncmp(text + i, "GA", 2) == 0 || strncmp(text + i, "FA", 2) == 0)
            rights |= RIGHTS_READ | RIGHTS_WRITE;
        else if (strncmp(text + i, "GR", 2) == 0 || strncmp(text + i, "FR", 2) == 0)
            rights |= RIGHTS_READ;
        else if (strncmp(text + i, "GW", 2) == 0 || strncmp(text + i, "FW", 2) == 0)
            rights |= RIGHTS_WRITE;
    }
    return rights;
}

static bool
is_our_group(const char *sid, size_t bytes)
{
    static const char *const ours[] = {"SY", "BA", "WD", "AU", "S-1-5-18", "S-1-5-32-544", "S-1-1-0", "S-1-5-11"};
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        if (strlen(ours[i]) == bytes && strncmp(sid, ours[i], bytes) == 0)
            return true;
    return false;
}

// One ACE from text, which starts after its parenthesis. Returns where it ends, NULL: malformed.
static const char *
ace_read(const char *text, uint32_t *granted, uint32_t *denied)
{
    const char *fields[6], *ends[6], *end = strchr(text, ')');
    size_t count = 0;
    fields[0] = text;
    for (const char *at = text; end && at <= end; at++) {
        if (*at != ';' && at != end)
            continue;
        ends[count++] = at;
        if (at == end)
            break;
        if (count == 6)
            return NULL;
        fields[count] = at + 1;
    }
    if (!end || count != 6)
        return NULL;
    uint32_t rights = rights_of(fields[2], (size_t)(ends[2] - fields[2]));
    bool is_allow = ends[0] - fields[0] == 1 && fields[0][0] == 'A', is_deny = ends[0] - fields[0] == 1 && fields[0][0] == 'D';
    if (!is_allow && !is_deny)
        return NULL;
    if (is_our_group(fields[5], (size_t)(ends[5] - fields[5]))) {
        if (is_allow)
            *granted |= rights & ~*denied;
        else
            *denied |= rights & ~*granted;
    }
    return end + 1;
}

NTSTATUS
io_sddl_grants(const char *sddl, uint32_t *granted)
{
    uint32_t denied = 0;
    *granted = 0;
    if (strncmp(sddl, "D:", 2) != 0)
        return STATUS_INVALID_PARAMETER;
    const char *at = sddl + 2;
    while (isalpha((unsigned char)*at))
        at++;
    while (at && *at == '(')
        at = ace_read(at + 1, granted, &denied);
    return at && !*at ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

bool
io_device_lets_in(const DEVICE_OBJECT *device, ACCESS_MASK access)
{
    const struct io_device *extra = io_device_of(device);
    uint32_t wanted = access & (FILE_READ_DATA | GENERIC_READ | GENERIC_ALL) ? RIGHTS_READ : 0;
    wanted |= access & (FILE_WRITE_DATA | FILE_APPEND_DATA | GENERIC_WRITE | GENERIC_ALL) ? RIGHTS_WRITE : 0;
    return !extra->has_descriptor || (extra->user_rights && (wanted & ~extra->user_rights) == 0);
}
