# Rules of the tests: Criterion programs (tests/test_*.c) and the plain runner of the same checks.

TEST_CFLAGS = -std=c11 $(CFLAGS) $(WARNINGS) $(OPENMP_FLAGS) $(STRICT_FLAGS)
CRITERION_CFLAGS = $(shell pkg-config --cflags criterion)
CRITERION_LIBS = $(shell pkg-config --libs criterion)
CHECK_OBJECTS := $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard tests/checks/*.c)))
TEST_PROGRAMS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/test_*.c)))

$(BUILD)/obj/tests/checks/%.o: tests/checks/%.c $(FLAGS_STAMP)
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

# FILTER is Criterion's: make test FILTER='kernels/isa*'. One that matches no test is an error.
FILTER ?=
.PHONY: test run-tests
test: ## every test
	@tools/setup.sh test
	@$(MAKE) --no-print-directory run-tests

run-tests: all $(TEST_PROGRAMS)
	@status=0; ran=0; \
	for program in $(TEST_PROGRAMS); do \
	    if [ -n '$(FILTER)' ] && [ "$$($$program --list --filter '$(FILTER)' 2>/dev/null | grep -c '[|]-\|`-')" = 0 ]; \
	        then continue; fi; \
	    ran=1; echo "$$program"; $$program $(if $(FILTER),--filter '$(FILTER)') || status=1; \
	done; \
	[ $$ran = 1 ] || { echo "make test: FILTER='$(FILTER)' matches no test" >&2; exit 1; }; exit $$status

-include $(CHECK_OBJECTS:.o=.d) $(TEST_PROGRAMS:$(BUILD)/tests/%=$(BUILD)/obj/tests/%.d) $(BUILD)/obj/tests/plain.d
