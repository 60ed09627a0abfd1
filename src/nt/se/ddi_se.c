// SPDX-License-Identifier: MIT
// Front doors of security: subject contexts and the access check. [wdm/nf-wdm-seaccesscheck], [ntifs/nf-ntifs-secapturesubjectcontext],
// [ntifs/nf-ntifs-sefreeprivileges]
#include "nt/ex/pool.h"
#include "nt/ke/ke.h"
#include "nt/se/se.h"
#include "verify/left.h"
#include "verify/refuse.h"
#include "verify/verify.h"

#define PRIVILEGES_TAG 0x72506553   // 'SePr'

NTAPI VOID
SeCaptureSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    VERIFY_ENTER(SeCaptureSubjectContext);
    se_capture(box_self(), SubjectContext);
    verify_had(VERIFY_LEFT_SUBJECT, SubjectContext, NULL, NULL);
}

NTAPI VOID
SeReleaseSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    VERIFY_ENTER(SeReleaseSubjectContext);
    if (!SubjectContext->PrimaryToken)
        verify_contract("SeReleaseSubjectContext", "the context is not captured, or was released before");
    verify_gave(box_self(), VERIFY_LEFT_SUBJECT, SubjectContext);
    se_release(box_self(), SubjectContext);
}

// The one token never changes, so there is nothing to hold still.
NTAPI VOID
SeLockSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    VERIFY_ENTER(SeLockSubjectContext);
    if (!SubjectContext->PrimaryToken)
        verify_contract("SeLockSubjectContext", "the context is not captured");
}

NTAPI VOID
SeUnlockSubjectContext(PSECURITY_SUBJECT_CONTEXT SubjectContext)
{
    VERIFY_ENTER(SeUnlockSubjectContext);
    if (!SubjectContext->PrimaryToken)
        verify_contract("SeUnlockSubjectContext", "the context is not captured");
}

static PRIVILEGE_SET *
privileges_of(const struct se_answer *answer, const void *caller)
{
    size_t bytes = offsetof(PRIVILEGE_SET, Privilege) + answer->privilege_count * sizeof(LUID_AND_ATTRIBUTES);
    PRIVILEGE_SET *set = ex_pool_alloc(box_self(), bytes, PRIVILEGES_TAG, true, caller);
    if (!set)
        return NULL;
    set->PrivilegeCount = answer->privilege_count;
    for (uint32_t i = 0; i < answer->privilege_count; i++)
        set->Privilege[i].Luid.LowPart = answer->privileges[i];
    return set;
}

NTAPI BOOLEAN
SeAccessCheck(PSECURITY_DESCRIPTOR SecurityDescriptor, PSECURITY_SUBJECT_CONTEXT SubjectSecurityContext, BOOLEAN SubjectContextLocked,
              ACCESS_MASK DesiredAccess, ACCESS_MASK PreviouslyGrantedAccess, PPRIVILEGE_SET *Privileges,
              PGENERIC_MAPPING GenericMapping, KPROCESSOR_MODE AccessMode, PACCESS_MASK GrantedAccess, PNTSTATUS AccessStatus)
{
    VERIFY_ENTER(SeAccessCheck);
    if (!SubjectSecurityContext->PrimaryToken)
        verify_contract("SeAccessCheck", "the subject context is not captured");
    struct se_request request = {DesiredAccess, PreviouslyGrantedAccess, GenericMapping, AccessMode == KernelMode};
    struct se_answer answer;
    se_check(SecurityDescriptor, &request, &answer);
    if (Privileges)
        *Privileges = NULL;
    if (Privileges && answer.privilege_count && !(*Privileges = privileges_of(&answer, __builtin_return_address(0))))
        answer = (struct se_answer){.status = STATUS_INSUFFICIENT_RESOURCES};
    *GrantedAccess = answer.granted;
    *AccessStatus = answer.status;
    return answer.status == STATUS_SUCCESS;
}

NTAPI VOID
SeFreePrivileges(PPRIVILEGE_SET Privileges)
{
    VERIFY_ENTER(SeFreePrivileges);
    ex_pool_free(box_self(), Privileges, PRIVILEGES_TAG);
}
