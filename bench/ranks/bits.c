/* An emitted program, PROGRAM, with inputs whose sums depend on the order of adding.
   Usage: bits RUNS SIZE LEAD CHUNKS; process 0 prints a digest of all outputs for each run. */
#define main emitted
#include PROGRAM
#undef main

static void pour(int me)
{
    float *ins = (float *)machine.part.memory[IN];
    for (Int i = 0; i < plan.total[IN]; i++) {
        uint64_t word = ((uint64_t)i * 1000003u + (uint64_t)me * 7919u + 1) * 0x9E3779B97F4A7C15u;
        ins[i] = (float)((int64_t)(word >> 40) - 8388608) / (float)(1 << (word >> 8 & 15));
    }
}

static uint64_t digest(void)
{
    const uint32_t *outs = (const uint32_t *)machine.part.memory[OUT];
    uint64_t sum = 0;
    for (Int i = 0; i < plan.total[OUT]; i++) sum = (sum + outs[i]) * 0x9E3779B97F4A7C15u;
    return sum;
}

int main(int argc, char **argv)
{
    int me, n, got, runs = atoi(argv[1]);
    static unsigned long long all[PROCESSES];
    if (argc < 5) return 2;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &got);
    MPI_Comm_rank(MPI_COMM_WORLD, &me);
    MPI_Comm_size(MPI_COMM_WORLD, &n);
    if (n != PROCESSES) MPI_Abort(MPI_COMM_WORLD, 2);
    args.crowded = 1, args.watchdog = 60;
    plan.me = me, plan.chunks = atoll(argv[4]), plan.lead = atoll(argv[3]);
    fit(atoll(argv[2]) / 4);
    make_plan();
    make_machine(MPI_COMM_WORLD);
    for (int i = 0; i < runs; i++) {
        pour(me);
        run();
        unsigned long long own = digest();
        MPI_Gather(&own, 8, MPI_BYTE, all, 8, MPI_BYTE, 0, MPI_COMM_WORLD);
        for (int k = 0; !me && k < n; k++) printf("%016llx%c", all[k], k < n - 1 ? ' ' : '\n');
    }
    MPI_Finalize();
    return 0;
}
