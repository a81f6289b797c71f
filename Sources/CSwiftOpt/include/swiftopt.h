/* swiftopt.h - the C contract of swiftopt.
 *
 * Everything that Python can do goes through these functions, and any program
 * that can call C can do the same. The library is stateless: the caller owns
 * every buffer (parameters, gradients, optimizer state, workspace) and the
 * library keeps no pointer after a call returns.
 *
 * Every function that can fail returns an so_status. On any status other than
 * SO_OK no parameter, state or value was written (a plan's workspace and a report
 * may have been), and so_last_error() says which argument was wrong and what it
 * must be. The text belongs to the calling thread and lasts until that thread's
 * next failing call.
 *
 * A complete use, from the description of an optimizer to a step, is in
 * Tests/c/smoke.c.
 */
#ifndef SWIFTOPT_H
#define SWIFTOPT_H

#include <stdint.h>

#if defined(__clang__)
#define SO_NONNULL _Nonnull
#define SO_NULLABLE _Nullable
#else /* gcc has no nullability qualifiers */
#define SO_NONNULL
#define SO_NULLABLE
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ status */

typedef int32_t so_status;
enum {
    SO_OK = 0,
    SO_INVALID_VALUE = 1, /* an argument has a value that is not allowed */
    SO_INVALID_TYPE = 2,  /* a dtype that is not supported there */
    SO_UNSUPPORTED = 3,   /* this machine lacks what was asked for */
};

/* Why the last failing call of this thread failed; "" if none has. */
const char *SO_NONNULL so_last_error(void);

/* Changes whenever a program compiled against an older header would break. */
#define SO_ABI_VERSION 1
int32_t so_abi_version(void);

/* ------------------------------------------------------ instruction levels */

/* Kernels are compiled once per level: "baseline" (x86-64), "avx2" (x86-64-v3)
 * and "avx512" (x86-64-v4). Results are the same bits at every level. */
int32_t so_level_count(void);
/* Name of level `index` (0 is the lowest); "" when there is no such level. */
const char *SO_NONNULL so_level_name(int32_t index);
/* 1 if this machine can run level `index`, else 0. */
int32_t so_level_supported(int32_t index);
/* Index of the level in use. At first use it is the one that the environment
 * variable SWIFTOPT_LEVEL names, else the highest that the machine supports; -1 if
 * the variable names one that can't be had. */
int32_t so_level_current(void);
/* Chooses a level by name, for the whole process. NULL chooses as at first use.
 * SO_INVALID_VALUE: no such level. SO_UNSUPPORTED: not on this machine. In both
 * cases the level in use stays as it was. Don't call it during a step. */
so_status so_level_select(const char *SO_NULLABLE name);

/* ----------------------------------------------------------------- threads */

/* Threads that one call may use, the calling one included. At first use it is
 * SWIFTOPT_NUM_THREADS, else OMP_NUM_THREADS, else the processors that this
 * process may run on. Worker threads start when first needed. */
int32_t so_threads_get(void);
/* 1 <= count <= SO_MAX_THREADS. */
#define SO_MAX_THREADS 256
so_status so_threads_set(int32_t count);

/* -------------------------------------------------------------- optimizers */

typedef int32_t so_dtype;
enum {
    SO_FLOAT32 = 1,
    SO_FLOAT64 = 2,
};

/* How an optimizer uses weight decay. */
enum {
    SO_DECAY_COUPLED = 0,   /* gradient += weight_decay * parameter */
    SO_DECAY_DECOUPLED = 1, /* parameter -= lr * weight_decay * parameter */
};

#define SO_MAX_HYPERPARAMETERS 8
#define SO_MAX_SLOTS 4
#define SO_MAX_SCALARS 4

/* One hyper-parameter of a rule. lr, weight_decay, maximize and the clipping
 * limits are common to all rules and live in so_group by name. */
typedef struct so_hyperparameter {
    const char *SO_NULLABLE name;
    double default_value;
    double minimum;          /* least allowed value */
    double maximum;          /* greatest allowed value, INFINITY for none */
    int32_t maximum_is_open; /* 1: the maximum itself is not allowed */
    int32_t is_flag;         /* 1: only 0 and 1 are allowed */
} so_hyperparameter;

/* One array of the state, of the parameter's shape and dtype. */
typedef struct so_slot {
    const char *SO_NULLABLE name;
    int32_t required_by;   /* needed if this hyper-parameter is not 0; -1: always */
    int32_t initial_value; /* starts at this hyper-parameter's value; -1: at 0 */
} so_slot;

/* One number of the state, kept once per tensor as a float64. */
typedef struct so_scalar {
    const char *SO_NULLABLE name;
    double initial_value;
} so_scalar;

/* Entries beyond a count are zero, with NULL names. */
typedef struct so_description {
    const char *SO_NULLABLE name; /* "adamw" */
    double default_lr;
    double default_weight_decay;
    int32_t decay; /* SO_DECAY_... */
    int32_t hyperparameter_count;
    int32_t slot_count;
    int32_t scalar_count; /* scalar 0 is always "step", the completed updates */
    so_hyperparameter hyperparameters[SO_MAX_HYPERPARAMETERS];
    so_slot slots[SO_MAX_SLOTS];
    so_scalar scalars[SO_MAX_SCALARS];
} so_description;

/* Optimizers are numbered 0 ..< so_optimizer_count(); numbers may change between
 * versions, names don't. */
int32_t so_optimizer_count(void);
so_status so_optimizer_describe(int32_t optimizer, so_description *SO_NONNULL out);

/* The hyper-parameters of one parameter group, as they are for one step. */
typedef struct so_group {
    double lr;               /* >= 0 */
    double weight_decay;     /* >= 0 */
    double clip_value;       /* gradient elements are limited to +-this; INFINITY: off */
    double clip_tensor_norm; /* each gradient's own norm is limited to this; INFINITY: off */
    int32_t maximize;        /* 1: go up the gradient */
    int32_t reserved;        /* 0 */
    double hyperparameters[SO_MAX_HYPERPARAMETERS]; /* as so_description lists them */
} so_group;

/* One parameter with all that belongs to it. All arrays have `count` elements in
 * one block of memory; alignment to the element size is enough. Arrays may be
 * NULL where count is 0; the scalars may not. */
typedef struct so_tensor {
    void *SO_NULLABLE parameter;
    const void *SO_NULLABLE gradient; /* NULL: this tensor and its state stay as they are */
    /* NULL: this slot is absent. One that is present but not needed stays as it is. */
    void *SO_NULLABLE slots[SO_MAX_SLOTS];
    double *SO_NULLABLE scalars; /* scalar_count numbers */
    int64_t count;
    int32_t group;
    so_dtype parameter_dtype; /* of the slots too; computation is in this precision */
    so_dtype gradient_dtype;
    int32_t reserved; /* 0 */
} so_tensor;

enum {
    SO_SKIP_NONFINITE = 1, /* a gradient with inf or nan makes the step a no-op */
    SO_REPORT_NORM = 2,    /* compute grad_norm even if nothing else needs it */
};

/* A step over all tensors. Fill it once, call so_plan_prepare once, then only
 * the gradients (pointer and dtype), the groups, clip_norm and flags may change
 * between steps; anything else needs so_plan_prepare again. */
typedef struct so_plan {
    int32_t optimizer;
    int32_t group_count;
    int64_t tensor_count;
    so_group *SO_NULLABLE groups;
    so_tensor *SO_NULLABLE tensors;
    double clip_norm; /* limit of the norm over all gradients; INFINITY: off */
    uint32_t flags;   /* SO_SKIP_NONFINITE | SO_REPORT_NORM */
    uint32_t reserved; /* 0 */
    void *SO_NULLABLE workspace; /* so_plan_workspace_size bytes, aligned to 16 */
    int64_t workspace_size;
} so_plan;

enum {
    SO_UPDATED = 0,
    SO_SKIPPED = 1, /* a non-finite gradient, and nothing was written */
};

typedef struct so_report {
    int32_t outcome;         /* SO_UPDATED or SO_SKIPPED */
    int32_t norm_computed;   /* 1: grad_norm and first_bad are known */
    /* Of all gradients before any clipping, rounded to the parameters' precision. It
     * overflows to INFINITY beyond 1e154, and clip_norm then leaves nothing of them. */
    double grad_norm;
    double clip_coefficient; /* the factor of clip_norm, 1 if it did not limit */
    int64_t first_bad;       /* the first tensor whose gradient has inf or nan; -1: none */
} so_report;

/* Bytes of workspace that the plan needs; of the tensors it looks at the counts only. */
so_status so_plan_workspace_size(const so_plan *SO_NONNULL plan, int64_t *SO_NONNULL out);
/* Checks everything that stays the same over the steps (counts, dtypes, slots,
 * overlap between any two written arrays) and fills the workspace. */
so_status so_plan_prepare(const so_plan *SO_NONNULL plan);
/* Checks the groups (finite, within the bounds that so_description gives), clip_norm,
 * flags and counts, but no tensor. */
so_status so_plan_check_groups(const so_plan *SO_NONNULL plan);
/* One optimizer step over all tensors that have a gradient.
 * Order: per-tensor norm clip, global norm clip, value clip, maximize, coupled
 * weight decay, the rule. The step is skipped when a gradient is not finite and
 * SO_SKIP_NONFINITE or a norm clip is on. */
so_status so_optimizer_step(const so_plan *SO_NONNULL plan, so_report *SO_NONNULL report);

/* --------------------------------------------------------------- schedules */

/* A schedule is a pure function of the number of completed updates, written as
 * `length` numbers in prefix form: an operator, then its operands.
 *
 *   SO_CONSTANT            value
 *   SO_STEP_DECAY          initial, step_size, gamma
 *   SO_PIECEWISE_CONSTANT  n, value_0, boundary_1, value_1, ... boundary_n, value_n
 *   SO_EXPONENTIAL         initial, gamma
 *   SO_POLYNOMIAL          initial, final, total, power
 *   SO_COSINE              initial, final, total
 *   SO_WARMUP              start, peak, warmup         (linear)
 *   SO_THEN                at, schedule, schedule      (the second sees n - at)
 *   SO_ADD, SO_MULTIPLY    schedule, schedule
 */
enum {
    SO_CONSTANT = 1,
    SO_STEP_DECAY = 2,
    SO_PIECEWISE_CONSTANT = 3,
    SO_EXPONENTIAL = 4,
    SO_POLYNOMIAL = 5,
    SO_COSINE = 6,
    SO_WARMUP = 7,
    SO_THEN = 100,
    SO_ADD = 101,
    SO_MULTIPLY = 102,
};
#define SO_MAX_SCHEDULE_DEPTH 64
#define SO_MAX_SCHEDULE_LENGTH 4096

/* Checks that `program` is one complete schedule with sensible operands. */
so_status so_schedule_validate(const double *SO_NULLABLE program, int64_t length);
/* values[i] = schedule(steps[i]) for a program that so_schedule_validate accepts
 * (it is checked again). Every step must be finite and >= 0. `values` may be `steps`;
 * otherwise they must not overlap. A growing schedule may overflow to INFINITY. */
so_status so_schedule_evaluate(const double *SO_NULLABLE program, int64_t length,
                               const double *SO_NULLABLE steps, int64_t count,
                               double *SO_NULLABLE values);

#ifdef __cplusplus
}
#endif

#endif /* SWIFTOPT_H */
