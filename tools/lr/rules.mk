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
.PHONY: lr run-lr test-lr
lr: ## draws a learning-rate schedule into build/lr, the turbofan recipe or what ARGS says
	@tools/setup.sh lr
	@$(MAKE) --no-print-directory run-lr

# xargs knows quotes as the shell does, and runs nothing that stands in ARGS.
run-lr: export ARGS := --preset rul --epochs 200 --plateaus 4 --patience 10 --feed-warmup --csv $(BUILD)/lr/rul.csv \
    --picture $(BUILD)/lr/rul --html $(BUILD)/lr/rul.html
run-lr: $(LR)
	@mkdir -p $(BUILD)/lr
	@printf '%s\n' "$$ARGS" | xargs $(LR)

# A part of make test; a filter is for Criterion's programs alone.
test-lr: $(LR)
	@tools/lr/test.sh $(LR)
ifeq ($(FILTER),)
run-tests: test-lr
endif

-include $(LR_OBJECTS:.o=.d)
