# Plimsoll. `make help` lists the targets; each does the set-up it needs, once.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

ifeq ($(filter-out 0 1 2 3,$(firstword $(subst ., ,$(MAKE_VERSION)))),)
$(error GNU make 4 or newer is needed, this is $(MAKE_VERSION))
endif

# The interpreter the virtual environment is made from. Node is the one on PATH.
PYTHON ?= python3
STEPS ?= 500
MUTANTS ?= 100

PY := .venv/bin/python
PIP := .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes
PYTEST := $(PY) -m pytest
PYTHON_STAMP := .venv/.installed
NODE_STAMP := frontend/node_modules/.installed
MUTATE_STAMP := build/mutation/venv/.installed

# The compiler, anvil and ape are those of this project. Ape keeps its data here too, not in the home directory.
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/frontend/node_modules/.bin:$(PATH)
export APE_DATA_FOLDER := $(CURDIR)/build/ape
export PYTHON

.PHONY: help setup tools chromium abis demo test test-contracts test-frontend test-integration test-web test-chaos chaos lint fuzz bench mutate lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-18s %s\n", $$1, $$2 }'

# Set-up -------------------------------------------------------------------------------------------------------------

setup: $(PYTHON_STAMP) $(NODE_STAMP) .venv/bin/plimsoll ## install everything into .venv and frontend/node_modules

tools:
	@scripts/check_tools.sh

chromium:
	@scripts/ensure_chromium.sh

# uv installs the locked files about ten times faster than pip, but reads no pip configuration (mirrors, proxies): where it
# fails, pip does the work.
$(PYTHON_STAMP): requirements.lock | tools
	@echo "setup: Python packages into .venv"
	@"$(PYTHON)" -m venv --clear .venv
	@if $(PIP) -r <(sed -n '/^uv==/,/[^\\]$$/p' requirements.lock) 2>/dev/null \
	    && .venv/bin/uv pip install --quiet --python $(PY) --compile-bytecode --require-hashes -r requirements.lock 2>/dev/null; \
	then :; else $(PIP) -r requirements.lock; fi
	@$(PY) -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "plimsoll.pth").write_text(f"{pathlib.Path.cwd()}\n")'
	@touch $@

# The package is not installed, only found, so pip makes no program for it.
.venv/bin/plimsoll: $(PYTHON_STAMP)
	@printf '#!%s\nfrom plimsoll.cli import main\n\nmain()\n' "$(CURDIR)/$(PY)" > $@
	@chmod +x $@

$(NODE_STAMP): frontend/package.json frontend/package-lock.json | tools
	@echo "setup: Node packages into frontend/node_modules"
	@cd frontend && npm ci --silent --no-audit --no-fund || npm ci --no-audit --no-fund --loglevel=error
	@touch $@

abis: setup
	@$(PY) -m plimsoll.artifacts --quiet

# Work ---------------------------------------------------------------------------------------------------------------

demo: abis ## a chain, a crowd and a crash, end to end (ONCE=1 ends it; DATA=file.csv BARS=a:b SPEED=n SEED=n)
	@exec $(PY) -m plimsoll.demo

# titanoboa and ape both patch pytest: each suite runs with one of them. The biggest comes last, with its summary.
test: chromium abis ## every test
	@$(MAKE) --no-print-directory test-frontend
	@$(MAKE) --no-print-directory test-integration
	@$(MAKE) --no-print-directory test-web
	@$(MAKE) --no-print-directory test-chaos
	@$(MAKE) --no-print-directory test-contracts

test-contracts: abis
	@$(PYTEST) -p no:ape_test -n 2 --dist loadfile tests --ignore=tests/integration --ignore=tests/web --ignore=tests/chaos

test-frontend: abis
	@cd frontend && npm test --silent

test-web: chromium abis
	@$(PYTEST) -p no:ape_test tests/web

test-integration: abis
	@$(PYTEST) -p no:boa_test tests/integration

# Each run is timed by a chain of one block a second; the fast ones are part of every test.
test-chaos: abis
	@$(PYTEST) -p no:ape_test -p no:boa_test -m "not slow" tests/chaos

chaos: abis ## services under faults: kills, reorgs, bad nodes, lying publishers; figures in build/chaos.json
	@$(PYTEST) -p no:ape_test -p no:boa_test tests/chaos

lint: abis ## style of Python, types and style of the web app
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@cd frontend && npm run --silent lint && npm run --silent typecheck

fuzz: abis ## look for what breaks an invariant: STEPS=n of the state machine, SCENARIOS=n against the model (SEED=n)
	@$(PY) -m tests.invariants.fuzz $(if $(SCENARIOS),--scenarios $(SCENARIOS)$(if $(filter command% env%,$(origin STEPS)), --steps $(STEPS)),--steps $(STEPS)) $(if $(SEED),--seed $(SEED))

bench: abis ## gas and sizes against goals, peers and snapshot (UPDATE=1 rewrites the snapshot, MOST=n: no larger crowds)
	@$(PY) -m bench $(if $(UPDATE),--update) $(if $(MOST),--most $(MOST))

# With rules of a package whose dependencies nobody here needs, so it gets an environment of its own and none of them.
$(MUTATE_STAMP): requirements-mutate.lock | setup
	@"$(PYTHON)" -m venv --clear build/mutation/venv
	@build/mutation/venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

mutate: abis $(MUTATE_STAMP) ## mutants of the money paths against a fast suite, 15 minutes (MUTANTS=n or all, SEED=n)
	@$(PY) -m mutation --mutants $(MUTANTS) $(if $(SEED),--seed $(SEED))

lock: $(PYTHON_STAMP) ## resolve requirements.in into requirements.lock
	@{ echo '# Made by `make lock` from requirements.in. Install with: pip install --require-hashes -r requirements.lock'; \
	   .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	   --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade) requirements.in; } > requirements.lock.new
	@mv requirements.lock.new requirements.lock

clean: ## remove what builds and runs made (not the set-up)
	@rm -rf build .build .cache .hypothesis .pytest_cache .ruff_cache
