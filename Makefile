# `make` lists the targets. Each does its own set-up and no work twice.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-swift test-c test-python test-emulated test-peers lint bench bench-peers wheel docs plots clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

NATIVE := Package.swift $(wildcard Sources/*/*.swift Sources/*/*.c Sources/*/include/*)
EXTENSION := setup.py pyproject.toml scripts/build_native.py $(wildcard python/src/*)

help: ## List the targets
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

# ------------------------------------------------------------------- set-up

SYSTEM := build/.system
INSTALLED := build/.installed

$(SYSTEM): scripts/system_packages.sh
	@mkdir -p build
	bash scripts/system_packages.sh
	@touch $@

# Tools first: they change rarely. Then the package itself, whose native part is
# rebuilt whenever one of its sources changed.
$(VENV)/.tools: pyproject.toml scripts/requirements.py $(SYSTEM)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip setuptools
	$(BIN)/python scripts/requirements.py test lint examples | \
	    $(BIN)/python -m pip install --quiet --requirement /dev/stdin
	@touch $@

$(INSTALLED): $(NATIVE) $(EXTENSION) $(VENV)/.tools
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	@touch $@

setup: $(INSTALLED) ## Install what is missing and build the package into .venv

# ---------------------------------------------------------------- main jobs

demo: $(INSTALLED) ## Train on Fashion-MNIST with swiftopt, SGD and plain NumPy
	$(BIN)/python examples/fashion_mnist_numpy.py

test: test-swift test-c test-python test-emulated ## Run every test, Swift, C and Python

test-swift: $(SYSTEM) ## Run the XCTest suites
	swift build --build-tests -c release -Xswiftc -enable-testing 2>&1 | tail -n 3
	swift test --skip-build -c release

C_TESTS := $(patsubst Tests/c/%.c,build/c/%,$(wildcard Tests/c/*.c))

build/c/%: Tests/c/%.c $(wildcard Tests/c/*.h) $(INSTALLED)
	@mkdir -p build/c
	gcc -std=c11 -O1 -Wall -Wextra -Werror -ISources/CSwiftOpt/include \
	    -ISources/SwiftOptShims/include -o $@ $< build/native/libswiftopt.a -lm -lpthread

test-c: $(C_TESTS) ## Run the programs that use the C contract directly
	for test in $(C_TESTS); do echo $$test; $$test; done

test-python: $(INSTALLED) ## Run the Python tests and doctests
	$(BIN)/python -m pytest -q

# Kernels of the lower levels, on processors that have no higher one: every rule, but not
# every variant, since XCTest runs each level of all of them on the processor that is there.
EMULATED := -m pytest -q -p no:cacheprovider -m "not large" python/tests/test_levels.py \
    python/tests/test_conformance.py python/tests/test_determinism.py python/tests/test_cast.py \
    python/tests/test_layer_conformance.py \
    -k "test_levels and not levels_agree or start_between_vectors or other_dtype or \
        repeating_a_run or hand_computed or alignment or every_half or every_kind or \
        results_are_those_of_the_reference"

test-emulated: $(INSTALLED) ## Run the baseline and AVX2 kernels under emulated old processors
	SWIFTOPT_TEST_LEVEL=baseline qemu-x86_64 -cpu Nehalem $(BIN)/python $(EMULATED)
	SWIFTOPT_TEST_LEVEL=avx2 qemu-x86_64 -cpu Haswell $(BIN)/python $(EMULATED)

lint: $(INSTALLED) ## Check formatting, types and stubs
	swift format lint --strict --recursive Package.swift Sources Tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest swiftopt --mypy-config-file pyproject.toml \
	    --allowlist scripts/stubtest_allowlist.txt

bench: $(INSTALLED) ## Measure against the memory limit and the peers that are installed
	$(BIN)/python -m benchmarks

PEERS := .venv-peers

$(PEERS)/.installed: pyproject.toml scripts/install_peers.py $(SYSTEM)
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python scripts/install_peers.py
	@touch $@

bench-peers: $(INSTALLED) $(PEERS)/.installed ## Measure against all peers, in an environment with them
	$(PEERS)/bin/python -m benchmarks
	$(PEERS)/bin/python -m benchmarks.accuracy

$(PEERS)/.tests: $(PEERS)/.installed scripts/requirements.py
	$(BIN)/python scripts/requirements.py test | \
	    $(PEERS)/bin/python -m pip install --quiet --requirement /dev/stdin
	@touch $@

PEER_TESTS := $(wildcard python/tests/test_peers*.py python/tests/test_schedule_peers*.py \
    python/tests/test_torch_*.py)

# In order: to reseed, pytest-randomly would have DeepSpeed import a torch that a test hides.
test-peers: $(INSTALLED) $(PEERS)/.tests ## Run the tests that compare with peers, in an environment with them
	$(PEERS)/bin/python -m pytest -q -p no:randomly $(PEER_TESTS)

wheel: $(VENV)/.tools ## Build the wheel into dist/ and check what it needs
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --no-build-isolation --no-deps --wheel-dir dist .
	$(BIN)/python scripts/check_wheel.py dist

docs: $(INSTALLED) ## Run the examples in the documentation
	$(BIN)/python -m pytest -q docs README.md

plots: $(INSTALLED) ## Draw the pictures of the documentation
	$(BIN)/python docs/plots/schedules.py
	$(BIN)/python docs/plots/trainer.py
	$(BIN)/python docs/plots/augmentations.py
	$(BIN)/python docs/plots/data_wait.py

clean: ## Remove everything that was built
	rm -rf build dist .build $(VENV) $(PEERS) python/*.egg-info python/swiftopt/*.so
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
