/* threads_test.c - so_parallel_for in one process. From the top of the repository:
 *
 *   cc -std=c11 -O2 -ISources/SwiftOptShims/include Tests/c/threads_test.c \
 *      Sources/SwiftOptShims/so_thread*.c -lpthread -o threads_test && ./threads_test
 *
 * Also with -fsanitize=address and -fsanitize=thread. */
#define _GNU_SOURCE /* nanosleep */
#include "parallel.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

/* ------------------------------------------ every block runs exactly once */

static void test_every_block_once(void) {
    const int32_t threads[] = {1, 2, 3, 4, 7, 16, 64, 256};
    const int64_t grains[] = {1, 2, 3, 64, 1000};
    const int64_t blocks[] = {0, 1, 2, 3, 5, 8, 63, 64, 257, 1000, 4095};
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        so_pool_set_threads(threads[t]);
        for (size_t g = 0; g < sizeof grains / sizeof *grains; g++)
            for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++)
                for (int64_t extra = -1; extra <= 1; extra++)
                    if (blocks[b] * grains[g] + extra >= 0)
                        check_every_block_once(blocks[b] * grains[g] + extra, grains[g]);
    }
    so_pool_set_threads(4);
    check_every_block_once(INT64_MAX, INT64_MAX / 4000); /* begin + grain must not overflow */
    check_every_block_once(INT64_MAX, INT64_MAX);
    check_every_block_once((int64_t)1 << 62, (int64_t)1 << 50);
    tally t = {.is_open = true, .count = 5, .grain = 1};
    so_parallel_for(-1, 1, mark, &t);
    so_parallel_for(5, 0, mark, &t);
    for (int i = 0; i < 6; i++) CHECK(atomic_load(&t.runs[i]) == (i < 5), "grain 0, block %d", i);
}

/* Takes up to some 2 microseconds, so that workers meet every stage of the call. */
static void mark_late(void *context, int64_t begin, int64_t end, void *scratch) {
    static _Thread_local uint32_t random = 1;
    random = random * 1664525 + 1013904223; /* any generator will do */
    for (volatile uint32_t i = random >> 22; i > 0; i--) continue;
    mark(context, begin, end, scratch);
}

static void test_many_small_jobs(void) {
    const int32_t threads[] = {2, 4, 9};
    for (int i = 0; i < 100000; i++) {
        if (i % 1000 == 0) so_pool_set_threads(threads[i / 1000 % 3]);
        tally t; /* only the part in use: clearing it all would be most of the time */
        atomic_init(&t.is_open, true);
        t.count = 1 + i % 13;
        t.grain = 1;
        for (int k = 0; k < 13; k++) atomic_init(&t.runs[k], 0);
        so_parallel_for(t.count, t.grain, i % 2 ? mark_late : mark, &t);
        atomic_store(&t.is_open, false);
        for (int k = 0; k < t.count; k++)
            CHECK(atomic_load(&t.runs[k]) == 1 && t.ends[k] == k + 1, "job %d block %d", i, k);
    }
}

/* ------------------------------------------------- the work is really shared */

/* The caller's block is done long before the worker's: it must block, and wake. */
static void finish_late(void *context, int64_t begin, int64_t end, void *scratch) {
    (void)scratch;
    meet(context, begin, end, scratch);
    if (begin == 1) sleep_ms(30);
    atomic_fetch_add((atomic_int *)context, 100);
}

static void test_sharing_and_waiting(void) {
    check_shared_by(2);
    check_shared_by(8);
    check_shared_by(3);
    so_pool_set_threads(2);
    for (int i = 0; i < 10; i++) {
        sleep_ms(20); /* the workers fall asleep */
        check_shared_by(2);
        atomic_int arrived = 98;
        so_parallel_for(2, 1, finish_late, &arrived);
        CHECK(atomic_load(&arrived) == 300, "returned before the last block was done");
    }
}

/* ----------------------------------------------- nested and concurrent calls */

static void call_again(void *context, int64_t begin, int64_t end, void *scratch) {
    (void)context, (void)scratch;
    for (int64_t i = begin; i < end; i++) check_every_block_once(100 + i, 3);
}

static void *call_often(void *rounds) {
    for (int i = 0; i < *(int *)rounds; i++) check_every_block_once(1 + i % 500, 1 + i % 7);
    return NULL;
}

static void test_nested_and_concurrent_calls(void) {
    so_pool_set_threads(4);
    int unused;
    so_parallel_for(50, 1, call_again, &unused);
    pthread_t callers[4];
    int rounds = 5000;
    for (int i = 0; i < 4; i++) pthread_create(&callers[i], NULL, call_often, &rounds);
    for (int i = 0; i < 2000; i++) so_pool_set_threads(1 + i % 12); /* while they run */
    for (int i = 0; i < 4; i++) pthread_join(callers[i], NULL);
}

/* -------------------------------------------- floating-point settings, signals */

static pthread_t main_thread;

#if defined(__x86_64__)
static void check_float_control(void *context, int64_t begin, int64_t end, void *scratch) {
    CHECK((_mm_getcsr() & ~0x3Fu) == 0x1F80, "MXCSR %#x in a task", _mm_getcsr());
    volatile float tiny = 1e-30f;
    tiny *= tiny; /* raises underflow and inexact: the caller must not see them */
    meet(context, begin, end, scratch);
}

static void test_float_control(void) {
    const unsigned settings[] = {0x1F80, 0x9FC0 /* flush, denormals are zero */, 0x7F80 /* to 0 */,
                                 0x5FA1 /* up, with two flags raised */};
    unsigned before = _mm_getcsr();
    for (int threads = 1; threads <= 3; threads += 2)
        for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
            atomic_int arrived = 97;
            so_pool_set_threads(threads);
            _mm_setcsr(settings[i]);
            so_parallel_for(3, threads == 1 ? 100 : 1, check_float_control, &arrived);
            unsigned after = _mm_getcsr();
            _mm_setcsr(before);
            CHECK(after == settings[i], "MXCSR was %#x, is %#x", settings[i], after);
        }
}
#else
static void test_float_control(void) {}
#endif

static void check_signals_blocked(void *context, int64_t begin, int64_t end, void *scratch) {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    bool is_caller = pthread_equal(pthread_self(), main_thread);
    CHECK(sigismember(&mask, SIGINT) == !is_caller, "SIGINT, caller %d", is_caller);
    meet(context, begin, end, scratch);
}

static void test_signals(void) {
    atomic_int arrived = 98;
    so_pool_set_threads(2);
    so_parallel_for(2, 1, check_signals_blocked, &arrived);
}

int main(void) {
    main_thread = pthread_self();
    test_sharing_and_waiting();
    test_float_control();
    test_signals();
    test_every_block_once();
    test_nested_and_concurrent_calls();
    test_many_small_jobs();
    return report("threads_test");
}
