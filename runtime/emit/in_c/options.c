/* How the processes are called and told apart. */

enum { MOST_SIZES = 256 };
static struct {
    Int sizes[MOST_SIZES], end, factor, iterations, warm_up, check, chunks, join, lead;
    int count, op, in_place, crowded, played[PROCESSES];
    double watchdog;
    const struct Type *type;
    const char *map, *trace;
    int help;
} args = {{1 << 20}, 0, 2, 20, 5, 1, 0, 1 << 14, 0, 1, SUM, 0, 0, {0}, 0, &types[6], "", 0, 0};

static const char usage[] =
    "usage: -b SIZE ... [-e END] [-f FACTOR] [-n ITERATIONS] [-w WARM-UP] [-c 0|1] [--type TYPE]\n"
    "       [--op sum|min|max|prod] [--chunks N] [--in-place] [--map 2,0,1] [--watchdog SECONDS]\n"
    "       [--join BYTES] (up to which messages are joined) [--lead STEPS] (the plan's)\n"
    "       [--crowded] (there are more processes than cores) [-h]\n"
    "       [--trace FILE] (rows: when each message of one run more began and ended)\n";

static const Int MOST_BYTES = 1LL << 50;

/* Read a size: 4096, 64K, 64KiB or 1MB; 0 if it is none. */
static Int size_of(const char *text)
{
    static const struct { const char *unit; Int factor; } units[] = {
        {"", 1}, {"B", 1}, {"K", 1 << 10}, {"KiB", 1 << 10}, {"M", 1 << 20}, {"MiB", 1 << 20},
        {"G", 1 << 30}, {"GiB", 1 << 30}, {"T", 1LL << 40}, {"TiB", 1LL << 40}, {"k", 1 << 10},
        {"m", 1 << 20}, {"g", 1 << 30}, {"t", 1LL << 40}, {"KB", 1000}, {"MB", 1000000},
        {"GB", 1000000000}, {"TB", 1000000000000}};
    size_t digits = strspn(text, "0123456789");
    if (!digits || digits > 16) return 0;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (!strcmp(text + digits, units[i].unit) && atoll(text) <= MOST_BYTES / units[i].factor)
            return atoll(text) * units[i].factor;
    return 0;
}

static int index_of(const char *word, int known, const char *(*name)(int))
{
    for (int i = 0; i < known; i++)
        if (!strcmp(word, name(i))) return i;
    return -1;
}

static const char *op_name(int i) { return op_names[i]; }
static const char *type_name(int i) { return types[i].name; }

/* Read one option with a value; 0 if it is unknown or the value is wrong. */
static int option(const char *name, const char *value)
{
    enum { most = 999999999 };
    static const struct { const char *brief, *full; Int *to, least, most; } numbers[] = {
        {"-n", "--iterations", &args.iterations, 1, most},
        {"-w", "--warm-up", &args.warm_up, 0, most}, {"-c", "--check", &args.check, 0, 1},
        {"-f", "--factor", &args.factor, 2, most}, {"--chunks", "--chunks", &args.chunks, 0, 65536},
        {"--join", "--join", &args.join, 0, most}, {"--lead", "--lead", &args.lead, 0, MOST_LEAD}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (!strcmp(name, numbers[i].brief) || !strcmp(name, numbers[i].full)) {
            *numbers[i].to = atoll(value);
            return *value && strspn(value, "0123456789") == strlen(value) &&
                   strlen(value) < 10 && *numbers[i].to >= numbers[i].least &&
                   *numbers[i].to <= numbers[i].most;
        }
    int type = index_of(value, TYPES, type_name), op = index_of(value, 4, op_name);
    if (!strcmp(name, "--type") && type >= 0) return args.type = &types[type], 1;
    if (!strcmp(name, "--op") && op >= 0) return args.op = op, 1;
    if (!strcmp(name, "--map")) return args.map = value, 1;
    if (!strcmp(name, "--trace")) return args.trace = value, *value != 0;
    if (!strcmp(name, "--watchdog")) {
        char *end;
        args.watchdog = strtod(value, &end);
        return *value && !*end && args.watchdog >= 0 && args.watchdog < 1e9;
    }
    if (!strcmp(name, "-e") || !strcmp(name, "--end")) return (args.end = size_of(value)) > 0;
    return 0;
}

/* Read the command line; give the word that is wrong, or a null pointer. */
static const char *options(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
            args.help = 1;
        } else if (!strcmp(argv[i], "--in-place")) {
            args.in_place = 1;
        } else if (!strcmp(argv[i], "--crowded")) {
            args.crowded = 1;
        } else if (!strcmp(argv[i], "-b") || !strcmp(argv[i], "--size")) {
            const char *word = argv[i];
            for (args.count = 0; i + 1 < argc && argv[i + 1][0] != '-'; args.count++)
                if (args.count == MOST_SIZES || !(args.sizes[args.count] = size_of(argv[++i])))
                    return argv[i];
            if (!args.count) return word;
        } else if (i + 1 == argc || !option(argv[i], argv[i + 1])) {
            return argv[i];
        } else {
            i++;
        }
    }
    for (Int *last = &args.sizes[args.count - 1];
         args.count < MOST_SIZES && *last <= args.end / args.factor; last++, args.count++)
        last[1] = *last * args.factor;
    return 0;
}

/* Read which rank each process plays, as 2,0,1; 0 if it is no order of the ranks. */
static int read_map(void)
{
    const char *rest = args.map;
    int seen[PROCESSES] = {0};
    for (int i = 0; i < PROCESSES; i++) {
        char *end = 0;
        if (*args.map && (*rest < '0' || *rest > '9')) return 0;
        long rank = *args.map ? strtol(rest, &end, 10) : ranks[i];
        args.played[i] = 0;
        while (args.played[i] < PROCESSES && ranks[args.played[i]] != rank) args.played[i]++;
        if (args.played[i] == PROCESSES || seen[args.played[i]]++) return 0;
        if (*args.map && (end == rest || *end != (i + 1 < PROCESSES ? ',' : 0))) return 0;
        if (*args.map) rest = end + 1;
    }
    return 1;
}
