/* check.h - how the C tests report: CHECK counts and prints, main returns. */
#ifndef CHECK_H
#define CHECK_H

#include <stdatomic.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int failures;

/* The first few failures are printed, all are counted. */
#define CHECK(condition, ...)                                       \
    do {                                                            \
        if (!(condition) && atomic_fetch_add(&failures, 1) < 50) {  \
            printf("%s:%d: %s: ", __FILE__, __LINE__, #condition);  \
            printf(__VA_ARGS__);                                    \
            printf("\n");                                           \
            fflush(stdout);                                         \
        }                                                           \
    } while (0)

/* Runs body in a child; a child that hangs is ended by its alarm. */
#define IN_CHILD(name, body)                                                        \
    do {                                                                            \
        fflush(stdout);                                                             \
        pid_t child_ = fork();                                                      \
        if (child_ == 0) {                                                          \
            alarm(60);                                                              \
            atomic_store(&failures, 0);                                             \
            body;                                                                   \
            _exit(atomic_load(&failures) != 0);                                     \
        }                                                                           \
        int status_ = -1;                                                           \
        waitpid(child_, &status_, 0);                                               \
        CHECK(status_ == 0, "child (%s) ended with status %#x", name, status_);     \
    } while (0)

static int report(const char *test) {
    printf("%s: %s\n", test, atomic_load(&failures) ? "FAILED" : "passed");
    return atomic_load(&failures) != 0;
}

#endif /* CHECK_H */
