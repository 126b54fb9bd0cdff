/* Whether the result is right. */

/* Give how many elements of a block there are from one on, PERIOD at most. */
static size_t period_from(Int block, Int i)
{
    return (size_t)(plan.block[block] - i < PERIOD ? plan.block[block] - i : PERIOD);
}

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
        for (Int i = 0; i < plan.block[b]; i += PERIOD)
            memcpy(at((Span){IN, plan.start[IN][b] + i, 1}), own, width * period_from(b, i));
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

/* Count the elements of two stretches that are not the same. */
static Int unlike(const char *a, const char *b, size_t count, size_t width)
{
    Int found = 0;
    if (!memcmp(a, b, count * width)) return 0;
    for (size_t i = 0; i < count; i++) found += !!memcmp(a + i * width, b + i * width, width);
    return found;
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
        for (Int i = 0; i < plan.block[b]; i += PERIOD)
            wrong += unlike(at((Span){OUT, plan.start[OUT][b] + i, 1}), right, period_from(b, i), width);
    }
    free(right);
    free(other);
    return wrong;
}
