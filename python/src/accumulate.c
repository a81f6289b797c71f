/* accumulate.c - the weighted sum of the gradients of several micro-batches.
 *
 * A window of micro-batches ends with step_accumulated. Within it `accumulates` of a
 * tensor tells whether its accumulator got something yet, and so whether the next
 * gradient is added to it or replaces what is left there from the last window.
 */
#include "core.h"

static int check_accumulator(const plan_object *self, Py_ssize_t index) {
    if (self->plan.tensors[index].accumulator != NULL) return 0;
    PyErr_Format(PyExc_ValueError, "tensor %R has no accumulator",
                 PyTuple_GetItem(self->names, index));
    return -1;
}

/* Adds the gradients that are held. */
static int add(plan_object *self, const array_export *gradients, double weight) {
    const Py_ssize_t count = (Py_ssize_t)self->plan.tensor_count;
    for (Py_ssize_t index = 0; index < count; index++) {
        if (gradients[index].dtype != 0 && check_accumulator(self, index) < 0) return -1;
    }
    set_gradients(self, gradients);
    so_status status;
    if (is_long_call(self->element_count, (uint64_t)count)) {
        Py_BEGIN_ALLOW_THREADS
        status = so_plan_accumulate(&self->plan, weight);
        Py_END_ALLOW_THREADS
    } else {
        status = so_plan_accumulate(&self->plan, weight);
    }
    if (status != SO_OK) {
        raise_status(status, self->names);
        return -1;
    }
    for (Py_ssize_t index = 0; index < count; index++) {
        if (gradients[index].dtype != 0) self->plan.tensors[index].accumulates = 1;
    }
    return 0;
}

static int accumulate(plan_object *self, PyObject *gradients, PyObject *weight_object) {
    double weight;
    if (read_number(weight_object, "weight", &weight) < 0) return -1;
    if (gradients == Py_None) {
        if (self->bound != NULL) {
            return check_zeroed(self, self->bound) < 0 ? -1 : add(self, self->bound, weight);
        }
        PyErr_SetString(PyExc_ValueError, "no gradients: pass them, or bind them first");
        return -1;
    }
    if (collect_gradients(self, gradients, self->gradients) < 0) return -1;
    int result = add(self, self->gradients, weight);
    release_exports(self->gradients, (Py_ssize_t)self->plan.tensor_count);
    return result;
}

PyObject *plan_accumulate(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    plan_object *self = (plan_object *)object;
    if (check_argument_count("accumulate", count, 2) < 0 || begin_use(self) < 0) return NULL;
    int result = accumulate(self, arguments[0], arguments[1]);
    end_use(self);
    return result == 0 ? Py_NewRef(Py_None) : NULL;
}

PyObject *plan_accumulated(PyObject *object, void *Py_UNUSED(closure)) {
    plan_object *self = (plan_object *)object;
    if (begin_use(self) < 0) return NULL;
    PyObject *flags = PyTuple_New((Py_ssize_t)self->plan.tensor_count);
    for (Py_ssize_t index = 0; flags != NULL && index < (Py_ssize_t)self->plan.tensor_count;
         index++) {
        PyObject *flag = PyBool_FromLong(self->plan.tensors[index].accumulates);
        if (PyTuple_SetItem(flags, index, flag) < 0) Py_CLEAR(flags);
    }
    end_use(self);
    return flags;
}

static int check_flags(const plan_object *self, PyObject *flags) {
    const Py_ssize_t count = (Py_ssize_t)self->plan.tensor_count;
    if (PyTuple_Size(flags) != count) {
        PyErr_Format(PyExc_ValueError, "accumulated must have %zd entries, one per tensor; got %zd",
                     count, PyTuple_Size(flags));
        return -1;
    }
    for (Py_ssize_t index = 0; index < count; index++) {
        PyObject *flag = PyTuple_GetItem(flags, index);
        if (!PyBool_Check(flag)) {
            PyErr_Format(PyExc_TypeError, "accumulated[%zd] is %R; it must be a bool", index, flag);
            return -1;
        }
        if (flag == Py_True && check_accumulator(self, index) < 0) return -1;
    }
    return 0;
}

int plan_set_accumulated(PyObject *object, PyObject *value, void *Py_UNUSED(closure)) {
    plan_object *self = (plan_object *)object;
    if (value == NULL) {
        PyErr_SetString(PyExc_AttributeError, "accumulated can't be deleted");
        return -1;
    }
    PyObject *flags = PySequence_Tuple(value);
    if (flags == NULL) return -1;
    int result = begin_use(self);
    if (result == 0) {
        result = check_flags(self, flags);
        for (Py_ssize_t index = 0; result == 0 && index < PyTuple_Size(flags); index++) {
            self->plan.tensors[index].accumulates = PyTuple_GetItem(flags, index) == Py_True;
        }
        end_use(self);
    }
    Py_DECREF(flags);
    return result;
}
