# Rules of the benchmark; README.md here says what is measured. Everything it writes lies in $(BUILD)/bench/.

BENCH_CFLAGS = -std=c11 $(CFLAGS) $(C_WARNINGS) $(OPENMP_FLAGS) $(STRICT_FLAGS) -fPIC
BENCH_CXXFLAGS = -std=c++17 $(CXXFLAGS) $(WARNINGS) $(OPENMP_FLAGS) $(STRICT_FLAGS) \
    -DBENCH_COMPILER=$(call quote,$(call c_string,$(shell $(CC) --version | head -n 1))) \
    $(shell pkg-config --cflags benchmark)
bench_objects = $(patsubst %.$(2),$(BUILD)/obj/%.o,$(sort $(wildcard bench/$(1)/*.$(2))))
BENCH_CORE_OBJECTS := $(call bench_objects,core,c)
BENCH_TRAFFIC_OBJECTS := $(call bench_objects,traffic,c)
BENCH_THROUGHPUT_OBJECTS := $(call bench_objects,throughput,cc)
BENCH_PEERS_OBJECTS := $(call bench_objects,peers,c)
# What was tried: the same file once for each way (tried/loop.c).
TRIED_avx2 = -DTRIED_AVX2
TRIED_avx512 = -DTRIED_AVX512
TRIED_stream = -DTRIED_STREAM
TRIED_divider = -DTRIED_DIVIDER
TRIED_fma_roots = -DTRIED_FMA_ROOTS
TRIED_undivided = -DTRIED_UNDIVIDED
TRIED_WAYS := avx2-stream avx2-divider avx2-undivided avx512-stream avx512-divider avx512-fma_roots avx512-undivided
BENCH_TRIED_OBJECTS := $(BUILD)/obj/bench/tried/tried.o $(TRIED_WAYS:%=$(BUILD)/obj/bench/tried/%.o)
BENCH_OBJECTS := $(BENCH_TRIED_OBJECTS) $(BENCH_CORE_OBJECTS) $(BENCH_TRAFFIC_OBJECTS) $(BENCH_THROUGHPUT_OBJECTS) \
    $(BENCH_PEERS_OBJECTS) $(BUILD)/obj/bench/adamw_bench.o

# What a C trainer has today: its own flags, no strict ones.
$(BUILD)/obj/bench/peers/loop.o: BENCH_CFLAGS = -std=c11 -O3 -march=native -ffast-math $(C_WARNINGS) $(OPENMP_FLAGS)

$(BUILD)/obj/bench/%.o: bench/%.c $(FLAGS_STAMP)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -MMD -MP -c $< -o $@

$(TRIED_WAYS:%=$(BUILD)/obj/bench/tried/%.o): $(BUILD)/obj/bench/tried/%.o: bench/tried/loop.c $(FLAGS_STAMP)
	$(call say,CC,$< ($*))
	@mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) $(TRIED_$(firstword $(subst -, ,$*))) $(TRIED_$(lastword $(subst -, ,$*))) \
	    -DTRIED_TABLE=bench_tried_$(subst -,_,$*) -MMD -MP -c $< -o $@

$(BUILD)/obj/bench/%.o: bench/%.cc $(FLAGS_STAMP)
	$(call say,CXX,$<)
	@mkdir -p $(@D)
	$(Q)$(CXX) $(BENCH_CXXFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/adamw-bench: $(BUILD)/obj/bench/adamw_bench.o $(BENCH_CORE_OBJECTS) $(LIB_STATIC)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(OPENMP_FLAGS) $(LDFLAGS) $^ $(LIB_LIBS) -o $@

$(BUILD)/adamw-throughput: $(BENCH_THROUGHPUT_OBJECTS) $(BENCH_TRAFFIC_OBJECTS) $(BENCH_TRIED_OBJECTS) \
    $(BUILD)/obj/bench/peers/loop.o $(BENCH_CORE_OBJECTS) $(LIB_STATIC)
	$(call say,LD,$@)
	$(Q)$(CXX) $(CXXFLAGS) $(OPENMP_FLAGS) $(LDFLAGS) $^ $(shell pkg-config --libs benchmark) $(LIB_LIBS) -o $@

# Linked without -ffast-math, with which gcc's start-up code would flush subnormals in the whole process.
$(BUILD)/bench/libpeers.so: $(BENCH_PEERS_OBJECTS) $(BENCH_TRAFFIC_OBJECTS) $(BENCH_CORE_OBJECTS) $(LIB_OBJECTS)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(OPENMP_FLAGS) -shared $(LDFLAGS) $^ $(LIB_LIBS) -o $@

# The interpreter whose torch is measured: the project's own environment if there is one.
PEERS_PYTHON ?= $(firstword $(wildcard $(BUILD)/venv/bin/python) python3)
peers_python = $(call quoted,PEERS_PYTHON)

# Values for the Python programs: `--sizes '64K,1M'` where SIZES is given. Another folder's default for ARGS is none.
bench_option = $(if $(call given,$1),$2 $(call quoted,$1))
bench_args = tools/words.sh ARGS $(if $(call is_given,ARGS),$(call quoted,ARGS),'')
LIST_OPTIONS = $(call bench_option,SIZES,--sizes) $(call bench_option,SHAPES,--shapes) \
    $(call bench_option,THREADS,--threads)

# What the results name as their command: the variables that were given, quoted where a shell needs it.
plain_or_quoted = $(if $(strip $(word 2,$1) $(foreach c,$(awkward),$(findstring $c,$1))),$(call quote,$1),$1)
bench_command = $(call quote,$(strip make $1 $(foreach v,FORM FILTER SIZES SHAPES THREADS RUNS ARGS,$(if \
    $(call is_given,$v),$v=$(call plain_or_quoted,$(call given,$v))))))

# make bench FORM=full FILTER='gpt2.*avx2' SIZES=64K,1M SHAPES=FILE THREADS=1,2 ARGS='anything else of bench.py'
FORM ?= short
.PHONY: bench build-bench
bench: ## throughput of this machine as a share of its memory's limit, under 3 minutes; see bench/README.md
	@tools/setup.sh bench
	@$(MAKE) --no-print-directory build-bench
	@$(bench_args) python3 bench/bench.py --build $(BUILD) --peers-python $(peers_python) \
	    --command $(call bench_command,bench) --form $(call quoted,FORM) $(call bench_option,FILTER,--filter) \
	    $(LIST_OPTIONS)

build-bench: $(BUILD)/adamw-throughput $(BUILD)/adamw-bench $(BUILD)/bench/libpeers.so

.PHONY: bench-peers
bench-peers: ## the same beside torch's optimizers and a plain C loop; says what to install where torch is missing
	@tools/setup.sh bench
	@$(MAKE) --no-print-directory $(BUILD)/bench/libpeers.so
	@$(bench_args) $(peers_python) bench/peers.py --build $(BUILD) --command $(call bench_command,bench-peers) \
	    $(LIST_OPTIONS)

.PHONY: bench-update
bench-update: ## the whole update in one call beside its traffic limit, its parts and torch's recipes
	@tools/setup.sh bench
	@$(MAKE) --no-print-directory $(BUILD)/bench/libpeers.so
	@$(bench_args) $(peers_python) bench/update.py --build $(BUILD)

RUNS ?= 5
.PHONY: bench-goals
bench-goals: ## what the project promises about speed, each beside what RUNS=5 whole runs measured
	@tools/setup.sh bench
	@$(MAKE) --no-print-directory $(BUILD)/adamw-throughput $(BUILD)/bench/libpeers.so
	@$(bench_args) $(peers_python) bench/goals.py --build $(BUILD) --runs $(call quoted,RUNS)

# Built with fixed flags in a folder of its own: counts of other flags compare nothing.
.PHONY: bench-counts
bench-counts: ## instruction counts of a step beside the kept ones (callgrind); ARGS=--update keeps today's
	@tools/setup.sh counts
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/counts CFLAGS='-O2 -g' OPENMP=yes $(BUILD)/counts/adamw-bench
	@$(bench_args) python3 bench/counts/counts.py --program $(BUILD)/counts/adamw-bench --cc $(call quote,$(CC))

.PHONY: bench-readme
bench-readme: ## fills the tables of README.md and bench/README.md from the results of the last make bench
	@python3 bench/readme.py --build $(BUILD)

.PHONY: bench-results
bench-results: ## puts the results of the last make bench into bench/RESULTS.md, this CPU's table
	@python3 bench/results_page.py --build $(BUILD)

-include $(BENCH_OBJECTS:.o=.d)
