/* Whether the result is right. */

/* Spoil all memory, then put this process's contributions into its input. */
static void fill(void)
{
    size_t width = args.type->width;
    char *own = take(PERIOD, width);
    for (int buffer = IN; buffer <= SCRATCH; buffer++)
        memset(machine.part.memory[buffer], 119, (size_t)plan.total[buffer] * width);
    for (Int b = 0; b < BLOCKS; b++) {
        if (plan.start[IN][b] < 0) continue;
        args.type->contribute(args.op, own, plan.me, b);
        for (Int i = 0; i < plan.block[b]; i++)
            memcpy(at((Span){IN, plan.start[IN][b] + i, 1}), own + (size_t)(i % PERIOD) * width, width);
    }
    free(own);
}

/* Add up the first PERIOD elements of what all processes put into a block. */
static void define(Int block, char *right, char *other)
{
    int holders = 0;
    for (const Run *run = layout; run->process >= 0; run++) {
        Int k = (block - run->first) / run->stride;
        if (run->side != IN || k < 0 || k >= run->blocks || run->first + k * run->stride != block)
            continue;
        args.type->contribute(args.op, holders++ ? other : right, run->process, block);
        if (holders > 1) args.type->combine(args.op, right, other, PERIOD);
    }
}

/* Count this process's output elements that are not what the definition asks for. */
static Int wrong_elements(void)
{
    size_t width = args.type->width;
    char *right = take(PERIOD, width), *other = take(PERIOD, width);
    Int wrong = 0;
    for (Int b = 0; b < BLOCKS; b++) {
        if (plan.start[OUT][b] < 0) continue;
        define(b, right, other);
        for (Int i = 0; i < plan.block[b]; i++)
            wrong += !!memcmp(at((Span){OUT, plan.start[OUT][b] + i, 1}),
                              right + (size_t)(i % PERIOD) * width, width);
    }
    free(right);
    free(other);
    return wrong;
}
