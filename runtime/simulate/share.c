/* Links that share fairly: of all that is under way each gets as much as the others, unless another
   link lets it have less (max-min). Whatever begins or ends changes the rates of all. What one rank
   sends another goes over a link in its order, as on one connection. */
#include "play.h"

#define NO_RATE -1
#define UNKNOWN -1

/* A flow comes to a station, or leaves it. */
static void disturb(const Play *p, Flows *f, int64_t visit)
{
    f->each[p->station[visit]] = UNKNOWN;
    f->waiting[p->station[visit]] = 0;
    f->changed = 1;
}

void join(State *s, Event event)
{
    Flows *f = &s->flows;
    if (f->count == f->room) {
        int64_t room = 2 * f->room + 64;
        Flow *grown = realloc(f->flow, (size_t)room * sizeof *grown);
        if (!grown) { s->failed = NO_MEMORY; return; }
        f->flow = grown;
        f->room = room;
    }
    const Visit *visit = &s->visit[event.at], *next = visit + 1;
    while (!s->of->whole && next->part == visit->part) next++;
    Flow flow = { s->of->amount[visit->part], 0, 0, event.row, event.at, (int32_t)(next - s->visit),
                  event.chunk };
    f->flow[f->count++] = flow;
    disturb(s->of, f, event.at);
}

/* Find out which flows are the first in their queue; these get a rate, the others wait. */
static void mark_first(State *s)
{
    const Play *p = s->of;
    Flows *f = &s->flows;
    int64_t i;
    f->round++;
    for (i = 0; i < f->count; i++) {
        int64_t *turn = &f->turn[p->queue[f->flow[i].first]];
        f->flow[i].rate = *turn == f->round ? 0 : NO_RATE;
        *turn = f->round;
    }
}

/* Count the users of each station. */
static int64_t count_users(State *s)
{
    const Play *p = s->of;
    Flows *f = &s->flows;
    int64_t i, v, all = 0;
    memset(f->waiting, 0, (size_t)p->stations * sizeof *f->waiting);
    for (i = 0; i < f->count; i++) {
        if (!f->flow[i].rate) continue;
        for (v = f->flow[i].first; v < f->flow[i].end; v++, all++)
            f->waiting[p->station[v]]++;
    }
    return all;
}

/* List the flows of each station: those of station i are user[first[i]] and as many more as wait. */
static void list_users(State *s)
{
    const Play *p = s->of;
    Flows *f = &s->flows;
    int64_t i, v, all = count_users(s);
    if (all > f->listed) {
        int64_t *grown = realloc(f->user, (size_t)(2 * all) * sizeof *grown);
        if (!grown) { s->failed = NO_MEMORY; return; }
        f->user = grown;
        f->listed = 2 * all;
    }
    for (i = all = 0; i < p->stations; all += f->waiting[i++]) f->first[i] = all;
    for (i = 0; i < f->count; i++) {
        if (!f->flow[i].rate) continue;
        for (v = f->flow[i].first; v < f->flow[i].end; v++)
            f->user[f->first[p->station[v]]++] = i;
    }
    for (i = 0; i < p->stations; i++) f->first[i] -= f->waiting[i];
}

/* List the stations that have users, each with what it has for each of them. */
static void list_busy(const Play *p, Flows *f)
{
    int64_t i;
    f->stations = 0;
    for (i = 0; i < p->stations; i++) {
        if (!f->waiting[i]) continue;
        f->busy[f->stations++] = i;
        f->each[i] = UNKNOWN;
    }
}

/* Find the station that has least for each flow that has no rate yet, the first of several; those
   without such flows leave the list. */
static int64_t tightest(Flows *f, int64_t *share)
{
    int64_t i, kept = 0, found = -1;
    for (i = 0; i < f->stations; i++) {
        int64_t at = f->busy[i];
        if (!f->waiting[at]) continue;
        f->busy[kept++] = at;
        if (f->each[at] == UNKNOWN) f->each[at] = f->rest[at] / f->waiting[at];
        if (found < 0 || f->each[at] < *share) {
            found = at;
            *share = f->each[at];
        }
    }
    f->stations = kept;
    return found;
}

static void give(const Flows *f, Flow *flow, int64_t rate)
{
    flow->rate = rate;
    flow->ends = f->now + (flow->left + rate - 1) / rate;
}

static void fix(const Play *p, Flows *f, Flow *flow, int64_t rate)
{
    int64_t v;
    give(f, flow, rate);
    for (v = flow->first; v < flow->end; v++) {
        int64_t at = p->station[v];
        f->waiting[at]--;
        f->rest[at] = f->rest[at] > rate ? f->rest[at] - rate : 0;
        f->each[at] = UNKNOWN;
    }
}

/* Give all flows their rates, at the tightest station first. */
static void set_rates(State *s)
{
    const Play *p = s->of;
    Flows *f = &s->flows;
    int64_t i, at, share = 0;
    mark_first(s);
    list_users(s);
    if (s->failed) return;
    memcpy(f->rest, p->capacity, (size_t)p->stations * sizeof *f->rest);
    list_busy(p, f);
    while ((at = tightest(f, &share)) >= 0) {
        int64_t end = at + 1 < p->stations ? f->first[at + 1] : f->listed;
        for (i = f->first[at]; i < end && f->waiting[at]; i++)
            if (f->flow[f->user[i]].rate == NO_RATE)
                fix(p, f, &f->flow[f->user[i]], share > 0 ? share : 1);
    }
}

/* The same where each flow is on one link: no link has a say in the rates of another, so that those
   stay as they are where no flow came or left. */
static void set_apart(State *s)
{
    const Play *p = s->of;
    Flows *f = &s->flows;
    f->round++;
    for (Flow *flow = f->flow; flow < f->flow + f->count; flow++) {
        int64_t at = p->station[flow->first], *turn = &f->turn[p->queue[flow->first]];
        if (f->each[at] != UNKNOWN) continue;
        flow->rate = *turn == f->round ? 0 : NO_RATE;
        *turn = f->round;
        if (flow->rate) f->waiting[at]++;
    }
    for (Flow *flow = f->flow; flow < f->flow + f->count; flow++) {
        int64_t at = p->station[flow->first];
        if (flow->rate != NO_RATE) continue;
        if (f->each[at] == UNKNOWN) f->each[at] = p->capacity[at] / f->waiting[at];
        give(f, flow, f->each[at] > 0 ? f->each[at] : 1);
    }
}

/* Give the tick at which the first flow ends. */
static int64_t soonest(const Flows *f)
{
    int64_t i, least = INT64_MAX;
    for (i = 0; i < f->count; i++)
        if (f->flow[i].rate && f->flow[i].ends < least) least = f->flow[i].ends;
    return least;
}

static void advance(Flows *f, int64_t time)
{
    int64_t i, ticks = time - f->now;
    f->now = time;
    for (i = 0; ticks && i < f->count; i++) {
        int64_t gone = f->flow[i].rate * ticks;
        f->flow[i].left = gone < f->flow[i].left ? f->flow[i].left - gone : 0;
    }
}

/* The last byte has left the link, or all links. */
static void end_flow(State *s, Flow flow)
{
    int64_t v, time = s->flows.now;
    for (v = flow.first; v < flow.end; v++) time += s->visit[v].way;
    if (s->visit[v].part != s->visit[v - 1].part) {
        deliver(s, s->visit[v - 1].station, flow.row, flow.chunk, time);
    } else {
        Event event = { time, order_of(s, flow.row, flow.chunk), time, flow.row, (int32_t)v,
                        flow.chunk, -1 };
        push(s, event);
    }
}

static void end_flows(State *s)
{
    Flows *f = &s->flows;
    int64_t i, kept = 0, count = f->count;
    for (i = 0; i < count; i++) {
        if (!f->flow[i].left) {
            disturb(s->of, f, f->flow[i].first);
            end_flow(s, f->flow[i]);
        } else if (kept++ != i) {
            f->flow[kept - 1] = f->flow[i];
        }
    }
    f->count = kept;
}

void play_shared(State *s)
{
    Flows *f = &s->flows;
    while ((s->events || f->count) && !s->failed) {
        int64_t next = s->events ? s->heap[0].time : INT64_MAX, ends;
        if (next > f->now) {
            if (f->changed) (s->of->whole ? set_apart : set_rates)(s);
            if (s->failed) return;
            f->changed = 0;
            ends = soonest(f);
            advance(f, ends < next ? ends : next);
            end_flows(s);
        }
        while (s->events && s->heap[0].time <= f->now && !s->failed) happen(s, pop(s));
    }
}
