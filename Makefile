# make run    starts the web page and opens it in this computer's browser
# make test   runs everything that the project is checked by
# Both keep what they install in .venv, and install again only when pyproject.toml has changed.
# make gpu    checks and measures a GPU, with the Python that is at hand and its torch
# make translations   compiles captioner.po, from which Chinese messages are read, to captioner.mo

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test gpu translations browser clean

run: $(VENV)/ui.installed
	$(BIN)/python ui.py --open

test: $(VENV)/dev.installed browser
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -rs -n auto --maxprocesses 4 --dist loadfile

gpu:
	PYTHONPATH=. $(PYTHON) benchmarks/gpu.py $(GPU_OPTIONS)

translations: $(VENV)/dev.installed
	$(BIN)/pybabel compile --domain captioner --directory captioner/messages/locale

$(VENV)/ui.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -qq -e '.[ui,zh]'
	touch $@

$(VENV)/dev.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install -qq -e '.[dev]'
	touch $@ $(VENV)/ui.installed

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

browser:
	@sh tests/browser/install_chromium.sh

clean:
	rm -rf $(VENV)
