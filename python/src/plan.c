/* plan.c - the Plan type: its life, and who may use it when. */
#include "core.h"

#include <stdlib.h>

int begin_use(plan_object *self) {
    if (__atomic_exchange_n(&self->is_busy, 1, __ATOMIC_ACQUIRE)) {
        PyErr_SetString(PyExc_RuntimeError,
                        "this optimizer is in use by another call; nothing was done");
        return -1;
    }
    if (self->is_released) {
        end_use(self);
        PyErr_SetString(PyExc_ValueError, "this optimizer is closed");
        return -1;
    }
    return 0;
}

void end_use(plan_object *self) { __atomic_store_n(&self->is_busy, 0, __ATOMIC_RELEASE); }

/* Gives back all memory, held and own; what is left is an empty, released plan. */
static void empty_plan(plan_object *self) {
    Py_ssize_t count = (Py_ssize_t)self->plan.tensor_count;
    __atomic_store_n(&self->is_released, 1, __ATOMIC_RELAXED);
    if (self->gradients != NULL) release_exports(self->gradients, count);
    if (self->bound != NULL) release_exports(self->bound, count);
    if (self->tensors != NULL) release_exports(self->tensors, count * tensor_stride(self));
    release_exports(&self->scalars, 1);
    PyMem_Free(self->gradients);
    PyMem_Free(self->bound);
    PyMem_Free(self->tensors);
    PyMem_Free(self->plan.tensors);
    PyMem_Free(self->plan.groups);
    free(self->plan.workspace);
    self->gradients = self->bound = self->tensors = NULL;
    self->plan = (so_plan){0};
}

static PyObject *plan_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    plan_object *self = (plan_object *)allocate(type, 0); /* zeroed */
    if (self == NULL) return NULL;
    self->state = PyType_GetModuleState(type);
    self->is_busy = 1; /* the garbage collector can already show it to others */
    if (self->state == NULL || construct_plan(self, arguments, keywords) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    end_use(self);
    return (PyObject *)self;
}

static int traverse_exports(const array_export *arrays, Py_ssize_t count, visitproc visit,
                            void *arg) {
    for (Py_ssize_t index = 0; arrays != NULL && index < count; index++) {
        if (arrays[index].dtype != 0) Py_VISIT(arrays[index].view.obj);
    }
    return 0;
}

static int plan_traverse(PyObject *object, visitproc visit, void *arg) {
    plan_object *self = (plan_object *)object;
    Py_ssize_t count = (Py_ssize_t)self->plan.tensor_count;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->names);
    int result = traverse_exports(self->tensors, count * tensor_stride(self), visit, arg);
    if (result == 0) result = traverse_exports(&self->scalars, 1, visit, arg);
    if (result == 0) result = traverse_exports(self->bound, count, visit, arg);
    if (result == 0) result = traverse_exports(self->gradients, count, visit, arg);
    return result;
}

static int plan_clear(PyObject *object) {
    plan_object *self = (plan_object *)object;
    empty_plan(self);
    Py_CLEAR(self->names);
    return 0;
}

static void plan_dealloc(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    plan_clear(object);
    freefunc deallocate = (freefunc)PyType_GetSlot(type, Py_tp_free);
    deallocate(object);
    Py_DECREF(type);
}

static PyObject *plan_release(PyObject *object, PyObject *Py_UNUSED(unused)) {
    plan_object *self = (plan_object *)object;
    if (__atomic_load_n(&self->is_released, __ATOMIC_RELAXED)) Py_RETURN_NONE;
    if (begin_use(self) < 0) return NULL;
    empty_plan(self);
    end_use(self);
    Py_RETURN_NONE;
}

static PyObject *plan_released(PyObject *object, void *Py_UNUSED(closure)) {
    plan_object *self = (plan_object *)object;
    return PyBool_FromLong(__atomic_load_n(&self->is_released, __ATOMIC_RELAXED));
}

static PyObject *plan_step_count(PyObject *object, void *Py_UNUSED(closure)) {
    return PyLong_FromLongLong(((plan_object *)object)->step_count);
}

static int plan_set_step_count(PyObject *object, PyObject *value, void *Py_UNUSED(closure)) {
    if (value == NULL) {
        PyErr_SetString(PyExc_AttributeError, "step_count can't be deleted");
        return -1;
    }
    long long count = PyLong_AsLongLong(value);
    if (count == -1 && PyErr_Occurred()) return -1;
    ((plan_object *)object)->step_count = count;
    return 0;
}

PyDoc_STRVAR(plan_doc,
"Plan(optimizer, names, parameters, slots, scalars, groups, group_count)\n--\n\n"
"One optimizer over a fixed list of tensors: what is checked and laid out once.\n"
"\n"
"optimizer: its native name, e.g. \"adamw\".\n"
"names: one str per tensor, for messages and reports.\n"
"parameters: C-contiguous writable float32 or float64 arrays, updated in place.\n"
"slots: per tensor a tuple of the state arrays in the order of the optimizer's\n"
"    description, of the parameter's shape and dtype; None for an absent one.\n"
"scalars: float64 array of shape (tensors, scalars of the description).\n"
"groups: per tensor the index of its parameter group, below group_count.\n"
"\n"
"All arrays are held until release(). The groups start with the description's\n"
"defaults; nothing is clipped. Raises TypeError, ValueError.");

PyDoc_STRVAR(set_group_doc,
"set_group($self, index, values, /)\n--\n\n"
"Set one parameter group: (lr, weight_decay, clip_value, clip_tensor_norm, maximize,\n"
"*hyperparameters), inf for a limit that is off. On an error the old values stay.");

PyDoc_STRVAR(set_options_doc,
"set_options($self, clip_norm, skip_nonfinite, report_norm, /)\n--\n\n"
"Set what holds for all groups; clip_norm is inf for no limit. On an error the old\n"
"values stay.");

PyDoc_STRVAR(bind_doc,
"bind($self, grads, /)\n--\n\n"
"Hold these gradients (a list or tuple with an array or None per tensor) for every\n"
"later step(None, ...); None gives them back.");

PyDoc_STRVAR(step_doc,
"step($self, grads, step_after, lr, groups, /)\n--\n\n"
"One step with these gradients (a list or tuple with an array or None per tensor), or\n"
"with the bound ones if grads is None. Returns a Report; its step is step_after, or\n"
"one less if the step was skipped, and it passes on lr and groups. On an error\n"
"nothing was written.");

PyDoc_STRVAR(release_doc,
"release($self, /)\n--\n\n"
"Give back all arrays; harmless when already released. After that every other method\n"
"raises ValueError.");

static PyMethodDef plan_methods[] = {
    {"set_group", (PyCFunction)(void (*)(void))plan_set_group, METH_FASTCALL, set_group_doc},
    {"set_options", (PyCFunction)(void (*)(void))plan_set_options, METH_FASTCALL,
     set_options_doc},
    {"bind", plan_bind, METH_O, bind_doc},
    {"step", (PyCFunction)(void (*)(void))plan_step, METH_FASTCALL, step_doc},
    {"release", plan_release, METH_NOARGS, release_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef plan_getset[] = {
    {"released", plan_released, NULL, "Whether release() was called.", NULL},
    {"step_count", plan_step_count, plan_set_step_count,
     "The completed steps: step_after of the last step, or one less if it was skipped.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot plan_slots[] = {
    {Py_tp_doc, (void *)plan_doc},
    {Py_tp_new, plan_new},
    {Py_tp_dealloc, plan_dealloc},
    {Py_tp_traverse, plan_traverse},
    {Py_tp_clear, plan_clear},
    {Py_tp_methods, plan_methods},
    {Py_tp_getset, plan_getset},
    {0, NULL},
};

PyType_Spec plan_spec = {
    .name = "swiftopt._core.Plan",
    .basicsize = sizeof(plan_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = plan_slots,
};
