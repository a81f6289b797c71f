/* so_blas.c - matrix products of a CBLAS library that was found at run time. */
#include "so_blas.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

/* CBLAS's enumerations. */
enum { ROW_MAJOR = 101, AS_IT_IS = 111, TRANSPOSED = 112 };

#define GEMM_TYPE(name, scalar, integer)                                                     \
    typedef void (*name)(int order, int a_form, int b_form, integer rows, integer columns,   \
                         integer depth, scalar alpha, const scalar *a, integer a_stride,     \
                         const scalar *b, integer b_stride, scalar beta, scalar *c,          \
                         integer c_stride);

GEMM_TYPE(sgemm32, float, int32_t)
GEMM_TYPE(dgemm32, double, int32_t)
GEMM_TYPE(sgemm64, float, int64_t)
GEMM_TYPE(dgemm64, double, int64_t)

typedef struct library {
    const void *sgemm, *dgemm;
    int32_t integer_bits;
} library;

/* One pointer, so that a product never mixes two libraries. */
static _Atomic(const library *) current;

int32_t so_blas_store(const void *sgemm, const void *dgemm, int32_t integer_bits) {
    library *next = NULL;
    if (sgemm != NULL && dgemm != NULL) {
        next = malloc(sizeof *next);
        if (next == NULL) return 0;
        *next = (library){sgemm, dgemm, integer_bits};
    }
    /* Another thread may still read the previous one: it is not freed. */
    atomic_store_explicit(&current, next, memory_order_release);
    return 1;
}

int32_t so_blas_is_available(void) {
    return atomic_load_explicit(&current, memory_order_acquire) != NULL;
}

/* The stride that the library is given for a matrix of `height` rows; 0: it can't be. CBLAS
 * wants it to be at least the width even where there is no second row. */
static int64_t checked_stride(int64_t stride, int64_t height, int64_t width) {
    if (stride >= width && stride > 0) return stride;
    if (height > 1 && width > 0) return 0;
    return width > 0 ? width : 1;
}

static int32_t is_representable(int32_t integer_bits, const int64_t *numbers, int32_t count) {
    for (int32_t i = 0; i < count; i++)
        if (numbers[i] < 0 || (integer_bits == 32 && numbers[i] > INT32_MAX)) return 0;
    return 1;
}

/* CBLAS itself would write a message to stderr, or stop the program, for what is refused. */
#define DEFINE_GEMM(name, member, scalar, type32, type64)                                      \
    int32_t name(int64_t rows, int64_t columns, int64_t depth, int32_t a_transposed,           \
                 int32_t b_transposed, scalar alpha, const scalar *a, int64_t a_stride,        \
                 const scalar *b, int64_t b_stride, scalar beta, scalar *c,                    \
                 int64_t c_stride) {                                                           \
        const library *found = atomic_load_explicit(&current, memory_order_acquire);           \
        if (found == NULL) return 0;                                                           \
        a_stride = a_transposed ? checked_stride(a_stride, depth, rows)                        \
                                : checked_stride(a_stride, rows, depth);                       \
        b_stride = b_transposed ? checked_stride(b_stride, columns, depth)                     \
                                : checked_stride(b_stride, depth, columns);                    \
        c_stride = checked_stride(c_stride, rows, columns);                                    \
        if (a_stride == 0 || b_stride == 0 || c_stride == 0) return 0;                         \
        const int64_t numbers[] = {rows, columns, depth, a_stride, b_stride, c_stride};        \
        if (!is_representable(found->integer_bits, numbers, 6)) return 0;                      \
        if (rows == 0 || columns == 0) return 1;                                               \
        const int a_form = a_transposed ? TRANSPOSED : AS_IT_IS;                               \
        const int b_form = b_transposed ? TRANSPOSED : AS_IT_IS;                               \
        if (found->integer_bits == 64)                                                         \
            ((type64)found->member)(ROW_MAJOR, a_form, b_form, rows, columns, depth, alpha, a, \
                                    a_stride, b, b_stride, beta, c, c_stride);                 \
        else                                                                                   \
            ((type32)found->member)(ROW_MAJOR, a_form, b_form, (int32_t)rows,                  \
                                    (int32_t)columns, (int32_t)depth, alpha, a,                \
                                    (int32_t)a_stride, b, (int32_t)b_stride, beta, c,          \
                                    (int32_t)c_stride);                                        \
        return 1;                                                                              \
    }

DEFINE_GEMM(so_blas_sgemm, sgemm, float, sgemm32, sgemm64)
DEFINE_GEMM(so_blas_dgemm, dgemm, double, dgemm32, dgemm64)
