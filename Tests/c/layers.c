/* layers.c - swiftopt's layers from C: one step of a small network, forward and backward.
 *
 * From the top of the repository, after `python3 scripts/build_native.py`:
 *
 *   cc -std=c11 -ISources/CSwiftOpt/include Tests/c/layers.c \
 *      build/native/libswiftopt.a -lm -lpthread -o layers && ./layers
 *
 * hidden = batch_norm(x · weightᵀ), loss = mean((hidden - target)²), and the gradients back to
 * the weight. Every number is compared with the formula in C. A layer function is found by
 * name, its arrays, sizes and settings are filled in by the names of its description, and it
 * is asked for the workspace that it needs; then it runs, as often as one likes. */
#include "check.h"
#include "swiftopt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------- a call, filled in by name */

typedef struct layer {
    so_layer_description description;
    so_layer_call call;
} layer;

static void check_status(so_status status, const char *what) {
    CHECK(status == SO_OK, "%s: %s", what, so_last_error());
    if (status != SO_OK) exit(1);
}

/* The function called `name`, with nothing filled in but the settings' defaults. */
static layer find(const char *name) {
    layer found = {0};
    for (int32_t index = 0; index < so_layer_count(); index++) {
        check_status(so_layer_describe(index, &found.description), "describe");
        if (strcmp(found.description.name, name) != 0) continue;
        found.call.layer = index;
        for (int32_t i = 0; i < found.description.setting_count; i++)
            found.call.settings[i] = found.description.settings[i].default_value;
        return found;
    }
    fprintf(stderr, "there is no layer function %s\n", name);
    exit(1);
}

static _Noreturn void fail(const layer *function, const char *name) {
    fprintf(stderr, "%s has no %s\n", function->description.name, name);
    exit(1);
}

static void set_array(layer *function, const char *name, void *data, int64_t count,
                      so_dtype dtype) {
    for (int32_t i = 0; i < function->description.array_count; i++) {
        if (strcmp(function->description.arrays[i].name, name) != 0) continue;
        function->call.arrays[i] = (so_layer_array){.data = data, .count = count, .dtype = dtype};
        return;
    }
    fail(function, name);
}

static void set_floats(layer *function, const char *name, const float *data, int64_t count) {
    set_array(function, name, (void *)data, count, SO_FLOAT32);
}

static void set_size(layer *function, const char *name, int64_t size) {
    for (int32_t i = 0; i < function->description.size_count; i++) {
        if (strcmp(function->description.sizes[i], name) != 0) continue;
        function->call.sizes[i] = size;
        return;
    }
    fail(function, name);
}

static void set_setting(layer *function, const char *name, double value) {
    for (int32_t i = 0; i < function->description.setting_count; i++) {
        if (strcmp(function->description.settings[i].name, name) != 0) continue;
        function->call.settings[i] = value;
        return;
    }
    fail(function, name);
}

/* In a training loop the workspace would be asked for and kept once. */
static void run(layer *function) {
    so_layer_call *call = &function->call;
    check_status(so_layer_workspace_size(call, &call->workspace_size),
                 function->description.name);
    const size_t bytes = ((size_t)call->workspace_size + 63) / 64 * 64;
    call->workspace = bytes > 0 ? aligned_alloc(64, bytes) : NULL;
    check_status(so_layer_run(call), function->description.name);
    free(call->workspace);
    call->workspace = NULL;
}

/* --------------------------------------------------------------- the network */

enum { ROWS = 37, INPUTS = 19, CHANNELS = 11 };

static float x[ROWS * INPUTS], weight[CHANNELS * INPUTS], target[ROWS * CHANNELS];
static float scale[CHANNELS], shift[CHANNELS];

static float product[ROWS * CHANNELS], mean[CHANNELS], inverse_std[CHANNELS];
static float hidden[ROWS * CHANNELS], loss[1];
static float running_mean[CHANNELS], running_var[CHANNELS];
/* Of the loss with respect to hidden, then to product. */
static float gradient[ROWS * CHANNELS];
static float weight_gradient[CHANNELS * INPUTS], scale_gradient[CHANNELS], shift_gradient[CHANNELS];

/* product = x · weightᵀ, and for each column its sum and sum of squares, with which batch norm
 * saves a pass over memory. */
static void forward(void) {
    double sums[CHANNELS], square_sums[CHANNELS];
    layer matmul = find("matmul");
    set_floats(&matmul, "a", x, ROWS * INPUTS);
    set_floats(&matmul, "b", weight, CHANNELS * INPUTS);
    set_floats(&matmul, "c", product, ROWS * CHANNELS);
    set_array(&matmul, "column_sums", sums, CHANNELS, SO_FLOAT64);
    set_array(&matmul, "column_square_sums", square_sums, CHANNELS, SO_FLOAT64);
    set_size(&matmul, "rows", ROWS);
    set_size(&matmul, "columns", CHANNELS);
    set_size(&matmul, "depth", INPUTS);
    set_setting(&matmul, "b_is_transposed", 1);
    set_size(&matmul, "a_stride", INPUTS);
    set_size(&matmul, "b_stride", INPUTS);
    set_size(&matmul, "c_stride", CHANNELS);
    run(&matmul);

    layer batch_norm = find("batch_norm");
    set_floats(&batch_norm, "x", product, ROWS * CHANNELS);
    set_floats(&batch_norm, "weight", scale, CHANNELS);
    set_floats(&batch_norm, "bias", shift, CHANNELS);
    set_array(&batch_norm, "sums", sums, CHANNELS, SO_FLOAT64);
    set_array(&batch_norm, "square_sums", square_sums, CHANNELS, SO_FLOAT64);
    set_floats(&batch_norm, "running_mean", running_mean, CHANNELS);
    set_floats(&batch_norm, "running_var", running_var, CHANNELS);
    set_floats(&batch_norm, "y", hidden, ROWS * CHANNELS);
    set_floats(&batch_norm, "mean", mean, CHANNELS);
    set_floats(&batch_norm, "inverse_std", inverse_std, CHANNELS);
    set_size(&batch_norm, "rows", ROWS);
    set_size(&batch_norm, "channels", CHANNELS);
    set_setting(&batch_norm, "momentum", 0.5);
    run(&batch_norm);
}

/* The loss with its gradient, and back through batch norm and the product. */
static void backward(void) {
    layer error = find("mean_squared_error");
    set_floats(&error, "prediction", hidden, ROWS * CHANNELS);
    set_floats(&error, "target", target, ROWS * CHANNELS);
    set_floats(&error, "loss", loss, 1);
    set_floats(&error, "prediction_gradient", gradient, ROWS * CHANNELS);
    set_size(&error, "count", ROWS * CHANNELS);
    run(&error);

    layer batch_norm = find("batch_norm_backward");
    set_floats(&batch_norm, "dy", gradient, ROWS * CHANNELS);
    set_floats(&batch_norm, "x", product, ROWS * CHANNELS);
    set_floats(&batch_norm, "weight", scale, CHANNELS);
    set_floats(&batch_norm, "bias", shift, CHANNELS);
    set_floats(&batch_norm, "mean", mean, CHANNELS);
    set_floats(&batch_norm, "inverse_std", inverse_std, CHANNELS);
    set_floats(&batch_norm, "dx", gradient, ROWS * CHANNELS); /* in place */
    set_floats(&batch_norm, "dweight", scale_gradient, CHANNELS);
    set_floats(&batch_norm, "dbias", shift_gradient, CHANNELS);
    set_size(&batch_norm, "rows", ROWS);
    set_size(&batch_norm, "channels", CHANNELS);
    run(&batch_norm);

    layer matmul = find("matmul"); /* weight_gradient = gradientᵀ · x */
    set_floats(&matmul, "a", gradient, ROWS * CHANNELS);
    set_floats(&matmul, "b", x, ROWS * INPUTS);
    set_floats(&matmul, "c", weight_gradient, CHANNELS * INPUTS);
    set_size(&matmul, "rows", CHANNELS);
    set_size(&matmul, "columns", INPUTS);
    set_size(&matmul, "depth", ROWS);
    set_setting(&matmul, "a_is_transposed", 1);
    set_size(&matmul, "a_stride", CHANNELS);
    set_size(&matmul, "b_stride", INPUTS);
    set_size(&matmul, "c_stride", INPUTS);
    run(&matmul);
}

/* ------------------------------------------------ the same in C, in float64 */

/* `actual` differs from the formula by float32 rounding only: sums of up to ROWS * CHANNELS
 * terms of about 1 were rounded that often, each time by up to 2^-24 of what is there. */
#define CHECK_NEAR(actual, expected)                                                            \
    CHECK(fabs((double)(actual) - (expected)) <= 2e-5 * (1 + fabs(expected)), "%.9g, not %.9g", \
          (double)(actual), (double)(expected))

static void check_everything(void) {
    double outputs[ROWS][CHANNELS], squares = 0;
    double output_gradients[ROWS][CHANNELS], normal[ROWS][CHANNELS];
    for (int c = 0; c < CHANNELS; c++) {
        double sum = 0, square_sum = 0;
        for (int r = 0; r < ROWS; r++) {
            double value = 0;
            for (int i = 0; i < INPUTS; i++)
                value += (double)x[r * INPUTS + i] * weight[c * INPUTS + i];
            outputs[r][c] = value;
            sum += value;
        }
        const double average = sum / ROWS;
        for (int r = 0; r < ROWS; r++) square_sum += pow(outputs[r][c] - average, 2);
        const double deviation = sqrt(square_sum / ROWS + 1e-5);
        double shift_sum = 0, scale_sum = 0;
        for (int r = 0; r < ROWS; r++) {
            normal[r][c] = (outputs[r][c] - average) / deviation;
            const double y = normal[r][c] * scale[c] + shift[c];
            const double difference = y - target[r * CHANNELS + c];
            squares += difference * difference;
            output_gradients[r][c] = 2 * difference / (ROWS * CHANNELS);
            shift_sum += output_gradients[r][c];
            scale_sum += output_gradients[r][c] * normal[r][c];
            CHECK_NEAR(product[r * CHANNELS + c], outputs[r][c]);
            CHECK_NEAR(hidden[r * CHANNELS + c], y);
        }
        CHECK_NEAR(shift_gradient[c], shift_sum);
        CHECK_NEAR(scale_gradient[c], scale_sum);
        CHECK_NEAR(running_mean[c], 0.5 * average);
        CHECK_NEAR(running_var[c], 0.5 + 0.5 * square_sum / (ROWS - 1));
        for (int r = 0; r < ROWS; r++) {
            output_gradients[r][c] = scale[c] / deviation *
                                     (output_gradients[r][c] - shift_sum / ROWS -
                                      normal[r][c] * scale_sum / ROWS);
            CHECK_NEAR(gradient[r * CHANNELS + c], output_gradients[r][c]);
        }
        for (int i = 0; i < INPUTS; i++) {
            double sum_over_rows = 0;
            for (int r = 0; r < ROWS; r++)
                sum_over_rows += output_gradients[r][c] * x[r * INPUTS + i];
            CHECK_NEAR(weight_gradient[c * INPUTS + i], sum_over_rows);
        }
    }
    CHECK_NEAR(loss[0], squares / (ROWS * CHANNELS));
}

/* A wrong call writes nothing and says what is wrong. */
static void check_refusals(void) {
    layer error = find("mean_squared_error");
    float result[1] = {-1};
    set_floats(&error, "prediction", hidden, ROWS * CHANNELS);
    set_floats(&error, "target", target, ROWS * CHANNELS - 1);
    set_floats(&error, "loss", result, 1);
    set_size(&error, "count", ROWS * CHANNELS);
    CHECK(so_layer_run(&error.call) == SO_INVALID_VALUE, "a short array");
    CHECK(strstr(so_last_error(), "target") != NULL, "%s", so_last_error());
    set_floats(&error, "target", NULL, 0);
    CHECK(so_layer_run(&error.call) == SO_INVALID_VALUE, "no array");
    CHECK(result[0] == -1, "something was written");
    so_layer_description description;
    CHECK(so_layer_describe(so_layer_count(), &description) == SO_INVALID_VALUE, "past the end");
    CHECK(so_layer_describe(-1, &description) == SO_INVALID_VALUE, "before the start");
}

static uint32_t state = 12345;

/* In ±1; a linear congruential generator will do here. */
static void fill(float *values, int count) {
    for (int i = 0; i < count; i++) {
        state = state * 1664525 + 1013904223;
        values[i] = (float)(state >> 8) / (1 << 23) - 1;
    }
}

int main(void) {
    fill(x, ROWS * INPUTS);
    fill(weight, CHANNELS * INPUTS);
    fill(target, ROWS * CHANNELS);
    fill(scale, CHANNELS);
    fill(shift, CHANNELS);
    for (int c = 0; c < CHANNELS; c++) running_var[c] = 1;
    forward();
    backward();
    check_everything();
    check_refusals();
    return report("layers");
}
