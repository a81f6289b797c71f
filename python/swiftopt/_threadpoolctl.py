"""What the threadpoolctl package needs to find and limit swiftopt's threads."""

from __future__ import annotations

import threadpoolctl

import swiftopt
from swiftopt import _core


class SwiftoptController(threadpoolctl.LibController):  # type: ignore[misc]
    """threadpoolctl's view of swiftopt's extension module."""

    user_api = "swiftopt"
    internal_api = "swiftopt"
    filename_prefixes = ("_core",)
    check_symbols = ("swiftopt_get_num_threads", "swiftopt_set_num_threads")

    level: str

    def get_num_threads(self) -> int:
        """Return how many threads a step may use."""
        return _core.get_num_threads()

    def set_num_threads(self, num_threads: int) -> None:
        """Set how many threads a step may use."""
        _core.set_num_threads(num_threads)

    def get_version(self) -> str:
        """Return the package's version."""
        return swiftopt.__version__

    def set_additional_attributes(self) -> None:
        """Add the instruction level to what threadpool_info() shows."""
        self.level = _core.level()


def register() -> None:
    """Make threadpoolctl look for swiftopt."""
    threadpoolctl.register(SwiftoptController)
