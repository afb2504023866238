/*
 * xxh64.c - XXH64 with seed 0 (Yann Collet's xxHash, "XXH64 algorithm description"): the checksum of headers and
 * tensors. A known 64-bit hash, so that other programs have it at hand; in plain C it takes 32 bytes in some eight
 * cycles, far faster than a disk, and a change inside one aligned word of eight bytes always changes it, because
 * each of its steps can be undone. It protects against damage, not against somebody who forges.
 */
#include "files.h"

#if defined(ADAMW_POSIX)

#include <string.h>

static const uint64_t P1 = UINT64_C(0x9E3779B185EBCA87), P2 = UINT64_C(0xC2B2AE3D27D4EB4F),
                      P3 = UINT64_C(0x165667B19E3779F9), P4 = UINT64_C(0x85EBCA77C2B2AE63),
                      P5 = UINT64_C(0x27D4EB2F165667C5);

static inline uint64_t rotate(uint64_t x, int by) { return x << by | x >> (64 - by); }
static inline uint64_t round_of(uint64_t lane, uint64_t word) { return rotate(lane + word * P2, 31) * P1; }

static inline uint64_t word_at(const unsigned char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

void adamw_xxh64_begin(adamw_xxh64 *x) { *x = (adamw_xxh64){.lanes = {P1 + P2, P2, 0, 0 - P1}}; }

/* `count` is a multiple of 32. */
static void add_blocks(uint64_t lanes[4], const unsigned char *bytes, size_t count)
{
    uint64_t a = lanes[0], b = lanes[1], c = lanes[2], d = lanes[3];
    for (const unsigned char *const end = bytes + count; bytes < end; bytes += 32) {
        a = round_of(a, word_at(bytes));
        b = round_of(b, word_at(bytes + 8));
        c = round_of(c, word_at(bytes + 16));
        d = round_of(d, word_at(bytes + 24));
    }
    lanes[0] = a, lanes[1] = b, lanes[2] = c, lanes[3] = d;
}

void adamw_xxh64_add(adamw_xxh64 *x, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    const size_t held = x->length % 32;
    if (count == 0)
        return;
    x->length += count;
    if (held + count < 32) {
        memcpy(x->rest + held, at, count);
        return;
    }
    if (held != 0) {
        memcpy(x->rest + held, at, 32 - held);
        add_blocks(x->lanes, x->rest, 32);
        at += 32 - held;
        count -= 32 - held;
    }
    add_blocks(x->lanes, at, count / 32 * 32);
    memcpy(x->rest, at + count / 32 * 32, count % 32);
}

uint64_t adamw_xxh64_end(const adamw_xxh64 *x)
{
    uint64_t h = P5;
    if (x->length >= 32) {
        h = rotate(x->lanes[0], 1) + rotate(x->lanes[1], 7) + rotate(x->lanes[2], 12) + rotate(x->lanes[3], 18);
        for (int i = 0; i < 4; i++)
            h = (h ^ round_of(0, x->lanes[i])) * P1 + P4;
    }
    h += x->length;
    const unsigned char *at = x->rest, *const end = at + x->length % 32;
    for (; end - at >= 8; at += 8)
        h = rotate(h ^ round_of(0, word_at(at)), 27) * P1 + P4;
    if (end - at >= 4) {
        uint32_t half;
        memcpy(&half, at, sizeof half);
        h = rotate(h ^ half * P1, 23) * P2 + P3;
        at += 4;
    }
    for (; at < end; at++)
        h = rotate(h ^ *at * P5, 11) * P1;
    h = (h ^ h >> 33) * P2;
    h = (h ^ h >> 29) * P3;
    return h ^ h >> 32;
}

#endif
