"""One line that tells how training goes."""

from __future__ import annotations

import shutil
import sys
import time
from typing import Any

_SECONDS_BETWEEN_LINES = 0.1


class Progress:
    """Shows nothing; what is shown, subclasses do."""

    def step(self, info: dict[str, Any], wait: float) -> None:
        """Show a step; `wait` is the share of time that waited for data."""

    def epoch(self, row: dict[str, Any]) -> None:
        """Show an epoch, in a line that stays."""

    def close(self) -> None:
        """Leave the line."""


class Bar(Progress):
    """A bar of tqdm, over all epochs."""

    def __init__(self, tqdm: Any, epochs: int, length: int, done: int) -> None:
        self._epochs, self._length = epochs, length
        self._samples, self._clock = 0, time.perf_counter()
        self._bar = tqdm(
            total=epochs * length or None,
            initial=done,
            unit="step",
            file=sys.stderr,
            leave=False,
            dynamic_ncols=True,
            bar_format="{desc}{percentage:3.0f}% |{bar}| {n_fmt}/{total_fmt} "
            "[{elapsed}<{remaining}{postfix}]",
        )

    def step(self, info: dict[str, Any], wait: float) -> None:
        """Move the bar; tqdm draws it ten times a second at most."""
        self._samples += info["samples"]
        self._bar.set_description(f"epoch {info['epoch']}/{self._epochs}", refresh=False)
        rate = self._samples / max(time.perf_counter() - self._clock, 1e-9)
        self._bar.set_postfix_str(step_text(info, wait, rate), refresh=False)
        self._bar.update()

    def epoch(self, row: dict[str, Any]) -> None:
        """Write a line above the bar; from the first epoch on its end is known."""
        if not self._length:
            self._bar.total = row["step"] * self._epochs // row["epoch"]
        self._bar.write(epoch_text(row, self._epochs), file=sys.stderr)

    def close(self) -> None:
        """Remove the bar."""
        self._bar.close()


class Line(Progress):
    """A line that is written over, without tqdm."""

    def __init__(self, epochs: int, length: int, done: int) -> None:
        self._epochs, self._total, self._first = epochs, epochs * length, done
        self._samples, self._clock, self._shown, self._width = 0, time.perf_counter(), 0.0, 0

    def step(self, info: dict[str, Any], wait: float) -> None:
        """Write the line anew, ten times a second at most."""
        self._samples += info["samples"]
        now = time.perf_counter()
        if now - self._shown < _SECONDS_BETWEEN_LINES:
            return
        self._shown = now
        seconds = max(now - self._clock, 1e-9)
        text = f"epoch {info['epoch']}/{self._epochs}, step {info['step']}"
        if self._total:
            left = seconds / (info["step"] - self._first) * (self._total - info["step"])
            text += f"/{self._total}, {_duration(left)} left"
        text += f", {step_text(info, wait, self._samples / seconds)}"
        # One that is wrapped can't be written over.
        self._write(text[: max(shutil.get_terminal_size().columns - 1, 1)])

    def epoch(self, row: dict[str, Any]) -> None:
        """Write a line that stays."""
        if not self._total:
            self._total = row["step"] * self._epochs // row["epoch"]
        self._write(epoch_text(row, self._epochs))
        sys.stderr.write("\n")
        self._width = 0

    def close(self) -> None:
        """Remove what was written last."""
        if self._width:
            self._write("")
            sys.stderr.write("\r")

    def _write(self, text: str) -> None:
        sys.stderr.write(f"\r{text.ljust(self._width)}")
        sys.stderr.flush()
        self._width = len(text)


def progress(wanted: bool | None, epochs: int, length: int, done: int) -> Progress:
    """Return what shows the progress: None asks for it on a terminal only."""
    if wanted is None:
        wanted = sys.stderr is not None and sys.stderr.isatty()
    if not wanted:
        return Progress()
    try:
        from tqdm import tqdm
    except ImportError:
        return Line(epochs, length, done)
    return Bar(tqdm, epochs, length, done)


def step_text(info: dict[str, Any], wait: float, rate: float) -> str:
    """Return rate, loss and so on."""
    own = {"event", "epoch", "batch", "step", "updates", "status", "samples", "lr", "grad_norm"}
    parts = [f"{rate:,.0f}/s"]
    parts += [f"{name} {value:.4g}" for name, value in info.items() if name not in own]
    parts.append(f"lr {info['lr']:.3g}")
    if info["grad_norm"] is not None:
        parts.append(f"norm {info['grad_norm']:.3g}")
    if wait >= 0.005:
        parts.append(f"data wait {wait:.0%}")
    return ", ".join(parts)


def epoch_text(row: dict[str, Any], epochs: int) -> str:
    """Return an epoch's results."""
    own = {"epoch", "step", "updates", "lr", "grad_norm", "skipped", "seconds",
           "samples_per_second", "data_wait"}  # fmt: skip
    parts = [f"{name} {value:.4g}" for name, value in row.items() if name not in own]
    parts.append(f"lr {row['lr']:.3g}")
    parts.append(f"{row['seconds']:.1f} s, {row['samples_per_second']:,.0f}/s")
    if row["data_wait"] >= 0.005:
        parts.append(f"data wait {row['data_wait']:.0%}")
    if row["skipped"]:
        parts.append(f"{row['skipped']} steps skipped")
    return f"epoch {row['epoch']}/{epochs}: {', '.join(parts)}"


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
