/* schedules.c - schedules: a program is bytes of native float64 numbers. */
#include "core.h"

/* The numbers of a bytes object (whose data is aligned for them). */
static int read_program(PyObject *object, const double **numbers, int64_t *length) {
    if (!PyBytes_Check(object)) {
        PyObject *type = PyType_GetName(Py_TYPE(object));
        if (type != NULL) {
            PyErr_Format(PyExc_TypeError, "program is a %U; it must be bytes", type);
            Py_DECREF(type);
        }
        return -1;
    }
    char *bytes;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(object, &bytes, &size) < 0) return -1;
    if (size % (Py_ssize_t)sizeof(double) != 0) {
        PyErr_Format(PyExc_ValueError, "program has %zd bytes; it must be a multiple of 8", size);
        return -1;
    }
    *numbers = (const double *)(const void *)bytes;
    *length = size / (Py_ssize_t)sizeof(double);
    return 0;
}

static PyObject *none_or_error(so_status status) {
    if (status == SO_OK) Py_RETURN_NONE;
    raise_status(status, NULL);
    return NULL;
}

PyObject *core_schedule_validate(PyObject *Py_UNUSED(module), PyObject *program) {
    const double *numbers;
    int64_t length;
    if (read_program(program, &numbers, &length) < 0) return NULL;
    return none_or_error(so_schedule_validate(numbers, length));
}

PyObject *core_schedule_value(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                              Py_ssize_t count) {
    const double *numbers;
    int64_t length;
    double step, value;
    if (check_argument_count("schedule_value", count, 2) < 0 ||
        read_number(arguments[1], "step", &step) < 0 ||
        read_program(arguments[0], &numbers, &length) < 0) {
        return NULL;
    }
    so_status status = so_schedule_evaluate(numbers, length, &step, 1, &value);
    if (status == SO_OK) return PyFloat_FromDouble(value);
    raise_status(status, NULL);
    return NULL;
}

/* Both arrays are held; 0 if they fit each other. */
static int check_arrays(const array_export *steps, const array_export *out) {
    if (element_count(steps) != element_count(out)) {
        PyErr_Format(PyExc_ValueError, "out has %lld elements; steps has %lld",
                     (long long)element_count(out), (long long)element_count(steps));
        return -1;
    }
    return 0;
}

PyObject *core_schedule_values(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    core_state *state = PyModule_GetState(module);
    const double *numbers;
    int64_t length;
    enum { STEPS, OUT, ARRAYS };
    array_export arrays[ARRAYS] = {{.dtype = 0}};
    if (check_argument_count("schedule_values", count, 3) < 0 ||
        read_program(arguments[0], &numbers, &length) < 0) {
        return NULL;
    }
    PyObject *result = NULL;
    if (export_array(state, arguments[1], ARRAY_READ, DTYPE(SO_FLOAT64),
                     &(array_label){"steps", NULL}, &arrays[STEPS]) == 0 &&
        export_array(state, arguments[2], ARRAY_UPDATE, DTYPE(SO_FLOAT64),
                     &(array_label){"out", NULL}, &arrays[OUT]) == 0 &&
        check_arrays(&arrays[STEPS], &arrays[OUT]) == 0) {
        so_status status;
        Py_BEGIN_ALLOW_THREADS
        status = so_schedule_evaluate(numbers, length, arrays[STEPS].view.buf,
                                      element_count(&arrays[STEPS]), arrays[OUT].view.buf);
        Py_END_ALLOW_THREADS
        result = none_or_error(status);
    }
    release_exports(arrays, ARRAYS);
    return result;
}
