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
