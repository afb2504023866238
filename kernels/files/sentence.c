/*
 * sentence.c - the sentence behind a status: written into the caller's buffer, in English and the same in every
 * locale. What is wrong is found elsewhere.
 */
#include "files.h"

#if defined(ADAMW_POSIX)

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

adamw_status adamw_files_fail(const adamw_files_sentence *to, adamw_status status, const char *format, ...)
{
    if (to->buffer == NULL || to->size == 0)
        return status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(to->buffer, to->size, format, arguments);
    va_end(arguments);
    return status;
}

adamw_status adamw_files_right(const adamw_files_sentence *to) { return adamw_files_fail(to, ADAMW_OK, "ok"); }

adamw_files_shown adamw_files_show(const char *name)
{
    adamw_files_shown shown;
    const size_t length = strlen(name), most = sizeof shown.text - 4;
    size_t used = 0;
    /* A name is told from others like it at its end as often as at its beginning: the middle is left out. */
    const size_t head = length <= most ? length : most / 2, tail = length <= most ? 0 : most - head;
    for (size_t i = 0; i < head; i++)
        shown.text[used++] = name[i];
    if (tail > 0) {
        memcpy(shown.text + used, "...", 3);
        used += 3;
        for (size_t i = length - tail; i < length; i++)
            shown.text[used++] = name[i];
    }
    shown.text[used] = '\0';
    for (size_t i = 0; i < used; i++)
        if ((unsigned char)shown.text[i] < 0x20 || shown.text[i] == 0x7F)
            shown.text[i] = '?';
    return shown;
}

const char *adamw_files_reason(int error)
{
    static const struct {
        int error;
        const char *text;
    } reasons[] = {{ENOENT, "no such file or folder"},
                   {ENOSPC, "no space left on the disk"},
                   {EDQUOT, "the disk quota is used up"},
                   {EIO, "the disk reports an input/output error"},
                   {EACCES, "permission denied"},
                   {EPERM, "operation not permitted"},
                   {EROFS, "the file system is read-only"},
                   {EFBIG, "larger than the file system or the process's limit allows"},
                   {EMFILE, "the process has too many open files"},
                   {ENFILE, "the system has too many open files"},
                   {ENOMEM, "no memory"},
                   {ENOTDIR, "a part of the path is no folder"},
                   {EISDIR, "it is a folder"},
                   {ELOOP, "too many symbolic links"},
                   {ENAMETOOLONG, "the path is too long"},
                   {EINTR, "interrupted by a signal"},
                   {EXDEV, "on another file system"},
                   {EBUSY, "in use"}};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].error == error)
            return reasons[i].text;
    return "the system refuses, with an error number that has no words here";
}

#endif
