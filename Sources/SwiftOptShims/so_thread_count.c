/* so_thread_count.c - how many threads the pool may use. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "so_threads.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

static _Atomic int32_t thread_count; /* 0: not chosen yet */

/* The number, 1 or more, that a variable holds, alone or before a comma; else 0. */
static int32_t count_in_environment(const char *name) {
    const char *text = getenv(name);
    if (text == NULL) return 0;
    int64_t value = 0;
    while (*text == ' ') text++;
    for (; *text >= '0' && *text <= '9'; text++)
        if (value <= SO_POOL_MAX_THREADS) value = 10 * value + (*text - '0');
    while (*text == ' ') text++;
    if (*text != '\0' && *text != ',') return 0;
    return value < SO_POOL_MAX_THREADS ? (int32_t)value : SO_POOL_MAX_THREADS;
}

static int32_t count_processors(void) {
    cpu_set_t allowed[8]; /* one holds 1024 processors; a short buffer is an error */
    if (sched_getaffinity(0, sizeof allowed, allowed) != 0) return 1;
    return CPU_COUNT_S(sizeof allowed, allowed);
}

int32_t so_pool_get_threads(void) {
    int32_t count = atomic_load_explicit(&thread_count, memory_order_relaxed);
    if (count != 0) return count;
    int32_t chosen = count_in_environment("SWIFTOPT_NUM_THREADS");
    if (chosen == 0) chosen = count_in_environment("OMP_NUM_THREADS");
    if (chosen == 0) chosen = count_processors();
    if (chosen > SO_POOL_MAX_THREADS) chosen = SO_POOL_MAX_THREADS;
    /* A number that another thread has set meanwhile wins. */
    return atomic_compare_exchange_strong_explicit(&thread_count, &count, chosen,
                                                   memory_order_relaxed, memory_order_relaxed)
               ? chosen
               : count;
}

void so_pool_set_threads(int32_t count) {
    if (count < 1) count = 1;
    if (count > SO_POOL_MAX_THREADS) count = SO_POOL_MAX_THREADS;
    atomic_store_explicit(&thread_count, count, memory_order_relaxed);
}
