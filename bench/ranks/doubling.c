/* Recursive doubling by hand, for 2^k processes: what the same messages take without an executor.
   Usage and output are those of stock.c, for all_reduce alone. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int me, n;

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void run(float *sum, float *other, const float *in, int count)
{
    memcpy(sum, in, (size_t)count * sizeof *sum);
    for (int far = 1; far < n; far *= 2) {
        MPI_Request both[2];
        MPI_Irecv(other, count, MPI_FLOAT, me ^ far, 0, MPI_COMM_WORLD, both);
        MPI_Isend(sum, count, MPI_FLOAT, me ^ far, 0, MPI_COMM_WORLD, both + 1);
        MPI_Waitall(2, both, MPI_STATUSES_IGNORE);
        for (int i = 0; i < count; i++) sum[i] += other[i];
    }
}

static void measure(int bytes, int iterations, int warm_up)
{
    int count = bytes / (int)sizeof(float);
    long faults = 0, all = 0;
    float *memory = calloc((size_t)count, 3 * sizeof *memory), *in = memory + 2 * count;
    double *times = calloc((size_t)iterations, 2 * sizeof *times), *most = times + iterations;
    if (!memory || !times) MPI_Abort(MPI_COMM_WORLD, 1);
    for (int i = 0; i < count; i++) in[i] = (float)(me + i % 7);
    for (int i = -warm_up; i < iterations; i++) {
        MPI_Barrier(MPI_COMM_WORLD);
        double start = MPI_Wtime();
        run(memory, memory + count, in, count);
        if (i >= 0) times[i] = MPI_Wtime() - start;
    }
    MPI_Allreduce(times, most, iterations, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    qsort(most, (size_t)iterations, sizeof *most, by_value);
    for (int i = 0; i < count; i++) faults += memory[i] != (float)(n * (n - 1) / 2 + n * (i % 7));
    MPI_Allreduce(&faults, &all, 1, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
    if (me == 0) printf("%d %.9f %ld\n", bytes, most[iterations / 2], all);
    free(memory);
    free(times);
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &me);
    MPI_Comm_size(MPI_COMM_WORLD, &n);
    if (argc < 5 || (n & (n - 1)) || atoi(argv[2]) < 1) MPI_Abort(MPI_COMM_WORLD, 2);
    for (int i = 4; i < argc; i++) measure(atoi(argv[i]), atoi(argv[2]), atoi(argv[3]));
    return MPI_Finalize();
}
