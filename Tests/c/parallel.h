/* parallel.h - checks of so_parallel_for that several tests make. */
#ifndef PARALLEL_H
#define PARALLEL_H

#include "check.h"
#include "so_threads.h"

#include <stdbool.h>
#include <time.h>

/* ------------------------------------------ every block runs exactly once */

enum { MAX_BLOCKS = 4096 };

typedef struct {
    atomic_bool is_open; /* false once so_parallel_for has returned */
    int64_t count, grain;
    atomic_int runs[MAX_BLOCKS];
    int64_t ends[MAX_BLOCKS]; /* not atomic: thread sanitizer sees if a result isn't published */
} tally;

static void mark(void *context, int64_t begin, int64_t end, void *scratch) {
    tally *t = context;
    CHECK(atomic_load(&t->is_open), "a block ran after the call had returned");
    CHECK(begin % t->grain == 0, "begin %lld", (long long)begin);
    t->ends[begin / t->grain] = end;
    /* Two threads that shared a scratch would see each other's numbers. */
    CHECK((uintptr_t)scratch % 64 == 0, "scratch %p", scratch);
    volatile int64_t *first = scratch, *last = first + SO_SCRATCH_BYTES / sizeof *first - 1;
    *first = *last = begin;
    atomic_fetch_add(&t->runs[begin / t->grain], 1);
    CHECK(*first == begin && *last == begin, "scratch was changed by another thread");
}

static void check_every_block_once(int64_t count, int64_t grain) {
    tally t = {.is_open = true, .count = count, .grain = grain};
    uint64_t end = 0;
    int64_t blocks = count / grain + (count % grain != 0);
    so_parallel_for(count, grain, mark, &t);
    atomic_store(&t.is_open, false);
    for (int64_t i = 0; i < MAX_BLOCKS; i++) {
        int runs = atomic_load(&t.runs[i]);
        CHECK(runs == (i < blocks), "count %lld grain %lld block %lld ran %d times",
              (long long)count, (long long)grain, (long long)i, runs);
        if (i >= blocks) continue;
        end = i == blocks - 1 ? (uint64_t)count : end + (uint64_t)grain;
        CHECK(t.ends[i] == (int64_t)end, "block %lld ended at %lld", (long long)i,
              (long long)t.ends[i]);
    }
}

/* ------------------------------------------------- the work is really shared */

static void sleep_ms(long ms) {
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* Each of `count` blocks waits until all have begun, which takes `count` threads. */
static void meet(void *context, int64_t begin, int64_t end, void *scratch) {
    (void)begin, (void)scratch;
    atomic_int *arrived = context;
    atomic_fetch_add(arrived, (int)(end - begin));
    for (int ms = 0; ms < 20000 && atomic_load(arrived) % 100 != 0; ms++) sleep_ms(1);
    CHECK(atomic_load(arrived) % 100 == 0, "%d threads are missing", 100 - atomic_load(arrived));
}

static void check_shared_by(int32_t threads) {
    atomic_int arrived = 100 - threads;
    so_pool_set_threads(threads);
    so_parallel_for(threads, 1, meet, &arrived);
}

#endif /* PARALLEL_H */
