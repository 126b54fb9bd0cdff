/* The plan made to fit one size: what this process copies, sends, receives and adds. */

typedef struct { int buffer; Int offset, size; } Span;
typedef struct { int step, sends, peer; Int order; Span span; } Message;
typedef struct { int step, adds; Int order; Span to, from; } Landing;

static struct {
    int me, in_place, moved;
    Int chunks, block[BLOCKS], start[2][BLOCKS], total[4], begin[2], slot[PIECES];
    Int messages, landings, copies;
    Message *message;
    Landing *landing, *copy;
    MPI_Request *request;
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

/* Enter a message that comes in, and what happens to it after the step's messages. */
static void receive(const Transfer *t, Int order, int step, Int skip, Int size)
{
    Span home = part_of(place(t->target, t->piece), skip, size);
    /* In place, the own input lies where the sum shall be. */
    int way = plan.in_place && t->target == OUT && t->landing == JOIN ? ADD : t->landing;
    int beside = way == ADD || way == COPY;
    Span lands = beside ? (Span){BESIDE, 0, size} : home;
    plan.message[plan.messages++] = (Message){step, 0, t->src, order, lands};
    if (way == JOIN) lands = part_of(place(IN, t->piece), skip, size);
    if (way != PUT) plan.landing[plan.landings++] = (Landing){step, way != COPY, order, home, lands};
}

/* Enter this process's end of a transfer: chunk c of step s goes in step s + c. */
static void enter(const Transfer *t)
{
    Int length;
    cut(t->piece, &length);
    if (t->dst == plan.me && t->target == SCRATCH && plan.slot[t->piece] < 0) {
        plan.slot[t->piece] = plan.total[SCRATCH];
        plan.total[SCRATCH] += length;
    }
    for (Int chunk = 0; length && chunk < plan.chunks; chunk++) {
        Int skip = share(length, chunk, plan.chunks);
        Int size = share(length, chunk + 1, plan.chunks) - skip;
        Int order = (t - transfers) * plan.chunks + chunk;
        int step = t->step + (int)chunk;
        if (!size) continue;
        if (size > INT_MAX) fail("a message is too large for MPI, take more chunks");
        if (t->dst == plan.me) receive(t, order, step, skip, size);
        if (t->src == plan.me)
            plan.message[plan.messages++] = (Message){
                step, 1, t->dst, order, part_of(place(t->source, t->piece), skip, size)};
    }
}

/* List the copies that come first: input in the way, and what is kept of it. */
static void own_copies(const char *received)
{
    if (plan.moved)
        plan.copy[plan.copies++] =
            (Landing){0, 0, 0, {SCRATCH, 0, plan.total[IN]}, {IN, 0, plan.total[IN]}};
    for (int p = 0; p < PIECES; p++)
        if (!plan.in_place && !received[p] && plan.start[IN][pieces[p].block] >= 0 &&
            plan.start[OUT][pieces[p].block] >= 0)
            plan.copy[plan.copies++] = (Landing){0, 0, 0, place(OUT, p), place(IN, p)};
}

static int by_step_of_message(const void *a, const void *b)
{
    const Message *m = a, *n = b;
    return m->step != n->step ? (m->step > n->step) - (m->step < n->step)
                              : (m->order > n->order) - (m->order < n->order);
}

static int by_step_of_landing(const void *a, const void *b)
{
    const Landing *m = a, *n = b;
    return m->step != n->step ? (m->step > n->step) - (m->step < n->step)
                              : (m->order > n->order) - (m->order < n->order);
}

/* Lay the messages of a step that land beside one after the other; the next step starts anew. */
static void lay_beside(void)
{
    Int end = 0;
    for (Int i = 0; i < plan.messages; i++) {
        if (i && plan.message[i].step != plan.message[i - 1].step) end = 0;
        if (plan.message[i].span.buffer != BESIDE) continue;
        plan.message[i].span.offset = end;
        end += plan.message[i].span.size;
        if (end > plan.total[BESIDE]) plan.total[BESIDE] = end;
    }
    for (Int i = 0; i < plan.landings; i++) {
        if (!i || plan.landing[i].step != plan.landing[i - 1].step) end = 0;
        if (plan.landing[i].from.buffer != BESIDE) continue;
        plan.landing[i].from.offset = end;
        end += plan.landing[i].from.size;
    }
}

/* Choose the chunks C that minimise (C + HEIGHT - 1) (latency + size / rate / C). */
static Int chunks_for(Int size)
{
    Int most = (Int)((double)size * largest_piece / 4096);
    if (most > 64) most = 64;
    if (HEIGHT < 2 || most < 2) return 1;
    double best = (double)most;
    if (latency > 0) best = sqrt((HEIGHT - 1) * (double)size / rate / latency);
    Int chosen = (Int)((best < (double)most ? best : (double)most) + 0.5);
    return chosen > 1 ? chosen : 1;
}
