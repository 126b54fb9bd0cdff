/* What is printed: the table of nccl-tests, and a line of JSON for each size. */

typedef struct { Int size, count, chunks, wrong; double seconds, algbw, busbw; } Row;

/* Give a figure with as many decimals as the width allows, at most two. */
static const char *brief(double figure, int width, char text[32])
{
    for (int decimals = 2; decimals >= 0; decimals--)
        if (snprintf(text, 32, "%*.*f", width, decimals, figure) <= width) return text;
    snprintf(text, 32, "%.1e", figure);
    return text;
}

typedef struct { Int pid; char host[MPI_MAX_PROCESSOR_NAME]; } Process;

static void print_head(const Process *processes)
{
    const char *line = "# %10s  %12s  %8s  %6s  %6s";
    const char *rest = "  %7s  %6s  %6s  %6s  %7s  %6s  %6s  %6s \n";
    printf("# nThread 1 nGpus 1 minBytes %lld maxBytes %lld step: %lld(factor) ", args.sizes[0],
           args.sizes[args.count - 1], args.factor);
    printf("warmup iters: %lld iters: %lld agg iters: 1 validation: %lld graph: 0\n", args.warm_up,
           args.iterations, args.check);
    printf("#\n# %s on %s, %d processes\n", collective, topology, PROCESSES);
    for (int p = 0; p < PROCESSES; p++)
        printf("#  Rank %2d Group  0 Pid %6lld on %10s\n", ranks[p], processes[p].pid,
               processes[p].host);
    printf("#\n");
    printf(line, "", "", "", "", "");
    printf("%23s%31s          \n", "out-of-place", "in-place");
    printf(line, "size", "count", "type", "redop", "root");
    printf(rest, "time", "algbw", "busbw", "#wrong", "time", "algbw", "busbw", "#wrong");
    printf(line, "(B)", "(elements)", "", "", "");
    printf(rest, "(us)", "(GB/s)", "(GB/s)", "", "(us)", "(GB/s)", "(GB/s)", "");
    fflush(stdout);
}

static void print_row(const Row *row)
{
    char a[32], b[32], c[32];
    const char *absent = "      N/A     N/A     N/A    N/A";
    printf("%12lld  %12lld  %8s  %6s  %6d%s", row->size, row->count, args.type->nccl,
           REDUCES ? op_names[args.op] : "none", ROOT, args.in_place ? absent : "");
    printf("  %7s  %6s  %6s", brief(row->seconds * 1e6, 7, a), brief(row->algbw / 1e9, 6, b),
           brief(row->busbw / 1e9, 6, c));
    if (args.check) printf("  %6lld", row->wrong);
    printf("%s%s\n", args.check ? "" : "    N/A", args.in_place ? "" : absent);
    fflush(stdout);
}

static void print_json(const Row *row)
{
    printf("# commplan {\"size\": %lld, \"count\": %lld, \"type\": \"%s\", \"op\": \"%s\", ", row->size,
           row->count, args.type->name, op_names[args.op]);
    printf("\"chunks\": %lld, \"in_place\": %s, \"ranks\": %d, \"iterations\": %lld, ", row->chunks,
           args.in_place ? "true" : "false", PROCESSES, args.iterations);
    printf("\"seconds\": %.9g, \"algbw\": %.9g, \"busbw\": %.9g, \"wrong\": ", row->seconds,
           row->algbw, row->busbw);
    printf(args.check ? "%lld}\n" : "null}\n", row->wrong);
}
