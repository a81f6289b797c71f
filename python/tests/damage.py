"""Damaged and hostile checkpoints, made from a good one."""

import json
import struct

import numpy as np

from . import plain_checkpoint

HUGE = [2**31, 2**60, 2**63 - 1, 2**64 - 1, 2**64, -1, 10**400]
JUNK = [
    None, True, False, 0, 1, -1, 2**53 + 1, *HUGE, 0.5, float("nan"), float("inf"), "", "a", "w",
    "params/w", "F64", "\ud800", "\x00", "0" * 16, [], {}, [[]], [1, 2], ["w", "params/w"], [None],
    {"": 0}, {"a": 1}, {"$array": "params/w"}, {"$array": 1}, {"$array": None}, {"$int": "zz"},
    {"$int": "0x1" + "0" * 5000}, {"$int": 3}, {"$float": "00"}, {"$float": []}, {"$tuple": 3},
    {"$tuple": [1, 2]}, {"$tuple": [[[]]]}, {"$dict": [[1]]}, {"$dict": [[[], 1]]},
    {"$dict": [["a", 1], ["a", 2]]}, {"$scalar": ["F64", "00"]}, {"$scalar": ["F99", ""]},
    {"$schedule": {}}, {"$schedule": {"schedule": "linear"}}, {"$schedule": {"schedule": "x"}},
    {"$schedule": {"schedule": "linear", "initial": "x", "total": 1}}, {"$unknown": 1},
    {"$controlled": 1}, {"$controlled": {"text": "", "states": []}},
    {"$controlled": {"text": 1, "states": [1, 2]}}, {"$a": 1, "b": 2},
]  # fmt: skip


def nested(depth, opening="[", closing="]"):
    return opening * depth + closing * depth


def mutants(file, count, seed):
    """(kind, bytes) of `count` files. Kind "authored" has checksums that are right."""
    random = np.random.default_rng(seed)
    mutators = [flipped, overwritten, cut, lengthened, other_length, other_header_text,
                other_header, other_metadata, authored_metadata, authored_metadata,
                authored_tensor]  # fmt: skip
    for number in range(count):
        mutator = mutators[number % len(mutators)]
        kind = "authored" if mutator.__name__.startswith("authored") else "damaged"
        yield kind, mutator(file, random)


def flipped(file, random):
    """One to three bits, half of the time in the header."""
    result = bytearray(file)
    end = 8 + struct.unpack("<Q", file[:8])[0] if random.random() < 0.5 else len(file)
    for _ in range(random.integers(1, 4)):
        result[random.integers(end)] ^= 1 << random.integers(8)
    return bytes(result)


def overwritten(file, random):
    begin = random.integers(len(file))
    size = random.integers(1, 64)
    return file[:begin] + random.bytes(size) + file[begin + size :]


def cut(file, random):
    if random.random() < 0.1:
        return file[: random.integers(20)]
    begin = random.integers(len(file))
    return file[:begin] if random.random() < 0.5 else file[:begin] + file[begin + 1 :]


def lengthened(file, random):
    begin = random.choice([random.integers(len(file)), len(file)])
    return file[:begin] + random.bytes(random.integers(1, 100)) + file[begin:]


def other_length(file, random):
    """Of the header."""
    (length,) = struct.unpack("<Q", file[:8])
    near = [length - 1, length + 1, length * 2, len(file) - 8, len(file)]
    far = [10**8, 10**8 + 1, 2**31, 2**60, 2**63, 2**64 - 1]
    others = [0, 1, 2, *near, *far, int(random.integers(2 * len(file)))]
    return struct.pack("<Q", random.choice(np.array(others, np.uint64))) + file[8:]


def other_header_text(file, random):
    """JSON that isn't any, or is more than it should be."""
    (length,) = struct.unpack("<Q", file[:8])
    header, data = file[8 : 8 + length].rstrip(), file[8 + length :]
    name = list(json.loads(header))[int(random.integers(1, 5))]
    entry = json.dumps({name: json.loads(header)[name]})[1:-1].encode()
    depth = int(random.integers(1, 3000))
    choices = [
        header[:-1] + b"," + entry + b"}",  # a name twice
        header[:-1] + b"," + entry.replace(b"0", b"1") + b"}",
        header[:-1] + b',"deep":' + nested(depth).encode() + b"}",
        header[:-1] + b',"deep":' + nested(depth, '{"a":', "}").encode() + b"}",
        nested(depth).encode(),
        header[:-1],
        header + b"}",
        header + b"\x00",
        header.replace(b":[", b":[NaN,", 1),
        header.replace(b'"shape":[', b'"shape":[1e400,', 1),
        header.replace(b'"', b"'"),
        header.replace(b'"F32"', b'"F99"'),
        b"\xff" + header,
        b"[]",
        b"{}",
        b'{"__metadata__":{}}',
        b'{"__metadata__":{"swiftopt":""}}',
        b'{"__metadata__":{"swiftopt":1}}',
        b'{"__metadata__":null}',
    ]
    return plain_checkpoint.build_text(choices[random.integers(len(choices))], data)


def other_header(file, random):
    """Well-formed, about other tensors."""
    header, content, data = plain_checkpoint.parse(file)
    names = list(header)
    one, two = (names[index] for index in random.choice(len(names), 2, replace=False))
    edit = random.integers(9)
    if edit == 0:
        header[one], header[two] = header[two], header[one]
    elif edit == 1:
        header[one]["data_offsets"] = header[two]["data_offsets"]
    elif edit == 2:
        header[one]["shape"] = [pick(random, HUGE)] * int(random.integers(1, 4))
    elif edit == 3:
        header[one]["shape"] = [pick(random, HUGE), 0]
    elif edit == 4:
        header[one]["dtype"] = pick(random, ["F64", "F32", "I32", "BF16", "U8", "BOOL", "F8_E5M2"])
    elif edit == 5:
        header[one + "x"] = header.pop(one)
    elif edit == 6:
        header[one]["data_offsets"] = [pick(random, HUGE), pick(random, HUGE)]
    elif edit == 7:
        del header[one]
    else:
        header[one]["shape"] = [*header[one]["shape"][::-1], 1]
    return plain_checkpoint.build(header, content, data)


def other_metadata(file, random):
    """An edit of the metadata without its checksum."""
    (length,) = struct.unpack("<Q", file[:8])
    header = json.loads(file[8 : 8 + length])
    text = header["__metadata__"]["swiftopt"]
    place = random.integers(len(text))
    header["__metadata__"]["swiftopt"] = text[:place] + "0" + text[place + 1 :]
    return plain_checkpoint.build_text(json.dumps(header).encode(), file[8 + length :])


def authored_metadata(file, random):
    """Whoever wrote this knows the format, and means harm."""
    header, content, data = plain_checkpoint.parse(file)
    for _ in range(random.integers(1, 3)):
        edit(content, random)
    return plain_checkpoint.build(header, content, data)


def authored_tensor(file, random):
    """Other bytes, with a right checksum."""
    header, content, data = plain_checkpoint.parse(file)
    name = pick(random, [name for name, entry in header.items() if entry["dtype"] == "F64"])
    begin, end = header[name]["data_offsets"]
    value = pick(random, [0.0, -1.0, 0.5, 1e300, 2.0**53, 2.0**54, np.nan, np.inf, -np.inf])
    data = data[:begin] + np.full((end - begin) // 8, value).tobytes() + data[end:]
    content["tensors"] = plain_checkpoint.checksums(header, data)
    return plain_checkpoint.build(header, content, data)


def edit(nest, random):
    """Change one place in a nest of dicts and lists."""
    places = list(places_of(nest))
    container, key = places[random.integers(len(places))]
    choice = random.integers(5)
    if choice == 0:
        del container[key]
    elif choice == 1 and isinstance(container, dict):
        container[str(key) + "x"] = container.pop(key)
    elif choice == 2:
        other, other_key = places[random.integers(len(places))]
        container[key] = copied(other.get(other_key) if isinstance(other, dict) else other)
    elif choice == 3 and random.random() < 0.2:
        container[key] = json.loads(nested(int(random.integers(50, 300))))
    else:
        container[key] = copied(pick(random, JUNK))


def copied(nest):
    return json.loads(json.dumps(nest))


def places_of(nest):
    items = nest.items() if isinstance(nest, dict) else enumerate(nest)
    for key, item in items:
        yield nest, key
        if isinstance(item, dict | list):
            yield from places_of(item)


def pick(random, choices):
    return choices[random.integers(len(choices))]
