# The commands of design §5. Everything that is missing is set up on the way.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
PYTEST := $(BIN)/python -m pytest
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_REQUIRE_VIRTUALENV := 1

.PHONY: help setup run test check long bench lock clean

help: ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

$(STAMP)-venv: deploy/system-packages
	@deploy/system-packages venv
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "line 123 needs Python 3.11 or newer; set PYTHON=python3.11")'
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(STAMP)-run: requirements.lock pyproject.toml $(STAMP)-venv
	@echo "Installing the Python packages of requirements.lock into $(VENV) …"
	@$(BIN)/pip install -q --require-hashes -r requirements.lock
	@$(BIN)/pip install -q --no-deps --no-build-isolation -e .
	@touch $@

$(STAMP)-dev: requirements-dev.lock $(STAMP)-run
	@echo "Installing the test tools of requirements-dev.lock …"
	@$(BIN)/pip install -q --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(STAMP)-run ## install all that is missing, run nothing
	@deploy/system-packages serve
	@$(BIN)/ivr asterisk install

run: setup ## serve the line on this machine
	@$(BIN)/ivr run

check: $(STAMP)-dev ## lint, types, core tests: under a minute
	@$(BIN)/ruff check -q . && $(BIN)/ruff format -q --check .
	@$(BIN)/mypy --no-error-summary
	@$(PYTEST) -q -n 2 -m "not long" tests/core tests/properties

test: $(STAMP)-dev ## the whole suite, real Asterisk included
	@deploy/system-packages serve test
	@$(BIN)/ivr asterisk install
	@$(BIN)/ruff check -q . && $(BIN)/ruff format -q --check .
	@$(BIN)/mypy --no-error-summary
	@$(PYTEST) -q -n 3 --dist loadgroup -m "not long" tests

long: $(STAMP)-dev ## long campaigns; results are kept in docs/
	@deploy/system-packages serve test
	@$(BIN)/ivr asterisk install
	@$(PYTEST) -q -m long --timeout=0 tests

bench: $(STAMP)-dev ## print the benchmark tables
	@deploy/system-packages serve test
	@$(BIN)/ivr asterisk install
	@$(BIN)/ivr bench all

lock: ## renew the lock files (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --no-annotate --extra build pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --no-annotate --extra build --extra dev pyproject.toml -o requirements-dev.lock

clean: ## remove what make built; var/ and the cached Asterisk stay
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache *.egg-info
