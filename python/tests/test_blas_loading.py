"""The library behind products: private, of one thread, loaded at the first product."""

import ctypes
import os
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
import threadpoolctl

import swiftopt as so
from swiftopt import _blas, _blas_library
from swiftopt._private_library import is_own, load_private, one_processor

from .blas_support import BUNDLED, SYSTEM, multiply, numpy_threads, whole_numbers
from .test_process import script

pytestmark = pytest.mark.usefixtures("same_blas")


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
