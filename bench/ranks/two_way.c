/* Two processes send each other messages, two under way in either direction, as one writes it by hand.
   Usage: two_way TOTAL BYTES...; prints "BYTES ONE BOTH" for each size of message: the bytes per second
   from process 0 to process 1 while nothing goes back, and each way while messages go both ways. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { AHEAD = 2 };
static int me;

/* Let `count` messages go, and as many come. */
static double run(char *memory, int bytes, int count, int sends, int receives)
{
    MPI_Request request[2 * AHEAD];
    for (int i = 0; i < 2 * AHEAD; i++) request[i] = MPI_REQUEST_NULL;
    MPI_Barrier(MPI_COMM_WORLD);
    double start = MPI_Wtime(), mine, all;
    for (int i = 0; i < count; i++) {
        MPI_Request *out = request + i % AHEAD, *in = out + AHEAD;
        MPI_Wait(in, MPI_STATUS_IGNORE);
        if (receives) MPI_Irecv(memory + (size_t)bytes * (size_t)(AHEAD + i % AHEAD), bytes, MPI_CHAR, 1 - me, 0, MPI_COMM_WORLD, in);
        MPI_Wait(out, MPI_STATUS_IGNORE);
        if (sends) MPI_Isend(memory + (size_t)bytes * (size_t)(i % AHEAD), bytes, MPI_CHAR, 1 - me, 0, MPI_COMM_WORLD, out);
    }
    MPI_Waitall(2 * AHEAD, request, MPI_STATUSES_IGNORE);
    mine = MPI_Wtime() - start;
    MPI_Allreduce(&mine, &all, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    return all;
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &me);
    for (int i = 2; i < argc; i++) {
        int bytes = atoi(argv[i]), count = atoi(argv[1]) / (bytes > 0 ? bytes : 1);
        char *memory = calloc(2 * AHEAD, (size_t)bytes);
        if (!memory || count < 1) MPI_Abort(MPI_COMM_WORLD, 2);
        run(memory, bytes, AHEAD, 1, 1);
        double total = (double)count * bytes;
        double one = run(memory, bytes, count, me == 0, me == 1), both = run(memory, bytes, count, 1, 1);
        if (me == 0) printf("%d %.9f %.9f\n", bytes, total / one, total / both), fflush(stdout);
        free(memory);
    }
    return MPI_Finalize();
}
