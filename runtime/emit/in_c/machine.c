/* A plan with memory and requests: how it runs. */

static struct {
    Part part;
    MPI_Request *request;
    MPI_Comm comm;
    char *memory;
} machine;

static char *at(Span span)
{
    return machine.part.memory[span.buffer] + (size_t)span.offset * args.type->width;
}

/* A message that is started anew is as fast as one that is kept, or faster. */
static int start_message(Part *p, const Line *l)
{
    char *memory = p->memory[l->buffer] + l->offset;
    MPI_Request *request = machine.request + p->open;
    if (l->action == SEND)
        return MPI_Isend(memory, (int)l->size, MPI_BYTE, (int)l->peer, 0, machine.comm, request);
    return MPI_Irecv(memory, (int)l->size, MPI_BYTE, (int)l->peer, 0, machine.comm, request);
}

static int look_for_some(Part *p, int *done)
{
    return MPI_Testsome((int)p->open, machine.request, done, p->indices, MPI_STATUSES_IGNORE);
}

static int look_at(Part *p, int64_t which, int *done)
{
    (void)p;
    return MPI_Test(machine.request + which, done, MPI_STATUS_IGNORE);
}

/* All processes run this very program. */
static int64_t bytes_of(Part *p, int which, const Line *l)
{
    (void)p, (void)which;
    return l->size;
}

static void move_request(Part *p, int64_t to, int64_t from)
{
    (void)p;
    machine.request[to] = machine.request[from];
}

static void combine(const Part *p, char *to, const char *from, int64_t size)
{
    (void)p;
    args.type->combine(args.op, to, from, size / (int64_t)args.type->width);
}

enum { PAGE = 2 << 20 };

/* Take memory, what is large in large pages: with those MPI moves it up to twice as fast. */
static char *take_pages(size_t size)
{
    if (size < 2 * PAGE) return take(size, 1);
    size = (size + PAGE - 1) / PAGE * PAGE;
    char *memory = keep(aligned_alloc(PAGE, size));
#ifdef MADV_HUGEPAGE
    madvise(memory, size, MADV_HUGEPAGE);
#endif
    return memset(memory, 0, size);
}

/* Lay out memory: input and output share it where they do, and scratch lies behind them. */
static void make_memory(void)
{
    Int width = (Int)args.type->width, ends[2];
    for (int side = IN; side <= OUT; side++) {
        edges.base[side] = plan.begin[side] * width;
        ends[side] = edges.base[side] + plan.total[side] * width;
    }
    if (!args.in_place) edges.base[OUT] += ends[IN], ends[OUT] += ends[IN];
    edges.base[SCRATCH] = ends[IN] > ends[OUT] ? ends[IN] : ends[OUT];
    machine.memory = take_pages((size_t)(edges.base[SCRATCH] + plan.total[SCRATCH] * width));
    for (int buffer = IN; buffer <= SCRATCH; buffer++)
        machine.part.memory[buffer] = machine.memory + edges.base[buffer];
}

static void make_machine(MPI_Comm comm)
{
    Part *p = &machine.part;
    size_t count = (size_t)plan.entries, words = count / 64 + 1;
    machine.comm = comm;
    make_memory();
    Line *lines = take(count, sizeof(Line));
    for (size_t i = 0; i < count; i++) lines[i] = plan.entry[i].line;
    free(plan.entry);
    p->followers = depend(lines, plan.entries);
    follow(lines, plan.entries, plan.lead);
    p->lines = lines;
    p->count = plan.entries;
    p->needs = take(count, sizeof(int64_t));
    p->todo = take(count, sizeof(int64_t));
    p->under_way = take(count, sizeof(int64_t));
    p->ready = take(2 * words, sizeof(uint64_t));
    p->steps = take(count, sizeof(Step));
    p->step_of = take(count, sizeof(int64_t));
    p->indices = take(count, sizeof(int));
    machine.request = take(count, sizeof(MPI_Request));
    p->spins = args.crowded ? 8 : args.watchdog > 0 ? 64 : INT64_MAX; /* before others have a turn */
    p->slice = 1e300;
    p->limit = args.watchdog > 0 ? args.watchdog : 1e300;
}

static void free_machine(void)
{
    Part *p = &machine.part;
    void *all[] = {(void *)p->lines, (void *)p->followers, p->needs, p->todo, p->under_way,
                   p->ready, p->steps, p->step_of, p->indices, machine.request, machine.memory};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) free(all[i]);
    memset(&machine, 0, sizeof machine);
}

/* Name the messages that do not come, and end all. */
static void give_up(const Part *p)
{
    for (int64_t i = 0; i < p->open; i++) {
        const Line *l = p->lines + p->under_way[i];
        fprintf(stderr, "commplan: rank %d blocked in step %d waiting %s rank %d (piece %d)\n",
                ranks[plan.me], (int)l->step, l->action == SEND ? "to send to" : "for",
                ranks[l->peer], (int)l->piece);
    }
    sleep(1); /* for the others to say what they wait for */
    MPI_Abort(MPI_COMM_WORLD, 124);
}

/* Do the collective once. */
static void run(void)
{
    if (advance(&machine.part, 1) != DONE) give_up(&machine.part);
}
