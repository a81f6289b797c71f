"""The random numbers of augmentations, in plain Python.

Philox 4x32-10 as in Salmon et al. 2011, section 3.4; streams and draws as docs/augmentation.md
says.
"""

from __future__ import annotations

WORD = 0xFFFF_FFFF


def philox(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return four words of 32 bits."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & WORD, (p0 >> 32) ^ c3 ^ k1, p0 & WORD
        k0, k1 = (k0 + 0x9E3779B9) & WORD, (k1 + 0xBB67AE85) & WORD
    return c0, c1, c2, c3


class Draws:
    """The blocks of one augmentation, the one with this place in the program, for one image."""

    def __init__(self, seed: int, place: int, epoch: int, number: int) -> None:
        self.seed, self.purpose = seed, 16 + place
        self.epoch, self.number = epoch, number

    def block(self, index: int) -> tuple[int, int, int, int]:
        """Return block `index`; 65536 of them belong to one stream."""
        purpose = self.purpose + (index >> 16 << 16)
        words = philox((purpose, 0, 0, 0), (self.seed & WORD, self.seed >> 32))
        draw = index & 0xFFFF
        counter = (
            self.number & WORD,
            (self.number >> 32) | draw << 16,
            self.epoch & WORD,
            self.epoch >> 32,
        )
        return philox(counter, (words[0], words[1]))

    def shares(self, index: int) -> list[float]:
        """Return a block as numbers in [0, 1)."""
        return [word / 2**32 for word in self.block(index)]

    def word(self, index: int) -> int:
        """Return word `index` of all blocks in turn."""
        return self.block(index // 4)[index % 4]


def below(share: float, count: int) -> int:
    """Return a whole number in 0 ..< count."""
    return int(share * count)


def between(share: float, bounds: tuple[float, float]) -> float:
    return bounds[0] + (bounds[1] - bounds[0]) * share
