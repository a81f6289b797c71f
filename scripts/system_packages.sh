#!/usr/bin/env bash
# Installs the Debian packages that are missing, with sudo only if not root.
set -euo pipefail

wanted=(
    build-essential        # compiles and links the extension
    python3-dev            # its headers
    python3-venv
    libopenblas-dev        # the matrix products of NumPy scripts
    dataset-fashion-mnist  # the images of the examples
    bible-kjv-text         # the text of the character transformer
    qemu-user              # old processors for the tests
    chromium               # reads the study's page in the tests
    chromium-driver
)

if ! command -v swift >/dev/null; then
    echo "swift is missing: install a Swift 6.3 toolchain and put it on PATH" >&2
    exit 1
fi
missing=()
for package in "${wanted[@]}"; do
    dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null |
        grep -q '^install ok installed$' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
echo "installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" >/dev/null
