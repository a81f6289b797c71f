"""No layer function touches memory beside its arrays."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from .guarded import guarded
from .layer_calls import CASES, DTYPES

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments):
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("at_end", [True, False])
def test_the_guard_ends_a_process_that_goes_too_far(at_end):
    script = (
        "import numpy as np\n"
        "from python.tests.guarded import guarded\n"
        f"array = guarded(np.zeros(5, np.float32), {at_end})\n"
        f"beside = array.ctypes.data + {20 if at_end else -4}\n"
        "import ctypes\n"
        "print(array.sum(), flush=True)\n"
        "ctypes.string_at(beside, 1)\n"
    )
    result = run("-c", script)
    assert result.stdout == "0.0\n"
    assert result.returncode < 0


@pytest.mark.parametrize("at_end", [True, False])
def test_a_guarded_array_is_like_any_other(at_end):
    array = np.arange(3000.0)
    assert (guarded(array, at_end) == array).all()


def test_every_call_stays_within_its_arrays():
    result = run("-m", "python.tests.guarded")
    lines = result.stdout.splitlines()
    assert result.returncode == 0, f"died in {lines[-1:]}: {result.stderr[-2000:]}"
    assert len(lines) == len(CASES) * len(DTYPES) * 2
