/* The memory of a play, and what stands in it before anything happens. */
#include "play.h"

static void *zeros(State *s, int64_t count, size_t width)
{
    void *made = calloc((size_t)count + 1, width);
    if (!made) s->failed = NO_MEMORY;
    return made;
}

static void reach_for_memory(State *s)
{
    const Play *p = s->of;
    int64_t steps = p->ranks * (p->steps + 1), places = p->messages * p->chunks;
    s->message = zeros(s, p->messages, sizeof *s->message);
    s->visit = zeros(s, p->visit_first[p->parts], sizeof *s->visit);
    s->station = zeros(s, p->stations, sizeof *s->station);
    s->lane = zeros(s, p->stations, sizeof *s->lane);
    s->pair = zeros(s, p->pairs, sizeof *s->pair);
    s->low = zeros(s, p->ranks, sizeof *s->low);
    s->left = zeros(s, steps, sizeof *s->left);
    s->parked = zeros(s, steps, sizeof *s->parked);
    s->latest = zeros(s, places, sizeof *s->latest);
    s->met = zeros(s, places, sizeof *s->met);
    s->come = zeros(s, places, sizeof *s->come);
    s->entered = zeros(s, p->gates * p->chunks, sizeof *s->entered);
    s->flows.rest = zeros(s, p->stations, sizeof *s->flows.rest);
    s->flows.waiting = zeros(s, p->stations, sizeof *s->flows.waiting);
    s->flows.reached = zeros(s, p->stations, sizeof *s->flows.reached);
    s->flows.busy = zeros(s, p->stations, sizeof *s->flows.busy);
    s->flows.users = zeros(s, p->stations, sizeof *s->flows.users);
    s->flows.queue = zeros(s, p->queues, sizeof *s->flows.queue);
    s->flows.free = -1;
    s->flows.round = 1;
    while (p->stations >> s->flows.bits) s->flows.bits++;
}

void release(State *s)
{
    int64_t i;
    if (s->station)
        for (i = 0; i < s->of->stations; i++) free(s->station[i].busy);
    if (s->lane)
        for (i = 0; i < s->of->stations; i++) free(s->lane[i].event);
    if (s->flows.users)
        for (i = 0; i < s->of->stations; i++) free(s->flows.users[i].flow);
    free(s->message); free(s->visit); free(s->station); free(s->lane);
    free(s->pair); free(s->low); free(s->left); free(s->parked); free(s->latest);
    free(s->met); free(s->come); free(s->entered); free(s->heap);
    free(s->flows.rest); free(s->flows.waiting);
    free(s->flows.reached); free(s->flows.busy); free(s->flows.users); free(s->flows.queue);
    free(s->flows.flow); free(s->flows.active); free(s->flows.ends);
}

static void lay_out_visits(State *s)
{
    const Play *p = s->of;
    int64_t part, v, end = p->visit_first[p->parts];
    for (part = 0; part < p->parts; part++)
        for (v = p->visit_first[part]; v < p->visit_first[part + 1]; v++) {
            Visit visit = { p->work[v], p->way[v], p->images[p->station[v]],
                            (int32_t)p->station[v], (int32_t)part };
            s->visit[v] = visit;
        }
    s->visit[end].part = -1;
}

/* Mark the gates for which a message waits, or for which one behind them waits. */
static char *mark_gates(State *s)
{
    const Play *p = s->of;
    char *matters = zeros(s, p->gates, 1);
    int64_t i;
    if (!matters) return NULL;
    for (i = p->gates - 1; i >= 0; i--)
        matters[i] = p->gate_first[i] < p->gate_first[i + 1]
                     || (p->gate_next[i] >= 0 && matters[p->gate_next[i]]);
    return matters;
}

static void lay_out_message(State *s, int64_t i, const char *matters)
{
    const Play *p = s->of;
    Message *m = &s->message[i];
    int64_t first = p->part_first[i], last = p->part_first[i + 1], pair = p->pair[i];
    m->step = (int32_t)p->step[i];
    m->turn = (int32_t)p->turn[i];
    m->cuts = (int32_t)p->cuts[i];
    m->need = (int32_t)p->need[i];
    m->sending = p->sending[i];
    m->receiving = p->receiving[i];
    m->parts = (int32_t)(last - first);
    m->pair = (int32_t)pair;
    m->src = (int32_t)p->pair_src[pair];
    m->dst = (int32_t)p->pair_dst[pair];
    m->visit = (int32_t)p->visit_first[first];
    m->visit_end = (int32_t)p->visit_first[last];
    m->opens = (int32_t)p->opens_first[i];
    m->opens_end = (int32_t)p->opens_first[i + 1];
    while (m->opens < m->opens_end && !matters[p->opens[m->opens_end - 1]]) m->opens_end--;
}

static void lay_out_pair(State *s, int64_t i)
{
    const Play *p = s->of;
    Pair *pair = &s->pair[i];
    pair->row = pair->open = (int32_t)p->pair_first[i];
    pair->end = (int32_t)p->pair_first[i + 1];
    pair->src = (int32_t)p->pair_src[i];
    pair->dst = (int32_t)p->pair_dst[i];
    pair->step = s->message[pair->row].step;
}

/* Count what a rank has to do in each step: what has a chunk in all of its steps where these begin
   and end, all else step by step. */
static void count_at(State *s, int64_t rank, const Message *m, int whole)
{
    int64_t c;
    int32_t *left = s->left + rank * (s->of->steps + 1);
    if (rank < 0 || whole != (m->cuts == s->of->chunks)) return;
    if (whole) {
        left[m->step]++;
        left[m->step + m->cuts * s->of->phases]--;
    } else {
        for (c = 0; c < m->cuts; c++) left[program_step(s->of, m, c)]++;
    }
}

static void count(State *s)
{
    const Play *p = s->of;
    int64_t i, step, whole;
    for (whole = 1; whole >= 0; whole--) {
        for (i = 0; i < p->messages; i++) {
            count_at(s, s->message[i].src, &s->message[i], (int)whole);
            count_at(s, s->message[i].dst, &s->message[i], (int)whole);
        }
        for (i = 0; whole && i < p->ranks; i++) {
            int32_t *left = s->left + i * (p->steps + 1);
            for (step = p->phases; step <= p->steps; step++) left[step] += left[step - p->phases];
        }
    }
    for (i = 0; i < p->ranks; i++)
        while (s->low[i] < p->steps && !s->left[i * (p->steps + 1) + s->low[i]]) s->low[i]++;
}

void acquire(State *s)
{
    const Play *p = s->of;
    int64_t i;
    char *matters;
    reach_for_memory(s);
    matters = mark_gates(s);
    if (!s->failed) {
        lay_out_visits(s);
        for (i = 0; i < p->messages; i++) lay_out_message(s, i, matters);
        for (i = 0; i < p->pairs; i++) lay_out_pair(s, i);
        for (i = 0; i < p->ranks * (p->steps + 1); i++) s->parked[i] = -1;
        count(s);
    }
    free(matters);
}
