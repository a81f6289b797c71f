/* buffers.c - from a Python object to checked memory.
 *
 * A step does this once per gradient, so the way of a plain ndarray is short:
 *
 * - The dtype comes from the `dtype` attribute, compared by identity (dtypes.c), and the
 *   buffer is asked for without its format: NumPy composes a format text anew for every
 *   request, which costs more than the attribute, and has none for bfloat16.
 * - PyBUF_ND leaves it to the exporter to refuse what isn't C-contiguous.
 * - Nothing is remembered from the last call. The same ndarray can have another
 *   shape, dtype or memory by now (in-place resize, `a.shape = ...`), even while a
 *   buffer is held, and only a new request can tell.
 *
 * What went wrong is found out only after something did.
 */
#include "core.h"

/* `start` with the dtypes that are allowed after it; takes over `start`. */
static PyObject *with_choices(PyObject *start, dtype_set allowed) {
    PyObject *choices = start != NULL ? dtype_choices(allowed) : NULL;
    PyObject *text =
        choices != NULL ? PyUnicode_FromFormat("%U; it must be %U", start, choices) : NULL;
    Py_XDECREF(start);
    Py_XDECREF(choices);
    return text;
}

static int fail_with_dtype(core_state *state, const array_label *label, array_use use,
                           dtype_set allowed, PyObject *dtype) {
    PyObject *isnative = PyObject_GetAttrString(dtype, "isnative");
    const int is_native = isnative != NULL ? PyObject_IsTrue(isnative) : -1;
    Py_XDECREF(isnative);
    if (is_native < 0) return -1;
    PyObject *text;
    if (!is_native) {
        text = PyUnicode_FromFormat(
            "has the non-native byte order of dtype %S; %s", dtype,
            use != ARRAY_READ ? "store it in the native one first (a copy here would be updated "
                                "in its place)"
                              : "pass array.astype(array.dtype.newbyteorder('='))");
    } else {
        text = with_choices(PyUnicode_FromFormat("has dtype %S", dtype), allowed);
        if (text != NULL && dtype == state->uint16_dtype && (allowed & DTYPE(SO_BFLOAT16))) {
            PyObject *start = text;
            text = PyUnicode_FromFormat(
                "%U (so.bfloat16_view(array) declares bits of bfloat16)", start);
            Py_DECREF(start);
        }
    }
    return fail_array(PyExc_TypeError, label, text);
}

int fail_read_only(const array_label *label, array_use use) {
    return fail_array(PyExc_ValueError, label,
                      PyUnicode_FromString(use == ARRAY_ZERO
                                               ? "is read-only; zero_gradient must write to it"
                                               : "is read-only; it must be writable"));
}

/* Raises the reason for a refused request if one with fewer demands can tell it, and
 * returns -1; else 0. */
static int explain_request(PyObject *object, array_use use, const array_label *label) {
    Py_buffer view;
    if (PyObject_GetBuffer(object, &view, PyBUF_STRIDED_RO) < 0) {
        PyErr_Clear();
        return 0;
    }
    const int is_read_only = use != ARRAY_READ && view.readonly;
    const int is_contiguous = PyBuffer_IsContiguous(&view, 'C');
    PyBuffer_Release(&view);
    if (is_read_only) return fail_read_only(label, use);
    if (is_contiguous) return 0;
    const char *text =
        use != ARRAY_READ ? "is not C-contiguous; store it so first (w = np.ascontiguousarray(w)), "
                            "a copy made here would be updated in its place"
                          : "is not C-contiguous; pass np.ascontiguousarray(...), which copies";
    return fail_array(PyExc_ValueError, label, PyUnicode_FromString(text));
}

static int fail_with_request(PyObject *object, array_use use, const array_label *label) {
    if (!PyErr_ExceptionMatches(PyExc_BufferError) && !PyErr_ExceptionMatches(PyExc_ValueError)) {
        return -1; /* not about the buffer: MemoryError, KeyboardInterrupt, ... */
    }
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (explain_request(object, use, label) == 0) {
        PyErr_NormalizeException(&type, &value, &traceback);
        fail_array(PyExc_ValueError, label, PyUnicode_FromFormat("gives no buffer: %S", value));
    }
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return -1;
}

/* The dtype that `object.dtype` tells: SO_..., 0 if there is none that NumPy knows,
 * -1 with an exception. */
static int told_dtype(core_state *state, PyObject *object, array_use use, dtype_set allowed,
                      const array_label *label) {
    PyObject *dtype = PyObject_GetAttr(object, state->dtype_string);
    if (dtype == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
        PyErr_Clear();
        return 0;
    }
    int result = dtype_of(state, object, dtype);
    if (result >= 0 && !(allowed & DTYPE(result))) {
        int is_dtype = result > 0 ? 1 : PyObject_IsInstance(dtype, state->dtype_type);
        if (is_dtype != 0) {
            result = is_dtype < 0 ? -1 : fail_with_dtype(state, label, use, allowed, dtype);
        }
    }
    Py_DECREF(dtype);
    return result;
}

/* What the protocol promises and what the kernels need, of a fresh view. */
static int check_view(const Py_buffer *view, so_dtype dtype, dtype_set allowed,
                      const array_label *label) {
    if (!(allowed & DTYPE(dtype))) { /* told ones are allowed: this is from the format */
        return fail_array(PyExc_TypeError, label,
                          with_choices(PyUnicode_FromFormat("has buffer format '%s'",
                                                            view->format ? view->format : "B"),
                                       allowed));
    }
    if (view->itemsize != dtype_size(dtype)) {
        return fail_array(PyExc_TypeError, label,
                          PyUnicode_FromFormat("has dtype %s but %zd bytes per element",
                                               dtype_name(dtype), view->itemsize));
    }
    if (view->len > 0 && (uintptr_t)view->buf % (uintptr_t)view->itemsize != 0) {
        return fail_array(
            PyExc_ValueError, label,
            PyUnicode_FromString("is not aligned to its element size; pass a copy"));
    }
    return 0;
}

static int export_buffer(core_state *state, PyObject *object, array_use use, dtype_set allowed,
                         const array_label *label, array_export *out) {
    int dtype = told_dtype(state, object, use, allowed, label);
    if (dtype < 0) return -1;
    int flags = PyBUF_ND | (use != ARRAY_READ ? PyBUF_WRITABLE : 0) |
                (dtype == 0 ? PyBUF_FORMAT : 0);
    if (PyObject_GetBuffer(object, &out->view, flags) < 0) {
        return fail_with_request(object, use, label);
    }
    if (dtype == 0) dtype = format_dtype(out->view.format);
    if (check_view(&out->view, dtype, allowed, label) < 0) {
        out->dtype = SO_FLOAT32; /* any: it says that there is a view to give back */
        release_exports(out, 1);
        return -1;
    }
    out->dtype = dtype;
    return 0;
}

/* Through swiftopt._arrays.as_array, imported when first needed because that module is
 * imported after this one. */
static int export_converted(core_state *state, PyObject *object, array_use use,
                            dtype_set allowed, const array_label *label, array_export *out) {
    PyObject *function = imported_once(&state->as_array, "swiftopt._arrays", "as_array");
    PyObject *what = function != NULL ? label_text(label) : NULL;
    PyObject *array =
        what != NULL ? PyObject_CallFunctionObjArgs(function, object, what, NULL) : NULL;
    Py_XDECREF(what);
    if (array == NULL) return -1;
    int result = export_buffer(state, array, use, allowed, label, out);
    Py_DECREF(array);
    return result;
}

int export_array(core_state *state, PyObject *object, array_use use, dtype_set allowed,
                 const array_label *label, array_export *out) {
    if (PyObject_CheckBuffer(object)) {
        return export_buffer(state, object, use, allowed, label, out);
    }
    /* What is written must be the caller's own memory, never a copy of a number. */
    const int is_number = PyFloat_Check(object) || PyLong_Check(object);
    if (use == ARRAY_READ || (use == ARRAY_ZERO && !is_number)) {
        return export_converted(state, object, use, allowed, label, out);
    }
    PyObject *type = PyType_GetName(Py_TYPE(object));
    PyObject *choices = type != NULL ? dtype_choices(allowed) : NULL;
    PyObject *text = NULL;
    if (choices != NULL) {
        text = PyUnicode_FromFormat(
            "is a %U; it must be an array of %U with the buffer protocol", type, choices);
    }
    Py_XDECREF(type);
    Py_XDECREF(choices);
    return fail_array(PyExc_TypeError, label, text);
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
    return fail_array(PyExc_ValueError, label, text);
}

int check_element_count(const array_export *array, const array_label *label, int64_t expected) {
    if (element_count(array) == expected) return 0;
    return fail_array(PyExc_ValueError, label,
                      PyUnicode_FromFormat("has %lld elements; it must have %lld",
                                           (long long)element_count(array), (long long)expected));
}
