/* threads_fork_test.c - the pool in forked children, and where no thread can be
 * started. Built and run like threads_test.c; thread sanitizer needs
 * TSAN_OPTIONS=die_after_fork=0, because the children start threads. */
#define _GNU_SOURCE /* RLIMIT_AS, nanosleep */
#include "parallel.h"

#include <pthread.h>
#include <sys/resource.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static void use_pool(void) {
    /* Every worker takes part, so none is still starting at the next fork: address
     * sanitizer may hold its allocator's lock then, and the child would hang in it. */
    check_shared_by(4);
    check_every_block_once(1000, 3);
}

static void *keep_busy(void *stop) {
    while (!atomic_load((atomic_bool *)stop)) check_every_block_once(300, 1);
    return NULL;
}

static void test_fork(void) {
    use_pool();
    for (int i = 0; i < 20; i++) IN_CHILD("idle pool", use_pool());
    IN_CHILD("grandchild", use_pool(); IN_CHILD("fork in the child", use_pool()));
    atomic_bool stop = false;
    pthread_t busy;
    pthread_create(&busy, NULL, keep_busy, &stop);
    for (int i = 0; i < 100; i++) IN_CHILD("busy pool", use_pool());
    atomic_store(&stop, true);
    pthread_join(busy, NULL);
    use_pool();
}

typedef struct {
    atomic_int arrived; /* first: `meet` gets this struct */
    atomic_int others;
    atomic_bool is_child_done;
    pthread_t caller;
    pid_t child;
} fork_in_task;

/* With 10 blocks and 2 threads, the caller begins with block 0, the worker with 5. */
static void fork_in_block_0(void *context, int64_t begin, int64_t end, void *scratch) {
    fork_in_task *f = context;
    if (begin % 5 != 0) {
        atomic_fetch_add(&f->others, 1);
        return;
    }
    meet(context, begin, end, scratch);
    if (!pthread_equal(pthread_self(), f->caller)) {
        while (!atomic_load(&f->is_child_done)) sleep_ms(1);
        return;
    }
    f->child = fork();
    if (f->child == 0) {
        alarm(60);
        atomic_store(&failures, 0);
        check_every_block_once(100, 3); /* nested: must leave the job alone */
        return;
    }
    int status = -1;
    waitpid(f->child, &status, 0);
    CHECK(status == 0, "the child ended with status %#x", status);
    atomic_store(&f->is_child_done, true);
}

static void test_fork_in_task(void) {
    fork_in_task f = {.arrived = 98, .caller = pthread_self()};
    so_pool_set_threads(2);
    so_parallel_for(10, 1, fork_in_block_0, &f);
    CHECK(atomic_load(&f.others) == 8, "%d of 8 other blocks", atomic_load(&f.others));
    if (f.child == 0) {
        use_pool();
        _exit(atomic_load(&failures) != 0);
    }
}

#ifndef SANITIZED /* the sanitizers need address space themselves */
/* The caller's own stack can't grow under the limit below. */
static __attribute__((noinline)) void grow_stack(void) {
    volatile char stack[1 << 20];
    for (size_t i = 0; i < sizeof stack; i += 1024) stack[i] = 0;
}

static void run_without_memory_for_stacks(void) {
    grow_stack();
    struct rlimit before;
    getrlimit(RLIMIT_AS, &before);
    setrlimit(RLIMIT_AS, &(struct rlimit){1, before.rlim_max});
    so_pool_set_threads(8);
    check_every_block_once(1000, 3);
    setrlimit(RLIMIT_AS, &before);
    check_every_block_once(1000, 3);
    IN_CHILD("after a refusal", check_shared_by(8));
    check_shared_by(5); /* another number of threads: tries again to start them */
}
#endif

int main(void) {
#ifndef SANITIZED /* first: a forked child could use the stacks of its parent's threads */
    IN_CHILD("no threads to be had", run_without_memory_for_stacks());
#endif
    test_fork();
    test_fork_in_task();
    return report("threads_fork_test");
}
