/* A run more whose messages, copies and sums are timed one by one, as rows of a file. */

typedef struct { Int action, peer, bytes, step, piece; double began, ended; } Event;

enum { ROUND_TRIPS = 16, CLOCK = 1, EVENTS = 2 }; /* the last two: tags */

/* Measure how far the clock of process `there` is ahead of that of process 0, by the shortest of
   some round trips; what such a trip leaves open is none: processes of a computer share a clock. */
static double ahead_of(MPI_Comm comm, int there)
{
    double best = 1e300, found = 0;
    for (int i = 0; i < ROUND_TRIPS; i++) {
        double sent = now(), read;
        MPI_Send(&sent, 1, MPI_DOUBLE, there, CLOCK, comm);
        MPI_Recv(&read, 1, MPI_DOUBLE, there, CLOCK, comm, MPI_STATUS_IGNORE);
        double back = now();
        if (back - sent >= best) continue;
        best = back - sent;
        found = read - (sent + back) / 2;
    }
    return fabs(found) > best / 2 ? found : 0;
}

/* Give how far the clock of this process is ahead of that of process 0. */
static double ahead(MPI_Comm comm)
{
    double found = 0;
    for (int p = 1; !plan.me && p < PROCESSES; p++) {
        double theirs = ahead_of(comm, p);
        MPI_Send(&theirs, 1, MPI_DOUBLE, p, CLOCK, comm);
    }
    for (int i = 0; plan.me && i < ROUND_TRIPS; i++) {
        MPI_Recv(&found, 1, MPI_DOUBLE, 0, CLOCK, comm, MPI_STATUS_IGNORE);
        double read = now();
        MPI_Send(&read, 1, MPI_DOUBLE, 0, CLOCK, comm);
    }
    if (plan.me) MPI_Recv(&found, 1, MPI_DOUBLE, 0, CLOCK, comm, MPI_STATUS_IGNORE);
    return found;
}

static void write_events(FILE *file, int process, const Event *events, int count)
{
    static const char *const names[] = {"copy", "send", "receive", "add"};
    for (const Event *e = events; e < events + count; e++)
        fprintf(file, "%d,%s,%lld,%lld,%lld,%lld,%.9f,%.9f\n", process, names[e->action], e->peer,
                e->bytes, e->step, e->piece, e->began, e->ended);
}

/* Write the events of all processes, in their order. */
static void gather(MPI_Comm comm, Event *own, int count)
{
    if (plan.me) {
        MPI_Send(own, count * (int)sizeof(Event), MPI_BYTE, 0, EVENTS, comm);
        return;
    }
    FILE *file = fopen(args.trace, "w");
    if (!file) fail("the file of --trace cannot be written");
    fprintf(file, "process,action,peer,bytes,step,piece,began,ended\n");
    write_events(file, 0, own, count);
    for (int p = 1; p < PROCESSES; p++) {
        MPI_Status status;
        MPI_Probe(p, EVENTS, comm, &status);
        MPI_Get_count(&status, MPI_BYTE, &count);
        Event *theirs = take((size_t)count, 1);
        MPI_Recv(theirs, count, MPI_BYTE, p, EVENTS, comm, MPI_STATUS_IGNORE);
        write_events(file, p, theirs, count / (int)sizeof(Event));
        free(theirs);
    }
    if (fclose(file)) fail("the file of --trace cannot be written");
}

/* Run once more, and write when each line began and ended, in seconds since the first did. */
static void trace(MPI_Comm comm)
{
    Part *p = &machine.part;
    double offset = ahead(comm), first = 1e300, start;
    p->began = take((size_t)p->count, sizeof(double));
    p->ended = take((size_t)p->count, sizeof(double));
    Event *events = take((size_t)p->count, sizeof(Event));
    MPI_Barrier(comm);
    run();
    for (Int i = 0; i < p->count; i++)
        if (p->began[i] - offset < first) first = p->began[i] - offset;
    MPI_Allreduce(&first, &start, 1, MPI_DOUBLE, MPI_MIN, comm);
    for (Int i = 0; i < p->count; i++) {
        const Line *l = p->lines + i;
        Event event = {l->action, l->peer, l->size, l->step, l->piece,
                       p->began[i] - offset - start, p->ended[i] - offset - start};
        events[i] = event;
    }
    gather(comm, events, (int)p->count);
    free(events), free(p->began), free(p->ended);
    p->began = p->ended = 0;
}
