/* so_blas.h - matrix products of a CBLAS library that was found at run time. */
#ifndef SO_BLAS_H
#define SO_BLAS_H

#include <stdint.h>

#if defined(__clang__)
#define SO_BLAS_NULLABLE _Nullable
#else
#define SO_BLAS_NULLABLE
#endif

/* Makes cblas_sgemm and cblas_dgemm, given as dlsym gives them, those that the calls
 * below use; NULL for both: none. integer_bits: 32 or 64, the width of the library's
 * integers. Returns 0 if there is no memory, and nothing has changed then.
 *
 * Safe beside running products: they end with what they began with, which stays known
 * (a few bytes for each call of this function are never given back). */
int32_t so_blas_store(const void *SO_BLAS_NULLABLE sgemm, const void *SO_BLAS_NULLABLE dgemm,
                      int32_t integer_bits);

int32_t so_blas_is_available(void);

/* C = alpha op(A) op(B) + beta C, on the calling thread. Matrices lie in memory row by row;
 * C is rows x columns, op(A) rows x depth, op(B) depth x columns, and op transposes where
 * the flag is not 0, so that A then lies there as depth x rows. A stride is the number of
 * elements from one row, as it lies in memory, to the next. With beta = 0 what C held
 * doesn't matter.
 *
 * Returns 1, or 0 with nothing done: there is no library, its integers can't hold a number,
 * or a matrix's rows overlap (its stride is below its width), which CBLAS forbids. */
int32_t so_blas_sgemm(int64_t rows, int64_t columns, int64_t depth, int32_t a_transposed,
                      int32_t b_transposed, float alpha, const float *SO_BLAS_NULLABLE a,
                      int64_t a_stride, const float *SO_BLAS_NULLABLE b, int64_t b_stride,
                      float beta, float *SO_BLAS_NULLABLE c, int64_t c_stride);
int32_t so_blas_dgemm(int64_t rows, int64_t columns, int64_t depth, int32_t a_transposed,
                      int32_t b_transposed, double alpha, const double *SO_BLAS_NULLABLE a,
                      int64_t a_stride, const double *SO_BLAS_NULLABLE b, int64_t b_stride,
                      double beta, double *SO_BLAS_NULLABLE c, int64_t c_stride);

#endif /* SO_BLAS_H */
