/* so_matrix.h - matrix products: what a layer hands to a level, and the level's functions. */
#ifndef SO_MATRIX_H
#define SO_MATRIX_H

#include <stdint.h>

#if defined(__clang__)
#define SO_M_NONNULL _Nonnull
#define SO_M_NULLABLE _Nullable
#else
#define SO_M_NONNULL
#define SO_M_NULLABLE
#endif

/* A matrix, row after row; dtypes are those of swiftopt.h: float32, float64 or bfloat16. */
typedef struct so_operand {
    const void *SO_M_NONNULL data;
    int64_t stride;        /* elements between the beginnings of two rows as they lie in memory */
    int32_t dtype;
    int32_t is_transposed; /* 1: the product takes the transpose of what lies in memory */
    int32_t is_packed;     /* 1: `data` was made by so_matrix_functions.pack (b only) */
    int32_t reserved;
} so_operand;

/* C = epilogue(alpha * A * B + beta * C)
 *
 * The product is computed in float64 if A or B is float64. Else sums are float32, and if A or
 * B is bfloat16, both are rounded to bfloat16 first. So the bits of C depend on the values, the
 * shape and the level, but on no number of threads. The bfloat16 instruction takes subnormal
 * numbers for 0 and gives 0 for them.
 *
 * The epilogue, in this order: add the bias, add the residual, store the preactivation, apply
 * the activation, multiply by the masking activation's derivative, round to C's dtype, store,
 * sum up columns.
 *
 * C overlaps no other array, but it may be the residual or the mask. */
typedef struct so_product {
    int64_t rows;    /* of C and A */
    int64_t columns; /* of C and B */
    int64_t depth;   /* columns of A, rows of B */
    so_operand a, b;
    void *SO_M_NONNULL c;
    int64_t c_stride;
    int32_t c_dtype;
    int32_t activation;      /* SO_ACTIVATION_... of swiftopt.h */
    int32_t mask_activation; /* the activation whose derivative is taken from `mask` */
    int32_t is_symmetric;    /* 1: A * B is known to be symmetric, and C too if beta isn't 0; only
                              * half of it need be computed; with no epilogue */
    int32_t may_use_library; /* 1: a CBLAS library that the user chose (so_blas.h) may compute it */
    int32_t reserved;
    double alpha, beta;      /* with alpha = 0, A and B are not read; with beta = 0, C is not */
    const void *SO_M_NULLABLE bias; /* one per column, in the dtype of the sums */
    const void *SO_M_NULLABLE residual; /* in C's dtype, as the four below */
    int64_t residual_stride;
    void *SO_M_NULLABLE preactivation; /* with C's stride */
    const void *SO_M_NULLABLE mask; /* of relu, tanh and sigmoid what they gave; of gelu and silu
                                     * what they got */
    int64_t mask_stride;
    double *SO_M_NULLABLE column_sums;        /* of what was stored in C; not added to. In float64;
                                               * of bfloat16 numbers a tile's rows in float32 */
    double *SO_M_NULLABLE column_square_sums;
    void *SO_M_NULLABLE workspace; /* workspace_size bytes, aligned to 64 */
} so_product;

typedef struct so_matrix_functions {
    /* Bytes of workspace. Depends on everything in the product but the addresses, of which
     * only matters whether they are NULL. */
    int64_t (*SO_M_NULLABLE workspace_size)(const so_product *SO_M_NONNULL);
    /* Shared out over the threads, but inside a task all on its thread. */
    void (*SO_M_NULLABLE multiply)(const so_product *SO_M_NONNULL);
    /* Bytes of B packed. */
    int64_t (*SO_M_NULLABLE packed_size)(const so_product *SO_M_NONNULL);
    /* Packs B into `out`, aligned to 64, for every product with these columns and depth, the
     * same dtypes of A and B and the same orientation of B: there `out` is b.data with
     * is_packed = 1. */
    void (*SO_M_NULLABLE pack)(const so_product *SO_M_NONNULL, void *SO_M_NONNULL out);
} so_matrix_functions;

/* One per level. The last one is level avx512 with the bfloat16 dot product, which a processor
 * has if so_cpu_has_bfloat16_dot says so. */
void so_matrix_baseline(so_matrix_functions *SO_M_NONNULL out);
void so_matrix_avx2(so_matrix_functions *SO_M_NONNULL out);
void so_matrix_avx512(so_matrix_functions *SO_M_NONNULL out);
void so_matrix_avx512bf16(so_matrix_functions *SO_M_NONNULL out);

#endif /* SO_MATRIX_H */
