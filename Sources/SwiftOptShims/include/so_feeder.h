/* so_feeder.h - threads that fill batches ahead of the caller. */
#ifndef SO_FEEDER_H
#define SO_FEEDER_H

#include "so_data.h"

#ifdef __clang__
#pragma clang assume_nonnull begin
#endif

/* How to fill: in Swift, on a plan that was checked. */
typedef struct so_filler {
    int64_t batch_count;     /* of an epoch */
    int64_t batch_size;      /* the most rows that one has */
    int64_t workspace_bytes; /* of each thread: a multiple of 64, > 0 */
    int32_t is_short; /* 1: a part never waits for a file, so that a caller may fill one */
    int64_t (*parts)(const so_fill *fill);
    void (*fill)(const so_fill *fill, int64_t part, void *workspace, so_batch_report *report);
    /* Closes the gaps that dropped rows left. */
    void (*finish)(const so_fill *fill);
} so_filler;

/* As so_feeder_open; NULL if there is no memory, or no thread could be started. */
so_feeder *SO_K_NULLABLE so_feeder_start(const so_data_plan *plan, const so_filler *filler,
                                     uint64_t epoch, int64_t first_batch,
                                     void *SO_K_NULLABLE const *outputs, int32_t slot_count,
                                     int32_t threads);

/* As so_feeder_next, without a message: the report has the fault. */
so_status so_feeder_take(so_feeder *feeder, int32_t milliseconds, int64_t *slot,
                         so_batch_report *report);

void so_feeder_stop(so_feeder *SO_K_NULLABLE feeder);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif

#endif /* SO_FEEDER_H */
