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
