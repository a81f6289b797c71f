/* core.h - what the files of swiftopt._core share.
 *
 * The extension converts and checks Python objects and calls swiftopt.h; it
 * computes nothing itself.
 */
#ifndef SWIFTOPT_CORE_H
#define SWIFTOPT_CORE_H

#include <pyconfig.h>
#ifndef Py_GIL_DISABLED /* free-threaded builds of CPython have no Limited API */
#define Py_LIMITED_API 0x030B0000
#endif
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <swiftopt.h>

/* One per module object, so that every subinterpreter has its own. */
typedef struct {
    PyTypeObject *report_type;
    PyObject *dtype_type;                 /* numpy.dtype */
    PyObject *float32_dtype, *float64_dtype; /* NumPy's own two instances */
    PyObject *dtype_string;               /* the interned "dtype" */
    PyObject *updated_string, *skipped_string;
    PyObject *one;      /* 1.0 */
    PyObject *as_array; /* swiftopt._arrays.as_array; NULL until first needed */
} core_state;

/* ------------------------------------------------------------------ errors.c */

/* Raises the exception that belongs to a failed call's status, with the text of
 * so_last_error. `names` (a tuple of str, or NULL) replaces "tensors[i]" in it. */
void raise_status(so_status status, PyObject *names);

/* A finite or infinite number as a double; TypeError or ValueError, starting with
 * `what`, if it isn't one. */
int read_number(PyObject *object, const char *what, double *out);

/* ----------------------------------------------------------------- buffers.c */

/* How an error message calls an array: `role 'name'`, or `role` if name is NULL. */
typedef struct {
    const char *role;
    PyObject *name;
} array_label;

/* A C-contiguous array of a supported dtype whose memory is held. It stays where it
 * was filled: some exporters let view.shape point into the view itself. */
typedef struct {
    Py_buffer view;
    so_dtype dtype; /* 0: nothing is held */
} array_export;

/* Holds the memory of `object`; -1 with an exception that names the array. */
int export_array(core_state *state, PyObject *object, int is_writable,
                 const array_label *label, array_export *out);

/* Gives back what is held; an exception that is set stays set. */
void release_exports(array_export *arrays, Py_ssize_t count);

int64_t element_count(const array_export *array);

/* ValueError if the shapes differ. */
int check_same_shape(const array_export *array, const array_label *label,
                     const array_export *parameter);

/* `role 'name'` as a str. */
PyObject *label_text(const array_label *label);

/* "float32" or "float64". */
const char *dtype_name(so_dtype dtype);

/* ------------------------------------------------------------------ report.c */

PyTypeObject *make_report_type(void);

/* `step_after` counts this step as completed; a skipped one reports one less. */
PyObject *make_report(core_state *state, PyObject *names, const so_report *report,
                      PyObject *step_after, PyObject *lr, PyObject *groups);

/* -------------------------------------------------------- plan.c, step.c, ... */

typedef struct {
    PyObject_HEAD
    core_state *state; /* of the module that the type keeps alive */
    PyObject *names;   /* tuple of str, one per tensor */
    so_description description;
    so_plan plan;
    array_export *tensors;  /* per tensor: the parameter, then its slots */
    array_export scalars;
    array_export *gradients; /* of the step under way */
    array_export *bound;     /* of bind(); NULL: none */
    uint64_t element_count;  /* of all tensors together */
    /* Completed steps as the last step told. Kept here because Python code can be
     * interrupted between the step and an assignment of its own. */
    long long step_count;
    int is_busy;
    int is_released;
} plan_object;

extern PyType_Spec plan_spec;

/* How many entries of `tensors` belong to each tensor. */
static inline Py_ssize_t tensor_stride(const plan_object *self) {
    return 1 + self->description.slot_count;
}

/* Every method runs between these two. begin_use raises if the plan is released
 * or if another call is using it: another thread's, or one further up the stack
 * when an array's own code calls back. So nothing changes under a method's feet. */
int begin_use(plan_object *self);
void end_use(plan_object *self);

/* construct.c: fills a fresh plan from the constructor's arguments. */
int construct_plan(plan_object *self, PyObject *arguments, PyObject *keywords);

/* step.c */
PyObject *plan_bind(PyObject *self, PyObject *gradients);
PyObject *plan_step(PyObject *self, PyObject *const *arguments, Py_ssize_t count);

/* settings.c */
PyObject *plan_set_group(PyObject *self, PyObject *const *arguments, Py_ssize_t count);
PyObject *plan_set_options(PyObject *self, PyObject *const *arguments, Py_ssize_t count);
/* One group as it is before set_group: the defaults, nothing limited. */
so_group default_group(const so_description *description);

/* -------------------------------------------------- describe.c, schedules.c */

/* The number of the optimizer called `name`, and its description; ValueError. */
int find_optimizer(const char *name, int32_t *index, so_description *out);

PyObject *core_optimizer_descriptions(PyObject *module, PyObject *unused);
PyObject *core_schedule_validate(PyObject *module, PyObject *program);
PyObject *core_schedule_value(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *core_schedule_values(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

/* TypeError unless `count` is `expected`. */
int check_argument_count(const char *function, Py_ssize_t count, Py_ssize_t expected);

#endif /* SWIFTOPT_CORE_H */
