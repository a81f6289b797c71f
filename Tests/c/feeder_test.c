/* feeder_test.c - the threads of a feeder and its ring, with a filler of this test's own. From
 * the top of the repository:
 *
 *   cc -std=c11 -O2 -ISources/CSwiftOpt/include -ISources/SwiftOptShims/include \
 *      Tests/c/feeder_test.c Sources/SwiftOptShims/so_feeder.c Sources/SwiftOptShims/so_data.c \
 *      Sources/SwiftOptShims/so_float.c -lpthread -o feeder_test && ./feeder_test
 *
 * Also with -fsanitize=address and -fsanitize=thread. */
#define _GNU_SOURCE /* nanosleep, sched_yield */
#include "check.h"

#include "so_feeder.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROWS = 32, PARTS = 5, FIELDS = 1 };

/* What the filler does besides filling. */
static _Atomic int64_t slow_nanoseconds;
static int64_t failing_batch = -1, dropping_batch = -1;
static atomic_int running;
static int32_t caller_helps;
static pthread_t caller;
static atomic_int filled_by_caller;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void pause_for(int64_t nanoseconds) {
    struct timespec time = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    nanosleep(&time, NULL);
}

static int64_t parts(const so_fill *fill) { return 1 + fill->batch % PARTS; }

/* Row r of batch b of epoch e is e * 1000000 + b * 100 + r. */
static void fill(const so_fill *fill, int64_t part, void *workspace, so_batch_report *report) {
    atomic_fetch_add(&running, 1);
    if (pthread_equal(pthread_self(), caller)) atomic_fetch_add(&filled_by_caller, 1);
    memset(workspace, (int)part, 64);
    int64_t count = parts(fill);
    int64_t *rows = fill->outputs[0];
    for (int64_t row = part; row < ROWS; row += count) {
        if (so_fill_is_stopped(fill)) break;
        rows[row] = (int64_t)fill->epoch * 1000000 + fill->batch * 100 + row;
        if (fill->plan->skip_errors) fill->dropped[row] = fill->batch == dropping_batch && row % 2;
        report->samples++;
        if (slow_nanoseconds > 0) pause_for(slow_nanoseconds);
    }
    if (fill->batch == failing_batch || fill->batch == dropping_batch) {
        report->fault = SO_FAULT_READ;
        report->fault_row = 31 - part;
        report->read_errors = fill->batch == dropping_batch;
    }
    atomic_fetch_sub(&running, 1);
}

static void finish(const so_fill *fill) {
    int64_t *rows = fill->outputs[0], kept = 0;
    for (int64_t row = 0; row < ROWS; row++)
        if (!fill->dropped[row]) rows[kept++] = rows[row];
}

typedef struct {
    int64_t *memory;
    void **outputs;
    so_feeder *feeder;
    int32_t slots;
} ring;

static ring start(int64_t batches, int64_t first, int32_t slots, int32_t threads, int skips) {
    static so_data_plan plan;
    plan.field_count = FIELDS;
    plan.skip_errors = skips;
    so_filler filler = {batches, ROWS, 64, caller_helps, parts, fill, finish};
    caller = pthread_self();
    atomic_store(&filled_by_caller, 0);
    ring result = {.slots = slots};
    result.memory = calloc((size_t)slots * ROWS, sizeof *result.memory);
    result.outputs = calloc((size_t)slots, sizeof *result.outputs);
    for (int32_t s = 0; s < slots; s++) result.outputs[s] = result.memory + (size_t)s * ROWS;
    result.feeder = so_feeder_start(&plan, &filler, 3, first, result.outputs, slots, threads);
    CHECK(result.feeder != NULL, "%d threads", (int)threads);
    return result;
}

static void stop(ring *ring) {
    so_feeder_stop(ring->feeder);
    CHECK(atomic_load(&running) == 0, "%d still fill", atomic_load(&running));
    free(ring->outputs);
    free(ring->memory);
}

static int64_t take(ring *ring, so_status expected) {
    int64_t slot = -100;
    so_batch_report report;
    so_status status = so_feeder_take(ring->feeder, 20000, &slot, &report);
    CHECK(status == expected, "status %d", (int)status);
    return slot;
}

static void check_batch(const ring *ring, int64_t slot, int64_t batch) {
    if (slot < 0) {
        CHECK(slot >= 0, "batch %d", (int)batch);
        return;
    }
    for (int64_t row = 0; row < ROWS; row++) {
        int64_t found = ring->memory[slot * ROWS + row];
        CHECK(found == 3000000 + batch * 100 + row, "batch %d has %d", (int)batch, (int)found);
    }
}

static void test_batches_come_in_order(void) {
    const int32_t threads[] = {1, 2, 3, 8, 32}, slots[] = {2, 3, 5, 64};
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++)
        for (size_t s = 0; s < sizeof slots / sizeof *slots; s++) {
            ring ring = start(200, 7, slots[s], threads[t], 0);
            for (int64_t batch = 7; batch < 200; batch++) {
                int64_t slot = take(&ring, SO_OK);
                check_batch(&ring, slot, batch);
                if (batch % 16 == 0) sched_yield();
                check_batch(&ring, slot, batch); /* it is the caller's until the next one */
            }
            CHECK(take(&ring, SO_OK) == SO_FEEDER_END, "the end");
            CHECK(take(&ring, SO_OK) == SO_FEEDER_END, "the end again");
            stop(&ring);
        }
}

static void test_a_waiting_caller_helps(void) {
    caller_helps = 1;
    slow_nanoseconds = 20000; /* or the workers would be ahead */
    ring ring = start(100, 0, 4, 1, 0);
    for (int64_t batch = 0; batch < 100; batch++) check_batch(&ring, take(&ring, SO_OK), batch);
    CHECK(atomic_load(&filled_by_caller) > 0, "the caller filled nothing");
    CHECK(take(&ring, SO_OK) == SO_FEEDER_END, "the end");
    stop(&ring);
    slow_nanoseconds = 0;
    caller_helps = 0;
}

/* Asking whether a batch is ready must not take time. */
static void test_asking_fills_nothing(void) {
    caller_helps = 1;
    slow_nanoseconds = 1000000;
    ring ring = start(10, 0, 2, 1, 0);
    int64_t slot;
    so_batch_report report;
    CHECK(so_feeder_take(ring.feeder, 0, &slot, &report) == SO_OK, "status");
    CHECK(slot == SO_FEEDER_TIMEOUT, "slot %d", (int)slot);
    CHECK(atomic_load(&filled_by_caller) == 0, "the caller filled");
    stop(&ring);
    slow_nanoseconds = 0;
    caller_helps = 0;
}

static void test_stopping_is_quick(void) {
    slow_nanoseconds = 200000; /* a batch takes 6 ms */
    for (int take_first = 0; take_first < 3; take_first++) {
        ring ring = start(1000000, 0, 16, 4, 0);
        for (int64_t batch = 0; batch < take_first; batch++)
            check_batch(&ring, take(&ring, SO_OK), batch);
        double before = now();
        stop(&ring);
        CHECK(now() - before < 0.1, "it took %g s", now() - before);
    }
    slow_nanoseconds = 0;
}

static void test_waiting_times_out(void) {
    slow_nanoseconds = 20000000;
    ring ring = start(10, 0, 2, 1, 0);
    int64_t slot;
    so_batch_report report;
    double before = now();
    CHECK(so_feeder_take(ring.feeder, 20, &slot, &report) == SO_OK, "status");
    CHECK(slot == SO_FEEDER_TIMEOUT, "slot %d", (int)slot);
    CHECK(now() - before >= 0.019, "it took %g s", now() - before);
    slow_nanoseconds = 0;
    check_batch(&ring, take(&ring, SO_OK), 0);
    stop(&ring);
}

static void test_a_failure_comes_in_its_place_and_stays(void) {
    failing_batch = 20;
    ring ring = start(50, 0, 8, 4, 0);
    for (int64_t batch = 0; batch < 20; batch++) check_batch(&ring, take(&ring, SO_OK), batch);
    for (int again = 0; again < 3; again++) {
        int64_t slot;
        so_batch_report report;
        CHECK(so_feeder_take(ring.feeder, 20000, &slot, &report) == SO_READ_FAILED, "status");
        CHECK(report.fault_row == 31, "the first row is %d", (int)report.fault_row);
    }
    stop(&ring);
    failing_batch = -1;
}

static void test_dropped_rows_leave_no_gap(void) {
    dropping_batch = 4;
    ring ring = start(10, 0, 3, 3, 1);
    for (int64_t batch = 0; batch < 10; batch++) {
        int64_t slot = take(&ring, SO_OK);
        for (int64_t row = 0; slot >= 0 && row < (batch == 4 ? ROWS / 2 : ROWS); row++) {
            int64_t expected = 3000000 + batch * 100 + (batch == 4 ? 2 * row : row);
            CHECK(ring.memory[slot * ROWS + row] == expected, "batch %d", (int)batch);
        }
    }
    stop(&ring);
    dropping_batch = -1;
}

static void test_a_fork_is_refused(void) {
    ring ring = start(1000, 0, 4, 4, 0);
    check_batch(&ring, take(&ring, SO_OK), 0);
    for (int i = 0; i < 20; i++)
        IN_CHILD("fork", {
            take(&ring, SO_UNSUPPORTED);
            so_feeder_stop(ring.feeder);
        });
    check_batch(&ring, take(&ring, SO_OK), 1);
    stop(&ring);
}

static atomic_int handled;
static void handle(int signal) {
    (void)signal;
    atomic_fetch_add(&handled, 1);
}

static void test_signals_go_to_the_caller(void) {
    struct sigaction action = {.sa_handler = handle};
    sigaction(SIGUSR1, &action, NULL);
    ring ring = start(100000, 0, 4, 4, 0);
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    kill(getpid(), SIGUSR1); /* to any thread that doesn't block it */
    pause_for(20000000);
    CHECK(atomic_load(&handled) == 0, "a worker ran the handler");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    CHECK(atomic_load(&handled) == 1, "the caller didn't");
    stop(&ring);
}

static void test_many_feeders(void) {
    for (int i = 0; i < 300; i++) {
        ring ring = start(1 + i % 5, i % 2, 2 + i % 3, 1 + i % 7, 0);
        if (i % 3 == 0 && i % 5 > 0) check_batch(&ring, take(&ring, SO_OK), i % 2);
        stop(&ring);
    }
}

int main(void) {
    for (caller_helps = 0; caller_helps < 2; caller_helps++) {
        test_batches_come_in_order();
        test_a_failure_comes_in_its_place_and_stays();
        test_dropped_rows_leave_no_gap();
    }
    caller_helps = 0;
    test_a_waiting_caller_helps();
    test_asking_fills_nothing();
    test_stopping_is_quick();
    test_waiting_times_out();
    test_a_fork_is_refused();
    test_signals_go_to_the_caller();
    test_many_feeders();
    return report("feeder_test");
}
