/* SwiftOptShims.h - the few things that swiftopt needs and Swift can't spell. */
#ifndef SWIFTOPT_SHIMS_H
#define SWIFTOPT_SHIMS_H

#include "so_blas.h"
#include "so_cpu.h"
#include "so_data.h"
#include "so_error.h"
#include "so_factors.h"
#include "so_feeder.h"
#include "so_float.h"
#include "so_images.h"
#include "so_kernels.h"
#include "so_lanes.h"
#include "so_layers.h"
#include "so_level.h"
#include "so_matrix.h"
#include "so_matrix_vectors.h"
#include "so_partial_lanes.h"
#include "so_slots.h"
#include "so_threads.h"
#include "so_vectors.h"

#endif /* SWIFTOPT_SHIMS_H */
