/* so_error.c - formatting happens here because Embedded Swift can't print. */
#include "so_error.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_BYTES = 320, INDEX_BYTES = 24, NUMBER_BYTES = 32 };

static _Thread_local char message[MESSAGE_BYTES];

const char *so_error_message(void) { return message; }

static __attribute__((format(printf, 1, 2))) void set_message(const char *format, ...) {
    char text[MESSAGE_BYTES]; /* of its own: an argument may point into the message */
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    memcpy(message, text, strlen(text) + 1);
}

static void format_index(char out[INDEX_BYTES], int64_t index) {
    out[0] = '\0';
    if (index >= 0) (void)snprintf(out, INDEX_BYTES, "[%" PRId64 "]", index);
}

static void format_number(char out[NUMBER_BYTES], double value) {
    if (isnan(value)) { /* printf would show the sign bit, which means nothing */
        (void)snprintf(out, NUMBER_BYTES, "nan");
        return;
    }
    for (int digits = 6; digits <= 17; digits++) { /* 17 identify any double */
        (void)snprintf(out, NUMBER_BYTES, "%.*g", digits, value);
        if (strtod(out, NULL) == value) return;
    }
}

void so_error_set(const char *text) { set_message("%s", text); }

void so_error_set_index(const char *what, int64_t index, const char *text) {
    char position[INDEX_BYTES];
    format_index(position, index);
    set_message("%s%s: %s", what, position, text);
}

void so_error_set_array(int64_t index, const char *array, const char *text) {
    set_message("tensors[%" PRId64 "]: its %s %s", index, array, text);
}

void so_error_set_number(const char *what, int64_t index, const char *field, double value,
                         const char *must) {
    char position[INDEX_BYTES], number[NUMBER_BYTES];
    format_index(position, index);
    format_number(number, value);
    set_message("%s%s%s%s is %s; it must be %s", what, position, field[0] ? "." : "", field, number,
                must);
}

void so_error_set_bounds(const char *what, int64_t index, const char *field, double value,
                         double minimum, double maximum, int32_t maximum_is_open,
                         int32_t is_flag) {
    char must[2 * NUMBER_BYTES + 16], least[NUMBER_BYTES], greatest[NUMBER_BYTES];
    format_number(least, minimum);
    format_number(greatest, maximum);
    if (is_flag) {
        (void)snprintf(must, sizeof must, "0 or 1");
    } else if (isinf(minimum) && isinf(maximum)) {
        (void)snprintf(must, sizeof must, "finite");
    } else if (isinf(maximum)) {
        (void)snprintf(must, sizeof must, "finite and >= %s", least);
    } else if (isinf(minimum)) {
        (void)snprintf(must, sizeof must, "finite and %s %s", maximum_is_open ? "<" : "<=", greatest);
    } else {
        (void)snprintf(must, sizeof must, "in [%s, %s%c", least, greatest,
                       maximum_is_open ? ')' : ']');
    }
    so_error_set_number(what, index, field, value, must);
}

void so_error_set_overlap(int64_t index, const char *array, int64_t other,
                          const char *other_array) {
    set_message("tensors[%" PRId64 "]: its %s shares memory with the %s of tensors[%" PRId64 "]",
                index, array, other_array, other);
}

void so_error_set_layer(const char *layer, const char *array, const char *text) {
    set_message("%s: %s %s", layer, array, text);
}

void so_error_set_layer_count(const char *layer, const char *array, int64_t count,
                              int64_t expected) {
    set_message("%s: %s has %" PRId64 " elements; with these sizes it must have %" PRId64, layer,
                array, count, expected);
}

static _Thread_local struct {
    int64_t position, index, bound;
} wrong_index;

void so_error_note_index(int64_t position, int64_t index, int64_t bound) {
    wrong_index.position = position;
    wrong_index.index = index;
    wrong_index.bound = bound;
}

void so_error_set_layer_index(const char *layer, const char *array) {
    set_message("%s: %s[%" PRId64 "] is %" PRId64 "; it must be in 0 ... %" PRId64, layer, array,
                wrong_index.position, wrong_index.index, wrong_index.bound - 1);
}

void so_error_set_layer_overlap(const char *layer, const char *array, const char *other) {
    set_message("%s: %s shares memory with %s, which it must not", layer, array, other);
}

void so_error_set_read(int32_t field, int64_t sample, int32_t file, int64_t offset,
                       int32_t error) {
    set_message("field %" PRId32 ", sample %" PRId64 ": file %" PRId32
                " can't be read at byte %" PRId64 ": %s",
                field, sample, file, offset, error == 0 ? "it ends there" : strerror(error));
}

void so_error_set_level(const char *name, int32_t is_known) {
    set_message("instruction level '%.64s' is %s; it must be baseline, avx2 or avx512", name,
                is_known ? "not supported by this machine" : "unknown");
}
