/*
 * look.c - where the tensors of a Python list are and how they lie, all in one call. Each of torch's Python methods
 * takes some 60 ns a tensor; the function that DLPack's C exchange interface has for it
 * (torch.Tensor.__dlpack_c_exchange_api__) says everything in 15. Compiled against neither torch nor Python: the
 * functions of Python are of its stable ABI, and the structure is DLPack 1's. What an answer means is _look.py's.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* DLTensor */
typedef struct dl_tensor {
    void *data;
    int32_t device_type, device_id;
    int32_t ndim;
    uint8_t type_code, type_bits;
    uint16_t type_lanes;
    const int64_t *shape, *strides;
    uint64_t byte_offset;
} dl_tensor;

/* DLPackDLTensorFromPyObjectNoSync: not 0, with a Python exception set, where the object cannot be described. */
typedef int describe(void *object, dl_tensor *tensor);

void *PyList_GetItem(void *list, ptrdiff_t index);
void *PyTuple_GetItem(void *tuple, ptrdiff_t index);
void *PyDict_GetItemWithError(void *dictionary, void *key);
int PyDict_Next(void *dictionary, ptrdiff_t *position, void **key, void **value);

enum { HEAD = 3 }; /* of a layout's words; its shape and strides follow */

/* What a look does with what it sees, and what it found. In this order in _look.py. */
enum { RECORD, COMPARE, FOLLOW }; /* FOLLOW: layouts are compared, addresses written */
enum { SAME, OTHER_LAYOUT, OTHER_ADDRESS };

/* Where a look keeps what it saw: an address every `pitch` bytes, and layouts in `room` words. */
typedef struct record {
    char *addresses;
    size_t pitch;
    int64_t *layouts;
    size_t room, at;
    int mode;
} record;

/* Whether the next words of the record are these; with RECORD they are written. */
static bool match(record *to, const int64_t *words, size_t count)
{
    int64_t *known = to->layouts + to->at;
    if (count > to->room - to->at)
        return false;
    to->at += count;
    if (to->mode == RECORD)
        memcpy(known, words, count * sizeof *words);
    for (size_t i = 0; i < count; i++)
        if (known[i] != words[i])
            return false;
    return true;
}

/* Compares one tensor with the record, or puts it there. */
static int look_at(describe *from, void *object, record *to)
{
    dl_tensor tensor;
    if (object == NULL || from(object, &tensor) != 0)
        return OTHER_LAYOUT;
    const size_t ndim = (size_t)tensor.ndim;
    const int64_t head[HEAD] = {tensor.ndim, (int64_t)tensor.device_type << 32 | tensor.device_id,
                                tensor.type_code | tensor.type_bits << 8 | (int64_t)tensor.type_lanes << 16};
    if (!match(to, head, HEAD) || !match(to, tensor.shape, ndim) || !match(to, tensor.strides, ndim))
        return OTHER_LAYOUT;

    char *address = (char *)tensor.data + tensor.byte_offset, *known = to->addresses;
    to->addresses += to->pitch;
    if (memcmp(known, &address, sizeof address) == 0)
        return SAME;
    if (to->mode != COMPARE)
        memcpy(known, &address, sizeof address);
    return OTHER_ADDRESS;
}

#define EXPORT __attribute__((visibility("default")))
EXPORT int adamw_look(describe *from, void *list, size_t count, void *keys, size_t key_count, char *addresses,
                      size_t pitch, int64_t *layouts, size_t room, int mode);
EXPORT int adamw_look_same_items(void *dictionary, void **items, size_t count, int mode);

/*
 * Looks at the first `count` objects of a list, or, with a tuple of keys, at what each of that many dictionaries has
 * under each key. The first of another layout ends it, as does a missing key and an object that is no tensor, with a
 * Python exception. The caller holds Python's lock.
 */
int adamw_look(describe *from, void *list, size_t count, void *keys, size_t key_count, char *addresses, size_t pitch,
               int64_t *layouts, size_t room, int mode)
{
    record to = {addresses, pitch, layouts, room, 0, mode};
    int found = SAME;
    for (size_t i = 0; i < count; i++) {
        void *object = PyList_GetItem(list, (ptrdiff_t)i);
        if (object == NULL)
            return OTHER_LAYOUT;
        for (size_t key = 0; key < (key_count ? key_count : 1); key++) {
            void *tensor =
                key_count ? PyDict_GetItemWithError(object, PyTuple_GetItem(keys, (ptrdiff_t)key)) : object;
            const int seen = look_at(from, tensor, &to);
            if (seen == OTHER_LAYOUT)
                return OTHER_LAYOUT;
            if (seen != SAME)
                found = seen;
        }
    }
    return found;
}

/* Whether a dictionary has these `count` keys and values, the same objects in the same order: SAME or OTHER_LAYOUT.
 * `items` has each key before its value; RECORD writes them. */
int adamw_look_same_items(void *dictionary, void **items, size_t count, int mode)
{
    ptrdiff_t position = 0;
    size_t seen = 0;
    void *item[2];
    while (PyDict_Next(dictionary, &position, &item[0], &item[1])) {
        if (seen == count)
            return OTHER_LAYOUT;
        if (mode == RECORD)
            memcpy(items + 2 * seen, item, sizeof item);
        if (items[2 * seen] != item[0] || items[2 * seen + 1] != item[1])
            return OTHER_LAYOUT;
        seen++;
    }
    return seen == count ? SAME : OTHER_LAYOUT;
}
