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

/* What a line waits for that waits for no other. */
enum { STARTED = -1, ENDED = -2 };

typedef struct {
    const Line *lines;
    const int64_t *followers;
    char *memory[3];
    int *indices;                            /* of requests that are complete */
    int64_t *needs, *todo, *under_way;       /* by line; by line; by request */
    uint64_t *ready;                         /* messages that wait for no other, 64 lines a word */
    int64_t count;                           /* of lines */
    int64_t spins;                           /* tests before other processes get a turn */
    double limit, slice;                     /* seconds of a wait, and of one call */
    int64_t going, open, left;               /* how far it is: requests, and messages to come */
    int64_t low, reach;                      /* no message before is open; none from here starts */
    int64_t awaited;                         /* messages under way that some line waits for */
    int64_t seen;                            /* complete ones, where all are waited for in turn */
    int64_t fresh;                           /* some message may be started that could not before */
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

static int failed(Part *p, int what, int64_t line, int code)
{
    p->fault = line;
    p->code = code;
    return what;
}

static int message(const Line *l) { return l->action == SEND || l->action == RECV; }

static void make_ready(Part *p, int64_t line)
{
    p->ready[line / 64] |= (uint64_t)1 << line % 64;
    p->fresh = 1;
}

/* Note that a line is done, and what may follow. */
static void finish(Part *p, int64_t line)
{
    const Line *l = p->lines + line;
    p->needs[line] = ENDED;
    if (p->ended) p->ended[line] = now();
    for (int64_t i = l->after; i < l->until; i++) {
        int64_t next = p->followers[i];
        if (--p->needs[next]) continue;
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
        if (p->began) p->began[line] = now();
        if (l->action == COPY) memcpy(to, from, (size_t)l->size);
        else combine(p, to, from, l->size);
        finish(p, line);
    }
}

/* Bring `low` to the first message that is open, and see how far the lead reaches from there. */
static void pass_by(Part *p)
{
    int64_t reached = p->reach;
    while (p->low < p->count && (p->needs[p->low] == ENDED || !message(p->lines + p->low))) p->low++;
    while (p->reach < p->count && p->lines[p->reach].gate <= p->low) p->reach++;
    if (p->reach > reached) p->fresh = 1;
}

static void begin(Part *p)
{
    p->going = 1;
    p->low = p->reach = p->first = p->last = p->left = p->open = p->awaited = p->seen = 0;
    p->since = 0;
    for (int64_t i = 0; i < p->count; i++) {
        p->needs[i] = p->lines[i].needs;
        if (message(p->lines + i)) {
            p->left++;
            if (!p->needs[i]) make_ready(p, i);
        } else if (!p->needs[i]) {
            p->todo[p->last++] = i;
        }
    }
    settle(p);
    pass_by(p);
}

/* Start one message; the next one between the same two processes, in its direction, may follow. */
static int start_line(Part *p, int64_t line)
{
    const Line *l = p->lines + line;
    if (p->began) p->began[line] = now();
    int code = start_message(p, l);
    if (code) return failed(p, FAILED, line, code);
    p->under_way[p->open++] = line;
    p->needs[line] = STARTED;
    p->awaited += l->until > l->after;
    if (l->next >= 0 && !--p->needs[l->next]) make_ready(p, l->next);
    return DONE;
}

/* Start all messages that may be, in their order. Result: DONE, or what went wrong. */
static int start_ready(Part *p)
{
    if (!p->fresh) return DONE;
    for (int64_t word = p->low / 64; word * 64 < p->reach; word++) {
        int64_t beyond = p->reach - word * 64;
        uint64_t within = beyond < 64 ? ((uint64_t)1 << beyond) - 1 : ~(uint64_t)0, found;
        while ((found = p->ready[word] & within)) {
            p->ready[word] ^= found & -found;
            int code = start_line(p, word * 64 + __builtin_ctzll(found));
            if (code) return code;
        }
    }
    p->fresh = 0;
    return DONE;
}

/* Note that a message is complete. */
static void close_line(Part *p, int64_t line)
{
    p->awaited -= p->lines[line].until > p->lines[line].after;
    finish(p, line);
}

static int long_or_short(Part *p, int which, int64_t line)
{
    const Line *l = p->lines + line;
    int64_t got = l->action == RECV ? bytes_of(p, which, l) : l->size;
    return got == l->size ? DONE : failed(p, LONG_OR_SHORT, line, (int)got);
}

/* Close the messages that are complete, of all that are open; those that are left move together. */
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

/* Take up what has come, looked at one by one or together. */
static int take_up(Part *p, int done, int singly)
{
    for (int i = 0; i < done; i++) {
        int which = singly ? p->indices[i] : i;
        int code = long_or_short(p, which, p->under_way[p->indices[i]]);
        if (code) return code;
    }
    if (done == p->open) close_all(p);
    else close_some(p, done);
    p->seen = 0;
    p->left -= done;
    p->since = 0;
    settle(p);
    pass_by(p);
    return DONE;
}

/* What to look for: some messages, all of them, or the one with this number. */
enum { SOME = -2, ALL = -1 };

/* Tell which messages have to be complete before anything can go on: all; or the only one that
   some line waits for, where the lead reaches no farther without it; else it may be any. */
static int64_t wanted(const Part *p)
{
    int64_t gate = p->reach == p->count ? INT64_MAX : p->lines[p->reach].gate;
    if (!p->awaited) return gate >= p->reach ? ALL : SOME;
    if (p->awaited > 1) return SOME;
    for (int64_t i = 0; i < p->open; i++) {
        const Line *l = p->lines + p->under_way[i];
        if (l->until > l->after) return gate > p->under_way[i] ? i : SOME;
    }
    return SOME;
}

/* Look which messages are complete: some; one; or, if all have to be, one after the other. */
static int look(Part *p, int64_t want, int *done)
{
    if (want == SOME) return look_for_some(p, done);
    if (want != ALL) {
        p->indices[0] = (int)want;
        return look_at(p, want, done);
    }
    for (; p->seen < p->open; p->seen++) {
        int complete = 0, code = look_at(p, p->seen, &complete);
        if (code || !complete) return code;
        p->indices[p->seen] = (int)p->seen;
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
        if (done > 0) return take_up(p, done, want != SOME);
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
