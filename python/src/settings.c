/* settings.c - a plan's hyper-parameters and options. */
#include "core.h"

#include <math.h>

/* The values of set_group that every optimizer has, called as in so_group; its own follow. */
enum {
    LR,
    WEIGHT_DECAY,
    CLIP_VALUE,
    CLIP_TENSOR_NORM,
    CLIP_UNIT_RATIO,
    L1_PENALTY,
    L2_PENALTY,
    AVERAGE_DECAY,
    DECAY,
    MAXIMIZE,
    CAUTIOUS,
    ZERO_GRADIENT,
    COMMON_VALUES
};
static const char *const common_names[COMMON_VALUES] = {
    "lr",         "weight_decay", "clip_value",    "clip_tensor_norm", "clip_unit_ratio",
    "l1_penalty", "l2_penalty",   "average_decay", "decay",            "maximize",
    "cautious",   "zero_gradient"};

so_group default_group(const so_description *description) {
    so_group group = {
        .lr = description->default_lr,
        .weight_decay = description->default_weight_decay,
        .clip_value = INFINITY,
        .clip_tensor_norm = INFINITY,
        .clip_unit_ratio = INFINITY,
        .average_decay = 1,
        .decay = description->decay,
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

/* The library gets these as int32, where 0.5 or 2^32 would pass for 0. */
static int check_integers(int32_t group, PyObject *items, const double *values) {
    for (int index = DECAY; index <= ZERO_GRADIENT; index++) {
        const int most = index == DECAY ? SO_DECAY_OWN : 1;
        if (values[index] == 0 || values[index] == 1 ||
            (values[index] > 1 && values[index] <= most && values[index] == (int)values[index])) {
            continue;
        }
        PyErr_Format(PyExc_ValueError, "groups[%d].%s is %R; it must be %s", (int)group,
                     common_names[index], PyTuple_GetItem(items, index),
                     index == DECAY ? "0, 1, 2 or 3" : "False or True");
        return -1;
    }
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
    return check_integers(group, items, values);
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
        .clip_unit_ratio = values[CLIP_UNIT_RATIO],
        .l1_penalty = values[L1_PENALTY],
        .l2_penalty = values[L2_PENALTY],
        .average_decay = values[AVERAGE_DECAY],
        .decay = (int32_t)values[DECAY],
        .maximize = (int32_t)values[MAXIMIZE],
        .cautious = (int32_t)values[CAUTIOUS],
        .zero_gradient = (int32_t)values[ZERO_GRADIENT],
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
        self->zeroing_groups += new.zero_gradient - old.zero_gradient;
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
    int report_update_norm = PyObject_IsTrue(arguments[3]);
    if (report_update_norm < 0) return -1;

    const double old_clip_norm = self->plan.clip_norm;
    const uint32_t old_flags = self->plan.flags;
    self->plan.clip_norm = clip_norm;
    self->plan.flags = (skip_nonfinite ? (uint32_t)SO_SKIP_NONFINITE : 0) |
                       (report_norm ? (uint32_t)SO_REPORT_NORM : 0) |
                       (report_update_norm ? (uint32_t)SO_REPORT_UPDATE_NORM : 0);
    so_status status = so_plan_check_groups(&self->plan); /* clip_norm too */
    if (status == SO_OK) return 0;
    self->plan.clip_norm = old_clip_norm;
    self->plan.flags = old_flags;
    raise_status(status, self->names);
    return -1;
}

PyObject *plan_set_options(PyObject *object, PyObject *const *arguments, Py_ssize_t count) {
    plan_object *self = (plan_object *)object;
    if (check_argument_count("set_options", count, 4) < 0 || begin_use(self) < 0) return NULL;
    int result = set_options(self, arguments);
    end_use(self);
    return result == 0 ? Py_NewRef(Py_None) : NULL;
}
