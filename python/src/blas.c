/* blas.c - handing a CBLAS library that Python has loaded down to the native code. */
#include "core.h"

static int read_address(PyObject *object, const char *name, const void **out) {
    const array_label label = {name, NULL};
    uint64_t address;
    if (read_uint64(object, &label, &address) < 0) return -1;
    *out = (const void *)(uintptr_t)address;
    return 0;
}

PyObject *core_set_blas(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                        Py_ssize_t count) {
    if (check_argument_count("set_blas", count, 3) < 0) return NULL;
    const void *sgemm, *dgemm;
    uint64_t integer_bits;
    const array_label label = {"integer_bits", NULL};
    if (read_address(arguments[0], "sgemm", &sgemm) < 0 ||
        read_address(arguments[1], "dgemm", &dgemm) < 0 ||
        read_uint64(arguments[2], &label, &integer_bits) < 0) {
        return NULL;
    }
    so_status status = so_blas_set(sgemm, dgemm, integer_bits <= 64 ? (int32_t)integer_bits : 0);
    if (status == SO_OK) Py_RETURN_NONE;
    raise_status(status, NULL);
    return NULL;
}

PyObject *core_blas_is_set(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused)) {
    return PyBool_FromLong(so_blas_is_set());
}
