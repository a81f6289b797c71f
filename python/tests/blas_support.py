"""What the tests of the library behind products share."""

import ctypes

import numpy as np
import threadpoolctl

from swiftopt import _blas_library

BUNDLED = _blas_library._numpy_libraries()
SYSTEM = "libopenblas.so.0"


def numpy_threads():
    """What threadpoolctl sees: the instances that the process shares."""
    return threadpoolctl.threadpool_info()


def multiply(private, a, b):
    """A @ b through the private copy's own cblas_?gemm, called on this thread."""
    library, prefix, suffix = private
    kind, scalar = {"f": ("s", ctypes.c_float), "d": ("d", ctypes.c_double)}[a.dtype.char]
    integer = ctypes.c_int64 if suffix == "64_" else ctypes.c_int32
    function = library[f"{prefix}cblas_{kind}gemm{suffix}"]
    function.restype = None
    function.argtypes = [
        *[ctypes.c_int] * 3, *[integer] * 3, scalar, ctypes.c_void_p, integer,
        ctypes.c_void_p, integer, scalar, ctypes.c_void_p, integer,
    ]  # fmt: skip
    c = np.empty((a.shape[0], b.shape[1]), a.dtype)
    function(
        101, 111, 111, *c.shape, a.shape[1], 1.0, a.ctypes.data, a.shape[1],
        b.ctypes.data, b.shape[1], 0.0, c.ctypes.data, c.shape[1],
    )  # fmt: skip
    return c


def whole_numbers(rows, columns, dtype, seed):
    """Sums of their products are exact in any order and either precision."""
    return np.random.default_rng(seed).integers(-8, 9, (rows, columns)).astype(dtype)
