/* so_images.h - sixteen numbers of an image at a time. Every processor computes the same bits. */
#ifndef SO_IMAGES_H
#define SO_IMAGES_H

#include <stdint.h>

#include <swiftopt.h>

#include "so_lanes.h"

/* y = x * scale + (x * rest + offset), in float32; another one for each channel. scale has few
 * enough bits that its product with a byte is exact, so that x / 255 is rounded once. Entry i
 * belongs to channel i % channels: sixteen of them can begin at any channel. */
#define SO_IMAGE_MAX_CHANNELS 16
typedef struct so_pixel_map {
    float scale[32], rest[32], offset[32];
} so_pixel_map;

#if defined(__clang__)

static inline so_augmentation_setting *_Nonnull so_augmentation_described_setting(
    so_augmentation_description *_Nonnull description, int32_t index) {
    return &description->settings[index];
}

#pragma clang attribute push(__attribute__((always_inline)), apply_to = function)

static inline so_float16 so_load_bytes16(const uint8_t *_Nonnull p) {
    return __builtin_convertvector(so_load_places16(p), so_float16);
}

static inline so_float16 so_reverse_float16(so_float16 v) {
    return __builtin_shufflevector(v, v, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
}

/* To the nearest whole number, halves up; what is outside of 0 ... 255 becomes one of these,
 * NaN 0. */
static inline so_places16 so_round_byte16(so_float16 v) {
    const so_float16 positive = v > 0 ? v : (so_float16)0;
    const so_float16 bounded = positive < 255 ? positive : (so_float16)255;
    return __builtin_convertvector(bounded + 0.5f, so_places16);
}

static inline float *_Nonnull so_pixel_scale(so_pixel_map *_Nonnull map) { return map->scale; }
static inline float *_Nonnull so_pixel_rest(so_pixel_map *_Nonnull map) { return map->rest; }
static inline float *_Nonnull so_pixel_offset(so_pixel_map *_Nonnull map) { return map->offset; }

#pragma clang attribute pop

#endif /* __clang__ */

#endif /* SO_IMAGES_H */
