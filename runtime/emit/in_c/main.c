#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include <limits.h>
#include <math.h>
#include <mpi.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "engine.c"

typedef long long Int;
enum { IN, OUT, SCRATCH };          /* buffers */
enum { PUT = 4, JOIN, FOLD };       /* ways to land, besides COPY and ADD */
typedef struct { int process, side; Int first, blocks, stride; } Run;
typedef struct { Int block, first, last; } Piece;
typedef struct { int step, piece, src, dst, source, target, landing, turn, held; } Transfer;
typedef struct { int process, piece; } Kept;

#include "plan.c"

__extension__ typedef unsigned __int128 Wide;

static void fail(const char *what)
{
    fprintf(stderr, "commplan: %s\n", what);
    MPI_Abort(MPI_COMM_WORLD, 70);
    exit(70);
}

static void *keep(void *memory)
{
    if (!memory) fail("out of memory");
    return memory;
}

static void *take(size_t count, size_t width) { return keep(calloc(count ? count : 1, width)); }

#include "floats.c"

#include "elements.c"

#include "options.c"

#include "lowering.c"

#include "dependencies.c"

#include "machine.c"

#include "check.c"

#include "table.c"

#include "trace.c"

/* Measuring every size that is asked for. */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Give the median over the iterations of the time that the slowest process took. */
static double timed(MPI_Comm comm)
{
    size_t n = (size_t)args.iterations;
    double *times = take(n, sizeof(double)), *slowest = take(n, sizeof(double));
    for (Int i = -args.warm_up; i < args.iterations; i++) {
        MPI_Barrier(comm);
        double start = MPI_Wtime();
        run();
        times[i > 0 ? i : 0] = MPI_Wtime() - start;
    }
    MPI_Allreduce(times, slowest, (int)n, MPI_DOUBLE, MPI_MAX, comm);
    qsort(slowest, n, sizeof(double), by_value);
    double median = (slowest[(n - 1) / 2] + slowest[n / 2]) / 2;
    free(times);
    free(slowest);
    return median > 1e-9 ? median : 1e-9;
}

/* Check and time one size; on process 0, print its row. */
static Row measure(MPI_Comm comm, Int size)
{
    Int width = (Int)args.type->width, count = fit(size / width), wrong = 0;
    Row row = {count * width, plan.block[0], 0, 0, 0, 0, 0};
    row.chunks = plan.chunks = args.chunks ? args.chunks : chunks_for(row.size);
    MPI_Comm_rank(comm, &plan.me);
    plan.lead = args.lead ? args.lead : LEAD;
    make_plan();
    make_machine(comm);
    fill();
    MPI_Barrier(comm);
    run();
    if (args.check) wrong = wrong_elements();
    MPI_Allreduce(&wrong, &row.wrong, 1, MPI_LONG_LONG, MPI_SUM, comm);
    row.seconds = timed(comm);
    row.algbw = (double)row.size / row.seconds;
    row.busbw = row.algbw * busbw_factor;
    if (args.trace) trace(comm);
    free_machine();
    if (!plan.me) print_row(&row);
    return row;
}

/* Print the head of the table, with every process's number and computer. */
static void introduce(MPI_Comm comm, int me)
{
    static Process all[PROCESSES];
    Process own = {getpid(), ""};
    int length;
    MPI_Get_processor_name(own.host, &length);
    MPI_Gather(&own, sizeof own, MPI_BYTE, all, sizeof own, MPI_BYTE, 0, comm);
    if (!me) print_head(all);
}

static Int measure_all(MPI_Comm comm)
{
    Row rows[MOST_SIZES];
    Int wrong = 0;
    double busbw = 0;
    int me;
    MPI_Comm_rank(comm, &me);
    introduce(comm, me);
    for (int i = 0; i < args.count; i++) {
        rows[i] = measure(comm, args.sizes[i]);
        wrong += rows[i].wrong;
        busbw += rows[i].busbw / args.count / 1e9;
    }
    if (me) return wrong;
    printf("# Out of bounds values : %lld %s\n", wrong, wrong ? "FAILED" : "OK");
    printf("# Avg bus bandwidth    : %g \n#\n", busbw);
    printf("# Collective test concluded: %s_perf\n", collective);
    for (int i = 0; i < args.count; i++) print_json(&rows[i]);
    fflush(stdout);
    return wrong;
}

/* Tell whether processes are in the order of the ranks that they play. */
static int in_order(void)
{
    for (int i = 1; i < PROCESSES; i++)
        if (args.played[i] < args.played[i - 1]) return 0;
    return 1;
}

int main(int argc, char **argv)
{
    const char *word = options(argc, argv);
    int world, processes, code = 2, got;
    /* With threads about, MPICH gives way to other processes while it waits. */
    MPI_Init_thread(&argc, &argv, args.crowded ? MPI_THREAD_MULTIPLE : MPI_THREAD_SINGLE, &got);
    MPI_Comm_rank(MPI_COMM_WORLD, &world);
    MPI_Comm_size(MPI_COMM_WORLD, &processes);
    if (args.help) {
        if (!world) printf("%s on %s\n%s", collective, topology, usage);
        code = 0;
    } else if (word) {
        if (!world) fprintf(stderr, "commplan: %s: unknown, or its value is wrong\n%s", word, usage);
    } else if (processes != PROCESSES) {
        if (!world) fprintf(stderr, "commplan: %d processes were started, the plan is for %d\n",
                            processes, PROCESSES);
    } else if (!read_map()) {
        if (!world) fprintf(stderr, "commplan: --map %s: expected each rank once\n", args.map);
    } else {
        /* Who makes a communicator has Open MPI look at more things whenever it waits. */
        MPI_Comm comm = MPI_COMM_WORLD;
        int ordered = in_order();
        if (!ordered) MPI_Comm_split(MPI_COMM_WORLD, 0, args.played[world], &comm);
        code = measure_all(comm) ? 1 : 0;
        if (!ordered) MPI_Comm_free(&comm);
    }
    MPI_Finalize();
    return code;
}
