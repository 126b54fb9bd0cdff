/* What waits: events for their time, and messages for a place in the time of a station. */
#include "play.h"

/* Events */

static int sooner(const Event *a, const Event *b)
{
    if (a->time != b->time) return a->time < b->time;
    if (a->order != b->order) return a->order < b->order;
    return a->at < b->at;
}

void push(State *s, Event event)
{
    int64_t at;
    if (s->events == s->room) {
        int64_t room = 2 * s->room + 64;
        Event *grown = realloc(s->heap, (size_t)room * sizeof *grown);
        if (!grown) { s->failed = NO_MEMORY; return; }
        s->heap = grown;
        s->room = room;
    }
    for (at = s->events++; at > 0; at = (at - 1) / 2) {
        if (!sooner(&event, &s->heap[(at - 1) / 2])) break;
        s->heap[at] = s->heap[(at - 1) / 2];
    }
    s->heap[at] = event;
}

/* Put an event in the place of the first one in the heap. */
static void sift(State *s, Event event)
{
    int64_t at = 0, child;
    while ((child = 2 * at + 1) < s->events) {
        if (child + 1 < s->events && sooner(&s->heap[child + 1], &s->heap[child])) child++;
        if (!sooner(&s->heap[child], &event)) break;
        s->heap[at] = s->heap[child];
        at = child;
    }
    s->heap[at] = event;
}

static void append(State *s, Lane *lane, Event event)
{
    if (lane->first == lane->count) lane->first = lane->count = 0;
    if (lane->count == lane->room && 2 * lane->first > lane->room) {
        lane->count -= lane->first;
        memmove(lane->event, lane->event + lane->first, (size_t)lane->count * sizeof event);
        lane->first = 0;
    } else if (lane->count == lane->room) {
        int64_t room = 2 * lane->room + 8;
        Event *grown = realloc(lane->event, (size_t)room * sizeof *grown);
        if (!grown) { s->failed = NO_MEMORY; return; }
        lane->event = grown;
        lane->room = room;
    }
    lane->event[lane->count++] = event;
}

void push_behind(State *s, int64_t at, Event event)
{
    Lane *lane = &s->lane[at];
    if (lane->waiting && sooner(&event, &lane->last)) { push(s, event); return; }
    event.lane = (int32_t)at;
    lane->last = event;
    if (lane->waiting) append(s, lane, event);
    else push(s, event);
    lane->waiting = 1;
}

Event pop(State *s)
{
    Event top = s->heap[0];
    Lane *lane = top.lane < 0 ? NULL : &s->lane[top.lane];
    s->popped++;
    if (lane && lane->first < lane->count) {
        const Event *next = &lane->event[lane->first++];
        __builtin_prefetch(&s->message[next->row]);
        if (next->at >= 0) __builtin_prefetch(&s->visit[next->at]);
        sift(s, *next);
    } else {
        if (lane) lane->waiting = 0;
        if (--s->events) sift(s, s->heap[s->events]);
    }
    return top;
}

/* Stations */

static void insert(State *s, Station *at, int64_t place, Stretch made)
{
    if (at->count == at->room) {
        int64_t room = 2 * at->room + 4;
        Stretch *grown = realloc(at->busy, (size_t)room * sizeof *grown);
        if (!grown) { s->failed = NO_MEMORY; return; }
        at->busy = grown;
        at->room = room;
    }
    memmove(at->busy + place + 1, at->busy + place,
            (size_t)(at->count - place) * sizeof made);
    at->busy[place] = made;
    at->count++;
}

/* Put a stretch in front of `place`, as one with those that it touches. */
static void occupy(State *s, Station *at, int64_t place, Stretch made)
{
    int before = place > at->first && at->busy[place - 1].end == made.begin;
    int after = place < at->count && at->busy[place].begin == made.end;
    if (before && after) {
        at->busy[place - 1].end = at->busy[place].end;
        memmove(at->busy + place, at->busy + place + 1,
                (size_t)(at->count - place - 1) * sizeof made);
        at->count--;
    } else if (before) {
        at->busy[place - 1].end = made.end;
    } else if (after) {
        at->busy[place].begin = made.begin;
    } else {
        insert(s, at, place, made);
    }
}

static void forget(Station *at, int64_t now)
{
    while (at->first < at->count && at->busy[at->first].end <= now) at->first++;
    if (at->first == at->count) at->first = at->count = 0;
    if (at->first > 64 && at->first > at->count / 2) {
        memmove(at->busy, at->busy + at->first,
                (size_t)(at->count - at->first) * sizeof *at->busy);
        at->count -= at->first;
        at->first = 0;
    }
}

/* Give the first stretch that ends after `ready`. */
static int64_t find(const Station *at, int64_t ready)
{
    int64_t place, last;
    for (place = at->first, last = at->count; place < last;) {
        int64_t middle = (place + last) / 2;
        if (at->busy[middle].end > ready) last = middle;
        else place = middle + 1;
    }
    return place;
}

/* Reserve the first stretch of length `work` not before `ready`. Gives when it ends, and in *free
   when the time without work begins that it lies in, no matter how long before now. */
int64_t reserve(State *s, int64_t station, int64_t now, int64_t ready, int64_t work, int64_t *free)
{
    Station *at = &s->station[station];
    int64_t place, begin = ready;
    forget(at, now);
    place = find(at, ready);
    *free = place > at->first ? at->busy[place - 1].end : INT64_MIN;
    for (; place < at->count; place++) {
        if (begin + work <= at->busy[place].begin) break;
        *free = at->busy[place].end;
        if (*free > begin) begin = *free;
    }
    if (work) {
        Stretch made = { begin, begin + work };
        occupy(s, at, place, made);
    }
    return begin + work;
}

/* The same for images that go one by one: they take all the free time from `ready` to the end. */
int64_t reserve_apart(State *s, int64_t station, int64_t now, int64_t ready, int64_t work,
                      int64_t *free)
{
    Station *at = &s->station[station];
    int64_t first, place;
    Stretch made;
    forget(at, now);
    first = place = find(at, ready);
    *free = place > at->first ? at->busy[place - 1].end : INT64_MIN;
    made.begin = made.end = ready;
    if (place < at->count && at->busy[place].begin <= ready) {
        made.begin = at->busy[place].begin;
        made.end = *free = at->busy[place++].end;
    }
    for (made.end += work; place < at->count && at->busy[place].begin < made.end; place++)
        made.end += at->busy[place].end - at->busy[place].begin;
    memmove(at->busy + first, at->busy + place, (size_t)(at->count - place) * sizeof made);
    at->count -= place - first;
    occupy(s, at, first, made);
    return made.end;
}
