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

# A part of make test, without a filter.
TEST_SCRIPTS += $(OUTPUT_TEST):env
ifeq ($(call given,FILTER),)
build-tests: $(OUTPUT_TEST)
endif

-include $(OUTPUT_OBJECT:.o=.d) $(BUILD)/obj/tools/common/test_output.d
