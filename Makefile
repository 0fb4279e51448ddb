# `make` or `make help` explains itself.
PYTHON ?= python3
# Any torch that pyproject.toml admits. For another build than your platform's default name its index:
# make run TORCH_INDEX=https://download.pytorch.org/whl/cpu (or cu128, rocm6.4, ...).
TORCH ?= torch==2.13.0
TORCH_INDEX ?=
RUN := .venv/bin/python
COMPARISON := outputs/comparison
PLAYED := game=coverage num_seeds=20 metrics.stop_at_smallest_gap=true 'metrics.gap_thresholds=[0.03,0.01,0.003]'

.DEFAULT_GOAL := help
.PHONY: help run figures test lint clean

help:  ## Show this list.
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/' | column -t -s ':'

.venv/installed: pyproject.toml constraints.txt
	@echo "Installs torch and the rest into .venv: 1.4 GB or more, two to eight minutes, nothing printed meanwhile."
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet "$(TORCH)" $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	.venv/bin/pip install --quiet --constraint constraints.txt --editable .
	touch $@

# What the tests need beside it is some 300 MB more: environments, JAX, checkers.
.venv/tested: .venv/installed
	.venv/bin/pip install --quiet --constraint constraints.txt --editable ".[test]"
	touch $@

run: .venv/installed  ## Set up, play `coverage` with three algorithms, print and draw the comparison.
	@directory=$(COMPARISON)/$$(date +%Y-%m-%d_%H-%M-%S) && \
	$(RUN) -m marl_comm.run -m experiment=recommended $(PLAYED) \
	  algorithm=importance_sampling,base_policy_prediction hydra.sweep.dir=$$directory/recommended && \
	$(RUN) -m marl_comm.run -m algorithm=full_communication $(PLAYED) max_local_steps=2000 \
	  learner.step_size=null learner.reuse=all hydra.sweep.dir=$$directory/full_communication && \
	$(RUN) -m marl_comm.compare $$directory --out $$directory

figures: .venv/installed  ## Run the sweeps at quick scale, draw the figures, judge the claims, write the report.
	$(RUN) scripts/reproduce_figures.py --scale quick

test: .venv/tested lint  ## Set up, check style and types, pass the tests.
	OMP_NUM_THREADS=1 .venv/bin/pytest --refuse-skips --numprocesses 2 --dist worksteal

lint: .venv/tested  ## Check style, format and types.
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

clean:  ## Remove what was installed and cached; keeps outputs/.
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
