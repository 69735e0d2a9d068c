# One word per habit; `make` alone lists them. Only Python 3.11+ with venv, git and make are needed.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := .venv/bin/
# Many tests wait for what they have started; one process has the real cluster.
PROCESSES ?= 3
# These have processes of their own, and need the machine to themselves: some are wrong only for a moment. They need
# no program, so that what the others need is installed meanwhile.
MUTANTS := conformance/mutants/tests
# The tests start hundreds of processes: each would compile the project's modules anew.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help setup setup-demo demo test unit test-long matrix docs check check-spec dist image format bench lock clean

help: ## list the habits
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'Common Compute needs Python 3.11 or newer: set PYTHON=/path/to/python3.11' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo 'This Python has no venv module: install it (Debian: apt install python3-venv)' >&2; exit 1; }
	@echo 'Installing uv into .uv ...'
	@$(PYTHON) -m venv .uv && .uv/bin/pip --disable-pip-version-check install --quiet 'uv>=0.7'

setup: $(filter .uv/bin/uv,$(UV)) ## install everything that development needs into .venv
	@$(UV) sync --quiet --frozen --compile-bytecode --python $(PYTHON) --all-extras --all-groups

setup-demo: $(filter .uv/bin/uv,$(UV))
	@[ -x $(RUN)common-compute ] || echo 'Installing what the demonstration needs into .venv ...'
	@$(UV) sync --quiet --frozen --compile-bytecode --inexact --python $(PYTHON) --extra cli --extra mocks --extra rosetta --extra conformance

demo: setup-demo ## run the main job on a real local facility and certify three servers
	@$(RUN)common-compute demo $(DEMO)

test: setup ## run what proves it, on a real Slurm cluster and a real DIRAC as well, in at most 40 minutes
	@mkdir -p .setup
	@tools/install-test-needs slurm dirac >.setup/installing 2>&1 & installing=$$!; \
	  $(RUN)pytest -m 'not long' $(MUTANTS); tested=$$?; \
	  wait $$installing; installed=$$?; cat .setup/installing; [ $$installed = 0 ] && exit $$tested
	@$(RUN)pytest -n $(PROCESSES) --dist loadgroup --no-loadscope-reorder -m 'not long' --deselect $(MUTANTS)

unit: setup ## run what needs no facility, in at most two minutes
	@$(RUN)pytest -q -n auto -m 'not real and not long'

test-long: setup ## run what takes longer, and keep its dated records
	@tools/install-test-needs slurm dirac
	@$(RUN)pytest -m long

matrix: setup ## the page of the committed certificates against all requirements
	@$(RUN)common-compute certify --compare docs/certificates --out docs/certificates

docs: setup ## build the site of the proposal into build/site
	@$(RUN)python -m common_compute_website build/site

check: setup ## ruff, mypy, import-linter, spec lint (the last one needs node)
	@$(RUN)ruff format --check .
	@$(RUN)ruff check .
	@$(RUN)mypy
	@MYPYPATH=benchmarks $(RUN)mypy benchmarks/run.py
	@$(RUN)lint-imports
	@$(MAKE) --no-print-directory check-spec

spec/lint/node_modules: spec/lint/package-lock.json
	@command -v npm >/dev/null || { echo 'The spec lint needs node and npm: install them (Debian: apt install npm)' >&2; exit 1; }
	@cd spec/lint && npm ci --silent --no-audit --no-fund
	@touch $@

check-spec: setup spec/lint/node_modules ## our own rules and three linters for the contract alone
	@$(RUN)common-compute spec lint spec
	@$(RUN)openapi-spec-validator spec/openapi.yaml
	@cd spec/lint && REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true node_modules/.bin/redocly lint --config redocly.yaml ../openapi.yaml
	@cd spec/lint && node_modules/.bin/spectral lint --fail-severity=warn --ruleset .spectral.yaml ../openapi.yaml

dist: $(filter .uv/bin/uv,$(UV)) ## build the wheel and the sdist into dist/
	@$(UV) build --quiet --out-dir dist
	@ls dist/*.whl dist/*.tar.gz

image: $(filter .uv/bin/uv,$(UV)) ## build the image of server, mocks and kit with podman (as root)
	@deploy/image/build

format: setup ## format the code
	@$(RUN)ruff format .
	@$(RUN)ruff check --fix-only .

bench: setup ## measure, as ratios within one run
	@$(RUN)python benchmarks/run.py

lock: $(filter .uv/bin/uv,$(UV)) ## resolve the dependencies again
	@$(UV) lock

clean: ## remove what the habits made
	@rm -rf .venv .uv build dist spec/lint/node_modules mocks/tests/clients/node_modules website/tests/axe/node_modules benchmarks/node_modules
