// SPDX-License-Identifier: MIT
// The access check: what a descriptor grants LocalSystem. [wdm/nf-wdm-seaccesscheck],
// [win32 secauthz/how-dacls-control-access-to-an-object], [win32 secauthz/maximum-allowed], [windows-driver-docs ifs/security-descriptors]
//   se_check -> kernel mode: everything -> privileges -> owner -> DACL, entry by entry
// Lengths inside the descriptor are believed only as far as the list's own size reaches.
#include <string.h>

#include "nt/se/se.h"

#define PRIVILEGE_SECURITY 8            // SE_SECURITY_PRIVILEGE
#define PRIVILEGE_TAKE_OWNERSHIP 9      // SE_TAKE_OWNERSHIP_PRIVILEGE
#define GENERIC_RIGHTS (GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL)

struct sid2 {
    UCHAR revision, count, authority[6];
    ULONG sub[2];
};
// LocalSystem, Administrators, Everyone, Authenticated Users.
static const struct sid2 subject_sids[] = {{1, 1, {0, 0, 0, 0, 0, 5}, {18, 0}},
                                           {1, 2, {0, 0, 0, 0, 0, 5}, {32, 544}},
                                           {1, 1, {0, 0, 0, 0, 0, 1}, {0, 0}},
                                           {1, 1, {0, 0, 0, 0, 0, 5}, {11, 0}}};

static bool
sid_is_subject(const UCHAR *sid, size_t room)
{
    if (room < 8 || room < 8 + 4 * (size_t)sid[1])
        return false;
    for (size_t i = 0; i < sizeof subject_sids / sizeof *subject_sids; i++)
        if (sid[1] == subject_sids[i].count && !memcmp(sid, &subject_sids[i], 8 + 4 * (size_t)sid[1]))
            return true;
    return false;
}

static ACCESS_MASK
generic_map(ACCESS_MASK mask, const GENERIC_MAPPING *mapping)
{
    ACCESS_MASK out = mask & ~(ACCESS_MASK)GENERIC_RIGHTS;
    if (mask & GENERIC_READ)
        out |= mapping->GenericRead;
    if (mask & GENERIC_WRITE)
        out |= mapping->GenericWrite;
    if (mask & GENERIC_EXECUTE)
        out |= mapping->GenericExecute;
    if (mask & GENERIC_ALL)
        out |= mapping->GenericAll;
    return out;
}

// A member of the descriptor: a pointer, or an offset from its start when it is self-relative.
static const void *
member(const SECURITY_DESCRIPTOR *descriptor, const PVOID *absolute, size_t relative_at)
{
    ULONG offset;
    if (!(descriptor->Control & SE_SELF_RELATIVE))
        return *absolute;
    memcpy(&offset, (const UCHAR *)descriptor + relative_at, sizeof offset);
    return offset ? (const UCHAR *)descriptor + offset : NULL;
}

static const ACL *
dacl_of(const SECURITY_DESCRIPTOR *descriptor)
{
    return descriptor->Control & SE_DACL_PRESENT ? member(descriptor, (const PVOID *)&descriptor->Dacl, 16) : NULL;
}

static bool
owner_is_subject(const SECURITY_DESCRIPTOR *descriptor)
{
    const UCHAR *owner = member(descriptor, (const PVOID *)&descriptor->Owner, 4);
    return owner && sid_is_subject(owner, SECURITY_MAX_SID_SIZE);
}

// What the list allows and denies of `wanted`; an entry decides only what none before it has.
static ACCESS_MASK
dacl_allows(const ACL *dacl, ACCESS_MASK wanted, const GENERIC_MAPPING *mapping)
{
    ACCESS_MASK allowed = 0, denied = 0;
    const UCHAR *at = (const UCHAR *)(dacl + 1), *end = (const UCHAR *)dacl + dacl->AclSize;
    for (USHORT i = 0; i < dacl->AceCount && end - at >= (ptrdiff_t)sizeof(ACE_HEADER); i++) {
        const ACCESS_ALLOWED_ACE *ace = (const void *)at;
        if (ace->Header.AceSize < sizeof *ace || ace->Header.AceSize > end - at)
            break;
        if (!(ace->Header.AceFlags & INHERIT_ONLY_ACE) &&
            sid_is_subject((const UCHAR *)&ace->SidStart, ace->Header.AceSize - offsetof(ACCESS_ALLOWED_ACE, SidStart))) {
            ACCESS_MASK mask = generic_map(ace->Mask, mapping) & wanted;
            if (ace->Header.AceType == ACCESS_ALLOWED_ACE_TYPE)
                allowed |= mask & ~denied;
            else if (ace->Header.AceType == ACCESS_DENIED_ACE_TYPE)
                denied |= mask & ~allowed;
        }
        at += ace->Header.AceSize;
    }
    return allowed;
}

static void
grant_everything(const struct se_request *request, struct se_answer *answer)
{
    ACCESS_MASK desired = request->desired & ~(ACCESS_MASK)MAXIMUM_ALLOWED;
    answer->status = STATUS_SUCCESS;
    answer->granted = request->previous | generic_map(desired, request->mapping);
    if (request->desired & MAXIMUM_ALLOWED)
        answer->granted |= GENERIC_ALL;
}

// Rights that come with a privilege of the subject, when they are asked for by name.
static ACCESS_MASK
by_privilege(ACCESS_MASK wanted, struct se_answer *answer)
{
    ACCESS_MASK got = 0;
    if (wanted & ACCESS_SYSTEM_SECURITY) {
        answer->privileges[answer->privilege_count++] = PRIVILEGE_SECURITY;
        got |= ACCESS_SYSTEM_SECURITY;
    }
    if (wanted & WRITE_OWNER) {
        answer->privileges[answer->privilege_count++] = PRIVILEGE_TAKE_OWNERSHIP;
        got |= WRITE_OWNER;
    }
    return got;
}

void
se_check(const SECURITY_DESCRIPTOR *descriptor, const struct se_request *request, struct se_answer *answer)
{
    *answer = (struct se_answer){.status = STATUS_ACCESS_DENIED};
    if (request->is_kernel || (descriptor && !dacl_of(descriptor))) {
        grant_everything(request, answer);
        return;
    }
    if (!descriptor)
        return;
    bool maximum = request->desired & MAXIMUM_ALLOWED;
    ACCESS_MASK desired = generic_map(request->desired & ~(ACCESS_MASK)MAXIMUM_ALLOWED, request->mapping) & ~request->previous;
    ACCESS_MASK wanted = maximum ? ~(ACCESS_MASK)(GENERIC_RIGHTS | MAXIMUM_ALLOWED | ACCESS_SYSTEM_SECURITY) : desired;
    ACCESS_MASK got = dacl_allows(dacl_of(descriptor), wanted, request->mapping);
    if (owner_is_subject(descriptor))
        got |= wanted & (READ_CONTROL | WRITE_DAC);
    got |= by_privilege(desired & ~got, answer);
    if (desired & ~got) {
        answer->privilege_count = 0;
        return;
    }
    answer->granted = request->previous | (maximum ? got : desired);
    // UNSURE: no page says what asking for nothing gives; nothing can be refused of it. A maximum of nothing is a refusal.
    answer->status = answer->granted || !request->desired ? STATUS_SUCCESS : STATUS_ACCESS_DENIED;
}
