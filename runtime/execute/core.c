/* One process's part of a program, run from Python. It is compiled without mpi.h: MPI's functions
   come as addresses, its handles as the int or the pointer that this MPI has, so that one binary
   serves them all. */
#define _POSIX_C_SOURCE 200809L
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

enum { COPY, SEND, RECV, ADD };                        /* actions */
enum { DONE, PENDING, LATE, FAILED, LONG_OR_SHORT };   /* what a call comes to */

/* An instruction, as runtime/execute/part.py has it; offset, size and from are in bytes. */
typedef struct {
    int64_t action, peer, buffer, offset, size, source, from, step, piece;
    int64_t needs, after, until, next, gate;
} Line;

/* What an instruction still waits for: others, or one of these. */
enum { STARTED = -1, ENDED = -2 };

typedef struct {
    void *isend, *irecv, *testsome, *get_count;
    int64_t comm, byte, tag;                 /* handles, and the tag of all messages */
    const Line *lines;
    const int64_t *followers;
    char *memory[3];
    void *requests;
    char *statuses;
    int *indices;
    int64_t *needs, *todo, *under_way;       /* by line; by line; by request */
    int64_t count, status_size, width, type, op, divisor, divided;
    int64_t spins;                           /* tests before other processes get a turn */
    double limit, slice;                     /* seconds of a wait, and of one call */
    int64_t going, open, left;               /* how far it is: requests, and messages to come */
    int64_t low, reach;                      /* no message before is open; none from here starts */
    int64_t fresh;                           /* some message may be started that could not before */
    int64_t first, last;                     /* of what is to be copied and added */
    int64_t fault, code;
    double since;
} Part;

/* Elements */

static float wide_brain(uint16_t x)
{
    uint32_t bits = (uint32_t)x << 16;
    float y;
    memcpy(&y, &bits, 4);
    return y;
}

static uint16_t brief_brain(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return x != x ? 0x7FC0 : (uint16_t)((bits + ((bits >> 16) & 1) + 0x7FFF) >> 16);
}

static float as_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

static float wide_half(uint16_t x)
{
    uint32_t sign = (uint32_t)(x & 0x8000) << 16, rest = (uint32_t)(x & 0x7FFF) << 13;
    float y = as_float(rest) * as_float(0x77800000); /* 2^112: the difference of the exponents */
    uint32_t bits;
    memcpy(&bits, &y, 4);
    if (rest >= 0x0F800000) bits |= 0x7F800000;      /* infinite, or not a number */
    return as_float(bits | sign);
}

/* Round to the nearest, ties to even: an addition that pushes the last bits out does it. */
static uint16_t brief_half(float x)
{
    uint32_t bits, sign;
    memcpy(&bits, &x, 4);
    sign = bits >> 16 & 0x8000;
    bits &= 0x7FFFFFFF;
    if (bits > 0x7F800000) return (uint16_t)(sign | 0x7E00);
    if (bits >= 0x477FF000) return (uint16_t)(sign | 0x7C00);
    if (bits < 0x38800000) { /* below 2^-14 */
        float y = as_float(bits) + 0.5f;
        uint32_t last;
        memcpy(&last, &y, 4);
        return (uint16_t)(sign | (last - 0x3F000000));
    }
    return (uint16_t)(sign | ((bits + 0xC8000FFF + (bits >> 13 & 1)) >> 13));
}

typedef void Join(void *to, const void *from, int64_t n);

#define EACH(name, T, expression)                                                             \
    static void name(void *to, const void *from, int64_t n)                                   \
    {                                                                                         \
        T *restrict a = to;                                                                   \
        const T *restrict b = from;                                                           \
        for (int64_t i = 0; i < n; i++) a[i] = (T)(expression);                               \
    }

#define INTEGER(name, T, U)                                                                   \
    EACH(sum_##name, T, (U)a[i] + (U)b[i])                                                    \
    EACH(min_##name, T, b[i] < a[i] ? b[i] : a[i])                                            \
    EACH(max_##name, T, b[i] > a[i] ? b[i] : a[i])                                            \
    EACH(prod_##name, T, (U)a[i] * (U)b[i])                                                   \
    EACH(band_##name, T, a[i] & b[i])                                                         \
    EACH(bor_##name, T, a[i] | b[i])                                                          \
    EACH(bxor_##name, T, a[i] ^ b[i])

/* What is not a number stays so, in min and max as well. */
#define REAL(name, T, W, wide, brief)                                                         \
    EACH(sum_##name, T, brief(wide(a[i]) + wide(b[i])))                                       \
    EACH(min_##name, T, wide(a[i]) < wide(b[i]) || wide(a[i]) != wide(a[i]) ? a[i] : b[i])    \
    EACH(max_##name, T, wide(a[i]) > wide(b[i]) || wide(a[i]) != wide(a[i]) ? a[i] : b[i])    \
    EACH(prod_##name, T, brief(wide(a[i]) * wide(b[i])))

#define PAIR(name, T)                                                                         \
    EACH(sum_##name, T, a[i] + b[i])                                                          \
    static void prod_##name(void *to, const void *from, int64_t n)                            \
    {                                                                                         \
        T *restrict a = to;                                                                   \
        const T *restrict b = from;                                                           \
        for (int64_t i = 0; i < n; i += 2) {                                                  \
            T real = a[i] * b[i] - a[i + 1] * b[i + 1];                                       \
            a[i + 1] = a[i] * b[i + 1] + a[i + 1] * b[i];                                     \
            a[i] = real;                                                                      \
        }                                                                                     \
    }

INTEGER(int8, int8_t, uint32_t)
INTEGER(uint8, uint8_t, uint32_t)
INTEGER(int16, int16_t, uint32_t)
INTEGER(uint16, uint16_t, uint32_t)
INTEGER(int32, int32_t, uint32_t)
INTEGER(uint32, uint32_t, uint32_t)
INTEGER(int64, int64_t, uint64_t)
INTEGER(uint64, uint64_t, uint64_t)
REAL(float16, uint16_t, float, wide_half, brief_half)
REAL(bfloat16, uint16_t, float, wide_brain, brief_brain)
REAL(float32, float, float, (float), (float))
REAL(float64, double, double, (double), (double))
PAIR(pair32, float)
PAIR(pair64, double)

#define SEVEN(name)                                                                           \
    {sum_##name, min_##name, max_##name, prod_##name, band_##name, bor_##name, bxor_##name}
#define FOUR(name) {sum_##name, min_##name, max_##name, prod_##name, 0, 0, 0}

/* In the order of runtime/program/elements.py; avg is sum here. */
static Join *const joins[14][7] = {
    SEVEN(int8), SEVEN(uint8), SEVEN(int16), SEVEN(uint16), SEVEN(int32), SEVEN(uint32),
    SEVEN(int64), SEVEN(uint64), FOUR(float16), FOUR(bfloat16), FOUR(float32), FOUR(float64),
    {sum_pair32, 0, 0, prod_pair32, 0, 0, 0}, {sum_pair64, 0, 0, prod_pair64, 0, 0, 0}};

#define QUOTIENT(T, expression)                                                               \
    do {                                                                                      \
        T *a = to;                                                                            \
        for (int64_t i = 0; i < n; i++) a[i] = (T)(expression);                               \
        return;                                                                               \
    } while (0)

/* Divide n numbers, integers towards zero; a complex number is two. */
static void divide(int64_t type, void *to, int64_t n, int64_t by)
{
    float f = (float)by;
    double d = (double)by;
    switch (type) {
    case 0: QUOTIENT(int8_t, a[i] / by);
    case 1: QUOTIENT(uint8_t, a[i] / by);
    case 2: QUOTIENT(int16_t, a[i] / by);
    case 3: QUOTIENT(uint16_t, a[i] / by);
    case 4: QUOTIENT(int32_t, a[i] / by);
    case 5: QUOTIENT(uint32_t, a[i] / by);
    case 6: QUOTIENT(int64_t, a[i] / by);
    case 7: QUOTIENT(uint64_t, a[i] / (uint64_t)by);
    case 8: QUOTIENT(uint16_t, brief_half(wide_half(a[i]) / f));
    case 9: QUOTIENT(uint16_t, brief_brain(wide_brain(a[i]) / f));
    case 10: case 12: QUOTIENT(float, a[i] / f);
    default: QUOTIENT(double, a[i] / d);
    }
}

/* Whole arrays, for whoever wants to see the arithmetic alone; complex numbers count as two. */
int commplan_join(int64_t type, int64_t op, void *to, const void *from, int64_t n)
{
    Join *join = joins[type][op];
    if (!join) return FAILED;
    join(to, from, n);
    return DONE;
}

void commplan_divide(int64_t type, void *to, int64_t n, int64_t by) { divide(type, to, n, by); }

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int failed(Part *p, int what, int64_t line, int code)
{
    p->fault = line;
    p->code = code;
    return what;
}

/* Numbers in so many bytes; a complex number is two of half its width. */
static int64_t numbers(const Part *p, int64_t bytes)
{
    return p->type < 12 ? bytes / p->width : bytes / p->width * 2;
}

static void local(const Part *p, const Line *l)
{
    char *to = p->memory[l->buffer] + l->offset;
    const char *from = p->memory[l->source] + l->from;
    if (l->action == COPY)
        memcpy(to, from, (size_t)l->size);
    else
        joins[p->type][p->op](to, from, numbers(p, l->size));
}

/* What depends on the type of handles. */
typedef struct {
    int (*start)(Part *p, const Line *l);    /* begin a message, as request number p->open */
    int (*some)(Part *p, int *done);         /* look which messages are complete */
    int (*bytes)(Part *p, int which);        /* of the message that completed as number `which` */
    void (*move)(Part *p, int64_t to, int64_t from);
} Handles;

static int message(const Line *l) { return l->action == SEND || l->action == RECV; }

/* Note that a line is done, and what may follow. */
static void finish(Part *p, int64_t line)
{
    const Line *l = p->lines + line;
    p->needs[line] = ENDED;
    for (int64_t i = l->after; i < l->until; i++) {
        int64_t next = p->followers[i];
        if (--p->needs[next]) continue;
        if (message(p->lines + next)) p->fresh = 1;
        else p->todo[p->last++] = next;
    }
}

/* Copy and add whatever is there. */
static void settle(Part *p)
{
    while (p->first < p->last) {
        int64_t line = p->todo[p->first++];
        local(p, p->lines + line);
        finish(p, line);
    }
}

static void begin(Part *p)
{
    p->going = 1;
    p->low = p->reach = p->first = p->last = p->left = 0;
    p->fresh = 1;
    for (int64_t i = 0; i < p->count; i++) {
        p->needs[i] = p->lines[i].needs;
        if (message(p->lines + i)) p->left++;
        else if (!p->needs[i]) p->todo[p->last++] = i;
    }
    settle(p);
}

/* Start all messages that may be, in their order. Result: DONE, or what went wrong. */
static int start_ready(Part *p, const Handles *mpi)
{
    if (!p->fresh) return DONE;
    p->fresh = 0;
    while (p->reach < p->count && p->lines[p->reach].gate <= p->low) p->reach++;
    for (int64_t i = p->low; i < p->reach; i++) {
        const Line *l = p->lines + i;
        if (p->needs[i] || !message(l)) continue;
        int code = mpi->start(p, l);
        if (code) return failed(p, FAILED, i, code);
        p->under_way[p->open++] = i;
        p->needs[i] = STARTED;
        if (l->next >= 0) p->needs[l->next]--;
    }
    return DONE;
}

/* Take up what has come; the requests that are left move together. */
static int take_up(Part *p, const Handles *mpi, int done)
{
    int64_t kept = 0, bad = -1;
    for (int i = 0; i < done; i++) {
        int64_t line = p->under_way[p->indices[i]];
        if (p->lines[line].action == RECV && mpi->bytes(p, i) != p->lines[line].size) bad = i;
        p->under_way[p->indices[i]] = -1 - line;
    }
    if (bad >= 0)
        return failed(p, LONG_OR_SHORT, -1 - p->under_way[p->indices[bad]], mpi->bytes(p, (int)bad));
    for (int64_t i = 0; i < p->open; i++) {
        if (p->under_way[i] < 0) {
            finish(p, -1 - p->under_way[i]);
            continue;
        }
        if (kept != i) mpi->move(p, kept, i);
        p->under_way[kept++] = p->under_way[i];
    }
    p->open = kept;
    p->left -= done;
    p->since = 0;
    settle(p);
    while (p->low < p->count && (p->needs[p->low] == ENDED || !message(p->lines + p->low))) p->low++;
    if (p->reach < p->count && p->lines[p->reach].gate <= p->low) p->fresh = 1;
    return DONE;
}

/* Wait until some message is complete. */
static int wait_for_some(Part *p, const Handles *mpi, int block)
{
    int done = 0;
    double entered = 0;
    for (int64_t spin = 0;; spin++) {
        int code = mpi->some(p, &done);
        if (code) return failed(p, FAILED, p->under_way[0], code);
        if (done > 0) return take_up(p, mpi, done);
        if (spin < p->spins) continue;
        if (!block) return PENDING;
        double time = now();
        if (!entered) entered = time;
        if (!p->since) p->since = time;
        if (time - p->since > p->limit) return failed(p, LATE, p->under_way[0], 0);
        if (time - entered > p->slice) return PENDING;
        sched_yield();
    }
}

static int run(Part *p, const Handles *mpi, int block)
{
    if (!p->going) begin(p);
    while (p->left) {
        int code = start_ready(p, mpi);
        if (!code) code = wait_for_some(p, mpi, block);
        if (code) return code;
    }
    if (p->divisor > 1) divide(p->type, p->memory[1], numbers(p, p->divided), p->divisor);
    p->going = 0;
    return DONE;
}

/* H: the type of handles. */
#define WITH_HANDLES(H, name)                                                                 \
    static int start_##name(Part *p, const Line *l)                                           \
    {                                                                                         \
        typedef int Starting(void *, int, H, int, int, H, H *);                               \
        Starting *start = (Starting *)(uintptr_t)(l->action == SEND ? p->isend : p->irecv);   \
        return start(p->memory[l->buffer] + l->offset, (int)l->size, (H)p->byte,              \
                     (int)l->peer, (int)p->tag, (H)p->comm, (H *)p->requests + p->open);      \
    }                                                                                         \
                                                                                              \
    static int some_##name(Part *p, int *done)                                                \
    {                                                                                         \
        typedef int Testing(int, H *, int *, int *, void *);                                  \
        Testing *test = (Testing *)(uintptr_t)p->testsome;                                    \
        return test((int)p->open, (H *)p->requests, done, p->indices, p->statuses);           \
    }                                                                                         \
                                                                                              \
    static int bytes_##name(Part *p, int which)                                               \
    {                                                                                         \
        typedef int Counting(void *, H, int *);                                               \
        Counting *counting = (Counting *)(uintptr_t)p->get_count;                             \
        int got = -1;                                                                         \
        counting(p->statuses + which * p->status_size, (H)p->byte, &got);                     \
        return got;                                                                           \
    }                                                                                         \
                                                                                              \
    static void move_##name(Part *p, int64_t to, int64_t from)                                \
    {                                                                                         \
        ((H *)p->requests)[to] = ((H *)p->requests)[from];                                    \
    }                                                                                         \
                                                                                              \
    int commplan_run_##name(Part *p, int block)                                               \
    {                                                                                         \
        static const Handles mpi = {start_##name, some_##name, bytes_##name, move_##name};    \
        return run(p, &mpi, block);                                                           \
    }

WITH_HANDLES(int, int)
WITH_HANDLES(intptr_t, pointer)
