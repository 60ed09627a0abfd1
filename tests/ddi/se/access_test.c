// SPDX-License-Identifier: MIT
// The access check against descriptors built by hand, absolute and self-relative: what each kind of entry, order, ownership, privilege
// and mode grants LocalSystem.
#include <string.h>

#include <ntifs.h>

#include "unit/nt/bugcheck.h"
#include "unit/nt/nt_test.h"

struct sid_of {
    UCHAR revision, count, authority[6];
    ULONG sub[2];
};
static struct sid_of system_sid = {1, 1, {0, 0, 0, 0, 0, 5}, {18, 0}}, admins = {1, 2, {0, 0, 0, 0, 0, 5}, {32, 544}},
                     guests = {1, 2, {0, 0, 0, 0, 0, 5}, {32, 546}}, everyone = {1, 1, {0, 0, 0, 0, 0, 1}, {0, 0}};

static union {
    ACL acl;
    UCHAR bytes[512];
} dacl;

static void
dacl_clear(void)
{
    memset(&dacl, 0, sizeof dacl);
    dacl.acl = (ACL){.AclRevision = ACL_REVISION, .AclSize = sizeof(ACL)};
}

static void
dacl_add(UCHAR type, UCHAR flags, ACCESS_MASK mask, const struct sid_of *sid)
{
    ACCESS_ALLOWED_ACE *ace = (void *)(dacl.bytes + dacl.acl.AclSize);
    USHORT sid_bytes = (USHORT)(8 + 4 * sid->count);
    ace->Header = (ACE_HEADER){type, flags, (USHORT)(8 + sid_bytes)};
    ace->Mask = mask;
    memcpy(&ace->SidStart, sid, sid_bytes);
    dacl.acl.AceCount++;
    dacl.acl.AclSize = (USHORT)(dacl.acl.AclSize + ace->Header.AceSize);
}

static SECURITY_DESCRIPTOR descriptor;
static GENERIC_MAPPING mapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE, FILE_ALL_ACCESS};
static NTSTATUS status;
static PPRIVILEGE_SET privileges;

static void
descriptor_set(struct sid_of *owner)
{
    descriptor = (SECURITY_DESCRIPTOR){.Revision = SECURITY_DESCRIPTOR_REVISION, .Control = SE_DACL_PRESENT, .Owner = owner,
                                       .Dacl = &dacl.acl};
}

// What is granted of desired; 0 and a status when it is refused.
static ACCESS_MASK
check(ACCESS_MASK desired, ACCESS_MASK previous, KPROCESSOR_MODE mode)
{
    SECURITY_SUBJECT_CONTEXT context;
    ACCESS_MASK granted = 0x55;
    SeCaptureSubjectContext(&context);
    SeLockSubjectContext(&context);
    BOOLEAN allowed = SeAccessCheck(&descriptor, &context, TRUE, desired, previous, &privileges, &mapping, mode, &granted, &status);
    SeUnlockSubjectContext(&context);
    SeReleaseSubjectContext(&context);
    ck_assert_int_eq(allowed, status == STATUS_SUCCESS);
    if (!allowed)
        ck_assert_uint_eq(granted, 0);
    return granted;
}

NT_TEST(SeAccessCheck_grants_kernel_mode_everything)
{
    dacl_clear();                              // a list without an entry grants nobody anything
    descriptor_set(&guests);
    ck_assert_uint_eq(check(GENERIC_READ, 0, KernelMode), FILE_GENERIC_READ);
    ck_assert_uint_eq(check(GENERIC_READ, 0, UserMode), 0);
    ck_assert_int_eq(status, STATUS_ACCESS_DENIED);
}

NT_TEST(SeAccessCheck_without_a_DACL_grants_what_is_asked_and_GENERIC_ALL_for_the_maximum)
{
    descriptor_set(NULL);
    descriptor.Dacl = NULL;
    ck_assert_uint_eq(check(FILE_READ_DATA, 0, UserMode), FILE_READ_DATA);
    ck_assert_uint_eq(check(MAXIMUM_ALLOWED | SYNCHRONIZE, 0, UserMode), GENERIC_ALL | SYNCHRONIZE);
    descriptor.Control = 0;
    descriptor.Dacl = &dacl.acl;               // not marked present: as if it were not there
    ck_assert_uint_eq(check(FILE_WRITE_DATA, 0, UserMode), FILE_WRITE_DATA);
}

NT_TEST(SeAccessCheck_takes_entries_in_order_and_the_first_decides)
{
    dacl_clear();
    dacl_add(ACCESS_DENIED_ACE_TYPE, 0, FILE_WRITE_DATA, &everyone);
    dacl_add(ACCESS_ALLOWED_ACE_TYPE, 0, FILE_READ_DATA | FILE_WRITE_DATA, &system_sid);
    descriptor_set(NULL);
    ck_assert_uint_eq(check(FILE_READ_DATA, 0, UserMode), FILE_READ_DATA);
    ck_assert_uint_eq(check(FILE_READ_DATA | FILE_WRITE_DATA, 0, UserMode), 0);
    dacl_clear();
    dacl_add(ACCESS_ALLOWED_ACE_TYPE, 0, FILE_READ_DATA | FILE_WRITE_DATA, &system_sid);
    dacl_add(ACCESS_DENIED_ACE_TYPE, 0, FILE_WRITE_DATA, &everyone);
    ck_assert_uint_eq(check(FILE_READ_DATA | FILE_WRITE_DATA, 0, UserMode), FILE_READ_DATA | FILE_WRITE_DATA);
}

NT_TEST(SeAccessCheck_adds_up_entries_of_all_groups_and_no_others)
{
    dacl_clear();
    dacl_add(ACCESS_ALLOWED_ACE_TYPE, 0, FILE_ALL_ACCESS, &guests);
    dacl_add(ACCESS_ALLOWED_ACE_TYPE, 0, FILE_READ_DATA, &admins);
    dacl_add(ACCESS_ALLOWED_ACE_TYPE, 0, FILE_WRITE_DATA, &everyone);
    descriptor_set(NULL);
    ck_assert_uint_eq(check(FILE_READ_DATA | FILE_WRITE_DATA, 0, UserMode), FILE_READ_DATA | FILE_WRITE_DATA);
    ck_assert_uint_eq(check(FILE_EXECUTE, 0, UserMode), 0);
    ck_assert_uint_eq(check(FILE_EXECUTE | FILE_READ_DATA, FILE_EXECUTE, UserMode), FILE_EXECUTE | FILE_READ_DATA);
    ck_assert_uint_eq(check(MAXIMUM_ALLOWED, 0, UserMode), FILE_READ_DATA | FILE_WRITE_DATA);
}

NT_TEST(SeAccessCheck_maps_generic_rights_in_what_is_asked_and_in_entries)
{
    dacl_clear();
    dacl_add(ACCESS_ALLOWED_ACE_TYPE, 0, GENERIC_READ, &system_sid);
    descriptor_set(NULL);
    ck_assert_uint_eq(check(GENERIC_READ, 0, UserMode), FILE_GENERIC_READ);
    ck_assert_uint_eq(check(FILE_READ_ATTRIBUTES, 0, UserMode), FILE_READ_ATTRIBUTES);
    ck_assert_uint_eq(check(GENERIC_ALL, 0, UserMode), 0);
}

NT_TEST(SeAccessCheck_passes_over_entries_that_are_for_children_only)
{
    dacl_clear();
    dacl_add(ACCESS_ALLOWED_ACE_TYPE, INHERIT_ONLY_ACE, FILE_ALL_ACCESS, &system_sid);
    descriptor_set(NULL);
    ck_assert_uint_eq(check(FILE_READ_DATA, 0, UserMode), 0);
}

NT_TEST(SeAccessCheck_gives_the_owner_its_descriptor)
{
    dacl_clear();
    descriptor_set(&system_sid);
    ck_assert_uint_eq(check(READ_CONTROL | WRITE_DAC, 0, UserMode), READ_CONTROL | WRITE_DAC);
    descriptor_set(&guests);
    ck_assert_uint_eq(check(READ_CONTROL, 0, UserMode), 0);
}

NT_TEST(SeAccessCheck_says_which_privileges_it_rested_on)
{
    dacl_clear();
    dacl_add(ACCESS_ALLOWED_ACE_TYPE, 0, FILE_READ_DATA, &system_sid);
    descriptor_set(NULL);
    ck_assert_uint_eq(check(FILE_READ_DATA, 0, UserMode), FILE_READ_DATA);
    ck_assert_ptr_null(privileges);
    ck_assert_uint_eq(check(FILE_READ_DATA | WRITE_OWNER | ACCESS_SYSTEM_SECURITY, 0, UserMode),
                      FILE_READ_DATA | WRITE_OWNER | ACCESS_SYSTEM_SECURITY);
    ck_assert_ptr_nonnull(privileges);
    ck_assert_uint_eq(privileges->PrivilegeCount, 2);
    ck_assert_uint_eq(privileges->Privilege[0].Luid.LowPart, 8);
    ck_assert_uint_eq(privileges->Privilege[1].Luid.LowPart, 9);
    SeFreePrivileges(privileges);
}

NT_TEST(SeFreePrivileges_gives_the_memory_back)
{
    dacl_clear();
    descriptor_set(NULL);
    check(WRITE_OWNER, 0, UserMode);
    ck_assert_ptr_nonnull(privileges);
    SeFreePrivileges(privileges);              // else it is left over
}

NT_TEST(SeAccessCheck_reads_a_self_relative_descriptor)
{
    static DECLSPEC_ALIGN(8) UCHAR memory[512];
    dacl_clear();
    dacl_add(ACCESS_ALLOWED_ACE_TYPE, 0, FILE_READ_DATA, &everyone);
    memset(memory, 0, sizeof memory);
    memory[0] = SECURITY_DESCRIPTOR_REVISION;
    USHORT control = SE_DACL_PRESENT | SE_SELF_RELATIVE;
    ULONG owner_at = 20, dacl_at = 60;
    memcpy(memory + 2, &control, 2);
    memcpy(memory + 4, &owner_at, 4);
    memcpy(memory + 16, &dacl_at, 4);
    memcpy(memory + owner_at, &system_sid, 12);
    memcpy(memory + dacl_at, &dacl, dacl.acl.AclSize);
    SECURITY_SUBJECT_CONTEXT context;
    ACCESS_MASK granted;
    SeCaptureSubjectContext(&context);
    ck_assert(SeAccessCheck((PSECURITY_DESCRIPTOR)memory, &context, FALSE, FILE_READ_DATA | READ_CONTROL, 0, NULL, &mapping, UserMode,
                            &granted, &status));
    ck_assert_uint_eq(granted, FILE_READ_DATA | READ_CONTROL);
    ck_assert(!SeAccessCheck((PSECURITY_DESCRIPTOR)memory, &context, FALSE, FILE_WRITE_DATA, 0, NULL, &mapping, UserMode, &granted,
                             &status));
    SeReleaseSubjectContext(&context);
}

NT_TEST(SeAccessCheck_believes_no_entry_beyond_the_end_of_its_list)
{
    dacl_clear();
    dacl_add(ACCESS_ALLOWED_ACE_TYPE, 0, FILE_READ_DATA, &system_sid);
    dacl_add(ACCESS_ALLOWED_ACE_TYPE, 0, FILE_WRITE_DATA, &system_sid);
    descriptor_set(NULL);
    dacl.acl.AclSize = (USHORT)(dacl.acl.AclSize - 1);   // the second entry does not fit any more
    ck_assert_uint_eq(check(FILE_READ_DATA, 0, UserMode), FILE_READ_DATA);
    ck_assert_uint_eq(check(FILE_WRITE_DATA, 0, UserMode), 0);
    ((ACE_HEADER *)(dacl.bytes + sizeof(ACL)))->AceSize = 4;
    ck_assert_uint_eq(check(FILE_READ_DATA, 0, UserMode), 0);
}

NT_TEST(SeCaptureSubjectContext_gives_a_token_until_the_release)
{
    SECURITY_SUBJECT_CONTEXT context;
    memset(&context, 0, sizeof context);
    SeCaptureSubjectContext(&context);
    ck_assert_ptr_nonnull(context.PrimaryToken);
    ck_assert_ptr_null(context.ClientToken);
    SeReleaseSubjectContext(&context);
    ck_assert_ptr_null(context.PrimaryToken);
}

static void
released_twice(void)
{
    SECURITY_SUBJECT_CONTEXT context;
    SeCaptureSubjectContext(&context);
    SeReleaseSubjectContext(&context);
    SeReleaseSubjectContext(&context);
}
TEST(SeReleaseSubjectContext_a_second_time_is_reported)
{
    expect_bugcheck(released_twice, "SeReleaseSubjectContext: the context is not captured");
}

static void
locked_uncaptured(void)
{
    SECURITY_SUBJECT_CONTEXT context = {0};
    SeLockSubjectContext(&context);
}
TEST(SeLockSubjectContext_of_what_is_not_captured_is_reported)
{
    expect_bugcheck(locked_uncaptured, "SeLockSubjectContext");
}

static void
unlocked_uncaptured(void)
{
    SECURITY_SUBJECT_CONTEXT context = {0};
    SeUnlockSubjectContext(&context);
}
TEST(SeUnlockSubjectContext_of_what_is_not_captured_is_reported)
{
    expect_bugcheck(unlocked_uncaptured, "SeUnlockSubjectContext");
}

static void
capture_only(void *arg)
{
    SeCaptureSubjectContext(arg);
}
NT_TEST(SeReleaseSubjectContext_that_is_missing_is_left_over)
{
    SECURITY_SUBJECT_CONTEXT context;
    struct box *box = box_create(box_self()->sched, &(struct box_config){.name = "other", .processors = 1});
    ck_assert_int_eq(box_run(box, capture_only, &context), 0);
    ck_assert_uint_eq(box_destroy(box), 1);
}
