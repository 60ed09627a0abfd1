// SPDX-License-Identifier: MIT
// Security: who a thread is, and what a descriptor grants it. There is one subject in a box: LocalSystem, with its groups (Administrators,
// Authenticated Users, Everyone) and the privileges to take ownership and to read audit lists. A user-mode caller (nbx/file.h) is a
// service of that account.
//   capture -> a context with a reference on the token, counted until its release
//   check   -> privileges, owner, then the DACL's entries in order until everything asked for is decided
#ifndef NBX_NT_SE_SE_H
#define NBX_NT_SE_SE_H

#include "nt/box.h"

#include <ntifs.h>

struct se_request {
    ACCESS_MASK desired, previous;
    const GENERIC_MAPPING *mapping;
    bool is_kernel;
};

struct se_answer {
    ACCESS_MASK granted;
    NTSTATUS status;                 // STATUS_SUCCESS, STATUS_ACCESS_DENIED, STATUS_PRIVILEGE_NOT_HELD
    ULONG privileges[2];             // that the answer rests on, by LUID
    uint32_t privilege_count;
};

// irql: PASSIVE   owns: the context's token until se_release
void se_capture(struct box *box, SECURITY_SUBJECT_CONTEXT *context);
void se_release(struct box *box, SECURITY_SUBJECT_CONTEXT *context);
// How many contexts of this box are captured and not released.
uint32_t se_captured(struct box *box);

// Does the descriptor (absolute or self-relative) grant what is asked? NULL grants nothing to user mode.
void se_check(const SECURITY_DESCRIPTOR *descriptor, const struct se_request *request, struct se_answer *answer);

#endif
