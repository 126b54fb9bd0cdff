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
