/*
 * main.c - adamw-train: reads the data, trains every run that the options name, and reports. README.md has an
 * example.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "blas.h"
#include "fail.h"
#include "lock.h"
#include "report.h"

typedef struct queue {
    run *runs;
    size_t count;
    atomic_size_t next;
    observer watch;
} queue;

static void *work(void *context)
{
    queue *q = context;
    for (size_t i; (i = q->next++) < q->count;)
        run_train(&q->runs[i], &q->watch);
    return NULL;
}

/* Each run has its own thread and the same bits whatever runs beside it. */
static void train_all(queue *q, int jobs)
{
    pthread_t *thread = allocate((size_t)jobs, sizeof *thread);
    for (int i = 0; i < jobs; i++)
        if (pthread_create(&thread[i], NULL, work, q) != 0)
            fail("--jobs is %d: the system does not give that many threads", jobs);
    for (int i = 0; i < jobs; i++)
        pthread_join(thread[i], NULL);
    free(thread);
}

static size_t plan(const options *o, const task *t, run *runs)
{
    size_t count = 0;
    for (int w = 0; w < o->weight_decays; w++)
        for (int s = 0; s < o->seeds; s++)
            for (int d = ADAMW_DECAY_DECOUPLED; d <= ADAMW_DECAY_L2; d++)
                if (o->optimizers >> d & 1)
                    runs[count++] = (run){.task = t,
                                          .options = o,
                                          .decay = (adamw_decay)d,
                                          .weight_decay = o->weight_decay[w],
                                          .seed = o->seed + (uint64_t)s};
    return count;
}

/* Where the program is started with a standard stream closed, the next file would be opened in its place, and
 * messages would end up in it. Read-only, so that writing to it is still an error. */
static void open_missing_streams(void)
{
    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
        if (fcntl(i, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != i)
            _exit(2);
}

int main(int argc, char **argv)
{
    open_missing_streams();
    blas_setup(argv);
    options o = read_options(argc, argv);
    if (o.isa != ADAMW_ISA_AUTO)
        adamw_isa_select(o.isa);
    if (adamw_isa_active() == ADAMW_ISA_AUTO)
        fail("ADAMW_ISA is '%s': it must be auto or an instruction set that this CPU has", getenv("ADAMW_ISA"));
    if (o.checkpoint != NULL)
        lock_checkpoint(o.checkpoint);
    if (o.checkpoint != NULL && !o.resume && access(o.checkpoint, F_OK) == 0)
        fail("--checkpoint %s exists: --resume goes on from it; remove it to start anew", o.checkpoint);
    task t = o.subset != NULL ? read_cmapss(o.directory, o.subset) : read_fashion_mnist(o.directory);
    if (o.checkpoint != NULL)
        task_digest(&t);

    queue q = {.runs = allocate(2 * (size_t)o.seeds * (size_t)o.weight_decays, sizeof(run)),
               .watch = report_observer()};
    q.count = plan(&o, &t, q.runs);
    if ((size_t)o.jobs > q.count)
        o.jobs = (int)q.count;
    report_start(&o, &t, q.runs, q.count);
    train_all(&q, o.jobs);
    report_end(&o, &t, q.runs, q.count);

    for (size_t i = 0; i < q.count; i++)
        free(q.runs[i].epoch);
    free(q.runs);
    free_task(&t);
    unlock_checkpoint();
    finish_output();
    return 0;
}
