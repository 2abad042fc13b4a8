/* Preloaded into the daemon: every fsync takes SLOW_FSYNC_US microseconds longer, as on an ordinary cloud disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_a_little(void) {
    static long pause = -1;
    if (pause < 0) {
        const char *text = getenv("SLOW_FSYNC_US");
        pause = text ? atol(text) : 0;
    }
    usleep(pause);
}

int fsync(int file) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    wait_a_little();
    return real(file);
}

int fdatasync(int file) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    wait_a_little();
    return real(file);
}
