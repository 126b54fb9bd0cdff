# Each command makes its own environment in .venv the first time; PYTHON says from which Python,
# EXTRAS what goes with it: mpi,dev,torch,jax tests commplan.torch and commplan.jax as well.
PYTHON ?= python3
EXTRAS ?= mpi,dev
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: demo job test bench docs release fix clean

demo: $(STAMP)
	@$(BIN)/python -m bench.demo

job: $(STAMP)
	@$(BIN)/python -m bench.job_demo

test: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m pytest

bench: $(STAMP)
	@$(BIN)/python -m bench.forests

docs: $(STAMP)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet && echo "built build/site/index.html"

release: $(STAMP)
	@$(BIN)/python -m bench.release --readme

fix: $(STAMP)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf .venv build dist

$(STAMP): pyproject.toml hatch_build.py runtime/execute/*.c runtime/simulate/*.[ch]
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "commplan needs Python 3.11 or later; make PYTHON=python3.12 picks one")'
	@echo "making .venv (once, a minute or two)"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(EXTRAS)]'
	@$(BIN)/python -m compileall -q topologies solvers runtime commplan
	@touch $(STAMP)
