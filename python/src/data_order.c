/* data_order.c - buffers that native code reads for long, samplers, and their functions. */
#include "data.h"

/* ------------------------------------------------------------------ buffers */

void release_views(Py_buffer *views, Py_ssize_t count) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback); /* exporters may run Python code */
    while (count > 0) PyBuffer_Release(&views[--count]);
    PyErr_Restore(type, value, traceback);
}

Py_buffer *hold_buffer(PyObject *object, const char *what, Py_ssize_t size, Py_ssize_t elements,
                       int is_writable, Py_buffer *views, Py_ssize_t *count) {
    Py_buffer *view = &views[*count];
    if (PyObject_GetBuffer(object, view, PyBUF_ND | (is_writable ? PyBUF_WRITABLE : 0)) < 0) {
        return NULL;
    }
    ++*count;
    if (size > 0 && view->itemsize != size) {
        PyErr_Format(PyExc_TypeError, "%s has %zd bytes per element; it must have %zd", what,
                     view->itemsize, size);
        return NULL;
    }
    if (elements >= 0 && view->len / (view->itemsize > 0 ? view->itemsize : 1) != elements) {
        PyErr_Format(PyExc_ValueError, "%s has %zd bytes; it must have %zd elements", what,
                     view->len, elements);
        return NULL;
    }
    return view;
}

/* ------------------------------------------------------------------ sampler */

int read_sampler(PyObject *tuple, so_sampler *out, Py_buffer *views, Py_ssize_t *count) {
    PyObject *first, *second;
    int kind;
    long long samples, length, rank, world;
    unsigned long long seed;
    if (!PyTuple_Check(tuple)) {
        PyErr_SetString(PyExc_TypeError, "a sampler must be a tuple");
        return -1;
    }
    if (!PyArg_ParseTuple(tuple, "iLLLLKOO:sampler", &kind, &samples, &length, &rank, &world,
                          &seed, &first, &second)) {
        return -1;
    }
    *out = (so_sampler){.kind = kind,
                        .sample_count = samples,
                        .length = length,
                        .rank = rank,
                        .world = world,
                        .seed = seed};
    if (kind == SO_SAMPLER_WEIGHTED) {
        Py_buffer *accept = hold_buffer(first, "accept", 8, samples, 0, views, count);
        Py_buffer *alias =
            accept != NULL ? hold_buffer(second, "alias", 8, samples, 0, views, count) : NULL;
        if (alias == NULL) return -1;
        out->accept = accept->buf;
        out->alias = alias->buf;
    } else if (kind == SO_SAMPLER_LISTED) {
        Py_buffer *listed = hold_buffer(first, "indices", 8, length, 0, views, count);
        if (listed == NULL) return -1;
        out->listed = listed->buf;
    }
    return 0;
}

PyObject *core_sample_indices(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                              Py_ssize_t count) {
    if (check_argument_count("sample_indices", count, 4) < 0) return NULL;
    so_sampler sampler;
    Py_buffer views[3];
    Py_ssize_t view_count = 0;
    const array_label epoch_label = {"epoch", NULL};
    uint64_t epoch;
    PyObject *result = NULL;
    long long first = PyLong_AsLongLong(arguments[2]);
    if ((first == -1 && PyErr_Occurred()) || read_uint64(arguments[1], &epoch_label, &epoch) < 0) {
        return NULL;
    }
    if (read_sampler(arguments[0], &sampler, views, &view_count) == 0) {
        Py_buffer *out = hold_buffer(arguments[3], "out", 8, -1, 1, views, &view_count);
        if (out != NULL) {
            so_status status;
            Py_BEGIN_ALLOW_THREADS
            status = so_sample_indices(&sampler, epoch, first, out->len / 8, out->buf);
            Py_END_ALLOW_THREADS
            if (status == SO_OK) {
                result = Py_NewRef(Py_None);
            } else {
                raise_status(status, NULL);
            }
        }
    }
    release_views(views, view_count);
    return result;
}

PyObject *core_alias_table(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                           Py_ssize_t count) {
    if (check_argument_count("alias_table", count, 3) < 0) return NULL;
    Py_buffer views[3];
    Py_ssize_t held = 0;
    PyObject *result = NULL;
    Py_buffer *weights = hold_buffer(arguments[0], "weights", 8, -1, 0, views, &held);
    Py_ssize_t samples = weights != NULL ? weights->len / 8 : 0;
    Py_buffer *accept =
        weights != NULL ? hold_buffer(arguments[1], "accept", 8, samples, 1, views, &held) : NULL;
    Py_buffer *alias =
        accept != NULL ? hold_buffer(arguments[2], "alias", 8, samples, 1, views, &held) : NULL;
    if (alias != NULL) {
        so_status status;
        Py_BEGIN_ALLOW_THREADS
        status = so_alias_table(weights->buf, samples, accept->buf, alias->buf);
        Py_END_ALLOW_THREADS
        if (status == SO_OK) {
            result = Py_NewRef(Py_None);
        } else {
            raise_status(status, NULL);
        }
    }
    release_views(views, held);
    return result;
}
