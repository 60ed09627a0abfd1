// SPDX-License-Identifier: MIT
// Refusals: what happens when a driver calls a DDI that we do not provide.
// Never a made-up status: the call is reported with its name and its caller, and does not return.
#pragma once

/* Reports that a driver called name, which is not provided (NBX-0001), and ends the process with status 1, which is a finding.
 * irql:  any                  locks: none taken
 * owns:  borrows name         calls: nothing but stderr and _exit
 * fails: never; it does not return */
_Noreturn void verify_refused_call(const char *name);

/* The same, for the generated doors: caller is the address in the driver that the door would have returned to. */
_Noreturn void verify_refused_call_from(const char *name, const void *caller);

/* Reports that a driver broke a contract at a call that cannot go on (a completion of what is not pending, for example), with the
 * function and what is wrong, and ends the process with status 1.
 * irql: any   locks: none taken   owns: borrows both   fails: never; it does not return */
_Noreturn void verify_contract(const char *function, const char *what);

/* The same for a handle that is not of the kind the function takes. found may be any pointer; it is not followed if NULL. */
_Noreturn void verify_bad_handle(const char *function, const void *found, unsigned wanted_kind);
