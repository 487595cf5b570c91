# Everything happens in .venv: nothing is installed outside this folder. `make help` lists the targets.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
export UV_NO_PROGRESS := 1

.PHONY: help setup demo test check format bench soak quality train lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 10

setup: $(STAMP) ## Make .venv with the exact versions of requirements.lock

# Debian's python3 comes without ensurepip; there the machine's own pip fills the new environment.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Digest needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Setting up .venv (once, about a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv >/dev/null 2>&1 || { rm -rf .venv; $(PYTHON) -m venv --without-pip .venv; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m pip --python $(BIN)/python install --quiet pip
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep -oE '^uv==[0-9.]+' requirements.lock)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: setup ## Run the demo newsroom through the whole program and show where the digest lies
	@$(BIN)/digest demo --out demo-out

test: setup ## Run the tests
	@$(BIN)/python -m pytest

check: setup ## Format, lint, types and tests: what CI runs
	@$(BIN)/ruff format --check digest tests
	@$(BIN)/ruff check digest tests
	@$(BIN)/mypy
	@$(MAKE) --no-print-directory test

format: setup ## Rewrite the code in the project's format
	@$(BIN)/ruff format digest tests
	@$(BIN)/ruff check --fix digest tests

bench: setup ## Compare extract, tag and polling with plain loops of the same libraries and with other programs
	@$(BIN)/python -m tests.bench
	@$(BIN)/python -m tests.bench_fetch
	@$(BIN)/python -W ignore -m tests.bench_tag

soak: setup ## Run the pipeline for half an hour against a hostile web: MINUTES=5, SEED=2
	@$(BIN)/python -W ignore -m tests.soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

quality: setup ## Print one score per language and task against its floor; DATA=folder adds the data sets of others
	@$(BIN)/python -W ignore -m tests.quality $(if $(DATA),--data "$(DATA)")

# Training needs PyTorch, some gigabytes; it gets an environment of its own.
train: ## Go on training the name recogniser: make train DATA=folder WORK=folder MINUTES=60 [START=exported model]
	@test -n "$(DATA)" -a -n "$(WORK)" || { echo "make train DATA=folder-of-data-sets WORK=folder-for-checkpoints [MINUTES=60]; the sets are listed in digest/training/recipe.toml" >&2; exit 2; }
	@test -x .venv-train/bin/python || { $(PYTHON) -m venv .venv-train && .venv-train/bin/python -m pip install --quiet -e ".[train]"; }
	@OMP_WAIT_POLICY=PASSIVE .venv-train/bin/python -m digest.training train --data "$(DATA)" --work "$(WORK)" $(if $(START),--start "$(START)") --minutes $(or $(MINUTES),60)

lock: setup ## Choose exact versions anew from pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra dev --no-header --upgrade pyproject.toml -o requirements.lock

clean: ## Remove .venv and the demo's output
	@rm -rf .venv .venv-train demo-out
