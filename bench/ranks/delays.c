/* Stands before an MPI: messages start late, and what is complete is seen late and in any order.
   COMMPLAN_DELAYS is the seed. */
#include <mpi.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 4096 };

static uint64_t draw(void)
{
    static uint64_t state;
    if (!state) {
        const char *seed = getenv("COMMPLAN_DELAYS");
        state = (uint64_t)(seed ? atoll(seed) : 1) * 0x9E3779B97F4A7C15u + (uint64_t)getpid() * 2 + 1;
    }
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state >> 11;
}

/* One in eight is late, by up to 100 us. */
static void dawdle(void)
{
    struct timespec pause = {0, 0};
    if (draw() % 8) return;
    pause.tv_nsec = (long)(draw() % 100000);
    nanosleep(&pause, 0);
}

int MPI_Isend(const void *p, int n, MPI_Datatype t, int to, int tag, MPI_Comm c, MPI_Request *r)
{
    dawdle();
    return PMPI_Isend(p, n, t, to, tag, c, r);
}

int MPI_Irecv(void *p, int n, MPI_Datatype t, int from, int tag, MPI_Comm c, MPI_Request *r)
{
    dawdle();
    return PMPI_Irecv(p, n, t, from, tag, c, r);
}

int MPI_Start(MPI_Request *r)
{
    dawdle();
    return PMPI_Start(r);
}

int MPI_Startall(int n, MPI_Request *r)
{
    for (int i = 0; i < n; i++) MPI_Start(r + i);
    return MPI_SUCCESS;
}

int MPI_Test(MPI_Request *r, int *done, MPI_Status *s)
{
    *done = 0;
    return draw() % 2 ? MPI_SUCCESS : PMPI_Test(r, done, s);
}

int MPI_Testall(int n, MPI_Request *r, int *done, MPI_Status *s)
{
    *done = 0;
    return draw() % 2 ? MPI_SUCCESS : PMPI_Testall(n, r, done, s);
}

/* Look at some of them, one by one, from anywhere on. */
int MPI_Testsome(int n, MPI_Request *r, int *count, int *which, MPI_Status *s)
{
    uint64_t first = n ? draw() % (uint64_t)n : 0;
    int active = 0;
    *count = 0;
    for (int i = 0; i < n; i++) {
        int at = (int)((first + (uint64_t)i) % (uint64_t)n), done = 0, code;
        if (r[at] == MPI_REQUEST_NULL) continue;
        active = 1;
        if (draw() % 2) continue;
        code = PMPI_Test(r + at, &done, s == MPI_STATUSES_IGNORE ? MPI_STATUS_IGNORE : s + *count);
        if (code) return code;
        if (done) which[(*count)++] = at;
    }
    if (!active) *count = MPI_UNDEFINED;
    return MPI_SUCCESS;
}
