# Rules of the tests: Criterion programs (tests/test_*.c) and the plain runner of the same checks.

TEST_CFLAGS = -std=c11 $(CFLAGS) $(WARNINGS) $(OPENMP_FLAGS) $(TEAM_FLAGS) $(STRICT_FLAGS)
CRITERION_CFLAGS = $(shell pkg-config --cflags criterion)
CRITERION_LIBS = $(shell pkg-config --libs criterion)
CHECK_OBJECTS := $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard tests/checks/*.c tests/vec/*.c)))

# EMULATE=avx512 builds AVX-512's kernels with intrinsics in plain C (tests/emulate), for CPUs that lack it. With -O0:
# gcc 12 takes minutes to optimise kernels whose every operation is a loop, and the checks take seconds without.
EMULATE ?=
ifeq ($(EMULATE),avx512)
# The vocabulary's target is taken away, so that no AVX-512 instruction is left.
EMULATED_FLAGS := -Itests/emulate/avx512 -D'ADAMW_TARGET_BEGIN(features)=' -DADAMW_TARGET_END= -O0
$(BUILD)/obj/kernels/isa/avx512.o: LIB_CFLAGS += $(EMULATED_FLAGS)
$(BUILD)/obj/tests/vec/avx512.o: TEST_CFLAGS += $(EMULATED_FLAGS)
$(BUILD)/obj/tests/checks/process.o: TEST_CFLAGS += -D'SMALL_STACK=(256 << 10)'
$(BUILD)/obj/tests/checks/stack.o: TEST_CFLAGS += -DUNOPTIMISED_ISA=ADAMW_ISA_AVX512
$(BUILD)/obj/kernels/dispatch/cpu.o: LIB_CFLAGS += -Dadamw_cpu_has_avx512=adamw_cpu_really_has_avx512
CHECK_OBJECTS += $(BUILD)/obj/tests/emulate/avx512.o
FLAGS_NOW += EMULATE=$(EMULATE)
else ifneq ($(EMULATE),)
$(error EMULATE is '$(EMULATE)': it must be avx512 or empty)
endif

CRASH := $(BUILD)/tests/crash
TEST_PROGRAMS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/test_*.c)))

$(BUILD)/obj/tests/vec/%.o: TEST_CFLAGS += $(ISA_CFLAGS)

$(CHECK_OBJECTS): $(BUILD)/obj/%.o: %.c $(FLAGS_STAMP)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/tests/test_library: TEST_CFLAGS += -DADAMW_SHARED_LIBRARY='"$(LIB_SHARED)"'
$(BUILD)/tests/test_library: $(LIB_SHARED)

$(BUILD)/tests/test_%: tests/test_%.c $(CHECK_OBJECTS) $(LIB_STATIC)
	$(call say,LD,$@)
	@mkdir -p $(@D) $(BUILD)/obj/tests
	$(Q)$(CC) $(TEST_CFLAGS) $(CRITERION_CFLAGS) -MMD -MP -MF $(BUILD)/obj/tests/test_$*.d $< $(CHECK_OBJECTS) \
	    $(LIB_STATIC) $(LDFLAGS) $(CRITERION_LIBS) $(LIB_LIBS) -o $@

$(BUILD)/tests/plain: tests/plain.c $(CHECK_OBJECTS) $(LIB_STATIC)
	$(call say,LD,$@)
	@mkdir -p $(@D) $(BUILD)/obj/tests
	$(Q)$(CC) $(TEST_CFLAGS) -MMD -MP -MF $(BUILD)/obj/tests/plain.d $< $(CHECK_OBJECTS) $(LIB_STATIC) $(LDFLAGS) \
	    $(LIB_LIBS) -o $@

$(BUILD)/tests/random_words: tests/random_words.c $(CHECK_OBJECTS) $(LIB_STATIC)
	$(call say,LD,$@)
	@mkdir -p $(@D) $(BUILD)/obj/tests
	$(Q)$(CC) $(TEST_CFLAGS) -MMD -MP -MF $(BUILD)/obj/tests/random_words.d $< $(CHECK_OBJECTS) $(LIB_STATIC) \
	    $(LDFLAGS) $(LIB_LIBS) -o $@

# FILTER is Criterion's: make test FILTER='kernels/isa*'. One that matches no test is an error. SEED=N gives other
# random inputs; the digests of tests/data/conformance.txt hold for seed 1.
# The tools' own test scripts (TEST_SCRIPTS, `program:script`) run behind them where no filter is given.
FILTER ?=
SEED ?= 1
TEST_SCRIPTS :=
.PHONY: test build-tests test-full test-make
test: ## every test; FILTER='kernels/isa*' chooses, SEED=N gives other inputs
	@tools/setup.sh test
	@$(MAKE) --no-print-directory build-tests
	@FILTER=$(call quoted,FILTER) SEED=$(call quoted,SEED) tests/run.sh $(TEST_PROGRAMS)$(if $(call given,FILTER),,\
	    $(foreach script,$(TEST_SCRIPTS), && $(lastword $(subst :, ,$(script))) $(firstword $(subst :, ,$(script)))))

build-tests: all $(TEST_PROGRAMS)

test-full: test $(BUILD)/tests/plain $(CRASH) ## every test, then the long forms: 1e8 values a variant and ISA, all 2^32 roots
	@$(MAKE) --no-print-directory $(BUILD)/tests/random_words
	$(BUILD)/tests/plain --full --seed $(call quoted,SEED)
	$(CRASH) --full kill
	@tools/setup.sh random packages
	tests/random.sh $(BUILD)/tests/random_words
	tools/check.sh

test-make: ## the Makefile with hostile values and awkward folders (a part of tools/check.sh)
	tests/make.sh

.PHONY: test-mutants
test-mutants: ## breaks each rule of the arithmetic in a copy, and sees that a check fails; MUTANTS='native-max ...'
	tools/words.sh MUTANTS $(call quoted,MUTANTS) tests/mutants.sh

-include $(CHECK_OBJECTS:.o=.d) $(TEST_PROGRAMS:$(BUILD)/tests/%=$(BUILD)/obj/tests/%.d) $(BUILD)/obj/tests/plain.d \
    $(BUILD)/obj/tests/random_words.d

# The crash harness of files: the system's calls go through tests/files/shim.c.
CRASH_OBJECTS := $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard tests/files/*.c)))
CRASH_WRAPS := openat pwrite fsync close renameat

$(CRASH_OBJECTS): $(BUILD)/obj/%.o: %.c $(FLAGS_STAMP)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) -MMD -MP -c $< -o $@

$(CRASH): $(CRASH_OBJECTS) $(LIB_STATIC)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) $(CRASH_WRAPS:%=-Wl,--wrap=%) $(CRASH_OBJECTS) $(LIB_STATIC) $(LDFLAGS) $(LIB_LIBS) -o $@

# A part of make test, without a filter.
TEST_SCRIPTS += $(CRASH):env
ifeq ($(call given,FILTER),)
build-tests: $(CRASH)
endif
.PHONY: test-crash
test-crash: $(CRASH) ## saves cut off by errors, crashes, kill -9 and a full disk; 1,000 kills in test-full
	$(CRASH)

-include $(CRASH_OBJECTS:.o=.d)
