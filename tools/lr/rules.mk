# Rules of adamw-lr, which prints and draws schedules; it needs the library alone, its pictures gnuplot.

LR := $(BUILD)/adamw-lr
LR_OBJECTS := $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard tools/lr/*.c)))
LR_CFLAGS = -std=c11 $(CFLAGS) $(C_WARNINGS) $(STRICT_FLAGS) -I$(BUILD)/obj/tools/lr

$(BUILD)/obj/tools/lr/%.o: tools/lr/%.c $(FLAGS_STAMP)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LR_CFLAGS) -MMD -MP -c $< -o $@

# The page as an array of C strings, one a line.
$(BUILD)/obj/tools/lr/page.inc: tools/lr/page.html
	@mkdir -p $(@D)
	$(Q)sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&\\n",/' $< > $@

$(BUILD)/obj/tools/lr/page.o: $(BUILD)/obj/tools/lr/page.inc

$(LR): $(LR_OBJECTS) $(OUTPUT_OBJECT) $(LIB_STATIC)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(OPENMP_FLAGS) $^ $(LDFLAGS) $(LIB_LIBS) -o $@

# Light and without further needs, so that plain make builds it too.
all: $(LR)

# ARGS goes to the program: make lr ARGS='--schedule wsd --decay-length 40'
LR_ARGS := --preset rul --epochs 200 --plateaus 4 --patience 10 --feed-warmup --csv $(BUILD)/lr/rul.csv \
    --picture $(BUILD)/lr/rul --html $(BUILD)/lr/rul.html
.PHONY: lr test-lr
lr: ## draws a learning-rate schedule into build/lr, the turbofan recipe or what ARGS says
	@tools/setup.sh lr
	@$(MAKE) --no-print-directory $(LR)
	@mkdir -p $(BUILD)/lr
	@tools/words.sh ARGS $(if $(call is_given,ARGS),$(call quoted,ARGS),$(call quote,$(LR_ARGS))) $(LR)

# A part of make test, without a filter.
TEST_SCRIPTS += $(LR):tools/lr/test.sh
ifeq ($(call given,FILTER),)
build-tests: $(LR)
endif
test-lr: $(LR)
	@tools/lr/test.sh $(LR)

-include $(LR_OBJECTS:.o=.d)
