/* construct.c - a plan from its Python arguments. */
#include "core.h"

#include <stdlib.h>

enum { WORKSPACE_ALIGNMENT = 64 }; /* a cache line; the library asks for 16 */

static int check_names(PyObject *names, Py_ssize_t count) {
    if (PyTuple_Size(names) != count) {
        PyErr_Format(PyExc_ValueError, "tensors has %zd entries; names has %zd", count,
                     PyTuple_Size(names));
        return -1;
    }
    for (Py_ssize_t index = 0; index < count; index++) {
        PyObject *name = PyTuple_GetItem(names, index);
        if (!PyUnicode_Check(name)) {
            PyErr_Format(PyExc_TypeError, "names[%zd] is %R; it must be a str", index, name);
            return -1;
        }
    }
    return 0;
}

static int allocate_arrays(plan_object *self, Py_ssize_t count, Py_ssize_t array_count,
                           int group_count) {
    self->parameters = PyMem_Calloc((size_t)count, sizeof *self->parameters);
    self->arrays = PyMem_Calloc((size_t)array_count, sizeof *self->arrays);
    self->gradients = PyMem_Calloc((size_t)count, sizeof *self->gradients);
    self->plan.tensors = PyMem_Calloc((size_t)count, sizeof *self->plan.tensors);
    self->plan.groups = PyMem_Calloc((size_t)group_count, sizeof *self->plan.groups);
    if (self->parameters == NULL || self->arrays == NULL || self->gradients == NULL ||
        self->plan.tensors == NULL || self->plan.groups == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    self->plan.tensor_count = count;
    self->plan.group_count = group_count;
    for (int index = 0; index < group_count; index++) {
        self->plan.groups[index] = default_group(&self->description);
    }
    return 0;
}

static int hold_scalars(plan_object *self, PyObject *object) {
    const array_label label = {"scalars", NULL};
    if (export_array(self->state, object, ARRAY_UPDATE, DTYPE(SO_FLOAT64), &label,
                     &self->scalars) < 0) {
        return -1;
    }
    const Py_buffer *view = &self->scalars.view;
    if (view->ndim != 2 || view->shape[0] != (Py_ssize_t)self->plan.tensor_count ||
        view->shape[1] != self->description.scalar_count) {
        PyErr_Format(PyExc_ValueError, "scalars must have shape (%zd, %d)",
                     (Py_ssize_t)self->plan.tensor_count, (int)self->description.scalar_count);
        return -1;
    }
    return 0;
}

static int prepare(plan_object *self) {
    int64_t size;
    so_status status = so_plan_workspace_size(&self->plan, &size);
    if (status == SO_OK) {
        /* aligned_alloc wants a multiple of the alignment. */
        size_t bytes = ((size_t)size / WORKSPACE_ALIGNMENT + 1) * WORKSPACE_ALIGNMENT;
        self->plan.workspace = aligned_alloc(WORKSPACE_ALIGNMENT, bytes);
        if (self->plan.workspace == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        self->plan.workspace_size = size;
        status = so_plan_prepare(&self->plan);
    }
    if (status == SO_OK) return 0;
    raise_status(status, self->names);
    return -1;
}

static int fill_plan(plan_object *self, PyObject *tensors, PyObject *scalars, int group_count) {
    const Py_ssize_t count = PyTuple_Size(tensors);
    if (check_names(self->names, count) < 0) return -1;
    const Py_ssize_t array_count = count_arrays(self, tensors);
    if (array_count < 0 || allocate_arrays(self, count, array_count, group_count) < 0 ||
        hold_scalars(self, scalars) < 0) {
        return -1;
    }
    for (Py_ssize_t index = 0; index < count; index++) {
        if (hold_tensor(self, PyTuple_GetItem(tensors, index), index) < 0) return -1;
    }
    return prepare(self);
}

int construct_plan(plan_object *self, PyObject *arguments, PyObject *keywords) {
    static char *const parameters[] = {"optimizer",   "names", "tensors", "scalars",
                                       "group_count", "seed",  NULL};
    const char *optimizer;
    PyObject *names, *tensor_list, *scalars, *seed = NULL;
    int group_count;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "sO!O!Oi|O:Plan", (char **)parameters,
                                     &optimizer, &PyTuple_Type, &names, &PyList_Type,
                                     &tensor_list, &scalars, &group_count, &seed)) {
        return -1;
    }
    if (group_count < 0) {
        PyErr_Format(PyExc_ValueError, "group_count is %d; it must be at least 0", group_count);
        return -1;
    }
    if (seed != NULL &&
        read_uint64(seed, &(array_label){"seed", NULL}, &self->plan.seed) < 0) {
        return -1;
    }
    if (find_optimizer(optimizer, &self->plan.optimizer, &self->description) < 0) return -1;
    self->names = Py_NewRef(names);
    self->plan.clip_norm = Py_HUGE_VAL;
    self->plan.gradient_scale = 1;
    /* Exporting an array can run Python code, which could change the list. */
    PyObject *tensors = PyList_AsTuple(tensor_list);
    if (tensors == NULL) return -1;
    int result = fill_plan(self, tensors, scalars, group_count);
    Py_DECREF(tensors);
    return result;
}
