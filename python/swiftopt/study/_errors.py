"""What goes wrong with a study, in words for its user."""

from __future__ import annotations


class StudyError(RuntimeError):
    """A study can't go on: data are missing or have changed, or its folder is in use."""
