/* smoke.c - swiftopt from C: AdamW with a warm-up and a cosine schedule, then a parameter
 * in bfloat16.
 *
 * From the top of the repository, after `python3 scripts/build_native.py`:
 *
 *   cc -std=c11 -ISources/CSwiftOpt/include Tests/c/smoke.c \
 *      build/native/libswiftopt.a -lm -lpthread -o smoke && ./smoke
 *
 * The program trains two tensors for a few steps, compares every number with the
 * formula in C, and exits with 1 if one differs. It says what to do in which order:
 * describe, allocate, prepare, then step; mixed_precision says what 16 bits add to that, and
 * control how a metric or an overflow drives a number. */
#include "swiftopt.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 6, WARMUP = 2, TOTAL = 4, TENSORS = 2 };

static int failures;

static void expect(const char *what, double value, double expected, double tolerance) {
    if (fabs(value - expected) <= tolerance) return; /* false for NaN too */
    printf("%s is %.17g, but should be %.17g\n", what, value, expected);
    failures++;
}

/* Every call can fail, and says why. */
static void must(so_status status) {
    if (status == SO_OK) return;
    printf("status %d: %s\n", (int)status, so_last_error());
    exit(1);
}

static void *allocate(size_t size) {
    /* A size that is a multiple of the alignment, as C11 wants it; never 0. */
    void *memory = aligned_alloc(16, (size / 16 + 1) * 16);
    if (memory == NULL) exit(1);
    return memory;
}

/* ------------------------------------------------------------- the optimizer */

/* Numbers may change between versions, names don't: look optimizers up by name. */
static int32_t find_optimizer(const char *name, so_description *description) {
    for (int32_t optimizer = 0; optimizer < so_optimizer_count(); optimizer++) {
        must(so_optimizer_describe(optimizer, description));
        if (strcmp(description->name, name) == 0) return optimizer;
    }
    printf("there is no optimizer called %s\n", name);
    exit(1);
}

static so_group default_group(const so_description *description) {
    so_group group = {
        .lr = description->default_lr,
        .weight_decay = description->default_weight_decay,
        .decay = description->decay,
        .clip_value = INFINITY, /* off */
        .clip_tensor_norm = INFINITY,
        .clip_unit_ratio = INFINITY,
    };
    for (int32_t i = 0; i < description->hyperparameter_count; i++) {
        group.hyperparameters[i] = description->hyperparameters[i].default_value;
    }
    return group;
}

static void set(void *array, so_dtype dtype, int64_t index, double value) {
    if (dtype == SO_FLOAT32) {
        ((float *)array)[index] = (float)value;
    } else {
        ((double *)array)[index] = value;
    }
}

static double get(const void *array, so_dtype dtype, int64_t index) {
    return dtype == SO_FLOAT32 ? ((const float *)array)[index] : ((const double *)array)[index];
}

/* Parameter and gradient are yours. The state is too, but how many arrays it has
 * and what is in them at first is in the description. */
static so_tensor make_tensor(const so_description *description, const so_group *group,
                             int64_t count, so_dtype dtype) {
    size_t bytes = (size_t)count * (dtype == SO_FLOAT32 ? sizeof(float) : sizeof(double));
    so_tensor tensor = {
        .parameter = allocate(bytes),
        .gradient = allocate(bytes),
        .scalars = allocate((size_t)description->scalar_count * sizeof(double)),
        .count = count,
        .units = 1, /* as a whole, for clip_unit_ratio */
        .group = 0,
        .parameter_dtype = dtype,
        .gradient_dtype = dtype,
    };
    for (int32_t i = 0; i < description->slot_count; i++) {
        const so_slot *slot = &description->slots[i];
        if (slot->required_by >= 0 && group->hyperparameters[slot->required_by] == 0) continue;
        double start = slot->initial_value < 0 ? 0 : group->hyperparameters[slot->initial_value];
        tensor.slots[i] = (so_array){.data = allocate(bytes), .dtype = dtype};
        for (int64_t k = 0; k < count; k++) set(tensor.slots[i].data, dtype, k, start);
    }
    for (int32_t i = 0; i < description->scalar_count; i++) {
        tensor.scalars[i] = description->scalars[i].initial_value;
    }
    return tensor;
}

static void free_tensor(so_tensor *tensor) {
    free(tensor->parameter);
    free((void *)tensor->gradient);
    free(tensor->scalars);
    for (int i = 0; i < SO_MAX_SLOTS; i++) free(tensor->slots[i].data);
}

/* -------------------------------------------------------------- the schedule */

/* From 0 to the peak in WARMUP steps, then down to 0 along a cosine in TOTAL more. */
static void evaluate_schedule(double peak, double *rates) {
    const double program[] = {
        SO_THEN, WARMUP, SO_WARMUP, 0, peak, WARMUP, SO_COSINE, peak, 0, TOTAL,
    };
    const double steps[STEPS] = {0, 1, 2, 3, 4, 5}; /* completed updates */
    must(so_schedule_evaluate(program, sizeof program / sizeof *program, steps, STEPS, rates));
    for (int n = 0; n < STEPS; n++) {
        double expected = n < WARMUP
                              ? peak * n / WARMUP
                              : peak * (1 + cos(acos(-1) * (n - WARMUP) / TOTAL)) / 2;
        expect("the learning rate", rates[n], expected, 8 * DBL_EPSILON * peak);
    }
}

/* --------------------------------------------------------------- the formula */

/* AdamW (Loshchilov & Hutter 2019, algorithm 2) for one element, in float64. */
struct element {
    double parameter, m, v;
};

static void adamw(struct element *e, double gradient, int t, double lr, const so_group *group) {
    double beta1 = group->hyperparameters[0], beta2 = group->hyperparameters[1];
    double eps = group->hyperparameters[2];
    e->m = beta1 * e->m + (1 - beta1) * gradient;
    e->v = beta2 * e->v + (1 - beta2) * gradient * gradient;
    double m_hat = e->m / (1 - pow(beta1, t)), v_hat = e->v / (1 - pow(beta2, t));
    e->parameter -= lr * (m_hat / (sqrt(v_hat) + eps) + group->weight_decay * e->parameter);
}

/* Any numbers, a different one for each tensor, element and step. */
static double some_number(int tensor, int64_t index, int step) {
    return sin(1.0 + tensor + 10.0 * (double)index + 100.0 * step);
}

/* ----------------------------------------------------------- mixed precision */

/* A parameter in bfloat16, with a float32 master that keeps what it can't hold, a gradient
 * in float16 of a loss that was scaled up, and a float16 copy of the result. */
static void mixed_precision(void) {
    enum { COUNT = 4, LOSS_SCALE = 1024 };
    so_description description;
    int32_t optimizer = find_optimizer("sgd", &description);
    so_group group = default_group(&description);
    group.lr = 1.0 / 1024; /* a step is a quarter of bfloat16's least change here */

    const float start[COUNT] = {1, -2, 0.5f, 4};
    float master[COUNT], scaled[COUNT], seen[COUNT];
    uint16_t parameter[COUNT], gradient[COUNT], copy[COUNT];
    double scalars[SO_MAX_SCALARS] = {0};
    for (int k = 0; k < COUNT; k++) {
        master[k] = start[k];
        scaled[k] = LOSS_SCALE * start[k]; /* any gradient that fits float16 */
    }
    must(so_cast(start, SO_FLOAT32, parameter, SO_BFLOAT16, COUNT, SO_ROUND_NEAREST, 0));
    must(so_cast(scaled, SO_FLOAT32, gradient, SO_FLOAT16, COUNT, SO_ROUND_NEAREST, 0));
    so_tensor tensor = {
        .parameter = parameter, .gradient = gradient, .master = master, .copy = copy,
        .parameter_dtype = SO_BFLOAT16, .gradient_dtype = SO_FLOAT16, .copy_dtype = SO_FLOAT16,
        .scalars = scalars, .count = COUNT, .units = 1,
    };
    so_plan plan = {
        .optimizer = optimizer,
        .groups = &group, .group_count = 1, .tensors = &tensor, .tensor_count = 1,
        .clip_norm = INFINITY,
        .gradient_scale = 1.0 / LOSS_SCALE,
        .flags = SO_SKIP_NONFINITE, /* a scale that is too large makes infinities */
    };
    must(so_plan_workspace_size(&plan, &plan.workspace_size));
    plan.workspace = allocate((size_t)plan.workspace_size);
    must(so_plan_prepare(&plan));

    /* All exact: one step moves the master and the copy, four are enough for bfloat16. */
    for (int n = 1; n <= 4; n++) {
        so_report report;
        must(so_optimizer_step(&plan, &report));
        expect("the norm", report.grad_norm, sqrt(1 + 4 + 0.25 + 16), 1e-12);
        must(so_cast(copy, SO_FLOAT16, seen, SO_FLOAT32, COUNT, SO_ROUND_NEAREST, 0));
        for (int k = 0; k < COUNT; k++) {
            expect("a master", master[k], start[k] * (1 - n / 1024.0), 0);
            expect("a copy", seen[k], master[k], 0);
        }
        must(so_cast(parameter, SO_BFLOAT16, seen, SO_FLOAT32, COUNT, SO_ROUND_NEAREST, 0));
        double moved = n == 4 ? 1 / 256.0 : 0;
        for (int k = 0; k < COUNT && n % 3 == 1; k++) {
            expect("a parameter", seen[k], start[k] * (1 - moved), 0);
        }
    }
    free(plan.workspace);
}

/* --------------------------------------------------------------- state machines */

/* A learning rate's factor that shrinks on a plateau, and a loss scale: all numbers are in
 * arrays of ours, by the indices of swiftopt.h. */
static void control(void) {
    const double plateau[SO_CONTROL_NUMBERS] = {
        [SO_PLATEAU_FACTOR] = 0.5, [SO_PLATEAU_PATIENCE] = 1,
    };
    const double losses[] = {3, 2, 2, NAN, 2.5}, factors[] = {1, 1, 1, 0.5, 0.5};
    double state[SO_CONTROL_NUMBERS];
    int32_t events;
    must(so_control_begin(SO_REDUCE_ON_PLATEAU, plateau, state));
    for (int n = 0; n < 5; n++) {
        must(so_control_observe(SO_REDUCE_ON_PLATEAU, plateau, state, losses[n], &events));
        expect("the factor", state[SO_PLATEAU_VALUE], factors[n], 0);
        expect("whether it shrank", (events & SO_VALUE_REDUCED) != 0, n == 3, 0);
    }
    expect("the best loss", state[SO_PLATEAU_BEST], 2, 0);
    expect("losses that are not finite", state[SO_PLATEAU_NONFINITE], 1, 0);

    const double scaler[SO_CONTROL_NUMBERS] = {
        [SO_SCALER_INITIAL_SCALE] = 65536, [SO_SCALER_GROWTH_FACTOR] = 2,
        [SO_SCALER_BACKOFF_FACTOR] = 0.5,  [SO_SCALER_GROWTH_INTERVAL] = 2,
        [SO_SCALER_MINIMUM] = 0x1p-126,    [SO_SCALER_MAXIMUM] = 0x1p126,
        [SO_SCALER_DYNAMIC] = 1,
    };
    const int is_skipped[] = {0, 0, 1, 1};
    const double scales[] = {65536, 131072, 65536, 32768};
    must(so_control_begin(SO_LOSS_SCALER, scaler, state));
    for (int n = 0; n < 4; n++) {
        must(so_control_observe(SO_LOSS_SCALER, scaler, state, is_skipped[n], NULL));
        expect("the loss scale", state[SO_SCALER_SCALE], scales[n], 0);
    }
    state[SO_SCALER_SCALE] = 0; /* read from a damaged file, say */
    expect("the status", so_control_check(SO_LOSS_SCALER, scaler, state), SO_INVALID_VALUE, 0);
    if (strstr(so_last_error(), "scale") == NULL) failures++;
}

/* ------------------------------------------------------------------- checksums */

static void checksums(void) {
    uint64_t whole, blocks[2], second;
    must(so_checksum("abc", 3, 0, &whole));
    if (whole != 0x44BC2CF5AD770999) failures++; /* published with XXH64 */
    must(so_checksum_blocks("abcde", 5, 3, blocks));
    must(so_checksum("de", 2, 0, &second));
    if (blocks[0] != whole || blocks[1] != second) failures++;
}

/* ----------------------------------------------------------------------------- */

int main(void) {
    if (so_abi_version() != SO_ABI_VERSION) return 1;

    so_description description;
    int32_t optimizer = find_optimizer("adamw", &description);
    so_group group = default_group(&description);
    so_tensor tensors[TENSORS] = {
        make_tensor(&description, &group, 3000, SO_FLOAT32),
        make_tensor(&description, &group, 5, SO_FLOAT64),
    };
    struct element *elements[TENSORS];
    for (int i = 0; i < TENSORS; i++) {
        elements[i] = allocate((size_t)tensors[i].count * sizeof(struct element));
        for (int64_t k = 0; k < tensors[i].count; k++) {
            set(tensors[i].parameter, tensors[i].parameter_dtype, k, some_number(i, k, 0));
            double parameter = get(tensors[i].parameter, tensors[i].parameter_dtype, k);
            elements[i][k] = (struct element){.parameter = parameter};
        }
    }

    so_plan plan = {
        .optimizer = optimizer,
        .group_count = 1,
        .tensor_count = TENSORS,
        .groups = &group,
        .tensors = tensors,
        .clip_norm = INFINITY, /* off */
        .gradient_scale = 1,
        .flags = SO_SKIP_NONFINITE,
    };
    must(so_plan_workspace_size(&plan, &plan.workspace_size));
    plan.workspace = allocate((size_t)plan.workspace_size);
    must(so_plan_prepare(&plan));

    double rates[STEPS];
    evaluate_schedule(0.01, rates);

    for (int n = 0; n < STEPS; n++) {
        /* Groups and gradients may change between steps, without preparing again. */
        group.lr = rates[n];
        double squares = 0;
        for (int i = 0; i < TENSORS; i++) {
            for (int64_t k = 0; k < tensors[i].count; k++) {
                set((void *)tensors[i].gradient, tensors[i].gradient_dtype, k,
                    some_number(i, k, n + 1));
                double gradient = get(tensors[i].gradient, tensors[i].gradient_dtype, k);
                squares += gradient * gradient;
                adamw(&elements[i][k], gradient, n + 1, rates[n], &group);
            }
        }
        so_report report;
        must(so_optimizer_step(&plan, &report));
        expect("the outcome", report.outcome, SO_UPDATED, 0);
        expect("the norm", report.grad_norm, sqrt(squares), 1e-12 * sqrt(squares));
    }

    for (int i = 0; i < TENSORS; i++) {
        /* Numbers around 1 are rounded by half an epsilon at each step, in float64 by the
         * formula above too. What else is rounded is part of a step, a hundredth of that. */
        double epsilon = tensors[i].parameter_dtype == SO_FLOAT32 ? FLT_EPSILON : DBL_EPSILON;
        double tolerance = STEPS * epsilon;
        for (int64_t k = 0; k < tensors[i].count; k++) {
            expect("a parameter", get(tensors[i].parameter, tensors[i].parameter_dtype, k),
                   elements[i][k].parameter, tolerance);
        }
        expect("the step count", tensors[i].scalars[0], STEPS, 0);
    }

    /* A mistake: nothing is written, and the message names the argument. */
    group.lr = -1;
    so_report report;
    expect("the status", so_optimizer_step(&plan, &report), SO_INVALID_VALUE, 0);
    printf("a mistake on purpose: %s\n", so_last_error());
    if (strstr(so_last_error(), "lr") == NULL) failures++;
    expect("the step count", tensors[0].scalars[0], STEPS, 0);

    for (int i = 0; i < TENSORS; i++) {
        free(elements[i]);
        free_tensor(&tensors[i]);
    }
    free(plan.workspace);

    mixed_precision();
    control();
    checksums();
    printf("smoke: %s\n", failures ? "FAILED" : "passed");
    return failures != 0;
}
