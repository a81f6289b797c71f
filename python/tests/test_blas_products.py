"""Products and layers with a library behind them."""

import ctypes
import os
import threading
from textwrap import dedent

import numpy as np
import pytest

import swiftopt as so
from swiftopt import _blas, _core
from swiftopt.nn import functional

from .blas_support import SYSTEM, multiply, whole_numbers
from .layer_calls import CASES, DTYPES, expected_of, make_call, wrong
from .test_process import python, script

pytestmark = pytest.mark.usefixtures("same_blas")


class TestProducts:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_from_several_threads(self, private, dtype):
        pairs = [
            (whole_numbers(65, 130, dtype, seed), whole_numbers(130, 67, dtype, seed + 100))
            for seed in range(6)
        ]
        results = [None] * len(pairs)

        def work(index):
            for _ in range(50):
                results[index] = multiply(private, *pairs[index])

        threads = [threading.Thread(target=work, args=(i,)) for i in range(len(pairs))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for (a, b), result in zip(pairs, results, strict=True):
            # Exact: whole numbers below 2^24.
            np.testing.assert_array_equal(result, a.astype(np.int64) @ b.astype(np.int64))

    def test_after_a_fork(self, private):
        a = whole_numbers(200, 200, np.float32, 3)
        expected = multiply(private, a, a)
        child = os.fork()
        if child == 0:
            same = np.array_equal(multiply(private, a, a), expected)
            os._exit(0 if same and np.array_equal(a @ a, expected) else 1)
        assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((1, 0, 32), ValueError, "both NULL or both given"),
        ((1, 1, 33), ValueError, "integer_bits is 33; it must be 32 or 64"),
        ((1, 1, 2**40), ValueError, "integer_bits"),
        ((-1, 1, 32), ValueError, "sgemm is -1; it must be in 0"),
        ((1, 1.5, 32), TypeError, "dgemm is 1.5; it must be an int"),
        ((1, 1), TypeError, "set_blas"),
    ],
)
def test_refused_addresses(arguments, error, text):
    before = _core.blas_is_set()
    with pytest.raises(error, match=text):
        _core.set_blas(*arguments)
    assert _core.blas_is_set() == before


PRODUCT = """
    import sys
    import numpy as np
    from swiftopt import _core
    from swiftopt.nn import functional
    import swiftopt as so
    rng = np.random.default_rng(0)
    # Whole numbers: exact in any order, so every library gives the same.
    x, weight = (rng.integers(-8, 9, shape).astype({dtype}) for shape in ((300, 200), (100, 200)))
    before = _core.blas_is_set()
    so.set_num_threads({threads})
    y = functional.linear(x, weight)
    print(before, _core.blas_is_set(), np.array_equal(y, x @ weight.T))
"""


MATMUL = [index for name, index in CASES if name == "matmul"]


class TestMatmul:
    """Products with every epilogue, those of the conformance rows."""

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("index", MATMUL)
    def test_results_are_those_of_the_reference(self, forgotten, index, dtype):
        assert so.blas_info().name == "openblas"
        call = make_call("matmul", index, dtype)
        expected, tolerance = expected_of(call)
        call.run()
        for output, array in call.written.items():
            got = array.astype(np.float64).reshape(expected[output].shape)
            assert not wrong(got, expected[output], tolerance[output]).any(), output

    @pytest.mark.parametrize("index", MATMUL)
    def test_bits_depend_on_no_number_of_threads(self, forgotten, index):
        assert so.blas_info().name == "openblas"
        bits = []
        for threads in (1, 2, 5):
            _core.set_num_threads(threads)
            bits.append(make_call("matmul", index, "float64").run())
        assert bits[0] == bits[1] == bits[2]

    def test_it_is_the_library_that_computes(self, monkeypatch):
        monkeypatch.setattr(_blas, "_info", so.BlasInfo("cblas"))
        called = []
        stub = ctypes.CFUNCTYPE(None)
        kinds = [stub(lambda kind=kind: called.append(kind)) for kind in "sd"]
        _core.set_blas(*(ctypes.cast(kind, ctypes.c_void_p).value for kind in kinds), 64)
        for dtype, expected in [("float32", "s"), ("float64", "d"), ("bfloat16", "")]:
            called.clear()
            x = np.ones((50, 60)).astype(DTYPES[dtype])
            functional.linear(x, x)
            assert "".join(called) == expected


class TestLayers:
    @pytest.mark.parametrize("dtype", ["np.float32", "np.float64"])
    @pytest.mark.parametrize("threads", [1, 2])
    @pytest.mark.parametrize(
        ("choice", "is_set"), [("auto", "True"), (SYSTEM, "True"), ("none", "False"), ("", "False")]
    )
    def test_the_first_product_loads_it(self, dtype, threads, choice, is_set):
        code = PRODUCT.format(dtype=dtype, threads=threads)
        assert script(code, SWIFTOPT_BLAS=choice).split() == ["False", is_set, "True"]

    def test_a_wrong_one_is_an_error_of_the_first_product(self):
        code = PRODUCT.format(dtype="np.float32", threads=1)
        status, output, errors = python("-c", dedent(code), SWIFTOPT_BLAS="/nowhere.so")
        assert (status, output) == (1, "")
        assert "RuntimeError: SWIFTOPT_BLAS is '/nowhere.so': can't be loaded" in errors

    def test_layers_without_products_need_none(self):
        output = script(
            """
            import numpy as np
            from swiftopt import _core
            from swiftopt.nn import functional
            print(float(functional.mean_squared_error(np.ones(3), np.zeros(3))))
            print(_core.blas_is_set())
            """,
            SWIFTOPT_BLAS="/nowhere.so",
        )
        assert output.split() == ["1.0", "False"]

    def test_a_forked_child_multiplies(self):
        output = script(
            """
            import os
            import numpy as np, swiftopt as so
            from swiftopt.nn import functional
            so.set_num_threads(2)
            x = np.random.default_rng(0).standard_normal((512, 512)).astype(np.float32)
            expected = functional.linear(x, x)
            child = os.fork()
            if child == 0:
                os._exit(0 if np.array_equal(functional.linear(x, x), expected) else 1)
            print(os.waitpid(child, 0)[1])
            """,
            SWIFTOPT_BLAS="auto",
        )
        assert output == "0"
