# Each target sets up what it needs: an environment in .venv, made anew only when pyproject.toml changed.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo screens test coverage lint bench bench-incidents bench-peers chaos clean-compiled clean

BIN := .venv/bin
STAMP := .venv/.installed-from-pyproject

help: ## Show this list
	@sed -nE 's/^([a-z-]+):.*## (.*)$$/make \1\t\2/p' Makefile | expand -t 20

demo: $(STAMP) ## Run everything on this machine, with an incident to watch
	$(BIN)/callgauge demo

screens: $(STAMP) ## Take a picture of every page of the console on the demo's data, and check it (Chromium)
	$(BIN)/python -m tests.console.screens

test: $(STAMP) ## Run all tests, on tansu and on a real Apache Kafka (Java 17, Maven; skipped without)
	$(BIN)/pytest -n 6 --dist worksteal --durations=20

coverage: $(STAMP) ## Print which lines and branches the tests that start no broker reach
	$(BIN)/pytest tests/unit tests/model -n 4 --dist worksteal -q --cov --cov-report=term

lint: $(STAMP) ## Check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy --strict

bench: $(STAMP) ## Measure throughput, latency and memory
	@if [ -f tests/bench/all.py ]; then $(BIN)/python -m tests.bench.all; else \
	  for file in tests/bench/[a-z]*.py; do \
	    [ -f "$$file" ] || { echo "no benchmarks in tests/bench" >&2; exit 1; }; \
	    name=$$(basename "$$file" .py); echo "== $$name"; $(BIN)/python -m "tests.bench.$$name"; \
	  done; \
	fi

bench-incidents: $(STAMP) ## Judge detection on made-up LLM incidents with known truth (70 minutes of one core; goes on where it was ended)
	$(BIN)/python -m tests.bench.incidents

bench-peers: $(STAMP) ## Compare a worker with its peers, core by core (installs them in build/peers: 4 GB; Java 17, Maven for two)
	$(BIN)/python -m tests.bench.peers.run

chaos: $(STAMP) ## Kill, freeze and restart everything under load, and count again (Kafka: Java 17, Maven; some hours)
	$(BIN)/python -m tests.chaos
	$(BIN)/python -m tests.chaos.kill --broker kafka
	$(BIN)/python -m tests.chaos.kill --broker tansu
	$(BIN)/python -m tests.chaos.notify --kills 100
	$(BIN)/python -m tests.chaos.sink --kills 200 --minutes 60 --per-s 1000
	$(BIN)/python -m tests.chaos.detect --kills 100 --broker kafka
	$(BIN)/pytest --long -m "long or only_long" -n 2 --durations=10

clean-compiled: ## Remove what Numba has compiled: needed after a change of counted.py or units.py
	find producers streams sinks deploy tests -name '*.nb[ic]' -delete

clean: ## Remove the environment, builds and caches (not callgauge-data, your history)
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find producers streams sinks deploy tests -type d -name __pycache__ -prune -exec rm -rf {} +

# uv when there is one, else venv and pip. The first Python of the list that runs and is new enough is taken: a name
# on the PATH alone proves nothing (version managers put shims there).
$(STAMP): pyproject.toml
	@if [ ! -x $(BIN)/python ]; then \
	  python=""; \
	  for name in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
	    if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then python=$$name; break; fi; \
	  done; \
	  if [ -z "$$python" ]; then \
	    echo "callgauge needs Python 3.11 or newer; found: $$(python3 --version 2>&1 || true)." \
	      "Install one, or name it: make PYTHON=/path/to/python3.11" >&2; exit 1; \
	  fi; \
	  echo "making .venv with $$("$$python" --version)"; \
	  if command -v uv >/dev/null; then uv venv --quiet --seed --python "$$(command -v "$$python")" .venv; \
	  else "$$python" -m venv .venv; fi; \
	fi
	@if command -v uv >/dev/null; then uv pip install --quiet --python $(BIN)/python -e '.[dev]'; \
	else $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'; fi
	@touch $(STAMP)
