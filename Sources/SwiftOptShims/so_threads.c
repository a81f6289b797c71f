/* so_threads.c - the thread pool behind so_parallel_for.
 *
 * A job's blocks are split into one contiguous share per participant. Participant
 * 0 is the caller, participants 1, 2, ... are worker threads. Each claims blocks
 * from its own share, then from the others', so all blocks get done even if no
 * worker ever wakes up.
 *
 * All synchronisation goes through one word per worker:
 *
 *      +--------> IDLE ----(worker)----> ASLEEP
 *      |          |  ^                     |
 *      |   (caller)  (caller)          (caller)
 *      |          v  |                     |
 *      |         POSTED <------------------+
 *      |            |
 *      |         (worker)
 *      |            v
 *      +-(worker)- RUNNING --(caller)--> AWAITED --(worker)--> IDLE
 *
 * The caller posts the job to each worker, runs blocks until none is unclaimed,
 * then retires each worker: it takes a post back that the worker hasn't accepted
 * (so it never waits for a sleeper), else it waits until the worker is done.
 *
 * Invariant: the job and the shares are written only by the thread that holds
 * the pool, while no worker is POSTED, RUNNING or AWAITED; a worker reads them
 * only while RUNNING or AWAITED. So a worker that wakes up late finds either no
 * post, or a post for the job that is current: never an old job.
 *
 * Memory order: posting releases and accepting acquires, which publishes the job
 * and the data it works on; becoming IDLE again releases and retiring acquires,
 * which publishes the results (a worker that has gone on to ASLEEP did so by a
 * read-modify-write, which keeps the release visible). The pool itself is handed
 * from caller to caller by acquire and release. Claims are relaxed: they only
 * have to be atomic, nothing is published through them. */
#define _GNU_SOURCE /* syscall */
#include "so_threads.h"

#include "so_float.h"
#include "so_glibc.h"
#include "so_kernels.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ------------------------------------------- what differs by processor */

#if defined(__x86_64__)
static void relax(void) { __builtin_ia32_pause(); }
#elif defined(__aarch64__)
static void relax(void) { __asm__ volatile("yield"); }
#else
#error "so_threads.c: how does this processor pause?"
#endif

/* ------------------------------------------------------------ the pool */

enum { IDLE, ASLEEP, POSTED, RUNNING, AWAITED };

/* Looks at a word before blocking on it: some 50 microseconds, longer than the
 * pause between the loops of one optimizer step. */
enum { SPINS = 2000 };

enum { CACHE_LINE = 64 };

/* The word that a worker spins on and the share that thieves change are on
 * separate cache lines. */
struct participant {
    alignas(CACHE_LINE) _Atomic uint32_t state;
    alignas(CACHE_LINE) _Atomic uint64_t next; /* first unclaimed block, or any number >= end */
    uint64_t end;
};

struct job {
    so_task task;
    void *context;
    int64_t count, grain;
    uint32_t participants;
};

static struct participant participants[SO_POOL_MAX_THREADS];
static struct job current;
static uint32_t workers_started; /* participants 1 ... workers_started have a thread */
static int32_t refused_at;       /* the number of threads wanted when the last start failed */
static atomic_bool held;         /* by the caller that is using the four above */
static _Thread_local bool is_holder;

static void futex_wait(_Atomic uint32_t *word, uint32_t value) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* -------------------------------------------------------- running blocks */

static void run_block(const struct job *job, uint64_t block, void *scratch) {
    int64_t begin = (int64_t)block * job->grain;
    int64_t end = job->count - begin > job->grain ? begin + job->grain : job->count;
    job->task(job->context, begin, end, scratch);
}

static bool claim(struct participant *owner, uint64_t *block) {
    /* Looking first keeps thieves from writing to the lines of finished shares. */
    if (atomic_load_explicit(&owner->next, memory_order_relaxed) >= owner->end) return false;
    *block = atomic_fetch_add_explicit(&owner->next, 1, memory_order_relaxed);
    return *block < owner->end;
}

/* Runs blocks of the current job until none is unclaimed. */
static void participate(uint32_t self, void *scratch) {
    uint64_t settings = so_float_begin();
    for (uint32_t i = 0; i < current.participants; i++) {
        struct participant *owner = &participants[(self + i) % current.participants];
        uint64_t block;
        while (claim(owner, &block)) run_block(&current, block, scratch);
    }
    so_float_end(settings);
}

/* ------------------------------------------------------------ the worker */

static void accept_post(struct participant *self) {
    for (;;) {
        for (int i = 0; i < SPINS; i++) {
            uint32_t seen = POSTED; /* looking first: a failing exchange would take the line too */
            if (atomic_load_explicit(&self->state, memory_order_relaxed) == POSTED &&
                atomic_compare_exchange_strong_explicit(&self->state, &seen, RUNNING,
                                                        memory_order_acquire, memory_order_relaxed))
                return;
            relax();
        }
        uint32_t seen = IDLE;
        if (atomic_compare_exchange_strong_explicit(&self->state, &seen, ASLEEP,
                                                    memory_order_relaxed, memory_order_relaxed))
            while (atomic_load_explicit(&self->state, memory_order_relaxed) == ASLEEP)
                futex_wait(&self->state, ASLEEP);
    }
}

static void *work(void *argument) {
    struct participant *self = argument;
    alignas(CACHE_LINE) unsigned char scratch[SO_SCRATCH_BYTES];
    for (;;) {
        accept_post(self);
        participate((uint32_t)(self - participants), scratch);
        if (atomic_exchange_explicit(&self->state, IDLE, memory_order_release) == AWAITED)
            futex_wake(&self->state);
    }
    return NULL;
}

static bool start_worker(struct participant *worker) {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    /* A thread starts with its creator's mask: the program's signal handlers must
     * not run on a worker. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    int error = pthread_create(&thread, &attributes, work, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error == 0;
}

/* ------------------------------------------------------------ the caller */

static void post(struct participant *worker) {
    if (atomic_exchange_explicit(&worker->state, POSTED, memory_order_release) == ASLEEP)
        futex_wake(&worker->state);
}

static void retire(struct participant *worker) {
    uint32_t seen = POSTED;
    if (atomic_compare_exchange_strong_explicit(&worker->state, &seen, IDLE, memory_order_acquire,
                                                memory_order_acquire))
        return;
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&worker->state, memory_order_acquire) != RUNNING) return;
        relax();
    }
    seen = RUNNING; /* a long block, or its thread lost the processor: don't burn this one */
    if (atomic_compare_exchange_strong_explicit(&worker->state, &seen, AWAITED,
                                                memory_order_acquire, memory_order_acquire))
        while (atomic_load_explicit(&worker->state, memory_order_acquire) == AWAITED)
            futex_wait(&worker->state, AWAITED);
}

/* Not inlined, nor is the next function: only one of their scratches is needed. */
static __attribute__((noinline)) void run_serially(const struct job *job, uint64_t blocks) {
    alignas(CACHE_LINE) unsigned char scratch[SO_SCRATCH_BYTES];
    uint64_t settings = so_float_begin();
    for (uint64_t block = 0; block < blocks; block++) run_block(job, block, scratch);
    so_float_end(settings);
}

/* Runs the job on up to `threads` threads. The pool is held by this thread. */
static __attribute__((noinline)) void run_in_parallel(const struct job *job, uint64_t blocks,
                                                      int32_t threads) {
    alignas(CACHE_LINE) unsigned char scratch[SO_SCRATCH_BYTES];
    uint32_t workers = (uint32_t)(blocks < (uint64_t)threads ? blocks : (uint64_t)threads) - 1;
    /* A failing start is slow: after one, only another number of threads tries again. */
    while (workers_started < workers && threads != refused_at) {
        if (start_worker(&participants[workers_started + 1]))
            workers_started++;
        else
            refused_at = threads;
    }
    if (workers > workers_started) workers = workers_started;
    current = *job;
    current.participants = workers + 1;
    uint64_t share = blocks / current.participants, longer = blocks % current.participants;
    uint64_t next = 0;
    for (uint32_t i = 0; i < current.participants; i++) {
        atomic_store_explicit(&participants[i].next, next, memory_order_relaxed);
        next += share + (i < longer);
        participants[i].end = next;
    }
    for (uint32_t i = 1; i <= workers; i++) post(&participants[i]);
    participate(0, scratch);
    for (uint32_t i = 1; i <= workers; i++) retire(&participants[i]);
}

/* In a forked child only the forking thread exists: whatever the others were doing
 * with the pool, it is as new. If that thread forked inside a task it still holds
 * the pool and finishes the job without them. */
static void reset_after_fork(void) {
    for (uint32_t i = 0; i < SO_POOL_MAX_THREADS; i++)
        atomic_store_explicit(&participants[i].state, IDLE, memory_order_relaxed);
    workers_started = 0;
    refused_at = 0;
    atomic_store_explicit(&held, is_holder, memory_order_relaxed);
}

/* Registers reset_after_fork. Must be done before anyone holds the pool, or a
 * child forked at that moment would find it held for ever; two threads that
 * register it both do no harm. */
static bool is_ready_for_fork(void) {
    static atomic_bool registered;
    if (atomic_load_explicit(&registered, memory_order_acquire)) return true;
    if (pthread_atfork(NULL, NULL, reset_after_fork) != 0) return false;
    atomic_store_explicit(&registered, true, memory_order_release);
    return true;
}

void so_parallel_for(int64_t count, int64_t grain, so_task task, void *context) {
    if (count < 1) return;
    if (grain < 1) grain = 1;
    uint64_t blocks = (uint64_t)(count / grain) + (count % grain != 0);
    struct job job = {task, context, count, grain, 1};
    int32_t threads = blocks > 1 ? so_pool_get_threads() : 1;
    if (threads == 1 || !is_ready_for_fork() ||
        atomic_exchange_explicit(&held, true, memory_order_acquire)) {
        run_serially(&job, blocks);
        return;
    }
    is_holder = true;
    run_in_parallel(&job, blocks, threads);
    is_holder = false;
    atomic_store_explicit(&held, false, memory_order_release);
}
