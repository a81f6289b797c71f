/* so_partial_lanes.h - up to sixteen numbers: the first lanes of a vector and memory.
 *
 * With masks where the level has them; without, element by element. Nothing is computed, so
 * the bits are the same. */
#ifndef SO_PARTIAL_LANES_H
#define SO_PARTIAL_LANES_H

#include "so_lanes.h"

#if defined(__clang__)

#if defined(__AVX512BW__) && defined(__AVX512VL__)
#include <immintrin.h>

static inline uint16_t so_first_lanes(int64_t count) {
    return (uint16_t)((1u << count) - 1);
}

/* `count` in 0 ... 15 neighbours, and `filler` in the lanes after them. */
static inline so_float16 so_load_first_float16(const float *_Nonnull p, int64_t count,
                                               float filler) {
    return (so_float16)_mm512_mask_loadu_ps(_mm512_set1_ps(filler), so_first_lanes(count), p);
}
static inline so_double16 so_load_first_double16(const double *_Nonnull p, int64_t count,
                                                 double filler) {
    const uint16_t mask = so_first_lanes(count);
    const __m512d fill = _mm512_set1_pd(filler);
    so_double16 v;
    v.lo = (__typeof__(v.lo))_mm512_mask_loadu_pd(fill, (uint8_t)mask, p);
    v.hi = (__typeof__(v.hi))_mm512_mask_loadu_pd(fill, (uint8_t)(mask >> 8), p + 8);
    return v;
}
static inline so_float16 so_load_first_bfloat16(const uint16_t *_Nonnull p, int64_t count,
                                                float filler) {
    const uint16_t mask = so_first_lanes(count);
    const __m512i bits = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, p));
    const __m512 numbers = _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16));
    return (so_float16)_mm512_mask_mov_ps(_mm512_set1_ps(filler), mask, numbers);
}

static inline void so_store_first_float16(so_float16 v, float *_Nonnull p, int64_t count) {
    _mm512_mask_storeu_ps(p, so_first_lanes(count), (__m512)v);
}
static inline void so_store_first_double16(so_double16 v, double *_Nonnull p, int64_t count) {
    const uint16_t mask = so_first_lanes(count);
    _mm512_mask_storeu_pd(p, (uint8_t)mask, (__m512d)v.lo);
    _mm512_mask_storeu_pd(p + 8, (uint8_t)(mask >> 8), (__m512d)v.hi);
}
static inline void so_store_first_bfloat16(so_float16 v, uint16_t *_Nonnull p, int64_t count) {
    uint16_t halves[16];
    so_store_bfloat16(v, halves);
    _mm256_mask_storeu_epi16(p, so_first_lanes(count), _mm256_loadu_si256((void *)halves));
}

#else

#define SO_PARTIAL_LANES(scalar, name)                                                        \
    static inline so_##name##16 so_load_first_##name##16(const scalar *_Nonnull p,            \
                                                         int64_t count, scalar filler) {      \
        scalar lanes[16];                                                                     \
        for (int lane = 0; lane < 16; lane++) lanes[lane] = lane < count ? p[lane] : filler;  \
        return so_load_##name##16(lanes);                                                     \
    }                                                                                         \
    static inline void so_store_first_##name##16(so_##name##16 v, scalar *_Nonnull p,         \
                                                 int64_t count) {                             \
        scalar lanes[16];                                                                     \
        so_store_##name##16(v, lanes);                                                        \
        for (int lane = 0; lane < count; lane++) p[lane] = lanes[lane];                       \
    }

SO_PARTIAL_LANES(float, float)
SO_PARTIAL_LANES(double, double)

static inline so_float16 so_load_first_bfloat16(const uint16_t *_Nonnull p, int64_t count,
                                                float filler) {
    uint16_t halves[16] = {0};
    for (int lane = 0; lane < count; lane++) halves[lane] = p[lane];
    float lanes[16];
    so_store_float16(so_load_bfloat16(halves), lanes);
    for (int lane = 15; lane >= count; lane--) lanes[lane] = filler;
    return so_load_float16(lanes);
}
static inline void so_store_first_bfloat16(so_float16 v, uint16_t *_Nonnull p, int64_t count) {
    uint16_t halves[16];
    so_store_bfloat16(v, halves);
    for (int lane = 0; lane < count; lane++) p[lane] = halves[lane];
}

#endif

#endif /* __clang__ */

#endif /* SO_PARTIAL_LANES_H */
