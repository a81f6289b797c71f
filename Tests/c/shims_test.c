/* shims_test.c - so_error and so_cpu. From the top of the repository:
 *
 *   cc -std=c11 -ISources/SwiftOptShims/include Tests/c/shims_test.c \
 *      Sources/SwiftOptShims/so_{cpu,error}.c -lpthread -o shims_test && ./shims_test */
#include "check.h"
#include "so_cpu.h"
#include "so_error.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#define CHECK_MESSAGE(expected) \
    CHECK(strcmp(so_error_message(), expected) == 0, "it is \"%s\"", so_error_message())

static void *set_in_another_thread(void *argument) {
    CHECK_MESSAGE("");
    so_error_set("another");
    return argument;
}

static void test_messages(void) {
    CHECK_MESSAGE("");
    so_error_set("100% wrong: %s");
    CHECK_MESSAGE("100% wrong: %s");
    pthread_t thread;
    pthread_create(&thread, NULL, set_in_another_thread, NULL);
    pthread_join(thread, NULL);
    CHECK_MESSAGE("100% wrong: %s");

    so_error_set_index("tensors", 3, "count is below 0");
    CHECK_MESSAGE("tensors[3]: count is below 0");
    so_error_set_index("tensors", INT64_MAX, so_error_message());
    CHECK_MESSAGE("tensors[9223372036854775807]: tensors[3]: count is below 0");
    so_error_set_index("plan", -1, "x");
    CHECK_MESSAGE("plan: x");

    char text[1000];
    memset(text, 'a', sizeof text);
    text[999] = '\0';
    so_error_set_index("b", 0, text);
    CHECK(strlen(so_error_message()) == 319, "%zu bytes", strlen(so_error_message()));
    CHECK(memcmp(so_error_message(), "b[0]: aaa", 9) == 0, "%s", so_error_message());
}

/* The shortest of %.6g ... %.17g that reads back: computed with Python's format(). */
static void test_numbers(void) {
    const struct {
        double value;
        const char *expected;
    } cases[] = {
        {0.1, "g[0].lr is 0.1; it must be > 0"},
        {1.0 / 3, "g[0].lr is 0.3333333333333333; it must be > 0"},
        {0.1 + 0.2, "g[0].lr is 0.30000000000000004; it must be > 0"},
        {1234567, "g[0].lr is 1234567; it must be > 0"},
        {-0.0, "g[0].lr is -0; it must be > 0"},
        {5e-324, "g[0].lr is 4.94066e-324; it must be > 0"},
        {-1.7976931348623157e308, "g[0].lr is -1.7976931348623157e+308; it must be > 0"},
        {(double)NAN, "g[0].lr is nan; it must be > 0"},
        {-(double)NAN, "g[0].lr is nan; it must be > 0"},
        {-(double)INFINITY, "g[0].lr is -inf; it must be > 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        so_error_set_number("g", 0, "lr", cases[i].value, "> 0");
        CHECK_MESSAGE(cases[i].expected);
    }
    so_error_set_number("clip_norm", -1, "", -1, "> 0");
    CHECK_MESSAGE("clip_norm is -1; it must be > 0");
}

static void test_composed_messages(void) {
    so_error_set_bounds("g", 2, "beta1", 1.5, 0, 1, 1, 0);
    CHECK_MESSAGE("g[2].beta1 is 1.5; it must be in [0, 1)");
    so_error_set_bounds("g", 2, "alpha", -0.1, 0, 1, 0, 0);
    CHECK_MESSAGE("g[2].alpha is -0.1; it must be in [0, 1]");
    so_error_set_bounds("g", 2, "eps", -1, 0, (double)INFINITY, 0, 0);
    CHECK_MESSAGE("g[2].eps is -1; it must be finite and >= 0");
    so_error_set_bounds("g", 2, "nesterov", 0.5, 0, 1, 0, 1);
    CHECK_MESSAGE("g[2].nesterov is 0.5; it must be 0 or 1");
    so_error_set_bounds("g", 2, "exponent", 1, -(double)INFINITY, 0, 0, 0);
    CHECK_MESSAGE("g[2].exponent is 1; it must be finite and <= 0");
    so_error_set_array(3, "exp_avg", "is NULL");
    CHECK_MESSAGE("tensors[3]: its exp_avg is NULL");
    so_error_set_overlap(1, "parameter", 0, "gradient");
    CHECK_MESSAGE("tensors[1]: its parameter shares memory with the gradient of tensors[0]");
    so_error_set_level("sse9", 0);
    CHECK_MESSAGE("instruction level 'sse9' is unknown; it must be baseline, avx2 or avx512");
}

/* The compiler's own detection is the judge where it exists. */
static void test_level(void) {
    int32_t expected = 0;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("x86-64-v3")) expected = 1;
    if (__builtin_cpu_supports("x86-64-v4")) expected = 2;
#endif
    CHECK(so_cpu_level() == expected, "%d, expected %d", so_cpu_level(), expected);
}

int main(void) {
    test_messages();
    test_numbers();
    test_composed_messages();
    test_level();
    return report("shims_test");
}
