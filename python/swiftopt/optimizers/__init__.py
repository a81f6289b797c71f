"""One module per optimizer."""

from swiftopt.optimizers.adagrad import Adagrad
from swiftopt.optimizers.adam import Adam
from swiftopt.optimizers.adamw import AdamW
from swiftopt.optimizers.lion import Lion
from swiftopt.optimizers.rmsprop import RMSprop
from swiftopt.optimizers.sgd import SGD

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Lion", "RMSprop"]
