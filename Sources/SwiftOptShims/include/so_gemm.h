/* so_gemm.h - matrix products: what the engine hands to a level, and the level's vectors. */
#ifndef SO_GEMM_H
#define SO_GEMM_H

#include <stdint.h>

#if defined(__clang__)
#define SO_G_NONNULL _Nonnull
#define SO_G_NULLABLE _Nullable
#else
#define SO_G_NONNULL
#define SO_G_NULLABLE
#endif

/* C = alpha * op(A) * op(B) + beta * D, in float32 or float64, where op is nothing or the
 * transpose. All matrices are row-major; a stride is the distance in elements between the
 * beginnings of two rows as they lie in memory. C is D or doesn't overlap it; it overlaps
 * neither A nor B. With beta = 0, D is not read.
 *
 * Every element of C is summed up in an order that depends on the depth alone, so its bits
 * are the same for every thread count; they differ between levels, because only some of
 * them have a fused multiply-add. */
typedef struct so_gemm {
    int32_t dtype;
    int32_t a_is_transposed;
    int32_t b_is_transposed;
    int32_t is_symmetric; /* 1: op(A) op(B) and D are known to be symmetric; half of C is
                           * computed and copied to the other half */
    int64_t rows;         /* of C, D and op(A) */
    int64_t columns;      /* of C, D and op(B) */
    int64_t depth;        /* columns of op(A), rows of op(B) */
    const void *SO_G_NONNULL a;
    const void *SO_G_NONNULL b;
    const void *SO_G_NONNULL d;
    void *SO_G_NONNULL c;
    int64_t a_stride, b_stride, c_stride, d_stride;
    double alpha, beta;           /* rounded to dtype */
    void *SO_G_NONNULL workspace; /* so_gemm_workspace_size bytes, aligned to 8 */
} so_gemm;

/* A and B are packed for so much of the depth at a time: a panel of either then stays in
 * the first cache level while it is used. */
#define SO_GEMM_DEPTH 256

/* The largest panels of any level: 12 rows of A, 128 bytes of B. */
#define SO_GEMM_PANEL_ROWS 12
#define SO_GEMM_PANEL_BYTES 128

/* Bytes that a product needs to pack its operands, whatever the level. */
static inline int64_t so_gemm_workspace_size(int64_t element_bytes, int64_t rows,
                                             int64_t columns, int64_t depth) {
    int64_t packed_rows = rows + SO_GEMM_PANEL_ROWS - 1;
    int64_t packed_columns = columns + SO_GEMM_PANEL_BYTES / element_bytes - 1;
    int64_t packed_depth = depth < SO_GEMM_DEPTH ? depth : SO_GEMM_DEPTH;
    return (packed_rows + packed_columns) * packed_depth * element_bytes + 64;
}

#if defined(__clang__)

/* The widest vector of the level that includes this header. */
#if defined(__AVX512F__)
#define SO_GEMM_VECTOR_BYTES 64
#elif defined(__AVX__)
#define SO_GEMM_VECTOR_BYTES 32
#else
#define SO_GEMM_VECTOR_BYTES 16
#endif

/* Never a call to a library's fma: without the instruction, product and sum are rounded
 * each, in two statements, which the compiler may not contract. */
#if defined(__FMA__)
#define SO_GEMM_MULTIPLY_ADD(a, b, sum) return __builtin_elementwise_fma(a, b, sum)
#else
#define SO_GEMM_MULTIPLY_ADD(a, b, sum) \
    __typeof__(sum) product = a * b;    \
    return sum + product
#endif

#define SO_GEMM_VECTOR(scalar)                                                               \
    typedef scalar so_gemm_##scalar                                                          \
        __attribute__((ext_vector_type(SO_GEMM_VECTOR_BYTES / sizeof(scalar))));             \
    typedef scalar so_gemm_unaligned_##scalar                                                \
        __attribute__((ext_vector_type(SO_GEMM_VECTOR_BYTES / sizeof(scalar)),               \
                       aligned(sizeof(scalar))));                                            \
    static inline so_gemm_##scalar so_gemm_load_##scalar(const scalar *SO_G_NONNULL p) {     \
        return *(const so_gemm_unaligned_##scalar *)p;                                       \
    }                                                                                        \
    static inline void so_gemm_store_##scalar(so_gemm_##scalar v, scalar *SO_G_NONNULL p) {  \
        *(so_gemm_unaligned_##scalar *)p = v;                                                \
    }                                                                                        \
    /* sum + a * b */                                                                        \
    static inline so_gemm_##scalar so_gemm_multiply_add_##scalar(                            \
        scalar a, so_gemm_##scalar b, so_gemm_##scalar sum) {                                \
        so_gemm_##scalar all = a;                                                            \
        SO_GEMM_MULTIPLY_ADD(all, b, sum);                                                   \
    }                                                                                        \
    static inline so_gemm_##scalar so_gemm_scale_##scalar(scalar a, so_gemm_##scalar b) {    \
        return a * b;                                                                        \
    }                                                                                        \
    static inline so_gemm_##scalar so_gemm_sum_##scalar(so_gemm_##scalar a,                  \
                                                        so_gemm_##scalar b) {                \
        return a + b;                                                                        \
    }

SO_GEMM_VECTOR(float)
SO_GEMM_VECTOR(double)

#endif /* __clang__ */

#endif /* SO_GEMM_H */
