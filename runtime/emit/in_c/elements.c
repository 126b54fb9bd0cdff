/* Element types: their sums and products wrap around as unsigned integers do, and the data that
   test them are small, or powers of two, so that sums and products of floats are exact. */

enum { SUM, MIN, MAX, PROD };
static const char *const op_names[] = {"sum", "min", "max", "prod"};
enum { PERIOD = 8191 };  /* elements after which the test data repeat: a prime, so shifts show */

static uint64_t figure(int process, Int block, int i)
{
    uint64_t word = (uint64_t)i * 0x94D049BB133111EBu;
    word += (uint64_t)process * 0x9E3779B97F4A7C15u + (uint64_t)block * 0xD1B54A32D192ED03u;
    return ((word ^ (word >> 29)) * 0xBF58476D1CE4E5B9u) >> 57;
}

#define FLOAT_FACTOR(T, x) ((T)((x) % 3 == 0 ? 0.5 : (x) % 3 == 1 ? 1 : 2))
#define WHOLE_FACTOR(T, x) ((T)(1 + 2 * ((x) % 4)))
#define LOOP(expression) for (Int i = 0; i < n; i++) a[i] = (expression)
#define CONTRIBUTE(T, name, FACTOR)                                                          \
    static void contribute_##name(int op, void *to, int process, Int block)                  \
    {                                                                                        \
        for (int i = 0; i < PERIOD; i++) {                                                   \
            uint64_t x = figure(process, block, i);                                          \
            ((T *)to)[i] = op == PROD ? FACTOR(T, x) : (T)x;                                 \
        }                                                                                    \
    }
#define WHOLE(T, U, name)                                                                    \
    ANY_WIDTH static void combine_##name(int op, void *to, const void *from, Int n)          \
    {                                                                                        \
        T *restrict a = to;                                                                  \
        const T *restrict b = from;                                                          \
        if (op == SUM) LOOP((T)((U)a[i] + (U)b[i]));                                         \
        if (op == MIN) LOOP(b[i] < a[i] ? b[i] : a[i]);                                      \
        if (op == MAX) LOOP(b[i] > a[i] ? b[i] : a[i]);                                      \
        if (op == PROD) LOOP((T)((U)a[i] * (U)b[i]));                                        \
    }                                                                                        \
    CONTRIBUTE(T, name, WHOLE_FACTOR)
/* U: what holds an element's bits. */
#define REAL(T, U, name, wide, bits, none)                                                   \
    ANY_WIDTH static void combine_##name(int op, void *to, const void *from, Int n)          \
    {                                                                                        \
        U *restrict a = to;                                                                  \
        const U *restrict b = from;                                                          \
        if (op == SUM) LOOP(bits(wide(a[i]) + wide(b[i])));                                  \
        if (op == MIN) LOOP(LESS_OF(wide(a[i]), wide(b[i]), a[i], b[i], none));              \
        if (op == MAX) LOOP(MORE_OF(wide(a[i]), wide(b[i]), a[i], b[i], none));              \
        if (op == PROD) LOOP(bits(wide(a[i]) * wide(b[i])));                                 \
    }                                                                                        \
    CONTRIBUTE(T, name, FLOAT_FACTOR)
WHOLE(int8_t, uint8_t, int8)
WHOLE(uint8_t, uint8_t, uint8)
WHOLE(int32_t, uint32_t, int32)
WHOLE(uint32_t, uint32_t, uint32)
WHOLE(int64_t, uint64_t, int64)
WHOLE(uint64_t, uint64_t, uint64)
REAL(float, uint32_t, float32, as_float, float_bits, NAN32)
REAL(double, uint64_t, float64, as_double, double_bits, NAN64)

static const struct Type {
    const char *name, *nccl;
    size_t width;
    void (*combine)(int, void *, const void *, Int);
    void (*contribute)(int, void *, int, Int);
} types[] = {
    {"int8", "int8", 1, combine_int8, contribute_int8},
    {"uint8", "uint8", 1, combine_uint8, contribute_uint8},
    {"int32", "int32", 4, combine_int32, contribute_int32},
    {"uint32", "uint32", 4, combine_uint32, contribute_uint32},
    {"int64", "int64", 8, combine_int64, contribute_int64},
    {"uint64", "uint64", 8, combine_uint64, contribute_uint64},
    {"float32", "float", 4, combine_float32, contribute_float32},
    {"float64", "double", 8, combine_float64, contribute_float64},
};
enum { TYPES = sizeof types / sizeof types[0] };
