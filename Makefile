# One command per need; the same names locally and in CI.
#   make demo    venv, install, plan a real scenario, move from a day to a night, draw both
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

$(VENV)/.dev: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@ $(VENV)/.plain

demo: $(VENV)/.plain
	mkdir -p demo
	$(BIN)/heddle plan examples/01-parvagpu/s6.yaml --output demo/deployment.json --svg demo/plan.svg
	$(BIN)/heddle verify examples/01-parvagpu/s6.yaml demo/deployment.json
	$(BIN)/heddle plan examples/05-day-and-night/day.yaml --output demo/day.json
	$(BIN)/heddle transition demo/day.json --workload examples/05-day-and-night/night.yaml --times kubernetes --output demo/evening.json --svg demo/evening.svg
	rm -f demo/evening.db*
	$(BIN)/heddle apply demo/evening.json --host simulated --journal demo/evening.db

check: $(VENV)/.dev
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses auto

bench: $(VENV)/.dev
	mkdir -p benchmarks/results
	$(BIN)/heddle bench planner --json benchmarks/results/planner.json
	$(BIN)/heddle bench transition --json benchmarks/results/transition.json
	$(BIN)/python scripts/fill-benchmarks

docs: $(VENV)/.dev
	$(BIN)/sphinx-build --quiet --fail-on-warning -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

clean:
	rm -rf $(VENV) docs/_build demo build dist
