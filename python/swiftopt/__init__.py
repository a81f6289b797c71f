"""Native optimizers, schedules and layers that work on NumPy arrays in place.

>>> import numpy as np, swiftopt as so
>>> w = np.zeros(3, np.float32)
>>> optimizer = so.AdamW([w], lr=so.warmup_cosine(0.1, warmup=2, total=10), clip_norm=1.0)
>>> optimizer.step([np.ones(3, np.float32)]).lr
0.0

Layers are in `swiftopt.nn`, data feeding in `swiftopt.data` and training loops in
`swiftopt.train`; each is imported when it is first used.
"""

from types import ModuleType
from typing import TYPE_CHECKING

from swiftopt import control, optimizers, schedules
from swiftopt._blas import BlasInfo, blas_info
from swiftopt._cast import cast
from swiftopt._checkpoint import Checkpoint, CheckpointError, load, save
from swiftopt._core import Report
from swiftopt._dtypes import BFloat16View, bfloat16_view
from swiftopt._threads import get_num_threads, register_threadpoolctl, set_num_threads
from swiftopt._torch_state import load_torch_state_dict, torch_state_dict
from swiftopt.control import *  # noqa: F403  (control.__all__ is the list, and so on)
from swiftopt.optimizer import Optimizer
from swiftopt.optimizers import *  # noqa: F403
from swiftopt.schedules import *  # noqa: F403

if TYPE_CHECKING:
    from swiftopt import data as data
    from swiftopt import nn as nn
    from swiftopt import train as train

__version__ = "0.1.0"


def __getattr__(name: str) -> ModuleType:
    """Import a submodule when it is first asked for: optimizers alone start faster."""
    if name in ("data", "nn", "train"):
        from importlib import import_module

        return import_module(f"swiftopt.{name}")
    raise AttributeError(f"module 'swiftopt' has no attribute {name!r}")


__all__ = [
    "BFloat16View",
    "BlasInfo",
    "Checkpoint",
    "CheckpointError",
    "Optimizer",
    "Report",
    "__version__",
    "bfloat16_view",
    "blas_info",
    "cast",
    "control",
    "get_num_threads",
    "load",
    "load_torch_state_dict",
    "optimizers",
    "register_threadpoolctl",
    "save",
    "schedules",
    "set_num_threads",
    "torch_state_dict",
]
__all__ += control.__all__
__all__ += optimizers.__all__
__all__ += schedules.__all__
