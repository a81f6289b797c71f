from collections.abc import Iterable
from typing import Any, Final, Literal, SupportsFloat, SupportsIndex, TypeAlias, TypedDict, final

from _typeshed import structseq

# Anything with the buffer protocol (collections.abc.Buffer is new in Python 3.12); for
# gradients also whatever swiftopt._arrays.as_array takes.
_Array: TypeAlias = Any
_Gradients: TypeAlias = list[_Array | None] | tuple[_Array | None, ...]
_Number: TypeAlias = SupportsFloat | SupportsIndex

# name, required_by, initial_value, content, form, owner, starts_as_parameter
_SlotDescription: TypeAlias = tuple[
    str,
    int,
    int,
    Literal["signed", "nonnegative", "exact"],
    Literal["full", "row", "column"],
    Literal["all", "matrices", "others"],
    bool,
]

# Not a class of the module: what optimizer_descriptions returns.
class _Description(TypedDict):
    name: str
    lr: float
    weight_decay: float
    decay: Literal["coupled", "decoupled", "independent", "own"]
    kind: Literal["elementwise", "trust_step", "trust_gradient", "factored", "matrix"]
    # name, default, minimum, maximum, whether that is excluded, whether it is a flag
    hyperparameters: list[tuple[str, float, float, float, bool, bool]]
    slots: list[_SlotDescription]
    scalars: list[tuple[str, float]]

def level_names() -> tuple[str, ...]: ...
def level_supported(name: str, /) -> bool: ...
def level() -> str: ...
def select_level(name: str | None, /) -> None: ...
def get_num_threads() -> int: ...
def set_num_threads(n: SupportsIndex, /) -> None: ...
def set_blas(sgemm: int, dgemm: int, integer_bits: int, /) -> None: ...
def blas_is_set() -> bool: ...
def optimizer_descriptions() -> list[_Description]: ...
def schedule_validate(program: bytes, /) -> None: ...
def schedule_value(program: bytes, step: _Number, /) -> float: ...
def schedule_values(program: bytes, steps: _Array, out: _Array, /) -> None: ...
def checksum(data: _Array, seed: int, /) -> int: ...
def checksum_blocks(data: _Array, block_size: int, /) -> tuple[int, ...]: ...
def control_begin(machine: int, settings: bytes, /) -> bytearray: ...
def control_check(machine: int, settings: bytes, state: bytearray, /) -> None: ...
def control_observe(
    machine: int, settings: bytes, state: bytearray, observation: _Number, /
) -> int: ...
def augmentation_descriptions() -> list[
    tuple[str, str, tuple[tuple[str, float, float, bool, bool, bool], ...]]
]: ...
def augment_plan(
    program: bytes, shape: tuple[int, int, int, int], dtype: str, out_dtype: str, /
) -> tuple[int, int, bool]: ...
def augment(
    images: _Array,
    out: _Array,
    program: bytes,
    shape: tuple[int, int, int, int],
    seed: int,
    epoch: int,
    indices: _Array | None,
    labels: _Array | None,
    classes: int,
    /,
) -> None: ...
def sample_indices(sampler: tuple[object, ...], epoch: int, first: int, out: _Array, /) -> None: ...
def alias_table(weights: _Array, accept: _Array, alias: _Array, /) -> None: ...
def layer_descriptions() -> list[dict[str, Any]]: ...
def cast(source: _Array, out: _Array, stochastic: bool, seed: int, /) -> None: ...

@final
class Report(
    structseq[Any],
    tuple[
        Literal["updated", "accumulating", "skipped"],
        int,
        float,
        tuple[dict[str, Any], ...],
        float | None,
        float,
        str | None,
        float | None,
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
        "loss_scale",
    )
    @property
    def status(self) -> Literal["updated", "accumulating", "skipped"]: ...
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
    @property
    def loss_scale(self) -> float | None: ...

# One tensor of a plan: parameter, slots, group index, master, compensation, average, copy,
# accumulator, rounds_stochastically, (rows, columns, units), key.
_Slot: TypeAlias = _Array | tuple[_Array, _Array] | None  # a pair: 8-bit codes and scales
_Tensor: TypeAlias = tuple[
    _Array,
    tuple[_Slot, ...],
    int,
    _Array | None,
    _Array | None,
    _Array | None,
    _Array | None,
    _Array | None,
    bool,
    tuple[int, int, int],
    int,
]

@final
class Plan:
    def __new__(
        cls,
        optimizer: str,
        names: tuple[str, ...],
        tensors: list[_Tensor],
        scalars: _Array,
        group_count: int,
        seed: int = 0,
    ) -> Plan: ...
    step_count: int
    @property
    def accumulated(self) -> tuple[bool, ...]: ...
    @accumulated.setter
    def accumulated(self, value: Iterable[bool], /) -> None: ...
    @property
    def released(self) -> bool: ...
    def set_group(self, index: int, values: Iterable[_Number], /) -> None: ...
    def set_options(
        self,
        clip_norm: _Number,
        skip_nonfinite: bool,
        report_norm: bool,
        report_update_norm: bool,
        /,
    ) -> None: ...
    def bind(self, grads: _Gradients | None, /) -> None: ...
    def receive(self, index: int, grad: _Array, /) -> None: ...
    def accumulate(self, grads: _Gradients | None, weight: _Number, /) -> None: ...
    def step(
        self,
        grads: _Gradients | None,
        step_after: int,
        lr: float,
        groups: tuple[dict[str, Any], ...],
        gradient_scale: _Number = 1.0,
        scaler_settings: bytes | None = None,
        scaler_state: bytearray | None = None,
        /,
    ) -> Report: ...
    def step_accumulated(
        self,
        step_after: int,
        lr: float,
        groups: tuple[dict[str, Any], ...],
        gradient_scale: _Number,
        scaler_settings: bytes | None = None,
        scaler_state: bytearray | None = None,
        /,
    ) -> Report: ...
    def release(self) -> None: ...

@final
class LayerCall:
    def __new__(
        cls,
        name: str,
        arrays: Iterable[_Array | None],
        sizes: Iterable[int],
        settings: Iterable[_Number] = (),
    ) -> LayerCall: ...
    def __call__(self) -> None: ...
    def replace(self, index: int, array: _Array | None, /) -> None: ...

# samples, bytes read, cache hits and misses, read errors, items per row of each field, and what
# couldn't be read: field, row, sample, file, offset, errno
_BatchReport: TypeAlias = tuple[
    int, int, int, int, int, tuple[int, ...], tuple[int, int, int, int, int, int] | None
]

@final
class DataPlan:
    def __new__(
        cls,
        fields: list[tuple[Any, ...]],
        sampler: tuple[object, ...],
        batch_size: int,
        drop_last: bool = False,
        skip_errors: bool = False,
        batch_starts: _Array | None = None,
        keys_by_position: bool = False,
        augment: _Array | None = None,
        image: tuple[int, int, int] = (0, 0, 0),
        classes: int = 0,
    ) -> DataPlan: ...
    @property
    def batch_count(self) -> int: ...
    def fill(self, epoch: int, batch: int, outputs: tuple[_Array, ...], /) -> _BatchReport: ...

@final
class Feeder:
    def __new__(
        cls,
        plan: DataPlan,
        epoch: int,
        first_batch: int,
        outputs: list[tuple[_Array, ...]],
        threads: int,
    ) -> Feeder: ...
    def next(self) -> tuple[int, _BatchReport, float] | None: ...
    def close(self) -> None: ...
