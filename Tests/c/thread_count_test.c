/* thread_count_test.c - where the pool's number of threads comes from. Built and
 * run like threads_test.c. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "check.h"
#include "so_threads.h"

#include <sched.h>
#include <stdlib.h>

static int32_t default_with(const char *swiftopt, const char *omp) {
    swiftopt ? setenv("SWIFTOPT_NUM_THREADS", swiftopt, 1) : unsetenv("SWIFTOPT_NUM_THREADS");
    omp ? setenv("OMP_NUM_THREADS", omp, 1) : unsetenv("OMP_NUM_THREADS");
    return so_pool_get_threads();
}

/* Only a process that hasn't asked for the number yet can test how it is found. */
static void test_default_count(void) {
    cpu_set_t allowed;
    sched_getaffinity(0, sizeof allowed, &allowed);
    const int32_t processors = CPU_COUNT(&allowed) < 256 ? CPU_COUNT(&allowed) : 256;
    const struct {
        const char *swiftopt, *omp;
        int32_t expected;
    } cases[] = {
        {"3", "5", 3},       {"300", NULL, 256}, {"99999999999999999999", NULL, 256},
        {NULL, "5", 5},      {NULL, "6,2", 6},   {NULL, " 7 ", 7},
        {"0", "5", 5},       {"-2", "5", 5},     {"x", "5", 5},
        {"3x", "5", 5},      {"", "5", 5},       {NULL, NULL, processors},
        {"0", "0", processors}, {NULL, ",4", processors},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        IN_CHILD("defaults", int32_t count = default_with(cases[i].swiftopt, cases[i].omp);
                 CHECK(count == cases[i].expected, "case %zu: %d threads", i, count));
    IN_CHILD("affinity", int first = 0; while (!CPU_ISSET(first, &allowed)) first++;
             CPU_ZERO(&allowed); CPU_SET(first, &allowed);
             sched_setaffinity(0, sizeof allowed, &allowed);
             CHECK(default_with(NULL, NULL) == 1, "one processor allowed"));
}

static void test_set_count(void) {
    const int32_t given[] = {1, 2, 256, 0, -5, INT32_MIN, 257, INT32_MAX};
    const int32_t expected[] = {1, 2, 256, 1, 1, 1, 256, 256};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        so_pool_set_threads(given[i]);
        CHECK(so_pool_get_threads() == expected[i], "set %d", given[i]);
    }
}

int main(void) {
    test_default_count(); /* before anything else asks */
    test_set_count();
    return report("thread_count_test");
}
