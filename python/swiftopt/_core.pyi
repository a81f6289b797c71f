from collections.abc import Iterable
from typing import Any, Final, Literal, SupportsFloat, SupportsIndex, TypeAlias, TypedDict, final

from _typeshed import structseq

# Anything with the buffer protocol (collections.abc.Buffer is new in Python 3.12); for
# gradients also whatever swiftopt._arrays.as_array takes.
_Array: TypeAlias = Any
_Gradients: TypeAlias = list[_Array | None] | tuple[_Array | None, ...]
_Number: TypeAlias = SupportsFloat | SupportsIndex

# Not a class of the module: what optimizer_descriptions returns.
class _Description(TypedDict):
    name: str
    lr: float
    weight_decay: float
    decay: Literal["coupled", "decoupled"]
    hyperparameters: list[tuple[str, float, float, float, bool, bool]]
    slots: list[tuple[str, int, int]]
    scalars: list[tuple[str, float]]

def level_names() -> tuple[str, ...]: ...
def level_supported(name: str, /) -> bool: ...
def level() -> str: ...
def select_level(name: str | None, /) -> None: ...
def get_num_threads() -> int: ...
def set_num_threads(n: SupportsIndex, /) -> None: ...
def optimizer_descriptions() -> list[_Description]: ...
def schedule_validate(program: bytes, /) -> None: ...
def schedule_value(program: bytes, step: _Number, /) -> float: ...
def schedule_values(program: bytes, steps: _Array, out: _Array, /) -> None: ...

@final
class Report(
    structseq[Any],
    tuple[
        Literal["updated", "skipped"],
        int,
        float,
        tuple[dict[str, Any], ...],
        float | None,
        float,
        str | None,
        float | None,
    ],
):
    __match_args__: Final = (
        "status",
        "step",
        "lr",
        "groups",
        "grad_norm",
        "clip_coefficient",
        "first_bad",
        "update_norm",
    )
    @property
    def status(self) -> Literal["updated", "skipped"]: ...
    @property
    def step(self) -> int: ...
    @property
    def lr(self) -> float: ...
    @property
    def groups(self) -> tuple[dict[str, Any], ...]: ...
    @property
    def grad_norm(self) -> float | None: ...
    @property
    def clip_coefficient(self) -> float: ...
    @property
    def first_bad(self) -> str | None: ...
    @property
    def update_norm(self) -> float | None: ...

@final
class Plan:
    def __new__(
        cls,
        optimizer: str,
        names: tuple[str, ...],
        parameters: list[_Array],
        slots: list[tuple[_Array | None, ...]],
        scalars: _Array,
        groups: list[int],
        group_count: int,
    ) -> Plan: ...
    step_count: int
    @property
    def released(self) -> bool: ...
    def set_group(self, index: int, values: Iterable[_Number], /) -> None: ...
    def set_options(
        self, clip_norm: _Number, skip_nonfinite: bool, report_norm: bool, /
    ) -> None: ...
    def bind(self, grads: _Gradients | None, /) -> None: ...
    def step(
        self,
        grads: _Gradients | None,
        step_after: int,
        lr: float,
        groups: tuple[dict[str, Any], ...],
        /,
    ) -> Report: ...
    def release(self) -> None: ...
