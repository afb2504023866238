# Rules of adamw-file, which lists, checks and compares files; of the benchmark of saving and opening; and of the test
# against the safetensors package. The command needs the library alone.

FILE_TOOL := $(BUILD)/adamw-file
FILE_BENCH := $(BUILD)/adamw-file-bench
FILE_PROBE := $(BUILD)/adamw-file-probe
FILE_OBJECTS := $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard tools/file/*.c)))
FILE_CFLAGS = -std=c11 $(CFLAGS) $(C_WARNINGS) $(STRICT_FLAGS)
FILE_VENV := $(BUILD)/venv-files

$(BUILD)/obj/tools/file/%.o: tools/file/%.c $(FLAGS_STAMP)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(FILE_CFLAGS) -MMD -MP -c $< -o $@

FILE_OWN_MAINS := $(BUILD)/obj/tools/file/bench.o $(BUILD)/obj/tools/file/probe.o
$(FILE_TOOL): $(filter-out $(FILE_OWN_MAINS),$(FILE_OBJECTS)) $(LIB_STATIC)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(OPENMP_FLAGS) $^ $(LDFLAGS) $(LIB_LIBS) -o $@

$(FILE_BENCH): $(BUILD)/obj/tools/file/bench.o $(LIB_STATIC)
$(FILE_PROBE): $(BUILD)/obj/tools/file/probe.o $(LIB_STATIC)
$(FILE_BENCH) $(FILE_PROBE):
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(OPENMP_FLAGS) $^ $(LDFLAGS) $(LIB_LIBS) -o $@

# Light and without further needs, so that plain make builds it too.
all: $(FILE_TOOL)

# A part of make test; a filter is for Criterion's programs alone.
.PHONY: test-file test-safetensors bench-files
test-file: $(FILE_TOOL) $(FILE_PROBE)
	@tools/file/test.sh $(FILE_TOOL) $(FILE_PROBE)
ifeq ($(call given,FILTER),)
run-tests: test-file
endif

test-safetensors: $(FILE_TOOL) $(FILE_PROBE) ## files against the safetensors package, both ways
	@tools/setup.sh files
	@tools/file/safetensors.sh $(FILE_TOOL) $(FILE_PROBE) $(FILE_VENV)

bench-files: $(FILE_BENCH) ## saving beside a plain write of the same bytes, and opening; ARGS='--params 124M --dir DIR'
	@$(FILE_BENCH) $(if $(filter command line,$(origin ARGS)),$(ARGS))

-include $(FILE_OBJECTS:.o=.d)
