/* so_level.c - process-wide choice of the instruction level. */
#ifndef __clang__
#define _Nullable
#endif
#include "so_level.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "so_cpu.h"

static const char *const titles[SO_LEVEL_COUNT] = {"baseline", "avx2", "avx512"};

static _Atomic int32_t stored = -1;
static _Atomic int32_t highest = -1;
static _Atomic int32_t has_bfloat16_dot = -1;

const char *so_level_title(int32_t index) {
    return index >= 0 && index < SO_LEVEL_COUNT ? titles[index] : "";
}

int32_t so_level_find(const char *name) {
    for (int32_t index = 0; index < SO_LEVEL_COUNT; index++) {
        if (strcmp(name, titles[index]) == 0) return index;
    }
    return -1;
}

const char *_Nullable so_level_from_environment(void) {
    const char *value = getenv("SWIFTOPT_LEVEL");
    return value && value[0] ? value : NULL;
}

int32_t so_level_stored(void) { return atomic_load_explicit(&stored, memory_order_relaxed); }

void so_level_store(int32_t index) {
    atomic_store_explicit(&stored, index, memory_order_relaxed);
}

int32_t so_level_highest(void) {
    int32_t level = atomic_load_explicit(&highest, memory_order_relaxed);
    if (level < 0) {
        level = so_cpu_level();
        atomic_store_explicit(&highest, level, memory_order_relaxed);
    }
    return level;
}

int32_t so_level_has_bfloat16_dot(void) {
    int32_t answer = atomic_load_explicit(&has_bfloat16_dot, memory_order_relaxed);
    if (answer < 0) {
        answer = so_cpu_has_bfloat16_dot();
        atomic_store_explicit(&has_bfloat16_dot, answer, memory_order_relaxed);
    }
    return answer;
}
