# Rules of the comparison with the installed torch. The interpreter: PYTHON=..., or build/venv's, or python3.

TORCH_PYTHON = $(if $(call is_given,PYTHON),$(value PYTHON),$(firstword $(wildcard $(BUILD)/venv/bin/python) python3))

.PHONY: test-torch
test-torch: $(LIB_SHARED) ## TORCH arithmetic against the installed torch: a million elements, 1,000 steps
	$(call quote,$(TORCH_PYTHON)) tools/torch/live.py $(LIB_SHARED)
