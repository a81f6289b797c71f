"""The safetensors package, which only checkpoints need."""

from __future__ import annotations

from types import ModuleType


def safetensors() -> ModuleType:
    """Return the package.

    Raises
    ------
    ImportError
        If it isn't installed, or is older than what is used here; it names the extra.
    """
    try:
        import safetensors as package
    except ImportError as error:
        raise ImportError(
            "checkpoints need the package safetensors; install swiftopt[checkpoint]"
        ) from error
    if not hasattr(package, "TensorSpec"):
        raise ImportError(
            f"checkpoints need safetensors 0.8 or newer, this is {package.__version__}; "
            "install swiftopt[checkpoint]"
        )
    return package
