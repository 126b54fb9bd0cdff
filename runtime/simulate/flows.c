/* What is under way on links that share. What one rank sends another by one route goes over a link in
   its order, as on one connection: the first of a queue flows, the others wait. */
#include "play.h"

static int grow(State *s, void **memory, int64_t room, size_t width)
{
    void *grown = realloc(*memory, (size_t)room * width);
    if (!grown) { s->failed = NO_MEMORY; return 0; }
    *memory = grown;
    return 1;
}

/* Give a place for a flow; -1 where there is no memory. */
static int32_t place(State *s)
{
    Flows *f = &s->flows;
    int32_t free = f->free;
    if (free >= 0) {
        f->free = f->flow[free].behind;
        return free;
    }
    if (f->used == f->room) {
        int64_t room = 2 * f->room + 64;
        if (!grow(s, (void **)&f->flow, room, sizeof *f->flow)
            || !grow(s, (void **)&f->active, room, sizeof *f->active)
            || !grow(s, (void **)&f->ends, room, sizeof *f->ends)) return -1;
        f->room = room;
    }
    return (int32_t)f->used++;
}

static void use(State *s, int64_t station, int32_t flow)
{
    Users *users = &s->flows.users[station];
    if (users->count == users->room) {
        int32_t room = 2 * users->room + 4;
        if (!grow(s, (void **)&users->flow, room, sizeof *users->flow)) return;
        users->room = room;
    }
    users->flow[users->count++] = flow;
    disturb(&s->flows, station);
}

static void leave(Flows *f, int64_t station, int32_t flow)
{
    Users *users = &f->users[station];
    int32_t u = 0;
    while (users->flow[u] != flow) u++;
    users->flow[u] = users->flow[--users->count];
    disturb(f, station);
}

/* Let the first of a queue flow. */
static void begin(State *s, int32_t at)
{
    Flows *f = &s->flows;
    Flow *flow = &f->flow[at];
    int64_t v;
    flow->since = f->now;
    flow->place = (int32_t)f->count;
    f->ends[f->count] = INT64_MAX;
    f->active[f->count++] = at;
    for (v = flow->first; v < flow->end && !s->failed; v++) use(s, s->of->station[v], at);
}

void join(State *s, Event event)
{
    Flows *f = &s->flows;
    const Visit *visit = &s->visit[event.at], *next = visit + 1;
    Queue *queue = &f->queue[s->of->queue[event.at]];
    int32_t at = place(s);
    if (at < 0) return;
    while (!s->of->whole && next->part == visit->part) next++;
    Flow flow = { s->of->amount[visit->part], 0, f->now, event.row, event.at,
                  (int32_t)(next - s->visit), event.chunk, -1, -1 };
    f->flow[at] = flow;
    if (queue->count++) f->flow[queue->last].behind = at;
    queue->last = at;
    if (queue->count == 1) begin(s, at);
}

/* The last byte has left the link, or all links. */
static void pass_on(State *s, Flow flow)
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

static void end(State *s, int32_t at)
{
    Flows *f = &s->flows;
    Flow flow = f->flow[at];
    Queue *queue = &f->queue[s->of->queue[flow.first]];
    int32_t last = f->active[--f->count];
    int64_t v;
    f->active[flow.place] = last;
    f->ends[flow.place] = f->ends[f->count];
    f->flow[last].place = flow.place;
    for (v = flow.first; v < flow.end; v++) leave(f, s->of->station[v], at);
    f->flow[at].behind = f->free;
    f->free = at;
    queue->count--;
    pass_on(s, flow);
    if (flow.behind >= 0) begin(s, flow.behind);
}

static int64_t soonest(const Flows *f)
{
    int64_t i, least = INT64_MAX;
    for (i = 0; i < f->count; i++)
        if (f->ends[i] < least) least = f->ends[i];
    return least;
}

/* Let all end whose time has come; what begins meanwhile has no time yet. */
static void end_some(State *s)
{
    Flows *f = &s->flows;
    int64_t i, count = f->count;
    for (i = count - 1; i >= 0 && !s->failed; i--)
        if (f->ends[i] <= f->now) end(s, f->active[i]);
}

void play_shared(State *s)
{
    Flows *f = &s->flows;
    while ((s->events || f->count) && !s->failed) {
        int64_t next = s->events ? s->heap[0].time : INT64_MAX, ends;
        if (next > f->now) {
            if (f->stations) set_rates(s->of, f);
            ends = soonest(f);
            f->now = ends < next ? ends : next;
            if (ends == f->now) end_some(s);
        }
        while (s->events && s->heap[0].time <= f->now && !s->failed) happen(s, pop(s));
    }
}
