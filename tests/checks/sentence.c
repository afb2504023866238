/*
 * sentence.c - the numbers in the sentences about refused arguments, and those of a saved schedule: the same text in
 * every locale and rounding mode, and one that reads back as the number.
 */
#include "check.h"

#include <fenv.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../../kernels/dispatch/float_env.h"
#include "../../kernels/plan/message.h"

static const struct {
    double value;
    const char *text;
} numbers[] = {
    {-0.1, "-0.1"},
    {0.1 + 0.2, "0.30000000000000004"},
    {1 + DBL_EPSILON, "1.0000000000000002"},
    {1 - DBL_EPSILON / 2, "0.9999999999999999"},
    {0.0010000000000000002, "0.0010000000000000002"},
    {1e22, "1e+22"},
    {123456789, "123456789"},
    {-DBL_MAX, "-1.7976931348623157e+308"},
    {5e-324, "5e-324"},
    {-0.0, "-0"},
    {INFINITY, "inf"},
    {-INFINITY, "-inf"},
    {NAN, "nan"},
};

static bool numbers_are_right(const char *where)
{
    static const int roundings[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        for (int mode = 0; mode < 4; mode++) {
            fesetround(roundings[mode]);
            feclearexcept(FE_ALL_EXCEPT);
            const uint64_t env = adamw_float_env_get();
            const adamw_number number = adamw_number_of(numbers[i].value);
            const bool kept = adamw_float_env_get() == env && fegetround() == roundings[mode];
            fesetround(FE_TONEAREST);
            if (!kept)
                return check_fail("%s: a number in a sentence changes the floating-point environment", where);
            if (strcmp(number.text, numbers[i].text) != 0)
                return check_fail("%s, rounding mode %d: '%s', not '%s'", where, mode, number.text, numbers[i].text);
        }
    return true;
}

/* What a caller sees of them. */
static bool sentences_are_right(const char *where)
{
    char said[256], text[ADAMW_SCHEDULE_TEXT_SIZE];
    adamw_config config;
    adamw_schedule_config recipe;
    adamw_schedule schedule;
    adamw_config_init(&config);
    config.beta1 = -0.1;
    adamw_step_explain(&config, 1, NULL, 0, 0, said, sizeof said);
    if (strcmp(said, "config: beta1 is -0.1: it must be at least 0 and below 1") != 0)
        return check_fail("%s: '%s'", where, said);
    adamw_schedule_config_init(&recipe);
    recipe.base_lr = 0.0015;
    if (adamw_schedule_init(&schedule, &recipe) != ADAMW_OK)
        return check_fail("%s: a schedule is refused", where);
    const size_t length = adamw_schedule_save(&schedule, text, sizeof text);
    if (length >= sizeof text || strchr(text, ',') != NULL || strstr(text, "base_lr 0x1.89374bc6a7efap-10\n") == NULL)
        return check_fail("%s: a schedule is saved as %s", where, text);
    if (adamw_schedule_load(&schedule, text, length) != ADAMW_OK)
        return check_fail("%s: what was saved is refused", where);
    recipe.min_lr = 0.0015000000000000002;
    adamw_schedule_explain(&recipe, said, sizeof said);
    return strcmp(said, "min_lr is 0.0015000000000000002, above base_lr 0.0015: it must be at most that") == 0 ||
           check_fail("%s: '%s'", where, said);
}

bool check_numbers_in_sentences(const check_options *options)
{
    (void)options;
    static const char *const locales[] = {"C", "de_DE.UTF-8", "fr_FR.UTF-8"};
    char before[256];
    bool right = true, comma = false;
    snprintf(before, sizeof before, "%s", setlocale(LC_NUMERIC, NULL));
    for (size_t i = 0; right && i < sizeof locales / sizeof locales[0]; i++) {
        if (setlocale(LC_NUMERIC, locales[i]) == NULL)
            continue;
        comma = comma || strcmp(localeconv()->decimal_point, ",") == 0;
        right = numbers_are_right(locales[i]) && sentences_are_right(locales[i]);
    }
    setlocale(LC_NUMERIC, before);
    if (right && !comma)
        check_skip("this system has no locale with a decimal comma (tests/comma_locale.sh makes one)");
    return right;
}
