// SPDX-License-Identifier: MIT
// The option --faults of run and sim. Apart from faults.c, which tests link without the table of verbs.
#include "faults.h"
#include "out.h"

bool
faults_read(const struct args *args, struct faults *faults, const struct ex_fault_plan **plan)
{
    const char *text = args_text(args, "faults");
    char error[200];
    *plan = NULL;
    if (!text)
        return true;
    if (!faults_parse(text, faults, error, sizeof error)) {
        out_error("--faults: %s", error);
        return false;
    }
    *plan = &faults->plan;
    return true;
}
