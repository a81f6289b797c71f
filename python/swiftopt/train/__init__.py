"""Training loops: `fit`, and the learning-rate range test `lr_find`.

They use nothing but the public parts of swiftopt, so a loop of your own can do all that they
do; docs/trainer.md shows one.
"""

from swiftopt.train._fit import fit
from swiftopt.train._lr_find import lr_find
from swiftopt.train._metrics import accuracy, top_k_accuracy
from swiftopt.train._range_test import RangeTest

__all__ = ["RangeTest", "accuracy", "fit", "lr_find", "top_k_accuracy"]
