/* MPI's own collective in a loop: what schedules are compared with.
   Usage: stock COLLECTIVE ITERATIONS WARM_UP BYTES...; COLLECTIVE is all_gather or all_reduce, bytes are
   those of the largest buffer of a process. Prints "BYTES SECONDS WRONG" for each size: the median over
   iterations of the slowest process, and the elements of all processes that are not as they should be. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int me, n, gathers;
static float *in, *out;

static void run(long count)
{
    if (gathers)
        MPI_Allgather(in, (int)(count / n), MPI_FLOAT, out, (int)(count / n), MPI_FLOAT, MPI_COMM_WORLD);
    else
        MPI_Allreduce(in, out, (int)count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
}

static long wrong(long count)
{
    long found = 0, all = 0, part = count / n;
    for (long i = 0; i < (gathers ? part * n : count); i++) {
        float right = gathers ? (float)(i / part + i % part % 7) : (float)(n * (n - 1) / 2 + n * (i % 7));
        found += out[i] != right;
    }
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
    gathers = argc > 1 && !strcmp(argv[1], "all_gather");
    if (argc < 5 || (!gathers && strcmp(argv[1], "all_reduce")) || atoi(argv[2]) < 1) MPI_Abort(MPI_COMM_WORLD, 2);
    for (int i = 4; i < argc; i++) measure(atol(argv[i]), atoi(argv[2]), atoi(argv[3]));
    MPI_Finalize();
    return 0;
}
