/* so_layers.h - the layer functions of one instruction level.
 *
 * As with so_kernels.h, each level is a module of its own, of which so_layers_<level> is all
 * that the rest of the library sees.
 */
#ifndef SO_LAYERS_H
#define SO_LAYERS_H

#include "so_matrix.h"

#include <swiftopt.h>

/* What a call needs, found out from its sizes and settings alone. */
typedef struct so_layer_plan {
    int32_t layer;
    so_dtype dtype;     /* of the arrays of kind SO_LAYER_VALUE */
    int32_t fault_size; /* of `fault`: the size that is wrong, or -1 */
    int32_t reserved;
    const char *_Nullable fault; /* what that size must be; NULL: nothing is wrong */
    const so_layer_call *_Nullable call;
    const so_matrix_functions *_Nullable matrix;
    int64_t counts[SO_LAYER_MAX_ARRAYS]; /* elements of every array */
    int64_t workspace_size;
} so_layer_plan;

typedef struct so_layers {
    /* 0 if there is no layer function with this number. */
    int32_t (*_Nullable describe)(int32_t layer, so_layer_description *_Nonnull out);
    void (*_Nullable plan)(so_layer_plan *_Nonnull plan);
    /* -1, or the number of an array of kind SO_LAYER_INDEX with an index that is out of
     * range: then nothing was written. The call fits its plan. */
    int32_t (*_Nullable run)(const so_layer_call *_Nonnull call, so_dtype dtype,
                             const so_matrix_functions *_Nonnull matrix);
} so_layers;

void so_layers_baseline(so_layers *_Nonnull out);
void so_layers_avx2(so_layers *_Nonnull out);
void so_layers_avx512(so_layers *_Nonnull out);

/* Swift sees an array in a struct as a tuple, which has no elements by number. */
static inline const so_layer_array *_Nonnull so_layer_array_at(
    const so_layer_call *_Nonnull call, int64_t index) {
    return &call->arrays[index];
}
static inline int64_t so_layer_size_at(const so_layer_call *_Nonnull call, int64_t index) {
    return call->sizes[index];
}
static inline double so_layer_setting_at(const so_layer_call *_Nonnull call, int64_t index) {
    return call->settings[index];
}
/* A plan for this call, with nothing in it yet. */
static inline so_layer_plan so_layer_plan_for(const so_layer_call *_Nonnull call, so_dtype dtype,
                                              const so_matrix_functions *_Nonnull matrix) {
    so_layer_plan plan = {.layer = call->layer, .dtype = dtype, .call = call, .matrix = matrix};
    return plan;
}
static inline void so_layer_set_count(so_layer_plan *_Nonnull plan, int64_t index,
                                      int64_t count) {
    plan->counts[index] = count;
}
static inline int64_t so_layer_count_at(const so_layer_plan *_Nonnull plan, int64_t index) {
    return plan->counts[index];
}
static inline so_layer_array_description *_Nonnull so_layer_described_array(
    so_layer_description *_Nonnull description, int64_t index) {
    return &description->arrays[index];
}
static inline so_hyperparameter *_Nonnull so_layer_described_setting(
    so_layer_description *_Nonnull description, int64_t index) {
    return &description->settings[index];
}
static inline void so_layer_describe_size(so_layer_description *_Nonnull description,
                                          int64_t index, const char *_Nonnull name) {
    description->sizes[index] = name;
}
static inline const char *_Nullable so_layer_described_size(
    const so_layer_description *_Nonnull description, int64_t index) {
    return description->sizes[index];
}

#endif /* SO_LAYERS_H */
