"""Running commands in this process, and small files for them to work on."""

import numpy as np

import swiftopt as so
from swiftopt import nn
from swiftopt._cli import _app

CONFIG = """
[data]
file = "blobs.npz"
inputs = "x"
labels = "y"
validation = 0.25

[model]
layers = [
    "Linear(2, 8)",
    "Tanh",
    "Linear(8, 2)",
]

[optimizer]
name = "AdamW"
lr = 0.05

[train]
epochs = 4
batch_size = 25
"""


def write(folder, text=CONFIG, *replacements):
    """Write data and a file that trains on them, and return its path.

    Two classes, 2 apart at a deviation of 0.5: an error of 2 % (the normal distribution at -2).
    """
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    x = rng.normal(0, 0.5, (200, 2)).astype(np.float32)
    x[:, 0] += 2 * y - 1
    np.savez(folder / "blobs.npz", x=x, y=y, short=y[:-1], text=np.array(["a"] * 200))
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    path = folder / "run.toml"
    path.write_text(text)
    return path


def trained(path):
    """The network of CONFIG with the weights that a run left."""
    net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
    so.load(path, params=net.state_dict())
    return net


class Runner:
    """Calls the command line as the script does."""

    def __init__(self, capfd):
        self._capfd = capfd

    def __call__(self, *arguments):
        """Return the exit status, and what was written to stdout and stderr."""
        self._capfd.readouterr()
        status = _app.main("swiftopt", [str(argument) for argument in arguments])
        return status, *self._capfd.readouterr()

    def fails(self, *arguments, status):
        """Return the message of a command that must fail so, with nothing but a message."""
        found, output, errors = self(*arguments)
        assert found == status, errors
        assert output == ""
        assert "Traceback" not in errors
        assert "Error: " in errors
        return errors.partition("Error: ")[2]
