"""How tests run the examples, and a data set in the place of Fashion-MNIST."""

import gzip
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import swiftopt

EXAMPLES = Path(__file__).parents[2] / "examples"


def run_script(script, *arguments, **environment):
    """Runs a script as a user does, with warnings as errors, and returns the finished process."""
    package_folder = str(Path(swiftopt.__file__).parents[1])
    return subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / script), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": package_folder, **environment},
        capture_output=True,
        text=True,
        timeout=240,
    )


def load_module(script):
    path = EXAMPLES / script
    specification = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def idx_file(array):
    """The content of a gzipped IDX file, put together as the format's description says."""
    array = array.astype(np.uint8)
    header = bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes()
    return gzip.compress(header + array.tobytes(), compresslevel=1)


def write_data_set(folder):
    """Writes a made-up data set in the files' format: ten noisy patterns, one for each class."""
    rng = np.random.default_rng(5)
    patterns = rng.integers(0, 200, (10, 28, 28))
    for part, count in (("train", 3000), ("t10k", 1000)):
        labels = rng.integers(0, 10, count)
        images = patterns[labels] + rng.integers(0, 56, (count, 28, 28))
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(idx_file(images))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx_file(labels))
