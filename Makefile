# Everything runs in the repository's own environment, .venv; nothing else on the machine is touched.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# The first Python of at least 3.11 that is found; override with `make PYTHON=/path/to/python`.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
WORKERS ?= 2
OUT ?= out/demo
SCENARIO ?= models/scenarios/destest16_reservex.toml

SUITES = oracle sim mpc loop events faults market claim claim_surrogate claim_dependence gaming \
	study study_scale tune identify

# One thread per process: test workers share the cores, and runs stay reproducible.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: help setup demo test test-all lint format bench docs linkcheck evidence lock clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 16

setup: $(STAMP)  ## make .venv with the locked dependencies

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; install it or run 'make PYTHON=/path/to/python3.11'" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
		{ echo "could not make $(VENV); on Debian and Ubuntu install the package python3-venv" >&2; exit 1; }
	@echo "installing the locked dependencies into $(VENV) (once; a few minutes) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m rexdynnet.simulation.warm_up
	@touch $@

demo: $(STAMP)  ## run a winter day with market, control, safety and plant on the 16-building DESTEST network
	$(BIN)/rexdynnet run $(SCENARIO) -o $(OUT)

test: $(STAMP)  ## run the tests, except the slow ones
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile -m "not slow"

test-all: $(STAMP)  ## run every test
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile

lint: $(STAMP)  ## style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

format: $(STAMP)  ## mend what the formatter can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)  ## measure speed against the peers
	$(BIN)/rexdynnet bench sim

evidence: $(STAMP)  ## measure again what the validation and benchmark pages show
	mkdir -p docs/evidence
	$(BIN)/rexdynnet validate --json > docs/evidence/validation.json.part
	mv docs/evidence/validation.json.part docs/evidence/validation.json
	set -e; for suite in $(SUITES); do \
		$(BIN)/rexdynnet bench $$suite --json > docs/evidence/bench_$$suite.json.part || \
			echo "bench $$suite: a target was missed, or it broke off" >&2; \
		test ! -s docs/evidence/bench_$$suite.json.part || \
			mv docs/evidence/bench_$$suite.json.part docs/evidence/bench_$$suite.json; \
	done

docs: $(STAMP)  ## build the documentation into docs/_build/html, running all its code
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html
	@echo "open docs/_build/html/index.html"

linkcheck: $(STAMP)  ## follow the links that lead out of the documentation (needs the network)
	$(BIN)/sphinx-build -b linkcheck -D nb_execution_mode=off docs docs/_build/linkcheck

lock: $(STAMP)  ## resolve the dependencies anew (needs uv)
	$(BIN)/uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate \
		--quiet -o requirements.lock

clean:  ## remove what was built (not .venv and not out/)
	rm -rf build dist docs/_build docs/generated jupyter_execute
	rm -rf .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find rexdynnet tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +
