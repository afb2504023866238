# Rules of what the tools share. A tool links $(OUTPUT_OBJECT).

OUTPUT_OBJECT := $(BUILD)/obj/tools/common/output.o
OUTPUT_TEST := $(BUILD)/tests/output

$(OUTPUT_OBJECT) $(BUILD)/obj/tools/common/test_output.o: $(BUILD)/obj/%.o: %.c $(FLAGS_STAMP)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=c11 $(CFLAGS) $(C_WARNINGS) -MMD -MP -c $< -o $@

$(OUTPUT_TEST): $(BUILD)/obj/tools/common/test_output.o $(OUTPUT_OBJECT)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $^ $(LDFLAGS) -o $@

# A part of make test; a filter is for Criterion's programs alone.
.PHONY: test-output
test-output: $(OUTPUT_TEST)
	@$(OUTPUT_TEST)
ifeq ($(FILTER),)
run-tests: test-output
endif

-include $(OUTPUT_OBJECT:.o=.d) $(BUILD)/obj/tools/common/test_output.d
