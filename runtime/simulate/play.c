/* The messages of a schedule on their machine, event by event, in whole ticks. twin.py plays the
   same in Python: for every input both give the same numbers. What is played stands in
   simulate.py, what the columns mean in traffic.py. */
#include "play.h"

/* Events */

static int sooner(const Event *a, const Event *b)
{
    if (a->time != b->time) return a->time < b->time;
    if (a->order != b->order) return a->order < b->order;
    return a->row < b->row;
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

Event pop(State *s)
{
    Event top = s->heap[0], last = s->heap[--s->events];
    int64_t at = 0, child;
    while ((child = 2 * at + 1) < s->events) {
        if (child + 1 < s->events && sooner(&s->heap[child + 1], &s->heap[child])) child++;
        if (!sooner(&s->heap[child], &last)) break;
        s->heap[at] = s->heap[child];
        at = child;
    }
    s->heap[at] = last;
    s->popped++;
    return top;
}

/* Stations */

static int64_t program_step(const Play *p, int64_t message, int64_t chunk)
{
    return p->step[message] + chunk * p->chunks / p->cuts[message];
}

int64_t order_of(const Play *p, int64_t message, int64_t chunk)
{
    return program_step(p, message, chunk) * p->messages + p->turn[message];
}

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

/* Reserve the first stretch of length `work` not before `ready`. Gives when it begins, and in
   *free when the time without work begins that it lies in, no matter how long before now. */
static int64_t reserve(State *s, int64_t station, int64_t now, int64_t ready, int64_t work,
                       int64_t *free)
{
    Station *at = &s->station[station];
    int64_t place, begin = ready, last;
    forget(at, now);
    /* Nothing fits in front of what ends before the message is ready. */
    for (place = at->first, last = at->count; place < last;) {
        int64_t middle = (place + last) / 2;
        if (at->busy[middle].end > ready) last = middle;
        else place = middle + 1;
    }
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
    return begin;
}

/* Messages */

/* Give the chunk that a message has in the program step so many steps after its own, or -1. */
static int64_t chunk_after(const Play *p, int64_t message, int64_t steps)
{
    int64_t cuts = p->cuts[message], chunk = (steps * cuts + p->chunks - 1) / p->chunks;
    return chunk < cuts && chunk * p->chunks / cuts == steps ? chunk : -1;
}

/* Find the next message of a pair, from next->row and next->step on: step after step, in each the
   rows that have a chunk there. At the end the row is the pair's last + 1. */
static void seek(const Play *p, Next *next, int64_t end)
{
    for (;;) {
        for (; next->row < end && p->step[next->row] <= next->step; next->row++) {
            next->chunk = chunk_after(p, next->row, next->step - p->step[next->row]);
            if (next->chunk >= 0) return;
        }
        next->step++;
        while (next->open < end && p->step[next->open] + p->chunks <= next->step) next->open++;
        next->row = next->open;
        if (next->open == end) return;
        if (p->step[next->open] > next->step) next->step = p->step[next->open];
    }
}

static void leave(State *s, int64_t message, int64_t chunk, int64_t time)
{
    const Play *p = s->of;
    int64_t part, order = order_of(p, message, chunk);
    for (part = p->part_first[message]; part < p->part_first[message + 1]; part++) {
        Event event = { time, order, time, ARRIVE, (int32_t)part, (int32_t)chunk, 0 };
        push(s, event);
    }
}

static void start(State *s, int64_t message, int64_t chunk, int64_t time)
{
    const Play *p = s->of;
    Event event = { time, 0, time, SEND, 0, (int32_t)chunk, 0 };
    if (!p->sending[message]) { leave(s, message, chunk, time); return; }
    event.order = order_of(p, message, chunk);
    event.row = (int32_t)message;
    push(s, event);
}

static int within_lead(const State *s, int64_t rank, int64_t step)
{
    return rank < 0 || step < s->low[rank] + s->of->lead;
}

/* Start what a pair can start, in its order. */
static void start_some(State *s, int64_t pair, int64_t time)
{
    const Play *p = s->of;
    Next *next = &s->next[pair];
    int64_t end = p->pair_first[pair + 1];
    while (next->row < end && within_lead(s, p->pair_src[pair], next->step)
           && within_lead(s, p->pair_dst[pair], next->step)
           && !s->need[next->row * p->chunks + next->chunk]) {
        start(s, next->row, next->chunk, time);
        next->row++;
        seek(p, next, end);
    }
}

static void finish(State *s, int64_t rank, int64_t step, int64_t time)
{
    const Play *p = s->of;
    int64_t i, *left, low;
    if (rank < 0) return;
    left = s->left + rank * p->steps;
    if (--left[step] || step != s->low[rank]) return;
    for (low = step; low < p->steps && !left[low]; low++) {}
    s->low[rank] = low;
    for (i = p->rank_first[rank]; i < p->rank_first[rank + 1]; i++)
        start_some(s, p->rank_pair[i], time);
}

/* A message has come into a gate: once all have, and the gate before is open, what waits can go. */
static void enter(State *s, int64_t gate, int64_t chunk, int64_t time)
{
    const Play *p = s->of;
    int64_t i;
    while (gate >= 0 && !--s->gate[gate * p->chunks + chunk]) {
        for (i = p->gate_first[gate]; i < p->gate_first[gate + 1]; i++) {
            int64_t message = p->gate_message[i];
            if (!--s->need[message * p->chunks + chunk]) start_some(s, p->pair[message], time);
        }
        gate = p->gate_next[gate];
    }
}

static void complete(State *s, int64_t message, int64_t chunk, int64_t time)
{
    const Play *p = s->of;
    int64_t i, step = program_step(p, message, chunk), pair = p->pair[message];
    s->done++;
    if (time > s->ended) s->ended = time;
    for (i = p->opens_first[message]; i < p->opens_first[message + 1]; i++)
        enter(s, p->opens[i], chunk, time);
    finish(s, p->pair_src[pair], step, time);
    finish(s, p->pair_dst[pair], step, time);
}

/* A part has gone its way; the message is there with the last of its parts. */
void deliver(State *s, int64_t part, int64_t chunk, int64_t tail)
{
    const Play *p = s->of;
    int64_t message = p->of_part[part], place = message * p->chunks + chunk;
    Event event = { 0, -1, 0, COMPLETE, (int32_t)message, (int32_t)chunk, 0 };
    if (tail > s->latest[place]) s->latest[place] = tail;
    if (--s->parts[place]) return;
    event.time = event.tail = s->latest[place];
    if (p->receiving[message]) {
        event.kind = RECEIVE;
        event.order = order_of(p, message, chunk);
    }
    push(s, event);
}

static void cross(State *s, Event event)
{
    const Play *p = s->of;
    int64_t visit = p->visit_first[event.row] + event.hop, free, begin, head, ready;
    int64_t work = p->work[visit], way = p->way[visit];
    ready = event.tail - work > event.time ? event.tail - work : event.time;
    if (p->whole) ready = event.tail;
    begin = reserve(s, p->station[visit], event.time, ready, work, &free);
    head = free > event.time ? free : event.time;
    event.tail = begin + work + way;
    event.time = p->whole ? event.tail : head + way;
    event.hop++;
    if (visit + 1 < p->visit_first[event.row + 1]) push(s, event);
    else deliver(s, event.row, event.chunk, event.tail);
}

void happen(State *s, Event event)
{
    const Play *p = s->of;
    int64_t free, pair, time = event.time;
    if (event.kind == ARRIVE && p->fair) { join(s, event); return; }
    if (event.kind == ARRIVE) { cross(s, event); return; }
    if (event.kind == COMPLETE) { complete(s, event.row, event.chunk, time); return; }
    pair = p->pair[event.row];
    if (event.kind == SEND) {
        int64_t work = p->sending[event.row], at = 2 * p->pair_src[pair];
        leave(s, event.row, event.chunk, reserve(s, at, time, time, work, &free) + work);
    } else {
        int64_t work = p->receiving[event.row], at = 2 * p->pair_dst[pair] + 1;
        event.time = reserve(s, at, time, time, work, &free) + work;
        event.kind = COMPLETE;
        event.order = -1;
        push(s, event);
    }
}

/* The whole */

static void *zeros(State *s, int64_t count, size_t width)
{
    void *made = calloc((size_t)count + 1, width);
    if (!made) s->failed = NO_MEMORY;
    return made;
}

static void acquire(State *s)
{
    const Play *p = s->of;
    s->station = zeros(s, p->stations, sizeof *s->station);
    s->next = zeros(s, p->pairs, sizeof *s->next);
    s->left = zeros(s, p->ranks * p->steps, sizeof *s->left);
    s->low = zeros(s, p->ranks, sizeof *s->low);
    s->latest = zeros(s, p->messages * p->chunks, sizeof *s->latest);
    s->need = zeros(s, p->messages * p->chunks, sizeof *s->need);
    s->parts = zeros(s, p->messages * p->chunks, sizeof *s->parts);
    s->gate = zeros(s, p->gates * p->chunks, sizeof *s->gate);
    s->flows.rest = zeros(s, p->stations, sizeof *s->flows.rest);
    s->flows.waiting = zeros(s, p->stations, sizeof *s->flows.waiting);
    s->flows.first = zeros(s, p->stations, sizeof *s->flows.first);
    s->flows.turn = zeros(s, p->queues, sizeof *s->flows.turn);
}

static void release(State *s)
{
    int64_t i;
    if (s->station)
        for (i = 0; i < s->of->stations; i++) free(s->station[i].busy);
    free(s->station); free(s->next); free(s->left); free(s->low);
    free(s->latest); free(s->need); free(s->parts); free(s->gate); free(s->heap);
    free(s->flows.rest); free(s->flows.waiting); free(s->flows.first);
    free(s->flows.flow); free(s->flows.user); free(s->flows.turn);
}

static void count(State *s)
{
    const Play *p = s->of;
    int64_t i, c;
    for (i = 0; i < p->messages; i++) {
        int64_t src = p->pair_src[p->pair[i]], dst = p->pair_dst[p->pair[i]];
        for (c = 0; c < p->cuts[i]; c++) {
            int64_t place = i * p->chunks + c, step = program_step(p, i, c);
            s->need[place] = (int32_t)p->need[i];
            s->parts[place] = (int32_t)(p->part_first[i + 1] - p->part_first[i]);
            if (src >= 0) s->left[src * p->steps + step]++;
            if (dst >= 0) s->left[dst * p->steps + step]++;
        }
    }
    for (i = 0; i < p->gates; i++)
        for (c = 0; c < p->chunks; c++) s->gate[i * p->chunks + c] = (int32_t)p->gate_need[i];
}

static void begin(State *s)
{
    const Play *p = s->of;
    int64_t i;
    for (i = 0; i < p->ranks; i++)
        while (s->low[i] < p->steps && !s->left[i * p->steps + s->low[i]]) s->low[i]++;
    for (i = 0; i < p->pairs; i++) {
        Next *next = &s->next[i];
        next->row = next->open = p->pair_first[i];
        next->step = p->step[next->row];
        seek(p, next, p->pair_first[i + 1]);
    }
    for (i = 0; i < p->pairs; i++) start_some(s, i, 0);
}

/* So that a library of another day is noticed. */
int64_t commplan_play_size(void)
{
    return (int64_t)sizeof(Play);
}

int commplan_play(Play *p)
{
    State s;
    int64_t i, all = 0;
    memset(&s, 0, sizeof s);
    s.of = p;
    for (i = 0; i < p->messages; i++) all += p->cuts[i];
    acquire(&s);
    if (!s.failed) {
        count(&s);
        begin(&s);
        if (p->fair) play_shared(&s);
        else while (s.events && !s.failed) happen(&s, pop(&s));
    }
    p->end = s.ended;
    p->events = s.popped;
    p->done = s.done;
    if (!s.failed && s.done < all) s.failed = UNFINISHED;
    release(&s);
    return s.failed;
}
