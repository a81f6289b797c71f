/* The kernels of one instruction level, and what the engine hands to them.
 *
 * Each level is a module of its own, compiled from the same Swift sources with
 * other flags; so_kernels_<level> fills a table with its functions. Nothing else
 * of a level may be visible to the rest of the library: a function that two
 * levels share by accident would run one level's instructions on the other.
 */
#ifndef SO_KERNELS_H
#define SO_KERNELS_H

#include <stdint.h>

#if defined(__clang__)
#define SO_K_NONNULL _Nonnull
#define SO_K_NULLABLE _Nullable
#else
#define SO_K_NONNULL
#define SO_K_NULLABLE
#endif

/* Elements of one tile: every stream of a float64 tile is 16 KiB, so all streams
 * of a rule stay in the first two cache levels. A multiple of every vector width
 * and of the 256-element blocks that 8-bit states come in. */
#define SO_TILE_ELEMENTS 2048

/* Bytes that a rule may use for the coefficients of one tensor's step. */
#define SO_COEFFICIENT_BYTES 64

/* A run of elements that one rule updates; dtype tags are those of swiftopt.h. */
typedef struct so_update {
    int32_t optimizer;
    int32_t dtype;
    void *SO_K_NONNULL parameter;
    const void *SO_K_NONNULL gradient; /* of the parameter's dtype, already prepared */
    void *SO_K_NULLABLE const *SO_K_NONNULL slots; /* bases; `offset` is to be added */
    int64_t offset; /* elements from the slots' bases to this run */
    int64_t count;
    double decay;   /* the parameter shrinks by this share of itself */
    double penalty; /* the gradient grows by this share of the parameter; not with decay */
    const void *SO_K_NONNULL coefficients; /* written by the optimizer for this step */
} so_update;

/* What the gradient goes through before the rule sees it. */
typedef struct so_prepare {
    int32_t dtype;          /* of the computation, of `out` and of `parameter` */
    int32_t gradient_dtype;
    const void *SO_K_NONNULL gradient;
    const void *SO_K_NONNULL parameter;
    void *SO_K_NONNULL out;
    int64_t count;
    double scale;      /* clip coefficient, negative to maximize */
    double clip_value; /* INFINITY: off */
    double penalty;    /* coupled weight decay */
} so_prepare;

typedef struct so_square_sum {
    double sum;
    int32_t is_finite; /* every element is, by its bits, after rounding to dtype */
} so_square_sum;

typedef struct so_kernels {
    void (*SO_K_NULLABLE update)(const so_update *SO_K_NONNULL);
    void (*SO_K_NULLABLE prepare)(const so_prepare *SO_K_NONNULL);
    so_square_sum (*SO_K_NULLABLE square_sum)(int32_t dtype, int32_t gradient_dtype,
                                              const void *SO_K_NONNULL gradient, int64_t count);
} so_kernels;

void so_kernels_baseline(so_kernels *SO_K_NONNULL out);
void so_kernels_avx2(so_kernels *SO_K_NONNULL out);
void so_kernels_avx512(so_kernels *SO_K_NONNULL out);

/* Explicit vectors: Swift's width-changing SIMD initialisers become calls, these
 * become one instruction at the levels that have it. */
#if defined(__clang__)
typedef double so_double8 __attribute__((ext_vector_type(8)));
typedef float so_float8 __attribute__((ext_vector_type(8)));
typedef float so_float8_unaligned __attribute__((ext_vector_type(8), aligned(4)));
typedef double so_double8_unaligned __attribute__((ext_vector_type(8), aligned(8)));

static inline so_double8 so_load_float8(const float *SO_K_NONNULL p) {
    return __builtin_convertvector(*(const so_float8_unaligned *)p, so_double8);
}
static inline so_double8 so_load_double8(const double *SO_K_NONNULL p) {
    return *(const so_double8_unaligned *)p;
}
/* Rounds to float first, as a float32 computation would see the gradient. */
static inline so_double8 so_load_double8_as_float8(const double *SO_K_NONNULL p) {
    return __builtin_convertvector(
        __builtin_convertvector(*(const so_double8_unaligned *)p, so_float8), so_double8);
}
#endif

#endif /* SO_KERNELS_H */
