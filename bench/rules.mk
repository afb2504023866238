# Rules of the benchmark; README.md here says what is measured. Everything it writes lies in $(BUILD)/bench/.

BENCH_CFLAGS = -std=c11 $(CFLAGS) $(C_WARNINGS) $(OPENMP_FLAGS) $(STRICT_FLAGS)
BENCH_CXXFLAGS = -std=c++17 $(CXXFLAGS) $(WARNINGS) $(OPENMP_FLAGS) $(STRICT_FLAGS) \
    -DBENCH_COMPILER='"$(shell $(CC) --version | head -n 1)"' $(shell pkg-config --cflags benchmark)
bench_objects = $(patsubst %.$(2),$(BUILD)/obj/%.o,$(sort $(wildcard bench/$(1)/*.$(2))))
BENCH_CORE_OBJECTS := $(call bench_objects,core,c)
BENCH_TRAFFIC_OBJECTS := $(call bench_objects,traffic,c)
BENCH_THROUGHPUT_OBJECTS := $(call bench_objects,throughput,cc)
BENCH_OBJECTS := $(BENCH_CORE_OBJECTS) $(BENCH_TRAFFIC_OBJECTS) $(BENCH_THROUGHPUT_OBJECTS) \
    $(BUILD)/obj/bench/adamw_bench.o

$(BUILD)/obj/bench/%.o: bench/%.c $(FLAGS_STAMP)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/obj/bench/%.o: bench/%.cc $(FLAGS_STAMP)
	$(call say,CXX,$<)
	@mkdir -p $(@D)
	$(Q)$(CXX) $(BENCH_CXXFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/adamw-bench: $(BUILD)/obj/bench/adamw_bench.o $(BENCH_CORE_OBJECTS) $(LIB_STATIC)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(OPENMP_FLAGS) $(LDFLAGS) $^ $(LIB_LIBS) -o $@

$(BUILD)/adamw-throughput: $(BENCH_THROUGHPUT_OBJECTS) $(BENCH_TRAFFIC_OBJECTS) $(BENCH_CORE_OBJECTS) $(LIB_STATIC)
	$(call say,LD,$@)
	$(Q)$(CXX) $(CXXFLAGS) $(OPENMP_FLAGS) $(LDFLAGS) $^ $(shell pkg-config --libs benchmark) $(LIB_LIBS) -o $@

# make bench FORM=full FILTER='gpt2.*avx2' SIZES=64K,1M SHAPES=FILE THREADS=1,2 ARGS='anything else of bench.py'
FORM ?= short
BENCH_ARGS = --form $(FORM) $(if $(FILTER),--filter '$(FILTER)') $(if $(SIZES),--sizes $(SIZES)) \
    $(if $(SHAPES),--shapes '$(SHAPES)') $(if $(THREADS),--threads $(THREADS)) $(ARGS)
BENCH_COMMAND = $(strip make bench $(foreach v,FORM FILTER SIZES SHAPES THREADS ARGS,$(if \
    $(filter command line,$(origin $(v))),$(v)=$($(v)))))
.PHONY: bench run-bench
bench: ## throughput of this machine as a share of its memory's limit, under 3 minutes; see bench/README.md
	@tools/setup.sh bench
	@$(MAKE) --no-print-directory run-bench COMMAND="$(BENCH_COMMAND)"

run-bench: $(BUILD)/adamw-throughput $(BUILD)/adamw-bench
	@python3 bench/bench.py --build $(BUILD) $(BENCH_ARGS) --command "$(COMMAND)"

-include $(BENCH_OBJECTS:.o=.d)
