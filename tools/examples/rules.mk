# build/examples: hosts of each form with the library in the place of their own optimizer.

EXAMPLE_CFLAGS = -std=c11 $(CFLAGS) $(C_WARNINGS)
EXAMPLES := flat_buffer flat_buffer_called graph_threads offload flushed not_flushed tensor_list

.PHONY: examples
examples: ## small hosts with the library in the place of their own optimizer, compared with it
	@tools/setup.sh examples
	@$(MAKE) --no-print-directory $(EXAMPLES:%=$(BUILD)/examples/%)
	@tools/examples/test.sh $(call quoted,BUILD)/examples

# The patch applies exactly, or the example is not what its page says.
$(BUILD)/examples/flat_buffer_called.c: tools/examples/flat_buffer.c tools/examples/flat_buffer.patch
	@mkdir -p $(@D)
	$(Q)patch -s -F 0 -o $@ $^

# The trainer's own loop, without the library; by -Ofast, as such trainers are.
$(BUILD)/examples/flat_buffer: tools/examples/flat_buffer.c $(FLAGS_STAMP)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(EXAMPLE_CFLAGS) -Ofast $< $(LDFLAGS) -lm -o $@

$(BUILD)/examples/flat_buffer_called: $(BUILD)/examples/flat_buffer_called.c $(LIB_STATIC) $(FLAGS_STAMP)
	$(call say,LD,$@)
	$(Q)$(CC) $(EXAMPLE_CFLAGS) -Ofast -Iinclude $< $(LIB_STATIC) $(LDFLAGS) $(LIB_LIBS) -o $@

# A program is started with subnormals flushed where -Ofast stands on the linker's line.
$(BUILD)/examples/flushed: EXAMPLE_LDFLAGS := -Ofast
$(BUILD)/examples/%: tools/examples/%.c include/adamw.h $(LIB_STATIC) $(FLAGS_STAMP)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(EXAMPLE_CFLAGS) -Iinclude -c $< -o $@.o
	$(Q)$(CC) $(CFLAGS) $@.o $(LIB_STATIC) $(EXAMPLE_LDFLAGS) $(LDFLAGS) $(LIB_LIBS) -o $@
$(BUILD)/examples/not_flushed: $(BUILD)/examples/flushed
	$(Q)$(CC) $(CFLAGS) $<.o $(LIB_STATIC) $(LDFLAGS) $(LIB_LIBS) -o $@

$(BUILD)/examples/tensor_list: tools/examples/tensor_list.cpp include/adamw.h $(LIB_STATIC) $(FLAGS_STAMP)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=c++11 $(CXXFLAGS) $(WARNINGS) -Iinclude $< $(LIB_STATIC) $(LDFLAGS) $(LIB_LIBS) -o $@
