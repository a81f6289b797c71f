"""The library behind float32 and float64 products: found, private, of one thread.

What one process can see only once (import, loading, exit) is tried by scripts in processes
of their own, which must end well and without a word on stderr.
"""

import ctypes
import os
import subprocess
import tempfile
import threading
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import threadpoolctl

import swiftopt as so
from swiftopt import _blas, _blas_library, _core
from swiftopt._private_library import is_own, load_private, one_processor
from swiftopt.nn import functional

from .layer_calls import CASES, DTYPES, expected_of, make_call, wrong
from .test_process import python, script

BUNDLED = _blas_library._numpy_libraries()
SYSTEM = "libopenblas.so.0"


def numpy_threads():
    """What threadpoolctl sees: the instances that the process shares."""
    return threadpoolctl.threadpool_info()


@pytest.fixture(autouse=True)
def same_handle():
    """Give the native code back the library that the other tests use."""
    before = _blas._info
    yield
    _core.set_blas(0, 0, 64)
    _blas._info = None if before is None or before.name != "none" else before


@pytest.fixture
def forgotten(monkeypatch):
    """As before the first product; what a test loads goes after it."""
    monkeypatch.setattr(_blas, "_info", None)
    monkeypatch.setenv("SWIFTOPT_BLAS", "auto")


@pytest.fixture(scope="module")
def private():
    """A copy with NumPy's spelling of the names, or the system's."""
    path = BUNDLED[0] if BUNDLED else _blas_library._located(SYSTEM)
    library = load_private(path, ())
    return library, *_blas_library._spelling(library)


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


def test_the_library_of_this_environment(forgotten):
    info = so.blas_info()
    assert info.name == "openblas"
    assert info.threads == 1
    assert info.integer_bits in (32, 64)
    assert Path(info.path).is_file()
    assert info.reason is None
    assert _core.blas_is_set()
    assert so.blas_info() is info
    if BUNDLED:
        # NumPy's own answer: its version and processor type are the file's.
        (numpys,) = (i for i in numpy_threads() if i["filepath"] == info.path)
        assert (info.version, info.core) == (numpys["version"], numpys["architecture"])


class TestFinding:
    def test_the_systems_library(self, forgotten, monkeypatch):
        monkeypatch.setenv("SWIFTOPT_BLAS", SYSTEM)
        info = so.blas_info()
        assert (info.name, info.integer_bits, info.threads) == ("openblas", 32, 1)
        assert info.version.startswith("0.")
        assert Path(info.path).name.startswith("libopenblas")

    def test_the_systems_library_if_numpy_has_none(self, forgotten, monkeypatch):
        monkeypatch.setattr(_blas_library, "_numpy_libraries", list)
        assert "libopenblas" in so.blas_info().path

    def test_none_is_told_with_the_reason(self, forgotten, monkeypatch):
        monkeypatch.setattr(_blas_library, "_numpy_libraries", list)
        monkeypatch.setattr(_blas_library, "_SYSTEM_NAME", "libnowhere.so.0")
        info = so.blas_info()
        assert info == so.BlasInfo(
            "none",
            reason="NumPy has no OpenBLAS in a folder of its own; "
            "libnowhere.so.0: is in none of the folders for libraries",
        )

    @pytest.mark.parametrize(("choice", "text"), [("none", "none"), ("", "not set")])
    def test_none_is_the_default(self, forgotten, monkeypatch, choice, text):
        monkeypatch.setenv("SWIFTOPT_BLAS", choice)
        reason = f"SWIFTOPT_BLAS is {text}: swiftopt's own products are used"
        assert so.blas_info() == so.BlasInfo("none", reason=reason)

    def test_what_numpy_has_but_cannot_be_used_is_told(self, forgotten, monkeypatch, tmp_path):
        broken = tmp_path / "libopenblas.so"
        broken.write_bytes(b"\x7fELF and nothing more")
        monkeypatch.setattr(_blas_library, "_numpy_libraries", lambda: [broken])
        monkeypatch.setattr(_blas_library, "_SYSTEM_NAME", "libnowhere.so.0")
        info = so.blas_info()
        assert info.name == "none"
        assert info.reason.startswith(f"{broken}: can't be loaded: {broken}: file too short")

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("/nowhere/libblas.so", "can't be loaded: .*No such file"),
            ("/", "can't be loaded: .*Is a directory"),
            (__file__, f"can't be loaded: {__file__}: invalid ELF header"),
            ("libnowhere.so", "is in none of the folders for libraries"),
            ("libm.so.6", "has no cblas_sgemm and cblas_dgemm"),
        ],
    )
    def test_a_wrong_one_is_an_error_each_time(self, forgotten, monkeypatch, name, text):
        monkeypatch.setenv("SWIFTOPT_BLAS", name)
        for _ in range(2):
            with pytest.raises(RuntimeError, match=f"^SWIFTOPT_BLAS is '{name}': {text}"):
                so.blas_info()
        monkeypatch.setenv("SWIFTOPT_BLAS", "auto")
        assert so.blas_info().name == "openblas"

    def test_a_folder_of_ld_library_path(self, forgotten, monkeypatch, tmp_path):
        target = _blas_library._located(SYSTEM)
        (tmp_path / "libother.so").symlink_to(target)
        monkeypatch.setenv("LD_LIBRARY_PATH", f"/nowhere:{tmp_path}")
        monkeypatch.setenv("SWIFTOPT_BLAS", "libother.so")
        assert so.blas_info().path == str(target)


CBLAS = "void {0}cblas_sgemm{1}(void) {{}} void {0}cblas_dgemm{1}(void) {{}}"
OPENBLAS = """
    static int threads = {threads};
    int openblas_get_parallel(void) {{ return {parallel}; }}
    int openblas_get_num_threads(void) {{ return threads; }}
    void openblas_set_num_threads(int n) {{ if ({obeys}) threads = n; }}
    const char *openblas_get_config(void) {{ return "{config}"; }}
    const char *openblas_get_corename(void) {{ return "Imagined"; }}
"""


class TestOtherBuilds:
    """Imagined libraries, because no machine has them all."""

    @pytest.fixture
    def use(self, forgotten, monkeypatch, tmp_path):
        def use(source, *flags):
            path = tmp_path / "libimagined.so"
            subprocess.run(
                ["gcc", "-shared", "-fPIC", "-x", "c", "-", "-x", "none", "-o", path, *flags],
                input=source, text=True, check=True,
            )  # fmt: skip
            monkeypatch.setenv("SWIFTOPT_BLAS", str(path))
            return so.blas_info()

        return use

    @staticmethod
    def openblas(parallel=1, threads=8, obeys=1, config="OpenBLAS 9.8.7 NO_AFFINITY"):
        settings = {"parallel": parallel, "threads": threads, "obeys": obeys, "config": config}
        return CBLAS.format("", "") + OPENBLAS.format(**settings)

    def test_threads(self, use):
        info = use(self.openblas())
        assert info[:2] == ("openblas", "9.8.7")
        assert info[3:] == (32, 1, "Imagined", None)

    def test_wide_integers_without_a_suffix(self, use):
        assert use(self.openblas(config="OpenBLAS 1 USE64BITINT")).integer_bits == 64

    def test_a_config_without_a_version(self, use):
        assert use(self.openblas(config="NO_AFFINITY")).version is None

    def test_openmp(self, use):
        with pytest.raises(RuntimeError, match="is an OpenBLAS on OpenMP"):
            use(self.openblas(parallel=2))

    def test_no_threads(self, use):
        with pytest.raises(RuntimeError, match="without threads, which several threads can't"):
            use(self.openblas(parallel=0))

    def test_one_that_keeps_its_threads(self, use):
        with pytest.raises(RuntimeError, match="held at one thread: it says that it uses 8"):
            use(self.openblas(obeys=0))

    @pytest.mark.parametrize(("suffix", "bits"), [("", 32), ("64_", 64)])
    def test_another_cblas(self, use, suffix, bits):
        info = use(CBLAS.format("", suffix))
        assert (info.name, info.integer_bits, info.threads) == ("cblas", bits, None)

    def test_one_that_passes_calls_on(self, use, tmp_path):
        with pytest.raises(RuntimeError, match=r"only passes cblas_sgemm on .* name that one"):
            use("", "-Wl,--no-as-needed", f"{_blas_library._located(SYSTEM)}")

    def test_the_command_tells_the_error(self, tmp_path):
        status, output, errors = python("-m", "swiftopt", SWIFTOPT_BLAS="/nowhere.so")
        assert (status, errors) == (0, "")
        assert "none: SWIFTOPT_BLAS is '/nowhere.so': can't be loaded" in output


class TestPrivacy:
    def test_numpys_instance_is_left_alone(self, private):
        library, prefix, suffix = private
        before = numpy_threads()
        a = whole_numbers(300, 300, np.float32, 1)
        count = library[f"{prefix}openblas_get_num_threads{suffix}"]
        with threadpoolctl.threadpool_limits(2, user_api="blas"):
            limited = numpy_threads()
            multiply(private, a, a)
            assert numpy_threads() == limited
            assert count() == 1
        library[f"{prefix}openblas_set_num_threads{suffix}"](1)
        assert numpy_threads() == before

    def test_it_starts_no_threads(self):
        output = script(
            """
            import os, numpy as np
            a = np.ones((300, 300)); a @ a
            before = len(os.listdir("/proc/self/task"))
            import swiftopt as so
            info = so.blas_info()
            print(info.name, len(os.listdir("/proc/self/task")) - before)
            """,
            SWIFTOPT_BLAS="auto",
            OPENBLAS_NUM_THREADS="3",
        )
        assert output == "openblas 0"

    def test_global_symbols_of_numpys_do_not_replace_its_own(self):
        output = script(
            """
            import os, sys
            sys.setdlopenflags(os.RTLD_NOW | os.RTLD_GLOBAL)
            import numpy, threadpoolctl, swiftopt as so
            before = threadpoolctl.threadpool_info()
            info = so.blas_info()
            print(info.name, info.threads, threadpoolctl.threadpool_info() == before)
            """,
            SWIFTOPT_BLAS="auto",
        )
        assert output == "openblas 1 True"

    def test_each_copy_is_another_instance(self, private):
        library, prefix, suffix = private
        path = BUNDLED[0] if BUNDLED else _blas_library._located(SYSTEM)
        other = load_private(path, ())
        name = f"{prefix}cblas_sgemm{suffix}"
        assert is_own(library, name)
        assert is_own(other, name)
        addresses = {ctypes.cast(one[name], ctypes.c_void_p).value for one in (library, other)}
        assert len(addresses) == 2

    def test_symbols_of_what_it_needs_are_not_its_own(self, private):
        assert hasattr(private[0], "malloc")
        assert not is_own(private[0], "malloc")


class TestLoading:
    def test_import_loads_nothing(self):
        output = script(
            """
            import swiftopt as so
            from swiftopt import _core
            def copies():
                maps = open("/proc/self/maps").read()
                return "swiftopt-blas" in maps, _core.blas_is_set()
            print(*copies())
            so.blas_info()
            print(*copies())
            """,
            SWIFTOPT_BLAS="auto",
        )
        assert output.split() == ["False", "False", "True", "True"]

    def test_threads_that_load_together_share_one(self, forgotten):
        start, infos = threading.Barrier(8), []

        def load():
            start.wait()
            infos.append(_blas.load())

        threads = [threading.Thread(target=load) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(infos) == 8
        assert len({id(info) for info in infos}) == 1

    def test_a_temporary_file_serves_where_memory_cannot(self, forgotten, monkeypatch, tmp_path):
        def refuse(*_, **__):
            raise PermissionError("no executable memory")

        monkeypatch.setattr(os, "memfd_create", refuse)
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        assert so.blas_info().name == "openblas"
        assert list(tmp_path.iterdir()) == []
        maps = Path("/proc/self/maps").read_text()
        assert str(tmp_path) in maps

    def test_nothing_serves(self, forgotten, monkeypatch):
        def refuse(*_, **__):
            raise PermissionError("no executable memory")

        monkeypatch.setattr(os, "memfd_create", refuse)
        monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
        info = so.blas_info()
        assert info.name == "none"
        assert "can't be loaded: no executable memory" in info.reason

    def test_descriptors_are_closed_and_processors_given_back(self, forgotten):
        descriptors = set(Path("/proc/self/fd").iterdir())
        processors = os.sched_getaffinity(0)
        assert so.blas_info().name == "openblas"
        assert set(Path("/proc/self/fd").iterdir()) == descriptors
        assert os.sched_getaffinity(0) == processors

    def test_a_thread_that_cannot_choose_its_processor(self, forgotten, monkeypatch):
        def refuse(*_, **__):
            raise PermissionError("not in this sandbox")

        monkeypatch.setattr(os, "sched_setaffinity", refuse)
        assert so.blas_info().threads == 1

    def test_one_processor_is_given_back_after_an_error(self):
        before = os.sched_getaffinity(0)
        inside = []

        def fail():
            with one_processor():
                inside.append(len(os.sched_getaffinity(0)))
                raise KeyError

        with pytest.raises(KeyError):
            fail()
        assert inside == [1]
        assert os.sched_getaffinity(0) == before

    def test_it_is_cheap(self):
        """25 MB are copied and mapped; bounds are several times what it takes."""
        output = script(
            """
            import time, resource, numpy, swiftopt as so
            def resident():
                pages = int(open("/proc/self/statm").read().split()[1])
                return pages * resource.getpagesize()
            before, start = resident(), time.thread_time()
            assert so.blas_info().name == "openblas"
            print(time.thread_time() - start, (resident() - before) / 1e6)
            """,
            SWIFTOPT_BLAS="auto",
        )
        seconds, megabytes = map(float, output.split())
        assert seconds < 0.2
        assert megabytes < 10


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
