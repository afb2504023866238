/*
 * blas.h - OpenBLAS as a run needs it: one thread in each run, and kernels that fit the CPU.
 */
#ifndef TRAIN_BLAS_H
#define TRAIN_BLAS_H

/* May start the program again, with OPENBLAS_CORETYPE set; call it first. */
void blas_setup(char **argv);

/* The name of OpenBLAS's kernels. The bits of a run are theirs too, so a result names them. */
const char *blas_core(void);

#endif
