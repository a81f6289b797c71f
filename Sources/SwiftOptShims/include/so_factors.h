/* so_factors.h - second moments of matrices as products of a row and a column. */
#ifndef SO_FACTORS_H
#define SO_FACTORS_H

#include <stdint.h>

#if defined(__clang__)
#define SO_F_NONNULL _Nonnull
#else
#define SO_F_NONNULL
#endif

/* The factors of a tensor's matrices, which lie one after the other. */
typedef struct so_factors {
    int64_t rows, columns; /* of each matrix */
    /* What the squares of the gradient are added to. */
    double *SO_F_NONNULL row_sums;    /* one for each row of the tensor */
    double *SO_F_NONNULL column_sums; /* one for each column of the matrices from first_matrix on */
    int64_t first_matrix;
    /* What it is divided by, in the computation's dtype: the root of the product of a row's
     * and a column's number, but at least that of `least`. */
    const void *SO_F_NONNULL row_factors;    /* one for each row of the tensor */
    const void *SO_F_NONNULL column_factors; /* one for each column of each matrix */
    double least;
} so_factors;

#endif /* SO_FACTORS_H */
