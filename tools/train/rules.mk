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

# ARGS goes to the program: make train ARGS='--data cmapss:DIR --subset FD002 --seeds 3'. xargs takes quotes off and
# nothing else: neither make nor a shell reads what stands there, so that a file's name can hold anything.
TRAIN_ARGS := $(if $(filter undefined,$(origin ARGS)),--seeds 3,$(value ARGS))
TRAIN_RUN = printf '%s\n' "$$TRAIN_ARGS" | xargs $(TRAIN) || exit 2
unexport ARGS
.PHONY: train run-train build-train
train run-train: export TRAIN_ARGS := $(value TRAIN_ARGS)
train: ## trains two optimizers on Fashion-MNIST, or what ARGS says
	@tools/setup.sh train
	@$(MAKE) --no-print-directory build-train
	@$(TRAIN_RUN)

build-train: $(TRAIN)
	@:

run-train: $(TRAIN)
	@$(TRAIN_RUN)

# A part of make test; a filter is for Criterion's programs alone.
.PHONY: test-train
test-train: $(TRAIN)
	@tools/train/test.sh $(TRAIN)
ifeq ($(FILTER),)
run-tests: test-train
endif

-include $(TRAIN_OBJECTS:.o=.d)
