# Rules of the accuracy measurements: the tables and pictures of kernels/ARITHMETIC.md.

# The double references are plain loops: they need the compiler's vectoriser, and this machine's vectors.
ACCURACY_CFLAGS = -std=c11 -O3 -march=native $(WARNINGS) -Wstrict-prototypes -Wmissing-prototypes $(OPENMP_FLAGS) \
    $(STRICT_FLAGS)
ACCURACY_OBJECTS := $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard tools/accuracy/*.c)))
ACCURACY_FOLDER := $(BUILD)/accuracy

$(BUILD)/obj/tools/accuracy/%.o: tools/accuracy/%.c $(FLAGS_STAMP) tools/accuracy/rules.mk
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ACCURACY_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/adamw-accuracy: $(ACCURACY_OBJECTS) $(BUILD)/obj/tools/common/output.o $(LIB_STATIC)
	$(call say,LD,$@)
	$(Q)$(CC) $(ACCURACY_CFLAGS) $^ $(LDFLAGS) $(LIB_LIBS) -o $@

.PHONY: accuracy accuracy-quick accuracy-page run-accuracy
accuracy accuracy-page run-accuracy: export ACCURACY_FOLDER := $(ACCURACY_FOLDER)
accuracy: ## tables and pictures of the arithmetic's errors, compared with kernels/ARITHMETIC.md (minutes)
	@tools/setup.sh accuracy
	@$(MAKE) --no-print-directory run-accuracy
	@tools/accuracy/page.sh compare "$$ACCURACY_FOLDER"

run-accuracy: $(BUILD)/adamw-accuracy
	@mkdir -p "$$ACCURACY_FOLDER"
	$(Q)$(BUILD)/adamw-accuracy --data "$$ACCURACY_FOLDER" > "$$ACCURACY_FOLDER/tables.md"
	@cat "$$ACCURACY_FOLDER/tables.md"
	@tools/accuracy/draw.sh "$$ACCURACY_FOLDER"

accuracy-quick: $(BUILD)/adamw-accuracy ## the same measurements with a hundredth of the work (seconds)
	$(Q)$(BUILD)/adamw-accuracy --quick

accuracy-page: accuracy ## measures, and writes tables and pictures into kernels/
	@tools/accuracy/page.sh write "$$ACCURACY_FOLDER"

# A part of make test; a filter is for Criterion's programs alone.
.PHONY: test-accuracy
test-accuracy: $(BUILD)/adamw-accuracy
	@tools/accuracy/test.sh $(BUILD)/adamw-accuracy
ifeq ($(call given,FILTER),)
run-tests: test-accuracy
endif

-include $(ACCURACY_OBJECTS:.o=.d)
