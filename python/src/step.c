/* step.c - gradients in, one native step, a report out. */
#include "core.h"

/* Below this many elements a step takes a few microseconds at most, and handing over
 * the GIL would cost a good part of that. A tensor takes as long as some elements. */
enum { ELEMENTS_WORTH_RELEASING_GIL = 8192, ELEMENTS_PER_TENSOR = 256 };

int is_long_call(uint64_t elements, uint64_t tensors) {
    return elements + ELEMENTS_PER_TENSOR * tensors >= ELEMENTS_WORTH_RELEASING_GIL;
}

/* What a step is told besides its gradients. */
typedef struct {
    PyObject *step_after, *lr, *groups;
    long long count_after;
    double gradient_scale;
    PyObject *scaler_settings, *scaler_state; /* NULL: no scaler */
} step_arguments;

/* step_after, lr, groups and perhaps gradient_scale and a scaler's settings and state. */
static int read_step(PyObject *const *arguments, Py_ssize_t count, step_arguments *out) {
    *out = (step_arguments){
        .step_after = arguments[0], .lr = arguments[1], .groups = arguments[2],
        .gradient_scale = 1};
    if (!PyLong_Check(out->step_after)) {
        PyErr_Format(PyExc_TypeError, "step_after is %R; it must be an int", out->step_after);
        return -1;
    }
    out->count_after = PyLong_AsLongLong(out->step_after);
    if (out->count_after == -1 && PyErr_Occurred()) return -1;
    if (count > 3 && read_number(arguments[3], "gradient_scale", &out->gradient_scale) < 0) {
        return -1;
    }
    PyObject *settings = count > 4 ? arguments[4] : Py_None;
    PyObject *state = count > 5 ? arguments[5] : Py_None;
    if (settings == Py_None && state == Py_None) return 0;
    out->scaler_settings = settings;
    out->scaler_state = state;
    return check_scaler(settings, state);
}

/* Steps with the gradients that are set. */
static PyObject *run_step(plan_object *self, const step_arguments *given, so_status *status) {
    so_report report = {0};
    const uint32_t flags = self->plan.flags;
    const int has_scaler = given->scaler_state != NULL;
    self->plan.gradient_scale = given->gradient_scale;
    if (has_scaler) self->plan.flags |= (uint32_t)SO_SKIP_NONFINITE;
    if (is_long_call(self->element_count, (uint64_t)self->plan.tensor_count)) {
        Py_BEGIN_ALLOW_THREADS
        *status = so_optimizer_step(&self->plan, &report);
        Py_END_ALLOW_THREADS
    } else {
        *status = so_optimizer_step(&self->plan, &report);
    }
    self->plan.gradient_scale = 1;
    self->plan.flags = flags;
    if (*status != SO_OK) {
        raise_status(*status, self->names);
        return NULL;
    }
    self->step_count =
        report.outcome == SO_SKIPPED ? given->count_after - 1 : given->count_after;
    /* Here and not in Python, where an interrupt could come between step and scaler. */
    PyObject *loss_scale = NULL;
    if (has_scaler) {
        loss_scale = move_scaler(given->scaler_settings, given->scaler_state,
                                 report.outcome == SO_SKIPPED);
        if (loss_scale == NULL) return NULL;
    }
    return make_report(self->state, self->names, &self->plan, &report, given->step_after,
                       given->lr, given->groups, loss_scale);
}

/* The gradients of step(): held for this step if given, else received or bound ones. */
static array_export *step_gradients(plan_object *self, PyObject *gradients) {
    if (gradients != Py_None) {
        return collect_gradients(self, gradients, self->gradients) < 0 ? NULL
                                                                         : self->gradients;
    }
    array_export *ours = self->received_count > 0 ? self->received : self->bound;
    if (ours == NULL) {
        PyErr_SetString(PyExc_ValueError, "no gradients: pass them, or bind or receive them first");
        return NULL;
    }
    /* They were asked for when zero_gradient may have been off. */
    return check_zeroed(self, ours) < 0 ? NULL : ours;
}

/* step() within begin_use and end_use. */
static PyObject *step_in_use(plan_object *self, PyObject *gradients,
                             const step_arguments *given) {
    const array_export *source = step_gradients(self, gradients);
    if (source == NULL) return NULL;
    set_gradients(self, source);
    PyObject *result = NULL;
    so_status status = SO_INVALID_VALUE;
    if (source == self->received || forget_received(self, source) == 0) {
        result = run_step(self, given, &status);
    }
    if (status == SO_OK) release_received(self);
    if (source == self->gradients) {
        release_exports(self->gradients, (Py_ssize_t)self->plan.tensor_count);
    }
    return result;
}

PyObject *plan_step(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    plan_object *self = (plan_object *)object;
    step_arguments given;
    if (check_argument_range("step", count, 4, 7) < 0 || begin_use(self) < 0) return NULL;
    PyObject *result = read_step(arguments + 1, count - 1, &given) == 0
                           ? step_in_use(self, arguments[0], &given)
                           : NULL;
    end_use(self);
    return result;
}

/* step_accumulated() within begin_use and end_use. */
static PyObject *step_accumulated_in_use(plan_object *self, const step_arguments *given) {
    const int64_t count = self->plan.tensor_count;
    for (int64_t index = 0; index < count; index++) {
        so_tensor *tensor = &self->plan.tensors[index];
        tensor->gradient = tensor->accumulates ? tensor->accumulator : NULL;
        tensor->gradient_dtype =
            tensor->parameter_dtype == SO_FLOAT64 ? SO_FLOAT64 : SO_FLOAT32;
    }
    so_status status;
    PyObject *result = run_step(self, given, &status);
    if (status == SO_OK) {
        for (int64_t index = 0; index < count; index++) self->plan.tensors[index].accumulates = 0;
        release_received(self);
    }
    return result;
}

PyObject *plan_step_accumulated(PyObject *object, PyObject *const *arguments,
                                Py_ssize_t count) {
    plan_object *self = (plan_object *)object;
    step_arguments given;
    if (check_argument_range("step_accumulated", count, 4, 6) < 0 || begin_use(self) < 0) return NULL;
    PyObject *result = read_step(arguments, count, &given) == 0
                           ? step_accumulated_in_use(self, &given)
                           : NULL;
    end_use(self);
    return result;
}
