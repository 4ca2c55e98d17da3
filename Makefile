# make run    starts the web page and opens it in this computer's browser
# make test   runs everything that the project is checked by
# Both keep what they install in .venv, and install again only when pyproject.toml has changed.
# make test-oldest   runs the tests that need no page with the oldest versions that pyproject.toml
#             allows, and the oldest Python; OLDEST_TESTS=tests/folder runs some of them
# make gpu    checks and measures a GPU, with the Python that is at hand and its torch
# make translations   compiles captioner.po, from which Chinese messages are read, to captioner.mo

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

OLDEST ?= python3.10
OLDEST_TESTS ?= tests/captions tests/configs tests/datasets tests/decoding tests/folder tests/images \
	tests/messages tests/metrics tests/model tests/speed tests/text tests/training tests/test_cli.py \
	tests/test_devices.py tests/test_evaluation.py tests/test_options.py tests/test_pipeline.py \
	tests/test_python.py tests/test_quick.py

.PHONY: run test test-oldest gpu translations browser clean

run: $(VENV)/ui.installed
	$(BIN)/python ui.py --open

test: $(VENV)/dev.installed browser
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -rs -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-oldest: .venv-oldest/installed
	for tests in $(OLDEST_TESTS); do .venv-oldest/bin/python -m pytest $$tests || exit 1; done

.venv-oldest/installed: pyproject.toml
	$(OLDEST) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install -qq uv
	UV_DEFAULT_INDEX="$$(.venv-oldest/bin/python -m pip config get global.index-url 2>/dev/null)"; \
	.venv-oldest/bin/uv pip install --python .venv-oldest/bin/python --resolution lowest-direct \
		$${UV_DEFAULT_INDEX:+--default-index "$$UV_DEFAULT_INDEX"} -e '.[oldest]'
	touch $@

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
	rm -rf $(VENV) .venv-oldest
