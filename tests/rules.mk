# Rules of the tests: Criterion programs (tests/test_*.c) and the plain runner of the same checks.

TEST_CFLAGS = -std=c11 $(CFLAGS) $(WARNINGS) $(OPENMP_FLAGS) $(STRICT_FLAGS)
CRITERION_CFLAGS = $(shell pkg-config --cflags criterion)
CRITERION_LIBS = $(shell pkg-config --libs criterion)
CHECK_OBJECTS := $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard tests/checks/*.c tests/vec/*.c)))
CRASH := $(BUILD)/tests/crash
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

test-full: test $(BUILD)/tests/plain $(CRASH) ## every test, then the long forms: 1e8 values a variant and ISA, all 2^32 roots
	$(BUILD)/tests/plain --full --seed $(SEED)
	$(CRASH) --full kill

.PHONY: test-mutants
test-mutants: ## breaks each rule of the arithmetic in a copy, and sees that a check fails; MUTANTS='native-max ...'
	tests/mutants.sh $(MUTANTS)

-include $(CHECK_OBJECTS:.o=.d) $(TEST_PROGRAMS:$(BUILD)/tests/%=$(BUILD)/obj/tests/%.d) $(BUILD)/obj/tests/plain.d

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

# A part of make test; a filter is for Criterion's programs alone.
.PHONY: test-crash
test-crash: $(CRASH) ## saves cut off by errors, crashes, kill -9 and a full disk; 1,000 kills in test-full
	$(CRASH)
ifeq ($(FILTER),)
run-tests: test-crash
endif

-include $(CRASH_OBJECTS:.o=.d)
