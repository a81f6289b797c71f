/* so_lanes.h - sixteen numbers at a time: loads and stores of the element types of layers.
 *
 * Swift imports these vectors as SIMD16. Its own operators on them are lane-wise; what is
 * here is what it lacks, changes of width. Every level computes the same bits. */
#ifndef SO_LANES_H
#define SO_LANES_H

#include <stdint.h>

#if defined(__clang__)

#if defined(__FMA__) || defined(__aarch64__)
#define SO_FUSE(a, b, c) __builtin_elementwise_fma(a, b, c)
#else
#define SO_FUSE(a, b, c) ((a) * (b) + (c))
#endif

/* A call would pass vectors through memory: everything here is inlined, however often. */
#pragma clang attribute push(__attribute__((always_inline)), apply_to = function)

#define SO_LANES(scalar, name)                                                              \
    typedef scalar so_##name##16 __attribute__((ext_vector_type(16)));                      \
    typedef scalar so_unaligned_##name##16                                                  \
        __attribute__((ext_vector_type(16), aligned(sizeof(scalar))));                      \
    static inline so_##name##16 so_load_##name##16(const scalar *_Nonnull p) {              \
        return *(const so_unaligned_##name##16 *)p;                                         \
    }                                                                                       \
    static inline void so_store_##name##16(so_##name##16 v, scalar *_Nonnull p) {           \
        *(so_unaligned_##name##16 *)p = v;                                                  \
    }                                                                                       \
    static inline so_##name##16 so_root_##name##16(so_##name##16 v) {                       \
        return __builtin_elementwise_sqrt(v);                                               \
    }                                                                                       \
    static inline so_##name##16 so_maximum_##name##16(so_##name##16 a, so_##name##16 b) {   \
        return a > b ? a : b; /* b where either is NaN */                                   \
    }                                                                                       \
    static inline so_##name##16 so_relu_gradient_##name##16(so_##name##16 gradient,         \
                                                            so_##name##16 output) {         \
        return output <= 0 ? (so_##name##16)0 : gradient;                                   \
    }                                                                                       \
    static inline so_##name##16 so_add_##name##16(so_##name##16 a, so_##name##16 b) {       \
        return a + b;                                                                       \
    }                                                                                       \
    static inline so_##name##16 so_multiply_##name##16(so_##name##16 a, so_##name##16 b) {  \
        return a * b;                                                                       \
    }                                                                                       \
    /* In two statements, so that it is rounded twice at every level. */                    \
    static inline so_##name##16 so_multiply_add_##name##16(so_##name##16 a,                 \
                                                           so_##name##16 b,                 \
                                                           so_##name##16 c) {               \
        const so_##name##16 product = a * b;                                                \
        return product + c;                                                                 \
    }                                                                                       \
    static inline so_##name##16 so_divide_##name##16(so_##name##16 a, scalar b) {           \
        return a / b;                                                                       \
    }                                                                                       \
    /* a where it is greater than b or not a number, else b. */                             \
    static inline so_##name##16 so_greatest_##name##16(so_##name##16 a, so_##name##16 b) {  \
        return !(a <= b) & (b == b) ? a : b;                                                \
    }                                                                                       \
    /* there where a would be taken, else here. */                                          \
    static inline so_places16 so_choose_##name##16(so_##name##16 a, so_##name##16 b,        \
                                                   so_places16 there, so_places16 here) {   \
        return __builtin_convertvector(!(a <= b) & (b == b), so_places16) ? there : here;   \
    }                                                                                       \
    /* a in the lanes that are at `place`, else 0. */                                       \
    static inline so_##name##16 so_where_##name##16(so_places16 lanes, int32_t place,       \
                                                    so_##name##16 a) {                      \
        return __builtin_convertvector(lanes == place, so_##name##_mask16) ? a : (scalar)0; \
    }                                                                                       \
    /* Rounded once where the level can: for convolutions, which are matrix products. */    \
    static inline so_##name##16 so_fuse_##name##16(so_##name##16 a, so_##name##16 b,        \
                                                   so_##name##16 c) {                       \
        return SO_FUSE(a, b, c);                                                            \
    }                                                                                       \
    /* The sum of all lanes, always in this order. */                                       \
    static inline scalar so_sum_lanes_##name##16(so_##name##16 v) {                         \
        const __typeof__(v.lo) eight = v.lo + v.hi;                                         \
        const __typeof__(eight.lo) four = eight.lo + eight.hi;                              \
        const __typeof__(four.lo) two = four.lo + four.hi;                                  \
        return two.x + two.y;                                                               \
    }                                                                                       \
    /* The greatest of all lanes; any of them if one is NaN. */                             \
    static inline scalar so_greatest_lane_##name##16(so_##name##16 v) {                     \
        const __typeof__(v.lo) eight = v.lo > v.hi ? v.lo : v.hi;                           \
        const __typeof__(eight.lo) four = eight.lo > eight.hi ? eight.lo : eight.hi;        \
        const __typeof__(four.lo) two = four.lo > four.hi ? four.lo : four.hi;              \
        return two.x > two.y ? two.x : two.y;                                               \
    }

/* Numbers of places in a window. */
typedef int32_t so_places16 __attribute__((ext_vector_type(16)));
typedef uint8_t so_place_bytes16 __attribute__((ext_vector_type(16)));
typedef uint8_t so_unaligned_place_bytes16 __attribute__((ext_vector_type(16), aligned(1)));
typedef int32_t so_float_mask16 __attribute__((ext_vector_type(16)));
typedef int64_t so_double_mask16 __attribute__((ext_vector_type(16)));

static inline so_places16 so_load_places16(const uint8_t *_Nonnull p) {
    return __builtin_convertvector((so_place_bytes16) * (const so_unaligned_place_bytes16 *)p,
                                   so_places16);
}
static inline void so_store_places16(so_places16 v, uint8_t *_Nonnull p) {
    *(so_unaligned_place_bytes16 *)p = __builtin_convertvector(v, so_place_bytes16);
}

SO_LANES(float, float)
SO_LANES(double, double)

typedef uint32_t so_bits16 __attribute__((ext_vector_type(16)));
typedef uint16_t so_half_bits16 __attribute__((ext_vector_type(16)));
typedef uint16_t so_unaligned_half_bits16 __attribute__((ext_vector_type(16), aligned(2)));

static inline so_float16 so_load_bfloat16(const uint16_t *_Nonnull p) {
    const so_half_bits16 halves = *(const so_unaligned_half_bits16 *)p;
    return (so_float16)(__builtin_convertvector(halves, so_bits16) << 16);
}

/* The bits of a float whose upper half is the nearest bfloat16, ties to even; what is not a
 * number is made quiet. The lower half is left over. */
static inline so_bits16 so_bfloat16_bits(so_float16 v) {
    const so_bits16 bits = (so_bits16)v;
    const so_bits16 rounded = bits + 0x7FFF + ((bits >> 16) & 1);
    const so_bits16 is_nan = (so_bits16)(v != v);
    return (is_nan & (bits | 0x00400000)) | (~is_nan & rounded);
}

static inline void so_store_bfloat16(so_float16 v, uint16_t *_Nonnull p) {
    *(so_unaligned_half_bits16 *)p =
        __builtin_convertvector(so_bfloat16_bits(v) >> 16, so_half_bits16);
}

/* The same as numbers, without a store. */
static inline so_float16 so_round_bfloat16(so_float16 v) {
    return (so_float16)(so_bfloat16_bits(v) & 0xFFFF0000);
}

/* Thirty-two bfloat16 as the sixteen at even places and the sixteen at odd ones: read in pairs,
 * as they lie in memory, they need no change of width. */
typedef uint32_t so_unaligned_pairs16 __attribute__((ext_vector_type(16), aligned(2)));

static inline so_float16 so_load_even_bfloat16(const uint16_t *_Nonnull p) {
    return (so_float16)(*(const so_unaligned_pairs16 *)p << 16);
}
static inline so_float16 so_load_odd_bfloat16(const uint16_t *_Nonnull p) {
    return (so_float16)(*(const so_unaligned_pairs16 *)p & 0xFFFF0000);
}

/* The nearest as so_bfloat16_bits has it, of numbers that, where they are NaN, have nothing in
 * their lower half: then rounding can't carry into the sign. Arithmetic on such numbers and on
 * bfloat16 gives only such. */
static inline so_bits16 so_carried_bfloat16_bits(so_float16 v) {
    const so_bits16 bits = (so_bits16)v;
    return bits + 0x7FFF + ((bits >> 16) & 1);
}
static inline so_float16 so_round_carried_bfloat16(so_float16 v) {
    return (so_float16)(so_carried_bfloat16_bits(v) & 0xFFFF0000);
}
static inline void so_store_pairs_bfloat16(so_float16 even, so_float16 odd,
                                           uint16_t *_Nonnull p) {
    *(so_unaligned_pairs16 *)p = (so_carried_bfloat16_bits(even) >> 16) |
                                 (so_carried_bfloat16_bits(odd) & 0xFFFF0000);
}

/* 0 where one of sixteen random numbers is below the threshold. */
static inline so_float16 so_kept_float16(so_float16 v, const uint16_t *_Nonnull random,
                                         uint32_t threshold) {
    const so_half_bits16 halves = *(const so_unaligned_half_bits16 *)random;
    return __builtin_convertvector(halves, so_bits16) < threshold ? (so_float16)0 : v;
}

static inline so_double16 so_kept_double16(so_double16 v, const uint16_t *_Nonnull random,
                                           uint32_t threshold) {
    typedef int64_t so_mask16 __attribute__((ext_vector_type(16)));
    const so_half_bits16 halves = *(const so_unaligned_half_bits16 *)random;
    const so_bits16 bits = __builtin_convertvector(halves, so_bits16);
    return __builtin_convertvector(bits < threshold, so_mask16) ? (so_double16)0 : v;
}

/* Thirty-two bfloat16 times a number, rounded as so_store_bfloat16 does, or 0 where the random
 * number is below the threshold. */
static inline void so_drop_bfloat16(const uint16_t *_Nonnull x, uint16_t *_Nonnull y,
                                    const uint16_t *_Nonnull random, uint32_t threshold,
                                    float scale) {
    const so_bits16 randoms = *(const so_unaligned_pairs16 *)random;
    const so_float16 even = so_load_even_bfloat16(x) * scale;
    const so_float16 odd = so_load_odd_bfloat16(x) * scale;
    const uint32_t bound = threshold << 16;
    so_store_pairs_bfloat16((randoms << 16) < bound ? (so_float16)0 : even,
                            randoms < bound ? (so_float16)0 : odd, y);
}

static inline so_double16 so_widen_float16(so_float16 v) {
    return __builtin_convertvector(v, so_double16);
}

static inline so_float16 so_narrow_double16(so_double16 v) {
    return __builtin_convertvector(v, so_float16);
}

/* Copies an even number of bytes between arrays that don't overlap; for short runs, where a call
 * of memcpy would take longer than the copy. */
static inline void so_copy_short(const void *_Nonnull from, void *_Nonnull to, int64_t bytes) {
    const char *source = (const char *)from;
    char *target = (char *)to;
    for (; bytes >= 64; bytes -= 64, source += 64, target += 64) __builtin_memcpy(target, source, 64);
    for (; bytes >= 8; bytes -= 8, source += 8, target += 8) __builtin_memcpy(target, source, 8);
    for (; bytes >= 2; bytes -= 2, source += 2, target += 2) __builtin_memcpy(target, source, 2);
}

#pragma clang attribute pop

#endif /* __clang__ */

#endif /* SO_LANES_H */
