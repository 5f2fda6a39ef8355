# Every target sets up what it needs: a virtual environment with the tested versions, and the C++ extension.
PYTHON ?= python3
VENV ?= .venv
EXTRAS ?= cpu,train,encoders,datasets,test
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# An editable install notes which packages there are, so a new one wants a new install.
SOURCES := $(shell find csrc -type f) $(shell find desire_edge export -name __init__.py) CMakeLists.txt
# As many at once as there are cores; tests that share what takes long to make stay together.
PYTEST := $(BIN)/pytest --numprocesses auto --dist loadfile
PYTHON_FILES := desire_edge export tests examples benchmarks

.PHONY: demo test test-all test-gpu lint format install clean

demo: install          ## train, export, adapt and predict, and print how well it did
	$(BIN)/python examples/demo.py

test: install lint     ## what must always pass
	$(PYTEST) -m "not slow"

test-all: install      ## what takes longer, and the demo
	$(PYTEST) -m slow
	$(BIN)/python examples/demo.py --data sample --out build/demo

test-gpu:              ## every device-dependent test on CUDA, torch's and ONNX Runtime's; fails where there is none
	$(MAKE) install VENV=.venv-gpu EXTRAS=gpu,train,encoders,datasets,test
	DESIRE_EDGE_REQUIRE_CUDA=1 .venv-gpu/bin/pytest -m gpu

lint: install
	$(BIN)/ruff check $(PYTHON_FILES)
	$(BIN)/ruff format --check $(PYTHON_FILES)
	$(BIN)/mypy desire_edge
	$(BIN)/mypy export
	MYPYPATH=tests:benchmarks $(BIN)/mypy --explicit-package-bases tests examples benchmarks
	git ls-files '*.c' '*.h' '*.cpp' | xargs $(BIN)/clang-format --dry-run --Werror

format: install
	$(BIN)/ruff check --fix $(PYTHON_FILES)
	$(BIN)/ruff format $(PYTHON_FILES)
	git ls-files '*.c' '*.h' '*.cpp' | xargs $(BIN)/clang-format -i

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt $(SOURCES)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than 3.11; name a newer one: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --constraint constraints.txt --editable ".[$(EXTRAS)]"
	@touch $@

clean:
	rm -rf $(VENV) build dist
