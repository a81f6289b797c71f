"""One module per optimizer."""

from swiftopt.optimizers.adabelief import AdaBelief
from swiftopt.optimizers.adadelta import Adadelta
from swiftopt.optimizers.adafactor import Adafactor
from swiftopt.optimizers.adagrad import Adagrad
from swiftopt.optimizers.adam import Adam
from swiftopt.optimizers.adamax import Adamax
from swiftopt.optimizers.adamw import AdamW
from swiftopt.optimizers.adan import Adan
from swiftopt.optimizers.ademamix import AdEMAMix
from swiftopt.optimizers.lamb import LAMB
from swiftopt.optimizers.lars import LARS
from swiftopt.optimizers.lion import Lion
from swiftopt.optimizers.muon import Muon
from swiftopt.optimizers.nadam import NAdam
from swiftopt.optimizers.radam import RAdam
from swiftopt.optimizers.rmsprop import RMSprop
from swiftopt.optimizers.rprop import Rprop
from swiftopt.optimizers.schedulefreeadamw import ScheduleFreeAdamW
from swiftopt.optimizers.schedulefreesgd import ScheduleFreeSGD
from swiftopt.optimizers.sgd import SGD

__all__ = [
    "LAMB",
    "LARS",
    "SGD",
    "AdEMAMix",
    "AdaBelief",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Adan",
    "Lion",
    "Muon",
    "NAdam",
    "RAdam",
    "RMSprop",
    "Rprop",
    "ScheduleFreeAdamW",
    "ScheduleFreeSGD",
]
