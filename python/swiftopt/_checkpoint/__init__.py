"""Checkpoints: everything that a run needs to go on, in one safetensors file.

The format is described in docs/checkpoint-format.md. From the file up: `_file` replaces
files safely and `_rotation` keeps old ones, `_container` is the safetensors file with its
checksums, `_values` turns nests into JSON and tensors, `_optimizers` an optimizer into a
record and back, `_saving` and `_loading` put it together for `_api`.
"""

from swiftopt._checkpoint._api import load, save
from swiftopt._checkpoint._errors import CheckpointError
from swiftopt._checkpoint._result import Checkpoint

__all__ = ["Checkpoint", "CheckpointError", "load", "save"]
