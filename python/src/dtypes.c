/* dtypes.c - which of the library's dtypes an array has.
 *
 * The dtype is compared by identity with the instances that arrays usually have.
 * bfloat16 is none of NumPy's: it is either the dtype of the ml_dtypes package, which
 * is recognized if the caller imported it and never imported here, or uint16 in an
 * array that says so by its class.
 */
#include "core.h"

#include <string.h>

const char *dtype_name(so_dtype dtype) {
    static const char *const names[] = {
        [SO_FLOAT32] = "float32",   [SO_FLOAT64] = "float64", [SO_FLOAT16] = "float16",
        [SO_BFLOAT16] = "bfloat16", [SO_BLOCK8] = "uint8",  [SO_INT32] = "int32",
        [SO_INT64] = "int64",     [SO_UINT64] = "uint64",
    };
    return names[dtype];
}

Py_ssize_t dtype_size(so_dtype dtype) {
    static const Py_ssize_t sizes[] = {
        [SO_FLOAT32] = 4, [SO_FLOAT64] = 8, [SO_FLOAT16] = 2, [SO_BFLOAT16] = 2,
        [SO_BLOCK8] = 1,   [SO_INT32] = 4,   [SO_INT64] = 8,   [SO_UINT64] = 8,
    };
    return sizes[dtype];
}

PyObject *dtype_choices(dtype_set allowed) {
    PyObject *text = NULL;
    int count = 0;
    for (so_dtype dtype = SO_UINT64; dtype >= SO_FLOAT32; dtype--) { /* from the last one on */
        if (!(allowed & DTYPE(dtype))) continue;
        PyObject *rest = text;
        const char *name = dtype_name(dtype);
        text = count == 0   ? PyUnicode_FromString(name)
               : count == 1 ? PyUnicode_FromFormat("%s or %U", name, rest)
                            : PyUnicode_FromFormat("%s, %U", name, rest);
        Py_XDECREF(rest);
        if (text == NULL) return NULL;
        count++;
    }
    return text;
}

so_dtype format_dtype(const char *format) {
    if (format == NULL) return SO_BLOCK8; /* the protocol's default, "B" */
    if (*format == '@' || *format == '=' || *format == (PY_LITTLE_ENDIAN ? '<' : '>')) format++;
    if (strcmp(format, "f") == 0) return SO_FLOAT32;
    if (strcmp(format, "d") == 0) return SO_FLOAT64;
    if (strcmp(format, "e") == 0) return SO_FLOAT16;
    if (strcmp(format, "B") == 0) return SO_BLOCK8;
    if (strcmp(format, "i") == 0) return SO_INT32;
    if (strcmp(format, "l") == 0 || strcmp(format, "q") == 0) return SO_INT64;
    if (strcmp(format, "L") == 0 || strcmp(format, "Q") == 0) return SO_UINT64;
    return 0;
}

/* Makes `object` the one at `place` and returns it, or the one that another thread has
 * put there meanwhile. */
static PyObject *keep_first(PyObject **place, PyObject *object) {
    PyObject *known = NULL;
    if (object == NULL || __atomic_compare_exchange_n(place, &known, object, 0, __ATOMIC_ACQ_REL,
                                                      __ATOMIC_ACQUIRE)) {
        return object;
    }
    Py_DECREF(object);
    return known;
}

PyObject *imported_once(PyObject **place, const char *module_name, const char *name) {
    PyObject *known = __atomic_load_n(place, __ATOMIC_ACQUIRE);
    if (known != NULL) return known;
    PyObject *module = PyImport_ImportModule(module_name);
    if (module == NULL) return NULL;
    PyObject *object = PyObject_GetAttrString(module, name);
    Py_DECREF(module);
    return keep_first(place, object);
}

/* The dtype of ml_dtypes.bfloat16, borrowed from the state; NULL without an exception
 * if nobody has imported that package, and with one on an error. */
static PyObject *ml_dtypes_bfloat16(core_state *state) {
    PyObject *known = __atomic_load_n(&state->dtypes[SO_BFLOAT16], __ATOMIC_ACQUIRE);
    if (known != NULL) return known;
    PyObject *name = PyUnicode_FromString("ml_dtypes");
    PyObject *module = name != NULL ? PyImport_GetModule(name) : NULL;
    Py_XDECREF(name);
    if (module == NULL) return NULL;
    PyObject *scalar = PyObject_GetAttrString(module, "bfloat16");
    Py_DECREF(module);
    if (scalar == NULL) { /* still being imported, or another module of that name */
        if (PyErr_ExceptionMatches(PyExc_AttributeError)) PyErr_Clear();
        return NULL;
    }
    PyObject *dtype = PyObject_CallFunctionObjArgs(state->dtype_type, scalar, NULL);
    Py_DECREF(scalar);
    return keep_first(&state->dtypes[SO_BFLOAT16], dtype);
}

/* SO_BFLOAT16 if this array of uint16 is declared to be that, else 0; -1 on an error. */
static int declared_dtype(core_state *state, PyObject *object) {
    PyObject *type = imported_once(&state->bfloat16_view, "swiftopt._dtypes", "BFloat16View");
    if (type == NULL) return -1;
    int is_declared = PyObject_IsInstance(object, type);
    return is_declared > 0 ? SO_BFLOAT16 : is_declared;
}

/* For a dtype that is none of the usual instances: unpickled, with metadata, the first
 * one of ml_dtypes, or another one altogether. */
static int unusual_dtype(core_state *state, PyObject *object, PyObject *dtype) {
    int is_dtype = PyObject_IsInstance(dtype, state->dtype_type);
    if (is_dtype <= 0) return is_dtype;
    PyObject *bfloat16 = ml_dtypes_bfloat16(state);
    if (bfloat16 == NULL && PyErr_Occurred()) return -1;
    for (so_dtype known = SO_FLOAT32; known <= SO_UINT64; known++) {
        PyObject *other = known == SO_BFLOAT16 ? bfloat16 : state->dtypes[known];
        int is_equal = other != NULL ? PyObject_RichCompareBool(dtype, other, Py_EQ) : 0;
        if (is_equal != 0) return is_equal > 0 ? (int)known : -1;
    }
    int is_equal = PyObject_RichCompareBool(dtype, state->uint16_dtype, Py_EQ);
    return is_equal > 0 ? declared_dtype(state, object) : is_equal;
}

int dtype_of(core_state *state, PyObject *object, PyObject *dtype) {
    if (dtype == state->dtypes[SO_FLOAT32]) return SO_FLOAT32;
    if (dtype == state->dtypes[SO_FLOAT64]) return SO_FLOAT64;
    if (dtype == state->dtypes[SO_FLOAT16]) return SO_FLOAT16;
    if (dtype == __atomic_load_n(&state->dtypes[SO_BFLOAT16], __ATOMIC_RELAXED)) {
        return SO_BFLOAT16;
    }
    if (dtype == state->uint16_dtype) return declared_dtype(state, object);
    return unusual_dtype(state, object, dtype);
}

int load_dtypes(core_state *state) {
    PyObject *numpy = PyImport_ImportModule("numpy");
    if (numpy == NULL) return -1;
    state->dtype_type = PyObject_GetAttrString(numpy, "dtype");
    Py_DECREF(numpy);
    if (state->dtype_type == NULL) return -1;
    for (so_dtype dtype = SO_FLOAT32; dtype <= SO_UINT64; dtype++) {
        if (dtype == SO_BFLOAT16 || dtype_name(dtype) == NULL) continue;
        state->dtypes[dtype] =
            PyObject_CallFunction(state->dtype_type, "s", dtype_name(dtype));
        if (state->dtypes[dtype] == NULL) return -1;
    }
    state->uint16_dtype = PyObject_CallFunction(state->dtype_type, "s", "uint16");
    return state->uint16_dtype != NULL ? 0 : -1;
}
