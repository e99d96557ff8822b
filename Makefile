# Each target sets up what it needs in .venv. PYTHON chooses the interpreter (3.11 to 3.14).
# Nothing is compiled at installation: Python does it for the files that are imported, and keeps it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test lint docs dist clean

run: $(VENV)/installed
	$(BIN)/molw2s run esol

test: $(VENV)/installed-test
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/installed-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/installed-docs
	PATH="$(CURDIR)/$(BIN):$$PATH" HF_HUB_OFFLINE=1 \
		$(BIN)/python -m sphinx -b html -W --keep-going -n -j auto docs docs/_build/html

dist: $(VENV)/installed-dist
	rm -rf dist build
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*
	$(BIN)/check-wheel-contents dist/*.whl

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --upgrade pip setuptools

$(VENV)/installed: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --no-compile --editable .
	touch $@

# With an extra: test, lint, docs or dist.
$(VENV)/installed-%: $(VENV)/installed
	$(BIN)/python -m pip install --no-compile --editable ".[$*]"
	touch $@

clean:
	rm -rf $(VENV) build dist docs/_build docs/reference/generated *.egg-info
