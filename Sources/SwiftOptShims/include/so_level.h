/* so_level.h - the names of the instruction levels and the one in use. */
#ifndef SO_LEVEL_H
#define SO_LEVEL_H

#include <stdint.h>

#ifdef __clang__
#pragma clang assume_nonnull begin
#endif

#define SO_LEVEL_COUNT 3

/* "baseline", "avx2", "avx512"; "" for any other index. */
const char *so_level_title(int32_t index);

/* The index of the level with this name, or -1. */
int32_t so_level_find(const char *name);

/* The value of SWIFTOPT_LEVEL, or NULL when it is not set or empty. */
const char *_Nullable so_level_from_environment(void);

/* The level in use, -1 before one is chosen. One word, so that threads that make
 * their first call at the same time agree. */
int32_t so_level_stored(void);
void so_level_store(int32_t index);

/* so_cpu_level, asked once. */
int32_t so_level_highest(void);

/* so_cpu_has_bfloat16_dot, asked once. */
int32_t so_level_has_bfloat16_dot(void);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif

#endif /* SO_LEVEL_H */
