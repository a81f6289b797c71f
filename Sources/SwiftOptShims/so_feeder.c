/* so_feeder.c - the threads of a feeder, and the ring of batches between them and the caller.
 *
 * Batch b is filled in slot b modulo their number, part by part: the lock is held only to
 * take a part and to report it. Parts are handed out in the order of the batches, so the next
 * batch is never behind a later one. A caller that would wait fills parts itself, where these
 * can't be long: to fall asleep and be woken takes longer than a part of small images. Nobody
 * spins: what isn't training should sleep. */
#define _GNU_SOURCE
#include "so_feeder.h"

#include "so_float.h"
#include "so_glibc.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(SWIFTOPT_OLD_GLIBC) && defined(__x86_64__)
__asm__(".symver pthread_join, pthread_join@GLIBC_2.2.5");
__asm__(".symver pthread_condattr_setclock, pthread_condattr_setclock@GLIBC_2.3.3");
#endif

typedef struct {
    so_fill fill; /* of the batch that the slot has, or has next */
    so_batch_report report;
    int64_t parts, taken, done;
    int is_ready;
} ring_slot;

struct so_feeder {
    so_data_plan plan;
    so_filler filler;
    pid_t owner;
    int32_t slot_count, thread_count;
    int32_t stop; /* read without the lock, too */
    pthread_mutex_t lock;
    pthread_cond_t work;     /* a slot became free, or stop */
    pthread_cond_t complete; /* the caller's next batch is ready */
    int64_t filling;         /* the batch whose parts are handed out */
    int64_t next;            /* the batch that the caller gets next */
    int64_t held;            /* the batch that the caller has, -1 if none */
    so_status failed;        /* what ended the epoch early */
    so_batch_report failure;
    int32_t workspaces_taken;
    int32_t is_helped;         /* the caller fills: there is one workspace for that */
    unsigned char *workspaces; /* the caller's, and one per thread */
    uint8_t *dropped;          /* slot_count * batch_size */
    void **outputs;            /* slot_count * field_count */
    ring_slot *slots;
    pthread_t *threads;
};

static ring_slot *slot_of(so_feeder *feeder, int64_t batch) {
    return &feeder->slots[batch % feeder->slot_count];
}

/* ------------------------------------------------------------- the workers */

/* Makes the slot ready for batch `filling`, if the caller is done with what it had. */
static int begin_batch(so_feeder *feeder) {
    int64_t oldest = feeder->held >= 0 ? feeder->held : feeder->next;
    if (feeder->filling >= feeder->filler.batch_count) return 0;
    if (feeder->filling - oldest >= feeder->slot_count) return 0;
    ring_slot *slot = slot_of(feeder, feeder->filling);
    if (slot->fill.batch == feeder->filling) return 1;
    slot->fill.batch = feeder->filling;
    slot->parts = feeder->filler.parts(&slot->fill);
    slot->taken = slot->done = 0;
    slot->is_ready = 0;
    so_report_begin(&slot->report);
    return 1;
}

static so_status status_of(const so_feeder *feeder, const so_batch_report *report) {
    if (report->fault == SO_FAULT_NONE) return SO_OK;
    if (report->fault != SO_FAULT_READ) return SO_INVALID_VALUE;
    return feeder->plan.skip_errors ? SO_OK : SO_READ_FAILED;
}

/* The last part of a batch is done. The lock is held, but not while gaps are closed. */
static void complete_batch(so_feeder *feeder, ring_slot *slot) {
    if (slot->report.read_errors > 0 && status_of(feeder, &slot->report) == SO_OK) {
        pthread_mutex_unlock(&feeder->lock);
        feeder->filler.finish(&slot->fill);
        pthread_mutex_lock(&feeder->lock);
    }
    slot->is_ready = 1;
    if (slot->fill.batch == feeder->next) pthread_cond_signal(&feeder->complete);
}

/* Fills the next part, if there is one and room for it. The lock is held, but not meanwhile. */
static int fill_part(so_feeder *feeder, void *workspace) {
    if (!begin_batch(feeder)) return 0;
    ring_slot *slot = slot_of(feeder, feeder->filling);
    int64_t part = slot->taken++;
    if (slot->taken >= slot->parts) feeder->filling++;
    pthread_mutex_unlock(&feeder->lock);
    so_batch_report report;
    so_report_begin(&report);
    feeder->filler.fill(&slot->fill, part, workspace, &report);
    pthread_mutex_lock(&feeder->lock);
    so_report_merge(&slot->report, &report, feeder->plan.skip_errors);
    if (++slot->done == slot->parts && !feeder->stop) complete_batch(feeder, slot);
    return 1;
}

static void *work(void *argument) {
    so_feeder *feeder = argument;
    uint64_t settings = so_float_begin();
    pthread_mutex_lock(&feeder->lock);
    size_t place = (size_t)++feeder->workspaces_taken;
    void *workspace = feeder->workspaces + place * (size_t)feeder->filler.workspace_bytes;
    while (!feeder->stop)
        if (!fill_part(feeder, workspace)) pthread_cond_wait(&feeder->work, &feeder->lock);
    pthread_mutex_unlock(&feeder->lock);
    so_float_end(settings);
    return NULL;
}

/* ------------------------------------------------------------ the beginning */

static void free_feeder(so_feeder *feeder) {
    free(feeder->workspaces);
    free(feeder->dropped);
    free(feeder->outputs);
    free(feeder->slots);
    free(feeder->threads);
    free(feeder);
}

static so_feeder *allocate(const so_data_plan *plan, const so_filler *filler, int32_t slot_count,
                           int32_t threads) {
    so_feeder *feeder = calloc(1, sizeof *feeder);
    if (feeder == NULL) return NULL;
    feeder->plan = *plan;
    feeder->filler = *filler;
    size_t slots = (size_t)slot_count, fields = (size_t)plan->field_count;
    size_t rows = plan->skip_errors ? (size_t)filler->batch_size : 1;
    feeder->dropped = calloc(slots, rows);
    feeder->outputs = calloc(slots * fields, sizeof *feeder->outputs);
    feeder->slots = calloc(slots, sizeof *feeder->slots);
    feeder->threads = calloc((size_t)threads, sizeof *feeder->threads);
    size_t bytes = (size_t)filler->workspace_bytes * ((size_t)threads + 1);
    void *workspaces = NULL;
    if (posix_memalign(&workspaces, 64, bytes) == 0) feeder->workspaces = workspaces;
    if (feeder->dropped == NULL || feeder->outputs == NULL || feeder->slots == NULL ||
        feeder->threads == NULL || feeder->workspaces == NULL) {
        free_feeder(feeder);
        return NULL;
    }
    for (size_t s = 0; s < slots; s++) {
        so_fill *fill = &feeder->slots[s].fill;
        fill->plan = &feeder->plan;
        fill->batch = -1;
        fill->outputs = feeder->outputs + s * fields;
        fill->dropped = feeder->dropped + s * rows;
        fill->stop = &feeder->stop;
    }
    return feeder;
}

static int make_locks(so_feeder *feeder) {
    pthread_condattr_t clock;
    if (pthread_mutex_init(&feeder->lock, NULL) != 0) return -1;
    if (pthread_cond_init(&feeder->work, NULL) != 0) return -1;
    if (pthread_condattr_init(&clock) != 0) return -1;
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC); /* the wall clock may be set */
    int error = pthread_cond_init(&feeder->complete, &clock);
    pthread_condattr_destroy(&clock);
    return error == 0 ? 0 : -1;
}

so_feeder *so_feeder_start(const so_data_plan *plan, const so_filler *filler, uint64_t epoch,
                           int64_t first_batch, void *const *outputs, int32_t slot_count,
                           int32_t threads) {
    so_feeder *feeder = allocate(plan, filler, slot_count, threads);
    if (feeder == NULL) return NULL;
    if (make_locks(feeder) < 0) {
        free_feeder(feeder);
        return NULL;
    }
    size_t fields = (size_t)plan->field_count;
    memcpy(feeder->outputs, outputs, (size_t)slot_count * fields * sizeof *feeder->outputs);
    for (int32_t s = 0; s < slot_count; s++) feeder->slots[s].fill.epoch = epoch;
    feeder->owner = getpid();
    feeder->slot_count = slot_count;
    feeder->next = feeder->filling = first_batch;
    feeder->held = -1;
    /* Threads start with their creator's mask: a program's handlers must not run on them. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (feeder->thread_count < threads &&
           pthread_create(&feeder->threads[feeder->thread_count], NULL, work, feeder) == 0)
        feeder->thread_count++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (feeder->thread_count > 0) return feeder; /* one is enough, if there can't be more */
    so_feeder_stop(feeder);
    return NULL;
}

/* ---------------------------------------------------------------- the caller */

static struct timespec now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time;
}

static int is_over(struct timespec deadline) {
    struct timespec time = now();
    return time.tv_sec > deadline.tv_sec ||
           (time.tv_sec == deadline.tv_sec && time.tv_nsec >= deadline.tv_nsec);
}

static struct timespec deadline_after(int32_t milliseconds) {
    struct timespec time = now();
    time.tv_sec += milliseconds / 1000;
    time.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_nsec -= 1000000000;
        time.tv_sec++;
    }
    return time;
}

/* Gives the slot that the caller had back to the workers. */
static void release_held(so_feeder *feeder) {
    if (feeder->held < 0) return;
    feeder->held = -1;
    pthread_cond_broadcast(&feeder->work);
}

static int has_batch(const ring_slot *slot, int64_t batch) {
    return slot->fill.batch == batch && slot->is_ready;
}

/* Fills a part as the workers do; 0 if there is none, or another thread does it already. */
static int help(so_feeder *feeder) {
    if (!feeder->filler.is_short || feeder->is_helped) return 0;
    feeder->is_helped = 1;
    uint64_t settings = so_float_begin();
    int is_filled = fill_part(feeder, feeder->workspaces);
    so_float_end(settings);
    feeder->is_helped = 0;
    return is_filled;
}

/* Until the batch is ready, a failure ends the epoch, or it is too late. */
static void wait_for(so_feeder *feeder, int64_t batch, int32_t milliseconds) {
    struct timespec deadline = deadline_after(milliseconds);
    while (!has_batch(slot_of(feeder, batch), batch) && feeder->failed == SO_OK) {
        if (milliseconds == 0 || is_over(deadline)) return;
        if (help(feeder)) continue;
        if (pthread_cond_timedwait(&feeder->complete, &feeder->lock, &deadline) == ETIMEDOUT)
            return;
    }
}

so_status so_feeder_take(so_feeder *feeder, int32_t milliseconds, int64_t *slot,
                         so_batch_report *report) {
    if (feeder->owner != getpid()) return SO_UNSUPPORTED;
    *slot = SO_FEEDER_TIMEOUT;
    pthread_mutex_lock(&feeder->lock);
    so_status status = feeder->failed;
    int64_t batch = feeder->next;
    ring_slot *ring = slot_of(feeder, batch);
    release_held(feeder); /* now: room for another batch is wanted most while the caller waits */
    if (status != SO_OK) {
        *report = feeder->failure;
    } else if (batch >= feeder->filler.batch_count) {
        *slot = SO_FEEDER_END;
    } else {
        wait_for(feeder, batch, milliseconds);
        status = feeder->failed;
        if (has_batch(ring, batch)) {
            *report = ring->report;
            status = status_of(feeder, report);
            if (status == SO_OK) {
                *slot = batch % feeder->slot_count;
                feeder->next++;
                feeder->held = batch;
            } else {
                feeder->failed = status;
                feeder->failure = *report;
            }
        }
    }
    pthread_mutex_unlock(&feeder->lock);
    return status;
}

void so_feeder_stop(so_feeder *feeder) {
    if (feeder == NULL) return;
    if (feeder->owner == getpid()) {
        pthread_mutex_lock(&feeder->lock);
        __atomic_store_n(&feeder->stop, 1, __ATOMIC_RELAXED);
        pthread_cond_broadcast(&feeder->work);
        pthread_mutex_unlock(&feeder->lock);
        for (int32_t i = 0; i < feeder->thread_count; i++) pthread_join(feeder->threads[i], NULL);
        pthread_mutex_destroy(&feeder->lock);
        pthread_cond_destroy(&feeder->work);
        pthread_cond_destroy(&feeder->complete);
    }
    /* In a fork there are no threads to wait for, and the lock may be one's that is gone. */
    free_feeder(feeder);
}
