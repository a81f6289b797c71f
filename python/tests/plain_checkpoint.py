"""Reads and writes checkpoints as docs/checkpoint-format.md describes them.

It shares no code with swiftopt: checksums are those of the xxhash package.
"""

import json
import struct

import xxhash

BLOCK = 1 << 20


def text_checksum(text):
    return xxhash.xxh64_hexdigest(text.encode())


def form(name, dtype, shape):
    return f"{name}\n{dtype}\n{','.join(map(str, shape))}\n"


def forms_checksum(header):
    return text_checksum(
        "".join(form(name, header[name]["dtype"], header[name]["shape"]) for name in sorted(header))
    )


def tensor_checksum(name, dtype, shape, data):
    blocks = [
        xxhash.xxh64_intdigest(data[begin : begin + BLOCK]) for begin in range(0, len(data), BLOCK)
    ]
    start = form(name, dtype, shape).encode()
    return xxhash.xxh64_hexdigest(start + struct.pack(f"<{len(blocks)}Q", *blocks))


def parse(file):
    """(header without metadata, content, data) of the bytes of a checkpoint."""
    (length,) = struct.unpack("<Q", file[:8])
    header = json.loads(file[8 : 8 + length])
    text = header.pop("__metadata__")["swiftopt"]
    assert text_checksum(text[16:]) == text[:16]
    return header, json.loads(text[16:]), file[8 + length :]


def tensor(header, data, name):
    """The bytes of a tensor."""
    begin, end = header[name]["data_offsets"]
    return data[begin:end]


def checksums(header, data):
    return {
        name: tensor_checksum(name, entry["dtype"], entry["shape"], tensor(header, data, name))
        for name, entry in header.items()
    }


def build(header, content, data):
    """The bytes of a file with this header, this content and a right metadata checksum."""
    text = json.dumps(content)
    return build_text(json.dumps(
        {"__metadata__": {"swiftopt": text_checksum(text) + text}, **header}
    ).encode(), data)  # fmt: skip


def build_text(header, data):
    """The bytes of a file with this text as its header."""
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + data
