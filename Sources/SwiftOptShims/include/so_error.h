/* so_error.h - the message behind so_last_error, one per thread. */
#ifndef SO_ERROR_H
#define SO_ERROR_H

#include <stdint.h>

#ifdef __clang__
#pragma clang assume_nonnull begin
#endif

/* The calling thread's last message; "" before the first. */
const char *so_error_message(void);

/* The setters replace the calling thread's message, cut to 319 bytes. They may
 * be given parts of the message they replace. */

/* "text" */
void so_error_set(const char *text);

/* "what[index]: text", or "what: text" when index < 0. */
void so_error_set_index(const char *what, int64_t index, const char *text);

/* "tensors[index]: its array text" */
void so_error_set_array(int64_t index, const char *array, const char *text);

/* "what[index].field is value; it must be must", without "[index]" when
 * index < 0 and without ".field" when field is "". The value is written with the
 * fewest digits (six or more) that read back as the same number. */
void so_error_set_number(const char *what, int64_t index, const char *field, double value,
                         const char *must);

/* "what[index].field is value; it must be in [minimum, maximum)" and the like. */
void so_error_set_bounds(const char *what, int64_t index, const char *field, double value,
                         double minimum, double maximum, int32_t maximum_is_open, int32_t is_flag);

/* "tensors[index]: its array shares memory with other_array of tensors[other]" */
void so_error_set_overlap(int64_t index, const char *array, int64_t other,
                          const char *other_array);

/* "level name is unknown ..." or "... is not supported by this machine". */
void so_error_set_level(const char *name, int32_t is_known);

/* "layer: array text" */
void so_error_set_layer(const char *layer, const char *array, const char *text);

/* "layer: array has count elements; with these sizes it must have expected" */
void so_error_set_layer_count(const char *layer, const char *array, int64_t count,
                              int64_t expected);

/* Remembers, for the next function, which of an array's elements (counted in memory order) is
 * no index below `bound`. */
void so_error_note_index(int64_t position, int64_t index, int64_t bound);
/* "layer: array[position] is index; it must be in 0 ... bound - 1", of what was noted last by
 * the calling thread. */
void so_error_set_layer_index(const char *layer, const char *array);

/* "layer: array shares memory with other; ..." */
void so_error_set_layer_overlap(const char *layer, const char *array, const char *other);

/* "field f, sample i: file n can't be read at byte `offset`: why", where an errno of 0 means
 * that the file ends there. */
void so_error_set_read(int32_t field, int64_t sample, int32_t file, int64_t offset,
                       int32_t error);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif

#endif /* SO_ERROR_H */
