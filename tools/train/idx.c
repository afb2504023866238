/*
 * idx.c - Fashion-MNIST from its IDX files (http://yann.lecun.com/exdb/mnist, "the IDX file format"): unsigned bytes,
 * big-endian sizes in front. The last images of the training file validate; pixels are normalised by the mean and
 * spread of those that train.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "fail.h"
#include "input.h"

/* EMNIST's 280,000 digits, the largest set of this form, have 188 MiB. */
enum { CLASSES = 10, VALIDATION_IMAGES = 5000, MAX_DIMENSIONS = 3, MAX_IMAGES = 1000000, MAX_BYTES = 1 << 28 };

typedef struct idx {
    file file;
    size_t size[MAX_DIMENSIONS], header;
} idx;

static size_t big_endian(const char *bytes)
{
    const unsigned char *b = (const unsigned char *)bytes;
    return (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
}

static idx read_idx(const char *directory, const char *name, size_t dimensions)
{
    idx x = {.file = read_file(directory, name, MAX_BYTES), .header = 4 + 4 * dimensions};
    const char *bytes = x.file.bytes;
    if (x.file.size < x.header)
        fail("%s: byte %zu: truncated inside the IDX header of %zu bytes", x.file.name, x.file.size, x.header);
    if (big_endian(bytes) != (0x800 | dimensions))
        fail("%s: byte 0: the IDX magic is 0x%08zx, it must be 0x%08zx (unsigned bytes, %zu dimensions)", x.file.name,
             big_endian(bytes), 0x800 | dimensions, dimensions);
    size_t values = 1;
    for (size_t i = 0; i < dimensions; i++) {
        x.size[i] = big_endian(bytes + 4 + 4 * i);
        if (x.size[i] == 0 || x.size[i] > MAX_IMAGES || values > MAX_BYTES / x.size[i])
            fail("%s: byte %zu: a size of %zu is not possible: it must be 1 to %d, and all of them at most %d bytes",
                 x.file.name, 4 + 4 * i, x.size[i], MAX_IMAGES, MAX_BYTES);
        values *= x.size[i];
    }
    if (x.file.size - x.header < values)
        fail("%s: byte %zu: truncated: the header announces %zu bytes", x.file.name, x.file.size, x.header + values);
    if (x.file.size - x.header > values)
        fail("%s: byte %zu: more bytes than the header announces", x.file.name, x.header + values);
    return x;
}

/* The images first .. first + count - 1, as raw pixels. */
static samples take(const idx *images, const idx *labels, size_t first, size_t count)
{
    const size_t inputs = images->size[1] * images->size[2];
    samples x = {.count = count,
                 .values = allocate(count * inputs, sizeof(float)),
                 .start = allocate(count, sizeof(size_t)),
                 .target = allocate(count, sizeof(float))};
    const unsigned char *pixels = (const unsigned char *)images->file.bytes + images->header + first * inputs;
    for (size_t i = 0; i < count * inputs; i++)
        x.values[i] = pixels[i];
    for (size_t i = 0; i < count; i++) {
        const size_t at = labels->header + first + i;
        const unsigned char label = (unsigned char)labels->file.bytes[at];
        if (label >= CLASSES)
            fail("%s: byte %zu: the label %d is not in 0 to %d", labels->file.name, at, label, CLASSES - 1);
        x.start[i] = i * inputs;
        x.target[i] = label;
    }
    return x;
}

static void normalise(samples *x, size_t inputs, float mean, float spread)
{
    for (size_t i = 0; i < x->count * inputs; i++)
        x->values[i] = (x->values[i] - mean) / spread;
}

static void read_pair(const char *directory, const char *prefix, idx *images, idx *labels)
{
    char name[64];
    snprintf(name, sizeof name, "%s-images-idx3-ubyte", prefix);
    *images = read_idx(directory, name, 3);
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte", prefix);
    *labels = read_idx(directory, name, 1);
    if (images->size[0] != labels->size[0])
        fail("%s: byte 4: %zu labels for the %zu images of %s", labels->file.name, labels->size[0], images->size[0],
             images->file.name);
}

task read_fashion_mnist(const char *directory)
{
    task x = {.name = "Fashion-MNIST",
              .file = "fashion-mnist",
              .metric = "accuracy %",
              .classify = true,
              .scale = 1,
              .outputs = CLASSES};
    idx images, labels, test_images, test_labels;
    read_pair(directory, "train", &images, &labels);
    read_pair(directory, "t10k", &test_images, &test_labels);
    x.inputs = images.size[1] * images.size[2];
    if (test_images.size[1] * test_images.size[2] != x.inputs)
        fail("%s: byte 8: images of %zu values, those of %s have %zu", test_images.file.name,
             test_images.size[1] * test_images.size[2], images.file.name, x.inputs);
    if (images.size[0] <= VALIDATION_IMAGES)
        fail("%s: byte 4: %zu images, but the last %d validate: there must be more", images.file.name, images.size[0],
             VALIDATION_IMAGES);

    const size_t training = images.size[0] - VALIDATION_IMAGES;
    x.train = take(&images, &labels, 0, training);
    x.validation = take(&images, &labels, training, VALIDATION_IMAGES);
    x.test = take(&test_images, &test_labels, 0, test_images.size[0]);

    double sum = 0, squares = 0;
    for (size_t i = 0; i < training * x.inputs; i++) {
        sum += (double)x.train.values[i];
        squares += (double)x.train.values[i] * (double)x.train.values[i];
    }
    const double n = (double)(training * x.inputs), mean = sum / n;
    const double variance = squares / n - mean * mean;
    if (!(variance > 0))
        fail("%s: byte %zu: every pixel is the same", images.file.name, images.header);
    samples *sets[] = {&x.train, &x.validation, &x.test};
    for (size_t i = 0; i < 3; i++)
        normalise(sets[i], x.inputs, (float)mean, (float)sqrt(variance));
    idx *files[] = {&images, &labels, &test_images, &test_labels};
    for (size_t i = 0; i < 4; i++)
        free_file(&files[i]->file);
    return x;
}
