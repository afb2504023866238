# build/adamw-info: what the library finds here.

.PHONY: info
info: $(BUILD)/adamw-info ## prints what the library finds on this machine
	@$(BUILD)/adamw-info

$(BUILD)/adamw-info: tools/info/adamw_info.c include/adamw.h $(LIB_STATIC) $(FLAGS_STAMP)
	$(call say,LD,$@)
	$(Q)$(CC) -std=c11 $(CFLAGS) $(C_WARNINGS) $(OPENMP_FLAGS) $< $(LIB_STATIC) $(LDFLAGS) $(LIB_LIBS) -o $@

# A part of make test; a filter is for Criterion's programs alone.
.PHONY: test-info
test-info: $(BUILD)/adamw-info
	@tools/info/test.sh $(BUILD)/adamw-info
ifeq ($(call given,FILTER),)
run-tests: test-info
endif
