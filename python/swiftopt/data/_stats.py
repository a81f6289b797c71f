"""What a loader counts."""

from __future__ import annotations

_MOST_ERRORS = 100


class LoaderStats:
    """Counts of a loader since it was made, or since `reset`.

    Attributes
    ----------
    wait_seconds : float
        How long the loop over the loader waited for batches.
    total_seconds : float
        From the first request for a batch of an epoch to its last one's arrival, over all
        epochs: waiting and training, but not what happens between epochs.
    batches, samples : int
        How many were handed out.
    bytes_read : int
        From files, by native threads.
    cache_hits, cache_misses : int
        Samples that a cache had, or had not.
    read_errors : int
        Samples that were left out because they couldn't be read (`skip_errors=True`).
    errors : list of str
        What was wrong with the first 100 of these batches.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin to count anew."""
        self.wait_seconds = 0.0
        self.total_seconds = 0.0
        self.batches = 0
        self.samples = 0
        self.bytes_read = 0
        self.cache_hits = 0
        self.cache_misses = 0
        self.read_errors = 0
        self.errors: list[str] = []

    @property
    def wait_share(self) -> float:
        """Return the share of the time that the loop waited for data, in 0 ... 1."""
        return self.wait_seconds / self.total_seconds if self.total_seconds > 0 else 0.0

    def note_error(self, text: str) -> None:
        """Keep what was wrong with a batch, if there aren't many yet."""
        if len(self.errors) < _MOST_ERRORS:
            self.errors.append(text)

    def __repr__(self) -> str:
        parts = [
            f"waited {self.wait_seconds:.3f} of {self.total_seconds:.3f} s "
            f"({100 * self.wait_share:.1f} %)",
            f"{self.batches} batches",
            f"{self.samples} samples",
        ]
        if self.bytes_read:
            parts.append(f"{self.bytes_read} bytes read")
        if self.cache_hits or self.cache_misses:
            parts.append(f"cache {self.cache_hits} hits, {self.cache_misses} misses")
        if self.read_errors:
            parts.append(f"{self.read_errors} read errors")
        return f"LoaderStats({', '.join(parts)})"
