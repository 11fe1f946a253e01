# Works alone on a fresh machine with Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
HOME_DIR ?= pausewatch-home
WORKERS ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test setup lint format lock clean

demo: setup  ## the main job on a simulated fleet, through the real DAGs
	$(BIN)/pausewatch demo --home $(HOME_DIR)

test: setup  ## every test
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(PYTEST_ARGS)

setup: $(STAMP)

# uv is installed first, from its own hashes in the lock, because it installs the rest in seconds; without it pip does.
$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "pausewatch needs Python 3.11 or newer: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	awk '/^uv==/ {on = 1} on {print} on && !/\\$$/ {exit}' requirements.lock > $(VENV)/uv.lock
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r $(VENV)/uv.lock || true
	if test -x $(BIN)/uv; \
	then $(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock; \
	else $(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements.lock; fi
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --no-index -e . 2>/dev/null \
	  || $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch $@

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lock:  ## resolve again; the lock names no index host
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --all-extras pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
