/* so_vectors.h - operations of kernels that Swift has only in forms that don't vectorise. */
#ifndef SO_VECTORS_H
#define SO_VECTORS_H

#include <stdint.h>

#include "so_kernels.h"

#if defined(__clang__)

/* The value without its fraction. Swift's conversion checks the range and may trap, which
 * keeps a loop scalar; here the caller knows that the value is in the range of int32_t. */
static inline int32_t so_truncate(float value) { return (int32_t)value; }

/* Brings the cache line of an address into the second cache level; any address will do. */
static inline void so_prefetch(const void *SO_K_NONNULL address) {
    __builtin_prefetch(address, 0, 2);
}

typedef int32_t so_int8 __attribute__((ext_vector_type(8)));
typedef int64_t so_long8 __attribute__((ext_vector_type(8)));

/* Eight float64 numbers rounded to odd: one that is no float32 becomes the one of its two
 * neighbours whose last bit is 1. Comparisons of vectors give -1 for true. */
static inline void so_round_to_odd8(const double *SO_K_NONNULL from, float *SO_K_NONNULL to) {
    const so_double8 value = *(const so_double8_unaligned *)from;
    const so_float8 nearest = __builtin_convertvector(value, so_float8);
    const so_double8 back = __builtin_convertvector(nearest, so_double8);
    const so_long8 is_further = __builtin_elementwise_abs(back) > __builtin_elementwise_abs(value);
    const so_long8 is_rounded = back != value;
    const so_int8 toward_zero = (so_int8)nearest + __builtin_convertvector(is_further, so_int8);
    const so_int8 odd = toward_zero | (__builtin_convertvector(is_rounded, so_int8) & 1);
    *(so_float8_unaligned *)to = (so_float8)odd;
}

#endif

#endif /* SO_VECTORS_H */
