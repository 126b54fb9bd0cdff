/* all_reduce on mesh: 3 processes, 12 messages at any size.

   Written by commplan. Compile it with `mpicc -O2 -std=c11 FILE -o PROGRAM -lm`, run it with
   `mpiexec -n 3 PROGRAM -b 1MiB`. Every process makes its part of the plan below fit the
   size, checks its result against the definition of the collective, and process 0 prints the table
   of nccl-tests. */

#define _POSIX_C_SOURCE 200809L
#include <limits.h>
#include <math.h>
#include <mpi.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef long long Int;
enum { IN, OUT, SCRATCH, BESIDE };  /* buffers */
enum { PUT, JOIN, ADD, COPY };      /* ways to land */
typedef struct { int process, side; Int first, blocks, stride; } Run;
typedef struct { Int block, first, last; } Piece;
typedef struct { int step, piece, src, dst, source, target, landing; } Transfer;

/* The plan, made by commplan: figures for any size. */

static const char collective[] = "all_reduce", topology[] = "mesh";
enum { ROOT = -1, REDUCES = 1, PROCESSES = 3 };
enum { BLOCKS = 1, PIECES = 3 };

/* busbw / algbw */
static const double busbw_factor = 1.3333333333333333;

/* For each byte of size: the square of the best number of chunks, and how many there may be. */
static const double chunks_square = 0.003999999999999999, chunks_linear = 1.0172526041666666e-05;

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

/* Transfers, in the order of the steps: step, piece, src, dst, where src has the piece, where it
   comes to at dst, and how: put there; put there, then join the own input to it; or taken beside,
   and then added or copied to its place. And an end. */
static const Transfer transfers[] = {
    {0, 0, 1, 2, IN, OUT, JOIN},
    {0, 1, 2, 0, IN, OUT, JOIN},
    {0, 2, 0, 1, IN, OUT, JOIN},
    {1, 0, 2, 0, OUT, OUT, JOIN},
    {1, 1, 0, 1, OUT, OUT, JOIN},
    {1, 2, 1, 2, OUT, OUT, JOIN},
    {2, 0, 0, 1, OUT, OUT, PUT},
    {2, 1, 1, 2, OUT, OUT, PUT},
    {2, 2, 2, 0, OUT, OUT, PUT},
    {3, 0, 1, 2, OUT, OUT, PUT},
    {3, 1, 2, 0, OUT, OUT, PUT},
    {3, 2, 0, 1, OUT, OUT, PUT},
    {-1, 0, 0, 0, 0, 0, 0}};

__extension__ typedef unsigned __int128 Wide;

static void fail(const char *what)
{
    fprintf(stderr, "commplan: %s\n", what);
    MPI_Abort(MPI_COMM_WORLD, 70);
    exit(70);
}

static void *take(size_t count, size_t width)
{
    void *memory = calloc(count ? count : 1, width);
    if (!memory) fail("out of memory");
    return memory;
}

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
#define TYPE(T, U, name, FACTOR)                                                             \
    static void combine_##name(int op, void *to, const void *from, Int n)                    \
    {                                                                                        \
        T *a = to;                                                                           \
        const T *b = from;                                                                   \
        if (op == SUM) for (Int i = 0; i < n; i++) a[i] = (T)((U)a[i] + (U)b[i]);            \
        if (op == MIN) for (Int i = 0; i < n; i++) a[i] = b[i] < a[i] ? b[i] : a[i];         \
        if (op == MAX) for (Int i = 0; i < n; i++) a[i] = b[i] > a[i] ? b[i] : a[i];         \
        if (op == PROD) for (Int i = 0; i < n; i++) a[i] = (T)((U)a[i] * (U)b[i]);           \
    }                                                                                        \
    static void contribute_##name(int op, void *to, int process, Int block)                  \
    {                                                                                        \
        for (int i = 0; i < PERIOD; i++) {                                                   \
            uint64_t x = figure(process, block, i);                                          \
            ((T *)to)[i] = op == PROD ? FACTOR(T, x) : (T)x;                                 \
        }                                                                                    \
    }
TYPE(int8_t, uint8_t, int8, WHOLE_FACTOR)
TYPE(uint8_t, uint8_t, uint8, WHOLE_FACTOR)
TYPE(int32_t, uint32_t, int32, WHOLE_FACTOR)
TYPE(uint32_t, uint32_t, uint32, WHOLE_FACTOR)
TYPE(int64_t, uint64_t, int64, WHOLE_FACTOR)
TYPE(uint64_t, uint64_t, uint64, WHOLE_FACTOR)
TYPE(float, float, float32, FLOAT_FACTOR)
TYPE(double, double, float64, FLOAT_FACTOR)

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
    Int sizes[MOST_SIZES], end, factor, iterations, warm_up, check, chunks, join;
    int count, op, in_place, crowded, played[PROCESSES];
    double watchdog;
    const struct Type *type;
    const char *map;
    int help;
} args = {{1 << 20}, 0, 2, 20, 5, 1, 0, 1 << 14, 1, SUM, 0, 0, {0}, 0, &types[6], "", 0};

static const char usage[] =
    "usage: -b SIZE ... [-e END] [-f FACTOR] [-n ITERATIONS] [-w WARM-UP] [-c 0|1] [--type TYPE]\n"
    "       [--op sum|min|max|prod] [--chunks N] [--in-place] [--map 2,0,1] [--watchdog SECONDS]\n"
    "       [--join BYTES] (up to which messages are joined)\n"
    "       [--crowded] (there are more processes than cores) [-h]\n";

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
        {"--join", "--join", &args.join, 0, most}};
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

typedef struct { int buffer; Int offset, size; } Span;
typedef struct { int step, sends, peer, landing, tag; Int chunk, order; Span span, own; } Message;
typedef struct { int step, adds; Int order; Span to, from; } Copied;

static struct {
    int me, in_place, moved;
    Int chunks, block[BLOCKS], start[2][BLOCKS], total[4], begin[2], slot[PIECES];
    Int messages, packs, landings, copies;
    Message *message;
    Copied *pack, *landing, *copy;
    MPI_Request *request;
    MPI_Comm comm;
    char *memory[4], *shared;
} plan;

static Int share(Int whole, Int part, Int of) { return (Int)((Wide)whole * (Wide)part / (Wide)of); }

/* Give where a piece begins in its block; its length goes to *length. */
static Int cut(int piece, Int *length)
{
    Int size = plan.block[pieces[piece].block];
    Int begin = share(size, pieces[piece].first, parts);
    *length = share(size, pieces[piece].last, parts) - begin;
    return begin;
}

static Span place(int buffer, int piece)
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

/* Enter this process's end of a transfer: chunk c of step s goes in step s + c. */
static void enter(const Transfer *t)
{
    Int length;
    cut(t->piece, &length);
    int sends = t->src == plan.me, home = sends ? t->source : t->target;
    if (!sends && t->target == SCRATCH && plan.slot[t->piece] < 0) {
        plan.slot[t->piece] = plan.total[SCRATCH];
        plan.total[SCRATCH] += length;
    }
    for (Int chunk = 0; length && chunk < plan.chunks; chunk++) {
        Int skip = share(length, chunk, plan.chunks);
        Int size = share(length, chunk + 1, plan.chunks) - skip;
        if (!size) continue;
        if (size > INT_MAX) fail("a message is too large for MPI, take more chunks");
        Message *m = &plan.message[plan.messages++];
        *m = (Message){t->step + (int)chunk, sends, sends ? t->dst : t->src, t->landing, 0, chunk,
                       (t - transfers) * plan.chunks + chunk,
                       part_of(place(home, t->piece), skip, size), {0, 0, 0}};
        if (sends || t->landing != JOIN) continue;
        m->own = part_of(place(IN, t->piece), skip, size);
        /* In place, the own input lies where the sum shall be. */
        if (plan.in_place && t->target == OUT) m->landing = ADD;
    }
}

/* List the copies that come first: input in the way, and what is kept of it. */
static void own_copies(const char *received)
{
    if (plan.moved)
        plan.copy[plan.copies++] =
            (Copied){0, 0, 0, {SCRATCH, 0, plan.total[IN]}, {IN, 0, plan.total[IN]}};
    for (int p = 0; p < PIECES; p++)
        if (!plan.in_place && !received[p] && plan.start[IN][pieces[p].block] >= 0 &&
            plan.start[OUT][pieces[p].block] >= 0)
            plan.copy[plan.copies++] = (Copied){0, 0, 0, place(OUT, p), place(IN, p)};
}

static int compared(Int a, Int b) { return (a > b) - (a < b); }

static int by_order(const void *a, const void *b)
{
    const Message *m = a, *n = b;
    int step = compared(m->step, n->step);
    return step ? step : compared(m->order, n->order);
}

static int joins(const Message *m) { return m->span.size <= args.join / (Int)args.type->width; }

/* Tell two messages apart, or give 0 for two that travel as one. */
static int apart(const Message *m, const Message *n)
{
    Int differ[] = {compared(m->step, n->step), compared(m->sends, n->sends),
                    compared(m->peer, n->peer), compared(joins(m), joins(n)),
                    compared(m->chunk, n->chunk), joins(m) ? 0 : compared(m->order, n->order)};
    for (size_t i = 0; i < sizeof differ / sizeof differ[0]; i++)
        if (differ[i]) return (int)differ[i];
    return 0;
}

static int by_message(const void *a, const void *b)
{
    int differ = apart(a, b);
    return differ ? differ : by_order(a, b);
}

static int by_step(const void *a, const void *b)
{
    const Copied *m = a, *n = b;
    int step = compared(m->step, n->step), order = compared(m->order, n->order);
    return step ? step : order ? order : compared(m->adds, n->adds);
}

static int follows(const Span *next, const Span *span)
{
    return next->buffer == span->buffer && next->offset == span->offset + span->size;
}

/* Make one message of parts that travel together: in one stretch, or through BESIDE. */
static Message join(const Message *part, Int parts, Int *end)
{
    Message whole = *part;
    int beside = 0;
    for (Int i = 0; i < parts; i++) {
        const Span *span = &part[i].span;
        if (i) whole.span.size += span->size;
        if (!part->sends && (part[i].landing == ADD || part[i].landing == COPY)) beside = 1;
        if (i && !follows(span, &part[i - 1].span)) beside = 1;
    }
    if (whole.span.size > INT_MAX) fail("a message is too large for MPI, take more chunks");
    for (Int i = 0; i < parts; i++) {
        const Message *m = &part[i];
        Span at = {BESIDE, *end, m->span.size};
        if (beside && m->sends)
            plan.pack[plan.packs++] = (Copied){m->step, 0, m->order, at, m->span};
        else if (beside)
            plan.landing[plan.landings++] =
                (Copied){m->step, m->landing == ADD, m->order, m->span, at};
        if (!m->sends && m->landing == JOIN)
            plan.landing[plan.landings++] = (Copied){m->step, 1, m->order, m->span, m->own};
        if (beside) *end += at.size;
    }
    if (beside) whole.span = (Span){BESIDE, *end - whole.span.size, whole.span.size};
    return whole;
}

/* Join small messages of one pair, step and chunk; what goes through BESIDE lies there one after
   the other, each step anew. */
static void join_messages(void)
{
    Int made = 0, end = 0;
    qsort(plan.message, (size_t)plan.messages, sizeof(Message), by_message);
    for (Int i = 0, j; i < plan.messages; i = j) {
        if (i && plan.message[i].step != plan.message[made - 1].step) end = 0;
        for (j = i; j < plan.messages && !apart(&plan.message[i], &plan.message[j]); j++) {}
        plan.message[made++] = join(plan.message + i, j - i, &end);
        if (end > plan.total[BESIDE]) plan.total[BESIDE] = end;
    }
    plan.messages = made;
    qsort(plan.message, (size_t)plan.messages, sizeof(Message), by_order);
    qsort(plan.pack, (size_t)plan.packs, sizeof(Copied), by_step);
    qsort(plan.landing, (size_t)plan.landings, sizeof(Copied), by_step);
}

/* Choose the number of chunks. */
static Int chunks_for(Int size)
{
    double best = sqrt(chunks_square * (double)size) + 0.5;
    if (best > chunks_linear * (double)size) best = chunks_linear * (double)size;
    if (best > 128) best = 128;
    return best > 1 ? (Int)best : 1;
}

/* A plan with memory and requests: how it runs. */

static char *at(Span span) { return plan.memory[span.buffer] + (size_t)span.offset * args.type->width; }

static MPI_Datatype mpi_type(void)
{
    size_t width = args.type->width;
    return width == 1 ? MPI_INT8_T : width == 4 ? MPI_INT32_T : MPI_INT64_T;
}

/* Number the messages of one pair and step: both ends start them in the same order. */
static void make_tags(void)
{
    int tags[2][PROCESSES] = {{0}};
    for (Int i = 0; i < plan.messages; i++) {
        Message *m = &plan.message[i];
        if (i && m->step != m[-1].step) memset(tags, 0, sizeof tags);
        m->tag = tags[m->sends][m->peer]++ % 32768;
    }
}

static void make_plan(MPI_Comm comm)
{
    char *received = take(PIECES, 1);
    Int rows = 0;
    lay_out();
    memset(plan.slot, -1, sizeof plan.slot);
    for (const Transfer *t = transfers; t->step >= 0; t++)
        if (t->src == plan.me || t->dst == plan.me) rows++;
    plan.message = take((size_t)(rows * plan.chunks), sizeof(Message));
    plan.pack = take((size_t)(rows * plan.chunks), sizeof(Copied));
    plan.landing = take((size_t)(2 * rows * plan.chunks), sizeof(Copied));
    plan.copy = take(PIECES + 1, sizeof(Copied));
    plan.messages = plan.packs = plan.landings = plan.copies = 0;
    for (const Transfer *t = transfers; t->step >= 0; t++) {
        if (t->src == plan.me || t->dst == plan.me) enter(t);
        if (t->dst == plan.me) received[t->piece] = 1;
    }
    own_copies(received);
    free(received);
    join_messages();
    size_t width = args.type->width, ends[2];
    for (int side = IN; side <= OUT; side++)
        ends[side] = (size_t)(plan.begin[side] + plan.total[side]);
    plan.shared = take(plan.in_place || plan.moved ? (ends[IN] > ends[OUT] ? ends[IN] : ends[OUT])
                                                   : ends[IN] + ends[OUT], width);
    plan.memory[IN] = plan.shared + (size_t)plan.begin[IN] * width;
    plan.memory[OUT] = plan.shared + (size_t)plan.begin[OUT] * width;
    if (!plan.in_place && !plan.moved) plan.memory[OUT] = plan.shared + ends[IN] * width;
    for (int buffer = SCRATCH; buffer <= BESIDE; buffer++)
        plan.memory[buffer] = take((size_t)plan.total[buffer], width);
    plan.request = take((size_t)plan.messages, sizeof(MPI_Request));
    make_tags();
    plan.comm = comm;
}

static void free_plan(void)
{
    void *all[] = {plan.message, plan.pack, plan.landing, plan.copy, plan.request, plan.shared,
                   plan.memory[SCRATCH], plan.memory[BESIDE]};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) free(all[i]);
}

/* Start a message: one that is started anew is as fast as one that is kept, or faster. */
static void start(const Message *m, MPI_Datatype type, MPI_Request *request)
{
    int size = (int)m->span.size;
    if (m->sends)
        MPI_Isend(at(m->span), size, type, m->peer, m->tag, plan.comm, request);
    else
        MPI_Irecv(at(m->span), size, type, m->peer, m->tag, plan.comm, request);
}

/* Wait for a step's messages, but not for ever: name who does not come, and end all. */
static void wait_for(int count, MPI_Request *request, const Message *message)
{
    double deadline = 0; /* once it is clear that this takes longer than to look at a clock */
    int done = 0;
    if (!(args.watchdog > 0)) {
        MPI_Waitall(count, request, MPI_STATUSES_IGNORE);
        return;
    }
    for (MPI_Testall(count, request, &done, MPI_STATUSES_IGNORE); !done;
         MPI_Testall(count, request, &done, MPI_STATUSES_IGNORE)) {
        if (!deadline) deadline = MPI_Wtime() + args.watchdog;
        if (MPI_Wtime() > deadline) {
            for (int i = 0; i < count; i++) {
                MPI_Test(&request[i], &done, MPI_STATUS_IGNORE);
                if (!done)
                    fprintf(stderr, "commplan: rank %d blocked in step %d waiting for rank %d (piece %d)\n",
                            ranks[plan.me], message[i].step, ranks[message[i].peer],
                            transfers[message[i].order / plan.chunks].piece);
            }
            sleep(1); /* for the others to say what they wait for */
            MPI_Abort(MPI_COMM_WORLD, 124);
        }
        sched_yield();
    }
}

static void copy(const Copied *c)
{
    memcpy(at(c->to), at(c->from), (size_t)c->to.size * args.type->width);
}

/* Do the collective once. */
static void run(void)
{
    MPI_Datatype type = mpi_type();
    const Copied *pack = plan.pack, *packed = plan.pack + plan.packs;
    const Copied *next = plan.landing, *end = plan.landing + plan.landings;
    for (Int i = 0; i < plan.copies; i++)
        copy(&plan.copy[i]);
    for (Int i = 0, j; i < plan.messages; i = j) {
        int step = plan.message[i].step;
        for (; pack < packed && pack->step == step; pack++) copy(pack);
        for (j = i; j < plan.messages && plan.message[j].step == step; j++)
            start(&plan.message[j], type, plan.request + (j - i));
        wait_for((int)(j - i), plan.request, plan.message + i);
        for (; next < end && next->step == step; next++)
            if (next->adds)
                args.type->combine(args.op, at(next->to), at(next->from), next->to.size);
            else
                copy(next);
    }
}

/* Whether the result is right. */

/* Spoil all memory, then put this process's contributions into its input. */
static void fill(void)
{
    size_t width = args.type->width;
    char *own = take(PERIOD, width);
    for (int buffer = IN; buffer <= BESIDE; buffer++)
        memset(plan.memory[buffer], 119, (size_t)plan.total[buffer] * width);
    for (Int b = 0; b < BLOCKS; b++) {
        if (plan.start[IN][b] < 0) continue;
        args.type->contribute(args.op, own, plan.me, b);
        for (Int i = 0; i < plan.block[b]; i++)
            memcpy(at((Span){IN, plan.start[IN][b] + i, 1}), own + (size_t)(i % PERIOD) * width, width);
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

/* Count this process's output elements that are not what the definition asks for. */
static Int wrong_elements(void)
{
    size_t width = args.type->width;
    char *right = take(PERIOD, width), *other = take(PERIOD, width);
    Int wrong = 0;
    for (Int b = 0; b < BLOCKS; b++) {
        if (plan.start[OUT][b] < 0) continue;
        define(b, right, other);
        for (Int i = 0; i < plan.block[b]; i++)
            wrong += !!memcmp(at((Span){OUT, plan.start[OUT][b] + i, 1}),
                              right + (size_t)(i % PERIOD) * width, width);
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
    make_plan(comm);
    fill();
    MPI_Barrier(comm);
    run();
    if (args.check) wrong = wrong_elements();
    MPI_Allreduce(&wrong, &row.wrong, 1, MPI_LONG_LONG, MPI_SUM, comm);
    row.seconds = timed(comm);
    row.algbw = (double)row.size / row.seconds;
    row.busbw = row.algbw * busbw_factor;
    free_plan();
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
        MPI_Comm comm;
        MPI_Comm_split(MPI_COMM_WORLD, 0, args.played[world], &comm);
        code = measure_all(comm) ? 1 : 0;
        MPI_Comm_free(&comm);
    }
    MPI_Finalize();
    return code;
}
