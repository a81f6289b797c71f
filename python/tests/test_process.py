"""What a process sees: fork, environment variables, import, the command line.

Each test runs a script in a process of its own, with a time limit, so that a hang or a
crash is one failed test.
"""

import json
import os
import subprocess
import sys
import textwrap

import pytest

import swiftopt
from swiftopt import _core

from .cases import LEVELS

TIMEOUT = 120


def python(*arguments, **environment):
    """Run the interpreter; returns (exit status, stdout, stderr). None unsets a variable."""
    variables = {**os.environb}
    for name in ("SWIFTOPT_LEVEL", "SWIFTOPT_NUM_THREADS", "OMP_NUM_THREADS"):
        variables.pop(name.encode(), None)
    for name, value in environment.items():
        variables[name.encode()] = value if isinstance(value, bytes) else value.encode()
    process = subprocess.run(
        [sys.executable, *arguments],
        env=variables, capture_output=True, text=True, errors="replace", timeout=TIMEOUT,
        check=False,
    )  # fmt: skip
    return process.returncode, process.stdout.strip(), process.stderr


def script(code, **environment):
    """What a script prints; it must succeed without a word on stderr."""
    status, output, errors = python("-c", textwrap.dedent(code), **environment)
    assert (status, errors) == (0, "")
    return output


FORK = """
    import os, signal, sys, time
    import numpy as np, swiftopt as so
    so.set_num_threads(2)

    def steps(w, optimizer):
        for _ in range(20):
            optimizer.step([gradient])
        return w.tobytes()

    def fresh():
        w = np.ones(300_000, np.float32)
        return w, so.Adam([w], clip_norm=1.0)

    gradient = np.linspace(-1, 1, 300_000, dtype=np.float32)
    w, optimizer = fresh()
    expected = steps(*fresh())          # the pool's threads run from now on
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            signal.alarm(60)            # a child that hangs dies of SIGALRM
            agrees = steps(w, optimizer) == expected
            threads = len(os.listdir("/proc/self/task"))
            os._exit(0 if agrees and threads >= 2 else 10 + threads)
        children.append(child)
    agrees = steps(w, optimizer) == expected
    print(agrees, [os.waitpid(child, 0)[1] for child in children])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="needs Linux's /proc")  # noqa: PTH112
class TestFork:
    def test_children_step_in_parallel_and_agree(self):
        status, output, errors = python("-W", "ignore", "-c", textwrap.dedent(FORK))
        assert (status, output, errors) == (0, "True [0, 0, 0, 0]", "")

    def test_a_child_of_a_child(self):
        code = FORK.replace("signal.alarm(60)", "signal.alarm(60); grandchild = os.fork()")
        code = code.replace(
            "os._exit(0 if", "os._exit(grandchild and os.waitpid(grandchild, 0)[1] // 256 or 0 if"
        )
        status, output, errors = python("-W", "ignore", "-c", textwrap.dedent(code))
        assert (status, output, errors) == (0, "True [0, 0, 0, 0]", "")


SHOW_LEVEL = "from swiftopt import _core; print(_core.level())"
USES = {
    "import": ["-c", "from swiftopt import _core; _core.level()"],
    "step": [
        "-c",
        "import numpy as np, swiftopt as so; so.SGD([np.ones(3)]).step([np.ones(3)])",
    ],
    "command": ["-m", "swiftopt"],
}


class TestLevel:
    @pytest.mark.parametrize("name", LEVELS)
    def test_environment_names_it(self, name):
        assert script(SHOW_LEVEL, SWIFTOPT_LEVEL=name) == name

    @pytest.mark.parametrize("value", [None, ""])
    def test_the_highest_is_the_default(self, value):
        environment = {} if value is None else {"SWIFTOPT_LEVEL": value}
        assert script(SHOW_LEVEL, **environment) == LEVELS[-1]

    @pytest.mark.parametrize("use", USES)
    @pytest.mark.parametrize(
        "value",
        ["sse9", "AVX2", b"\xff\xfe", "x" * 5000],
        ids=["unknown", "case", "not UTF-8", "long"],
    )
    def test_an_unknown_one_is_an_error_and_no_crash(self, use, value):
        status, _, errors = python(*USES[use], SWIFTOPT_LEVEL=value)
        assert status == 1
        last = errors.strip().splitlines()[-1]
        assert last.startswith("Error: " if use == "command" else "ValueError: "), last
        assert "level" in last
        assert "baseline" in last, "the message must name the levels that there are"

    @pytest.mark.parametrize("value", [name for name in _core.level_names() if name not in LEVELS])
    def test_one_that_the_machine_lacks_is_an_error(self, value):
        status, _, errors = python(*USES["step"], SWIFTOPT_LEVEL=value)
        assert status == 1
        assert "RuntimeError" in errors
        assert value in errors

    def test_one_can_choose_after_a_bad_environment(self):
        code = "from swiftopt import _core; _core.select_level('baseline'); print(_core.level())"
        assert script(code, SWIFTOPT_LEVEL="sse9") == "baseline"


SHOW_THREADS = "import swiftopt; print(swiftopt.get_num_threads())"
PROCESSORS = str(len(os.sched_getaffinity(0)))


class TestThreadCount:
    @pytest.mark.parametrize(
        ("environment", "expected"),
        [
            ({}, PROCESSORS),
            ({"SWIFTOPT_NUM_THREADS": "3"}, "3"),
            ({"OMP_NUM_THREADS": "5"}, "5"),
            ({"OMP_NUM_THREADS": "5,2"}, "5"),
            ({"SWIFTOPT_NUM_THREADS": "3", "OMP_NUM_THREADS": "5"}, "3"),
            ({"SWIFTOPT_NUM_THREADS": "many", "OMP_NUM_THREADS": "5"}, "5"),
            ({"SWIFTOPT_NUM_THREADS": "0"}, PROCESSORS),
            ({"SWIFTOPT_NUM_THREADS": "-2"}, PROCESSORS),
            ({"SWIFTOPT_NUM_THREADS": ""}, PROCESSORS),
            ({"SWIFTOPT_NUM_THREADS": "99999999999999999999"}, "256"),
        ],
    )
    def test_environment(self, environment, expected):
        assert script(SHOW_THREADS, **environment) == expected

    def test_affinity(self):
        code = (
            f"import os; os.sched_setaffinity(0, {{min(os.sched_getaffinity(0))}}); {SHOW_THREADS}"
        )
        assert script(code) == "1"


class TestImport:
    def test_it_loads_numpy_and_nothing_else(self):
        code = """
            import sys
            before = set(sys.modules)
            import swiftopt
            roots = {name.partition(".")[0] for name in set(sys.modules) - before}
            print(sorted(roots - set(sys.stdlib_module_names)))
        """
        assert script(code) == "['numpy', 'swiftopt']"

    def test_it_starts_no_thread(self):
        code = "import os, swiftopt; print(len(os.listdir('/proc/self/task')))"
        assert script(code, OPENBLAS_NUM_THREADS="1", SWIFTOPT_NUM_THREADS="4") == "1"

    def test_it_is_quick(self):
        """Under 20 ms on top of NumPy: the least of nine, in processor time of the thread.

        Processor time, because a busy machine makes wall-clock time mean nothing; of the
        thread, because those of NumPy's BLAS spin meanwhile. It still doubles when other
        processes share the caches, which only ever adds: the least is what the import takes.
        """
        code = """
            import time
            import numpy
            start = time.thread_time()
            import swiftopt
            print(time.thread_time() - start)
        """
        # Bytecode is written by the first run.
        times = [float(script(code, PYTHONDONTWRITEBYTECODE="")) for _ in range(9)]
        assert min(times) < 0.020


class TestCommand:
    def test_text(self):
        status, output, errors = python("-m", "swiftopt")
        assert (status, errors) == (0, "")
        facts = dict(line.split(maxsplit=1) for line in output.splitlines())
        assert facts["swiftopt"] == swiftopt.__version__
        assert facts["level"] == LEVELS[-1]

    def test_json(self):
        status, output, errors = python("-m", "swiftopt", "--json", SWIFTOPT_NUM_THREADS="7")
        assert (status, errors) == (0, "")
        facts = json.loads(output)
        assert facts["swiftopt"] == swiftopt.__version__
        assert facts["threads"] == 7
        assert facts["levels"] == LEVELS
        assert facts["dtypes"] == ["float32", "float64", "float16", "bfloat16"]
        assert facts["state_dtypes"] == [*facts["dtypes"], "block8"]
        assert set(facts["optimizers"]) == set(swiftopt.optimizers.__all__)

    def test_the_table_of_optimizers(self):
        status, output, errors = python("-m", "swiftopt", "optimizers", "--json")
        assert (status, errors) == (0, "")
        rows = {row["optimizer"]: row for row in json.loads(output)}
        assert list(rows) == sorted(swiftopt.optimizers.__all__, key=str.lower)
        assert rows["AdamW"]["options"]["weight_decay"] == 0.01
        # Two full slots; a block of 256 codes of a byte has a scale of 4 bytes.
        assert rows["AdamW"]["bytes_per_parameter"] == {
            "float32": 8, "bfloat16": 4, "block8": round(2 * (1 + 4 / 256), 3),
        }  # fmt: skip
        assert rows["Adam"]["slots"][2]["required_by"] == "amsgrad"
        status, output, errors = python("-m", "swiftopt", "optimizers")
        assert (status, errors) == (0, "")
        (line,) = (line for line in output.splitlines() if line.startswith("Adam "))
        assert line.split() == [
            "Adam", "8", "4", "2.03", "coupled", "exp_avg,", "exp_avg_sq,", "max_exp_avg_sq",
            "(amsgrad)",
        ]  # fmt: skip
        assert "lr=0.001, betas=(0.9, 0.999), eps=1e-08" in output

    def test_an_unknown_option(self):
        status, _, errors = python("-m", "swiftopt", "--yaml")
        assert status == 2
        assert "--yaml" in errors


THREADPOOLCTL = """
    {first}
    {second}
    import swiftopt as so
    so.set_num_threads(3)
    {register}
    info = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "swiftopt"]
    assert len(info) == 1, info
    assert info[0]["num_threads"] == 3, info
    assert info[0]["version"] == so.__version__, info
    with threadpoolctl.threadpool_limits(2, user_api="swiftopt"):
        assert so.get_num_threads() == 2
    with threadpoolctl.threadpool_limits(1):
        assert so.get_num_threads() == 1
    print(so.get_num_threads())
"""


class TestThreadpoolctl:
    @pytest.mark.parametrize("is_first", [True, False])
    @pytest.mark.parametrize("is_registered", [True, False])
    def test_limits(self, is_first, is_registered):
        pytest.importorskip("threadpoolctl", reason="threadpoolctl is not installed")
        if not is_first and not is_registered:
            pytest.skip("imported later it doesn't know swiftopt until it is told")
        imports = ["import threadpoolctl", "import swiftopt"]
        first, second = imports if is_first else reversed(imports)
        register = "so.register_threadpoolctl()" if is_registered else ""
        code = THREADPOOLCTL.format(first=first, second=second, register=register)
        assert script(code) == "3"
