/* all_reduce on mesh: 3 processes, 12 messages at any size.

   Written by commplan. Compile it with `mpicc -O3 -std=c11 FILE -o PROGRAM -lm`, run it with
   `mpiexec -n 3 PROGRAM -b 1MiB`. Every process makes its part of the plan below fit the
   size, checks its result against the definition of the collective, and process 0 prints the table
   of nccl-tests. */

#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include <limits.h>
#include <math.h>
#include <mpi.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* How a process goes through its part of a program. Whoever includes this says how messages are
   started and looked at, and how one stretch of elements joins another. */

enum { COPY, SEND, RECV, ADD };                        /* actions */
enum { DONE, PENDING, LATE, FAILED, LONG_OR_SHORT };   /* what a call comes to */

/* An instruction; offset, size and from are in bytes.
   needs: how many others it waits for, of which one, for a message, is that the one before it to or
   from the same peer is started; next: the one after it, -1 for none. Those that wait for it to be
   done are the followers from `after` to `until`. gate: all messages before that line must be
   complete before this one is started. */
typedef struct {
    int64_t action, peer, buffer, offset, size, source, from, step, piece;
    int64_t needs, after, until, next, gate;
} Line;

/* A step: how many messages of it are not complete, and how many it has; its first line; and while
   it is the oldest that is open, the line from which on none starts, and the gate of that line. */
typedef struct { int64_t open, messages, first, reach, gate; } Step;

typedef struct {
    const Line *lines;
    const int64_t *followers;
    char *memory[3];
    int *indices;                            /* of requests that are complete */
    int64_t *needs, *todo, *under_way;       /* by line; by line; by request */
    /* Messages that wait for no other, 64 lines a word; behind these words those at the beginning. */
    uint64_t *ready;
    Step *steps;                             /* that this process has a part in */
    int64_t *step_of;                        /* by line */
    int64_t count;                           /* of lines */
    int64_t spins;                           /* tests before other processes get a turn */
    double limit, slice;                     /* seconds of a wait, and of one call */
    int64_t going, open, left;               /* how far it is: requests, and messages to come */
    int64_t oldest;                          /* of the steps that have open messages */
    int64_t awaited;                         /* messages under way that some line waits for */
    int64_t seen;                            /* complete ones, where all are waited for in turn */
    int64_t fresh;                           /* some message may be started that could not before */
    int64_t words, messages, own_steps, at_once; /* how many; what is copied and added at first */
    int64_t first, last;                     /* of what is to be copied and added */
    int64_t fault, code;
    double since;
    double *began, *ended;                   /* of each line, where somebody wants to know */
} Part;

/* Start a message as request number p->open; look which requests are complete, or at one of them;
   give the bytes of the message that completed as number `which`; move a request. */
static int start_message(Part *p, const Line *l);
static int look_for_some(Part *p, int *done);
static int look_at(Part *p, int64_t which, int *done);
static int64_t bytes_of(Part *p, int which, const Line *l);
static void move_request(Part *p, int64_t to, int64_t from);
static void combine(const Part *p, char *to, const char *from, int64_t size);

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Note when a line began or ended; apart, for hardly anybody wants to know. */
__attribute__((noinline)) static void note(double *times, int64_t line) { times[line] = now(); }

static int failed(Part *p, int what, int64_t line, int code)
{
    p->fault = line;
    p->code = code;
    return what;
}

static int message(const Line *l) { return l->action == SEND || l->action == RECV; }

static uint64_t bit(int64_t line) { return (uint64_t)1 << (line & 63); }

static void make_ready(Part *p, int64_t line)
{
    p->ready[line >> 6] |= bit(line);
    p->fresh = 1;
}

/* Note that a line is done, and what may follow; it waits for as many as before in the next run. */
static void finish(Part *p, const Line *l, int64_t line)
{
    int64_t *needs = p->needs;
    needs[line] = l->needs;
    if (p->ended) note(p->ended, line);
    for (int64_t i = l->after, until = l->until; i < until; i++) {
        int64_t next = p->followers[i];
        if (--needs[next]) continue;
        if (message(p->lines + next)) make_ready(p, next);
        else p->todo[p->last++] = next;
    }
}

/* Copy and add whatever is there. */
static void settle(Part *p)
{
    while (p->first < p->last) {
        int64_t line = p->todo[p->first++];
        const Line *l = p->lines + line;
        char *to = p->memory[l->buffer] + l->offset;
        const char *from = p->memory[l->source] + l->from;
        if (p->began) note(p->began, line);
        if (l->action == COPY) memcpy(to, from, (size_t)l->size);
        else combine(p, to, from, l->size);
        finish(p, l, line);
    }
}

/* Go on to the oldest step that has open messages; those before have all of theirs in the next run. */
static void pass_by(Part *p)
{
    Step *s = p->steps + p->oldest, *end = p->steps + p->own_steps;
    for (; s < end && !s->open; s++) s->open = s->messages;
    p->oldest = s - p->steps;
    p->fresh = 1;
}

/* Count the messages of each step, and see how far the lead reaches from there. */
static void prepare_steps(Part *p)
{
    const Line *l = p->lines;
    for (int64_t i = 0; i < p->count; i++) {
        if (!i || l[i].step != l[i - 1].step) p->steps[p->own_steps++].first = i;
        p->step_of[i] = p->own_steps - 1;
        p->steps[p->step_of[i]].messages += message(l + i);
    }
    for (int64_t i = 0, reach = 0; i < p->own_steps; i++) {
        Step *s = p->steps + i;
        while (reach < p->count && l[reach].gate <= s->first) reach++;
        s->open = s->messages;
        s->reach = reach;
        s->gate = reach < p->count ? l[reach].gate : INT64_MAX;
    }
}

/* Note what every run begins with. */
static void prepare(Part *p)
{
    p->words = (p->count + 63) / 64;
    for (int64_t i = 0; i < p->count; i++) {
        const Line *l = p->lines + i;
        p->needs[i] = l->needs;
        p->messages += message(l);
        if (l->needs) continue;
        if (message(l)) p->ready[p->words + (i >> 6)] |= bit(i);
        else p->todo[p->at_once++] = i;
    }
    prepare_steps(p);
}

static void begin(Part *p)
{
    if (!p->words) prepare(p);
    for (int64_t i = 0; i < p->words; i++) p->ready[i] = p->ready[p->words + i];
    p->going = 1;
    p->oldest = p->first = p->open = p->awaited = p->seen = 0;
    p->last = p->at_once;
    p->left = p->messages;
    p->since = 0;
    if (p->last) settle(p);
    pass_by(p);
}

/* Start one message; the next one between the same two processes, in its direction, may follow. */
static int start_line(Part *p, int64_t line)
{
    const Line *l = p->lines + line;
    if (p->began) note(p->began, line);
    int code = start_message(p, l);
    if (code) return failed(p, FAILED, line, code);
    p->under_way[p->open++] = line;
    p->awaited += l->until > l->after;
    if (l->next >= 0 && !--p->needs[l->next]) make_ready(p, l->next);
    return DONE;
}

/* Start messages of one word that may be, in their order. Result: DONE, or what went wrong. */
static int start_word(Part *p, int64_t word, uint64_t within)
{
    for (uint64_t found; (found = p->ready[word] & within);) {
        p->ready[word] ^= found & -found;
        int code = start_line(p, word * 64 + __builtin_ctzll(found));
        if (code) return code;
    }
    return DONE;
}

/* Start all messages that may be, in their order. Result: DONE, or what went wrong. */
static int start_ready(Part *p)
{
    if (!p->fresh) return DONE;
    const Step *s = p->steps + p->oldest;
    int64_t word = s->first >> 6, last = (s->reach - 1) >> 6;
    int code = DONE;
    for (; word < last && !code; word++) code = start_word(p, word, ~(uint64_t)0);
    if (!code) code = start_word(p, last, ~(uint64_t)0 >> (-s->reach & 63));
    p->fresh = 0;
    return code;
}

/* Note that a message is complete. */
static void close_line(Part *p, int64_t line)
{
    const Line *l = p->lines + line;
    p->steps[p->step_of[line]].open--;
    if (l->until > l->after) {
        p->awaited--;
        finish(p, l, line);
    } else {
        p->needs[line] = l->needs;
        if (p->ended) note(p->ended, line);
    }
}

static int long_or_short(Part *p, int which, int64_t line)
{
    const Line *l = p->lines + line;
    int64_t got = l->action == RECV ? bytes_of(p, which, l) : l->size;
    return got == l->size ? DONE : failed(p, LONG_OR_SHORT, line, (int)got);
}

/* Close one message of all that are open; those behind it move up. */
static void close_one(Part *p, int64_t place)
{
    int64_t line = p->under_way[place];
    for (p->open--; place < p->open; place++) {
        p->under_way[place] = p->under_way[place + 1];
        move_request(p, place, place + 1);
    }
    close_line(p, line);
}

/* Close some of all that are open; those that are left move together. */
static void close_some(Part *p, int done)
{
    int64_t kept = 0;
    for (int i = 0; i < done; i++) p->under_way[p->indices[i]] ^= -1;
    for (int64_t i = 0; i < p->open; i++) {
        int64_t line = p->under_way[i];
        if (line < 0) {
            close_line(p, ~line);
            continue;
        }
        if (kept != i) move_request(p, kept, i);
        p->under_way[kept++] = line;
    }
    p->open = kept;
}

static void close_all(Part *p)
{
    int64_t open = p->open;
    p->open = 0;
    for (int64_t i = 0; i < open; i++) close_line(p, p->under_way[i]);
}

/* What to look for: some messages, all of them, or the one with this number. */
enum { SOME = -2, ALL = -1 };

/* Take up what has come of what was looked for. */
static int take_up(Part *p, int done, int64_t want)
{
    for (int i = 0; i < done; i++) {
        int place = want == SOME ? p->indices[i] : want == ALL ? i : (int)want;
        int code = long_or_short(p, want == SOME ? i : place, p->under_way[place]);
        if (code) return code;
    }
    if (done == p->open) close_all(p);
    else if (done == 1) close_one(p, want == SOME ? p->indices[0] : want);
    else close_some(p, done);
    p->seen = 0;
    p->left -= done;
    p->since = 0;
    if (p->first < p->last) settle(p);
    if (!p->steps[p->oldest].open) pass_by(p);
    return DONE;
}

/* Tell which messages have to be complete before anything can go on: all; or the only one that
   some line waits for, where the lead reaches no farther without it; else it may be any. */
static int64_t wanted(const Part *p)
{
    const Step *s = p->steps + p->oldest;
    if (!p->awaited) return s->gate >= s->reach ? ALL : SOME;
    if (p->awaited > 1) return SOME;
    for (int64_t i = 0; i < p->open; i++) {
        const Line *l = p->lines + p->under_way[i];
        if (l->until > l->after) return s->gate > p->under_way[i] ? i : SOME;
    }
    return SOME;
}

/* Look which messages are complete: some; one; or, if all have to be, one after the other. */
static int look(Part *p, int64_t want, int *done)
{
    if (want == SOME) return look_for_some(p, done);
    if (want != ALL) return look_at(p, want, done);
    for (; p->seen < p->open; p->seen++) {
        int complete = 0, code = look_at(p, p->seen, &complete);
        if (code || !complete) return code;
    }
    *done = (int)p->open;
    return 0;
}

/* Leave those under way that are not complete. */
static int give_up_on(Part *p, int singly)
{
    int64_t kept = 0;
    for (int64_t i = p->seen; i < p->open; i++) {
        int complete = 0;
        if (singly) look_at(p, i, &complete);
        if (!complete) p->under_way[kept++] = p->under_way[i];
    }
    p->open = kept;
    return failed(p, LATE, p->under_way[0], 0);
}

/* Wait until some message is complete. */
static int wait_for_some(Part *p, int block)
{
    int done = 0;
    int64_t want = wanted(p);
    double entered = 0;
    for (int64_t spin = 0;; spin++) {
        int code = look(p, want, &done);
        if (code) return failed(p, FAILED, p->under_way[want < 0 ? p->seen : want], code);
        if (done > 0) return take_up(p, done, want);
        if (spin < p->spins) continue;
        if (!block) return PENDING;
        double time = now();
        if (!entered) entered = time;
        if (!p->since) p->since = time;
        if (time - p->since > p->limit) return give_up_on(p, want != SOME);
        if (time - entered > p->slice) return PENDING;
        sched_yield();
    }
}

/* Do the collective once, or go on with it; block: wait for what has not come. */
static int advance(Part *p, int block)
{
    if (!p->going) begin(p);
    while (p->left) {
        int code = start_ready(p);
        if (!code) code = wait_for_some(p, block);
        if (code) return code;
    }
    p->going = 0;
    return DONE;
}

typedef long long Int;
enum { IN, OUT, SCRATCH };          /* buffers */
enum { PUT = 4, JOIN, FOLD };       /* ways to land, besides COPY and ADD */
typedef struct { int process, side; Int first, blocks, stride; } Run;
typedef struct { Int block, first, last; } Piece;
typedef struct { int step, piece, src, dst, source, target, landing, turn, held; } Transfer;
typedef struct { int process, piece; } Kept;

/* The plan, made by commplan: figures for any size. */

static const char collective[] = "all_reduce", topology[] = "mesh";
enum { ROOT = -1, REDUCES = 1, PROCESSES = 3 };
enum { BLOCKS = 1, PIECES = 3 };

/* Steps in which messages are under way at a time: all of older ones are complete. And steps from
   one chunk to the next. */
enum { LEAD = 3, MOST_LEAD = 1024, PHASES = 1 };

/* busbw / algbw */
static const double busbw_factor = 1.3333333333333333;

/* For each byte of size: the square of the best number of chunks, how many there may be, and how
   many without any rank waiting for latency; and how many there may be at any size. */
static const double chunks_square = 0.003999999999999999, chunks_linear = 1.0172526041666666e-05,
    chunks_steady = 0.0002222222222222222, chunks_most = 512;

/* Process i plays rank ranks[i] of the topology. */
static const int ranks[] = {
    0, 1, 2,
};

/* The blocks' sizes, in a common unit. */
static const Int sizes[] = {
    1,
};

/* The blocks in each process's input and output, in order: process, side, first block, number of
   blocks, stride; and an end. */
static const Run layout[] = {
    {0, IN, 0, 1, 1},
    {0, OUT, 0, 1, 1},
    {1, IN, 0, 1, 1},
    {1, OUT, 0, 1, 1},
    {2, IN, 0, 1, 1},
    {2, OUT, 0, 1, 1},
    {-1, 0, 0, 0, 0}};

/* Pieces: block, first part, last part. A block of n elements has `parts` parts; part k begins at
   element k * n / parts. */
static const Int parts = 3;
static const Piece pieces[] = {
    {0, 0, 1},
    {0, 1, 2},
    {0, 2, 3},
};

/* Pieces of its input that a process keeps, without any message: process, piece. And an end. */
static const Kept kept[] = {
    {-1, 0}};

/* Transfers, in the order of starting: step, piece, src, dst, where src has the piece, where it
   comes to at dst, and how: put there; put there, then join the own input to it; or taken beside,
   and then added or copied to its place, or folded into the message of transfer `held`, before that
   is joined or added. They are added in the order of `turn`. And an end. */
static const Transfer transfers[] = {
    {0, 0, 1, 2, IN, OUT, JOIN, 0, -1},
    {0, 1, 2, 0, IN, OUT, JOIN, 1, -1},
    {0, 2, 0, 1, IN, OUT, JOIN, 2, -1},
    {1, 0, 2, 0, OUT, OUT, JOIN, 3, -1},
    {1, 1, 0, 1, OUT, OUT, JOIN, 4, -1},
    {1, 2, 1, 2, OUT, OUT, JOIN, 5, -1},
    {2, 0, 0, 1, OUT, OUT, PUT, 6, -1},
    {2, 1, 1, 2, OUT, OUT, PUT, 7, -1},
    {2, 2, 2, 0, OUT, OUT, PUT, 8, -1},
    {3, 0, 1, 2, OUT, OUT, PUT, 9, -1},
    {3, 1, 2, 0, OUT, OUT, PUT, 10, -1},
    {3, 2, 0, 1, OUT, OUT, PUT, 11, -1},
    {-1, 0, 0, 0, 0, 0, 0, 0, 0}};

__extension__ typedef unsigned __int128 Wide;

static void fail(const char *what)
{
    fprintf(stderr, "commplan: %s\n", what);
    MPI_Abort(MPI_COMM_WORLD, 70);
    exit(70);
}

static void *keep(void *memory)
{
    if (!memory) fail("out of memory");
    return memory;
}

static void *take(size_t count, size_t width) { return keep(calloc(count ? count : 1, width)); }

/* Floats as the core and emitted programs join them: with the same bits whichever of two comes
   first, at every process. What is not a number has one form, and -0 is less than 0. */

/* Before a loop: let the loader choose one for wide registers where the processor has them. Clang
   14 compiles that too, but its -flto breaks the linker on it. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__has_attribute) && !defined(__clang__)
#if __has_attribute(target_clones)
#define ANY_WIDTH __attribute__((target_clones("avx2", "default")))
#endif
#endif
#ifndef ANY_WIDTH
#define ANY_WIDTH
#endif

#define NAN32 0x7FC00000u
#define NAN64 0x7FF8000000000000u

static inline float as_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

static inline uint32_t float_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return x == x ? bits : NAN32;
}

static inline double as_double(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, 8);
    return x;
}

static inline uint64_t double_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, 8);
    return x == x ? bits : NAN64;
}

/* The less and the greater of two in bits, x and y in numbers; equals differ in the sign of 0. */
#define LESS_OF(x, y, a, b, none) ((x) < (y) ? (a) : (y) < (x) ? (b) : (x) == (y) ? (a) | (b) : (none))
#define MORE_OF(x, y, a, b, none) ((x) > (y) ? (a) : (y) > (x) ? (b) : (x) == (y) ? (a) & (b) : (none))

/* Element types: their sums and products wrap around as unsigned integers do, and the data that
   test them are small, or powers of two, so that sums and products of floats are exact. */

enum { SUM, MIN, MAX, PROD };
static const char *const op_names[] = {"sum", "min", "max", "prod"};
enum { PERIOD = 8191 };  /* elements after which the test data repeat: a prime, so shifts show */

static uint64_t figure(int process, Int block, int i)
{
    uint64_t word = (uint64_t)i * 0x94D049BB133111EBu;
    word += (uint64_t)process * 0x9E3779B97F4A7C15u + (uint64_t)block * 0xD1B54A32D192ED03u;
    return ((word ^ (word >> 29)) * 0xBF58476D1CE4E5B9u) >> 57;
}

#define FLOAT_FACTOR(T, x) ((T)((x) % 3 == 0 ? 0.5 : (x) % 3 == 1 ? 1 : 2))
#define WHOLE_FACTOR(T, x) ((T)(1 + 2 * ((x) % 4)))
#define LOOP(expression) for (Int i = 0; i < n; i++) a[i] = (expression)
#define CONTRIBUTE(T, name, FACTOR)                                                          \
    static void contribute_##name(int op, void *to, int process, Int block)                  \
    {                                                                                        \
        for (int i = 0; i < PERIOD; i++) {                                                   \
            uint64_t x = figure(process, block, i);                                          \
            ((T *)to)[i] = op == PROD ? FACTOR(T, x) : (T)x;                                 \
        }                                                                                    \
    }
#define WHOLE(T, U, name)                                                                    \
    ANY_WIDTH static void combine_##name(int op, void *to, const void *from, Int n)          \
    {                                                                                        \
        T *restrict a = to;                                                                  \
        const T *restrict b = from;                                                          \
        if (op == SUM) LOOP((T)((U)a[i] + (U)b[i]));                                         \
        if (op == MIN) LOOP(b[i] < a[i] ? b[i] : a[i]);                                      \
        if (op == MAX) LOOP(b[i] > a[i] ? b[i] : a[i]);                                      \
        if (op == PROD) LOOP((T)((U)a[i] * (U)b[i]));                                        \
    }                                                                                        \
    CONTRIBUTE(T, name, WHOLE_FACTOR)
/* U: what holds an element's bits. */
#define REAL(T, U, name, wide, bits, none)                                                   \
    ANY_WIDTH static void combine_##name(int op, void *to, const void *from, Int n)          \
    {                                                                                        \
        U *restrict a = to;                                                                  \
        const U *restrict b = from;                                                          \
        if (op == SUM) LOOP(bits(wide(a[i]) + wide(b[i])));                                  \
        if (op == MIN) LOOP(LESS_OF(wide(a[i]), wide(b[i]), a[i], b[i], none));              \
        if (op == MAX) LOOP(MORE_OF(wide(a[i]), wide(b[i]), a[i], b[i], none));              \
        if (op == PROD) LOOP(bits(wide(a[i]) * wide(b[i])));                                 \
    }                                                                                        \
    CONTRIBUTE(T, name, FLOAT_FACTOR)
WHOLE(int8_t, uint8_t, int8)
WHOLE(uint8_t, uint8_t, uint8)
WHOLE(int32_t, uint32_t, int32)
WHOLE(uint32_t, uint32_t, uint32)
WHOLE(int64_t, uint64_t, int64)
WHOLE(uint64_t, uint64_t, uint64)
REAL(float, uint32_t, float32, as_float, float_bits, NAN32)
REAL(double, uint64_t, float64, as_double, double_bits, NAN64)

static const struct Type {
    const char *name, *nccl;
    size_t width;
    void (*combine)(int, void *, const void *, Int);
    void (*contribute)(int, void *, int, Int);
} types[] = {
    {"int8", "int8", 1, combine_int8, contribute_int8},
    {"uint8", "uint8", 1, combine_uint8, contribute_uint8},
    {"int32", "int32", 4, combine_int32, contribute_int32},
    {"uint32", "uint32", 4, combine_uint32, contribute_uint32},
    {"int64", "int64", 8, combine_int64, contribute_int64},
    {"uint64", "uint64", 8, combine_uint64, contribute_uint64},
    {"float32", "float", 4, combine_float32, contribute_float32},
    {"float64", "double", 8, combine_float64, contribute_float64},
};
enum { TYPES = sizeof types / sizeof types[0] };

/* How the processes are called and told apart. */

enum { MOST_SIZES = 256 };
static struct {
    Int sizes[MOST_SIZES], end, factor, iterations, warm_up, check, chunks, join, lead;
    int count, op, in_place, crowded, played[PROCESSES];
    double watchdog;
    const struct Type *type;
    const char *map, *trace;
    int help;
} args = {{1 << 20}, 0, 2, 20, 5, 1, 0, 1 << 14, 0, 1, SUM, 0, 0, {0}, 0, &types[6], "", 0, 0};

static const char usage[] =
    "usage: -b SIZE ... [-e END] [-f FACTOR] [-n ITERATIONS] [-w WARM-UP] [-c 0|1] [--type TYPE]\n"
    "       [--op sum|min|max|prod] [--chunks N] [--in-place] [--map 2,0,1] [--watchdog SECONDS]\n"
    "       [--join BYTES] (up to which messages are joined) [--lead STEPS] (the plan's)\n"
    "       [--crowded] (there are more processes than cores) [-h]\n"
    "       [--trace FILE] (rows: when each message of one run more began and ended)\n";

static const Int MOST_BYTES = 1LL << 50;

/* Read a size: 4096, 64K, 64KiB or 1MB; 0 if it is none. */
static Int size_of(const char *text)
{
    static const struct { const char *unit; Int factor; } units[] = {
        {"", 1}, {"B", 1}, {"K", 1 << 10}, {"KiB", 1 << 10}, {"M", 1 << 20}, {"MiB", 1 << 20},
        {"G", 1 << 30}, {"GiB", 1 << 30}, {"T", 1LL << 40}, {"TiB", 1LL << 40}, {"k", 1 << 10},
        {"m", 1 << 20}, {"g", 1 << 30}, {"t", 1LL << 40}, {"KB", 1000}, {"MB", 1000000},
        {"GB", 1000000000}, {"TB", 1000000000000}};
    size_t digits = strspn(text, "0123456789");
    if (!digits || digits > 16) return 0;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (!strcmp(text + digits, units[i].unit) && atoll(text) <= MOST_BYTES / units[i].factor)
            return atoll(text) * units[i].factor;
    return 0;
}

static int index_of(const char *word, int known, const char *(*name)(int))
{
    for (int i = 0; i < known; i++)
        if (!strcmp(word, name(i))) return i;
    return -1;
}

static const char *op_name(int i) { return op_names[i]; }
static const char *type_name(int i) { return types[i].name; }

/* Read one option with a value; 0 if it is unknown or the value is wrong. */
static int option(const char *name, const char *value)
{
    enum { most = 999999999 };
    static const struct { const char *brief, *full; Int *to, least, most; } numbers[] = {
        {"-n", "--iterations", &args.iterations, 1, most},
        {"-w", "--warm-up", &args.warm_up, 0, most}, {"-c", "--check", &args.check, 0, 1},
        {"-f", "--factor", &args.factor, 2, most}, {"--chunks", "--chunks", &args.chunks, 0, 65536},
        {"--join", "--join", &args.join, 0, most}, {"--lead", "--lead", &args.lead, 0, MOST_LEAD}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (!strcmp(name, numbers[i].brief) || !strcmp(name, numbers[i].full)) {
            *numbers[i].to = atoll(value);
            return *value && strspn(value, "0123456789") == strlen(value) &&
                   strlen(value) < 10 && *numbers[i].to >= numbers[i].least &&
                   *numbers[i].to <= numbers[i].most;
        }
    int type = index_of(value, TYPES, type_name), op = index_of(value, 4, op_name);
    if (!strcmp(name, "--type") && type >= 0) return args.type = &types[type], 1;
    if (!strcmp(name, "--op") && op >= 0) return args.op = op, 1;
    if (!strcmp(name, "--map")) return args.map = value, 1;
    if (!strcmp(name, "--trace")) return args.trace = value, *value != 0;
    if (!strcmp(name, "--watchdog")) {
        char *end;
        args.watchdog = strtod(value, &end);
        return *value && !*end && args.watchdog >= 0 && args.watchdog < 1e9;
    }
    if (!strcmp(name, "-e") || !strcmp(name, "--end")) return (args.end = size_of(value)) > 0;
    return 0;
}

/* Read the command line; give the word that is wrong, or a null pointer. */
static const char *options(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
            args.help = 1;
        } else if (!strcmp(argv[i], "--in-place")) {
            args.in_place = 1;
        } else if (!strcmp(argv[i], "--crowded")) {
            args.crowded = 1;
        } else if (!strcmp(argv[i], "-b") || !strcmp(argv[i], "--size")) {
            const char *word = argv[i];
            for (args.count = 0; i + 1 < argc && argv[i + 1][0] != '-'; args.count++)
                if (args.count == MOST_SIZES || !(args.sizes[args.count] = size_of(argv[++i])))
                    return argv[i];
            if (!args.count) return word;
        } else if (i + 1 == argc || !option(argv[i], argv[i + 1])) {
            return argv[i];
        } else {
            i++;
        }
    }
    for (Int *last = &args.sizes[args.count - 1];
         args.count < MOST_SIZES && *last <= args.end / args.factor; last++, args.count++)
        last[1] = *last * args.factor;
    return 0;
}

/* Read which rank each process plays, as 2,0,1; 0 if it is no order of the ranks. */
static int read_map(void)
{
    const char *rest = args.map;
    int seen[PROCESSES] = {0};
    for (int i = 0; i < PROCESSES; i++) {
        char *end = 0;
        if (*args.map && (*rest < '0' || *rest > '9')) return 0;
        long rank = *args.map ? strtol(rest, &end, 10) : ranks[i];
        args.played[i] = 0;
        while (args.played[i] < PROCESSES && ranks[args.played[i]] != rank) args.played[i]++;
        if (args.played[i] == PROCESSES || seen[args.played[i]]++) return 0;
        if (*args.map && (end == rest || *end != (i + 1 < PROCESSES ? ',' : 0))) return 0;
        if (*args.map) rest = end + 1;
    }
    return 1;
}

/* The plan made to fit one size: what this process copies, sends, receives and adds. */

enum { COPIES, PACKS, RECEIVES, SENDS, LANDINGS };  /* the order within a step */
enum { MESSAGE_LIMIT = 1 << 30 };                   /* bytes; longer messages are cut */

typedef struct { int buffer; Int offset, size; } Span;
/* An end of what is sent: a chunk of a transfer. `leader` is the order of the first of those that
   travel with it, `whole` their size; what goes beside lies at `place`. */
typedef struct {
    const Transfer *transfer;
    int sends, landing, leads, beside;
    Int step, chunk, order, leader, whole, place;
    Span span, own;
} End;
typedef struct { Line line; Int phase, order, made; } Entry;

static struct {
    int me, in_place, moved;
    Int chunks, lead, block[BLOCKS], start[2][BLOCKS], total[3], begin[2], slot[PIECES];
    Int ends, entries;
    End *end, **row;  /* ends in the order of the transfers; and in the order looked at */
    Entry *entry;
} plan;

static Int share(Int whole, Int part, Int of) { return (Int)((Wide)whole * (Wide)part / (Wide)of); }

/* Give where a piece begins in its block; its length goes to *length. */
static Int cut(Int piece, Int *length)
{
    Int size = plan.block[pieces[piece].block];
    Int begin = share(size, pieces[piece].first, parts);
    *length = share(size, pieces[piece].last, parts) - begin;
    return begin;
}

static Span place(int buffer, Int piece)
{
    Int length, begin = cut(piece, &length);
    if (buffer == SCRATCH) return (Span){SCRATCH, plan.slot[piece], length};
    Int offset = plan.start[buffer][pieces[piece].block] + begin;
    return (Span){buffer == IN && plan.moved ? SCRATCH : buffer, offset, length};
}

static Span part_of(Span span, Int skip, Int size)
{
    return (Span){span.buffer, span.offset + skip, size};
}

/* Give the elements of the largest buffer, and the size of each block, for `count` elements. */
static Int fit(Int count)
{
    Int sums[PROCESSES][2] = {{0}}, total = 0, used = 0;
    for (const Run *run = layout; run->process >= 0; run++)
        for (Int k = 0; k < run->blocks; k++)
            sums[run->process][run->side] += sizes[run->first + k * run->stride];
    for (int p = 0; p < PROCESSES; p++)
        for (int side = IN; side <= OUT; side++)
            if (sums[p][side] > total) total = sums[p][side];
    for (Int b = 0; b < BLOCKS; b++) {
        plan.block[b] = share(count, sizes[b], total);
        if (!plan.block[b] && sizes[b]) plan.block[b] = 1;
    }
    memset(sums, 0, sizeof sums);
    for (const Run *run = layout; run->process >= 0; run++)
        for (Int k = 0; k < run->blocks; k++) {
            Int *sum = &sums[run->process][run->side];
            *sum += plan.block[run->first + k * run->stride];
            if (*sum > used) used = *sum;
        }
    return used;
}

/* Lay out this process's input and output; in place, in one memory, the smaller in the larger. */
static void lay_out(void)
{
    Int *order[2] = {take(BLOCKS, sizeof(Int)), take(BLOCKS, sizeof(Int))}, n[2] = {0, 0};
    memset(plan.start, -1, sizeof plan.start);
    memset(plan.total, 0, sizeof plan.total);
    memset(plan.begin, 0, sizeof plan.begin);
    for (const Run *run = layout; run->process >= 0; run++)
        for (Int k = 0; run->process == plan.me && k < run->blocks; k++) {
            Int block = order[run->side][n[run->side]++] = run->first + k * run->stride;
            plan.start[run->side][block] = plan.total[run->side];
            plan.total[run->side] += plan.block[block];
        }
    int large = n[IN] <= n[OUT] ? OUT : IN, small = large == IN ? OUT : IN;
    Int skip = 0;
    while (skip + n[small] < n[large] && n[small] && order[large][skip] != order[small][0]) skip++;
    int fits = !memcmp(order[large] + skip, order[small], (size_t)n[small] * sizeof(Int));
    plan.moved = args.in_place && !fits;
    plan.in_place = args.in_place && fits;
    if (plan.in_place && n[small]) plan.begin[small] = plan.start[large][order[small][0]];
    if (plan.moved) plan.total[SCRATCH] = plan.total[IN];
    free(order[IN]);
    free(order[OUT]);
}

/* Give a slot of scratch to each piece that lands there. */
static void give_slots(void)
{
    memset(plan.slot, -1, sizeof plan.slot);
    for (const Transfer *t = transfers; t->step >= 0; t++)
        if (t->dst == plan.me && t->target == SCRATCH) plan.slot[t->piece] = 0;
    for (Int p = 0, length; p < PIECES; p++) {
        if (plan.slot[p] < 0) continue;
        cut(p, &length);
        plan.slot[p] = plan.total[SCRATCH];
        plan.total[SCRATCH] += length;
    }
}

/* Enter this process's end of a transfer: chunk c of step s goes in step s + PHASES * c. */
static void enter(const Transfer *t)
{
    int sends = t->src == plan.me, home = sends ? t->source : t->target, landing = t->landing;
    Span span = place(home, t->piece);
    /* In place, the own input lies where the sum shall be. */
    if (landing == JOIN && plan.in_place && t->target == OUT) landing = ADD;
    for (Int chunk = 0; chunk < plan.chunks; chunk++) {
        Int skip = share(span.size, chunk, plan.chunks);
        Int size = share(span.size, chunk + 1, plan.chunks) - skip;
        if (!size) continue;
        End *e = plan.row[plan.ends] = &plan.end[plan.ends];
        plan.ends++;
        *e = (End){t, sends, landing, 0, 0, t->step + PHASES * chunk, chunk,
                   (t - transfers) * plan.chunks + chunk, 0, 0, 0, part_of(span, skip, size), {0}};
        if (!sends && landing == JOIN) e->own = part_of(place(IN, t->piece), skip, size);
    }
}

static int compared(Int a, Int b) { return (a > b) - (a < b); }
static int peer(const End *e) { return e->sends ? e->transfer->dst : e->transfer->src; }
static int joins(const End *e) { return e->span.size <= args.join / (Int)args.type->width; }

/* Tell two ends apart, or give 0 for two that travel in one message. */
static int apart(const End *e, const End *f)
{
    int differ[] = {compared(e->step, f->step), f->sends - e->sends, peer(e) - peer(f),
                    joins(e) - joins(f), compared(e->chunk, f->chunk),
                    joins(e) ? 0 : compared(e->order, f->order)};
    for (size_t i = 0; i < sizeof differ / sizeof differ[0]; i++)
        if (differ[i]) return differ[i];
    return 0;
}

static int by_message(const void *a, const void *b)
{
    const End *e = *(End *const *)a, *f = *(End *const *)b;
    int differ = apart(e, f);
    return differ ? differ : compared(e->order, f->order);
}

/* Join small ones of one pair, step and chunk. What is not in one stretch goes beside, and so does
   what is added or copied to its place. */
static void join_messages(void)
{
    qsort(plan.row, (size_t)plan.ends, sizeof(End *), by_message);
    for (Int i = 0, j; i < plan.ends;) {
        End *first = plan.row[i];
        int beside = 0;
        Int whole = 0;
        for (j = i; j < plan.ends && !apart(first, plan.row[j]); j++) {
            const End *e = plan.row[j];
            beside |= !e->sends && e->landing != PUT && e->landing != JOIN;
            beside |= e->span.buffer != first->span.buffer ||
                      e->span.offset != first->span.offset + whole;
            whole += e->span.size;
        }
        for (; i < j; i++) {
            End *e = plan.row[i];
            e->leads = e == first;
            e->leader = first->order;
            e->whole = whole;
            e->beside = beside;
        }
    }
}

static int by_leader(const void *a, const void *b)
{
    const End *e = *(End *const *)a, *f = *(End *const *)b;
    int step = compared(e->step, f->step), leader = compared(e->leader, f->leader);
    if (step || e->sends != f->sends) return step ? step : f->sends - e->sends;
    return leader ? leader : compared(e->order, f->order);
}

/* Lay what goes beside behind the slots, in `lead` stretches that the steps take turns at. */
static void lay_beside(void)
{
    Int room[MOST_LEAD] = {0}, end = 0;
    qsort(plan.row, (size_t)plan.ends, sizeof(End *), by_leader);
    for (Int i = 0; i < plan.ends; i++) {
        End *e = plan.row[i];
        Int *taken = &room[e->step % plan.lead];
        if (i && e->step != plan.row[i - 1]->step) end = 0;
        e->place = end;
        if (e->beside) end += e->span.size;
        if (end > *taken) *taken = end;
    }
    for (Int turn = 0; turn < plan.lead; turn++) {
        for (Int i = 0; i < plan.ends; i++)
            if (plan.end[i].step % plan.lead == turn) plan.end[i].place += plan.total[SCRATCH];
        plan.total[SCRATCH] += room[turn];
    }
}

/* Make a line; a long message becomes several. */
static void make(Int phase, Int order, Int step, int action, int with, Int piece, Span to, Span from)
{
    Int width = (Int)args.type->width, size = to.size * width;
    Int most = phase == RECEIVES || phase == SENDS ? MESSAGE_LIMIT : size;
    for (Int skip = 0; skip < size; skip += most) {
        if (!(plan.entries & (plan.entries + 1)))
            plan.entry = keep(realloc(plan.entry, (size_t)(2 * plan.entries + 1) * sizeof(Entry)));
        plan.entry[plan.entries] = (Entry){
            {action, with, to.buffer, to.offset * width + skip, size - skip < most ? size - skip : most,
             from.buffer, from.offset * width, step, piece, 0, 0, 0, -1, 0},
            phase, order, plan.entries};
        plan.entries++;
    }
}

/* Make what comes first: input in the way goes aside, and what is kept of it into place. */
static void make_copies(void)
{
    Int row = 0;
    Span aside = {SCRATCH, 0, plan.total[IN]}, ins = {IN, 0, plan.total[IN]};
    if (plan.moved) make(COPIES, -1, 0, COPY, -1, -1, aside, ins);
    for (const Kept *k = kept; k->process >= 0; k++)
        if (k->process == plan.me && !plan.in_place)
            make(COPIES, row++, 0, COPY, -1, k->piece, place(OUT, k->piece), place(IN, k->piece));
}

/* Give the end of the same chunk of another transfer. */
static const End *end_of(Int transfer, Int chunk)
{
    Int low = 0, high = plan.ends, wanted = transfer * plan.chunks + chunk;
    while (low < high) {
        Int middle = (low + high) / 2;
        if (plan.end[middle].order < wanted) low = middle + 1;
        else high = middle;
    }
    return &plan.end[low];
}

static Span taken(const End *e)
{
    return e->beside ? (Span){SCRATCH, e->place, e->span.size} : e->span;
}

/* Make the lines of one end: its message, if it leads one, and what goes before or after that. */
static void make_lines(const End *e)
{
    static const Span nothing = {-1, 0, 0};
    const Transfer *t = e->transfer;
    Int piece = t->piece, turn = 4 * (Int)t->turn;
    Span beside = taken(e), whole = {beside.buffer, beside.offset, e->whole};
    if (e->leads)
        make(e->sends ? SENDS : RECEIVES, e->order, e->step, e->sends ? SEND : RECV, peer(e), piece,
             whole, nothing);
    if (e->beside && e->sends) make(PACKS, e->order, e->step, COPY, -1, piece, beside, e->span);
    if (e->sends) return;
    if (e->landing == FOLD)
        make(LANDINGS, turn, e->step, ADD, -1, piece, taken(end_of(t->held, e->chunk)), beside);
    else if (e->beside)
        make(LANDINGS, turn + 1, e->step, e->landing == ADD ? ADD : COPY, -1, piece, e->span, beside);
    if (e->landing == JOIN) make(LANDINGS, turn + 2, e->step, ADD, -1, piece, e->span, e->own);
}

static int by_place(const void *a, const void *b)
{
    const Entry *e = a, *f = b;
    Int differ[] = {e->line.step - f->line.step, e->phase - f->phase, e->order - f->order};
    for (size_t i = 0; i < sizeof differ / sizeof differ[0]; i++)
        if (differ[i]) return compared(differ[i], 0);
    return compared(e->made, f->made);
}

/* List the lines of this process, in their order. */
static void make_plan(void)
{
    Int rows = 0;
    lay_out();
    give_slots();
    for (const Transfer *t = transfers; t->step >= 0; t++)
        rows += t->src == plan.me || t->dst == plan.me;
    plan.end = take((size_t)(rows * plan.chunks), sizeof(End));
    plan.row = take((size_t)(rows * plan.chunks), sizeof(End *));
    plan.entry = 0;
    plan.ends = plan.entries = 0;
    for (const Transfer *t = transfers; t->step >= 0; t++)
        if (t->src == plan.me || t->dst == plan.me) enter(t);
    join_messages();
    lay_beside();
    make_copies();
    for (Int i = 0; i < plan.ends; i++) make_lines(&plan.end[i]);
    qsort(plan.entry, (size_t)plan.entries, sizeof(Entry), by_place);
    free(plan.end);
    free(plan.row);
}

/* Choose the number of chunks. */
static Int chunks_for(Int size)
{
    double best = sqrt(chunks_square * (double)size) + 0.5;
    if (best < chunks_steady * (double)size) best = chunks_steady * (double)size;
    if (best > chunks_linear * (double)size) best = chunks_linear * (double)size;
    if (best > chunks_most) best = chunks_most;
    return best > 1 ? (Int)best : 1;
}

/* What waits for what: all that touches the same elements, in its order, unless it only reads. */

typedef struct { Int cell, line, reads; } Touch;
typedef struct { Int before, after; } Pair;

/* Memory is cut into cells wherever a stretch that a line touches begins or ends. */
static struct {
    Int base[3], cells, touches, pairs;
    Int *begin;
    Touch *touch;
    Pair *pair;
} edges;

/* Give the bytes of what a line writes or sends (which = 0), or reads besides (1). */
static Int stretch(const Line *l, int which, Int *start)
{
    if (which && message(l)) return 0;
    *start = edges.base[which ? l->source : l->buffer] + (which ? l->from : l->offset);
    return l->size;
}

static int by_number(const void *a, const void *b) { return compared(*(const Int *)a, *(const Int *)b); }

static void cut_memory(const Line *lines, Int count)
{
    Int n = 0, start = 0, made = 0;
    edges.begin = take((size_t)count * 4, sizeof(Int));
    for (Int i = 0; i < 2 * count; i++) {
        Int size = stretch(lines + i / 2, i % 2, &start);
        if (size) edges.begin[n++] = start, edges.begin[n++] = start + size;
    }
    qsort(edges.begin, (size_t)n, sizeof(Int), by_number);
    for (Int i = 0; i < n; i++)
        if (!i || edges.begin[i] != edges.begin[i - 1]) edges.begin[made++] = edges.begin[i];
    edges.cells = made;
}

static Int cell_of(Int address)
{
    Int low = 0, high = edges.cells;
    while (low < high) {
        Int middle = (low + high) / 2;
        if (edges.begin[middle] < address) low = middle + 1;
        else high = middle;
    }
    return low;
}

static int by_cell(const void *a, const void *b)
{
    const Touch *t = a, *u = b;
    int cell = compared(t->cell, u->cell), line = compared(t->line, u->line);
    return cell ? cell : line ? line : compared(t->reads, u->reads);
}

static void list_touches(const Line *lines, Int count)
{
    Int room = 0, start = 0;
    edges.touch = 0;
    edges.touches = 0;
    for (Int i = 0; i < 2 * count; i++) {
        Int size = stretch(lines + i / 2, i % 2, &start), cell = cell_of(start);
        for (; size && edges.begin[cell] < start + size; cell++) {
            if (edges.touches == room)
                edges.touch = keep(realloc(edges.touch, (size_t)(room = 2 * room + 64) * sizeof(Touch)));
            edges.touch[edges.touches++] =
                (Touch){cell, i / 2, i % 2 || lines[i / 2].action == SEND};
        }
    }
    qsort(edges.touch, (size_t)edges.touches, sizeof(Touch), by_cell);
}

static void pair(Int before, Int after)
{
    Pair found = {edges.touch[before].line, edges.touch[after].line};
    if (found.before != found.after) edges.pair[edges.pairs++] = found;
}

/* In each cell a read waits for the last write before it, and a write for all reads since then, or
   for that where there are none. */
static void list_pairs(void)
{
    Int since = 0, written = -1;
    edges.pair = take((size_t)edges.touches * 2, sizeof(Pair));
    edges.pairs = 0;
    for (Int i = 0; i < edges.touches; i++) {
        const Touch *t = &edges.touch[i];
        if (i && t->cell != t[-1].cell) since = i, written = -1;
        if (written >= 0 && (t->reads || since == i)) pair(written, i);
        for (; !t->reads && since < i; since++) pair(since, i);
        if (!t->reads) since = i + 1, written = i;
    }
}

static int by_pair(const void *a, const void *b)
{
    const Pair *p = a, *q = b;
    int before = compared(p->before, q->before);
    return before ? before : compared(p->after, q->after);
}

/* Write into lines which of them wait for each, those from `after` to `until` of the result. */
static int64_t *depend(Line *lines, Int count)
{
    Int made = 0;
    cut_memory(lines, count);
    list_touches(lines, count);
    list_pairs();
    int64_t *followers = take((size_t)edges.pairs, sizeof(int64_t));
    qsort(edges.pair, (size_t)edges.pairs, sizeof(Pair), by_pair);
    for (Int line = 0, i = 0; line < count; line++) {
        lines[line].after = made;
        for (; i < edges.pairs && edges.pair[i].before == line; i++) {
            if (i && !by_pair(&edges.pair[i - 1], &edges.pair[i])) continue;
            followers[made++] = edges.pair[i].after;
            lines[edges.pair[i].after].needs++;
        }
        lines[line].until = made;
    }
    free(edges.begin);
    free(edges.touch);
    free(edges.pair);
    return followers;
}

/* Let messages of two processes, in each direction, follow each other; and find how far each must
   be behind: all messages of `lead` steps before it, and of older ones, are complete first. */
static void follow(Line *lines, Int count, Int lead)
{
    static Int last[2][PROCESSES];
    memset(last, -1, sizeof last);
    for (Int i = 0, gate = 0; i < count; i++) {
        while (gate < count && lines[gate].step <= lines[i].step - lead) gate++;
        lines[i].gate = gate;
        lines[i].next = -1;
        if (!message(lines + i)) continue;
        Int *before = &last[lines[i].action == SEND][lines[i].peer];
        if (*before >= 0) lines[*before].next = i, lines[i].needs++;
        *before = i;
    }
}

/* A plan with memory and requests: how it runs. */

static struct {
    Part part;
    MPI_Request *request;
    MPI_Comm comm;
    char *memory;
} machine;

static char *at(Span span)
{
    return machine.part.memory[span.buffer] + (size_t)span.offset * args.type->width;
}

/* A message that is started anew is as fast as one that is kept, or faster. */
static int start_message(Part *p, const Line *l)
{
    char *memory = p->memory[l->buffer] + l->offset;
    MPI_Request *request = machine.request + p->open;
    if (l->action == SEND)
        return MPI_Isend(memory, (int)l->size, MPI_BYTE, (int)l->peer, 0, machine.comm, request);
    return MPI_Irecv(memory, (int)l->size, MPI_BYTE, (int)l->peer, 0, machine.comm, request);
}

static int look_for_some(Part *p, int *done)
{
    return MPI_Testsome((int)p->open, machine.request, done, p->indices, MPI_STATUSES_IGNORE);
}

static int look_at(Part *p, int64_t which, int *done)
{
    (void)p;
    return MPI_Test(machine.request + which, done, MPI_STATUS_IGNORE);
}

/* All processes run this very program. */
static int64_t bytes_of(Part *p, int which, const Line *l)
{
    (void)p, (void)which;
    return l->size;
}

static void move_request(Part *p, int64_t to, int64_t from)
{
    (void)p;
    machine.request[to] = machine.request[from];
}

static void combine(const Part *p, char *to, const char *from, int64_t size)
{
    (void)p;
    args.type->combine(args.op, to, from, size / (int64_t)args.type->width);
}

enum { PAGE = 2 << 20 };

/* Take memory, what is large in large pages: with those MPI moves it up to twice as fast. */
static char *take_pages(size_t size)
{
    if (size < 2 * PAGE) return take(size, 1);
    size = (size + PAGE - 1) / PAGE * PAGE;
    char *memory = keep(aligned_alloc(PAGE, size));
#ifdef MADV_HUGEPAGE
    madvise(memory, size, MADV_HUGEPAGE);
#endif
    return memset(memory, 0, size);
}

/* Lay out memory: input and output share it where they do, and scratch lies behind them. */
static void make_memory(void)
{
    Int width = (Int)args.type->width, ends[2];
    for (int side = IN; side <= OUT; side++) {
        edges.base[side] = plan.begin[side] * width;
        ends[side] = edges.base[side] + plan.total[side] * width;
    }
    if (!args.in_place) edges.base[OUT] += ends[IN], ends[OUT] += ends[IN];
    edges.base[SCRATCH] = ends[IN] > ends[OUT] ? ends[IN] : ends[OUT];
    machine.memory = take_pages((size_t)(edges.base[SCRATCH] + plan.total[SCRATCH] * width));
    for (int buffer = IN; buffer <= SCRATCH; buffer++)
        machine.part.memory[buffer] = machine.memory + edges.base[buffer];
}

static void make_machine(MPI_Comm comm)
{
    Part *p = &machine.part;
    size_t count = (size_t)plan.entries, words = count / 64 + 1;
    machine.comm = comm;
    make_memory();
    Line *lines = take(count, sizeof(Line));
    for (size_t i = 0; i < count; i++) lines[i] = plan.entry[i].line;
    free(plan.entry);
    p->followers = depend(lines, plan.entries);
    follow(lines, plan.entries, plan.lead);
    p->lines = lines;
    p->count = plan.entries;
    p->needs = take(count, sizeof(int64_t));
    p->todo = take(count, sizeof(int64_t));
    p->under_way = take(count, sizeof(int64_t));
    p->ready = take(2 * words, sizeof(uint64_t));
    p->steps = take(count, sizeof(Step));
    p->step_of = take(count, sizeof(int64_t));
    p->indices = take(count, sizeof(int));
    machine.request = take(count, sizeof(MPI_Request));
    p->spins = args.crowded ? 8 : args.watchdog > 0 ? 64 : INT64_MAX; /* before others have a turn */
    p->slice = 1e300;
    p->limit = args.watchdog > 0 ? args.watchdog : 1e300;
}

static void free_machine(void)
{
    Part *p = &machine.part;
    void *all[] = {(void *)p->lines, (void *)p->followers, p->needs, p->todo, p->under_way,
                   p->ready, p->steps, p->step_of, p->indices, machine.request, machine.memory};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) free(all[i]);
    memset(&machine, 0, sizeof machine);
}

/* Name the messages that do not come, and end all. */
static void give_up(const Part *p)
{
    for (int64_t i = 0; i < p->open; i++) {
        const Line *l = p->lines + p->under_way[i];
        fprintf(stderr, "commplan: rank %d blocked in step %d waiting %s rank %d (piece %d)\n",
                ranks[plan.me], (int)l->step, l->action == SEND ? "to send to" : "for",
                ranks[l->peer], (int)l->piece);
    }
    sleep(1); /* for the others to say what they wait for */
    MPI_Abort(MPI_COMM_WORLD, 124);
}

/* Do the collective once. */
static void run(void)
{
    if (advance(&machine.part, 1) != DONE) give_up(&machine.part);
}

/* Whether the result is right. */

/* Give how many elements of a block there are from one on, PERIOD at most. */
static size_t period_from(Int block, Int i)
{
    return (size_t)(plan.block[block] - i < PERIOD ? plan.block[block] - i : PERIOD);
}

/* Spoil all memory, then put this process's contributions into its input. */
static void fill(void)
{
    size_t width = args.type->width;
    char *own = take(PERIOD, width);
    for (int buffer = IN; buffer <= SCRATCH; buffer++)
        memset(machine.part.memory[buffer], 119, (size_t)plan.total[buffer] * width);
    for (Int b = 0; b < BLOCKS; b++) {
        if (plan.start[IN][b] < 0) continue;
        args.type->contribute(args.op, own, plan.me, b);
        for (Int i = 0; i < plan.block[b]; i += PERIOD)
            memcpy(at((Span){IN, plan.start[IN][b] + i, 1}), own, width * period_from(b, i));
    }
    free(own);
}

/* Add up the first PERIOD elements of what all processes put into a block. */
static void define(Int block, char *right, char *other)
{
    int holders = 0;
    for (const Run *run = layout; run->process >= 0; run++) {
        Int k = (block - run->first) / run->stride;
        if (run->side != IN || k < 0 || k >= run->blocks || run->first + k * run->stride != block)
            continue;
        args.type->contribute(args.op, holders++ ? other : right, run->process, block);
        if (holders > 1) args.type->combine(args.op, right, other, PERIOD);
    }
}

/* Count the elements of two stretches that are not the same. */
static Int unlike(const char *a, const char *b, size_t count, size_t width)
{
    Int found = 0;
    if (!memcmp(a, b, count * width)) return 0;
    for (size_t i = 0; i < count; i++) found += !!memcmp(a + i * width, b + i * width, width);
    return found;
}

/* Count this process's output elements that are not what the definition asks for. */
static Int wrong_elements(void)
{
    size_t width = args.type->width;
    char *right = take(PERIOD, width), *other = take(PERIOD, width);
    Int wrong = 0;
    for (Int b = 0; b < BLOCKS; b++) {
        if (plan.start[OUT][b] < 0) continue;
        define(b, right, other);
        for (Int i = 0; i < plan.block[b]; i += PERIOD)
            wrong += unlike(at((Span){OUT, plan.start[OUT][b] + i, 1}), right, period_from(b, i), width);
    }
    free(right);
    free(other);
    return wrong;
}

/* What is printed: the table of nccl-tests, and a line of JSON for each size. */

typedef struct { Int size, count, chunks, wrong; double seconds, algbw, busbw; } Row;

/* Give a figure with as many decimals as the width allows, at most two. */
static const char *brief(double figure, int width, char text[32])
{
    for (int decimals = 2; decimals >= 0; decimals--)
        if (snprintf(text, 32, "%*.*f", width, decimals, figure) <= width) return text;
    snprintf(text, 32, "%.1e", figure);
    return text;
}

typedef struct { Int pid; char host[MPI_MAX_PROCESSOR_NAME]; } Process;

static void print_head(const Process *processes)
{
    const char *line = "# %10s  %12s  %8s  %6s  %6s";
    const char *rest = "  %7s  %6s  %6s  %6s  %7s  %6s  %6s  %6s \n";
    printf("# nThread 1 nGpus 1 minBytes %lld maxBytes %lld step: %lld(factor) ", args.sizes[0],
           args.sizes[args.count - 1], args.factor);
    printf("warmup iters: %lld iters: %lld agg iters: 1 validation: %lld graph: 0\n", args.warm_up,
           args.iterations, args.check);
    printf("#\n# %s on %s, %d processes\n", collective, topology, PROCESSES);
    for (int p = 0; p < PROCESSES; p++)
        printf("#  Rank %2d Group  0 Pid %6lld on %10s\n", ranks[p], processes[p].pid,
               processes[p].host);
    printf("#\n");
    printf(line, "", "", "", "", "");
    printf("%23s%31s          \n", "out-of-place", "in-place");
    printf(line, "size", "count", "type", "redop", "root");
    printf(rest, "time", "algbw", "busbw", "#wrong", "time", "algbw", "busbw", "#wrong");
    printf(line, "(B)", "(elements)", "", "", "");
    printf(rest, "(us)", "(GB/s)", "(GB/s)", "", "(us)", "(GB/s)", "(GB/s)", "");
    fflush(stdout);
}

static void print_row(const Row *row)
{
    char a[32], b[32], c[32];
    const char *absent = "      N/A     N/A     N/A    N/A";
    printf("%12lld  %12lld  %8s  %6s  %6d%s", row->size, row->count, args.type->nccl,
           REDUCES ? op_names[args.op] : "none", ROOT, args.in_place ? absent : "");
    printf("  %7s  %6s  %6s", brief(row->seconds * 1e6, 7, a), brief(row->algbw / 1e9, 6, b),
           brief(row->busbw / 1e9, 6, c));
    if (args.check) printf("  %6lld", row->wrong);
    printf("%s%s\n", args.check ? "" : "    N/A", args.in_place ? "" : absent);
    fflush(stdout);
}

static void print_json(const Row *row)
{
    printf("# commplan {\"size\": %lld, \"count\": %lld, \"type\": \"%s\", \"op\": \"%s\", ", row->size,
           row->count, args.type->name, op_names[args.op]);
    printf("\"chunks\": %lld, \"in_place\": %s, \"ranks\": %d, \"iterations\": %lld, ", row->chunks,
           args.in_place ? "true" : "false", PROCESSES, args.iterations);
    printf("\"seconds\": %.9g, \"algbw\": %.9g, \"busbw\": %.9g, \"wrong\": ", row->seconds,
           row->algbw, row->busbw);
    printf(args.check ? "%lld}\n" : "null}\n", row->wrong);
}

/* A run more whose messages, copies and sums are timed one by one, as rows of a file. */

typedef struct { Int action, peer, bytes, step, piece; double began, ended; } Event;

enum { ROUND_TRIPS = 16, CLOCK = 1, EVENTS = 2 }; /* the last two: tags */

/* Measure how far the clock of process `there` is ahead of that of process 0, by the shortest of
   some round trips; what such a trip leaves open is none: processes of a computer share a clock. */
static double ahead_of(MPI_Comm comm, int there)
{
    double best = 1e300, found = 0;
    for (int i = 0; i < ROUND_TRIPS; i++) {
        double sent = now(), read;
        MPI_Send(&sent, 1, MPI_DOUBLE, there, CLOCK, comm);
        MPI_Recv(&read, 1, MPI_DOUBLE, there, CLOCK, comm, MPI_STATUS_IGNORE);
        double back = now();
        if (back - sent >= best) continue;
        best = back - sent;
        found = read - (sent + back) / 2;
    }
    return fabs(found) > best / 2 ? found : 0;
}

/* Give how far the clock of this process is ahead of that of process 0. */
static double ahead(MPI_Comm comm)
{
    double found = 0;
    for (int p = 1; !plan.me && p < PROCESSES; p++) {
        double theirs = ahead_of(comm, p);
        MPI_Send(&theirs, 1, MPI_DOUBLE, p, CLOCK, comm);
    }
    for (int i = 0; plan.me && i < ROUND_TRIPS; i++) {
        MPI_Recv(&found, 1, MPI_DOUBLE, 0, CLOCK, comm, MPI_STATUS_IGNORE);
        double read = now();
        MPI_Send(&read, 1, MPI_DOUBLE, 0, CLOCK, comm);
    }
    if (plan.me) MPI_Recv(&found, 1, MPI_DOUBLE, 0, CLOCK, comm, MPI_STATUS_IGNORE);
    return found;
}

static void write_events(FILE *file, int process, const Event *events, int count)
{
    static const char *const names[] = {"copy", "send", "receive", "add"};
    for (const Event *e = events; e < events + count; e++)
        fprintf(file, "%d,%s,%lld,%lld,%lld,%lld,%.9f,%.9f\n", process, names[e->action], e->peer,
                e->bytes, e->step, e->piece, e->began, e->ended);
}

/* Write the events of all processes, in their order. */
static void gather(MPI_Comm comm, Event *own, int count)
{
    if (plan.me) {
        MPI_Send(own, count * (int)sizeof(Event), MPI_BYTE, 0, EVENTS, comm);
        return;
    }
    FILE *file = fopen(args.trace, "w");
    if (!file) fail("the file of --trace cannot be written");
    fprintf(file, "process,action,peer,bytes,step,piece,began,ended\n");
    write_events(file, 0, own, count);
    for (int p = 1; p < PROCESSES; p++) {
        MPI_Status status;
        MPI_Probe(p, EVENTS, comm, &status);
        MPI_Get_count(&status, MPI_BYTE, &count);
        Event *theirs = take((size_t)count, 1);
        MPI_Recv(theirs, count, MPI_BYTE, p, EVENTS, comm, MPI_STATUS_IGNORE);
        write_events(file, p, theirs, count / (int)sizeof(Event));
        free(theirs);
    }
    if (fclose(file)) fail("the file of --trace cannot be written");
}

/* Run once more, and write when each line began and ended, in seconds since the first did. */
static void trace(MPI_Comm comm)
{
    Part *p = &machine.part;
    double offset = ahead(comm), first = 1e300, start;
    p->began = take((size_t)p->count, sizeof(double));
    p->ended = take((size_t)p->count, sizeof(double));
    Event *events = take((size_t)p->count, sizeof(Event));
    MPI_Barrier(comm);
    run();
    for (Int i = 0; i < p->count; i++)
        if (p->began[i] - offset < first) first = p->began[i] - offset;
    MPI_Allreduce(&first, &start, 1, MPI_DOUBLE, MPI_MIN, comm);
    for (Int i = 0; i < p->count; i++) {
        const Line *l = p->lines + i;
        Event event = {l->action, l->peer, l->size, l->step, l->piece,
                       p->began[i] - offset - start, p->ended[i] - offset - start};
        events[i] = event;
    }
    gather(comm, events, (int)p->count);
    free(events), free(p->began), free(p->ended);
    p->began = p->ended = 0;
}

/* Measuring every size that is asked for. */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Give the median over the iterations of the time that the slowest process took. */
static double timed(MPI_Comm comm)
{
    size_t n = (size_t)args.iterations;
    double *times = take(n, sizeof(double)), *slowest = take(n, sizeof(double));
    for (Int i = -args.warm_up; i < args.iterations; i++) {
        MPI_Barrier(comm);
        double start = MPI_Wtime();
        run();
        times[i > 0 ? i : 0] = MPI_Wtime() - start;
    }
    MPI_Allreduce(times, slowest, (int)n, MPI_DOUBLE, MPI_MAX, comm);
    qsort(slowest, n, sizeof(double), by_value);
    double median = (slowest[(n - 1) / 2] + slowest[n / 2]) / 2;
    free(times);
    free(slowest);
    return median > 1e-9 ? median : 1e-9;
}

/* Check and time one size; on process 0, print its row. */
static Row measure(MPI_Comm comm, Int size)
{
    Int width = (Int)args.type->width, count = fit(size / width), wrong = 0;
    Row row = {count * width, plan.block[0], 0, 0, 0, 0, 0};
    row.chunks = plan.chunks = args.chunks ? args.chunks : chunks_for(row.size);
    MPI_Comm_rank(comm, &plan.me);
    plan.lead = args.lead ? args.lead : LEAD;
    make_plan();
    make_machine(comm);
    fill();
    MPI_Barrier(comm);
    run();
    if (args.check) wrong = wrong_elements();
    MPI_Allreduce(&wrong, &row.wrong, 1, MPI_LONG_LONG, MPI_SUM, comm);
    row.seconds = timed(comm);
    row.algbw = (double)row.size / row.seconds;
    row.busbw = row.algbw * busbw_factor;
    if (args.trace) trace(comm);
    free_machine();
    if (!plan.me) print_row(&row);
    return row;
}

/* Print the head of the table, with every process's number and computer. */
static void introduce(MPI_Comm comm, int me)
{
    static Process all[PROCESSES];
    Process own = {getpid(), ""};
    int length;
    MPI_Get_processor_name(own.host, &length);
    MPI_Gather(&own, sizeof own, MPI_BYTE, all, sizeof own, MPI_BYTE, 0, comm);
    if (!me) print_head(all);
}

static Int measure_all(MPI_Comm comm)
{
    Row rows[MOST_SIZES];
    Int wrong = 0;
    double busbw = 0;
    int me;
    MPI_Comm_rank(comm, &me);
    introduce(comm, me);
    for (int i = 0; i < args.count; i++) {
        rows[i] = measure(comm, args.sizes[i]);
        wrong += rows[i].wrong;
        busbw += rows[i].busbw / args.count / 1e9;
    }
    if (me) return wrong;
    printf("# Out of bounds values : %lld %s\n", wrong, wrong ? "FAILED" : "OK");
    printf("# Avg bus bandwidth    : %g \n#\n", busbw);
    printf("# Collective test concluded: %s_perf\n", collective);
    for (int i = 0; i < args.count; i++) print_json(&rows[i]);
    fflush(stdout);
    return wrong;
}

/* Tell whether processes are in the order of the ranks that they play. */
static int in_order(void)
{
    for (int i = 1; i < PROCESSES; i++)
        if (args.played[i] < args.played[i - 1]) return 0;
    return 1;
}

int main(int argc, char **argv)
{
    const char *word = options(argc, argv);
    int world, processes, code = 2, got;
    /* With threads about, MPICH gives way to other processes while it waits. */
    MPI_Init_thread(&argc, &argv, args.crowded ? MPI_THREAD_MULTIPLE : MPI_THREAD_SINGLE, &got);
    MPI_Comm_rank(MPI_COMM_WORLD, &world);
    MPI_Comm_size(MPI_COMM_WORLD, &processes);
    if (args.help) {
        if (!world) printf("%s on %s\n%s", collective, topology, usage);
        code = 0;
    } else if (word) {
        if (!world) fprintf(stderr, "commplan: %s: unknown, or its value is wrong\n%s", word, usage);
    } else if (processes != PROCESSES) {
        if (!world) fprintf(stderr, "commplan: %d processes were started, the plan is for %d\n",
                            processes, PROCESSES);
    } else if (!read_map()) {
        if (!world) fprintf(stderr, "commplan: --map %s: expected each rank once\n", args.map);
    } else {
        /* Who makes a communicator has Open MPI look at more things whenever it waits. */
        MPI_Comm comm = MPI_COMM_WORLD;
        int ordered = in_order();
        if (!ordered) MPI_Comm_split(MPI_COMM_WORLD, 0, args.played[world], &comm);
        code = measure_all(comm) ? 1 : 0;
        if (!ordered) MPI_Comm_free(&comm);
    }
    MPI_Finalize();
    return code;
}
