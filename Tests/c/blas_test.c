/* blas_test.c - so_blas: what reaches a CBLAS library, and real products where there is one. */
#define _GNU_SOURCE
#include "check.h"
#include "so_blas.h"
#include "swiftopt.h"

#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A CBLAS that only notes its arguments. */
typedef struct call {
    int bits, order, a_form, b_form;
    int64_t rows, columns, depth, a_stride, b_stride, c_stride;
    double alpha, beta;
    const void *a, *b, *c;
} call;

static call last;
static int calls;

#define FAKE(name, scalar, integer, width)                                                      \
    static void name(int order, int a_form, int b_form, integer rows, integer columns,          \
                     integer depth, scalar alpha, const scalar *a, integer a_stride,            \
                     const scalar *b, integer b_stride, scalar beta, scalar *c,                 \
                     integer c_stride) {                                                        \
        last = (call){width, order,    a_form,   b_form,   rows,  columns, depth, a_stride,     \
                      b_stride, c_stride, alpha, beta, a, b, c};                                \
        calls++;                                                                                \
    }

FAKE(fake_sgemm32, float, int32_t, 32)
FAKE(fake_dgemm32, double, int32_t, 32)
FAKE(fake_sgemm64, float, int64_t, 64)
FAKE(fake_dgemm64, double, int64_t, 64)

static float x[64], y[64], z[64];
static double u[64], v[64], w[64];

static int32_t single(int64_t rows, int64_t columns, int64_t depth, int32_t a_transposed,
                      int32_t b_transposed, int64_t a_stride, int64_t b_stride, int64_t c_stride) {
    return so_blas_sgemm(rows, columns, depth, a_transposed, b_transposed, 0.5f, x, a_stride, y,
                         b_stride, 0.25f, z, c_stride);
}

static void test_refusals(void) {
    CHECK(!so_blas_is_set(), "before any call");
    CHECK(single(2, 3, 4, 0, 0, 4, 3, 3) == 0, "a product without a library");
    CHECK(so_blas_set((const void *)fake_sgemm32, NULL, 32) == SO_INVALID_VALUE, "half of it");
    CHECK(strstr(so_last_error(), "both") != NULL, "%s", so_last_error());
    CHECK(so_blas_set((const void *)fake_sgemm32, (const void *)fake_dgemm32, 16) ==
              SO_INVALID_VALUE,
          "integers of 16 bits");
    CHECK(strcmp(so_last_error(), "integer_bits is 16; it must be 32 or 64") == 0, "%s",
          so_last_error());
    CHECK(!so_blas_is_set() && calls == 0, "a failed call changed something");
}

static void test_arguments(void) {
    const int widths[] = {32, 64};
    for (int i = 0; i < 2; i++) {
        const int is_wide = widths[i] == 64;
        CHECK(so_blas_set(is_wide ? (const void *)fake_sgemm64 : (const void *)fake_sgemm32,
                          is_wide ? (const void *)fake_dgemm64 : (const void *)fake_dgemm32,
                          widths[i]) == SO_OK,
              "%s", so_last_error());
        CHECK(so_blas_is_set(), "after it");
        CHECK(single(2, 3, 4, 0, 1, 5, 6, 7) == 1, "a good product");
        CHECK(last.bits == widths[i] && last.order == 101 && last.a_form == 111 &&
                  last.b_form == 112 && last.rows == 2 && last.columns == 3 && last.depth == 4 &&
                  last.a_stride == 5 && last.b_stride == 6 && last.c_stride == 7 &&
                  last.alpha == 0.5 && last.beta == 0.25 && last.a == x && last.b == y &&
                  last.c == z,
              "the float32 arguments, %d bits", widths[i]);
        CHECK(so_blas_dgemm(4, 3, 2, 1, 0, 0.1, u, 4, v, 3, 0.7, w, 3) == 1, "in float64");
        CHECK(last.bits == widths[i] && last.a_form == 112 && last.b_form == 111 &&
                  last.rows == 4 && last.columns == 3 && last.depth == 2 && last.a_stride == 4 &&
                  last.b_stride == 3 && last.c_stride == 3 && last.alpha == 0.1 &&
                  last.beta == 0.7 && last.a == u && last.b == v && last.c == w,
              "the float64 arguments, %d bits", widths[i]);
    }
}

/* CBLAS would print a message and stop, or read what isn't there. */
static void test_what_cblas_forbids(void) {
    CHECK(so_blas_set((const void *)fake_sgemm32, (const void *)fake_dgemm32, 32) == SO_OK, "set");
    calls = 0;
    CHECK(single(2, 3, 4, 0, 0, 3, 3, 3) == 0, "rows of A overlap");
    CHECK(single(2, 3, 4, 1, 0, 1, 3, 3) == 0, "rows of A, transposed, overlap");
    CHECK(single(2, 3, 4, 0, 0, 4, 0, 3) == 0, "rows of B are one");
    CHECK(single(2, 3, 4, 0, 0, 4, 3, 2) == 0, "rows of C overlap");
    CHECK(single(-1, 3, 4, 0, 0, 4, 3, 3) == 0, "a negative size");
    CHECK(single(1, 1, 1LL << 31, 0, 1, 1LL << 31, 1LL << 31, 1) == 0, "beyond 32 bits");
    CHECK(calls == 0, "one of them reached the library");
    CHECK(single(0, 3, 4, 0, 0, 4, 3, 3) == 1 && single(2, 0, 4, 0, 0, 4, 0, 0) == 1 && calls == 0,
          "an empty result needs no call");
    /* A matrix of one row has no stride to speak of, nor has one of no columns. */
    CHECK(single(1, 3, 4, 0, 0, 0, 3, 0) == 1 && last.a_stride == 4 && last.c_stride == 3,
          "one row");
    CHECK(single(2, 3, 0, 0, 0, 0, 0, 3) == 1 && last.a_stride == 1 && last.b_stride == 3,
          "no depth: %d %d", (int)last.a_stride, (int)last.b_stride);
    CHECK(so_blas_set((const void *)fake_sgemm64, (const void *)fake_dgemm64, 64) == SO_OK, "set");
    CHECK(single(1, 1, 1LL << 31, 0, 1, 1LL << 31, 1LL << 31, 1) == 1 && last.depth == 1LL << 31,
          "64 bits hold it");
    CHECK(so_blas_set(NULL, NULL, 0) == SO_OK && !so_blas_is_set(), "given back");
    CHECK(single(2, 3, 4, 0, 0, 4, 3, 3) == 0, "and gone");
}

/* Products that never mix two libraries, while another thread changes them. */
static _Atomic int is_over;

static void check_width32(int order, int a_form, int b_form, int32_t rows, int32_t columns,
                          int32_t depth, float alpha, const float *a, int32_t a_stride,
                          const float *b, int32_t b_stride, float beta, float *c,
                          int32_t c_stride) {
    (void)order, (void)a_form, (void)b_form, (void)alpha, (void)a, (void)b, (void)beta;
    c[0] = rows == 2 && columns == 3 && depth == 4 && a_stride == 4 && b_stride == 3 &&
           c_stride == 3;
}

static void check_width64(int order, int a_form, int b_form, int64_t rows, int64_t columns,
                          int64_t depth, float alpha, const float *a, int64_t a_stride,
                          const float *b, int64_t b_stride, float beta, float *c,
                          int64_t c_stride) {
    (void)order, (void)a_form, (void)b_form, (void)alpha, (void)a, (void)b, (void)beta;
    c[0] = rows == 2 && columns == 3 && depth == 4 && a_stride == 4 && b_stride == 3 &&
           c_stride == 3;
}

static void *multiply(void *argument) {
    float *wrong = argument, c[6];
    while (!atomic_load(&is_over)) {
        c[0] = -1;
        if (so_blas_sgemm(2, 3, 4, 0, 0, 1, x, 4, y, 3, 0, c, 3) && c[0] != 1) *wrong += 1;
    }
    return NULL;
}

static void test_changes_beside_products(void) {
    pthread_t threads[2];
    float wrong[2] = {0, 0};
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, multiply, &wrong[i]);
    for (int i = 0; i < 3000; i++) {
        so_blas_set((const void *)check_width32, (const void *)fake_dgemm32, 32);
        so_blas_set((const void *)check_width64, (const void *)fake_dgemm64, 64);
        so_blas_set(NULL, NULL, 0);
    }
    atomic_store(&is_over, 1);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    CHECK(wrong[0] == 0 && wrong[1] == 0, "%g and %g wrong calls", wrong[0], wrong[1]);
}

/* Whole numbers, so that every order of the sums gives the same. */
static double entry(int64_t i, int64_t j) { return (double)((3 * i + 5 * j) % 7 - 3); }

static void test_products(void) {
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        printf("no libopenblas.so.0: real products are left out\n");
        return;
    }
    CHECK(so_blas_set(dlsym(library, "cblas_sgemm"), dlsym(library, "cblas_dgemm"), 32) == SO_OK,
          "%s", so_last_error());
    const int64_t rows = 7, columns = 5, depth = 6, stride = 9;
    for (int forms = 0; forms < 4; forms++) {
        const int a_transposed = forms & 1, b_transposed = forms >> 1;
        float a[81], b[81], c[81];
        double d[81], e[81], f[81];
        for (int64_t i = 0; i < 81; i++) {
            d[i] = a[i] = (float)entry(i / 9, i % 9);
            e[i] = b[i] = (float)entry(i % 9, i / 9 + 2);
            f[i] = c[i] = (float)(i % 4);
        }
        CHECK(so_blas_sgemm(rows, columns, depth, a_transposed, b_transposed, 2, a, stride, b,
                            stride, 3, c, stride) == 1,
              "float32");
        CHECK(so_blas_dgemm(rows, columns, depth, a_transposed, b_transposed, 2, d, stride, e,
                            stride, 3, f, stride) == 1,
              "float64");
        for (int64_t i = 0; i < 81; i++) {
            double expected = (double)(i % 4);
            const int64_t row = i / stride, column = i % stride;
            if (row < rows && column < columns) {
                double sum = 0;
                for (int64_t k = 0; k < depth; k++)
                    sum += d[a_transposed ? k * stride + row : row * stride + k] *
                           e[b_transposed ? column * stride + k : k * stride + column];
                expected = 2 * sum + 3 * expected;
            }
            CHECK(c[i] == (float)expected && f[i] == expected, "form %d, element %d: %g, %g, %g",
                  forms, (int)i, (double)c[i], f[i], expected);
        }
    }
    so_blas_set(NULL, NULL, 0);
}

int main(void) {
    test_refusals();
    test_arguments();
    test_what_cblas_forbids();
    test_changes_beside_products();
    test_products();
    return report("blas_test");
}
