"""Draw docs/trainer/range_test.svg: ``python docs/plots/trainer.py``.

The picture carries the smoothed losses in it, which python/tests/test_train_docs.py measures
again.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

import swiftopt as so
from swiftopt import nn

FILE = Path(__file__).resolve().parents[1] / "trainer" / "range_test.svg"


def range_test() -> so.train.RangeTest:
    """Return a range test of a small network, in float64: ten clusters, and momentum."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((10, 20))
    labels = rng.integers(10, size=2048)
    x = centres[labels] + rng.standard_normal((2048, 20))
    batches = [(x[i : i + 128], labels[i : i + 128]) for i in range(0, 2048, 128)]
    net = nn.Sequential(nn.Linear(20, 64), nn.Tanh(), nn.Linear(64, 10))
    net.reset_parameters(0).to("float64")
    optimizer = so.SGD(net.named_parameters(), momentum=0.9)
    return so.train.lr_find(
        net, batches, optimizer=optimizer, loss=nn.CrossEntropyLoss(), lowest=1e-4, highest=100
    )


def draw() -> None:
    """Draw the picture."""
    import matplotlib as mpl

    mpl.rcParams.update({"svg.hashsalt": "range_test", "svg.fonttype": "none"})
    os.environ["SOURCE_DATE_EPOCH"] = "0"
    found = range_test()
    found.plot(FILE)
    values = " ".join(f"{loss:.6g}" for loss in found.smoothed)
    FILE.write_text(FILE.read_text().replace("</svg>", f"<!-- smoothed {values} -->\n</svg>"))
    print(FILE, found)


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    draw()
