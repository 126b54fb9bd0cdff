/* MPI's own collective in a loop: what schedules are compared with.
   Usage: stock COLLECTIVE ITERATIONS WARM_UP BYTES[:ITERATIONS[:WARM_UP]]...; COLLECTIVE is all_gather, all_reduce, broadcast (from
   process 0), all_to_all or reduce_scatter, bytes are those of the largest buffer of a process. Prints "BYTES SECONDS WRONG" for each size: the median over
   iterations of the slowest process, and the elements of all processes that are not as they should be. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GATHER, SUM, SPREAD, EXCHANGE, SHARES, COUNT };
static const char *const names[COUNT] = {"all_gather", "all_reduce", "broadcast", "all_to_all", "reduce_scatter"};
static int me, n, what;
static float *in, *out;

static void run(long count)
{
    int all = (int)count, part = all / n;
    MPI_Comm world = MPI_COMM_WORLD;
    if (what == GATHER) MPI_Allgather(in, part, MPI_FLOAT, out, part, MPI_FLOAT, world);
    if (what == SUM) MPI_Allreduce(in, out, all, MPI_FLOAT, MPI_SUM, world);
    if (what == SPREAD) MPI_Bcast(out, all, MPI_FLOAT, 0, world);
    if (what == EXCHANGE) MPI_Alltoall(in, part, MPI_FLOAT, out, part, MPI_FLOAT, world);
    if (what == SHARES) MPI_Reduce_scatter_block(in, out, part, MPI_FLOAT, MPI_SUM, world);
}

/* Of process p, element i: p + i % 7. */
static float right(long i, long part)
{
    long from = part ? i / part : 0, at = part ? i % part : 0, sum = (long)n * (n - 1) / 2;
    if (what == GATHER) return (float)(from + at % 7);
    if (what == SUM) return (float)(sum + n * (i % 7));
    if (what == SPREAD) return (float)(i % 7);
    if (what == EXCHANGE) return (float)(from + (me * part + at) % 7);
    return (float)(sum + n * ((me * part + i) % 7));
}

static long wrong(long count)
{
    long found = 0, all = 0, part = count / n, length = what == SUM || what == SPREAD ? count : part * n;
    if (what == SHARES) length = part;
    for (long i = 0; i < length; i++) found += out[i] != right(i, part);
    MPI_Allreduce(&found, &all, 1, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
    return all;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(long bytes, int iterations, int warm_up)
{
    long count = bytes / (long)sizeof(float);
    double *times = malloc((size_t)iterations * sizeof *times), *most = malloc((size_t)iterations * sizeof *most);
    in = malloc((size_t)bytes), out = malloc((size_t)bytes);
    if (!times || !most || !in || !out) MPI_Abort(MPI_COMM_WORLD, 1);
    for (long i = 0; i < count; i++) in[i] = (float)(me + i % 7);
    memset(out, 0, (size_t)bytes);
    if (what == SPREAD && me == 0) memcpy(out, in, (size_t)bytes);
    for (int i = -warm_up; i < iterations; i++) {
        MPI_Barrier(MPI_COMM_WORLD);
        double start = MPI_Wtime();
        run(count);
        if (i >= 0) times[i] = MPI_Wtime() - start;
    }
    MPI_Allreduce(times, most, iterations, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    qsort(most, (size_t)iterations, sizeof *most, by_value);
    long faults = wrong(count);
    if (me == 0) printf("%ld %.9f %ld\n", bytes, most[iterations / 2], faults), fflush(stdout);
    free(times), free(most), free(in), free(out);
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &me);
    MPI_Comm_size(MPI_COMM_WORLD, &n);
    while (argc > 1 && what < COUNT && strcmp(argv[1], names[what])) what++;
    if (argc < 5 || what == COUNT || atoi(argv[2]) < 1) MPI_Abort(MPI_COMM_WORLD, 2);
    for (int i = 4; i < argc; i++) {
        long bytes = 0;
        int iterations = atoi(argv[2]), warm_up = atoi(argv[3]);
        sscanf(argv[i], "%ld:%d:%d", &bytes, &iterations, &warm_up);
        if (iterations < 1) MPI_Abort(MPI_COMM_WORLD, 2);
        measure(bytes, iterations, warm_up);
    }
    MPI_Finalize();
    return 0;
}
