// SPDX-License-Identifier: MIT
// A driver that breaks a rule ends the process: commit the crime in a child, and read its report.
#ifndef NBX_TESTS_CRIME_H
#define NBX_TESTS_CRIME_H

struct crime {
    int exit_status;                          // 0: nothing was found
    char said[1 << 16];                       // on stderr
};

// Run fn in a child process; it leaves with 0 unless something ends it. The parent fails the test when the child dies of a signal.
void crime_commit(struct crime *crime, void (*fn)(void));
// It is found, and all of the texts (up to NULL) stand in the report; one report, no cascade.
void crime_is_found(void (*fn)(void), const char *rule, ...) __attribute__((sentinel));
// Nothing is found.
void crime_is_none(void (*fn)(void));

#endif
