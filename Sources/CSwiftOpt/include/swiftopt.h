/* swiftopt.h - the C contract of swiftopt.
 *
 * Everything that Python can do goes through these functions, and any program
 * that can call C can do the same. The library is stateless: the caller owns
 * every buffer (parameters, gradients, optimizer state, workspace) and the
 * library keeps no pointer after a call returns, but for an open data feeder.
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
    SO_READ_FAILED = 4,   /* a file of a data set couldn't be read */
};

/* Why the last failing call of this thread failed; "" if none has. */
const char *SO_NONNULL so_last_error(void);

/* Changes whenever a program compiled against an older header would break. */
#define SO_ABI_VERSION 2
int32_t so_abi_version(void);

/* ------------------------------------------------------ instruction levels */

/* Kernels are compiled once per level: "baseline" (x86-64), "avx2" (x86-64-v3)
 * and "avx512" (x86-64-v4). Results are the same bits at every level, but for the rules
 * of kind SO_MATRIX, whose products are fused where the level can. */
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

/* ------------------------------------------------------------------- BLAS */

/* Products of float32 and float64 matrices may go through a CBLAS library that the caller
 * has loaded. Without one they are swiftopt's own, which needs none; bfloat16 always is.
 *
 * sgemm, dgemm: the addresses of the library's cblas_sgemm and cblas_dgemm, as dlsym gives
 * them, or NULL for both: no library. integer_bits: the width of its integers, 32 (the usual
 * interface) or 64 (ILP64, often with "64_" in the names).
 *
 * From then on several threads call the library at a time, each for a part of a product.
 * So it must allow that, and each call must stay on the calling thread: an OpenBLAS is told
 * so by openblas_set_num_threads(1). It must stay loaded. Running calls keep the library
 * that they began with. */
so_status so_blas_set(const void *SO_NULLABLE sgemm, const void *SO_NULLABLE dgemm,
                      int32_t integer_bits);
/* 1 if there is a library, else 0. */
int32_t so_blas_is_set(void);

/* -------------------------------------------------------------- optimizers */

typedef int32_t so_dtype;
enum {
    SO_FLOAT32 = 1,
    SO_FLOAT64 = 2,
    SO_FLOAT16 = 3,  /* IEEE binary16 */
    SO_BFLOAT16 = 4, /* the upper half of a float32 */
    SO_BLOCK8 = 5,   /* 8-bit codes in blocks of 256, each with a float32 scale */
    SO_BLOCK8_UNSIGNED = 6, /* the same for values that are never negative */
    SO_UINT8 = 7,           /* these are for indices and counters of layers */
    SO_INT32 = 8,
    SO_INT64 = 9,
    SO_UINT64 = 10,
    SO_INT8 = 11, /* these are for fields of data sets only */
    SO_INT16 = 12,
    SO_UINT16 = 13,
    SO_UINT32 = 14,
};
/* An 8-bit code stands for a number times its block's scale, the block's largest magnitude:
 * 0 for 0, 127 in the lower 7 bits below a sign (255 unsigned) for 1, and each code below for
 * the float32 whose bit pattern is 2^20 (2^19) less. The scale of a block of zeros is 0; that
 * of a block in which a value was not finite is NaN, and so is then each of its values. A slot
 * that starts at 0 may start with codes and scales of 0. */
#define SO_BLOCK_ELEMENTS 256

/* How weight decay acts. */
enum {
    SO_DECAY_COUPLED = 0,     /* gradient += weight_decay * parameter */
    SO_DECAY_DECOUPLED = 1,   /* parameter -= lr * weight_decay * parameter */
    SO_DECAY_INDEPENDENT = 2, /* parameter -= weight_decay * parameter */
    SO_DECAY_OWN = 3,         /* as the rule's equations have it; no group can ask for it
                               * unless it is the rule's default, nor for another then */
};

#define SO_MAX_HYPERPARAMETERS 12
#define SO_MAX_SLOTS 4
#define SO_MAX_SCALARS 6

/* One hyper-parameter of a rule. What all rules have in common (lr, weight_decay,
 * the clipping limits, ...) lives in so_group by name. */
typedef struct so_hyperparameter {
    const char *SO_NULLABLE name;
    double default_value;
    double minimum;          /* least allowed value, -INFINITY for none */
    double maximum;          /* greatest allowed value, INFINITY for none */
    int32_t maximum_is_open; /* 1: the maximum itself is not allowed */
    int32_t is_flag;         /* 1: only 0 and 1 are allowed */
} so_hyperparameter;

/* What a slot holds, which decides the dtypes that it may be stored in. */
enum {
    SO_SLOT_SIGNED = 0,      /* any dtype but SO_BLOCK8_UNSIGNED */
    SO_SLOT_NONNEGATIVE = 1, /* squares or magnitudes: any but SO_FLOAT16 and SO_BLOCK8 */
    SO_SLOT_EXACT = 2,       /* the computation's dtype only */
};

/* Which elements a slot has. What there is one of per row or column is stored in the
 * computation's dtype. */
enum {
    SO_SLOT_FULL = 0,   /* one per element of the parameter */
    SO_SLOT_ROW = 1,    /* one per row of each of the parameter's matrices */
    SO_SLOT_COLUMN = 2, /* one per column of each of the parameter's matrices */
};

/* Which parameters have a slot. */
enum {
    SO_SLOT_OF_ALL = 0,
    SO_SLOT_OF_MATRICES = 1, /* so_tensor.rows is not 0 */
    SO_SLOT_OF_OTHERS = 2,
};

/* One array of the state. */
typedef struct so_slot {
    const char *SO_NULLABLE name;
    int32_t required_by;   /* needed if this hyper-parameter is not 0; -1: always */
    int32_t initial_value; /* starts at this hyper-parameter's value; -1: at 0 */
    int32_t content;       /* SO_SLOT_SIGNED, ... */
    int32_t form;          /* SO_SLOT_FULL, ... */
    int32_t owner;         /* SO_SLOT_OF_ALL, ... */
    int32_t starts_as_parameter; /* 1: as a copy of the parameter */
} so_slot;

/* One number of the state, kept once per tensor as a float64. */
typedef struct so_scalar {
    const char *SO_NULLABLE name;
    double initial_value;
} so_scalar;

/* What a rule needs beyond the element at hand. */
enum {
    SO_ELEMENTWISE = 0,
    SO_TRUST_STEP = 1,     /* the step is scaled by |parameter| / |step| of the tensor */
    SO_TRUST_GRADIENT = 2, /* the gradient by |parameter| / |gradient| of the tensor */
    SO_FACTORED = 3,       /* means over the rows and columns of the squared gradient */
    SO_MATRIX = 4,         /* products of whole matrices */
};

/* Entries beyond a count are zero, with NULL names. */
typedef struct so_description {
    const char *SO_NULLABLE name; /* "adamw" */
    double default_lr;
    double default_weight_decay;
    int32_t decay; /* SO_DECAY_..., the default */
    int32_t kind;  /* SO_ELEMENTWISE, ... */
    int32_t hyperparameter_count;
    int32_t slot_count;
    int32_t scalar_count; /* scalar 0 is always "step", the completed updates */
    int32_t reserved;
    so_hyperparameter hyperparameters[SO_MAX_HYPERPARAMETERS];
    so_slot slots[SO_MAX_SLOTS];
    so_scalar scalars[SO_MAX_SCALARS];
} so_description;

/* Optimizers are numbered 0 ..< so_optimizer_count(); numbers may change between
 * versions, names don't. */
int32_t so_optimizer_count(void);
so_status so_optimizer_describe(int32_t optimizer, so_description *SO_NONNULL out);

/* The hyper-parameters of one parameter group, as they are for one step. A limit is off
 * at INFINITY and must be above 0, so a group of zeros is not valid. */
typedef struct so_group {
    double lr;               /* >= 0 */
    double weight_decay;     /* >= 0 */
    double clip_value;       /* gradient elements are limited to +-this; INFINITY: off */
    double clip_tensor_norm; /* each gradient's own norm is limited to this; INFINITY: off */
    double clip_unit_ratio;  /* adaptive clipping: each unit's gradient norm is limited to
                              * this share of its parameter norm; INFINITY: off */
    double l1_penalty;       /* >= 0: gradient += l1_penalty * sign(parameter) */
    double l2_penalty;       /* >= 0: gradient += l2_penalty * parameter, whatever `decay` is */
    double average_decay;    /* in [0, 1]: share of the past in so_tensor.average; 0 copies the
                              * parameter, 1 leaves the average alone, bit for bit */
    int32_t decay;           /* SO_DECAY_... */
    int32_t maximize;        /* 1: go up the gradient */
    int32_t cautious;        /* 1: move only where step and gradient agree in sign; steps that
                              * do are divided by their share in the tensor, 1/1000 at least */
    int32_t zero_gradient;   /* 1: a step, skipped or not, and so_plan_accumulate set the
                              * gradients to 0, which must be writable, except those that
                              * are accumulators */
    double hyperparameters[SO_MAX_HYPERPARAMETERS]; /* as so_description lists them */
} so_group;

/* An array with its dtype. */
typedef struct so_array {
    void *SO_NULLABLE data;
    float *SO_NULLABLE scales; /* SO_BLOCK8...: one per block, the last may be partial;
                                * else NULL */
    so_dtype dtype;
    int32_t reserved; /* 0 */
} so_array;

/* How a parameter below float32 keeps what its dtype can't hold. */
enum {
    SO_ROUND_NEAREST = 0,    /* it doesn't, or so_tensor.master or compensation does */
    SO_ROUND_STOCHASTIC = 1, /* rounded up or down by chance, right on average */
};

/* One parameter with all that belongs to it. All arrays have `count` elements (slots:
 * as their form says) in one block of memory; alignment to the element size is enough.
 * Arrays may be NULL where count is 0; the scalars may not.
 *
 * The computation is in float64 if the parameter is, else in float32. */
typedef struct so_tensor {
    void *SO_NULLABLE parameter;
    const void *SO_NULLABLE gradient; /* NULL: this tensor and its state stay as they are */
    so_array slots[SO_MAX_SLOTS]; /* in the description's order; data NULL: absent. One that
                                   * is present but not needed stays as it is. */
    double *SO_NULLABLE scalars;  /* scalar_count numbers */
    /* For parameters in float16 and bfloat16, at most one of these two. */
    float *SO_NULLABLE master;      /* what is trained; the parameter is its rounded copy.
                                     * Starts as the parameter. */
    void *SO_NULLABLE compensation; /* Kahan's: what the parameter's dtype lost, in that
                                     * dtype. Starts at 0. */
    void *SO_NULLABLE average;      /* running mean of the parameter, in the computation's
                                     * dtype; NULL: none. Starts at what the caller wants,
                                     * mostly the parameter. */
    void *SO_NULLABLE copy;         /* each new parameter, or master, in another dtype;
                                     * NULL: none */
    void *SO_NULLABLE accumulator;  /* for so_plan_accumulate, in the computation's dtype */
    int64_t count;
    int64_t rows, columns; /* of its matrices, one after the other; 0: it has none */
    int64_t units; /* for clip_unit_ratio: so many runs of equal length; >= 1 */
    uint64_t key;          /* names this tensor's random numbers: a hash of its name, say */
    int32_t group;
    so_dtype parameter_dtype;
    so_dtype gradient_dtype;
    so_dtype copy_dtype; /* SO_FLOAT32, SO_FLOAT16 or SO_BFLOAT16 */
    int32_t rounding;    /* SO_ROUND_..., of a parameter in float16 or bfloat16 that has
                          * neither master nor compensation. States below float32 are always
                          * rounded stochastically, copies to the nearest. */
    int32_t accumulates; /* 1: so_plan_accumulate adds to the accumulator; 0: replaces it */
} so_tensor;

enum {
    SO_SKIP_NONFINITE = 1,     /* a gradient with inf or nan makes the step a no-op */
    SO_REPORT_NORM = 2,        /* compute grad_norm even if nothing else needs it */
    SO_REPORT_UPDATE_NORM = 4, /* compute update_norm */
};

/* A step over all tensors. Fill it, ask so_plan_workspace_size, bring the workspace, call
 * so_plan_prepare; then only the gradients (pointer and dtype), `accumulates`, the
 * groups, clip_norm, gradient_scale, seed and flags may change between steps; anything
 * else needs so_plan_prepare again. The workspace belongs to the plan from then on, and
 * two threads must not use one plan at the same time. */
typedef struct so_plan {
    int32_t optimizer;
    int32_t group_count;
    int64_t tensor_count;
    so_group *SO_NULLABLE groups;
    so_tensor *SO_NULLABLE tensors;
    double clip_norm; /* limit of the norm over all gradients; INFINITY: off */
    double gradient_scale; /* every gradient is multiplied by this first, > 0 and finite:
                            * 1 / loss scale, 1 / samples accumulated, or 1 */
    uint64_t seed;    /* of the stochastic rounding */
    uint32_t flags;   /* SO_SKIP_NONFINITE, ... */
    uint32_t reserved; /* 0 */
    void *SO_NULLABLE workspace; /* so_plan_workspace_size bytes, aligned to 16 */
    int64_t workspace_size;
} so_plan;

enum {
    SO_UPDATED = 0,
    SO_SKIPPED = 1, /* a non-finite gradient: nothing was written, except that gradients of
                     * groups with zero_gradient are 0 now */
};

typedef struct so_report {
    int32_t outcome;         /* SO_UPDATED or SO_SKIPPED */
    int32_t norm_computed;   /* 1: grad_norm and first_bad are known */
    /* Of all gradients in the computation's precision, scaled but before any clipping. It
     * overflows to INFINITY beyond 1e154, and clip_norm then leaves nothing of them. */
    double grad_norm;
    double clip_coefficient; /* the factor of clip_norm, 1 if it did not limit */
    int64_t first_bad;       /* the first tensor whose gradient has inf or nan; -1: none */
    double update_norm;      /* of what was subtracted from the parameters, before they were
                              * rounded to their dtypes; with SO_REPORT_UPDATE_NORM */
} so_report;

/* Bytes of workspace that the plan needs. It depends on the optimizer and on the tensors'
 * counts, rows, columns, units and parameter_dtype; their pointers may still be NULL. */
so_status so_plan_workspace_size(const so_plan *SO_NONNULL plan, int64_t *SO_NONNULL out);
/* Checks everything that stays the same over the steps (counts, dtypes, slots,
 * overlap between any two written arrays) and fills the workspace. */
so_status so_plan_prepare(const so_plan *SO_NONNULL plan);
/* Checks the groups (finite, within the bounds that so_description gives), clip_norm,
 * gradient_scale, flags and counts, but no tensor. */
so_status so_plan_check_groups(const so_plan *SO_NONNULL plan);
/* One optimizer step over all tensors that have a gradient.
 *
 * Order: gradient_scale, clip_unit_ratio, clip_tensor_norm, clip_norm, clip_value,
 * maximize, L1 and L2 penalties, coupled weight decay, the rule, cautious, and the step's
 * scale if the rule has one; then step and decoupled decay are subtracted at once, the
 * parameter is rounded, and average, copy and zero_gradient follow from it.
 *
 * The step is skipped when a gradient is not finite and SO_SKIP_NONFINITE, clip_norm,
 * clip_tensor_norm or clip_unit_ratio is on. */
so_status so_optimizer_step(const so_plan *SO_NONNULL plan, so_report *SO_NONNULL report);
/* Looks at the gradient of one tensor now, while it is in the cache: the next step's
 * norm needs no other look at it (except for clip_unit_ratio), if the tensor's gradient
 * (pointer and dtype) is still the same. The caller must not change it in between. A step
 * forgets what was received before it, and another call for the tensor, even one that
 * fails, what that one received. */
so_status so_plan_receive(const so_plan *SO_NONNULL plan, int64_t tensor);
/* accumulator = (accumulates ? accumulator : 0) + weight * gradient, for every tensor
 * that has a gradient; weight is finite and > 0. For a step with the mean, give the
 * accumulators as gradients (in the computation's dtype) and 1 / (sum of weights) as
 * gradient_scale, and begin anew with `accumulates` at 0. Gradients may be anything: whether
 * the sum is finite, the step finds out. */
so_status so_plan_accumulate(const so_plan *SO_NONNULL plan, double weight);

/* ------------------------------------------------------------- activations */

/* Functions of one element, where a layer or a matrix product applies one. */
enum {
    SO_ACTIVATION_NONE = 0,
    SO_ACTIVATION_RELU = 1,
    SO_ACTIVATION_GELU = 2, /* x times the normal distribution function of x, by erf */
    SO_ACTIVATION_SILU = 3, /* x times the sigmoid of x */
    SO_ACTIVATION_TANH = 4,
    SO_ACTIVATION_SIGMOID = 5,
};

/* ------------------------------------------------------------------- casts */

/* target[i] = source[i] in another dtype: any two of SO_FLOAT32, SO_FLOAT64, SO_FLOAT16
 * and SO_BFLOAT16. SO_ROUND_NEAREST rounds ties to even. SO_ROUND_STOCHASTIC (to float16
 * or bfloat16) rounds up or down by chance, right on average, with random numbers from
 * `seed` and the element's index alone. Both arrays are aligned to their element size and
 * must not overlap, except that source and target may be the same where the dtypes are. */
so_status so_cast(const void *SO_NULLABLE source, so_dtype source_dtype,
                  void *SO_NULLABLE target, so_dtype target_dtype, int64_t count,
                  int32_t rounding, uint64_t seed);

/* --------------------------------------------------------------- checksums */

/* XXH64 of `size` bytes, a checksum that finds damage (no signature). `data` may lie
 * anywhere, and may be NULL if `size` is 0. */
so_status so_checksum(const void *SO_NULLABLE data, int64_t size, uint64_t seed,
                      uint64_t *SO_NONNULL checksum);
/* checksums[i] = XXH64 with seed 0 of the bytes from i * block_size on, block_size of them or
 * what is left, for ceil(size / block_size) blocks, shared out over the threads. */
so_status so_checksum_blocks(const void *SO_NULLABLE data, int64_t size, int64_t block_size,
                             uint64_t *SO_NULLABLE checksums);

/* ----------------------------------------------------------------- control */

/* Small state machines that look at one number per call. Every machine has
 * SO_CONTROL_NUMBERS settings and as many numbers of state, the caller's arrays, in which
 * the entries below are at their index and all others are 0. Counts are whole numbers in
 * 0 ... 2^52, and stay at that once there. Flags are 0 or 1. */
#define SO_CONTROL_NUMBERS 8

enum {
    SO_REDUCE_ON_PLATEAU = 0, /* a factor that shrinks when a metric stops improving */
    SO_EARLY_STOPPING = 1,    /* when to stop because a metric stopped improving */
    SO_LOSS_SCALER = 2,       /* a loss scale that grows until a gradient overflows */
};

/* A metric improves if it is beyond the best one so far by more than the threshold; the
 * first finite one always does. One that is not finite never does, and is counted. */

/* Settings of SO_REDUCE_ON_PLATEAU. */
enum {
    SO_PLATEAU_FACTOR = 0,    /* in (0, 1): what the value is multiplied by */
    SO_PLATEAU_MAXIMIZE = 1,  /* flag: a greater metric is better */
    SO_PLATEAU_PATIENCE = 2,  /* count: so many bad observations in a row are allowed */
    SO_PLATEAU_THRESHOLD = 3, /* finite, >= 0 */
    SO_PLATEAU_RELATIVE = 4,  /* flag: the threshold is a share of the best metric's magnitude */
    SO_PLATEAU_COOLDOWN = 5,  /* count: so many observations after a reduction aren't bad */
    SO_PLATEAU_MINIMUM = 6,   /* in [0, 1]: of the value */
};
/* Its state. */
enum {
    SO_PLATEAU_VALUE = 0,        /* in [minimum, 1], 1 at first */
    SO_PLATEAU_BEST = 1,         /* the best metric; NaN: none yet */
    SO_PLATEAU_BAD = 2,          /* count: observations in a row without improvement */
    SO_PLATEAU_WAIT = 3,         /* count: observations that are left of the cooldown */
    SO_PLATEAU_OBSERVATIONS = 4, /* count: of all */
    SO_PLATEAU_NONFINITE = 5,    /* count: of those whose metric was inf or nan */
    SO_PLATEAU_REDUCTIONS = 6,   /* count */
};

/* Settings of SO_EARLY_STOPPING. */
enum {
    SO_STOPPING_PATIENCE = 0,  /* count: the bad observation in a row that stops; 0 is as 1 */
    SO_STOPPING_MIN_DELTA = 1, /* finite, >= 0: the threshold */
    SO_STOPPING_MAXIMIZE = 2,  /* flag: a greater metric is better */
};
/* Its state. The index of the best observation is observations - bad - 1. */
enum {
    SO_STOPPING_BEST = 0,         /* the best metric; NaN: none yet */
    SO_STOPPING_BAD = 1,          /* count: observations in a row without improvement */
    SO_STOPPING_OBSERVATIONS = 2, /* count: of all */
    SO_STOPPING_NONFINITE = 3,    /* count: of those whose metric was inf or nan */
};

/* Settings of SO_LOSS_SCALER. Scales are rounded to float32, in which losses are scaled. */
enum {
    SO_SCALER_INITIAL_SCALE = 0,   /* in [minimum, maximum] */
    SO_SCALER_GROWTH_FACTOR = 1,   /* finite, > 1 */
    SO_SCALER_BACKOFF_FACTOR = 2,  /* in (0, 1) */
    SO_SCALER_GROWTH_INTERVAL = 3, /* count, >= 1: good steps in a row until it grows */
    SO_SCALER_MINIMUM = 4,         /* in [2^-126, 2^126], where scale and reciprocal are */
    SO_SCALER_MAXIMUM = 5,         /* normal float32 numbers; minimum <= maximum */
    SO_SCALER_DYNAMIC = 6,         /* flag: 0 leaves the scale as it is */
};
/* Its state. */
enum {
    SO_SCALER_SCALE = 0,      /* in [minimum, maximum], a float32 */
    SO_SCALER_GOOD_STEPS = 1, /* count: in a row, since the scale last moved */
    SO_SCALER_UPDATED = 2,    /* count: all good steps */
    SO_SCALER_SKIPPED = 3,    /* count: all steps with a gradient that was not finite */
};

/* What an observation led to: a sum of these. */
enum {
    SO_METRIC_IMPROVED = 1,
    SO_METRIC_NONFINITE = 2,
    SO_VALUE_REDUCED = 4, /* SO_REDUCE_ON_PLATEAU */
    SO_SHOULD_STOP = 8,   /* SO_EARLY_STOPPING */
    SO_SCALE_GREW = 16,   /* SO_LOSS_SCALER */
    SO_SCALE_SHRANK = 32,
};

/* Fills the state from which a machine starts. The arrays must not overlap. */
so_status so_control_begin(int32_t machine, const double *SO_NULLABLE settings,
                           double *SO_NULLABLE state);
/* Checks settings and state, for a state that comes from a file, say. */
so_status so_control_check(int32_t machine, const double *SO_NULLABLE settings,
                           const double *SO_NULLABLE state);
/* Makes one transition. `observation` is the metric, any number; for SO_LOSS_SCALER it is 1
 * if a gradient was not finite (a step's outcome SO_SKIPPED), else 0. Settings and state are
 * checked first. Tells in `events`, which may be NULL, what happened. */
so_status so_control_observe(int32_t machine, const double *SO_NULLABLE settings,
                             double *SO_NULLABLE state, double observation,
                             int32_t *SO_NULLABLE events);

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
 *   SO_K_POLYNOMIAL        initial, final, total, power, k
 *   SO_K_COSINE            initial, final, total, k
 *   SO_COSINE_RESTARTS     initial, final, period, period_factor, decay
 *   SO_CYCLIC              low, high, rise, fall, decay, gamma
 *   SO_INVERSE_POWER       initial, timescale, power
 *   SO_GEOMETRIC           initial, final, total
 *   SO_TANH                initial, final, total, lower, upper
 *   SO_REX                 initial, final, total
 *   SO_EQUAL_MEAN          start, every                (a decay for averages)
 *   SO_THEN                at, schedule, schedule      (the second sees n - at)
 *   SO_ADD, SO_MULTIPLY, SO_MINIMUM, SO_MAXIMUM    schedule, schedule
 *   SO_REPEAT              every, times, schedule      (times 0: for ever)
 *
 * After n completed updates, with the share s = 1 - n / total, or 1 - (n / total)^k, which
 * is 0 from `total` on, the formulas are
 *
 *   SO_STEP_DECAY          initial * gamma^floor(n / step_size)
 *   SO_PIECEWISE_CONSTANT  value_j, where j boundaries are <= n
 *   SO_EXPONENTIAL         initial * gamma^n
 *   SO_POLYNOMIAL          final + (initial - final) * s^power
 *   SO_COSINE              final + (initial - final) * (1 - cos(pi * s)) / 2
 *   SO_WARMUP              start + (peak - start) * n / warmup, then peak
 *   SO_COSINE_RESTARTS     SO_COSINE from initial * decay^i with total = period *
 *                          period_factor^i, anew in each cycle i; period_factor >= 1
 *   SO_CYCLIC              low + (high - low) * w * decay^i * gamma^n, where w rises from 0
 *                          to 1 in `rise` steps and falls in `fall`; 0 <= decay, gamma <= 1
 *   SO_INVERSE_POWER       initial * (timescale / (n + timescale))^power
 *   SO_GEOMETRIC           initial * (final / initial)^(n / total), then final
 *   SO_TANH                final + (initial - final) * (1 - tanh(x)) / 2 with x from lower
 *                          to upper, each from -300 to 300, then final
 *   SO_REX                 final + (initial - final) * s / (0.5 + 0.5 * s)
 *   SO_EQUAL_MEAN          0 for n < start, j / (j + 1) at start + j * every, else 1
 *   SO_REPEAT              schedule at n modulo `every`; the last of the `times` goes on
 *
 * Operands are finite. step_size, total, period, rise, fall, timescale, power and the
 * `every` of SO_REPEAT are > 0, and k is in (0, 1e6]; gamma, decay, warmup, at and start
 * are >= 0; the `every` of SO_EQUAL_MEAN is >= 1; times is a whole number >= 0; boundaries
 * are > 0 and increase; initial and final of SO_GEOMETRIC have the same sign and aren't 0.
 *
 * Values are within 4 * 2^-52 of the largest one; ends and peaks are exact. Borders of
 * cycles are rounded to doubles. */
enum {
    SO_CONSTANT = 1,
    SO_STEP_DECAY = 2,
    SO_PIECEWISE_CONSTANT = 3,
    SO_EXPONENTIAL = 4,
    SO_POLYNOMIAL = 5,
    SO_COSINE = 6,
    SO_WARMUP = 7,
    SO_K_POLYNOMIAL = 8,
    SO_K_COSINE = 9,
    SO_COSINE_RESTARTS = 10,
    SO_CYCLIC = 11,
    SO_INVERSE_POWER = 12,
    SO_GEOMETRIC = 13,
    SO_TANH = 14,
    SO_REX = 15,
    SO_EQUAL_MEAN = 16,
    SO_THEN = 100,
    SO_ADD = 101,
    SO_MULTIPLY = 102,
    SO_MINIMUM = 103,
    SO_MAXIMUM = 104,
    SO_REPEAT = 105,
};
#define SO_MAX_SCHEDULE_DEPTH 64
#define SO_MAX_SCHEDULE_LENGTH 4096

/* Checks that `program` is one complete schedule with sensible operands. */
so_status so_schedule_validate(const double *SO_NULLABLE program, int64_t length);
/* values[i] = schedule(steps[i]) for a program that so_schedule_validate accepts
 * (it is checked again). Every step must be finite and >= 0. `values` may be `steps`;
 * otherwise they must not overlap. A growing schedule may overflow to INFINITY, or to NaN
 * where that meets a 0 or another INFINITY. Many steps are shared out over the threads; the
 * bits don't depend on how many there are, nor on how the steps are divided into calls. */
so_status so_schedule_evaluate(const double *SO_NULLABLE program, int64_t length,
                               const double *SO_NULLABLE steps, int64_t count,
                               double *SO_NULLABLE values);

/* ------------------------------------------------------------------ layers
 *
 * A layer function is one direction of a layer ("batch_norm", "batch_norm_backward"): it
 * reads some arrays and writes others. Which arrays, sizes and settings it takes, its
 * description tells; a call gives them in that order. All arrays are dense and row-major,
 * images are (batch, height, width, channels). */

/* Which dtypes an array may have. */
enum {
    SO_LAYER_VALUE = 0,  /* the call's dtype: SO_FLOAT32, SO_FLOAT64 or SO_BFLOAT16, the same
                          * for all arrays of this kind */
    SO_LAYER_NUMBER = 1, /* what the call's dtype is computed in: SO_FLOAT64 for SO_FLOAT64,
                          * else SO_FLOAT32 */
    SO_LAYER_INDEX = 2,  /* SO_UINT8, SO_INT32 or SO_INT64 */
    SO_LAYER_RANDOM = 3, /* SO_UINT64: key and counter of Philox 4x32-7 */
    SO_LAYER_ANY = 4,    /* SO_FLOAT32, SO_FLOAT64 or SO_BFLOAT16, whatever the others have */
    SO_LAYER_SUM = 5,    /* SO_FLOAT64 */
};

/* What a call does with an array. */
enum {
    SO_LAYER_INPUT = 0,
    SO_LAYER_OUTPUT = 1,  /* written, not read */
    SO_LAYER_UPDATED = 2, /* read and written */
};

#define SO_LAYER_MAX_ARRAYS 16
#define SO_LAYER_MAX_SIZES 16
#define SO_LAYER_MAX_SETTINGS 8

typedef struct so_layer_array_description {
    const char *SO_NULLABLE name;
    int32_t kind;
    int32_t role;
    int32_t is_optional; /* data may be NULL */
    int32_t may_be;      /* -1, or the index of an input that it may coincide with */
} so_layer_array_description;

typedef struct so_layer_description {
    const char *SO_NULLABLE name;
    int32_t array_count;
    int32_t size_count;
    int32_t setting_count;
    int32_t uses_products; /* 1: it computes matrix products, so its bits depend on the level */
    so_layer_array_description arrays[SO_LAYER_MAX_ARRAYS];
    const char *SO_NULLABLE sizes[SO_LAYER_MAX_SIZES];
    so_hyperparameter settings[SO_LAYER_MAX_SETTINGS];
} so_layer_description;

/* `count` elements, aligned to the size of one. What is written shares no memory with any
 * other array of the call, except that it may be its description's `may_be` itself. */
typedef struct so_layer_array {
    void *SO_NULLABLE data;
    int64_t count;
    so_dtype dtype;
    int32_t reserved;
} so_layer_array;

typedef struct so_layer_call {
    int32_t layer; /* 0 <= layer < so_layer_count() */
    int32_t reserved;
    so_layer_array arrays[SO_LAYER_MAX_ARRAYS];
    int64_t sizes[SO_LAYER_MAX_SIZES];
    double settings[SO_LAYER_MAX_SETTINGS];
    void *SO_NULLABLE workspace; /* so_layer_workspace_size bytes of any content, aligned to 64 */
    int64_t workspace_size;
} so_layer_call;

int32_t so_layer_count(void);
so_status so_layer_describe(int32_t layer, so_layer_description *SO_NONNULL out);
/* Checks all of the call but its workspace, and tells how large that must be. */
so_status so_layer_workspace_size(const so_layer_call *SO_NONNULL call,
                                  int64_t *SO_NONNULL size);
/* Checks the call and computes it, on several threads where that pays. */
so_status so_layer_run(const so_layer_call *SO_NONNULL call);

#include "swiftopt_data.h"

#ifdef __cplusplus
}
#endif

#endif /* SWIFTOPT_H */
