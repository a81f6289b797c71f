/* so_matrix_vectors.h - the widest vectors of the level that includes this header, as matrix
 * products use them. Swift's SIMD operators are lane-wise code that has to be vectorised
 * again; these are vectors from the start, so that they stay in registers. */
#ifndef SO_MATRIX_VECTORS_H
#define SO_MATRIX_VECTORS_H

#include <stdint.h>

#if defined(__clang__)

#if defined(__AVX512F__)
#define SO_MATRIX_VECTOR_BYTES 64
#elif defined(__AVX__)
#define SO_MATRIX_VECTOR_BYTES 32
#else
#define SO_MATRIX_VECTOR_BYTES 16
#endif

/* Never a call to a library's fma: without the instruction, product and sum are rounded
 * each, in two statements, which the compiler may not contract. */
#if defined(__FMA__)
#define SO_MATRIX_MULTIPLY_ADD(a, b, sum) return __builtin_elementwise_fma(a, b, sum)
#else
#define SO_MATRIX_MULTIPLY_ADD(a, b, sum) \
    __typeof__(sum) product = a * b;      \
    return sum + product
#endif

#define SO_MATRIX_VECTOR(scalar, name)                                                        \
    typedef scalar so_matrix_##name                                                           \
        __attribute__((ext_vector_type(SO_MATRIX_VECTOR_BYTES / sizeof(scalar))));            \
    typedef scalar so_matrix_unaligned_##name                                                 \
        __attribute__((ext_vector_type(SO_MATRIX_VECTOR_BYTES / sizeof(scalar)),              \
                       aligned(sizeof(scalar))));                                             \
    static inline so_matrix_##name so_matrix_load_##name(const scalar *_Nonnull p) {          \
        return *(const so_matrix_unaligned_##name *)p;                                        \
    }                                                                                         \
    static inline void so_matrix_store_##name(so_matrix_##name v, scalar *_Nonnull p) {       \
        *(so_matrix_unaligned_##name *)p = v;                                                 \
    }

#define SO_MATRIX_ARITHMETIC(scalar)                                                          \
    SO_MATRIX_VECTOR(scalar, scalar)                                                          \
    /* sum + a * b */                                                                         \
    static inline so_matrix_##scalar so_matrix_multiply_add_##scalar(                         \
        scalar a, so_matrix_##scalar b, so_matrix_##scalar sum) {                             \
        so_matrix_##scalar all = a;                                                           \
        SO_MATRIX_MULTIPLY_ADD(all, b, sum);                                                  \
    }                                                                                         \
    static inline so_matrix_##scalar so_matrix_scale_##scalar(scalar a,                       \
                                                              so_matrix_##scalar b) {         \
        return a * b;                                                                         \
    }                                                                                         \
    static inline so_matrix_##scalar so_matrix_add_##scalar(so_matrix_##scalar a,             \
                                                            so_matrix_##scalar b) {           \
        return a + b;                                                                         \
    }                                                                                         \
    static inline so_matrix_##scalar so_matrix_multiply_##scalar(so_matrix_##scalar a,        \
                                                                 so_matrix_##scalar b) {      \
        return a * b;                                                                         \
    }                                                                                         \
    /* 0 where `gate` is 0 or below */                                                        \
    static inline so_matrix_##scalar so_matrix_keep_##scalar(so_matrix_##scalar a,            \
                                                             so_matrix_##scalar gate) {       \
        return gate <= 0 ? 0 : a;                                                             \
    }

SO_MATRIX_ARITHMETIC(float)
SO_MATRIX_ARITHMETIC(double)

#if defined(__AVX512BF16__)

/* Two neighbouring bfloat16 numbers of the depth, the earlier one in the lower half. */
SO_MATRIX_VECTOR(uint32_t, pairs)

typedef __bf16 so_matrix_bfloat16 __attribute__((vector_size(64)));
typedef __bf16 so_matrix_half_bfloat16 __attribute__((vector_size(32)));
typedef float so_matrix_sums __attribute__((vector_size(64)));

/* sum + a[0] * b[0] + a[1] * b[1] in each lane */
static inline so_matrix_float so_matrix_add_dot(uint32_t a, so_matrix_pairs b,
                                                so_matrix_float sum) {
    so_matrix_pairs all = a;
    return (so_matrix_float)__builtin_ia32_dpbf16ps_512(
        (so_matrix_sums)sum, (so_matrix_bfloat16)all, (so_matrix_bfloat16)b);
}

#endif

/* Float32 numbers as bfloat16, to the nearest, ties to even, what is not a number made quiet.
 * The instruction gives 0 for subnormal numbers. */
typedef uint32_t so_matrix_bits
    __attribute__((ext_vector_type(SO_MATRIX_VECTOR_BYTES / sizeof(uint32_t))));
typedef uint16_t so_matrix_halves
    __attribute__((ext_vector_type(SO_MATRIX_VECTOR_BYTES / sizeof(uint32_t)), aligned(2)));

static inline void so_matrix_store_bfloat16(so_matrix_float v, uint16_t *_Nonnull p) {
#if defined(__AVX512BF16__)
    *(so_matrix_halves *)p = (so_matrix_halves)__builtin_ia32_cvtneps2bf16_512_mask(
        (so_matrix_sums)v, (so_matrix_half_bfloat16){0}, 0xFFFF);
#else
    so_matrix_bits bits = (so_matrix_bits)v;
    so_matrix_bits is_nan = (so_matrix_bits)((bits & 0x7FFFFFFF) > 0x7F800000);
    so_matrix_bits rounded = bits + (0x7FFF + ((bits >> 16) & 1));
    so_matrix_bits result = (is_nan & (bits | 0x400000)) | (~is_nan & rounded);
    *(so_matrix_halves *)p = __builtin_convertvector(result >> 16, so_matrix_halves);
#endif
}

static inline so_matrix_float so_matrix_load_bfloat16(const uint16_t *_Nonnull p) {
    return (so_matrix_float)(__builtin_convertvector(*(const so_matrix_halves *)p, so_matrix_bits)
                             << 16);
}

/* A vector of float64 sums for each column of a vector, and one of the sums of squares. Squares
 * of float32 numbers are exact in float64, so a fused addition changes nothing. */
typedef double so_matrix_doubles
    __attribute__((ext_vector_type(SO_MATRIX_VECTOR_BYTES / sizeof(float))));
typedef double so_matrix_unaligned_doubles
    __attribute__((ext_vector_type(SO_MATRIX_VECTOR_BYTES / sizeof(float)), aligned(8)));

static inline so_matrix_doubles so_matrix_load_doubles(const double *_Nonnull p) {
    return *(const so_matrix_unaligned_doubles *)p;
}
static inline void so_matrix_store_doubles(so_matrix_doubles v, double *_Nonnull p) {
    *(so_matrix_unaligned_doubles *)p = v;
}
static inline so_matrix_doubles so_matrix_add_columns_float(so_matrix_float v,
                                                            so_matrix_doubles sums) {
    return sums + __builtin_convertvector(v, so_matrix_doubles);
}
static inline so_matrix_doubles so_matrix_add_squares_float(so_matrix_float v,
                                                            so_matrix_doubles sums) {
    so_matrix_doubles values = __builtin_convertvector(v, so_matrix_doubles);
    SO_MATRIX_MULTIPLY_ADD(values, values, sums);
}
static inline so_matrix_double so_matrix_add_columns_double(so_matrix_double v,
                                                            so_matrix_double sums) {
    return sums + v;
}
static inline so_matrix_double so_matrix_add_squares_double(so_matrix_double v,
                                                            so_matrix_double sums) {
    so_matrix_double squares = v * v;
    return sums + squares;
}

/* Brings the cache line of an address near, to be read or written; any address will do. */
static inline void so_matrix_prefetch(const void *_Nonnull address) {
    __builtin_prefetch(address, 0, 3);
}
static inline void so_matrix_prefetch_to_write(const void *_Nonnull address) {
    __builtin_prefetch(address, 1, 3);
}

/* Sixteen numbers of 32 bits. */
typedef uint32_t so_matrix_16 __attribute__((ext_vector_type(16)));
typedef uint32_t so_matrix_unaligned_16 __attribute__((ext_vector_type(16), aligned(2)));
typedef uint16_t so_matrix_halves_16 __attribute__((ext_vector_type(16), aligned(2)));

static inline void so_matrix_copy16(const void *_Nonnull from, void *_Nonnull to) {
    *(so_matrix_unaligned_16 *)to = *(const so_matrix_unaligned_16 *)from;
}

/* Sixteen bfloat16 numbers, or float32 numbers rounded to bfloat16, as 32-bit integers. */
static inline so_matrix_16 so_matrix_widen16(const uint16_t *_Nonnull p) {
    return __builtin_convertvector(*(const so_matrix_halves_16 *)p, so_matrix_16);
}
static inline so_matrix_16 so_matrix_round16(const float *_Nonnull p) {
    so_matrix_16 bits = *(const so_matrix_unaligned_16 *)p;
    so_matrix_16 is_nan = (so_matrix_16)((bits & 0x7FFFFFFF) > 0x7F800000);
    so_matrix_16 rounded = bits + (0x7FFF + ((bits >> 16) & 1));
    return ((is_nan & (bits | 0x400000)) | (~is_nan & rounded)) >> 16;
}

/* first[i] + 2^16 second[i]: pairs of the depth. */
static inline void so_matrix_store_pairs16(so_matrix_16 first, so_matrix_16 second,
                                           uint32_t *_Nonnull to) {
    *(so_matrix_unaligned_16 *)to = first | second << 16;
}
/* 2^16 halves[i]: float32 numbers. */
static inline void so_matrix_store_upper16(so_matrix_16 halves, float *_Nonnull to) {
    *(so_matrix_unaligned_16 *)to = halves << 16;
}

/* A transpose of 16 by 16 numbers of 32 bits. */

#define SO_MATRIX_PAIRED(a, b, first)                                                          \
    __builtin_shufflevector(a, b, first, 16 + first, first + 1, 17 + first, first + 4,         \
                            20 + first, first + 5, 21 + first, first + 8, 24 + first,          \
                            first + 9, 25 + first, first + 12, 28 + first, first + 13,         \
                            29 + first)
#define SO_MATRIX_DOUBLED(a, b, first)                                                         \
    __builtin_shufflevector(a, b, first, first + 1, 16 + first, 17 + first, first + 4,         \
                            first + 5, 20 + first, 21 + first, first + 8, first + 9,           \
                            24 + first, 25 + first, first + 12, first + 13, 28 + first,        \
                            29 + first)
#define SO_MATRIX_QUARTERS(a, b, first)                                                        \
    __builtin_shufflevector(a, b, first, first + 1, first + 2, first + 3, first + 8,           \
                            first + 9, first + 10, first + 11, 16 + first, 17 + first,         \
                            18 + first, 19 + first, 24 + first, 25 + first, 26 + first,        \
                            27 + first)

/* to[j * to_stride + i] = from[i * from_stride + j] for i and j in 0 ..< 16; from_stride in
 * bytes, which need only be aligned to 2. */
static inline void so_matrix_transpose16(const void *_Nonnull from, int64_t from_stride,
                                         uint32_t *_Nonnull to, int64_t to_stride) {
    so_matrix_16 rows[16], pairs[16];
    for (int i = 0; i < 16; i++)
        rows[i] = *(const so_matrix_unaligned_16 *)((const char *)from + i * from_stride);
    /* Within each group of four lanes: columns of four rows. */
    for (int i = 0; i < 16; i += 4) {
        for (int j = 0; j < 4; j += 2) {
            pairs[i + j] = SO_MATRIX_PAIRED(rows[i + j], rows[i + j + 1], 0);
            pairs[i + j + 1] = SO_MATRIX_PAIRED(rows[i + j], rows[i + j + 1], 2);
        }
        rows[i] = SO_MATRIX_DOUBLED(pairs[i], pairs[i + 2], 0);
        rows[i + 1] = SO_MATRIX_DOUBLED(pairs[i], pairs[i + 2], 2);
        rows[i + 2] = SO_MATRIX_DOUBLED(pairs[i + 1], pairs[i + 3], 0);
        rows[i + 3] = SO_MATRIX_DOUBLED(pairs[i + 1], pairs[i + 3], 2);
    }
    /* Then the groups themselves: group g of rows[4 * q + r] becomes group q of row 4 * g + r. */
    for (int r = 0; r < 4; r++) {
        so_matrix_16 even_low = SO_MATRIX_QUARTERS(rows[r], rows[4 + r], 0);
        so_matrix_16 odd_low = SO_MATRIX_QUARTERS(rows[r], rows[4 + r], 4);
        so_matrix_16 even_high = SO_MATRIX_QUARTERS(rows[8 + r], rows[12 + r], 0);
        so_matrix_16 odd_high = SO_MATRIX_QUARTERS(rows[8 + r], rows[12 + r], 4);
        so_matrix_16 columns[4] = {
            SO_MATRIX_QUARTERS(even_low, even_high, 0),
            SO_MATRIX_QUARTERS(odd_low, odd_high, 0),
            SO_MATRIX_QUARTERS(even_low, even_high, 4),
            SO_MATRIX_QUARTERS(odd_low, odd_high, 4),
        };
        for (int g = 0; g < 4; g++)
            *(so_matrix_unaligned_16 *)(to + (4 * g + r) * to_stride) = columns[g];
    }
}

/* The same of 8 by 8 numbers of 64 bits. */
typedef uint64_t so_matrix_8 __attribute__((ext_vector_type(8)));
typedef uint64_t so_matrix_unaligned_8 __attribute__((ext_vector_type(8), aligned(8)));

static inline void so_matrix_transpose8(const void *_Nonnull from, int64_t from_stride,
                                        uint64_t *_Nonnull to, int64_t to_stride) {
    so_matrix_8 rows[8], pairs[8], fours[8];
    for (int i = 0; i < 8; i++)
        rows[i] = *(const so_matrix_unaligned_8 *)((const char *)from + i * from_stride);
    for (int i = 0; i < 8; i += 2) {
        pairs[i] = __builtin_shufflevector(rows[i], rows[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        pairs[i + 1] = __builtin_shufflevector(rows[i], rows[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    for (int i = 0; i < 8; i += 4) {
        for (int j = 0; j < 2; j++) {
            so_matrix_8 low = pairs[i + j], high = pairs[i + j + 2];
            fours[i + j] = __builtin_shufflevector(low, high, 0, 1, 8, 9, 4, 5, 12, 13);
            fours[i + j + 2] = __builtin_shufflevector(low, high, 2, 3, 10, 11, 6, 7, 14, 15);
        }
    }
    for (int j = 0; j < 4; j++) {
        so_matrix_8 low = fours[j], high = fours[j + 4];
        *(so_matrix_unaligned_8 *)(to + j * to_stride) =
            __builtin_shufflevector(low, high, 0, 1, 2, 3, 8, 9, 10, 11);
        *(so_matrix_unaligned_8 *)(to + (j + 4) * to_stride) =
            __builtin_shufflevector(low, high, 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

#endif /* __clang__ */

#endif /* SO_MATRIX_VECTORS_H */
