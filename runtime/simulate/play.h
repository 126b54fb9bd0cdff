/* What play.c and share.c have in common: a play, and what it holds. */
#ifndef PLAY_H
#define PLAY_H
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PLAYED, NO_MEMORY, UNFINISHED };               /* what a call comes to */
enum { COMPLETE, SEND, ARRIVE, RECEIVE };             /* what happens at a time */

typedef struct {
    int64_t chunks, lead, whole, fair, ranks, pairs, messages, parts, gates, stations, steps, queues;
    const int64_t *pair_first, *pair_src, *pair_dst, *rank_first, *rank_pair;
    const int64_t *step, *cuts, *turn, *pair, *need, *sending, *receiving, *part_first;
    const int64_t *of_part, *visit_first, *station, *work, *way;
    const int64_t *gate_need, *gate_next, *gate_first, *gate_message, *opens_first, *opens;
    const int64_t *amount, *capacity, *queue;         /* by part, station, visit, where links share */
    int64_t end, events, done;                        /* what comes out */
} Play;

/* order: of what happens at one time; the completions come first, in any order. */
typedef struct { int64_t time, order, tail; int32_t kind, row, chunk, hop; } Event;

typedef struct { int64_t begin, end; } Stretch;

/* When a station works: ascending stretches of time that do not touch; those before `first` are
   over. */
typedef struct { Stretch *busy; int64_t first, count, room; } Station;

/* The next message of a pair: chunk `chunk` of `row`, in program step `step`. `open` is the first
   that may still have chunks in this step. */
typedef struct { int64_t row, chunk, step, open; } Next;

/* A part on one link of its route, or on all of them: `left` is still to come, at `rate` a tick; 0
   while one before it is in its queue. */
typedef struct { int64_t left, rate; int32_t part, chunk, hop; } Flow;

/* All at `now`, in the order in which they came. changed: the rates are not those of these flows. By
   station: what is left of its capacity, the flows that have no rate yet, and where its users begin.
   turn: of each queue, the round of set_rates in which it was last seen. */
typedef struct {
    Flow *flow;
    int64_t count, room, now, listed, changed, round;
    int64_t *rest, *waiting, *first, *user, *turn;
} Flows;

typedef struct {
    const Play *of;
    Event *heap;
    int64_t events, room, ended, popped, done;
    Station *station;
    Next *next;
    int64_t *left, *low, *latest;                     /* by rank and step, rank, message */
    int32_t *need, *parts, *gate;                     /* by message or gate, and chunk */
    Flows flows;
    int failed;
} State;

/* In play.c */
void push(State *s, Event event);
void deliver(State *s, int64_t part, int64_t chunk, int64_t tail);
void happen(State *s, Event event);
Event pop(State *s);
int64_t order_of(const Play *p, int64_t message, int64_t chunk);

/* In share.c */
void join(State *s, Event event);
void play_shared(State *s);

#endif
