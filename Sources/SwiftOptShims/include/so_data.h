/* so_data.h - what the filling of batches needs that Swift can't spell. */
#ifndef SO_DATA_H
#define SO_DATA_H

#include <stdint.h>
#include <swiftopt.h>

#include "so_kernels.h"

#ifdef __clang__
#pragma clang assume_nonnull begin
#endif

/* Swift sees an array in a struct as a tuple. */
static inline const so_data_field *so_plan_field(const so_data_plan *plan, int32_t index) {
    return &plan->fields[index];
}
static inline int64_t *so_report_longest(so_batch_report *report, int32_t field) {
    return &report->longest[field];
}

/* Reads up to `size` bytes at `offset`, fewer only at the end of the file or on an error.
 * Returns how many; *error is 0 or the errno. */
int64_t so_read_at(int32_t descriptor, void *to, int64_t size, int64_t offset, int32_t *error);

/* A batch on its way. Several threads fill parts of it. */
typedef struct so_fill {
    const so_data_plan *plan;
    uint64_t epoch;
    int64_t batch;
    void *SO_K_NULLABLE const *outputs; /* one per field */
    uint8_t *dropped; /* one per row: 1 if it was left out; unused unless skip_errors */
    const int32_t *SO_K_NULLABLE stop; /* not 0: don't begin anything */
} so_fill;

static inline int32_t so_fill_is_stopped(const so_fill *fill) {
    return fill->stop != 0 && __atomic_load_n(fill->stop, __ATOMIC_RELAXED) != 0;
}

/* Adds what became of one part of a batch to what became of the others. Of several faults
 * the one of the first row stays, whichever was found first; but a read that failed and is
 * skipped gives way to any fault that isn't. */
void so_report_begin(so_batch_report *report);
void so_report_merge(so_batch_report *report, const so_batch_report *part, int32_t skip_errors);

/* The slot of a cached sample, -1 if it isn't there. */
static inline int64_t so_cache_find(const so_data_cache *cache, int64_t sample) {
    uint32_t entry = __atomic_load_n(&cache->slots[sample], __ATOMIC_ACQUIRE);
    return entry == UINT32_MAX ? -1 : (int64_t)entry - 1;
}
/* A slot for a sample to be written to, -1 if there is none, or if another thread is about to
 * write this sample; so_cache_publish must follow. */
int64_t so_cache_claim(const so_data_cache *cache, int64_t sample);
static inline void so_cache_publish(const so_data_cache *cache, int64_t sample, int64_t slot) {
    __atomic_store_n(&cache->slots[sample], (uint32_t)(slot + 1), __ATOMIC_RELEASE);
}

#ifdef __clang__
#pragma clang assume_nonnull end
#endif

#endif /* SO_DATA_H */
