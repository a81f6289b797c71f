/* data.h - what the files about data feeding share. */
#ifndef SWIFTOPT_CORE_DATA_H
#define SWIFTOPT_CORE_DATA_H

#include "core.h"

/* A plan with all that it points to. */
typedef struct {
    PyObject_HEAD
    so_data_plan plan;
    int64_t batch_count;
    so_data_file *files[SO_DATA_MAX_FIELDS];
    Py_buffer *views; /* a fixed place for each: exporters may point into it */
    Py_ssize_t view_count;
} data_plan_object;

extern PyType_Spec data_plan_spec, feeder_spec;

/* The sampler that a tuple describes (see data_plan_doc). Its arrays are held in `views`,
 * two at most; their number is added to *count. */
int read_sampler(PyObject *tuple, so_sampler *out, Py_buffer *views, Py_ssize_t *count);

/* Holds a C-contiguous buffer whose elements have `size` bytes (0: any) and are so many (-1:
 * any), in the next place. */
Py_buffer *hold_buffer(PyObject *object, const char *what, Py_ssize_t size, Py_ssize_t elements,
                       int is_writable, Py_buffer *views, Py_ssize_t *count);

/* Arrays that a batch is written to, one per field, each with room for batch_size rows. */
int hold_outputs(const data_plan_object *plan, PyObject *arrays, void **outputs, Py_buffer *views,
                 Py_ssize_t *count);

void release_views(Py_buffer *views, Py_ssize_t count);

/* (samples, bytes_read, cache_hits, cache_misses, read_errors, longest, fault), where fault is
 * None or (field, row, sample, file, offset, errno). */
PyObject *report_tuple(const so_data_plan *plan, const so_batch_report *report);

PyObject *core_sample_indices(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *core_alias_table(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

#endif /* SWIFTOPT_CORE_DATA_H */
