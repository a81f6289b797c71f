"""Native optimizers and schedules that update NumPy arrays in place.

>>> import numpy as np, swiftopt as so
>>> w = np.zeros(3, np.float32)
>>> optimizer = so.AdamW([w], lr=so.warmup_cosine(0.1, warmup=2, total=10), clip_norm=1.0)
>>> optimizer.step([np.ones(3, np.float32)]).lr
0.0
"""

from swiftopt import optimizers, schedules
from swiftopt._cast import cast
from swiftopt._core import Report
from swiftopt._dtypes import BFloat16View, bfloat16_view
from swiftopt._threads import get_num_threads, register_threadpoolctl, set_num_threads
from swiftopt.optimizer import Optimizer
from swiftopt.optimizers import *  # noqa: F403  (optimizers.__all__ is the list)
from swiftopt.schedules import *  # noqa: F403

__version__ = "0.1.0"

__all__ = [
    "BFloat16View",
    "Optimizer",
    "Report",
    "__version__",
    "bfloat16_view",
    "cast",
    "get_num_threads",
    "optimizers",
    "register_threadpoolctl",
    "schedules",
    "set_num_threads",
]
__all__ += optimizers.__all__
__all__ += schedules.__all__
