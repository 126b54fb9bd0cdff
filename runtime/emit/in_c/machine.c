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
