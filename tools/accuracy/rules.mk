# Rules of the accuracy measurements: the tables and pictures of kernels/README.md.

# The double references are plain loops: they need the compiler's vectoriser, and this machine's vectors.
ACCURACY_CFLAGS = -std=c11 -O3 -march=native $(WARNINGS) -Wstrict-prototypes -Wmissing-prototypes $(OPENMP_FLAGS) \
    $(STRICT_FLAGS)
ACCURACY_OBJECTS := $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard tools/accuracy/*.c)))
ACCURACY_PICTURES := decay law growth

$(BUILD)/obj/tools/accuracy/%.o: tools/accuracy/%.c $(FLAGS_STAMP) tools/accuracy/rules.mk
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ACCURACY_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/adamw-accuracy: $(ACCURACY_OBJECTS) $(LIB_STATIC)
	$(call say,LD,$@)
	$(Q)$(CC) $(ACCURACY_CFLAGS) $^ $(LDFLAGS) $(LIB_LIBS) -o $@

.PHONY: accuracy accuracy-quick accuracy-page run-accuracy
accuracy: ## tables and pictures of the arithmetic's errors, compared with kernels/README.md (minutes)
	@tools/setup.sh accuracy
	@$(MAKE) --no-print-directory run-accuracy
	@tools/accuracy/page.sh compare $(BUILD)/accuracy

run-accuracy: $(BUILD)/adamw-accuracy
	@mkdir -p $(BUILD)/accuracy
	$(Q)$(BUILD)/adamw-accuracy --data $(BUILD)/accuracy > $(BUILD)/accuracy/tables.md
	@cat $(BUILD)/accuracy/tables.md
	$(Q)for picture in $(ACCURACY_PICTURES); do for form in svg png; do \
	    gnuplot -e "folder='$(BUILD)/accuracy'; form='$$form'" tools/accuracy/$$picture.gp || exit 1; done; done
	@echo "pictures: $(ACCURACY_PICTURES:%=$(BUILD)/accuracy/%.png)"

accuracy-quick: $(BUILD)/adamw-accuracy ## the same measurements with a hundredth of the work (seconds)
	$(Q)$(BUILD)/adamw-accuracy --quick

accuracy-page: accuracy ## measures, and writes tables and pictures into kernels/
	@tools/accuracy/page.sh write $(BUILD)/accuracy

-include $(ACCURACY_OBJECTS:.o=.d)
