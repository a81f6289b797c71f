/* The limit: a loop that moves the same bytes as an optimizer step and computes
 * next to nothing. Every step reads and writes the same arrays as the rule that it
 * stands for (parameter and state), reads the gradient once, or twice where the
 * step needs a norm first, and uses ordinary stores.
 *
 * It runs on the very arrays that the contenders train, so the timed calls pass
 * factor 0: every value is read, goes through a multiply and an add, and is stored
 * unchanged. The check passes factor 1 and looks at the sums.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define MAX_WRITTEN 3
/* Below this many elements, waking the other half costs more than it saves. */
#define SERIAL_ELEMENTS 8192
/* Shares begin at multiples of this, so that two threads share no cache line. */
#define SHARE_ELEMENTS 64

typedef struct {
    void *written[MAX_WRITTEN];
    const void *gradient;
    int64_t count;
} limit_tensor;

typedef struct {
    const limit_tensor *tensors;
    int64_t tensor_count;
    double factor;
    int32_t written_count; /* 2 or 3 */
    int32_t is_double;
    int32_t has_norm_pass; /* 1: the gradient is read once more, before the update */
    int32_t threads;       /* 1 or 2 */
} limit_step;

#define DEFINE_UPDATES(type)                                                            \
    static void update2_##type(type *restrict a, type *restrict b,                      \
                               const type *restrict g, int64_t n, type factor) {        \
        for (int64_t i = 0; i < n; i++) {                                               \
            type change = factor * g[i];                                                \
            a[i] += change;                                                             \
            b[i] += change;                                                             \
        }                                                                               \
    }                                                                                   \
    static void update3_##type(type *restrict a, type *restrict b, type *restrict c,    \
                               const type *restrict g, int64_t n, type factor) {        \
        for (int64_t i = 0; i < n; i++) {                                               \
            type change = factor * g[i];                                                \
            a[i] += change;                                                             \
            b[i] += change;                                                             \
            c[i] += change;                                                             \
        }                                                                               \
    }                                                                                   \
    static void update_##type(const limit_step *step, const limit_tensor *t,            \
                              int64_t begin, int64_t end) {                             \
        type *a = (type *)t->written[0] + begin, *b = (type *)t->written[1] + begin;    \
        const type *g = (const type *)t->gradient + begin;                              \
        type factor = (type)step->factor;                                               \
        if (step->written_count == 2)                                                   \
            update2_##type(a, b, g, end - begin, factor);                               \
        else                                                                            \
            update3_##type(a, b, (type *)t->written[2] + begin, g, end - begin, factor);\
    }
DEFINE_UPDATES(float)
DEFINE_UPDATES(double)

/* Stands for the norm. Integer xor because a floating sum may not be reordered,
 * so it would be bound by the latency of its adds and not by memory. */
static uint32_t read_words(const void *gradient, int64_t begin, int64_t end) {
    typedef uint32_t __attribute__((may_alias)) word;
    const word *words = (const word *)gradient;
    uint32_t sum = 0;
    for (int64_t i = begin; i < end; i++) sum ^= words[i];
    return sum;
}

typedef void (*limit_pass)(const limit_step *, const limit_tensor *, int64_t, int64_t);

static void read_pass(const limit_step *step, const limit_tensor *t, int64_t begin,
                      int64_t end) {
    int64_t words = step->is_double ? 2 : 1;
    uint32_t sum = read_words(t->gradient, begin * words, end * words);
    /* A use of the sum that costs nothing: without one the loop would be dropped. */
    __asm__ volatile("" : : "r"(sum));
}

static void update_pass(const limit_step *step, const limit_tensor *t, int64_t begin,
                        int64_t end) {
    if (step->is_double)
        update_double(step, t, begin, end);
    else
        update_float(step, t, begin, end);
}

/* One of `threads` static shares: of the elements of a single tensor, of the list
 * where there are several. */
static void run_share(const limit_step *step, limit_pass pass, int32_t thread,
                      int32_t threads) {
    if (step->tensor_count == 1) {
        const limit_tensor *t = step->tensors;
        int64_t middle = t->count / 2 / SHARE_ELEMENTS * SHARE_ELEMENTS;
        pass(step, t, thread ? middle : 0, threads == 1 || thread ? t->count : middle);
        return;
    }
    int64_t begin = step->tensor_count * thread / threads;
    int64_t end = step->tensor_count * (thread + 1) / threads;
    for (int64_t i = begin; i < end; i++)
        pass(step, &step->tensors[i], 0, step->tensors[i].count);
}

/* The second thread lives as long as the process. Between limit_wake and limit_park
 * it spins on `posted`, so that starting a pass costs one cache line's journey;
 * outside it sleeps, so that it takes no processor from the other contenders. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t woken = PTHREAD_COND_INITIALIZER;
static _Atomic int32_t awake;
static const limit_step *posted_step;
static limit_pass posted_pass;
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
            run_share(posted_step, posted_pass, 1, 2);
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

static void run_pass(const limit_step *step, limit_pass pass, int32_t threads) {
    if (threads == 1) {
        run_share(step, pass, 0, 1);
        return;
    }
    posted_step = step;
    posted_pass = pass;
    uint64_t now = atomic_load_explicit(&posted, memory_order_relaxed) + 1;
    atomic_store_explicit(&posted, now, memory_order_release);
    run_share(step, pass, 0, 2);
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
void limit_run(const limit_step *step, int64_t repeats) {
    int64_t elements = 0;
    for (int64_t i = 0; i < step->tensor_count; i++) elements += step->tensors[i].count;
    int32_t threads = elements < SERIAL_ELEMENTS ? 1 : step->threads;
    for (int64_t r = 0; r < repeats; r++) {
        if (step->has_norm_pass) run_pass(step, read_pass, threads);
        run_pass(step, update_pass, threads);
    }
}
