# `make check` runs what CI runs. Every target sets up its own virtual environment first.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 2
KERNELS := $(shell find src -name '*.pyx' -o -name '*.pxi' -o -name '*.pxd')
INSTALLED := $(VENV)/.plumbob-installed

.PHONY: check test registry lint types format docs package clean

check: lint types test registry package

# Installs once, and again when the metadata or a Cython source changes.
$(INSTALLED): pyproject.toml setup.py $(KERNELS)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

test: $(INSTALLED)
	$(BIN)/python -m pytest -n $(WORKERS)

lint: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(INSTALLED)
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

# Regenerates what is generated from the code; a test checks that it is current.
docs: $(INSTALLED)
	$(BIN)/python -m plumbob.report.catalogue > docs/diagnostics.md

# Real releases of real engines: some gigabytes on the first run, kept in the user's cache
# (PLUMBOB_CACHE moves it). Offline they are skipped; with CI set in the environment they fail.
registry: $(INSTALLED)
	$(BIN)/python -m pytest -n $(WORKERS) -m 'registry and not slow' --ignore tests/test_package.py

# Builds the sdist, a wheel from that, and installs and runs the wheel on its own.
package: $(INSTALLED)
	$(BIN)/python -m pytest -m registry tests/test_package.py

clean:
	rm -rf build dist src/*.egg-info
	find src -name '*.so' -delete
	find src -name '*.pyx' | sed 's/pyx$$/c/' | xargs rm -f
