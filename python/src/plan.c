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
    if (self->received != NULL) release_exports(self->received, count);
    if (self->parameters != NULL) release_exports(self->parameters, count);
    if (self->arrays != NULL) release_exports(self->arrays, self->array_count);
    release_exports(&self->scalars, 1);
    PyMem_Free(self->gradients);
    PyMem_Free(self->bound);
    PyMem_Free(self->received);
    PyMem_Free(self->parameters);
    PyMem_Free(self->arrays);
    PyMem_Free(self->plan.tensors);
    PyMem_Free(self->plan.groups);
    free(self->plan.workspace);
    self->gradients = self->bound = self->received = self->parameters = self->arrays = NULL;
    self->array_count = self->received_count = 0;
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
    int result = traverse_exports(self->parameters, count, visit, arg);
    if (result == 0) result = traverse_exports(self->arrays, self->array_count, visit, arg);
    if (result == 0) result = traverse_exports(&self->scalars, 1, visit, arg);
    if (result == 0) result = traverse_exports(self->bound, count, visit, arg);
    if (result == 0) result = traverse_exports(self->received, count, visit, arg);
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
"Plan(optimizer, names, tensors, scalars, group_count, seed=0)\n--\n\n"
"One optimizer over a fixed list of tensors: what is checked and laid out once.\n"
"\n"
"optimizer: its native name, e.g. \"adamw\".\n"
"names: one str per tensor, for messages and reports.\n"
"tensors: a list with a tuple per tensor:\n"
"    parameter: array of float32, float64, float16 or bfloat16, updated in place;\n"
"    slots: the state arrays in the order of the optimizer's description; None for an\n"
"        absent one, a pair of uint8 codes and float32 scales for one in 8 bits;\n"
"    group: the index of its parameter group, below group_count;\n"
"    master: float32, or None;\n"
"    compensation: of the parameter's dtype, or None;\n"
"    average: of the computation's dtype (float64 for a float64 parameter, else\n"
"        float32), or None;\n"
"    copy: float32, float16 or bfloat16, or None;\n"
"    accumulator: of the computation's dtype, or None;\n"
"    rounds_stochastically: bool;\n"
"    (rows, columns, units): of its matrices, both 0 if it has none; units for the\n"
"        clipping by unit, at least 1;\n"
"    key: int below 2**64 that names its random numbers.\n"
"scalars: float64 array of shape (tensors, scalars of the description).\n"
"seed: int below 2**64, of the stochastic rounding.\n"
"\n"
"bfloat16 is an array of ml_dtypes.bfloat16 or a swiftopt BFloat16View. Arrays are\n"
"C-contiguous, writable and of the parameter's shape; only their number of elements\n"
"counts for codes, for scales (one per 256 codes) and for slots with an element per row\n"
"or column. All are held until release(). The groups start with the description's\n"
"defaults; nothing is clipped. Raises TypeError, ValueError.");

PyDoc_STRVAR(set_group_doc,
"set_group($self, index, values, /)\n--\n\n"
"Set one parameter group: (lr, weight_decay, clip_value, clip_tensor_norm,\n"
"clip_unit_ratio, l1_penalty, l2_penalty, average_decay, decay, maximize, cautious,\n"
"zero_gradient, *hyperparameters), inf for a limit that is off; decay is 0 (coupled),\n"
"1 (decoupled), 2 (independent) or 3 (own). On an error the old values stay.");

PyDoc_STRVAR(set_options_doc,
"set_options($self, clip_norm, skip_nonfinite, report_norm, report_update_norm, /)\n--\n\n"
"Set what holds for all groups; clip_norm is inf for no limit. On an error the old\n"
"values stay.");

PyDoc_STRVAR(bind_doc,
"bind($self, grads, /)\n--\n\n"
"Hold these gradients (a list or tuple with an array or None per tensor) for every\n"
"later step(None, ...); None gives them back.");

PyDoc_STRVAR(receive_doc,
"receive($self, index, grad, /)\n--\n\n"
"Hold the gradient of one tensor for the next step(None, ...), and look at it now for\n"
"the norm: it must not change until then. A second one for the same tensor replaces\n"
"the first, which stays if the second has a wrong dtype or shape.");

PyDoc_STRVAR(accumulate_doc,
"accumulate($self, grads, weight, /)\n--\n\n"
"Add weight times the gradients to the accumulators, which start at 0 after every\n"
"step_accumulated. grads as in step; None means the bound ones. weight is > 0.");

PyDoc_STRVAR(step_doc,
"step($self, grads, step_after, lr, groups, gradient_scale=1.0, scaler_settings=None,\n"
"scaler_state=None, /)\n--\n\n"
"One step with these gradients (a list or tuple with an array or None per tensor). If\n"
"grads is None, with those received since the last step, or with the bound ones if\n"
"there are none. They are multiplied by gradient_scale first. Returns a Report; its\n"
"step is step_after, or one less if the step was skipped, and it passes on lr and\n"
"groups. The received gradients are given back. With the numbers of a loss scaler (as\n"
"control_observe takes them) a gradient that is not finite makes it a no-op, and the step\n"
"moves the scaler; that the gradients are divided by its scale is gradient_scale's affair.\n"
"On an error nothing was written, and they stay.");

PyDoc_STRVAR(step_accumulated_doc,
"step_accumulated($self, step_after, lr, groups, gradient_scale, scaler_settings=None,\n"
"scaler_state=None, /)\n--\n\n"
"One step with the accumulators as gradients, where something was accumulated since the\n"
"last call; gradient_scale is 1 / (sum of the weights) for a mean. Otherwise as step.");

PyDoc_STRVAR(release_doc,
"release($self, /)\n--\n\n"
"Give back all arrays; harmless when already released. After that every other method\n"
"raises ValueError.");

static PyMethodDef plan_methods[] = {
    {"set_group", (PyCFunction)(void (*)(void))plan_set_group, METH_FASTCALL, set_group_doc},
    {"set_options", (PyCFunction)(void (*)(void))plan_set_options, METH_FASTCALL,
     set_options_doc},
    {"bind", plan_bind, METH_O, bind_doc},
    {"receive", (PyCFunction)(void (*)(void))plan_receive, METH_FASTCALL, receive_doc},
    {"accumulate", (PyCFunction)(void (*)(void))plan_accumulate, METH_FASTCALL, accumulate_doc},
    {"step", (PyCFunction)(void (*)(void))plan_step, METH_FASTCALL, step_doc},
    {"step_accumulated", (PyCFunction)(void (*)(void))plan_step_accumulated, METH_FASTCALL,
     step_accumulated_doc},
    {"release", plan_release, METH_NOARGS, release_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef plan_getset[] = {
    {"released", plan_released, NULL, "Whether release() was called.", NULL},
    {"step_count", plan_step_count, plan_set_step_count,
     "The completed steps: step_after of the last step, or one less if it was skipped.", NULL},
    {"accumulated", plan_accumulated, plan_set_accumulated,
     "Per tensor whether its accumulator got something since the last step_accumulated.",
     NULL},
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
