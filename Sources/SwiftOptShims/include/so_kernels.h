/* The kernels of one instruction level, and what the engine hands to them.
 *
 * Each level is a module of its own, compiled from the same Swift sources with
 * other flags; so_kernels_<level> fills a table with its functions. Nothing else
 * of a level may be visible to the rest of the library: a function that two
 * levels share by accident would run one level's instructions on the other.
 */
#ifndef SO_KERNELS_H
#define SO_KERNELS_H

#include "so_factors.h"

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
#define SO_COEFFICIENT_BYTES 128

/* A run of stored numbers, of any dtype of swiftopt.h. */
typedef struct so_stored {
    void *SO_K_NULLABLE data;    /* the run's first element; NULL only if count is 0 */
    float *SO_K_NULLABLE scales; /* of 8-bit blocks: the scale of the run's first block; the
                                  * run begins where a block begins */
    int32_t dtype;
    int32_t rounding;       /* SO_ROUND_... */
    int64_t count;
    int64_t index;          /* of the run's first element in its tensor, a multiple of 256 */
    uint64_t random_key;    /* Philox's key: of the tensor and the purpose */
    uint64_t random_update; /* the upper half of Philox's counter: the tensor's update */
} so_stored;

/* An array in which something is stored; laid out as so_array of swiftopt.h. */
typedef struct so_stream {
    void *SO_K_NULLABLE data;
    float *SO_K_NULLABLE scales;
    int32_t dtype;
    int32_t reserved;
} so_stream;

/* Where a pass leaves the sums of one tile. */
typedef struct so_tile_sums {
    double steps;      /* squares of what was (or would be) subtracted */
    double parameters; /* squares of the parameter */
    double agreeing;   /* elements whose step and gradient have the same sign */
} so_tile_sums;

/* What so_update.steps is for. */
enum {
    SO_STEPS_NONE = 0,
    SO_STEPS_GIVE = 1, /* the rule's steps are left there, and the parameter alone */
    SO_STEPS_TAKE = 2, /* they are there, in place of the rule's; overwritten by the update */
};

/* A run of elements of one tensor and all that a step does to them; dtype tags and
 * SO_ROUND_... are those of swiftopt.h. Pointers are to the tensor's first element. */
typedef struct so_update {
    int32_t optimizer;
    int32_t dtype; /* of the computation: SO_FLOAT32 or SO_FLOAT64 */
    int64_t index; /* the run's first element; a multiple of 256 unless all is direct */
    int64_t count;
    void *SO_K_NONNULL parameter;
    const void *SO_K_NONNULL gradient;
    so_stream slots[4]; /* data NULL: not used */
    void *SO_K_NULLABLE master;
    void *SO_K_NULLABLE compensation;
    void *SO_K_NULLABLE average;
    void *SO_K_NULLABLE copy;
    int32_t parameter_dtype, gradient_dtype, copy_dtype;
    int32_t rounding;       /* of the parameter without a master */
    double scale;           /* of the gradient, negative to maximize */
    double clip_value;      /* after it; INFINITY: off */
    double l1_penalty, penalty; /* gradient += l1 * sign(p) + penalty * p */
    double decay;           /* the parameter also shrinks by this share of itself */
    double step_scale;      /* of the rule's step */
    double average_decay;
    const double *SO_K_NULLABLE unit_scales; /* of the gradient, each for unit_length elements */
    int64_t unit_length;
    int32_t cautious;       /* only steps that agree in sign with the gradient */
    int32_t zero_gradient;
    int32_t is_trial;       /* write nothing but the sums */
    int32_t measures;       /* fill `sums` */
    const void *SO_K_NONNULL coefficients; /* written by the optimizer for this step */
    const so_factors *SO_K_NULLABLE factors; /* the prepared gradient is divided by the roots
                                              * of its factored second moments */
    void *SO_K_NULLABLE steps; /* of the tensor, in the computation's dtype */
    int32_t steps_role;        /* SO_STEPS_... */
    uint64_t random_key;    /* of this tensor; mixed with the purpose it is Philox's key */
    uint64_t random_update;
    so_tile_sums *SO_K_NULLABLE sums;
    void *SO_K_NONNULL scratch;      /* SO_SCRATCH_BYTES */
} so_update;

/* accumulator = (adds ? accumulator : 0) + weight * gradient, from the tensor's first
 * element plus `index` on. */
typedef struct so_accumulation {
    int32_t dtype, gradient_dtype;
    void *SO_K_NONNULL accumulator;
    void *SO_K_NONNULL gradient;
    int64_t index, count;
    double weight;
    int32_t adds;
    int32_t zero_gradient;
    void *SO_K_NONNULL scratch;
} so_accumulation;

typedef struct so_square_sum {
    double sum;
    int32_t is_finite; /* every element is, by its bits, after rounding to dtype */
} so_square_sum;

typedef struct so_kernels {
    void (*SO_K_NULLABLE update)(const so_update *SO_K_NONNULL);
    void (*SO_K_NULLABLE accumulate)(const so_accumulation *SO_K_NONNULL);
    /* dtype: of the computation; to it each element is rounded first. */
    so_square_sum (*SO_K_NULLABLE square_sum)(int32_t dtype, int32_t gradient_dtype,
                                              const void *SO_K_NONNULL gradient, int64_t count);
    /* data[i] = 0 */
    void (*SO_K_NULLABLE zero)(void *SO_K_NONNULL data, int64_t bytes);
    /* Between stored numbers and `count` numbers of the computation's dtype. */
    void (*SO_K_NULLABLE decode)(const so_stored *SO_K_NONNULL, int32_t computation_dtype,
                                 void *SO_K_NONNULL out);
    void (*SO_K_NULLABLE encode)(const so_stored *SO_K_NONNULL, int32_t computation_dtype,
                                 const void *SO_K_NONNULL values);
    /* The second run becomes the first one, rounded as the second says; no 8-bit blocks. */
    void (*SO_K_NULLABLE cast)(const so_stored *SO_K_NONNULL, const so_stored *SO_K_NONNULL);
    /* Adds the squares of the run's prepared gradient to the sums in its `factors`. */
    void (*SO_K_NULLABLE factor_sums)(const so_update *SO_K_NONNULL);
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
