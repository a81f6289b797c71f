/* so_threads.h - a small thread pool for loops of a few microseconds and up. */
#ifndef SO_THREADS_H
#define SO_THREADS_H

#include <stdint.h>

#ifdef __clang__
#pragma clang assume_nonnull begin
#endif

/* Bytes of scratch memory that a task may use while it runs. It is on the caller's
 * stack, which Python code can make as small as 64 KiB. */
#define SO_SCRATCH_BYTES 16384

/* Works on the elements begin ..< end. `scratch` is SO_SCRATCH_BYTES bytes of any
 * content, aligned to 64, that no other running task has. */
typedef void (*so_task)(void *context, int64_t begin, int64_t end, void *scratch);

/* Runs task over the blocks [i*grain, min(count, (i+1)*grain)), each exactly once,
 * on up to so_pool_get_threads() threads, the calling one included; returns when
 * all are done. A grain below 1 counts as 1, a count below 1 as 0.
 *
 * Each thread begins with a contiguous part of the blocks, the same part whenever
 * count, grain and the number of threads are the same, so that a repeated loop
 * finds its data in the same core's cache; a thread that has finished its part
 * helps with the others'. Which thread runs a block is otherwise not defined.
 *
 * A call from inside a task, or while another thread is in a call, runs all blocks
 * on the calling thread. So does a call with one block or one thread.
 *
 * Tasks run with the default floating-point environment: round to nearest, keep
 * subnormal numbers, trap nothing. Each thread has its own settings and exception
 * flags back afterwards.
 *
 * Worker threads start at the first call that can use them, and block all signals.
 * A forked child starts its own; forked inside a task, it finishes the call, but
 * without the blocks that other threads had begun. The code must stay loaded once
 * workers run: link a shared library that may be unloaded with -z nodelete. */
void so_parallel_for(int64_t count, int64_t grain, so_task task, void *context);

/* Threads that a call may use, the calling one included. Initially the number in
 * SWIFTOPT_NUM_THREADS, else the first one in OMP_NUM_THREADS, else the number of
 * processors that this thread may run on. */
int32_t so_pool_get_threads(void);

#define SO_POOL_MAX_THREADS 256
/* Clamped to 1 ... SO_POOL_MAX_THREADS; holds from the next call on. */
void so_pool_set_threads(int32_t count);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif

#endif /* SO_THREADS_H */
