// SPDX-License-Identifier: MIT
// Which connections go to a target by themselves: all with `chimney: always`, as soon as they are open; with `on` by chimney_after and
// chimney_rate.
//   tcpip_policy_opened (it is open), tcpip_policy_back (it is the engine's again, or did not go) -> host->candidates, by due time
//   tcpip_policy_run: one that is due and has moved enough bytes since it was last looked at goes; else it is looked at again
// One that the target refused or wanted to be rid of rests: chimney_rest, and twice as long each time again, up to REST_DOUBLINGS times;
// one that the target kept for longer than that begins anew. What is full or paused is only looked at again: tcpip_chimney_go says. One
// whose FIN is on its way stays: it would come back before long (chimney.c, half_closed_deadline_us).
#include "chimney.h"

#define REST_DOUBLINGS 6
#define NO_WAY_US 1000000                 // until one whose way leads nowhere is looked at again; none is sooner

struct tcpip_candidate {
    LIST_ENTRY link;                      // in host->candidates while is_listed
    struct tcpip_connection *connection;
    ULONG64 due_us, since_us;             // when it is looked at next; since when what it moves is counted
    ULONG una, nxt;                       // from these numbers on
    ULONG declined;                       // how often, up to a bound
    BOOLEAN is_listed;
};

static struct tcpip_candidate *
candidate_of(LIST_ENTRY *entry)
{
    return CONTAINING_RECORD(entry, struct tcpip_candidate, link);
}

// Without memory for it: FALSE, and the connection stays where it is.   locks: host->lock held, as for all of these
static BOOLEAN
candidate_make(struct tcpip_connection *connection)
{
    if (!connection->candidate)
        connection->candidate = tcpip_alloc(sizeof *connection->candidate);
    if (!connection->candidate)
        return FALSE;
    connection->candidate->connection = connection;
    return TRUE;
}

static VOID
unlist(struct tcpip_candidate *candidate)
{
    if (candidate->is_listed)
        RemoveEntryList(&candidate->link);
    candidate->is_listed = FALSE;
}

// The last due first looked at from: most delays are the same.
static VOID
enlist(struct tcpip_candidate *candidate, uint64_t due_us)
{
    unlist(candidate);
    LIST_ENTRY *at = tcpip_host.candidates.Blink;
    candidate->is_listed = TRUE;
    candidate->due_us = due_us;
    while (at != &tcpip_host.candidates && candidate_of(at)->due_us > due_us)
        at = at->Blink;
    InsertHeadList(at, &candidate->link);
}

VOID
tcpip_policy_forget(struct tcpip_connection *connection)
{
    if (!connection->candidate)
        return;
    unlist(connection->candidate);
    tcpip_free(connection->candidate);
    connection->candidate = NULL;
}

static BOOLEAN
has_policy(const struct tcpip_chimney *chimney)
{
    return chimney->policy == TCPIP_CHIMNEY_ALWAYS || (chimney->policy == TCPIP_CHIMNEY_ON && chimney->after_us);
}

// Until one that could not go, or has come back, is looked at again.
static ULONG64
again_us(const struct tcpip_chimney *chimney)
{
    return chimney->policy == TCPIP_CHIMNEY_ALWAYS ? max(chimney->rest_us, NO_WAY_US) : chimney->after_us;
}

// What it has moved is counted from here on.
static VOID
look_begin(struct tcpip_candidate *candidate, const struct tcp_record *record, uint64_t now_us)
{
    candidate->una = record->delegated.snd_una;
    candidate->nxt = record->delegated.rcv_nxt;
    candidate->since_us = now_us;
}

VOID
tcpip_policy_opened(struct tcpip_connection *connection, const struct tcpip_adapter *adapter, const struct tcp_record *record,
                    uint64_t now_us)
{
    if (!has_policy(&adapter->chimney) || !candidate_make(connection))
        return;
    if (adapter->chimney.policy == TCPIP_CHIMNEY_ALWAYS && !tcpip_chimney_go(connection, now_us))
        return;
    look_begin(connection->candidate, record, now_us);
    enlist(connection->candidate, now_us + again_us(&adapter->chimney));
}

VOID
tcpip_policy_back(struct tcpip_connection *connection, const struct tcpip_adapter *adapter, BOOLEAN is_declined, ULONG64 there_us,
                  uint64_t now_us)
{
    const struct tcpip_chimney *chimney = &adapter->chimney;
    ULONG64 rest_us = again_us(chimney);
    struct tcp_record record;
    if (!connection->tcp || connection->is_silent || !has_policy(chimney) || !candidate_make(connection))
        return;
    struct tcpip_candidate *candidate = connection->candidate;
    if (there_us && now_us - there_us > chimney->rest_us << REST_DOUBLINGS)
        candidate->declined = 0;
    if (is_declined) {
        rest_us = max(rest_us, chimney->rest_us << candidate->declined);
        candidate->declined += candidate->declined < REST_DOUBLINGS;
    }
    tcp_query(connection->tcp, now_us, &record);
    look_begin(candidate, &record, now_us);
    enlist(candidate, now_us + rest_us);
}

// Numbers wrap: of more than 4 GB each way between two looks some are overlooked.
static BOOLEAN
is_fast(const struct tcpip_candidate *candidate, const struct tcp_record *record, const struct tcpip_chimney *chimney, uint64_t now_us)
{
    ULONG64 rate_bytes = chimney->policy == TCPIP_CHIMNEY_ALWAYS ? 0 : chimney->rate_bytes;
    ULONG64 bytes = (ULONG64)(record->delegated.snd_una - candidate->una) + (record->delegated.rcv_nxt - candidate->nxt);
    return bytes * 1000000 >= rate_bytes * (now_us - candidate->since_us);
}

static VOID
look(struct tcpip_candidate *candidate, uint64_t now_us)
{
    struct tcpip_connection *connection = candidate->connection;
    struct tcp_record record;
    if (connection->offload || !connection->tcp || connection->is_silent)
        return; // it is there, and comes to tcpip_policy_back; or it is over
    tcp_query(connection->tcp, now_us, &record);
    if (record.delegated.state != TCP_ESTABLISHED && record.delegated.state != TCP_CLOSE_WAIT)
        return;
    struct net_path path = {.source = record.constant.local, .destination = record.constant.remote};
    struct tcpip_adapter *adapter = NULL;
    if (!net_path_find(tcpip_host.net, &path, now_us))
        adapter = tcpip_host.adapters[path.interface_index % NET_INTERFACES_MAX];
    if (!adapter) {
        look_begin(candidate, &record, now_us);
        enlist(candidate, now_us + NO_WAY_US);
        return;
    }
    if (!has_policy(&adapter->chimney) ||
        (is_fast(candidate, &record, &adapter->chimney, now_us) && !tcpip_chimney_go(connection, now_us)))
        return;
    look_begin(candidate, &record, now_us);
    enlist(candidate, now_us + again_us(&adapter->chimney));
}

uint64_t
tcpip_policy_deadline_us(VOID)
{
    if (IsListEmpty(&tcpip_host.candidates))
        return ENG_NEVER;
    return candidate_of(tcpip_host.candidates.Flink)->due_us;
}

VOID
tcpip_policy_run(uint64_t now_us)
{
    while (tcpip_policy_deadline_us() <= now_us) {
        struct tcpip_candidate *candidate = candidate_of(tcpip_host.candidates.Flink);
        unlist(candidate);
        look(candidate, now_us);
    }
}
