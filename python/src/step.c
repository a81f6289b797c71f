/* step.c - gradients in, one native step, a report out. */
#include "core.h"

/* Below this many elements a step takes a few microseconds at most, and handing over
 * the GIL would cost a good part of that. A tensor takes as long as some elements. */
enum { ELEMENTS_WORTH_RELEASING_GIL = 8192, ELEMENTS_PER_TENSOR = 256 };

/* Holds one gradient per tensor in `out` (all empty); None leaves its entry empty.
 * On an error nothing is held. */
static int collect_gradients(plan_object *self, PyObject *gradients, array_export *out) {
    PyObject *items; /* a tuple that only we know: a list could change under our feet */
    if (PyList_Check(gradients)) {
        items = PyList_AsTuple(gradients);
    } else if (PyTuple_Check(gradients)) {
        items = Py_NewRef(gradients);
    } else {
        PyObject *type = PyType_GetName(Py_TYPE(gradients));
        if (type != NULL) {
            PyErr_Format(PyExc_TypeError, "grads is a %U; it must be a list or tuple", type);
            Py_DECREF(type);
        }
        return -1;
    }
    if (items == NULL) return -1;

    const Py_ssize_t stride = tensor_stride(self);
    const Py_ssize_t count = (Py_ssize_t)self->plan.tensor_count;
    int result = 0;
    if (PyTuple_Size(items) != count) {
        PyErr_Format(PyExc_ValueError, "expected %zd gradients, one per parameter, got %zd", count,
                     PyTuple_Size(items));
        result = -1;
    }
    for (Py_ssize_t index = 0; result == 0 && index < count; index++) {
        PyObject *item = PyTuple_GetItem(items, index);
        if (item == Py_None) continue;
        const array_label label = {"gradient", PyTuple_GetItem(self->names, index)};
        result = export_array(self->state, item, 0, &label, &out[index]);
        if (result == 0) {
            result = check_same_shape(&out[index], &label, &self->tensors[index * stride]);
        }
    }
    if (result < 0) release_exports(out, count);
    Py_DECREF(items);
    return result;
}

static int bind_gradients(plan_object *self, PyObject *gradients) {
    const Py_ssize_t count = (Py_ssize_t)self->plan.tensor_count;
    array_export *bound = NULL;
    if (gradients != Py_None) {
        bound = PyMem_Calloc((size_t)count, sizeof *bound);
        if (bound == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        if (collect_gradients(self, gradients, bound) < 0) {
            PyMem_Free(bound);
            return -1;
        }
    }
    array_export *old = self->bound;
    self->bound = bound;
    if (old != NULL) release_exports(old, count);
    PyMem_Free(old);
    return 0;
}

PyObject *plan_bind(PyObject *object, PyObject *gradients) {
    plan_object *self = (plan_object *)object;
    if (begin_use(self) < 0) return NULL;
    int result = bind_gradients(self, gradients);
    end_use(self);
    return result == 0 ? Py_NewRef(Py_None) : NULL;
}

static so_status run_step(plan_object *self, const array_export *gradients, so_report *report) {
    for (Py_ssize_t index = 0; index < (Py_ssize_t)self->plan.tensor_count; index++) {
        const array_export *gradient = &gradients[index];
        so_tensor *tensor = &self->plan.tensors[index];
        const void *buffer = gradient->dtype != 0 ? gradient->view.buf : NULL;
        /* Unchanged entries stay unwritten: other threads have them in their caches. */
        if (tensor->gradient != buffer) tensor->gradient = buffer;
        if (tensor->gradient_dtype != gradient->dtype) tensor->gradient_dtype = gradient->dtype;
    }
    uint64_t work = self->element_count + ELEMENTS_PER_TENSOR * (uint64_t)self->plan.tensor_count;
    if (work < ELEMENTS_WORTH_RELEASING_GIL) {
        return so_optimizer_step(&self->plan, report);
    }
    so_status status;
    Py_BEGIN_ALLOW_THREADS
    status = so_optimizer_step(&self->plan, report);
    Py_END_ALLOW_THREADS
    return status;
}

/* step() within begin_use and end_use. */
static PyObject *step_in_use(plan_object *self, PyObject *gradients, PyObject *step_after,
                             PyObject *lr, PyObject *groups) {
    const int is_given = gradients != Py_None;
    if (!is_given && self->bound == NULL) {
        PyErr_SetString(PyExc_ValueError, "no gradients: pass them, or bind them first");
        return NULL;
    }
    if (!PyLong_Check(step_after)) {
        PyErr_Format(PyExc_TypeError, "step_after is %R; it must be an int", step_after);
        return NULL;
    }
    const long long count_after = PyLong_AsLongLong(step_after);
    if (count_after == -1 && PyErr_Occurred()) return NULL;
    if (is_given && collect_gradients(self, gradients, self->gradients) < 0) return NULL;

    so_report report;
    so_status status = run_step(self, is_given ? self->gradients : self->bound, &report);
    PyObject *result = NULL;
    if (status == SO_OK) {
        self->step_count = report.outcome == SO_SKIPPED ? count_after - 1 : count_after;
        result = make_report(self->state, self->names, &report, step_after, lr, groups);
    } else {
        raise_status(status, self->names);
    }
    if (is_given) release_exports(self->gradients, (Py_ssize_t)self->plan.tensor_count);
    return result;
}

PyObject *plan_step(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    plan_object *self = (plan_object *)object;
    if (check_argument_count("step", count, 4) < 0 || begin_use(self) < 0) return NULL;
    PyObject *result =
        step_in_use(self, arguments[0], arguments[1], arguments[2], arguments[3]);
    end_use(self);
    return result;
}
