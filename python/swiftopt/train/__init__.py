"""Training loops: `fit`, and the learning-rate range test `lr_find`.

They train with nothing but the public parts of swiftopt, so a loop of your own can do the same;
docs/trainer.md shows one. Two conveniences look deeper: that a checkpoint can be saved and loaded
is tried before anything is trained, and after a nan the layer that it came from is searched for.
"""

from swiftopt.train._fit import fit
from swiftopt.train._lr_find import lr_find
from swiftopt.train._metrics import accuracy, top_k_accuracy
from swiftopt.train._range_test import RangeTest

__all__ = ["RangeTest", "accuracy", "fit", "lr_find", "top_k_accuracy"]
