/*
 * settings.h - the options of adamw-lr that are fields of a recipe: one table, and how a value on the command line
 * becomes a field.
 */
#ifndef ADAMW_TOOLS_LR_SETTINGS_H
#define ADAMW_TOOLS_LR_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "../../include/adamw.h"

typedef enum lr_setting_type { LR_REAL, LR_INTEGER, LR_FLAG, LR_CHOICE, LR_LIST } lr_setting_type;

typedef struct lr_setting {
    const char *name;
    lr_setting_type type;
    size_t offset;       /* in adamw_schedule_config */
    const char *choices; /* "a|b|c" for 0, 1, 2 */
    unsigned kinds;      /* the schedules that use it: bit k for kind k */
    const char *text;
} lr_setting;

#define LR_AT(member) offsetof(adamw_schedule_config, member)

extern const lr_setting lr_settings[];
extern const int lr_setting_count;

/* The setting of that name, or NULL. */
const lr_setting *lr_setting_of(const char *option);
/* Puts a value into the recipe; a wrong one ends the program. */
void lr_set(const lr_setting *setting, const char *value, adamw_schedule_config *recipe);
int64_t lr_integer_of(const char *option, const char *value);

#endif
