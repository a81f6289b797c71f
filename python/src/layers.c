/* layers.c - layer functions: what there is, and calls bound to their arrays. */
#include "core.h"

#include <string.h>

typedef struct {
    PyObject_HEAD
    core_state *state; /* of the module that the type keeps alive */
    so_layer_description description;
    so_layer_call call;
    /* An array's place, and one more for the next: an export can't be moved. */
    array_export places[SO_LAYER_MAX_ARRAYS + 1];
    array_export *arrays[SO_LAYER_MAX_ARRAYS], *spare;
    int64_t workspace_size;
    int32_t level; /* for which workspace_size holds */
    int is_busy;
} layer_call_object;

/* ------------------------------------------------------------- descriptions */

/* The names of the library's numbers, in Python. */
static const char *const kinds[] = {
    [SO_LAYER_VALUE] = "value",   [SO_LAYER_NUMBER] = "number", [SO_LAYER_INDEX] = "index",
    [SO_LAYER_RANDOM] = "random", [SO_LAYER_ANY] = "any",       [SO_LAYER_SUM] = "sum",
};
static const char *const roles[] = {
    [SO_LAYER_INPUT] = "input",
    [SO_LAYER_OUTPUT] = "output",
    [SO_LAYER_UPDATED] = "updated",
};

/* Puts a new reference, or NULL with an exception, into the list. */
static int append(PyObject *list, PyObject *item) {
    if (item == NULL) return -1;
    int result = PyList_Append(list, item);
    Py_DECREF(item);
    return result;
}

static PyObject *array_list(const so_layer_description *description) {
    PyObject *list = PyList_New(0);
    for (int index = 0; list != NULL && index < description->array_count; index++) {
        const so_layer_array_description *entry = &description->arrays[index];
        PyObject *item =
            Py_BuildValue("(sssOi)", entry->name, kinds[entry->kind], roles[entry->role],
                          entry->is_optional ? Py_True : Py_False, (int)entry->may_be);
        if (append(list, item) < 0) Py_CLEAR(list);
    }
    return list;
}

static PyObject *size_list(const so_layer_description *description) {
    PyObject *list = PyList_New(0);
    for (int index = 0; list != NULL && index < description->size_count; index++) {
        if (append(list, PyUnicode_FromString(description->sizes[index])) < 0) Py_CLEAR(list);
    }
    return list;
}

static PyObject *setting_list(const so_layer_description *description) {
    PyObject *list = PyList_New(0);
    for (int index = 0; list != NULL && index < description->setting_count; index++) {
        const so_hyperparameter *entry = &description->settings[index];
        PyObject *item = Py_BuildValue(
            "(sdddOO)", entry->name, entry->default_value, entry->minimum, entry->maximum,
            entry->maximum_is_open ? Py_True : Py_False, entry->is_flag ? Py_True : Py_False);
        if (append(list, item) < 0) Py_CLEAR(list);
    }
    return list;
}

PyObject *core_layer_descriptions(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused)) {
    PyObject *list = PyList_New(0);
    const int32_t count = so_layer_count();
    for (int32_t index = 0; list != NULL && index < count; index++) {
        so_layer_description description;
        so_status status = so_layer_describe(index, &description);
        PyObject *item = NULL;
        if (status == SO_OK) {
            item = Py_BuildValue("{s:s,s:O,s:N,s:N,s:N}", "name", description.name,
                                 "uses_products", description.uses_products ? Py_True : Py_False,
                                 "arrays", array_list(&description), "sizes",
                                 size_list(&description), "settings", setting_list(&description));
        } else {
            raise_status(status, NULL);
        }
        if (append(list, item) < 0) Py_CLEAR(list);
    }
    return list;
}

static int find_layer(const char *name, int32_t *index, so_layer_description *out) {
    for (*index = 0; so_layer_describe(*index, out) == SO_OK; ++*index) {
        if (strcmp(out->name, name) == 0) return 0;
    }
    PyErr_Format(PyExc_ValueError, "there is no layer function called '%s'", name);
    return -1;
}

/* ------------------------------------------------------------ one layer call */

static dtype_set allowed_dtypes(int32_t kind) {
    switch (kind) {
    /* uint8 has the number of the 8-bit codes in what reads arrays. */
    case SO_LAYER_INDEX: return DTYPE(SO_BLOCK8) | DTYPE(SO_INT32) | DTYPE(SO_INT64);
    case SO_LAYER_RANDOM: return DTYPE(SO_UINT64);
    case SO_LAYER_SUM: return DTYPE(SO_FLOAT64);
    case SO_LAYER_NUMBER: return DTYPE(SO_FLOAT32) | DTYPE(SO_FLOAT64);
    default: return DTYPE(SO_FLOAT32) | DTYPE(SO_FLOAT64) | DTYPE(SO_BFLOAT16);
    }
}

static int begin_call(layer_call_object *self) {
    if (!__atomic_exchange_n(&self->is_busy, 1, __ATOMIC_ACQUIRE)) return 0;
    PyErr_SetString(PyExc_RuntimeError,
                    "this layer call is in use by another thread; nothing was done");
    return -1;
}

static void end_call(layer_call_object *self) {
    __atomic_store_n(&self->is_busy, 0, __ATOMIC_RELEASE);
}

/* Holds `object`, or nothing for None, as array number `index`; what was held before stays
 * held on an error. */
static int hold_array(layer_call_object *self, int index, PyObject *object) {
    const so_layer_array_description *entry = &self->description.arrays[index];
    array_export *fresh = self->spare, *former = self->arrays[index];
    so_layer_array *array = &self->call.arrays[index];
    if (object == Py_None) {
        release_exports(former, 1);
        *array = (so_layer_array){0};
        return 0;
    }
    PyObject *name = PyUnicode_FromString(entry->name);
    if (name == NULL) return -1;
    const array_label label = {self->description.name, name};
    int result = export_array(self->state, object,
                              entry->role == SO_LAYER_INPUT ? ARRAY_READ : ARRAY_UPDATE,
                              allowed_dtypes(entry->kind), &label, fresh);
    Py_DECREF(name);
    if (result < 0) return -1;
    array->data = fresh->view.buf;
    array->count = element_count(fresh);
    array->dtype = fresh->dtype == SO_BLOCK8 ? SO_UINT8 : fresh->dtype;
    self->arrays[index] = fresh;
    self->spare = former;
    release_exports(former, 1);
    return 0;
}

/* Finds out what the workspace must be, which checks everything else. */
static int check_call(layer_call_object *self) {
    self->level = so_level_current();
    so_status status = so_layer_workspace_size(&self->call, &self->workspace_size);
    if (status == SO_OK) return 0;
    raise_status(status, NULL);
    return -1;
}

/* Float32 and float64 products may go through a library, which Python finds; once there is
 * one, or it is known that there is none, that is a call that returns at once. */
static int load_blas(layer_call_object *self) {
    if (!self->description.uses_products || so_blas_is_set()) return 0;
    for (int index = 0; index < self->description.array_count; index++) {
        if (self->call.arrays[index].dtype == SO_BFLOAT16) return 0;
    }
    PyObject *load = imported_once(&self->state->load_blas, "swiftopt._blas", "load");
    PyObject *info = load != NULL ? PyObject_CallNoArgs(load) : NULL;
    Py_XDECREF(info);
    return info != NULL ? 0 : -1;
}

static PyObject *checked_tuple(PyObject *object, const char *function, const char *what,
                               Py_ssize_t count) {
    PyObject *tuple = PySequence_Tuple(object);
    if (tuple == NULL || PyTuple_Size(tuple) == count) return tuple;
    PyErr_Format(PyExc_ValueError, "%s: %zd %s were given; it has %zd", function,
                 PyTuple_Size(tuple), what, count);
    Py_DECREF(tuple);
    return NULL;
}

static int read_arrays(layer_call_object *self, PyObject *objects) {
    const so_layer_description *description = &self->description;
    PyObject *tuple =
        checked_tuple(objects, description->name, "arrays", description->array_count);
    int result = tuple != NULL ? 0 : -1;
    for (int index = 0; result == 0 && index < description->array_count; index++) {
        result = hold_array(self, index, PyTuple_GetItem(tuple, index));
    }
    Py_XDECREF(tuple);
    return result;
}

static int read_sizes(layer_call_object *self, PyObject *objects) {
    const so_layer_description *description = &self->description;
    PyObject *tuple = checked_tuple(objects, description->name, "sizes", description->size_count);
    int result = tuple != NULL ? 0 : -1;
    for (int index = 0; result == 0 && index < description->size_count; index++) {
        PyObject *item = PyNumber_Index(PyTuple_GetItem(tuple, index));
        int overflow = 0;
        long long size = item != NULL ? PyLong_AsLongLongAndOverflow(item, &overflow) : -1;
        self->call.sizes[index] = overflow != 0 ? -1 : size; /* the library refuses it */
        if (item == NULL || (size == -1 && PyErr_Occurred())) result = -1;
        Py_XDECREF(item);
    }
    Py_XDECREF(tuple);
    return result;
}

static int read_settings(layer_call_object *self, PyObject *objects) {
    const so_layer_description *description = &self->description;
    PyObject *tuple =
        checked_tuple(objects, description->name, "settings", description->setting_count);
    int result = tuple != NULL ? 0 : -1;
    for (int index = 0; result == 0 && index < description->setting_count; index++) {
        result = read_number(PyTuple_GetItem(tuple, index), description->settings[index].name,
                             &self->call.settings[index]);
    }
    Py_XDECREF(tuple);
    return result;
}

static PyObject *layer_call_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    static char *names[] = {"name", "arrays", "sizes", "settings", NULL};
    const char *name;
    PyObject *arrays, *sizes, *settings = NULL;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "sOO|O:LayerCall", names, &name,
                                     &arrays, &sizes, &settings)) {
        return NULL;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    layer_call_object *self = (layer_call_object *)allocate(type, 0); /* zeroed */
    if (self == NULL) return NULL;
    self->state = PyType_GetModuleState(type);
    self->is_busy = 1; /* the garbage collector can already show it to others */
    self->spare = &self->places[SO_LAYER_MAX_ARRAYS];
    for (int index = 0; index < SO_LAYER_MAX_ARRAYS; index++) {
        self->arrays[index] = &self->places[index];
    }
    PyObject *none = settings == NULL ? PyTuple_New(0) : NULL;
    if (self->state == NULL || (settings == NULL && none == NULL) ||
        find_layer(name, &self->call.layer, &self->description) < 0 ||
        read_sizes(self, sizes) < 0 ||
        read_settings(self, settings != NULL ? settings : none) < 0 ||
        read_arrays(self, arrays) < 0 || load_blas(self) < 0 || check_call(self) < 0) {
        Py_XDECREF(none);
        Py_DECREF(self);
        return NULL;
    }
    Py_XDECREF(none);
    end_call(self);
    return (PyObject *)self;
}

static PyObject *layer_call_run(PyObject *object, PyObject *arguments, PyObject *keywords) {
    layer_call_object *self = (layer_call_object *)object;
    if (PyTuple_Size(arguments) != 0 || (keywords != NULL && PyDict_Size(keywords) != 0)) {
        PyErr_SetString(PyExc_TypeError, "a layer call takes no arguments");
        return NULL;
    }
    if (begin_call(self) < 0) return NULL;
    PyObject *result = NULL;
    if (self->level == so_level_current() || check_call(self) == 0) {
        void *workspace = NULL;
        if (self->workspace_size > 0) {
            workspace = take_workspace(self->state, self->workspace_size);
        }
        if (self->workspace_size > 0 && workspace == NULL) {
            PyErr_NoMemory();
        } else {
            so_status status;
            self->call.workspace = workspace;
            self->call.workspace_size = self->workspace_size;
            Py_BEGIN_ALLOW_THREADS
            status = so_layer_run(&self->call);
            Py_END_ALLOW_THREADS
            self->call.workspace = NULL;
            give_back_workspace(self->state, workspace);
            if (status == SO_OK) {
                result = Py_NewRef(Py_None);
            } else {
                raise_status(status, NULL);
            }
        }
    }
    end_call(self);
    return result;
}

static PyObject *layer_call_replace(PyObject *object, PyObject *const *arguments,
                                    Py_ssize_t count) {
    layer_call_object *self = (layer_call_object *)object;
    if (check_argument_count("replace", count, 2) < 0) return NULL;
    Py_ssize_t index = PyNumber_AsSsize_t(arguments[0], PyExc_IndexError);
    if (index == -1 && PyErr_Occurred()) return NULL;
    if (index < 0 || index >= self->description.array_count) {
        return PyErr_Format(PyExc_IndexError, "%s has no array number %zd",
                            self->description.name, index);
    }
    if (begin_call(self) < 0) return NULL;
    const int is_held = hold_array(self, (int)index, arguments[1]) == 0;
    if (is_held) self->level = -1; /* checked again before it runs */
    end_call(self);
    return is_held ? Py_NewRef(Py_None) : NULL;
}

static int layer_call_traverse(PyObject *object, visitproc visit, void *arg) {
    layer_call_object *self = (layer_call_object *)object;
    Py_VISIT(Py_TYPE(object));
    for (int index = 0; index <= SO_LAYER_MAX_ARRAYS; index++) {
        if (self->places[index].dtype != 0) Py_VISIT(self->places[index].view.obj);
    }
    return 0;
}

static int layer_call_clear(PyObject *object) {
    layer_call_object *self = (layer_call_object *)object;
    /* Giving a buffer back may run Python code that calls this: it finds no arrays. */
    memset(self->call.arrays, 0, sizeof self->call.arrays);
    self->level = -1;
    release_exports(self->places, SO_LAYER_MAX_ARRAYS + 1);
    return 0;
}

static void layer_call_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    layer_call_clear(object);
    freefunc deallocate = (freefunc)PyType_GetSlot(type, Py_tp_free);
    deallocate(object);
    Py_DECREF(type);
}

PyDoc_STRVAR(layer_call_doc,
"LayerCall(name, arrays, sizes, settings=())\n--\n\n"
"A layer function of layer_descriptions() with all that it needs; calling it computes.\n"
"\n"
"arrays: an array, or None for an optional one, for each that it describes;\n"
"sizes: its ints; settings: its numbers. All are checked here; the arrays are held as\n"
"long as this lives. Raises TypeError, ValueError; a call raises ValueError for an index\n"
"out of range, before anything is written.");

PyDoc_STRVAR(replace_doc,
"replace($self, index, array, /)\n--\n\n"
"Hold another array as number `index`; the next call checks it.");

static PyMethodDef layer_call_methods[] = {
    {"replace", (PyCFunction)(void (*)(void))layer_call_replace, METH_FASTCALL, replace_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot layer_call_slots[] = {
    {Py_tp_doc, (void *)layer_call_doc},
    {Py_tp_new, layer_call_new},
    {Py_tp_call, layer_call_run},
    {Py_tp_dealloc, layer_call_dealloc},
    {Py_tp_traverse, layer_call_traverse},
    {Py_tp_clear, layer_call_clear},
    {Py_tp_methods, layer_call_methods},
    {0, NULL},
};

PyType_Spec layer_call_spec = {
    .name = "swiftopt._core.LayerCall",
    .basicsize = sizeof(layer_call_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = layer_call_slots,
};
