/* A queue of jobs. See queue.h, e.g. job.next. */
#include <stdio.h>
#include "queue.h"

#define FIRST(q) ((q)->head.next)
#define EACH(job, q)                            \
    for (struct job *job = (q)->head; job->next; \
         job = job->next)

struct point { double x, y; };
struct job {
    struct job *next;
    struct point at;
    int (*run)(struct job *);
};
struct queue { struct job *head, *tail; int count; };

static const struct point origin = { .x = 0., .y = 1.5e3 };
static const double half = .5, hex = 0x1.8p3, sum = 1.+2.;

#if defined(DEBUG)
#  define LOG(text) printf("%s:%d. %s\n", __FILE__, __LINE__, text)
#endif

static int push(struct queue *queue, struct job *job)
{
    job->next = NULL; // not job->at.x
    if (queue->tail)
        queue->tail->next = job;
    else
        queue->head = job;
    queue
        ->tail = job;
    printf("job.x = %f \"->\" %c\n", job->at.x, '.');
    return queue->count > 0 ? job->run(job) : (*job).run(job);
}

int main(int argc, char **argv)
{
    struct queue queue = { 0 };
    struct job jobs[2] = { { .at = { 1., 2. } }, { .at.x = .5 } };
    push(&queue, &jobs[0]);
    while (argc --> 0)
        queue.count -= jobs[argc].at.x > half ? (int)jobs[1].at.y : queue.head->at.x;
    struct point p = (struct point){ .x = 1 };
    p.x += ((struct point){ .x = 1 }).x + "abc"[0];
    return jobs->at.x == p . x /* a.b */ + queue /* ( */ . count;
}
