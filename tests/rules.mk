# Rules of the tests: Criterion programs (tests/test_*.c) and the plain runner of the same checks.

TEST_CFLAGS = -std=c11 $(CFLAGS) $(WARNINGS) $(OPENMP_FLAGS) $(STRICT_FLAGS)
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
$(BUILD)/obj/kernels/dispatch/cpu.o: LIB_CFLAGS += -Dadamw_cpu_has_avx512=adamw_cpu_really_has_avx512
CHECK_OBJECTS += $(BUILD)/obj/tests/emulate/avx512.o
FLAGS_NOW += EMULATE=$(EMULATE)
else ifneq ($(EMULATE),)
$(error EMULATE is '$(EMULATE)': it must be avx512 or empty)
endif

TEST_PROGRAMS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/test_*.c)))

$(CHECK_OBJECTS): $(BUILD)/obj/%.o: %.c $(FLAGS_STAMP)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_CFLAGS) -MMD -MP -c $< -o $@

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
FILTER ?=
SEED ?= 1
.PHONY: test run-tests test-full
test: ## every test; FILTER='kernels/isa*' chooses, SEED=N gives other inputs
	@tools/setup.sh test
	@$(MAKE) --no-print-directory run-tests

run-tests: all $(TEST_PROGRAMS)
	@FILTER='$(FILTER)' SEED='$(SEED)' tests/run.sh $(TEST_PROGRAMS)

test-full: test $(BUILD)/tests/plain ## every test, then the long forms: 1e8 values a variant and ISA, all 2^32 roots
	@$(MAKE) --no-print-directory $(BUILD)/tests/random_words
	$(BUILD)/tests/plain --full --seed $(SEED)
	@tools/setup.sh random
	tests/random.sh $(BUILD)/tests/random_words

.PHONY: test-mutants
test-mutants: ## breaks each rule of the arithmetic in a copy, and sees that a check fails; MUTANTS='native-max ...'
	tests/mutants.sh $(MUTANTS)

-include $(CHECK_OBJECTS:.o=.d) $(TEST_PROGRAMS:$(BUILD)/tests/%=$(BUILD)/obj/tests/%.d) $(BUILD)/obj/tests/plain.d \
    $(BUILD)/obj/tests/random_words.d
