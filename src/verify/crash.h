// SPDX-License-Identifier: MIT
// What is said when a driver (or the runtime) faults: which driver, where, in which DDI, on which box, and the stack; exit status 1.
#ifndef NBX_VERIFY_CRASH_H
#define NBX_VERIFY_CRASH_H

// Catch SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT in this process from now on. With a sanitizer in the program its own report stays
// and ours follows it. Call it once, in the thread that will run the scheduler. fails: never; without memory for the signal stack a
// stack overflow goes unreported.
void crash_install(void);

#endif
