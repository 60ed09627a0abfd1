// SPDX-License-Identifier: MIT
// Subject contexts. The token is one constant: nothing of it can change, so a lock on it holds nothing; captures are counted, because
// on Windows each keeps tokens alive until its release [ntifs/nf-ntifs-secapturesubjectcontext].
#include "nt/se/se.h"

#include "nt/ke/ke.h"

static const struct {
    char word[16];
} system_token = {"LocalSystem"};

void
se_capture(struct box *box, SECURITY_SUBJECT_CONTEXT *context)
{
    *context = (SECURITY_SUBJECT_CONTEXT){.PrimaryToken = (PACCESS_TOKEN)&system_token, .ImpersonationLevel = SecurityAnonymous};
    __atomic_fetch_add(&box->subject_contexts, 1, __ATOMIC_RELAXED);
}

void
se_release(struct box *box, SECURITY_SUBJECT_CONTEXT *context)
{
    context->PrimaryToken = context->ClientToken = NULL;
    __atomic_fetch_sub(&box->subject_contexts, 1, __ATOMIC_RELAXED);
}

uint32_t
se_captured(struct box *box)
{
    return __atomic_load_n(&box->subject_contexts, __ATOMIC_RELAXED);
}
