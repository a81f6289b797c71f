/* The limit: a loop that moves the same bytes as an optimizer step and computes
 * next to nothing. Every pass reads, updates or fills the same arrays as the step
 * that it stands for, with ordinary stores.
 *
 * It runs on the very arrays that the contenders train, so the timed calls add 0:
 * every value is read, goes through an addition, and is stored unchanged. Arrays that
 * are only filled get 0. The check adds 1, and looks at the sums of what is only read.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define MAX_STREAMS 12
#define MAX_THREADS 2

enum { LIMIT_READ = 0, LIMIT_UPDATE = 1, LIMIT_FILL = 2 };

typedef struct {
    void *data;
    int64_t bytes;
    int64_t block_bytes; /* of 256 elements; one scale of 4 bytes is a block's too */
    int32_t access;
    int32_t reserved;
} limit_stream;

/* Elements next to each other in all arrays of one tensor, for one thread. */
typedef struct {
    limit_stream streams[MAX_STREAMS];
    int32_t stream_count;
    int32_t word_bytes; /* 4 or 8: stream 0 is read, the others are updated, all in such
                         * words; 0: any mix */
    uint64_t sum;       /* exclusive or of what was only read */
} limit_run;

typedef struct {
    limit_run *runs[MAX_THREADS];
    int64_t run_counts[MAX_THREADS];
} limit_pass;

typedef struct {
    const limit_pass *passes;
    int64_t pass_count;
    int32_t threads; /* 1 or 2 */
    uint32_t addend;
} limit_step;

#if defined(__clang__)
#define NO_ARRAYS_OVERLAP _Pragma("clang loop vectorize(assume_safety)")
#else
#define NO_ARRAYS_OVERLAP _Pragma("GCC ivdep")
#endif

/* All arrays at once, element by element, as an optimizer's own loop goes.
 * `updated` is a constant where this is inlined. */
#define DEFINE_INTERLEAVED(word)                                                        \
    static inline __attribute__((always_inline)) word interleaved_##word(               \
        limit_stream *streams, const int updated, word addend) {                        \
        const word *read = streams[0].data;                                             \
        int64_t count = streams[0].bytes / (int64_t)sizeof(word);                       \
        word sum = 0;                                                                   \
        word *a[MAX_STREAMS];                                                           \
        for (int k = 0; k < updated; k++) a[k] = streams[k + 1].data;                   \
        NO_ARRAYS_OVERLAP                                                               \
        for (int64_t i = 0; i < count; i++) {                                           \
            sum ^= read[i];                                                             \
            if (updated > 0) a[0][i] += addend;                                         \
            if (updated > 1) a[1][i] += addend;                                         \
            if (updated > 2) a[2][i] += addend;                                         \
            if (updated > 3) a[3][i] += addend;                                         \
            if (updated > 4) a[4][i] += addend;                                         \
        }                                                                               \
        return sum;                                                                     \
    }                                                                                   \
    static word update_##word(limit_stream *streams, int updated, word addend) {        \
        switch (updated) {                                                              \
        case 0: return interleaved_##word(streams, 0, addend);                          \
        case 1: return interleaved_##word(streams, 1, addend);                          \
        case 2: return interleaved_##word(streams, 2, addend);                          \
        case 3: return interleaved_##word(streams, 3, addend);                          \
        case 4: return interleaved_##word(streams, 4, addend);                          \
        default: return interleaved_##word(streams, 5, addend);                         \
        }                                                                               \
    }
typedef uint32_t __attribute__((may_alias)) word32;
typedef uint64_t __attribute__((may_alias)) word64;
DEFINE_INTERLEAVED(word32)
DEFINE_INTERLEAVED(word64)

/* Arrays of different widths: 256 elements of each in turn, in bytes. */
static uint8_t update_mixed(const limit_run *run, uint8_t addend) {
    uint8_t sum = 0;
    int64_t blocks = 0;
    for (int32_t k = 0; k < run->stream_count; k++) {
        const limit_stream *s = &run->streams[k];
        int64_t n = (s->bytes + s->block_bytes - 1) / s->block_bytes;
        blocks = n > blocks ? n : blocks;
    }
    for (int64_t block = 0; block < blocks; block++) {
        for (int32_t k = 0; k < run->stream_count; k++) {
            const limit_stream *s = &run->streams[k];
            int64_t begin = block * s->block_bytes, left = s->bytes - begin;
            int64_t n = left < s->block_bytes ? left : s->block_bytes;
            uint8_t *bytes = (uint8_t *)s->data + begin;
            if (s->access == LIMIT_READ)
                for (int64_t i = 0; i < n; i++) sum ^= bytes[i];
            else if (s->access == LIMIT_UPDATE)
                for (int64_t i = 0; i < n; i++) bytes[i] += addend;
            else
                for (int64_t i = 0; i < n; i++) bytes[i] = addend;
        }
    }
    return sum;
}

static void run_share(const limit_pass *pass, int32_t thread, uint32_t addend) {
    for (int64_t i = 0; i < pass->run_counts[thread]; i++) {
        limit_run *run = &pass->runs[thread][i];
        int updated = run->stream_count - 1;
        run->sum = run->word_bytes == 4   ? update_word32(run->streams, updated, addend)
                   : run->word_bytes == 8 ? update_word64(run->streams, updated, addend)
                                          : update_mixed(run, (uint8_t)addend);
    }
}

/* The second thread lives as long as the process. Between limit_wake and limit_park
 * it spins on `posted`, so that starting a pass costs one cache line's journey;
 * outside it sleeps, so that it takes no processor from the other contenders. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t woken = PTHREAD_COND_INITIALIZER;
static _Atomic int32_t awake;
static const limit_pass *posted_pass;
static uint32_t posted_addend;
/* On lines of their own: each is written by one thread and polled by the other. */
static _Alignas(128) _Atomic uint64_t posted;
static _Alignas(128) _Atomic uint64_t finished;

static void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void *work(void *unused) {
    uint64_t seen = 0;
    for (;;) {
        uint64_t now = atomic_load_explicit(&posted, memory_order_acquire);
        if (now != seen) {
            run_share(posted_pass, 1, posted_addend);
            seen = now;
            atomic_store_explicit(&finished, now, memory_order_release);
        } else if (atomic_load_explicit(&awake, memory_order_relaxed)) {
            pause_briefly();
        } else {
            pthread_mutex_lock(&lock);
            while (!awake) pthread_cond_wait(&woken, &lock);
            pthread_mutex_unlock(&lock);
        }
    }
    return unused;
}

static void run_pass(const limit_pass *pass, int32_t threads, uint32_t addend) {
    if (threads == 1) {
        run_share(pass, 0, addend);
        return;
    }
    posted_pass = pass;
    posted_addend = addend;
    uint64_t now = atomic_load_explicit(&posted, memory_order_relaxed) + 1;
    atomic_store_explicit(&posted, now, memory_order_release);
    run_share(pass, 0, addend);
    while (atomic_load_explicit(&finished, memory_order_acquire) != now) pause_briefly();
}

/* Lets the second thread spin, starting it first if it doesn't exist yet. Returns 0
 * or an errno. Two-thread steps are only allowed between this and limit_park. */
int limit_wake(void) {
    static int started;
    if (!started) {
        pthread_t thread;
        int error = pthread_create(&thread, 0, work, 0);
        if (error) return error;
        pthread_detach(thread);
        started = 1;
    }
    pthread_mutex_lock(&lock);
    awake = 1;
    pthread_cond_signal(&woken);
    pthread_mutex_unlock(&lock);
    return 0;
}

void limit_park(void) {
    atomic_store(&awake, 0);
}

/* The repeats are in C: a call through ctypes takes longer than a small step. */
void limit_steps(const limit_step *step, int64_t repeats) {
    for (int64_t r = 0; r < repeats; r++)
        for (int64_t p = 0; p < step->pass_count; p++)
            run_pass(&step->passes[p], step->threads, step->addend);
}
