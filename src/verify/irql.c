// SPDX-License-Identifier: MIT
// IRQL rules, generated from the DDI table: each front door may be passed at the levels that its page allows (NBX-0200), and a driver's
// handler comes back at the level at which it was called (NBX-0201).
#include "verify/ddi_table.h"
#include "verify/paged.h"
#include "verify/report.h"
#include "verify/verify.h"

static const char *
level_name(KIRQL irql)
{
    static const char *const names[] = {"PASSIVE_LEVEL", "APC_LEVEL", "DISPATCH_LEVEL"};
    return irql < 3 ? names[irql] : irql == HIGH_LEVEL ? "HIGH_LEVEL" : "a device's IRQL";
}

static __attribute__((noinline, cold)) void
door_wrong(const struct ke_thread *self, const struct ddi_row *row)
{
    verify_rule_broken(NBX_0200, row->name, "called at IRQL %u (%s); it may be called at %s", self->irql, level_name(self->irql),
                       row->irql);
}

void
verify_door(struct ke_thread *self, enum ddi_id id)
{
    const struct ddi_row *row = &ddi_rows[id];
    self->door = id;
    if (__builtin_expect(self->paged_is_shut, 0))
        verify_paged_door(self->box->verify);
    if (__builtin_expect(self->irql < row->irql_min || self->irql > row->irql_max, 0))
        door_wrong(self, row);
}

void
verify_irql_returned(struct ke_thread *self, const struct ke_crossing *crossing)
{
    verify_rule_broken(NBX_0201, crossing->name, "called at IRQL %u (%s), and came back at %u (%s)", crossing->irql,
                       level_name(crossing->irql), self->irql, level_name(self->irql));
}
