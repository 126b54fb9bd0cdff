/* Links that share fairly: of all that is under way each gets as much as the others, unless another
   link lets it have less (max-min). What begins or ends changes the rates of the flows that meet it
   on a link, and of those that meet these: theirs alone are set anew. */
#include "play.h"

#define NO_RATE -1

/* A flow comes to a station, or leaves it: the flows there get new rates. */
void disturb(Flows *f, int64_t station)
{
    if (f->reached[station] == f->round) return;
    f->reached[station] = f->round;
    f->busy[f->stations++] = station;
}

/* Let what has flown so far be gone. */
static void settle(const Flows *f, Flow *flow)
{
    int64_t gone = flow->rate * (f->now - flow->since);
    flow->left = gone < flow->left ? flow->left - gone : 0;
    flow->since = f->now;
    flow->rate = NO_RATE;
}

/* Find all stations that have flows in common with those disturbed, directly or by others. */
static void spread(const Play *p, Flows *f)
{
    int64_t i, v;
    int32_t u;
    for (i = 0; i < f->stations; i++) {
        const Users *users = &f->users[f->busy[i]];
        for (u = 0; u < users->count; u++) {
            Flow *flow = &f->flow[users->flow[u]];
            if (flow->rate == NO_RATE) continue;
            settle(f, flow);
            for (v = flow->first; v < flow->end; v++) disturb(f, p->station[v]);
        }
    }
}

/* A station with what it has for each of its flows before it, so that the tightest is the least, the
   first of several. A link carries at most 2^30 in a tick. */
static int64_t entry(const Flows *f, int64_t at)
{
    return f->rest[at] / f->waiting[at] << f->bits | at;
}

/* Let the entry at this place of the heap sink to where it belongs. */
static void sink(Flows *f, int64_t place)
{
    int64_t *busy = f->busy, own = busy[place], below;
    while ((below = 2 * place + 1) < f->stations) {
        below += below + 1 < f->stations && busy[below + 1] < busy[below];
        if (own <= busy[below]) break;
        busy[place] = busy[below];
        place = below;
    }
    busy[place] = own;
}

/* Make a heap of the stations that were reached. */
static void heap(const Play *p, Flows *f)
{
    int64_t i, kept = 0;
    for (i = 0; i < f->stations; i++) {
        int64_t at = f->busy[i];
        if (!(f->waiting[at] = f->users[at].count)) continue;
        f->rest[at] = p->capacity[at];
        f->busy[kept++] = entry(f, at);
    }
    f->stations = kept;
    for (i = kept / 2 - 1; i >= 0; i--) sink(f, i);
}

/* Find the station that has least for each flow that has no rate yet; -1 if there is none. What one
   has for each never gets less, as no flow is given more than that: the first in the heap, once it
   is counted anew, is the tightest of all. */
static int64_t tightest(Flows *f)
{
    while (f->stations) {
        int64_t first = f->busy[0], at = first & ((INT64_C(1) << f->bits) - 1);
        if (f->waiting[at]) {
            f->busy[0] = entry(f, at);
            if (f->busy[0] == first) return at;
        } else {
            f->busy[0] = f->busy[--f->stations];
        }
        sink(f, 0);
    }
    return -1;
}

static void give(const Play *p, Flows *f, Flow *flow, int64_t rate)
{
    int64_t v;
    flow->rate = rate;
    f->ends[flow->place] = f->now + (flow->left + rate - 1) / rate;
    for (v = flow->first; v < flow->end; v++) {
        int64_t at = p->station[v];
        f->waiting[at]--;
        f->rest[at] = f->rest[at] > rate ? f->rest[at] - rate : 0;
    }
}

/* Give flows their rates where any came or left, at the tightest station first. */
void set_rates(const Play *p, Flows *f)
{
    int64_t at;
    int32_t u;
    spread(p, f);
    heap(p, f);
    while ((at = tightest(f)) >= 0) {
        const Users *users = &f->users[at];
        int64_t share = f->rest[at] / f->waiting[at];
        for (u = 0; u < users->count && f->waiting[at]; u++) {
            Flow *flow = &f->flow[users->flow[u]];
            if (flow->rate == NO_RATE) give(p, f, flow, share > 0 ? share : 1);
        }
    }
    f->round++;
}
