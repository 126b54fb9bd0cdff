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
#define TYPE(T, U, name, FACTOR)                                                             \
    static void combine_##name(int op, void *to, const void *from, Int n)                    \
    {                                                                                        \
        T *restrict a = to;                                                                  \
        const T *restrict b = from;                                                          \
        if (op == SUM) for (Int i = 0; i < n; i++) a[i] = (T)((U)a[i] + (U)b[i]);            \
        if (op == MIN) for (Int i = 0; i < n; i++) a[i] = b[i] < a[i] ? b[i] : a[i];         \
        if (op == MAX) for (Int i = 0; i < n; i++) a[i] = b[i] > a[i] ? b[i] : a[i];         \
        if (op == PROD) for (Int i = 0; i < n; i++) a[i] = (T)((U)a[i] * (U)b[i]);           \
    }                                                                                        \
    static void contribute_##name(int op, void *to, int process, Int block)                  \
    {                                                                                        \
        for (int i = 0; i < PERIOD; i++) {                                                   \
            uint64_t x = figure(process, block, i);                                          \
            ((T *)to)[i] = op == PROD ? FACTOR(T, x) : (T)x;                                 \
        }                                                                                    \
    }
TYPE(int8_t, uint8_t, int8, WHOLE_FACTOR)
TYPE(uint8_t, uint8_t, uint8, WHOLE_FACTOR)
TYPE(int32_t, uint32_t, int32, WHOLE_FACTOR)
TYPE(uint32_t, uint32_t, uint32, WHOLE_FACTOR)
TYPE(int64_t, uint64_t, int64, WHOLE_FACTOR)
TYPE(uint64_t, uint64_t, uint64, WHOLE_FACTOR)
TYPE(float, float, float32, FLOAT_FACTOR)
TYPE(double, double, float64, FLOAT_FACTOR)

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
