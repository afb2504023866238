/*
 * adamw_file.h - files of named tensors in the safetensors format, and the state of a run in them. adamw.h includes
 * it; kernels/files/README.md documents the names, so that other programs can read and write such files.
 *
 *     adamw_state state = {.names = names, .tensors = tensors, .count = count, .config = &config, .step = step};
 *     char sentence[ADAMW_FILE_SENTENCE_SIZE];
 *     if (adamw_save_state("run.safetensors", &state, sentence, sizeof sentence) != ADAMW_OK)
 *         fprintf(stderr, "%s\n", sentence);
 *
 * These functions allocate memory (a step never does) and give it all back before they return, but for what an open
 * file holds until adamw_file_close(). They keep no global state, print nothing and do the same in every locale. Any
 * number of threads may save, open and read at once; an open file may be read by many threads.
 *
 * Every function that can refuse takes a `sentence` of `size` bytes (NULL with 0 is allowed) and writes into it what
 * is wrong, with the tensor's name or the byte, and what would be right, or "ok". ADAMW_FILE_SENTENCE_SIZE bytes hold
 * every sentence; long paths and names are shortened in it. The statuses: ADAMW_ERROR_INVALID_ARGUMENT for the
 * caller's arguments, ADAMW_ERROR_STATE for a file that is damaged or of another run, ADAMW_ERROR_SYSTEM for what
 * the operating system refuses (no such file, no space, no memory), ADAMW_ERROR_UNSUPPORTED for what is right but
 * not for this version.
 *
 * They need POSIX: a library for Windows or WASI does not have them yet, and a program that calls one does not link.
 */
#ifndef ADAMW_H
#include "adamw.h" /* which includes this file where it belongs */
#endif
#ifndef ADAMW_FILE_H
#define ADAMW_FILE_H

#ifdef __cplusplus
extern "C" {
#endif

#define ADAMW_FILE_SENTENCE_SIZE 1024

/* ---- named tensors ------------------------------------------------------------------------------------------- */

/* The types of safetensors whose values fill whole bytes; little-endian. */
typedef enum adamw_file_dtype {
    ADAMW_FILE_F32 = 0,
    ADAMW_FILE_BF16 = 1,
    ADAMW_FILE_F16 = 2,
    ADAMW_FILE_F64 = 3,
    ADAMW_FILE_I8 = 4,
    ADAMW_FILE_U8 = 5,
    ADAMW_FILE_I16 = 6,
    ADAMW_FILE_U16 = 7,
    ADAMW_FILE_I32 = 8,
    ADAMW_FILE_U32 = 9,
    ADAMW_FILE_I64 = 10,
    ADAMW_FILE_U64 = 11,
    ADAMW_FILE_BOOL = 12, /* one byte, 0 or 1 */
    ADAMW_FILE_F8_E4M3 = 13,
    ADAMW_FILE_F8_E5M2 = 14,
    ADAMW_FILE_F8_E8M0 = 15,
    ADAMW_FILE_C64 = 16 /* two float32 */
} adamw_file_dtype;

/* The name in the file ("F32", "BF16", ...) and the bytes of a value; "unknown" and 0 for what is no dtype. */
ADAMW_API const char *adamw_file_dtype_name(adamw_file_dtype dtype);
ADAMW_API size_t adamw_file_dtype_size(adamw_file_dtype dtype);

typedef struct adamw_file_tensor {
    const char *name; /* UTF-8, unique in its file; anything but "__metadata__" */
    adamw_file_dtype dtype;
    size_t rank;           /* dimensions, at most 64; 0: one value */
    const uint64_t *shape; /* `rank` sizes; NULL with rank 0 */
    void *data;            /* at any alignment; adamw_save() only reads it. NULL where there are no bytes */
    uint64_t bytes;        /* of data; adamw_save(): that, or 0 to have it worked out */
} adamw_file_tensor;

/* Text beside the tensors. Keys that begin with "adamw." belong to this library. */
typedef struct adamw_file_entry {
    const char *key, *value; /* UTF-8, zero-terminated; keys unique */
} adamw_file_entry;

/*
 * Writes the file `path` anew, or leaves it as it was. A temporary file beside the target gets an unpredictable name
 * (".NAME.0123456789abcdef.tmp", created with O_EXCL), the data, an fsync; then it is renamed over the target and the
 * folder is fsynced. So a reader, a crash and a power cut meet the old file or the new one, and two writers of one
 * target do not disturb each other: the last rename wins.
 *
 * A symbolic link is followed, and stays. A target that is no regular file or not writable is refused. The new file
 * has the old one's permissions, and its owner where the system allows that. On an error the target is as it was and
 * the temporary file is gone; the one exception is a failing fsync of the folder: the new file is then in place and
 * whole, but a power cut may bring the old one back, and the sentence says so. A process that is killed leaves its
 * temporary file behind, which nothing reads and anybody may delete.
 *
 * Tensors whose size is a multiple of 64 bytes begin at such a multiple of the file, in the list's order; the others
 * come behind them, aligned to their values. Every tensor gets a checksum (XXH64) and the header one of its own.
 */
ADAMW_API adamw_status adamw_save(const char *path, const adamw_file_tensor *tensors, size_t count,
                                  const adamw_file_entry *metadata, size_t metadata_count, char *sentence,
                                  size_t size);

/* ---- reading -------------------------------------------------------------------------------------------------- */

typedef struct adamw_file adamw_file;

/*
 * Opens a safetensors file, or an index of several (the shape of Hugging Face's model.safetensors.index.json; the
 * files lie beside it). Checks the whole header and its checksum and maps the data, without touching it: below a
 * millisecond for the state of 124M parameters. Refused: a header above 100 MB, ranges that overlap, leave holes, go
 * past the end or contradict dtype and shape, duplicate names, text that is no strict JSON and UTF-8.
 *
 * *file receives the handle; NULL on an error. The mapping is private: what is written into it stays in this process.
 * The data are checked by adamw_file_check() and adamw_load_state() alone. Whoever truncates a mapped file in place
 * ends its readers with SIGBUS; adamw_save() never does, it replaces.
 */
ADAMW_API adamw_status adamw_open(adamw_file **file, const char *path, char *sentence, size_t size);

/* Gives all of it back; pointers from the file end here. NULL is allowed. */
ADAMW_API void adamw_file_close(adamw_file *file);

/* The tensors in the order of their names' bytes, and one by its name; NULL where there is none. */
ADAMW_API size_t adamw_file_count(const adamw_file *file);
ADAMW_API const adamw_file_tensor *adamw_file_at(const adamw_file *file, size_t index);
ADAMW_API const adamw_file_tensor *adamw_file_find(const adamw_file *file, const char *name);

/* The text beside them, in the order of the keys; NULL where there is none. */
ADAMW_API size_t adamw_file_metadata_count(const adamw_file *file);
ADAMW_API const adamw_file_entry *adamw_file_metadata_at(const adamw_file *file, size_t index);
ADAMW_API const char *adamw_file_metadata(const adamw_file *file, const char *key);

/* The tensor's checksum as the file has it: 16 hexadecimal digits, not terminated. NULL where it has none, which is
 * so for files of other programs. */
ADAMW_API const char *adamw_file_checksum(const adamw_file *file, size_t index);

/*
 * Compares the data of the tensor `name`, or of all with NULL, with their checksums: reads them once. Before anything
 * is written into the mapping. ADAMW_ERROR_STATE names the first tensor that is damaged; tensors without a checksum
 * pass.
 */
ADAMW_API adamw_status adamw_file_check(const adamw_file *file, const char *name, char *sentence, size_t size);

/*
 * Copies the values `first` .. `first` + n - 1 of the tensor `name`, taken as one row of values, to `to`, from the
 * tensor or from whichever shards of it hold them. Does not compare checksums.
 */
ADAMW_API adamw_status adamw_file_read(const adamw_file *file, const char *name, adamw_file_dtype dtype,
                                       uint64_t first, size_t n, void *to, char *sentence, size_t size);

/* ---- the state of a run --------------------------------------------------------------------------------------- */

/* Which values of a parameter a tensor holds: all of it, or in a shard a range. */
typedef struct adamw_state_place {
    size_t rank; /* of the whole parameter */
    const uint64_t *shape;
    uint64_t first; /* the tensor's n values begin there, the parameter taken as one row */
} adamw_state_place;

/* A run, as adamw_save_state() writes it and adamw_load_state() fills it in. Zero is the default of every field. */
typedef struct adamw_state {
    const char *const *names;        /* of the parameters, `count` of them */
    adamw_tensor *tensors;           /* as in adamw_step(): param, moments, residual and average where not NULL */
    const adamw_state_place *places; /* NULL: each tensor is a whole parameter of one dimension */
    size_t count;
    const adamw_config *config;   /* saving: the hyperparameters of tensors without a config; loading: not used */
    uint64_t step;                /* steps made, of the tensors whose own step is 0 */
    uint64_t seed;                /* of the caller's random numbers */
    adamw_schedule *schedule;     /* NULL: none */
    adamw_loss_scale *loss_scale; /* NULL: none; of shards, one may have it */
    bool with_params;             /* the parameters are in the file too, under their own names */
    bool partial;                 /* loading: the file may have parameters that are not in the list */
    /* Saving: what else the run needs, written beside its state; loading: not used, adamw_file_check(),
     * adamw_file_find() and adamw_file_metadata() have it. Of shards, one may have tensors, and all have the text. */
    const adamw_file_tensor *extra; /* names that do not begin with "state." */
    size_t extra_count;
    const adamw_file_entry *metadata; /* keys that do not begin with "adamw." */
    size_t metadata_count;
} adamw_state;

/* Saves the state as adamw_save() does. No tensor's gradient or param_copy is saved. */
ADAMW_API adamw_status adamw_save_state(const char *path, const adamw_state *state, char *sentence, size_t size);

/*
 * Fills in the buffers of state->tensors, step, seed, schedule and loss scale from an open file, which must fit: the
 * same names, shapes, dtypes and streams, and the recipe of state->schedule. A tensor whose own step is not 0 gets
 * its own step; the others must have one in common. Everything is looked at first, the checksums included, and on an
 * error nothing was written. A tensor's range may lie in any shards.
 *
 * Hyperparameters are not loaded: adamw_load_config() reads those of a parameter, the caller decides.
 */
ADAMW_API adamw_status adamw_load_state(const adamw_file *file, adamw_state *state, char *sentence, size_t size);

/* The hyperparameters that parameter `name` was saved with; other members of *config stay as they are. */
ADAMW_API adamw_status adamw_load_config(const adamw_file *file, const char *name, adamw_config *config,
                                         char *sentence, size_t size);

/*
 * Shards: each rank saves the ranges it holds (adamw_state.places) in a file of its own, then one rank writes the
 * index, and from then on the index stands for the new files. Until then it stands for the old ones; so a save must
 * have names of its own. adamw_shard_path() makes them of the index's name and a tag that no save before had (the
 * step, say): "run.safetensors.index.json" with tag 7 gives "run-7-00001-of-00004.safetensors" for shard 0 of 4.
 */
ADAMW_API adamw_status adamw_shard_path(char *path, size_t path_size, const char *index_path, uint64_t tag,
                                        size_t shard, size_t shards, char *sentence, size_t size);

/*
 * Checks that the files belong together (no tensor twice, none with a hole, the same metadata) and writes the index,
 * as adamw_save() writes a file. The index holds the checksum of each file's header, so that files of two saves are
 * never taken for one. Then the files of the index before that are in this one no more are deleted.
 */
ADAMW_API adamw_status adamw_save_index(const char *index_path, const char *const *shard_paths, size_t count,
                                        char *sentence, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* ADAMW_FILE_H */
