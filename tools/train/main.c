/*
 * main.c - adamw-train: reads the data, trains every run that the options name, and reports. README.md has an
 * example.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "blas.h"
#include "fail.h"
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
            fail("--jobs is %d: the system does not give so many threads", jobs);
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

int main(int argc, char **argv)
{
    blas_setup(argv);
    options o = read_options(argc, argv);
    if (o.isa != ADAMW_ISA_AUTO)
        adamw_isa_select(o.isa);
    if (adamw_isa_active() == ADAMW_ISA_AUTO)
        fail("ADAMW_ISA is '%s': it must be auto or an instruction set that this CPU has", getenv("ADAMW_ISA"));
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
    return 0;
}
