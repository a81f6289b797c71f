/* gradients.c - the gradients of a step: given, bound, or received one by one. */
#include "core.h"

/* Whether zero_gradient is on for the tensor. */
static int is_zeroed(const plan_object *self, Py_ssize_t index) {
    return self->zeroing_groups != 0 &&
           self->plan.groups[self->plan.tensors[index].group].zero_gradient;
}

static array_label gradient_label(const plan_object *self, Py_ssize_t index) {
    return (array_label){"gradient", PyTuple_GetItem(self->names, index)};
}

/* Holds the gradient of one tensor in `out`, which is empty and stays so on an error. */
static int export_gradient(plan_object *self, PyObject *object, Py_ssize_t index,
                           array_export *out) {
    const array_label label = gradient_label(self, index);
    const array_use use = is_zeroed(self, index) ? ARRAY_ZERO : ARRAY_READ;
    if (export_array(self->state, object, use, FLOAT_DTYPES, &label, out) < 0) return -1;
    if (check_same_shape(out, &label, &self->parameters[index]) == 0) return 0;
    release_exports(out, 1);
    return -1;
}

int collect_gradients(plan_object *self, PyObject *gradients, array_export *out) {
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
        result = export_gradient(self, item, index, &out[index]);
    }
    if (result < 0) release_exports(out, count);
    Py_DECREF(items);
    return result;
}

void set_gradients(plan_object *self, const array_export *gradients) {
    for (Py_ssize_t index = 0; index < (Py_ssize_t)self->plan.tensor_count; index++) {
        const array_export *gradient = &gradients[index];
        so_tensor *tensor = &self->plan.tensors[index];
        const void *buffer = gradient->dtype != 0 ? gradient->view.buf : NULL;
        /* Unchanged entries stay unwritten: other threads have them in their caches. */
        if (tensor->gradient != buffer) tensor->gradient = buffer;
        if (tensor->gradient_dtype != gradient->dtype) tensor->gradient_dtype = gradient->dtype;
    }
}

int check_zeroed(plan_object *self, const array_export *gradients) {
    if (self->zeroing_groups == 0) return 0;
    for (Py_ssize_t index = 0; index < (Py_ssize_t)self->plan.tensor_count; index++) {
        if (gradients[index].dtype != 0 && gradients[index].view.readonly &&
            is_zeroed(self, index)) {
            const array_label label = gradient_label(self, index);
            return fail_read_only(&label, ARRAY_ZERO);
        }
    }
    return 0;
}

/* -------------------------------------------------------------------- bound */

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

/* ----------------------------------------------------------------- received */

void release_received(plan_object *self) {
    if (self->received_count == 0) return;
    self->received_count = 0;
    release_exports(self->received, (Py_ssize_t)self->plan.tensor_count);
}

int forget_received(plan_object *self, const array_export *gradients) {
    /* The library knows a received gradient by its address. If this one is at the same,
     * its values may be others by now. */
    for (Py_ssize_t index = 0;
         self->received_count > 0 && index < (Py_ssize_t)self->plan.tensor_count; index++) {
        if (self->received[index].dtype == 0 || gradients[index].dtype == 0 ||
            self->received[index].view.buf != gradients[index].view.buf) {
            continue;
        }
        so_status status = so_plan_receive(&self->plan, index);
        if (status != SO_OK) {
            raise_status(status, self->names);
            return -1;
        }
    }
    return 0;
}

static int read_tensor_index(const plan_object *self, PyObject *object, Py_ssize_t *out) {
    int overflow;
    long index = PyLong_AsLongAndOverflow(object, &overflow);
    if (index == -1 && PyErr_Occurred()) return -1;
    if (overflow != 0 || index < 0 || index >= self->plan.tensor_count) {
        PyErr_Format(PyExc_ValueError, "there is no tensor %R; the plan has %lld", object,
                     (long long)self->plan.tensor_count);
        return -1;
    }
    *out = (Py_ssize_t)index;
    return 0;
}

/* Holds the gradient in its place among the received ones. */
static int hold_received(plan_object *self, Py_ssize_t index, PyObject *object) {
    if (self->received == NULL) {
        self->received =
            PyMem_Calloc((size_t)self->plan.tensor_count, sizeof *self->received);
        if (self->received == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    array_export *place = &self->received[index];
    if (place->dtype != 0) {
        /* The first one stays unless the second will do; an export can't be moved. */
        if (export_gradient(self, object, index, &self->gradients[index]) < 0) return -1;
        release_exports(&self->gradients[index], 1);
        release_exports(place, 1);
        self->received_count--;
    }
    if (export_gradient(self, object, index, place) < 0) return -1;
    self->received_count++;
    return 0;
}

static int receive(plan_object *self, PyObject *index_object, PyObject *object) {
    Py_ssize_t index;
    if (read_tensor_index(self, index_object, &index) < 0 ||
        hold_received(self, index, object) < 0) {
        return -1;
    }
    so_tensor *tensor = &self->plan.tensors[index];
    tensor->gradient = self->received[index].view.buf;
    tensor->gradient_dtype = self->received[index].dtype;
    so_status status;
    if (is_long_call((uint64_t)tensor->count, 1)) {
        Py_BEGIN_ALLOW_THREADS
        status = so_plan_receive(&self->plan, index);
        Py_END_ALLOW_THREADS
    } else {
        status = so_plan_receive(&self->plan, index);
    }
    if (status == SO_OK) return 0;
    raise_status(status, self->names);
    release_exports(&self->received[index], 1);
    self->received_count--;
    return -1;
}

PyObject *plan_receive(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    plan_object *self = (plan_object *)object;
    if (check_argument_count("receive", count, 2) < 0 || begin_use(self) < 0) return NULL;
    int result = receive(self, arguments[0], arguments[1]);
    end_use(self);
    return result == 0 ? Py_NewRef(Py_None) : NULL;
}
