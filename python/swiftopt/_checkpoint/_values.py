"""Nests of plain values and arrays as JSON whose arrays are tensors of the file.

JSON has no NaN, no tuple, no key but a string, and readers in other languages no integer
beyond 2**53. What it lacks is an object with one key that begins with "$".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import pack, unpack
from typing import Any

import numpy as np

from swiftopt._arrays import Array
from swiftopt._checkpoint._dtypes import (
    byte_count,
    code_of,
    contiguous,
    empty,
    is_known,
    memory,
    refusal,
)
from swiftopt._checkpoint._errors import CheckpointError, shown
from swiftopt.schedules import Schedule

# Deeper nests are refused when they are saved, so that any reader can take what is written.
MAXIMUM_DEPTH = 64
_EXACT = 2**53

# Puts an array in the file and returns its name there.
Store = Callable[[str, Array], str]
# Returns the array of that name.
Fetch = Callable[[str], Array]


def encoded(value: Any, place: str, store: Store, depth: int = 0) -> Any:
    """Return what stands for `value` in JSON.

    Raises
    ------
    TypeError, ValueError
        If a part of it can't be in a checkpoint; the message begins with the part's place.
    """
    if depth > MAXIMUM_DEPTH:
        raise ValueError(f"{place} is nested more than {MAXIMUM_DEPTH} levels deep")
    if value is None or isinstance(value, bool):
        return value
    # Before numbers: NumPy's float64 is a float, and would come back as one.
    if isinstance(value, np.generic):
        array = np.asarray(value)
        return {"$scalar": [_code(array, place), memory(contiguous(array)).hex()]}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        number = int(value)
        return number if abs(number) <= _EXACT else {"$int": hex(number)}
    if isinstance(value, float):
        plain = float(value)
        return plain if abs(plain) < float("inf") else {"$float": pack(">d", plain).hex()}
    if isinstance(value, np.ndarray):
        _code(value, place)
        return {"$array": store(place, value)}
    if isinstance(value, Schedule):
        import json

        return {"$schedule": json.loads(value.to_json())}
    if isinstance(value, Mapping):
        return _encoded_mapping(value, place, store, depth)
    if isinstance(value, list | tuple):
        items = [
            encoded(item, f"{place}[{index}]", store, depth + 1) for index, item in enumerate(value)
        ]
        return {"$tuple": items} if isinstance(value, tuple) else items
    raise TypeError(
        f"{place} is a {type(value).__name__}; it must be a dict, list, tuple, str, int, float, "
        "bool, None or array"
    )


def _code(array: Array, place: str) -> str:
    code = code_of(array)
    if code is None:
        raise refusal(place, array)
    return code


def _encoded_mapping(value: Mapping[Any, Any], place: str, store: Store, depth: int) -> Any:
    items = [
        (key, encoded(item, f"{place}[{key!r}]", store, depth + 1)) for key, item in value.items()
    ]
    if all(type(key) is str and not key.startswith("$") for key, _ in items):
        return dict(items)
    return {"$dict": [[_encoded_key(key, place), item] for key, item in items]}


def _encoded_key(key: Any, place: str) -> Any:
    if not (key is None or isinstance(key, str | int | float)):
        raise TypeError(f"{place} has a key of type {type(key).__name__}, {key!r}; "
                        "keys must be str, int, float, bool or None")  # fmt: skip
    return encoded(key, f"{place}: key {key!r}", no_store)


def no_store(place: str, array: Array) -> str:
    """Refuse an array where a value can't have any."""
    raise TypeError(f"{place} is an array; it can't be one")


def no_fetch(tensor: Any) -> Array:
    """Refuse an array where a value can't have any."""
    raise CheckpointError(f"the metadata has an array where there can't be any: {shown(tensor)}")


def decoded(data: Any, fetch: Fetch, depth: int = 0) -> Any:
    """Return the value that `encoded` gave `data` for.

    Raises
    ------
    CheckpointError
        If it can't come from `encoded`.
    """
    if depth > 2 * MAXIMUM_DEPTH + 2:  # each level may have a "$..." of its own
        raise CheckpointError("the metadata is nested too deeply")
    if isinstance(data, list):
        return [decoded(item, fetch, depth + 1) for item in data]
    if not isinstance(data, dict):
        return data
    tag = next(iter(data), "")
    if not tag.startswith("$"):
        return {key: decoded(item, fetch, depth + 1) for key, item in data.items()}
    if len(data) != 1 or tag not in _DECODERS:
        raise CheckpointError(f"the metadata has an object with the key {tag[:20]!r}")
    try:
        return _DECODERS[tag](data[tag], fetch, depth + 1)
    except CheckpointError:
        raise
    except Exception as error:
        message = f"the metadata has a value that is no {tag!r}: {str(error)[:200]}"
        raise CheckpointError(message) from None


def _decoded_list(data: Any, fetch: Fetch, depth: int) -> list[Any]:
    if not isinstance(data, list):
        raise TypeError("not a list")
    return [decoded(item, fetch, depth) for item in data]


def _decoded_dict(data: Any, fetch: Fetch, depth: int) -> Any:
    pairs = _decoded_list(data, fetch, depth)
    if len(decoded_dict := dict(pairs)) != len(pairs):
        raise ValueError("a key is there twice")
    return decoded_dict


def _decoded_float(data: Any, fetch: Fetch, depth: int) -> Any:
    (number,) = unpack(">d", bytes.fromhex(data))
    return number


def _decoded_scalar(data: Any, fetch: Fetch, depth: int) -> Any:
    code, digits = data
    content = bytes.fromhex(digits)
    if not is_known(code) or len(content) != byte_count(code, ()):
        raise ValueError("not a number of a known dtype")
    array = empty(code, ())
    memory(array)[:] = content
    return array[()]


def _decoded_schedule(data: Any, fetch: Fetch, depth: int) -> Any:
    import json

    return Schedule.from_json(json.dumps(data))


_DECODERS: dict[str, Callable[[Any, Fetch, int], Any]] = {
    "$int": lambda data, fetch, depth: int(data, 16),
    "$float": _decoded_float,
    "$scalar": _decoded_scalar,
    "$array": lambda data, fetch, depth: fetch(data),
    "$schedule": _decoded_schedule,
    "$tuple": lambda data, fetch, depth: tuple(_decoded_list(data, fetch, depth)),
    "$dict": _decoded_dict,
}
