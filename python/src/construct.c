/* construct.c - a plan from its Python arguments. */
#include "core.h"

#include <stdlib.h>

enum { WORKSPACE_ALIGNMENT = 64 }; /* a cache line; the library asks for 16 */

/* The constructor's lists as tuples: exporting an array can run Python code, which
 * could change a list but not a tuple that only we know. */
typedef struct {
    PyObject *names; /* borrowed */
    PyObject *parameters, *slots, *groups;
    PyObject *scalars; /* borrowed */
} plan_arguments;

static int check_lengths(const plan_arguments *given, Py_ssize_t count) {
    const struct {
        const char *name;
        PyObject *items;
    } lists[] = {
        {"parameters", given->parameters}, {"slots", given->slots}, {"groups", given->groups}};
    for (size_t index = 0; index < sizeof lists / sizeof lists[0]; index++) {
        Py_ssize_t size = PyTuple_Size(lists[index].items);
        if (size != count) {
            PyErr_Format(PyExc_ValueError, "%s has %zd entries; names has %zd",
                         lists[index].name, size, count);
            return -1;
        }
    }
    for (Py_ssize_t index = 0; index < count; index++) {
        PyObject *name = PyTuple_GetItem(given->names, index);
        if (!PyUnicode_Check(name)) {
            PyErr_Format(PyExc_TypeError, "names[%zd] is %R; it must be a str", index, name);
            return -1;
        }
    }
    return 0;
}

static int allocate_arrays(plan_object *self, Py_ssize_t count, int group_count) {
    self->tensors = PyMem_Calloc((size_t)count, (size_t)tensor_stride(self) * sizeof *self->tensors);
    self->gradients = PyMem_Calloc((size_t)count, sizeof *self->gradients);
    self->plan.tensors = PyMem_Calloc((size_t)count, sizeof *self->plan.tensors);
    self->plan.groups = PyMem_Calloc((size_t)group_count, sizeof *self->plan.groups);
    if (self->tensors == NULL || self->gradients == NULL || self->plan.tensors == NULL ||
        self->plan.groups == NULL) {
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
    if (export_array(self->state, object, 1, &label, &self->scalars) < 0) return -1;
    if (self->scalars.dtype != SO_FLOAT64) {
        PyErr_SetString(PyExc_TypeError, "scalars has dtype float32; it must be float64");
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

static int hold_slot(plan_object *self, PyObject *object, PyObject *name, int slot,
                     const array_export *parameter, array_export *out) {
    char role[64];
    PyOS_snprintf(role, sizeof role, "state '%s' of", self->description.slots[slot].name);
    const array_label label = {role, name};
    if (export_array(self->state, object, 1, &label, out) < 0 ||
        check_same_shape(out, &label, parameter) < 0) {
        return -1;
    }
    if (out->dtype != parameter->dtype) {
        PyErr_Format(PyExc_TypeError, "%s %R has dtype %s; its parameter has dtype %s", role,
                     name, dtype_name(out->dtype), dtype_name(parameter->dtype));
        return -1;
    }
    return 0;
}

static int read_group(PyObject *object, PyObject *name, int32_t group_count, int32_t *out) {
    int overflow;
    long index = PyLong_AsLongAndOverflow(object, &overflow);
    if (index == -1 && PyErr_Occurred()) return -1;
    if (overflow != 0 || index < 0 || index >= group_count) {
        PyErr_Format(PyExc_ValueError, "group of %R is %R; it must be in 0 ..< group_count, %d",
                     name, object, (int)group_count);
        return -1;
    }
    *out = (int32_t)index;
    return 0;
}

static int hold_tensor(plan_object *self, const plan_arguments *given, Py_ssize_t index) {
    const int slot_count = self->description.slot_count;
    PyObject *name = PyTuple_GetItem(given->names, index);
    PyObject *slots = PyTuple_GetItem(given->slots, index);
    so_tensor *tensor = &self->plan.tensors[index];
    array_export *held = &self->tensors[index * tensor_stride(self)];
    const array_label label = {"parameter", name};

    if (!PyTuple_Check(slots) || PyTuple_Size(slots) != slot_count) {
        PyErr_Format(PyExc_ValueError, "slots of %R must be a tuple of length %d", name,
                     slot_count);
        return -1;
    }
    if (read_group(PyTuple_GetItem(given->groups, index), name, self->plan.group_count,
                   &tensor->group) < 0 ||
        export_array(self->state, PyTuple_GetItem(given->parameters, index), 1, &label,
                     held) < 0) {
        return -1;
    }
    tensor->parameter = held->view.buf;
    tensor->parameter_dtype = held->dtype;
    tensor->count = element_count(held);
    tensor->scalars = (double *)self->scalars.view.buf + index * self->description.scalar_count;
    self->element_count += (uint64_t)tensor->count;
    for (int slot = 0; slot < slot_count; slot++) {
        PyObject *array = PyTuple_GetItem(slots, slot);
        if (array == Py_None) continue;
        if (hold_slot(self, array, name, slot, held, &held[1 + slot]) < 0) return -1;
        tensor->slots[slot] = held[1 + slot].view.buf;
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

static int fill_plan(plan_object *self, const plan_arguments *given, int group_count) {
    Py_ssize_t count = PyTuple_Size(given->names);
    if (check_lengths(given, count) < 0 || allocate_arrays(self, count, group_count) < 0 ||
        hold_scalars(self, given->scalars) < 0) {
        return -1;
    }
    for (Py_ssize_t index = 0; index < count; index++) {
        if (hold_tensor(self, given, index) < 0) return -1;
    }
    return prepare(self);
}

int construct_plan(plan_object *self, PyObject *arguments, PyObject *keywords) {
    static char *const parameters[] = {"optimizer", "names",  "parameters",  "slots",
                                       "scalars",   "groups", "group_count", NULL};
    const char *optimizer;
    PyObject *parameter_list, *slot_list, *group_list;
    plan_arguments given;
    int group_count;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "sO!O!O!OO!i:Plan", (char **)parameters,
                                     &optimizer, &PyTuple_Type, &given.names, &PyList_Type,
                                     &parameter_list, &PyList_Type, &slot_list, &given.scalars,
                                     &PyList_Type, &group_list, &group_count)) {
        return -1;
    }
    if (group_count < 0) {
        PyErr_Format(PyExc_ValueError, "group_count is %d; it must be at least 0", group_count);
        return -1;
    }
    if (find_optimizer(optimizer, &self->plan.optimizer, &self->description) < 0) return -1;
    self->names = Py_NewRef(given.names);
    self->plan.clip_norm = Py_HUGE_VAL;
    given.parameters = PyList_AsTuple(parameter_list);
    given.slots = PyList_AsTuple(slot_list);
    given.groups = PyList_AsTuple(group_list);
    int result = -1;
    if (given.parameters != NULL && given.slots != NULL && given.groups != NULL) {
        result = fill_plan(self, &given, group_count);
    }
    Py_XDECREF(given.parameters);
    Py_XDECREF(given.slots);
    Py_XDECREF(given.groups);
    return result;
}
