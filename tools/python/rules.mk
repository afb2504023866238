# Rules of the Python package: its tests and its benchmark, in a virtual environment below build/.
#
# TORCH is the version that the package is tested with. pip takes it from where it is configured to look.

TORCH ?= 2.13.0
PYTHON ?= python3
PYTHON_VENV := $(BUILD)/venv
PYTHON_NEEDS := torch numpy pytest hypothesis setuptools build mypy
PYTHON_INSTALL = $(PYTHON_VENV)/bin/pip install torch==$(TORCH) numpy pytest hypothesis 'setuptools>=77' build mypy
# The package from the source tree with the library that make built, so that nothing has to be installed.
PYTHON_RUN = ADAMW_LIBRARY=$(abspath $(LIB_SHARED)) PYTHONPATH=$(abspath tools/python) $(PYTHON_VENV)/bin/python

# Beside the library, where the package looks for it.
PYTHON_LOOK := $(BUILD)/libadamw_look.so
$(PYTHON_LOOK): tools/python/look.c $(FLAGS_STAMP)
	$(call say,LD,$@)
	$(Q)$(CC) -std=c11 $(CFLAGS) $(C_WARNINGS) -fPIC -fvisibility=hidden -shared $(LDFLAGS) $< -o $@

.PHONY: test-python bench-python python-venv
test-python: all $(PYTHON_LOOK) python-venv ## the Python package's tests; TESTS="-k bits" passes options to pytest
	$(PYTHON_RUN) -m pytest -c tools/python/pyproject.toml tools/python/tests $(TESTS)

# The fuzzer of test_moves.py with the library under AddressSanitizer. Leaks are not looked for: Python has its own.
PYTHON_ASAN := $(BUILD)/asan-python
ASAN_PRELOAD = $(shell $(CC) -print-file-name=libasan.so) $(shell $(CC) -print-file-name=libstdc++.so)
.PHONY: test-python-asan
test-python-asan: python-venv ## a long run of the Python package's fuzzer under AddressSanitizer (MOVES=200)
	$(Q)$(MAKE) --no-print-directory BUILD=$(PYTHON_ASAN) CFLAGS='-g -O1 -fsanitize=address -fno-omit-frame-pointer' \
	    LDFLAGS=-fsanitize=address $(PYTHON_ASAN)/libadamw.so $(PYTHON_ASAN)/libadamw_look.so
	MOVES=$(or $(MOVES),200) ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD='$(ASAN_PRELOAD)' \
	    ADAMW_LIBRARY=$(abspath $(PYTHON_ASAN))/libadamw.so PYTHONPATH=$(abspath tools/python) \
	    $(PYTHON_VENV)/bin/python -m pytest -c tools/python/pyproject.toml tools/python/tests/test_moves.py $(TESTS)

bench-python: python-venv ## the torch optimizer's step time against torch's own
	@tools/setup.sh bench
	@$(MAKE) --no-print-directory all $(PYTHON_LOOK) $(BUILD)/bench/libpeers.so
	$(PYTHON_RUN) tools/python/bench.py --build $(BUILD) $(PYTHON_ARGS)

python-venv:
	@tools/setup.sh python
	@if ! $(PYTHON_VENV)/bin/python -c 'import importlib.util, sys; \
	    sys.exit(any(importlib.util.find_spec(name) is None for name in sys.argv[1:]))' $(PYTHON_NEEDS) 2>/dev/null; then \
	    if [ '$(SETUP)' = no ]; then \
	        echo "SETUP=no, so nothing is installed; by hand: $(PYTHON) -m venv $(PYTHON_VENV) &&" $(PYTHON_INSTALL) >&2; \
	        exit 1; \
	    fi; \
	    echo "setup: $(PYTHON) -m venv $(PYTHON_VENV) &&" $(PYTHON_INSTALL) >&2; \
	    $(PYTHON) -m venv $(PYTHON_VENV) && $(PYTHON_INSTALL) >&2; \
	fi
