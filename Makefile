# One command per need; the same names locally and in CI.
#   make demo    venv, install; profile, plan, serve, load, move: the whole story on this machine
#                (KEEP=1 leaves the daemon and its dashboard up)
#   make check   format, lint, types, import contracts
#   make test    venv, install, every test
#   make bench   the benchmarks, into benchmarks/results/
#   make docs    the documentation as HTML, into docs/_build/

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo check format test bench docs clean

$(VENV)/.plain: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.server: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[runtime,server]'
	touch $@ $(VENV)/.plain

$(VENV)/.dev: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@ $(VENV)/.plain $(VENV)/.server

demo: $(VENV)/.server
	$(BIN)/python scripts/demo $(if $(KEEP),--keep)

check: $(VENV)/.dev
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: $(VENV)/.dev
	-scripts/provision-chromium
	$(BIN)/python -m pytest --numprocesses auto

bench: $(VENV)/.dev
	mkdir -p benchmarks/results
	$(BIN)/heddle bench planner --json benchmarks/results/planner.json
	$(BIN)/heddle bench transition --json benchmarks/results/transition.json
	$(BIN)/heddle bench serving --json benchmarks/results/serving.json
	$(BIN)/heddle bench serving --day --json benchmarks/results/serving_day.json
	$(BIN)/heddle bench runtime --json benchmarks/results/runtime.json
	$(BIN)/heddle bench runtime --device cpu --json benchmarks/results/runtime_cpu.json
	$(BIN)/heddle bench rewriter --json benchmarks/results/rewriter.json
	$(BIN)/python scripts/fill-benchmarks

docs: $(VENV)/.dev
	$(BIN)/sphinx-build --quiet --fail-on-warning -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

clean:
	rm -rf $(VENV) docs/_build demo build dist
