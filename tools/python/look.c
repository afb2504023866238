/*
 * look.c - where the tensors of a Python list are and how they lie, all in one call. Each of torch's Python methods
 * takes some 60 ns a tensor; the function that DLPack's C exchange interface has for it
 * (torch.Tensor.__dlpack_c_exchange_api__) says everything in 15. Compiled against neither torch nor Python: the one
 * function of Python is of its stable ABI, and the structure is DLPack 1's. What an answer means is _look.py's.
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

enum { HEAD = 3 }; /* of a layout's words; its shape and strides follow */

/* What a look does with what it sees, and what it found. In this order in _look.py. */
enum { RECORD, COMPARE, FOLLOW }; /* FOLLOW: layouts are compared, addresses written */
enum { SAME, OTHER_LAYOUT, OTHER_ADDRESS };

/* Whether the words from `at` on are these; a record has room for them. */
static bool match(const int64_t *words, size_t count, int64_t *layouts, size_t room, size_t at, int mode)
{
    if (count > room - at)
        return false;
    if (mode == RECORD)
        memcpy(layouts + at, words, count * sizeof *words);
    for (size_t i = 0; i < count; i++)
        if (layouts[at + i] != words[i])
            return false;
    return true;
}

/*
 * Looks at the first `count` objects of a list: their addresses, of which `addresses` has one every `pitch` bytes,
 * and their layouts, of which `layouts` has `room` words. The first of another layout ends it, as does one that is no
 * tensor, with a Python exception. The caller holds Python's lock.
 */
__attribute__((visibility("default"))) int adamw_look(describe *from, void *list, size_t count, char *addresses,
                                                      size_t pitch, int64_t *layouts, size_t room, int mode);

int adamw_look(describe *from, void *list, size_t count, char *addresses, size_t pitch, int64_t *layouts, size_t room,
               int mode)
{
    int found = SAME;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        dl_tensor tensor;
        void *object = PyList_GetItem(list, (ptrdiff_t)i);
        if (object == NULL || from(object, &tensor) != 0)
            return OTHER_LAYOUT;
        const size_t ndim = (size_t)tensor.ndim;
        const int64_t head[HEAD] = {tensor.ndim, (int64_t)tensor.device_type << 32 | tensor.device_id,
                                    tensor.type_code | tensor.type_bits << 8 | (int64_t)tensor.type_lanes << 16};
        if (!match(head, HEAD, layouts, room, at, mode) ||
            !match(tensor.shape, ndim, layouts, room, at + HEAD, mode) ||
            !match(tensor.strides, ndim, layouts, room, at + HEAD + ndim, mode))
            return OTHER_LAYOUT;
        at += HEAD + 2 * ndim;

        char *address = (char *)tensor.data + tensor.byte_offset;
        if (memcmp(addresses + i * pitch, &address, sizeof address) == 0)
            continue;
        found = OTHER_ADDRESS;
        if (mode != COMPARE)
            memcpy(addresses + i * pitch, &address, sizeof address);
    }
    return found;
}
