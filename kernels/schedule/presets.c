/*
 * presets.c - the published recipes by name. A further one is a row of the table here and a line of the header.
 */
#include "internal.h"

#include <string.h>

typedef struct preset {
    const char *name;
    double lr, weight_decay;
    adamw_schedule_kind kind;
    adamw_unit unit; /* of the whole recipe */
    int64_t warmup;
    double warmup_start;
    double factor, min_lr; /* of a plateau */
    int64_t patience;
} preset;

static const preset presets[] = {
    {"rul", 1e-3, 1e-4, ADAMW_SCHEDULE_PLATEAU, ADAMW_UNIT_EPOCH, 10, 0.1, 0.5, 5e-6, 30},
    {"bert-finetune", 5e-5, 0.01, ADAMW_SCHEDULE_LINEAR, ADAMW_UNIT_STEP, 500, 0, 0, 0, 0},
    {"vit-imagenet", 1e-4, 0.05, ADAMW_SCHEDULE_COSINE, ADAMW_UNIT_STEP, 5000, 0, 0, 0, 0},
    {"stable-diffusion-finetune", 1e-5, 0.01, ADAMW_SCHEDULE_CONSTANT, ADAMW_UNIT_STEP, 100, 0, 0, 0, 0},
    {"gan", 2e-4, 0, ADAMW_SCHEDULE_CONSTANT, ADAMW_UNIT_STEP, 0, 0, 0, 0, 0},
    {"ppo", 3e-4, 0, ADAMW_SCHEDULE_CONSTANT, ADAMW_UNIT_STEP, 0, 0, 0, 0, 0},
};
enum { PRESET_COUNT = sizeof presets / sizeof presets[0] };

const char *adamw_preset_name(size_t index) { return index < PRESET_COUNT ? presets[index].name : NULL; }

adamw_status adamw_preset_unknown(const char *name, const char *(*name_of)(size_t index), schedule_sentence to)
{
    static const char more[] = ", ...";
    char names[180] = "";
    size_t used = 0;
    for (size_t i = 0; name_of(i) != NULL; i++) {
        const size_t length = strlen(name_of(i)), comma = i > 0 ? 2 : 0;
        if (length + comma >= sizeof names - sizeof more - used) { /* used stays below sizeof names - sizeof more */
            memcpy(names + used, more, sizeof more);
            break;
        }
        memcpy(names + used, ", ", comma);
        memcpy(names + used + comma, name_of(i), length + 1);
        used += comma + length;
    }
    const char *quote = name != NULL ? "'" : "";
    return adamw_schedule_fail(to, ADAMW_ERROR_INVALID_ARGUMENT, "name is %s%.40s%s: it must be one of %s", quote,
                               name != NULL ? name : "NULL", quote, names);
}

/* The recipe of that name, checked; its optimizer's part goes into `found`. */
static adamw_status recipe_of(const char *name, int64_t total, const preset **found, adamw_schedule_config *recipe,
                              schedule_sentence to)
{
    const preset *p = presets;
    while (name != NULL && p < presets + PRESET_COUNT && strcmp(p->name, name) != 0)
        p++;
    if (name == NULL || p == presets + PRESET_COUNT)
        return adamw_preset_unknown(name, adamw_preset_name, to);
    adamw_schedule_config_init(recipe);
    recipe->kind = p->kind;
    recipe->unit = recipe->warmup_unit = p->unit;
    recipe->base_lr = p->lr;
    recipe->min_lr = p->min_lr;
    recipe->total = total;
    recipe->warmup = p->warmup;
    recipe->warmup_start = p->warmup_start;
    recipe->weight_decay = p->weight_decay;
    if (p->kind == ADAMW_SCHEDULE_PLATEAU) {
        recipe->factor = p->factor;
        recipe->patience = p->patience;
    }
    *found = p;
    return adamw_schedule_check(recipe, to);
}

adamw_status adamw_preset(const char *name, int64_t total, adamw_config *config, adamw_schedule *schedule)
{
    const preset *p;
    adamw_schedule_config recipe;
    if (config == NULL || schedule == NULL)
        return ADAMW_ERROR_INVALID_ARGUMENT;
    const adamw_status status = recipe_of(name, total, &p, &recipe, (schedule_sentence){NULL, 0});
    if (status != ADAMW_OK)
        return status;
    adamw_config_init(config);
    config->lr = p->lr;
    config->weight_decay = p->weight_decay;
    return adamw_schedule_init(schedule, &recipe);
}

adamw_status adamw_preset_explain(const char *name, int64_t total, char *buffer, size_t size)
{
    const preset *p;
    adamw_schedule_config recipe;
    const schedule_sentence to = {buffer, buffer != NULL ? size : 0};
    return adamw_schedule_told(recipe_of(name, total, &p, &recipe, to), to);
}
