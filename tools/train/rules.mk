# Rules of the trainer, build/adamw-train: the one program here that needs a BLAS, SLEEF and zlib.

TRAIN := $(BUILD)/adamw-train
TRAIN_LIBRARIES := openblas sleef zlib
TRAIN_OBJECTS := $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard tools/train/*.c)))
TRAIN_CFLAGS = -std=c11 -D_GNU_SOURCE $(CFLAGS) $(C_WARNINGS) $(STRICT_FLAGS) -pthread \
    $(shell pkg-config --cflags $(TRAIN_LIBRARIES))

$(BUILD)/obj/tools/train/%.o: tools/train/%.c $(FLAGS_STAMP)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TRAIN_CFLAGS) -MMD -MP -c $< -o $@

# The shared style of pictures as C strings, one a line.
$(BUILD)/obj/tools/train/style.inc: tools/common/style.gp
	@mkdir -p $(@D)
	$(Q)sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&\\n",/' $< > $@

$(BUILD)/obj/tools/train/drawing.o: $(BUILD)/obj/tools/train/style.inc
$(BUILD)/obj/tools/train/drawing.o: TRAIN_CFLAGS += -I$(BUILD)/obj/tools/train

$(TRAIN): $(TRAIN_OBJECTS) $(OUTPUT_OBJECT) $(LIB_STATIC)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(OPENMP_FLAGS) -pthread $^ $(LDFLAGS) $(shell pkg-config --libs $(TRAIN_LIBRARIES)) \
	    $(LIB_LIBS) -o $@

# Changes a checkpoint for the tests, which find it beside the program.
TRAIN_FORGE := $(BUILD)/adamw-train-forge
$(TRAIN_FORGE): tools/train/test/forge.c $(LIB_STATIC) $(FLAGS_STAMP)
	$(call say,LD,$@)
	$(Q)$(CC) -std=c11 $(CFLAGS) $(C_WARNINGS) $(STRICT_FLAGS) $(OPENMP_FLAGS) $< $(LIB_STATIC) $(LDFLAGS) $(LIB_LIBS) \
	    -o $@

# ARGS goes to the program: make train ARGS='--data cmapss:DIR --subset FD002 --seeds 3'
TRAIN_RUN = tools/words.sh ARGS $(if $(call is_given,ARGS),$(call quoted,ARGS),'--seeds 3') $(TRAIN)
.PHONY: train run-train test-train
train: ## trains a network on Fashion-MNIST with AdamW and with coupled Adam, three seeds each, or what ARGS says
	@tools/setup.sh train
	@$(MAKE) --no-print-directory $(TRAIN)
	@$(TRAIN_RUN)

run-train: $(TRAIN) # the same, without a look at what is installed
	@$(TRAIN_RUN)

# A part of make test, without a filter.
TEST_SCRIPTS += $(TRAIN):tools/train/test.sh
ifeq ($(call given,FILTER),)
build-tests: $(TRAIN) $(TRAIN_FORGE) $(FILE_TOOL)
endif
test-train: $(TRAIN) $(TRAIN_FORGE) $(FILE_TOOL)
	@tools/train/test.sh $(TRAIN)

-include $(TRAIN_OBJECTS:.o=.d)
