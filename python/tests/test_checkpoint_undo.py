"""A load that fails late leaves no trace in any of the objects that it was given."""

import pytest

import swiftopt as so

from . import plain_checkpoint
from .cases import make_params

SHAPES = ((3, 4), (5,))


class Loader:
    """Someone's own class, which may raise half-way."""

    def __init__(self, position, error=None):
        self.position, self.error = position, error

    @property
    def state(self):
        return {"position": self.position}

    def load_state(self, state):
        self.position = state["position"]
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt()], ids=repr)
def test_a_part_that_raises_half_way_is_undone_too(tmp_path, frozen, error):
    params = make_params(SHAPES)
    plateau, scaler = so.ReduceOnPlateau(patience=0), so.LossScaler(8.0)
    optimizer = so.SGD(params, lr=0.1 * plateau)
    so.save(tmp_path / "run", params=params, optimizer=optimizer, scaler=scaler, loader=Loader(5))
    for _ in range(2):
        plateau.observe(1.0)
    scaler.update(skipped=True)
    loader = Loader(7, error)
    before = plateau.state, scaler.state, loader.state
    expected = so.CheckpointError if isinstance(error, Exception) else type(error)
    with frozen(params, optimizer=optimizer), pytest.raises(expected):
        so.load(tmp_path / "run", params=params, optimizer=optimizer, scaler=scaler, loader=loader)
    assert (plateau.state, scaler.state, loader.state) == before


def test_a_state_that_a_hyperparameter_can_not_follow(tmp_path, frozen):
    """A factor of 1e-300 * 1e-300 is 0, which no clip_norm can be."""
    params = make_params(SHAPES)

    plateau = so.ReduceOnPlateau(factor=1e-300)
    optimizer = so.SGD(params, clip_norm=1e-300 * plateau)
    so.save(tmp_path / "run", params=params, optimizer=optimizer)
    before = plateau.state
    header, content, data = plain_checkpoint.parse((tmp_path / "run").read_bytes())
    states = content["optimizer"]["options"]["clip_norm"]["$controlled"]["states"]
    states[0].update(value=1e-300, reductions=1, observations=11)
    (tmp_path / "run").write_bytes(plain_checkpoint.build(header, content, data))
    with frozen(params, optimizer=optimizer), pytest.raises(so.CheckpointError, match="clip_norm"):
        so.load(tmp_path / "run", params=params, optimizer=optimizer)
    assert plateau.state == before
