"""Which library is behind float32 and float64 products if one is asked for, and which can't be.

What one process can see only once (import, loading, exit) is tried by scripts in processes
of their own, which must end well and without a word on stderr.
"""

import subprocess
from pathlib import Path

import pytest

import swiftopt as so
from swiftopt import _blas_library, _core

from .blas_support import BUNDLED, SYSTEM, numpy_threads
from .test_process import python

pytestmark = pytest.mark.usefixtures("same_blas")


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
