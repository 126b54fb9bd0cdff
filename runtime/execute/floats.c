/* Floats as the core and emitted programs join them: with the same bits whichever of two comes
   first, at every process. What is not a number has one form, and -0 is less than 0. */

/* Before a loop: let the loader choose one for wide registers where the processor has them. Clang
   14 compiles that too, but its -flto breaks the linker on it. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__has_attribute) && !defined(__clang__)
#if __has_attribute(target_clones)
#define ANY_WIDTH __attribute__((target_clones("avx2", "default")))
#endif
#endif
#ifndef ANY_WIDTH
#define ANY_WIDTH
#endif

#define NAN32 0x7FC00000u
#define NAN64 0x7FF8000000000000u

static inline float as_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

static inline uint32_t float_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return x == x ? bits : NAN32;
}

static inline double as_double(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, 8);
    return x;
}

static inline uint64_t double_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, 8);
    return x == x ? bits : NAN64;
}

/* The less and the greater of two in bits, x and y in numbers; equals differ in the sign of 0. */
#define LESS_OF(x, y, a, b, none) ((x) < (y) ? (a) : (y) < (x) ? (b) : (x) == (y) ? (a) | (b) : (none))
#define MORE_OF(x, y, a, b, none) ((x) > (y) ? (a) : (y) > (x) ? (b) : (x) == (y) ? (a) & (b) : (none))
