/* What the files of a play have in common: a play, and what it holds. */
#ifndef PLAY_H
#define PLAY_H
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PLAYED, NO_MEMORY, UNFINISHED, TOO_LONG };              /* what a call comes to */
enum { COMPLETE = -3, SEND, RECEIVE };                /* what happens at a time, if nothing arrives */

typedef struct {
    int64_t chunks, phases, lead, whole, fair, ranks, pairs, messages, parts, gates, stations;
    int64_t steps, queues, limit;
    const int64_t *pair_first, *pair_src, *pair_dst, *pair_sending, *pair_receiving;
    const int64_t *step, *cuts, *turn, *pair, *need, *sending, *receiving, *part_first;
    const int64_t *visit_first, *station, *work, *way;
    const int64_t *gate_need, *gate_next, *gate_first, *gate_message, *opens_first, *opens;
    const int64_t *images;                            /* by station */
    const int64_t *amount, *capacity, *queue;         /* by part, station, visit, where links share */
    int64_t end, events, done;                        /* what comes out */
} Play;

/* All that is asked of a message, in one line of cache; visit, opens: where its own begin. */
typedef struct {
    int64_t sending, receiving;
    int32_t step, turn, cuts, need, parts, pair, src, dst, visit, visit_end, opens, opens_end;
} Message;

/* A visit to a link; the last of a part is followed by one of another part. */
typedef struct { int64_t work, way, images; int32_t station, part; } Visit;

/* row: the message. at: the visit to which it comes, or what else happens. order: of what happens at
   one time; the completions come first, in any order. lane: the one that it came from, or -1. */
typedef struct { int64_t time, order, tail; int32_t row, at, chunk, lane; } Event;

/* Events that a station brings about, each later than the one before, as they are nearly always. The
   first of them is in the heap, which so stays small: `waiting` says whether there is one. */
typedef struct { Event last, *event; int64_t first, count, room, waiting; } Lane;

typedef struct { int64_t begin, end; } Stretch;

/* When a station works: ascending stretches of time that do not touch; those before `first` are
   over. */
typedef struct { Stretch *busy; int64_t first, count, room; } Station;

/* What one rank sends another. Next comes chunk `chunk` of `row`, in program step `step`; `open` is
   the first row that may still have chunks in this step. While that step is too far ahead for one of
   the ranks the pair is `parked` with it, before the pair `behind`. */
typedef struct { int32_t row, chunk, step, open, end, src, dst, behind, parked; } Pair;

/* A part on one link of its route, or on all of them: at the tick `since`, `left` was still to come,
   at `rate` a tick. Its visits are first to end; behind: the next in its queue, or -1. It is
   active[place] if it is the first there. */
typedef struct { int64_t left, rate, since; int32_t row, first, end, chunk, behind, place; } Flow;

/* The flows that are on a station; those that wait in a queue, of which `last` is the last. */
typedef struct { int32_t *flow, count, room; } Users;
typedef struct { int32_t last, count; } Queue;

/* All at `now`. active: the flows that do not wait, in any order, and the tick at which each ends at
   its rate. free: a place that was left, and so on by `behind`. By station: what is left of its
   capacity, how many flows there have no rate yet, and the round of set_rates for which it was last
   reached. busy: those that are reached, so many as `stations`. A station fits in so many `bits`. */
typedef struct {
    Flow *flow;
    int64_t used, room, count, now, round, stations, bits;
    int32_t *active, free;
    int64_t *ends;
    Users *users;
    Queue *queue;
    int64_t *rest, *waiting, *reached, *busy;
} Flows;

typedef struct {
    const Play *of;
    Event *heap;
    int64_t events, room, ended, popped, done;
    Message *message;
    Visit *visit;
    Station *station;
    Lane *lane;
    Pair *pair;
    int64_t *low, *latest;                            /* by rank, message and chunk */
    int32_t *left, *parked;                           /* by rank and step */
    int32_t *met, *come, *entered;                    /* by message or gate, and chunk */
    Flows flows;
    int failed, late;                                 /* late: some message is there after the limit */
} State;

/* In queues.c */
void push(State *s, Event event);
void push_behind(State *s, int64_t lane, Event event);
Event pop(State *s);
int64_t reserve(State *s, int64_t station, int64_t now, int64_t ready, int64_t work, int64_t *free);
int64_t reserve_apart(State *s, int64_t station, int64_t now, int64_t ready, int64_t work,
                      int64_t *free);

/* In messages.c */
void acquire(State *s);
void release(State *s);

/* In play.c */
void deliver(State *s, int64_t lane, int64_t message, int64_t chunk, int64_t tail);
void happen(State *s, Event event);
int64_t program_step(const Play *p, const Message *message, int64_t chunk);
int64_t order_of(const State *s, int64_t message, int64_t chunk);

/* In share.c */
void disturb(Flows *f, int64_t station);
void set_rates(const Play *p, Flows *f);

/* In flows.c */
void join(State *s, Event event);
void play_shared(State *s);

#endif
