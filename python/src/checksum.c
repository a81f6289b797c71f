/* checksum.c - checksums of memory of any kind. */
#include "core.h"

/* Below this a checksum takes less time than letting other threads run. */
enum { LONG_BYTES = 16384 };

PyObject *core_checksum(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                        Py_ssize_t count) {
    uint64_t seed, checksum = 0;
    if (check_argument_count("checksum", count, 2) < 0 ||
        read_uint64(arguments[1], &(array_label){"seed", NULL}, &seed) < 0) {
        return NULL;
    }
    Py_buffer view;
    if (PyObject_GetBuffer(arguments[0], &view, PyBUF_ND) < 0) return NULL;
    so_status status;
    if (view.len < LONG_BYTES) {
        status = so_checksum(view.buf, view.len, seed, &checksum);
    } else {
        Py_BEGIN_ALLOW_THREADS
        status = so_checksum(view.buf, view.len, seed, &checksum);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&view);
    if (status == SO_OK) return PyLong_FromUnsignedLongLong(checksum);
    raise_status(status, NULL);
    return NULL;
}

static PyObject *tuple_of(const uint64_t *checksums, Py_ssize_t count) {
    PyObject *tuple = PyTuple_New(count);
    for (Py_ssize_t index = 0; tuple != NULL && index < count; index++) {
        PyObject *checksum = PyLong_FromUnsignedLongLong(checksums[index]);
        if (checksum == NULL || PyTuple_SetItem(tuple, index, checksum) < 0) Py_CLEAR(tuple);
    }
    return tuple;
}

PyObject *core_checksum_blocks(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                               Py_ssize_t count) {
    if (check_argument_count("checksum_blocks", count, 2) < 0) return NULL;
    const Py_ssize_t block_size = PyNumber_AsSsize_t(arguments[1], PyExc_ValueError);
    if (block_size == -1 && PyErr_Occurred()) return NULL;
    if (block_size < 1) {
        PyErr_Format(PyExc_ValueError, "block_size is %zd; it must be >= 1", block_size);
        return NULL;
    }
    Py_buffer view;
    if (PyObject_GetBuffer(arguments[0], &view, PyBUF_ND) < 0) return NULL;
    const Py_ssize_t blocks = view.len / block_size + (view.len % block_size != 0);
    uint64_t *checksums = PyMem_New(uint64_t, blocks > 0 ? blocks : 1);
    PyObject *result = NULL;
    if (checksums == NULL) {
        PyErr_NoMemory();
    } else {
        so_status status;
        Py_BEGIN_ALLOW_THREADS
        status = so_checksum_blocks(view.buf, view.len, block_size, checksums);
        Py_END_ALLOW_THREADS
        if (status == SO_OK) {
            result = tuple_of(checksums, blocks);
        } else {
            raise_status(status, NULL);
        }
    }
    PyMem_Free(checksums);
    PyBuffer_Release(&view);
    return result;
}
