/* A ring all_reduce of floats as one writes it by hand: what executors are compared with.
   Usage: ring REPEATS_LIMIT CROWDED BYTES... ; prints "BYTES SECONDS" for the faster of two ways. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int me, n;
static long part[257];
static float *in, *out;

static void add(float *restrict a, const float *restrict b, long count)
{
    for (long i = 0; i < count; i++) a[i] += b[i];
}

static long block(int i) { return part[(i + 2 * n) % n]; }
static int length(int i) { return (int)(part[(i + 2 * n) % n + 1] - part[(i + 2 * n) % n]); }

/* Step s: send block me - s, which was added up in the step before; receive me - s - 1. */
static void exchange(int s, MPI_Request *q, int persistent)
{
    int sends = s < n - 1 ? me - s : me + 1 - (s - n + 1), next = (me + 1) % n;
    int receives = sends - 1, before = (me + n - 1) % n;
    const float *from = s ? out + block(sends) : in + block(sends);
    if (persistent) {
        MPI_Recv_init(out + block(receives), length(receives), MPI_FLOAT, before, 0, MPI_COMM_WORLD, q);
        MPI_Send_init(from, length(sends), MPI_FLOAT, next, 0, MPI_COMM_WORLD, q + 1);
    } else {
        MPI_Irecv(out + block(receives), length(receives), MPI_FLOAT, before, 0, MPI_COMM_WORLD, q);
        MPI_Isend(from, length(sends), MPI_FLOAT, next, 0, MPI_COMM_WORLD, q + 1);
    }
}

static void reduce(int s)
{
    if (s < n - 1) add(out + block(me - s - 1), in + block(me - s - 1), length(me - s - 1));
}

static void run(MPI_Request *kept)
{
    for (int s = 0; s < 2 * (n - 1); s++) {
        MPI_Request q[2];
        if (kept)
            MPI_Startall(2, kept + 2 * s);
        else
            exchange(s, q, 0);
        MPI_Waitall(2, kept ? kept + 2 * s : q, MPI_STATUSES_IGNORE);
        reduce(s);
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double timed(MPI_Request *kept, int repeats)
{
    double *times = malloc((size_t)repeats * sizeof *times), *most = malloc((size_t)repeats * sizeof *most);
    for (int i = -repeats / 4; i < repeats; i++) {
        MPI_Barrier(MPI_COMM_WORLD);
        double start = MPI_Wtime();
        run(kept);
        times[i > 0 ? i : 0] = MPI_Wtime() - start;
    }
    MPI_Allreduce(times, most, repeats, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    qsort(most, (size_t)repeats, sizeof *most, by_value);
    double median = most[repeats / 2];
    free(times);
    free(most);
    return median;
}

static void measure(long bytes, int limit)
{
    long count = bytes / (long)sizeof(float);
    int repeats = (int)(2e8 / (double)(bytes + 100000));
    MPI_Request *kept = malloc((size_t)(4 * n) * sizeof *kept);
    repeats = repeats > limit ? limit : repeats < 8 ? 8 : repeats;
    for (int i = 0; i <= n; i++) part[i] = count * i / n;
    in = malloc((size_t)bytes);
    out = malloc((size_t)bytes);
    for (long i = 0; i < count; i++) in[i] = (float)(i % 7 + me), out[i] = 0;
    for (int s = 0; s < 2 * (n - 1); s++) exchange(s, kept + 2 * s, 1);
    double seconds = timed(0, repeats), other = timed(kept, repeats);
    for (long i = 0; i < count; i++)
        if (out[i] != (float)(i % 7 * n + n * (n - 1) / 2)) MPI_Abort(MPI_COMM_WORLD, 1);
    if (!me) printf("%ld %.9g\n", bytes, other < seconds ? other : seconds);
    fflush(stdout);
    for (int i = 0; i < 4 * (n - 1); i++) MPI_Request_free(&kept[i]);
    free(kept);
    free(in);
    free(out);
}

int main(int argc, char **argv)
{
    int got;
    MPI_Init_thread(&argc, &argv, atoi(argv[2]) ? MPI_THREAD_MULTIPLE : MPI_THREAD_SINGLE, &got);
    MPI_Comm_rank(MPI_COMM_WORLD, &me);
    MPI_Comm_size(MPI_COMM_WORLD, &n);
    for (int i = 3; i < argc; i++) measure(atol(argv[i]), atoi(argv[1]));
    MPI_Finalize();
    return 0;
}
