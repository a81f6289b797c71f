/* buffers.c - from a Python object to checked memory.
 *
 * A step does this once per gradient, so the way of a plain ndarray is short:
 *
 * - The dtype comes from the `dtype` attribute, compared by identity with NumPy's
 *   two instances, and the buffer is asked for without its format: NumPy composes a
 *   format text anew for every request, which costs more than the attribute.
 * - PyBUF_ND leaves it to the exporter to refuse what isn't C-contiguous.
 * - Nothing is remembered from the last call. The same ndarray can have another
 *   shape, dtype or memory by now (in-place resize, `a.shape = ...`), even while a
 *   buffer is held, and only a new request can tell.
 *
 * What went wrong is found out only after something did.
 */
#include "core.h"

#include <string.h>

const char *dtype_name(so_dtype dtype) {
    return dtype == SO_FLOAT32 ? "float32" : "float64";
}

static Py_ssize_t dtype_size(so_dtype dtype) { return dtype == SO_FLOAT32 ? 4 : 8; }

PyObject *label_text(const array_label *label) {
    if (label->name == NULL) return PyUnicode_FromString(label->role);
    return PyUnicode_FromFormat("%s %R", label->role, label->name);
}

/* Raises `type` with "<label> <text>"; takes over `text`, which may be NULL with an
 * exception. */
static int fail(PyObject *type, const array_label *label, PyObject *text) {
    PyObject *subject = text != NULL ? label_text(label) : NULL;
    if (subject != NULL) PyErr_Format(type, "%U %U", subject, text);
    Py_XDECREF(subject);
    Py_XDECREF(text);
    return -1;
}

static int fail_with_dtype(const array_label *label, int is_writable, PyObject *dtype) {
    int is_native = 1;
    PyObject *isnative = PyObject_GetAttrString(dtype, "isnative");
    if (isnative != NULL) {
        is_native = PyObject_IsTrue(isnative);
        Py_DECREF(isnative);
    }
    if (isnative == NULL || is_native < 0) return -1;
    return fail(PyExc_TypeError, label,
                is_native
                    ? PyUnicode_FromFormat("has dtype %S; it must be float32 or float64", dtype)
                    : PyUnicode_FromFormat(
                          "has the non-native byte order of dtype %S; %s", dtype,
                          is_writable
                              ? "store it in the native one first (a copy here would be updated "
                                "in its place)"
                              : "pass array.astype(array.dtype.newbyteorder('='))"));
}

/* Explains a refused request, where a request with fewer demands can tell why. */
static int fail_with_request(PyObject *object, int is_writable, const array_label *label) {
    if (!PyErr_ExceptionMatches(PyExc_BufferError) && !PyErr_ExceptionMatches(PyExc_ValueError)) {
        return -1; /* not about the buffer: MemoryError, KeyboardInterrupt, ... */
    }
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    Py_buffer view;
    if (PyObject_GetBuffer(object, &view, PyBUF_STRIDED_RO) == 0) {
        int is_read_only = is_writable && view.readonly;
        int is_contiguous = PyBuffer_IsContiguous(&view, 'C');
        PyBuffer_Release(&view);
        PyObject *text = NULL;
        if (is_read_only) {
            text = PyUnicode_FromString("is read-only; it must be writable");
        } else if (!is_contiguous) {
            text = PyUnicode_FromString(
                is_writable ? "is not C-contiguous; store it so first (w = np.ascontiguousarray(w)), "
                              "a copy made here would be updated in its place"
                            : "is not C-contiguous; pass np.ascontiguousarray(...), which copies");
        }
        if (text != NULL || PyErr_Occurred()) {
            Py_XDECREF(type);
            Py_XDECREF(value);
            Py_XDECREF(traceback);
            return fail(PyExc_ValueError, label, text);
        }
    } else {
        PyErr_Clear();
    }
    PyErr_NormalizeException(&type, &value, &traceback);
    fail(PyExc_ValueError, label, PyUnicode_FromFormat("gives no buffer: %S", value));
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return -1;
}

/* The dtype that `object.dtype` tells: SO_..., 0 if there is none that NumPy knows,
 * -1 with an exception. */
static int told_dtype(core_state *state, PyObject *object, int is_writable,
                      const array_label *label) {
    PyObject *dtype = PyObject_GetAttr(object, state->dtype_string);
    if (dtype == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
        PyErr_Clear();
        return 0;
    }
    int result = 0;
    if (dtype == state->float32_dtype) {
        result = SO_FLOAT32;
    } else if (dtype == state->float64_dtype) {
        result = SO_FLOAT64;
    } else if ((result = PyObject_IsInstance(dtype, state->dtype_type)) > 0) {
        /* Equal but not identical: unpickled, or with metadata. */
        int is_equal;
        if ((is_equal = PyObject_RichCompareBool(dtype, state->float32_dtype, Py_EQ)) > 0) {
            result = SO_FLOAT32;
        } else if (is_equal == 0 && (is_equal = PyObject_RichCompareBool(
                                         dtype, state->float64_dtype, Py_EQ)) > 0) {
            result = SO_FLOAT64;
        } else {
            result = is_equal < 0 ? -1 : fail_with_dtype(label, is_writable, dtype);
        }
    }
    Py_DECREF(dtype);
    return result;
}

/* The dtype of a view with a format in the syntax of the struct module; 0: another. */
static so_dtype format_dtype(const char *format) {
    if (format == NULL) return 0;
    if (*format == '@' || *format == '=' || *format == (PY_LITTLE_ENDIAN ? '<' : '>')) format++;
    if (strcmp(format, "f") == 0) return SO_FLOAT32;
    if (strcmp(format, "d") == 0) return SO_FLOAT64;
    return 0;
}

/* What the protocol promises and what the kernels need, of a fresh view. */
static int check_view(const Py_buffer *view, so_dtype dtype, const array_label *label) {
    if (dtype == 0) {
        return fail(PyExc_TypeError, label,
                    PyUnicode_FromFormat("has buffer format '%s'; it must be float32 or float64",
                                         view->format != NULL ? view->format : "B"));
    }
    if (view->itemsize != dtype_size(dtype)) {
        return fail(PyExc_TypeError, label,
                    PyUnicode_FromFormat("has dtype %s but %zd bytes per element",
                                         dtype_name(dtype), view->itemsize));
    }
    if (view->len > 0 && (uintptr_t)view->buf % (uintptr_t)view->itemsize != 0) {
        return fail(PyExc_ValueError, label,
                    PyUnicode_FromString("is not aligned to its element size; pass a copy"));
    }
    return 0;
}

static int export_buffer(core_state *state, PyObject *object, int is_writable,
                         const array_label *label, array_export *out) {
    int dtype = told_dtype(state, object, is_writable, label);
    if (dtype < 0) return -1;
    int flags = PyBUF_ND | (is_writable ? PyBUF_WRITABLE : 0) | (dtype == 0 ? PyBUF_FORMAT : 0);
    if (PyObject_GetBuffer(object, &out->view, flags) < 0) {
        return fail_with_request(object, is_writable, label);
    }
    if (dtype == 0) dtype = format_dtype(out->view.format);
    if (check_view(&out->view, dtype, label) < 0) {
        out->dtype = SO_FLOAT32; /* any: it says that there is a view to give back */
        release_exports(out, 1);
        return -1;
    }
    out->dtype = dtype;
    return 0;
}

/* swiftopt._arrays.as_array, imported when first needed because that module is
 * imported after this one. Borrowed from the state. */
static PyObject *converter(core_state *state) {
    PyObject *known = __atomic_load_n(&state->as_array, __ATOMIC_ACQUIRE);
    if (known != NULL) return known;
    PyObject *module = PyImport_ImportModule("swiftopt._arrays");
    if (module == NULL) return NULL;
    PyObject *function = PyObject_GetAttrString(module, "as_array");
    Py_DECREF(module);
    if (function == NULL) return NULL;
    /* The import may have let another thread come here too; the first one counts. */
    if (__atomic_compare_exchange_n(&state->as_array, &known, function, 0, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE)) {
        return function;
    }
    Py_DECREF(function);
    return known;
}

static int export_converted(core_state *state, PyObject *object, const array_label *label,
                            array_export *out) {
    PyObject *function = converter(state);
    PyObject *what = function != NULL ? label_text(label) : NULL;
    PyObject *array =
        what != NULL ? PyObject_CallFunctionObjArgs(function, object, what, NULL) : NULL;
    Py_XDECREF(what);
    if (array == NULL) return -1;
    int result = export_buffer(state, array, 0, label, out);
    Py_DECREF(array);
    return result;
}

int export_array(core_state *state, PyObject *object, int is_writable,
                 const array_label *label, array_export *out) {
    if (PyObject_CheckBuffer(object)) {
        return export_buffer(state, object, is_writable, label, out);
    }
    /* What is written must be the caller's own memory, never a converted copy. */
    if (!is_writable) return export_converted(state, object, label, out);
    PyObject *type = PyType_GetName(Py_TYPE(object));
    if (type == NULL) return -1;
    PyObject *text = PyUnicode_FromFormat(
        "is a %U; it must be an array of float32 or float64 with the buffer protocol", type);
    Py_DECREF(type);
    return fail(PyExc_TypeError, label, text);
}

void release_exports(array_export *arrays, Py_ssize_t count) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback); /* exporters may run Python code */
    for (Py_ssize_t index = 0; index < count; index++) {
        if (arrays[index].dtype == 0) continue;
        arrays[index].dtype = 0;
        PyBuffer_Release(&arrays[index].view);
    }
    PyErr_Restore(type, value, traceback);
}

int64_t element_count(const array_export *array) {
    return array->view.len / array->view.itemsize;
}

static PyObject *shape_tuple(const Py_buffer *view) {
    PyObject *shape = PyTuple_New(view->ndim);
    for (int axis = 0; shape != NULL && axis < view->ndim; axis++) {
        PyObject *size = PyLong_FromSsize_t(view->shape[axis]);
        if (size == NULL || PyTuple_SetItem(shape, axis, size) < 0) Py_CLEAR(shape);
    }
    return shape;
}

int check_same_shape(const array_export *array, const array_label *label,
                     const array_export *parameter) {
    const Py_buffer *view = &array->view, *expected = &parameter->view;
    if (view->ndim == expected->ndim) {
        int axis = 0;
        while (axis < view->ndim && view->shape[axis] == expected->shape[axis]) axis++;
        if (axis == view->ndim) return 0;
    }
    PyObject *shape = shape_tuple(view);
    PyObject *expected_shape = shape_tuple(expected);
    PyObject *text = NULL;
    if (shape != NULL && expected_shape != NULL) {
        text = PyUnicode_FromFormat("has shape %R; its parameter has shape %R", shape,
                                    expected_shape);
    }
    Py_XDECREF(shape);
    Py_XDECREF(expected_shape);
    return fail(PyExc_ValueError, label, text);
}
