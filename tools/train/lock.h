/*
 * lock.h - one trainer on a checkpoint at a time. The lock is flock() on FILE.lock beside the checkpoint, because the
 * checkpoint itself is another file after each epoch. The system drops it with the process, however that ends.
 */
#ifndef TRAIN_LOCK_H
#define TRAIN_LOCK_H

/* Takes the lock of the checkpoint; ends the program where another trainer has it, or where the checkpoint could not
 * be written or, being no regular file, not be read again. */
void lock_checkpoint(const char *path);

/* Removes FILE.lock and drops the lock; nothing where none is held. */
void unlock_checkpoint(void);

#endif
