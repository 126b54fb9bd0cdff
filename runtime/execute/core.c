/* One process's part of a program, run from Python. It is compiled without mpi.h: MPI's functions
   come as addresses, its handles as the int or the pointer that this MPI has, so that one binary
   serves them all. */
#define _POSIX_C_SOURCE 200809L
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "engine.c"
#include "floats.c"

/* A part with what it takes to run it: handles, and the tag of all messages. */
typedef struct {
    Part part;
    void *isend, *irecv, *testsome, *test, *get_count;
    int64_t comm, byte, tag, pointers;       /* whether handles are pointers; else ints */
    void *requests;
    char *statuses;
    int64_t status_size, width, type, op, divisor, divided;
    const char *given;                       /* what an avg takes its share of, */
    char *shares;                            /* where that goes, and how many bytes; 0 for none */
    int64_t shared;
} Core;

/* Elements */

enum { NAN16 = 0x7E00, NAN_BRAIN = 0x7FC0 };

static inline float wide_brain(uint16_t x) { return as_float((uint32_t)x << 16); }

static inline uint16_t brief_brain(float x)
{
    uint32_t bits = float_bits(x);
    return x != x ? NAN_BRAIN : (uint16_t)((bits + ((bits >> 16) & 1) + 0x7FFF) >> 16);
}

static inline float wide_half(uint16_t x)
{
    uint32_t sign = (uint32_t)(x & 0x8000) << 16, rest = (uint32_t)(x & 0x7FFF) << 13;
    float y = as_float(rest) * as_float(0x77800000); /* 2^112: the difference of the exponents */
    uint32_t bits;
    memcpy(&bits, &y, 4);
    if (rest >= 0x0F800000) bits |= 0x7F800000;      /* infinite, or not a number */
    return as_float(bits | sign);
}

/* Round to the nearest, ties to even: an addition that pushes the last bits out does it. */
static inline uint16_t brief_half(float x)
{
    uint32_t bits, sign;
    memcpy(&bits, &x, 4);
    sign = bits >> 16 & 0x8000;
    bits &= 0x7FFFFFFF;
    if (bits > 0x7F800000) return NAN16;
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
    ANY_WIDTH static void name(void *to, const void *from, int64_t n)                         \
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

/* U: what holds an element's bits; brief gives what is not a number its one form. */
#define REAL(name, U, wide, brief, none)                                                      \
    EACH(sum_##name, U, brief(wide(a[i]) + wide(b[i])))                                       \
    EACH(min_##name, U, LESS_OF(wide(a[i]), wide(b[i]), a[i], b[i], none))                    \
    EACH(max_##name, U, MORE_OF(wide(a[i]), wide(b[i]), a[i], b[i], none))                    \
    EACH(prod_##name, U, brief(wide(a[i]) * wide(b[i])))

#define PAIR(name, U, T, wide, brief)                                                         \
    EACH(sum_##name, U, brief(wide(a[i]) + wide(b[i])))                                       \
    ANY_WIDTH static void prod_##name(void *to, const void *from, int64_t n)                  \
    {                                                                                         \
        U *restrict a = to;                                                                   \
        const U *restrict b = from;                                                           \
        for (int64_t i = 0; i < n; i += 2) {                                                  \
            T x = wide(a[i]), y = wide(a[i + 1]), z = wide(b[i]), w = wide(b[i + 1]);         \
            a[i] = brief(x * z - y * w);                                                      \
            a[i + 1] = brief(x * w + y * z);                                                  \
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
REAL(float16, uint16_t, wide_half, brief_half, NAN16)
REAL(bfloat16, uint16_t, wide_brain, brief_brain, NAN_BRAIN)
REAL(float32, uint32_t, as_float, float_bits, NAN32)
REAL(float64, uint64_t, as_double, double_bits, NAN64)
PAIR(pair32, uint32_t, float, as_float, float_bits)
PAIR(pair64, uint64_t, double, as_double, double_bits)

#define SEVEN(name)                                                                           \
    {sum_##name, min_##name, max_##name, prod_##name, band_##name, bor_##name, bxor_##name}
#define FOUR(name) {sum_##name, min_##name, max_##name, prod_##name, 0, 0, 0}

/* In the order of runtime/program/elements.py; avg is sum here. */
static Join *const joins[14][7] = {
    SEVEN(int8), SEVEN(uint8), SEVEN(int16), SEVEN(uint16), SEVEN(int32), SEVEN(uint32),
    SEVEN(int64), SEVEN(uint64), FOUR(float16), FOUR(bfloat16), FOUR(float32), FOUR(float64),
    {sum_pair32, 0, 0, prod_pair32, 0, 0, 0}, {sum_pair64, 0, 0, prod_pair64, 0, 0, 0}};

#define EVERY(T, expression)                                                                  \
    do {                                                                                      \
        T *a = to;                                                                            \
        const T *b = from;                                                                    \
        for (int64_t i = 0; i < n; i++) a[i] = (T)(expression);                               \
        return;                                                                               \
    } while (0)

enum { FIRST_FLOAT = 8 };

/* The power of two, at most 1, by which n numbers are multiplied so that their sum does not
   overflow where their mean does not. */
static double share_of(int64_t n)
{
    double share = 1;
    for (int64_t power = 1; power < n; power *= 2) share /= 2;
    return share;
}

/* Multiply n floats; a complex number is two. */
static void take_shares(int64_t type, void *to, const void *from, int64_t n, double share)
{
    float f = (float)share;
    switch (type) {
    case 8: EVERY(uint16_t, brief_half(wide_half(b[i]) * f));
    case 9: EVERY(uint16_t, brief_brain(wide_brain(b[i]) * f));
    case 10: case 12: EVERY(uint32_t, float_bits(as_float(b[i]) * f));
    default: EVERY(uint64_t, double_bits(as_double(b[i]) * share));
    }
}

/* Divide n numbers, integers towards zero, floats of which shares were added up; a complex number
   is two. */
static void divide(int64_t type, void *to, int64_t n, int64_t by)
{
    const void *from = to;
    double d = (double)by * share_of(by);
    float f = (float)d;
    switch (type) {
    case 0: EVERY(int8_t, b[i] / by);
    case 1: EVERY(uint8_t, b[i] / by);
    case 2: EVERY(int16_t, b[i] / by);
    case 3: EVERY(uint16_t, b[i] / by);
    case 4: EVERY(int32_t, b[i] / by);
    case 5: EVERY(uint32_t, b[i] / by);
    case 6: EVERY(int64_t, b[i] / by);
    case 7: EVERY(uint64_t, b[i] / (uint64_t)by);
    case 8: EVERY(uint16_t, brief_half(wide_half(b[i]) / f));
    case 9: EVERY(uint16_t, brief_brain(wide_brain(b[i]) / f));
    case 10: case 12: EVERY(uint32_t, float_bits(as_float(b[i]) / f));
    default: EVERY(uint64_t, double_bits(as_double(b[i]) / d));
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

void commplan_take_shares(int64_t type, void *to, const void *from, int64_t n, int64_t of)
{
    if (type >= FIRST_FLOAT) take_shares(type, to, from, n, share_of(of));
}

/* Numbers in so many bytes; a complex number is two of half its width. */
static int64_t numbers(const Core *c, int64_t bytes)
{
    return c->type < 12 ? bytes / c->width : bytes / c->width * 2;
}

static void combine(const Part *p, char *to, const char *from, int64_t size)
{
    const Core *c = (const Core *)p;
    joins[c->type][c->op](to, from, numbers(c, size));
}

/* H: the type of handles. */
#define WITH_HANDLES(H, name)                                                                 \
    static int start_##name(Core *c, const Line *l)                                           \
    {                                                                                         \
        typedef int Starting(void *, int, H, int, int, H, H *);                               \
        Starting *start = (Starting *)(uintptr_t)(l->action == SEND ? c->isend : c->irecv);   \
        return start(c->part.memory[l->buffer] + l->offset, (int)l->size, (H)c->byte,         \
                     (int)l->peer, (int)c->tag, (H)c->comm, (H *)c->requests + c->part.open); \
    }                                                                                         \
                                                                                              \
    static int some_##name(Core *c, int *done)                                                \
    {                                                                                         \
        typedef int Testing(int, H *, int *, int *, void *);                                  \
        Testing *test = (Testing *)(uintptr_t)c->testsome;                                    \
        return test((int)c->part.open, (H *)c->requests, done, c->part.indices, c->statuses); \
    }                                                                                         \
                                                                                              \
    static int at_##name(Core *c, int64_t which, int *done)                                   \
    {                                                                                         \
        typedef int Testing(H *, int *, void *);                                              \
        Testing *test = (Testing *)(uintptr_t)c->test;                                        \
        return test((H *)c->requests + which, done, c->statuses + which * c->status_size);    \
    }                                                                                         \
                                                                                              \
    static int bytes_##name(Core *c, int which)                                               \
    {                                                                                         \
        typedef int Counting(void *, H, int *);                                               \
        Counting *counting = (Counting *)(uintptr_t)c->get_count;                             \
        int got = -1;                                                                         \
        counting(c->statuses + which * c->status_size, (H)c->byte, &got);                     \
        return got;                                                                           \
    }

WITH_HANDLES(int, int)
WITH_HANDLES(intptr_t, pointer)

static int start_message(Part *p, const Line *l)
{
    Core *c = (Core *)p;
    return c->pointers ? start_pointer(c, l) : start_int(c, l);
}

static int look_for_some(Part *p, int *done)
{
    Core *c = (Core *)p;
    return c->pointers ? some_pointer(c, done) : some_int(c, done);
}

static int look_at(Part *p, int64_t which, int *done)
{
    Core *c = (Core *)p;
    return c->pointers ? at_pointer(c, which, done) : at_int(c, which, done);
}

static int64_t bytes_of(Part *p, int which, const Line *l)
{
    Core *c = (Core *)p;
    (void)l;
    return c->pointers ? bytes_pointer(c, which) : bytes_int(c, which);
}

static void move_request(Part *p, int64_t to, int64_t from)
{
    Core *c = (Core *)p;
    if (c->pointers) ((intptr_t *)c->requests)[to] = ((intptr_t *)c->requests)[from];
    else ((int *)c->requests)[to] = ((int *)c->requests)[from];
}

/* Say how large the struct is, for whoever lays it out from outside. */
int64_t commplan_size(void) { return (int64_t)sizeof(Core); }

int commplan_run(Core *c, int block)
{
    if (c->shared && !c->part.going) {
        commplan_take_shares(c->type, c->shares, c->given, numbers(c, c->shared), c->divisor);
        c->part.memory[0] = c->shares;
    }
    int code = advance(&c->part, block);
    if (code == DONE && c->divisor > 1)
        divide(c->type, c->part.memory[1], numbers(c, c->divided), c->divisor);
    return code;
}
