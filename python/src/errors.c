/* errors.c - from statuses and bad arguments to Python exceptions. */
#include "core.h"

#include <stdlib.h>
#include <string.h>

static PyObject *exception_type(so_status status) {
    switch (status) {
    case SO_INVALID_VALUE: return PyExc_ValueError;
    case SO_INVALID_TYPE: return PyExc_TypeError;
    default: return PyExc_RuntimeError;
    }
}

/* A message may quote the environment, which needn't be UTF-8. */
static PyObject *decoded(const char *message, Py_ssize_t length) {
    return PyUnicode_DecodeUTF8(message, length, "replace");
}

/* `message` with every "tensors[12]" replaced by "tensor 'name'". */
static PyObject *with_names(const char *message, PyObject *names) {
    static const char prefix[] = "tensors[";
    PyObject *text = PyUnicode_FromString("");
    const char *rest = message;
    const char *found;
    while (text != NULL && (found = strstr(rest, prefix)) != NULL) {
        char *end;
        const char *digits = found + sizeof prefix - 1;
        long index = strtol(digits, &end, 10);
        PyObject *name = NULL;
        if (end > digits && *end == ']' && index >= 0 && index < PyTuple_Size(names)) {
            name = PyTuple_GetItem(names, index);
        }
        PyObject *before = decoded(rest, found - rest);
        PyObject *called = name != NULL ? PyUnicode_FromFormat("tensor %R", name)
                                        : PyUnicode_FromString(prefix);
        PyUnicode_AppendAndDel(&text, before); /* clears text when a piece is NULL */
        PyUnicode_AppendAndDel(&text, called);
        rest = name != NULL ? end + 1 : digits;
    }
    PyUnicode_AppendAndDel(&text, decoded(rest, (Py_ssize_t)strlen(rest)));
    return text;
}

void raise_status(so_status status, PyObject *names) {
    PyObject *type = exception_type(status);
    const char *message = so_last_error();
    if (strncmp(message, "plan.", 5) == 0) message += 5; /* Python users see no so_plan */
    PyObject *text = names != NULL ? with_names(message, names)
                                   : decoded(message, (Py_ssize_t)strlen(message));
    if (text == NULL) return;
    PyErr_SetObject(type, text);
    Py_DECREF(text);
}

PyObject *label_text(const array_label *label) {
    if (label->name == NULL) return PyUnicode_FromString(label->role);
    return PyUnicode_FromFormat("%s %R", label->role, label->name);
}

int fail_array(PyObject *type, const array_label *label, PyObject *text) {
    PyObject *subject = text != NULL ? label_text(label) : NULL;
    if (subject != NULL) PyErr_Format(type, "%U %U", subject, text);
    Py_XDECREF(subject);
    Py_XDECREF(text);
    return -1;
}

int read_number(PyObject *object, const char *what, double *out) {
    double value = PyFloat_AsDouble(object);
    if (value != -1.0 || !PyErr_Occurred()) {
        *out = value;
        return 0;
    }
    if (PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyObject *type = PyType_GetName(Py_TYPE(object));
        if (type != NULL) {
            PyErr_Format(PyExc_TypeError, "%s is a %U; it must be a number", what, type);
            Py_DECREF(type);
        }
    } else if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
        PyErr_Format(PyExc_ValueError, "%s is too large for a float64", what);
    }
    return -1;
}

int read_uint64(PyObject *object, const array_label *label, uint64_t *out) {
    if (!PyLong_Check(object)) {
        return fail_array(PyExc_TypeError, label,
                          PyUnicode_FromFormat("is %R; it must be an int", object));
    }
    unsigned long long value = PyLong_AsUnsignedLongLong(object);
    if (value == (unsigned long long)-1 && PyErr_Occurred()) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError)) return -1;
        PyErr_Clear();
        return fail_array(PyExc_ValueError, label,
                          PyUnicode_FromFormat("is %R; it must be in 0 ... 2**64 - 1", object));
    }
    *out = value;
    return 0;
}

int check_argument_count(const char *function, Py_ssize_t count, Py_ssize_t expected) {
    if (count == expected) return 0;
    PyErr_Format(PyExc_TypeError, "%s() takes %zd positional arguments but %zd were given",
                 function, expected, count);
    return -1;
}

int check_argument_range(const char *function, Py_ssize_t count, Py_ssize_t least,
                         Py_ssize_t most) {
    if (least <= count && count <= most) return 0;
    PyErr_Format(PyExc_TypeError, "%s() takes %zd to %zd positional arguments but %zd were given",
                 function, least, most, count);
    return -1;
}
