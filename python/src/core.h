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

/* Workspaces that are kept: as many layer calls can run at a time without allocating. */
#define WORKSPACES 4

/* One per module object, so that every subinterpreter has its own. */
typedef struct {
    PyTypeObject *report_type;
    PyObject *dtype_type; /* numpy.dtype */
    /* The instances that arrays usually have, by so_dtype. SO_BFLOAT16 is NULL until
     * ml_dtypes is met; SO_BLOCK8 stands for uint8. */
    PyObject *dtypes[SO_UINT64 + 1];
    PyObject *uint16_dtype;
    PyObject *dtype_string; /* the interned "dtype" */
    PyObject *updated_string, *skipped_string;
    PyObject *one;           /* 1.0 */
    PyObject *as_array;      /* swiftopt._arrays.as_array; NULL until first needed */
    PyObject *bfloat16_view; /* swiftopt._dtypes.BFloat16View; NULL until first needed */
    PyObject *load_blas;     /* swiftopt._blas.load; NULL until first needed */
    void *workspaces[WORKSPACES]; /* of layer calls, kept for the next one */
} core_state;

/* How an error message calls an array: `role 'name'`, or `role` if name is NULL. */
typedef struct {
    const char *role;
    PyObject *name;
} array_label;

/* ------------------------------------------------------------------ errors.c */

/* Raises the exception that belongs to a failed call's status, with the text of
 * so_last_error. `names` (a tuple of str, or NULL) replaces "tensors[i]" in it. */
void raise_status(so_status status, PyObject *names);

/* `role 'name'` as a str. */
PyObject *label_text(const array_label *label);

/* Raises `type` with "<label> <text>" and returns -1; takes over `text`, which may be
 * NULL with an exception. */
int fail_array(PyObject *type, const array_label *label, PyObject *text);

/* A finite or infinite number as a double; TypeError or ValueError, starting with
 * `what`, if it isn't one. */
int read_number(PyObject *object, const char *what, double *out);

/* TypeError unless `count` is `expected`, or in least ... most. */
int check_argument_count(const char *function, Py_ssize_t count, Py_ssize_t expected);
int check_argument_range(const char *function, Py_ssize_t count, Py_ssize_t least,
                         Py_ssize_t most);

/* An int in 0 ... 2^64 - 1; TypeError or ValueError, starting with the label. */
int read_uint64(PyObject *object, const array_label *label, uint64_t *out);

/* ------------------------------------------------------------------ dtypes.c */

/* A set of dtypes: DTYPE(SO_FLOAT32) | DTYPE(SO_FLOAT64). */
typedef uint32_t dtype_set;
#define DTYPE(dtype) ((dtype_set)1 << (dtype))
#define FLOAT_DTYPES \
    (DTYPE(SO_FLOAT32) | DTYPE(SO_FLOAT64) | DTYPE(SO_FLOAT16) | DTYPE(SO_BFLOAT16))

/* NumPy's name for it, and the bytes of one element; SO_BLOCK8 is uint8 here. */
const char *dtype_name(so_dtype dtype);
Py_ssize_t dtype_size(so_dtype dtype);

/* "float32, float64 or bfloat16" */
PyObject *dtype_choices(dtype_set allowed);

/* SO_... for the `dtype` attribute of `object`; 0 for another; -1 with an exception. */
int dtype_of(core_state *state, PyObject *object, PyObject *dtype);

/* The dtype of a format in the syntax of the struct module; 0: another. */
so_dtype format_dtype(const char *format);

/* `name` of the module, imported when first asked for; borrowed from `place`. */
PyObject *imported_once(PyObject **place, const char *module_name, const char *name);

int load_dtypes(core_state *state);

/* ----------------------------------------------------------------- buffers.c */

/* What an array is for. */
typedef enum {
    ARRAY_READ,   /* anything that can be seen as an array will do */
    ARRAY_UPDATE, /* written: the caller's own memory */
    ARRAY_ZERO,   /* a gradient that zero_gradient sets to 0 */
} array_use;

/* A C-contiguous array of a supported dtype whose memory is held. It stays where it
 * was filled: some exporters let view.shape point into the view itself. */
typedef struct {
    Py_buffer view;
    so_dtype dtype; /* 0: nothing is held */
} array_export;

/* Holds the memory of `object`; -1 with an exception that names the array. */
int export_array(core_state *state, PyObject *object, array_use use, dtype_set allowed,
                 const array_label *label, array_export *out);

/* Gives back what is held; an exception that is set stays set. */
void release_exports(array_export *arrays, Py_ssize_t count);

int64_t element_count(const array_export *array);

/* ValueError if the shapes, or the numbers of elements, differ. */
int check_same_shape(const array_export *array, const array_label *label,
                     const array_export *parameter);
int check_element_count(const array_export *array, const array_label *label, int64_t expected);

int fail_read_only(const array_label *label, array_use use);

/* ----------------------------------------------------------------- control.c */

/* -1 with an exception unless these are the numbers of a loss scaler. */
int check_scaler(PyObject *settings, PyObject *state);
/* Tells the scaler of a step, and returns the new scale. */
PyObject *move_scaler(PyObject *settings, PyObject *state, int is_skipped);

PyObject *core_control_begin(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *core_control_check(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *core_control_observe(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

/* ------------------------------------------------------------------ report.c */

PyTypeObject *make_report_type(void);

/* `step_after` counts this step as completed; a skipped one reports one less. loss_scale
 * is taken over; NULL without an exception stands for none. */
PyObject *make_report(core_state *state, PyObject *names, const so_plan *plan,
                      const so_report *report, PyObject *step_after, PyObject *lr,
                      PyObject *groups, PyObject *loss_scale);

/* -------------------------------------------------------- plan.c, step.c, ... */

typedef struct {
    PyObject_HEAD
    core_state *state; /* of the module that the type keeps alive */
    PyObject *names;   /* tuple of str, one per tensor */
    so_description description;
    so_plan plan;
    array_export *parameters; /* one per tensor */
    array_export *arrays;     /* everything else that the tensors have, as it came */
    Py_ssize_t array_count;   /* of those held */
    array_export scalars;
    array_export *gradients; /* of the call under way */
    array_export *bound;     /* of bind(); NULL: none */
    array_export *received;  /* of receive(); NULL: there never was one */
    Py_ssize_t received_count;
    int32_t zeroing_groups; /* how many groups have zero_gradient */
    uint64_t element_count; /* of all parameters together */
    /* Completed steps as the last step told. Kept here because Python code can be
     * interrupted between the step and an assignment of its own. */
    long long step_count;
    int is_busy;
    int is_released;
} plan_object;

extern PyType_Spec plan_spec;

/* Every method runs between these two. begin_use raises if the plan is released
 * or if another call is using it: another thread's, or one further up the stack
 * when an array's own code calls back. So nothing changes under a method's feet. */
int begin_use(plan_object *self);
void end_use(plan_object *self);

/* construct.c: fills a fresh plan from the constructor's arguments. */
int construct_plan(plan_object *self, PyObject *arguments, PyObject *keywords);

/* tensors.c: the tuples of the constructor's `tensors`. */
/* How many arrays they have besides the parameters; -1 with an exception if one is no
 * tuple of the right form. */
Py_ssize_t count_arrays(const plan_object *self, PyObject *tensors);
/* Holds the arrays of one tensor. Its parameter's place in `parameters` and enough
 * places in `arrays` are there. */
int hold_tensor(plan_object *self, PyObject *fields, Py_ssize_t index);

/* gradients.c */
/* Holds one gradient per tensor in `out` (all empty); None leaves its entry empty. With
 * may_zero, those of groups with zero_gradient are writable. On an error nothing is held. */
int collect_gradients(plan_object *self, PyObject *gradients, array_export *out);
/* Makes them the plan's gradients. */
void set_gradients(plan_object *self, const array_export *gradients);
/* ValueError if zero_gradient would write to a read-only one. */
int check_zeroed(plan_object *self, const array_export *gradients);
/* Before a step with other gradients than the received ones. */
int forget_received(plan_object *self, const array_export *gradients);
void release_received(plan_object *self);
PyObject *plan_bind(PyObject *self, PyObject *gradients);
PyObject *plan_receive(PyObject *self, PyObject *const *arguments, Py_ssize_t count);

/* step.c */
/* Whether a call on so many elements is worth letting other threads run. */
int is_long_call(uint64_t elements, uint64_t tensors);
PyObject *plan_step(PyObject *self, PyObject *const *arguments, Py_ssize_t count);
PyObject *plan_step_accumulated(PyObject *self, PyObject *const *arguments, Py_ssize_t count);

/* accumulate.c. A tensor's `accumulates` tells whether its accumulator got something
 * since the last step_accumulated. */
PyObject *plan_accumulate(PyObject *self, PyObject *const *arguments, Py_ssize_t count);
PyObject *plan_accumulated(PyObject *self, void *closure);
int plan_set_accumulated(PyObject *self, PyObject *value, void *closure);

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

/* -------------------------------------------------------------------- cast.c */

PyObject *core_cast(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

/* ----------------------------------------------------------------- augment.c */

PyObject *core_augmentation_descriptions(PyObject *module, PyObject *unused);
PyObject *core_augment_plan(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *core_augment(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

/* ----------------------------------------------------- layers.c, workspaces.c */

extern PyType_Spec layer_call_spec;

PyObject *core_layer_descriptions(PyObject *module, PyObject *unused);

/* `size` bytes of any content, aligned to 64; NULL if there is no memory. Large ones are
 * expensive to get from the system again and again, so they are kept. */
void *take_workspace(core_state *state, int64_t size);
void give_back_workspace(core_state *state, void *workspace);
void free_workspaces(core_state *state);

/* -------------------------------------------------------------------- blas.c */

PyObject *core_set_blas(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *core_blas_is_set(PyObject *module, PyObject *unused);

/* ---------------------------------------------------------------- checksum.c */

PyObject *core_checksum(PyObject *module, PyObject *const *arguments, Py_ssize_t count);
PyObject *core_checksum_blocks(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

#endif /* SWIFTOPT_CORE_H */
