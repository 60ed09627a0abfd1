// SPDX-License-Identifier: MIT
// The rules; see rules.h. No include guard: it is included for its rows.
// RULE(number, name, severity, demand, what Windows calls it, a test that breaks it, a test that keeps it)
// A number is never used again for something else. 0001 to 0099 what the runtime cannot go on without, 0100 to 0199 NDIS,
// 0200 to 0299 IRQL and locks, 0300 to 0399 memory, 0400 to 0499 IRPs, 0500 to 0599 timers and work items.
RULE(0001, DdiMissing, "ends", "A driver calls only what is provided (ndisbox ddi NAME says).", "-",
     "refused_call_reports_the_name_and_the_caller", "a_front_door_that_exists_is_called")
RULE(0005, SendChanged, "ends",
     "What a driver has sent belongs to those below until it is completed: nobody frees it, sends it again or completes it twice, "
     "and it comes back as it went.",
     "Driver Verifier: invariant MDL checking; BugCheck 0xC4",
     "a_driver_that_touches_a_NET_BUFFER_LIST_while_it_is_out_is_stopped", "a_driver_that_waits_for_the_completion_is_not_stopped")
RULE(0006, NotOwned, "ends",
     "A driver does not touch a NET_BUFFER_LIST, its NET_BUFFERs, MDLs or data after it has given them away: not after a send and "
     "before its completion, not after passing on, returning, completing or indicating.",
     "-", "a_sender_that_reads_what_it_has_sent_is_stopped", "a_sender_that_waits_for_its_completion_may_read")
