/* The messages of a schedule on their machine, event by event, in whole ticks. twin.py plays the
   same in Python: for every input both give the same numbers. What is played stands in
   simulate.py, what the columns mean in traffic.py. */
#include "play.h"

int64_t program_step(const Play *p, const Message *message, int64_t chunk)
{
    int64_t cuts = message->cuts;
    return message->step + (cuts == p->chunks ? chunk : chunk * p->chunks / cuts) * p->phases;
}

int64_t order_of(const State *s, int64_t message, int64_t chunk)
{
    const Message *m = &s->message[message];
    return program_step(s->of, m, chunk) * s->of->messages + m->turn;
}

/* What a pair sends next */

/* Give the chunk that a message has in the program step so many after its own, or -1. */
static int64_t chunk_after(const Play *p, int64_t cuts, int64_t steps)
{
    int64_t chunk;
    if (steps % p->phases) return -1;
    steps /= p->phases;
    if (cuts == p->chunks) return steps < cuts ? steps : -1;
    chunk = (steps * cuts + p->chunks - 1) / p->chunks;
    return chunk < cuts && chunk * p->chunks / cuts == steps ? chunk : -1;
}

/* Find the next message of a pair, from its row and step on: step after step, in each the rows that
   have a chunk there. At the end the row is the pair's last + 1. */
static void seek(const State *s, Pair *pair)
{
    const Message *of = s->message;
    int64_t all = s->of->chunks * s->of->phases;
    for (;;) {
        for (; pair->row < pair->end && of[pair->row].step <= pair->step; pair->row++) {
            const Message *m = &of[pair->row];
            pair->chunk = (int32_t)chunk_after(s->of, m->cuts, pair->step - m->step);
            if (pair->chunk >= 0) return;
        }
        pair->step++;
        while (pair->open < pair->end && of[pair->open].step + all <= pair->step) pair->open++;
        pair->row = pair->open;
        if (pair->open == pair->end) return;
        if (of[pair->open].step > pair->step) pair->step = of[pair->open].step;
    }
}

static void leave(State *s, int64_t lane, int64_t message, int64_t chunk, int64_t time)
{
    const Message *m = &s->message[message];
    int32_t visit = m->visit;
    Event event = { time, order_of(s, message, chunk), time, (int32_t)message, visit,
                    (int32_t)chunk, -1 };
    while (visit < m->visit_end) {
        int32_t part = s->visit[visit].part;
        event.at = visit;
        if (lane < 0) push(s, event);
        else push_behind(s, lane, event);
        do visit++;
        while (s->visit[visit].part == part);
    }
}

static void start(State *s, int64_t message, int64_t chunk, int64_t time)
{
    Event event = { time, 0, time, (int32_t)message, SEND, (int32_t)chunk, -1 };
    if (!s->message[message].sending) { leave(s, -1, message, chunk, time); return; }
    event.order = order_of(s, message, chunk);
    push(s, event);
}

/* Park a pair with a rank for which its next step is too far ahead. */
static int parks(State *s, int64_t i, int64_t rank)
{
    const Play *p = s->of;
    Pair *pair = &s->pair[i];
    int32_t *parked;
    if (rank < 0 || pair->step < s->low[rank] + p->lead) return 0;
    parked = &s->parked[rank * (p->steps + 1) + pair->step];
    pair->parked = 1;
    pair->behind = *parked;
    *parked = (int32_t)i;
    return 1;
}

/* Start what a pair can start, in its order. */
static void start_some(State *s, int64_t i, int64_t time)
{
    Pair *pair = &s->pair[i];
    while (!pair->parked && pair->row < pair->end && !parks(s, i, pair->src)
           && !parks(s, i, pair->dst)) {
        int32_t need = s->message[pair->row].need;
        if (need && s->met[pair->row * s->of->chunks + pair->chunk] < need) return;
        start(s, pair->row, pair->chunk, time);
        pair->row++;
        seek(s, pair);
    }
}

/* Let all go on that are parked for a step. */
static void release_step(State *s, int32_t *parked, int64_t time)
{
    int32_t i = *parked, behind;
    for (*parked = -1; i >= 0; i = behind) {
        behind = s->pair[i].behind;
        if (behind >= 0) __builtin_prefetch(&s->message[s->pair[behind].row]);
        s->pair[i].parked = 0;
        start_some(s, i, time);
    }
}

/* What a message brings about */

static void finish(State *s, int64_t rank, int64_t step, int64_t time)
{
    const Play *p = s->of;
    int64_t at = rank * (p->steps + 1), low = step, i;
    if (rank < 0 || --s->left[at + step] || step != s->low[rank]) return;
    while (low < p->steps && !s->left[at + low]) low++;
    s->low[rank] = low;
    for (i = step + p->lead; i < low + p->lead && i < p->steps; i++)
        release_step(s, &s->parked[at + i], time);
}

/* A message has come into a gate: once all have, and the gate before is open, what waits can go. */
static void enter(State *s, int64_t gate, int64_t chunk, int64_t time)
{
    const Play *p = s->of;
    int64_t i;
    while (gate >= 0 && ++s->entered[gate * p->chunks + chunk] == p->gate_need[gate]) {
        for (i = p->gate_first[gate]; i < p->gate_first[gate + 1]; i++) {
            int64_t message = p->gate_message[i];
            const Message *m = &s->message[message];
            if (++s->met[message * p->chunks + chunk] == m->need) start_some(s, m->pair, time);
        }
        gate = p->gate_next[gate];
    }
}

static void complete(State *s, int64_t message, int64_t chunk, int64_t time)
{
    const Message *m = &s->message[message];
    int64_t i, step = program_step(s->of, m, chunk);
    s->done++;
    if (time > s->ended) s->ended = time;
    for (i = m->opens; i < m->opens_end; i++) enter(s, s->of->opens[i], chunk, time);
    finish(s, m->src, step, time);
    finish(s, m->dst, step, time);
}

/* A part has gone its way; the message is there with the last of its parts. */
void deliver(State *s, int64_t lane, int64_t message, int64_t chunk, int64_t tail)
{
    const Message *m = &s->message[message];
    Event event = { tail, -1, tail, (int32_t)message, COMPLETE, (int32_t)chunk, -1 };
    if (m->parts > 1) {
        int64_t place = message * s->of->chunks + chunk;
        if (tail > s->latest[place]) s->latest[place] = tail;
        if (++s->come[place] < m->parts) return;
        event.time = event.tail = s->latest[place];
    }
    if (m->receiving) {
        event.at = RECEIVE;
        event.order = order_of(s, message, chunk);
    }
    push_behind(s, lane, event);
}

/* The images that meet on a link come one after the other, the first at the time of the event and
   the last with its tail; so they go on. */
static void cross(State *s, Event event)
{
    const Visit *visit = &s->visit[event.at];
    int64_t whole = s->of->whole, work = visit->work, way = visit->way, free, head, ready;
    int64_t each = work / visit->images, last = event.tail - work + (whole ? each : 0);
    ready = last > event.time ? last : event.time;
    event.tail = way + (visit->images > 1 ? reserve_apart : reserve)(
        s, visit->station, event.time, ready, work, &free);
    if (whole) head = (free > ready ? free : ready) + each;
    else head = free > event.time ? free : event.time;
    if (event.tail > s->of->limit) s->late = 1;
    event.time = head + way;
    event.at++;
    event.lane = -1;
    if (visit[1].part == visit->part) push_behind(s, visit->station, event);
    else deliver(s, visit->station, event.row, event.chunk, event.tail);
}

static void send(State *s, Event event)
{
    const Message *m = &s->message[event.row];
    int64_t free, at = s->of->pair_sending[m->pair], end = reserve(s, at, event.time, event.time, m->sending, &free);
    leave(s, at, event.row, event.chunk, end);
}

static void receive(State *s, Event event)
{
    const Message *m = &s->message[event.row];
    int64_t free, at = s->of->pair_receiving[m->pair];
    event.time = reserve(s, at, event.time, event.time, m->receiving, &free);
    event.at = COMPLETE;
    event.order = event.lane = -1;
    push_behind(s, at, event);
}

void happen(State *s, Event event)
{
    if (event.at == COMPLETE) complete(s, event.row, event.chunk, event.time);
    else if (event.at == SEND) send(s, event);
    else if (event.at == RECEIVE) receive(s, event);
    else if (s->of->fair) join(s, event);
    else cross(s, event);
}

/* The whole */

static void begin(State *s)
{
    int64_t i;
    for (i = 0; i < s->of->pairs; i++) seek(s, &s->pair[i]);
    for (i = 0; i < s->of->pairs; i++) start_some(s, i, 0);
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
        begin(&s);
        if (p->fair) play_shared(&s);
        else while (s.events && !s.failed && !s.late) happen(&s, pop(&s));
    }
    p->end = s.ended;
    p->events = s.popped;
    p->done = s.done;
    if (!s.failed && s.done < all) s.failed = s.late ? TOO_LONG : UNFINISHED;
    release(&s);
    return s.failed;
}
