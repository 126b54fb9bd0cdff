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
