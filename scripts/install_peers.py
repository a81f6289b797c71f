"""Install what the benchmarks compare with into the environment that runs this.

Each package is installed on its own: one that this machine can't have is reported at the
end, and its contenders are MISSING in the benchmarks' report. swiftopt itself is used
from the source tree, as built for the tests.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# DeepSpeed's operators are compiled where they are first used.
ENVIRONMENT = {**os.environ, "DS_BUILD_OPS": "0"}


# timm's schedulers need torch alone; its torchvision would bring a torch of its own choice.
WITHOUT_DEPENDENCIES = {"timm"}


def install(requirement: str, name: str) -> str:
    """Install one requirement; return pip's last line if it can't be had."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", requirement]
    if name in WITHOUT_DEPENDENCIES:
        command.append("--no-deps")
    outcome = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    lines = outcome.stderr.strip().splitlines() or [f"exit status {outcome.returncode}"]
    return lines[-1] if outcome.returncode else ""


def add_source_tree(packages: Path) -> None:
    """Let this environment import swiftopt from the tree, like an editable install."""
    (packages / "swiftopt-source.pth").write_text(f"{ROOT / 'python'}\n")


def size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    """Install, and say what is there and how large it is."""
    if sys.prefix == sys.base_prefix:
        sys.exit("run this with the Python of a virtual environment")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    packages = Path(sysconfig.get_path("purelib"))
    failures = {}
    for requirement in [*project["dependencies"], *project["optional-dependencies"]["peers"]]:
        name = re.split(r"[<>=!~ ]", requirement)[0]
        before = size(packages)
        if failure := install(requirement, name):
            failures[requirement] = failure
            print(f"{name:<14} NOT INSTALLED", flush=True)
        else:
            version = importlib.metadata.version(name)
            grown = (size(packages) - before) / 2**20
            print(f"{name:<14} {version:<14} {grown:7.0f} MB with its dependencies", flush=True)
    add_source_tree(packages)
    for requirement, failure in failures.items():
        print(f"{requirement}: {failure}")


if __name__ == "__main__":
    main()
