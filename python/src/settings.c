/* settings.c - a plan's hyper-parameters and options. */
#include "core.h"

#include <math.h>

/* The values of set_group that every optimizer has; its own follow. */
enum { LR, WEIGHT_DECAY, CLIP_VALUE, CLIP_TENSOR_NORM, MAXIMIZE, COMMON_VALUES };
static const char *const common_names[COMMON_VALUES] = {
    "lr", "weight_decay", "clip_value", "clip_tensor_norm", "maximize"};

so_group default_group(const so_description *description) {
    so_group group = {
        .lr = description->default_lr,
        .weight_decay = description->default_weight_decay,
        .clip_value = INFINITY,
        .clip_tensor_norm = INFINITY,
    };
    for (int index = 0; index < description->hyperparameter_count; index++) {
        group.hyperparameters[index] = description->hyperparameters[index].default_value;
    }
    return group;
}

static int read_group_index(const plan_object *self, PyObject *object, int32_t *out) {
    int overflow;
    long index = PyLong_AsLongAndOverflow(object, &overflow);
    if (index == -1 && PyErr_Occurred()) return -1;
    if (overflow != 0 || index < 0 || index >= self->plan.group_count) {
        PyErr_Format(PyExc_ValueError, "there is no group %R; the plan has %d", object,
                     (int)self->plan.group_count);
        return -1;
    }
    *out = (int32_t)index;
    return 0;
}

static int read_values(const plan_object *self, int32_t group, PyObject *items, double *values) {
    const Py_ssize_t expected = COMMON_VALUES + self->description.hyperparameter_count;
    if (PyTuple_Size(items) != expected) {
        PyErr_Format(PyExc_ValueError, "expected %zd values for a group of %s, got %zd", expected,
                     self->description.name, PyTuple_Size(items));
        return -1;
    }
    for (Py_ssize_t index = 0; index < expected; index++) {
        char what[96];
        PyOS_snprintf(what, sizeof what, "groups[%d].%s", (int)group,
                      index < COMMON_VALUES
                          ? common_names[index]
                          : self->description.hyperparameters[index - COMMON_VALUES].name);
        if (read_number(PyTuple_GetItem(items, index), what, &values[index]) < 0) return -1;
    }
    if (values[MAXIMIZE] != 0 && values[MAXIMIZE] != 1) { /* would not survive as an int32 */
        PyErr_Format(PyExc_ValueError, "groups[%d].maximize is %R; it must be False or True",
                     (int)group, PyTuple_GetItem(items, MAXIMIZE));
        return -1;
    }
    return 0;
}

static int set_group(plan_object *self, PyObject *index, PyObject *sequence) {
    int32_t group;
    double values[COMMON_VALUES + SO_MAX_HYPERPARAMETERS];
    if (read_group_index(self, index, &group) < 0) return -1;
    PyObject *items = PySequence_Tuple(sequence);
    if (items == NULL) return -1;
    int result = read_values(self, group, items, values);
    Py_DECREF(items);
    if (result < 0) return -1;

    const so_group old = self->plan.groups[group];
    so_group new = {
        .lr = values[LR],
        .weight_decay = values[WEIGHT_DECAY],
        .clip_value = values[CLIP_VALUE],
        .clip_tensor_norm = values[CLIP_TENSOR_NORM],
        .maximize = values[MAXIMIZE] != 0,
    };
    for (int at = 0; at < self->description.hyperparameter_count; at++) {
        new.hyperparameters[at] = values[COMMON_VALUES + at];
    }
    /* This group alone, so that setting all of them takes time in proportion. */
    so_plan only = self->plan;
    only.tensor_count = 0;
    only.groups = &new;
    only.group_count = 1;
    if (so_plan_check_groups(&only) == SO_OK) {
        self->plan.groups[group] = new;
        return 0;
    }
    self->plan.groups[group] = new; /* again, for the group's index in the message */
    so_status status = so_plan_check_groups(&self->plan);
    self->plan.groups[group] = old;
    raise_status(status, self->names);
    return -1;
}

PyObject *plan_set_group(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    plan_object *self = (plan_object *)object;
    if (check_argument_count("set_group", count, 2) < 0 || begin_use(self) < 0) return NULL;
    int result = set_group(self, arguments[0], arguments[1]);
    end_use(self);
    return result == 0 ? Py_NewRef(Py_None) : NULL;
}

static int set_options(plan_object *self, PyObject *const *arguments) {
    double clip_norm;
    if (read_number(arguments[0], "clip_norm", &clip_norm) < 0) return -1;
    int skip_nonfinite = PyObject_IsTrue(arguments[1]);
    if (skip_nonfinite < 0) return -1;
    int report_norm = PyObject_IsTrue(arguments[2]);
    if (report_norm < 0) return -1;

    const double old_clip_norm = self->plan.clip_norm;
    const uint32_t old_flags = self->plan.flags;
    self->plan.clip_norm = clip_norm;
    self->plan.flags = (skip_nonfinite ? (uint32_t)SO_SKIP_NONFINITE : 0) |
                       (report_norm ? (uint32_t)SO_REPORT_NORM : 0);
    so_status status = so_plan_check_groups(&self->plan); /* clip_norm too */
    if (status == SO_OK) return 0;
    self->plan.clip_norm = old_clip_norm;
    self->plan.flags = old_flags;
    raise_status(status, self->names);
    return -1;
}

PyObject *plan_set_options(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    plan_object *self = (plan_object *)object;
    if (check_argument_count("set_options", count, 3) < 0 || begin_use(self) < 0) return NULL;
    int result = set_options(self, arguments);
    end_use(self);
    return result == 0 ? Py_NewRef(Py_None) : NULL;
}
