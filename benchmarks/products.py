"""Matrix products: the problem and who computes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .check import Check
from .contenders import Contender
from .loading import load
from .peers.torch_optim import as_tensor
from .problem import numpy_dtype
from .rules import Array


@dataclass
class ProductProblem:
    """c = op(a) op(b), where op is nothing or the transpose; matrices are row-major."""

    rows: int
    columns: int
    depth: int
    a_is_transposed: bool
    b_is_transposed: bool
    #: Float32 values that bfloat16 has too, so that every dtype has the same product.
    a: Array
    b: Array
    threads: int

    def bytes_per_product(self) -> int:
        """Return what a bfloat16 product has to move at least."""
        return 2 * (self.a.size + self.b.size + self.rows * self.columns)

    def operands(self, dtype: str) -> tuple[Array, Array, Array]:
        """Return a and b in a dtype, and an array for c."""
        kind = numpy_dtype(dtype)
        c = np.zeros((self.rows, self.columns), kind)
        return self.a.astype(kind), self.b.astype(kind), c


def create(
    rows: int, columns: int, depth: int, a_is_transposed: bool, b_is_transposed: bool, threads: int
) -> ProductProblem:
    """Draw normal values and round them to bfloat16."""
    random = np.random.default_rng(11)

    def matrix(outer: int, inner: int, is_transposed: bool) -> Array:
        shape = (inner, outer) if is_transposed else (outer, inner)
        values = random.standard_normal(shape, np.float32)
        return values.astype(numpy_dtype("bfloat16")).astype(np.float32)

    a = matrix(rows, depth, a_is_transposed)
    b = matrix(depth, columns, b_is_transposed)
    return ProductProblem(rows, columns, depth, a_is_transposed, b_is_transposed, a, b, threads)


class Product(Contender):
    """A contender that multiplies."""

    problem: ProductProblem
    dtype = "float32"

    def __init__(self, problem: ProductProblem) -> None:
        super().__init__(problem)
        self.a, self.b, self.c = problem.operands(self.dtype)

    def check(self) -> Check:
        """Compare with float64.

        Tolerance (Higham 2002, equation 3.5): K products summed up in float32, in any order,
        are off by at most K 2^-24 times the sum of their magnitudes, to first order; c is
        then rounded to its dtype.
        """
        self.begin()
        self.run(1)
        self.end()
        problem = self.problem
        a = problem.a.astype(np.float64)
        b = problem.b.astype(np.float64)
        a = a.T if problem.a_is_transposed else a
        b = b.T if problem.b_is_transposed else b
        exact = a @ b
        rounding = 2.0**-24 if self.dtype == "float32" else 2.0**-8
        tolerance = problem.depth * 2.0**-24 * (np.abs(a) @ np.abs(b))
        tolerance = tolerance + rounding * (np.abs(exact) + tolerance)
        error = np.abs(self.c.astype(np.float64) - exact)
        share = float((error / tolerance).max())
        return Check(share <= 1, float(error.max()), share)


class SwiftOptProduct(Product):
    """swiftopt in bfloat16, as its layers call it: a call that was bound before."""

    name = "swiftopt"
    dtype = "bfloat16"
    is_peer = False
    is_swiftopt = True

    def __init__(self, problem: ProductProblem) -> None:
        super().__init__(problem)
        self.swiftopt = load("swiftopt")
        sizes = (problem.rows, problem.columns, problem.depth)
        strides = (self.a.shape[1], self.b.shape[1], self.c.shape[1])
        settings = (float(problem.a_is_transposed), float(problem.b_is_transposed), 1.0, 0.0)
        arrays = (self.a, self.b, None, None, None, self.c, None, None, None)
        self.multiply = self.swiftopt._core.LayerCall(
            "matmul", arrays, (*sizes, *strides), (*settings, 0.0, 0.0)
        )

    def begin(self) -> None:
        self.swiftopt.set_num_threads(self.problem.threads)

    def run(self, repeats: int) -> None:
        multiply = self.multiply
        for _ in range(repeats):
            multiply()


class SwiftOptFloat32Product(SwiftOptProduct):
    """The same in float32."""

    name = "swiftopt float32"
    dtype = "float32"
    is_swiftopt = False


class NumPyProduct(Product):
    """`numpy.matmul`, which is NumPy's OpenBLAS."""

    name = "numpy float32"

    def run(self, repeats: int) -> None:
        a = self.a.T if self.problem.a_is_transposed else self.a
        b = self.b.T if self.problem.b_is_transposed else self.b
        for _ in range(repeats):
            np.matmul(a, b, out=self.c)


class TorchProduct(Product):
    """`torch.mm` into a tensor that exists."""

    name = "torch bf16"
    dtype = "bfloat16"

    def __init__(self, problem: ProductProblem) -> None:
        super().__init__(problem)
        self.torch = load("torch")
        a, b, self.out = (as_tensor(self.torch, array) for array in (self.a, self.b, self.c))
        self.left = a.T if problem.a_is_transposed else a
        self.right = b.T if problem.b_is_transposed else b

    def begin(self) -> None:
        self.torch.set_num_threads(self.problem.threads)

    def run(self, repeats: int) -> None:
        multiply, left, right, out = self.torch.mm, self.left, self.right, self.out
        for _ in range(repeats):
            multiply(left, right, out=out)


class TorchFloat32Product(TorchProduct):
    """The same in float32."""

    name = "torch float32"
    dtype = "float32"


FLOAT32 = (NumPyProduct, TorchFloat32Product)
LINEUP: tuple[type[Contender], ...] = (
    SwiftOptProduct,
    TorchProduct,
    SwiftOptFloat32Product,
    *FLOAT32,
)
