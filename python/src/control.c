/* control.c - state machines: their numbers are bytes of native float64 numbers. */
#include "core.h"

#include <string.h>

/* How a message calls the arguments; it may not name them as C programs do. */
static int fail_numbers(const char *what, const char *kind, PyObject *object) {
    PyErr_Format(PyExc_TypeError, "%s is %R; it must be %s of %zu numbers", what, object, kind,
                 (size_t)SO_CONTROL_NUMBERS);
    return -1;
}

static int read_settings(PyObject *object, double numbers[SO_CONTROL_NUMBERS]) {
    const size_t size = SO_CONTROL_NUMBERS * sizeof(double);
    if (!PyBytes_Check(object) || PyBytes_Size(object) != (Py_ssize_t)size) {
        return fail_numbers("settings", "bytes", object);
    }
    memcpy(numbers, PyBytes_AsString(object), size);
    return 0;
}

static int read_state(PyObject *object, double numbers[SO_CONTROL_NUMBERS]) {
    const size_t size = SO_CONTROL_NUMBERS * sizeof(double);
    if (!PyByteArray_Check(object) || PyByteArray_Size(object) != (Py_ssize_t)size) {
        return fail_numbers("state", "a bytearray", object);
    }
    memcpy(numbers, PyByteArray_AsString(object), size);
    return 0;
}

static void write_state(PyObject *object, const double numbers[SO_CONTROL_NUMBERS]) {
    memcpy(PyByteArray_AsString(object), numbers, SO_CONTROL_NUMBERS * sizeof(double));
}

static int read_machine(PyObject *object, int32_t *out) {
    long machine = PyLong_AsLong(object);
    if (machine == -1 && PyErr_Occurred()) return -1;
    *out = machine >= 0 && machine <= SO_LOSS_SCALER ? (int32_t)machine : -1;
    return 0;
}

PyObject *core_control_begin(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                             Py_ssize_t count) {
    int32_t machine;
    double settings[SO_CONTROL_NUMBERS], state[SO_CONTROL_NUMBERS];
    if (check_argument_count("control_begin", count, 2) < 0 ||
        read_machine(arguments[0], &machine) < 0 || read_settings(arguments[1], settings) < 0) {
        return NULL;
    }
    so_status status = so_control_begin(machine, settings, state);
    if (status == SO_OK) {
        return PyByteArray_FromStringAndSize((const char *)state, (Py_ssize_t)sizeof state);
    }
    raise_status(status, NULL);
    return NULL;
}

PyObject *core_control_check(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                             Py_ssize_t count) {
    int32_t machine;
    double settings[SO_CONTROL_NUMBERS], state[SO_CONTROL_NUMBERS];
    if (check_argument_count("control_check", count, 3) < 0 ||
        read_machine(arguments[0], &machine) < 0 ||
        read_settings(arguments[1], settings) < 0 || read_state(arguments[2], state) < 0) {
        return NULL;
    }
    so_status status = so_control_check(machine, settings, state);
    if (status == SO_OK) Py_RETURN_NONE;
    raise_status(status, NULL);
    return NULL;
}

PyObject *core_control_observe(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                               Py_ssize_t count) {
    int32_t machine, events;
    double settings[SO_CONTROL_NUMBERS], state[SO_CONTROL_NUMBERS], observation;
    if (check_argument_count("control_observe", count, 4) < 0 ||
        read_number(arguments[3], "observation", &observation) < 0 ||
        read_machine(arguments[0], &machine) < 0 ||
        read_settings(arguments[1], settings) < 0 || read_state(arguments[2], state) < 0) {
        return NULL;
    }
    so_status status = so_control_observe(machine, settings, state, observation, &events);
    if (status != SO_OK) {
        raise_status(status, NULL);
        return NULL;
    }
    PyObject *result = PyLong_FromLong(events);
    if (result != NULL) write_state(arguments[2], state);
    return result;
}

/* ------------------------------------------------------------- in a step */

int check_scaler(PyObject *settings_object, PyObject *state_object) {
    double settings[SO_CONTROL_NUMBERS], state[SO_CONTROL_NUMBERS];
    if (read_settings(settings_object, settings) < 0 || read_state(state_object, state) < 0) {
        return -1;
    }
    so_status status = so_control_check(SO_LOSS_SCALER, settings, state);
    if (status == SO_OK) return 0;
    raise_status(status, NULL);
    return -1;
}

PyObject *move_scaler(PyObject *settings_object, PyObject *state_object, int is_skipped) {
    double settings[SO_CONTROL_NUMBERS], state[SO_CONTROL_NUMBERS];
    if (read_settings(settings_object, settings) < 0 || read_state(state_object, state) < 0) {
        return NULL;
    }
    so_status status = so_control_observe(SO_LOSS_SCALER, settings, state, is_skipped, NULL);
    if (status != SO_OK) {
        raise_status(status, NULL);
        return NULL;
    }
    write_state(state_object, state);
    return PyFloat_FromDouble(state[SO_SCALER_SCALE]);
}
