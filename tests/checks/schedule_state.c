/*
 * schedule_state.c - saved schedules: going on at any epoch gives the same bits, and no damaged or foreign text is
 * ever loaded.
 */
#include "check.h"
#include "schedule.h"

#include "../../kernels/dispatch/float_env.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EPOCHS = CHECK_EPOCHS, STEPS = CHECK_STEPS, KINDS = ADAMW_SCHEDULE_ONE_CYCLE + 1 };

/* A metric with plateaus, NaN, an infinity and negative values, from the epoch alone. */
static double metric(int64_t epoch)
{
    const uint64_t r = mix64((uint64_t)epoch + 1);
    return r % 23 == 0 ? NAN : r % 29 == 0 ? INFINITY : 3 - 0.05 * (double)(epoch / 20) + (double)(r % 3) * 0.01;
}

/* One epoch; adds the bits of every rate, decay and event to the digest. */
static void one_epoch(adamw_schedule *s, uint64_t digests[2])
{
    for (int i = 0; i < STEPS; i++) {
        const double values[2] = {adamw_schedule_lr(s), adamw_schedule_weight_decay(s)};
        uint64_t words[2];
        memcpy(words, values, sizeof words);
        digests[0] = mix64(digests[0] ^ words[0]);
        digests[1] = mix64(digests[1] ^ words[1]);
        adamw_schedule_step(s);
    }
    digests[0] = mix64(digests[0] ^ adamw_schedule_epoch(s, metric(s->epoch)));
}

bool check_schedule_resume(const check_options *options)
{
    (void)options;
    for (int variant = 0; variant < 2 * KINDS; variant++) {
        const adamw_schedule_config c = check_recipe(variant / 2, variant % 2);
        adamw_schedule whole, part;
        if (adamw_schedule_init(&whole, &c) != ADAMW_OK)
            return check_fail("recipe %d is refused", variant);
        part = whole;
        uint64_t expected[2] = {0}, found[2] = {0};
        for (int e = 0; e < EPOCHS + 20; e++) { /* 20 past the end */
            char text[ADAMW_SCHEDULE_TEXT_SIZE], said[256];
            const size_t length = adamw_schedule_save(&part, text, sizeof text);
            if (length >= sizeof text || length != strlen(text))
                return check_fail("a text of %zu bytes", length);
            memset(&part, 0x55, sizeof part);
            adamw_schedule_init(&part, &c);
            if (adamw_schedule_load(&part, text, length) != ADAMW_OK) {
                adamw_schedule_load_explain(&part, text, length, said, sizeof said);
                return check_fail("%s, epoch %d: %s", adamw_schedule_name(c.kind), e, said);
            }
            one_epoch(&whole, expected);
            one_epoch(&part, found);
            if (memcmp(expected, found, sizeof found) != 0)
                return check_fail("%s goes on otherwise after epoch %d", adamw_schedule_name(c.kind), e);
        }
        if (c.kind == ADAMW_SCHEDULE_PLATEAU && whole.cuts < 3)
            return check_fail("a plateau with %d cuts tells little", (int)whole.cuts);
    }
    return true;
}

/* Loads the text into a started schedule: it must be refused with these words in the sentence, and change nothing. */
static bool refused(const adamw_schedule *started, const char *text, size_t length, const char *words)
{
    adamw_schedule s = *started;
    char said[256];
    if (adamw_schedule_load(&s, text, length) != ADAMW_ERROR_STATE)
        return check_fail("a text was loaded whose fault is '%s'", words);
    if (memcmp(&s, started, sizeof s) != 0)
        return check_fail("a refused text changed the schedule: '%s'", words);
    if (adamw_schedule_load_explain(&s, text, length, said, sizeof said) != ADAMW_ERROR_STATE ||
        strstr(said, words) == NULL)
        return check_fail("'%s' says nothing of '%s'", said, words);
    return true;
}

/* Writes the right checksum under an edited text, so that what is behind it is reached. */
static void sign(char *text)
{
    char *end = text;
    for (char *next = text; (next = strstr(next + 1, "\nend ")) != NULL;) /* the last one */
        end = next + 1;
    snprintf(end, 22, "end %016llx\n", (unsigned long long)golden_checksum(text, (size_t)(end - text)));
}

static bool edited(const adamw_schedule *s, const char *text, const char *old, const char *new, const char *words)
{
    char copy[ADAMW_SCHEDULE_TEXT_SIZE];
    const char *at = strstr(text, old);
    if (at == NULL)
        return check_fail("the text has no '%s' to edit:\n%s", old, text);
    snprintf(copy, sizeof copy, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
    if (!refused(s, copy, strlen(copy), strncmp(new, "libadamw", 8) == 0 ? "version" : "checksum"))
        return false;
    sign(copy);
    return refused(s, copy, strlen(copy), words);
}

bool check_schedule_damaged(const check_options *options)
{
    (void)options;
    const adamw_schedule_config c = check_recipe(ADAMW_SCHEDULE_PLATEAU, true);
    adamw_schedule s, fresh;
    adamw_schedule_init(&s, &c);
    fresh = s;
    uint64_t digests[2] = {0};
    for (int e = 0; e < 40; e++)
        one_epoch(&s, digests);
    char text[ADAMW_SCHEDULE_TEXT_SIZE];
    const size_t length = adamw_schedule_save(&s, text, sizeof text);

    for (size_t n = 0; n < length; n++) { /* cut after each byte, and each byte changed in one bit */
        char copy[ADAMW_SCHEDULE_TEXT_SIZE];
        memcpy(copy, text, length);
        copy[n] = (char)(text[n] ^ 1 << n % 8);
        if (!refused(&fresh, text, n, "") || !refused(&fresh, copy, length, ""))
            return check_fail("byte %zu of %zu", n, length);
    }
    const struct {
        const char *old, *new, *words;
    } edits[] = {
        {"libadamw schedule 1", "libadamw schedule 2", "another version"},
        {"patience 5", "patience 6", "patience is 6 in the text, but 5 in the schedule"},
        {"kind plateau", "kind cosine", "kind is cosine in the text, but plateau in the schedule"},
        {"base_lr 0x1.0624dd2f1a9fcp-10", "base_lr 0x1.0624dd2f1a9fdp-10", "base_lr"},
        {"epoch 40", "epoch -40", "epoch"},
        {"epoch 40", "epoch 9223372036854775807", "both must be from 0 to 2^53"},
        {"epoch 40", "epoch 040", "epoch is '040'"},
        {"main_start 10", "main_start -2", "main_start"},
        {"main_start 10", "main_start 41", "main_start"},
        {"best 0x", "best nanx0", "best is 'nanx0"},
        {"bad ", "bad -1", "bad"},
        {"\nbad ", "\nworse ", "no bad"},
        {"lr 0x1.0", "lr 0x1.p", "lr is"},
        /* What was accepted, and no save writes it: more lines, and states that no run has. */
        {"\nend ", "\nend 0123456789abcdef\nend ", "more lines"},
        {"\nend ", "\nnote x\nend ", "more lines"},
        {"\nlr 0x1.0624dd2f1a9fcp-13", "\nlr 0x1p-21",
         "lr is 4.76837158203125e-07: it must be from min_lr, 1e-06, to base_lr"},
        {"\nlr 0x1.0624dd2f1a9fcp-13", "\nlr -0x0p+0", "lr is -0: it must be from min_lr"},
        {"\nbad ", "\nbad 9", "together at most the 30 metrics so far"},
    };
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++)
        if (!edited(&fresh, text, edits[i].old, edits[i].new, edits[i].words))
            return check_fail("edit %zu", i);

    /* Members of a plateau's in another kind's text, and before its first metric. */
    for (int kind = 0; kind < 2; kind++) {
        const adamw_schedule_config other_kind =
            check_recipe(kind == 0 ? ADAMW_SCHEDULE_COSINE : ADAMW_SCHEDULE_PLATEAU, false);
        adamw_schedule started;
        adamw_schedule_init(&started, &other_kind);
        adamw_schedule_save(&started, text, sizeof text);
        if (!edited(&started, text, "\ncuts 0", "\ncuts 1", "before a plateau's first metric") ||
            !edited(&started, text, "\nbest inf", "\nbest 0x1p+0", "before a plateau's first metric") ||
            !edited(&started, text, "\nlr 0x1.0624dd2f1a9fcp-10", "\nlr 0x1.0624dd2f1a9fcp-11", "it must be base_lr"))
            return check_fail("%s", adamw_schedule_name(other_kind.kind));
    }

    /* Another list of milestones behind the same settings. */
    adamw_schedule_config listed = check_recipe(ADAMW_SCHEDULE_MULTISTEP, false);
    adamw_schedule one, other;
    adamw_schedule_init(&one, &listed);
    const int64_t elsewhere[] = {50, 100, 100, 151};
    listed.milestones = elsewhere;
    adamw_schedule_init(&other, &listed);
    const size_t size = adamw_schedule_save(&one, text, sizeof text);
    if (!refused(&other, text, size, "milestones is 4 "))
        return false;
    if (adamw_schedule_load(NULL, text, size) != ADAMW_ERROR_INVALID_ARGUMENT ||
        adamw_schedule_load(&one, NULL, 0) != ADAMW_ERROR_INVALID_ARGUMENT || adamw_schedule_save(NULL, text, 1) != 0)
        return check_fail("NULL is neither schedule nor text");
    return true;
}

/* One to three random edits of the lines behind the settings, under a right checksum. */
static size_t edit_at_random(char *copy, const char *text, size_t length, uint64_t *state)
{
    static const char signs[] = "0123456789abcdef.-+pxinf\n ";
    const size_t first = (size_t)(strstr(text, "\nstep ") - text), end = (size_t)(strstr(text, "\nend ") + 1 - text);
    size_t size = end;
    memcpy(copy, text, length + 1);
    for (uint64_t edits = 1 + mix64(++*state) % 3; edits > 0; edits--) {
        const uint64_t r = mix64(++*state);
        char *at = copy + first + r % (size - first);
        const size_t behind = (size_t)(copy + size - at);
        if ((r >> 32) % 3 == 0) { /* one sign less, one more, another */
            memmove(at, at + 1, behind - 1);
            size--;
        } else {
            if ((r >> 32) % 3 == 1) {
                memmove(at + 1, at, behind);
                size++;
            }
            *at = signs[(r >> 48) % (sizeof signs - 1)];
        }
    }
    snprintf(copy + size, 22, "end %016llx\n", (unsigned long long)golden_checksum(copy, size));
    return size + 21;
}

bool check_schedule_edited(const check_options *options)
{
    const adamw_schedule_config c = check_recipe(ADAMW_SCHEDULE_PLATEAU, true);
    adamw_schedule s, fresh;
    adamw_schedule_init(&s, &c);
    fresh = s;
    uint64_t digests[2] = {0}, state = options->seed << 20;
    for (int e = 0; e < 40; e++)
        one_epoch(&s, digests);
    char text[ADAMW_SCHEDULE_TEXT_SIZE], copy[ADAMW_SCHEDULE_TEXT_SIZE], again[ADAMW_SCHEDULE_TEXT_SIZE];
    const size_t length = adamw_schedule_save(&s, text, sizeof text);
    int loaded = 0, refused_ones = 0;
    for (int i = 0; i < (options->quick ? 5000 : 50000); i++) {
        const size_t size = edit_at_random(copy, text, length, &state);
        adamw_schedule t = fresh;
        if (adamw_schedule_load(&t, copy, size) == ADAMW_OK) {
            loaded++;
            if (adamw_schedule_save(&t, again, sizeof again) != size || memcmp(again, copy, size) != 0)
                return check_fail("loaded, but no save writes it:\n%.*s", (int)size, copy);
            for (int e = 0; e < 3; e++)
                one_epoch(&t, digests);
        } else {
            refused_ones++;
            if (memcmp(&t, &fresh, sizeof t) != 0)
                return check_fail("a refused text changed the schedule");
        }
    }
    return (loaded > 100 && refused_ones > 100) || check_fail("%d loaded, %d refused", loaded, refused_ones);
}

/* Settings changed by hand in mid-run, as the header allows: the rate obeys, and the saved text is taken. */
bool check_schedule_changed(const check_options *options)
{
    (void)options;
    for (int variant = 0; variant < 2 * KINDS; variant++) {
        const adamw_schedule_config c = check_recipe(variant / 2, variant % 2);
        const double changes[][2] = {{2e-4, 1e-6}, {2e-3, 1e-6}, {1e-3, 6e-4}, {1e-3, 0}}; /* base_lr and min_lr */
        for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
            for (int at = 0; at < 60; at += 20) {
                adamw_schedule s, loaded;
                uint64_t of_s[2] = {0}, of_loaded[2] = {0};
                adamw_schedule_init(&s, &c);
                for (int e = 0; e < at; e++)
                    one_epoch(&s, of_s);
                s.config.base_lr = changes[i][0];
                s.config.min_lr = changes[i][1];
                const double lr = adamw_schedule_lr(&s);
                if (!(lr <= changes[i][0]) || (s.main_start >= 0 && !(lr >= changes[i][1])))
                    return check_fail("%s: changed in epoch %d, it runs at %a", adamw_schedule_name(c.kind), at, lr);
                char text[ADAMW_SCHEDULE_TEXT_SIZE], why[256];
                const size_t length = adamw_schedule_save(&s, text, sizeof text);
                adamw_schedule_init(&loaded, &s.config);
                if (adamw_schedule_load(&loaded, text, length) != ADAMW_OK) {
                    adamw_schedule_load_explain(&loaded, text, length, why, sizeof why);
                    return check_fail("%s, changed in epoch %d: %s", adamw_schedule_name(c.kind), at, why);
                }
                memset(of_s, 0, sizeof of_s);
                for (int e = 0; e < 60; e++) {
                    one_epoch(&s, of_s);
                    one_epoch(&loaded, of_loaded);
                }
                if (memcmp(of_s, of_loaded, sizeof of_s) != 0)
                    return check_fail("%s, changed in epoch %d, goes on otherwise", adamw_schedule_name(c.kind), at);
            }
    }
    return true;
}

/* Every kind of double as a best metric goes through the text and comes back. */
static bool numbers_come_back(const check_options *options, uint64_t trials, bool flushed)
{
    adamw_schedule_config c = check_recipe(ADAMW_SCHEDULE_PLATEAU, false);
    c.threshold_mode = ADAMW_THRESHOLD_ABS;
    c.threshold = 0;
    for (uint64_t i = 0; i < trials; i++) {
        uint64_t word = mix64(options->seed + i);
        if (i % 4 == 0)
            word &= ~(UINT64_C(0x7FF) << 52); /* subnormal */
        double x;
        memcpy(&x, &word, sizeof x);
        x = i == 1 ? 0.0 : i == 2 ? -0.0 : i == 3 ? -INFINITY : x;
        if (isnan(x) || x == INFINITY)
            continue;
        adamw_schedule s, back;
        adamw_schedule_init(&s, &c);
        adamw_schedule_init(&back, &c);
        for (int e = 0; e < 10; e++)
            adamw_schedule_epoch(&s, NAN);
        adamw_schedule_epoch(&s, x);
        if (flushed) /* no metric is below another one that counts as zero */
            s.best = x;
        char text[ADAMW_SCHEDULE_TEXT_SIZE];
        const size_t length = adamw_schedule_save(&s, text, sizeof text);
        if (adamw_schedule_load(&back, text, length) != ADAMW_OK || memcmp(&back.best, &x, sizeof x) != 0)
            return check_fail("%a came back as %a%s", x, back.best, flushed ? " where subnormals are flushed" : "");
        if (flushed)
            continue; /* C's own reader is not asked to */
        char *best = strstr(text, "\nbest ") + 6, *end;
        char *const point = memchr(best, '.', strcspn(best, "\n"));
        if (point != NULL)
            *point = *localeconv()->decimal_point; /* which strtod() wants */
        const double by_c = strtod(best, &end);
        if (*end != '\n' || memcmp(&by_c, &x, sizeof x) != 0)
            return check_fail("C reads %a where %a was written", by_c, x);
    }
    return true;
}

bool check_schedule_numbers(const check_options *options)
{
    const uint64_t env = adamw_float_env_get();
    bool right = numbers_come_back(options, 20000, false);
    adamw_float_env_set(env | FLUSH_SUBNORMALS);
    right = right && numbers_come_back(options, 2000, true);
    adamw_float_env_set(env);
    return right;
}

/*
 * A longer run is taken exactly where a schedule that was so long from the start has given the same rates; it then goes
 * on with that one's bits, also saved and loaded. What is refused would have been different within an epoch.
 */
bool check_schedule_extend(const check_options *options)
{
    (void)options;
    int taken[KINDS] = {0}, refusals[KINDS] = {0};
    for (int variant = 0; variant < 2 * KINDS * 2; variant++) {
        adamw_schedule_config c = check_recipe(variant / 4, variant / 2 % 2);
        if (variant % 2 == 1)
            c.weight_decay_kind = ADAMW_WEIGHT_DECAY_CONSTANT;
        adamw_schedule_config more = c;
        more.total += c.total / 2;
        adamw_schedule shorter, longer;
        uint64_t of_shorter[2] = {0}, of_longer[2] = {0};
        if (adamw_schedule_init(&shorter, &c) != ADAMW_OK || adamw_schedule_init(&longer, &more) != ADAMW_OK)
            return check_fail("recipe %d is refused", variant);
        for (int e = 0; e < EPOCHS + 3; e++) {
            const char *const name = adamw_schedule_name(c.kind);
            const bool same = memcmp(of_shorter, of_longer, sizeof of_longer) == 0;
            adamw_schedule extended = shorter;
            char said[256], first[ADAMW_SCHEDULE_TEXT_SIZE], second[ADAMW_SCHEDULE_TEXT_SIZE];
            const adamw_status status = adamw_schedule_extend(&extended, more.total);
            if (adamw_schedule_extend_explain(&shorter, more.total, said, sizeof said) != status ||
                (strcmp(said, "ok") == 0) != (status == ADAMW_OK) || strlen(said) >= sizeof said - 1)
                return check_fail("%s, epoch %d: status %d has the sentence '%s'", name, e, (int)status, said);
            adamw_schedule_save(&extended, first, sizeof first);
            adamw_schedule_save(status == ADAMW_OK ? &longer : &shorter, second, sizeof second);
            if (strcmp(first, second) != 0)
                return check_fail("%s, epoch %d: %s, and the state is\n%snot\n%s", name, e, said, first, second);
            if (status == ADAMW_OK && !same)
                return check_fail("%s was extended in epoch %d, though other rates were given", name, e);
            one_epoch(&shorter, of_shorter);
            one_epoch(&longer, of_longer);
            if (status != ADAMW_OK && e < EPOCHS && memcmp(of_shorter, of_longer, sizeof of_longer) == 0)
                return check_fail("%s is refused in epoch %d without a reason: %s", name, e, said);
            *(status == ADAMW_OK ? &taken[c.kind] : &refusals[c.kind]) += 1;
        }
    }
    for (int kind = 0; kind < KINDS; kind++)
        if (taken[kind] < 10 || (refusals[kind] == 0 && kind > ADAMW_SCHEDULE_PLATEAU))
            return check_fail("%s was extended %d times and refused %d times",
                              adamw_schedule_name((adamw_schedule_kind)kind), taken[kind], refusals[kind]);
    return true;
}
