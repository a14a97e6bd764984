/* A Raspberry Pi's GPIO chip for programs that are started with LD_PRELOAD set to this: /dev/gpiochip0 with the second
 * version of the kernel's interface, as lgpio uses it.
 *
 * $GPIO_SHIM/chip is a socket (SEQPACKET). The chip's own connection asks (struct ask) and is answered (struct answer);
 * each claimed line has a connection, which is its descriptor: it asks once, CLAIM, is answered, and then carries the
 * line's events as the kernel's do.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FDS 1024
#define LINES 54 /* of a Pi's 40-pin chip */

enum { PROBE, CLAIM, GET, SET };
struct ask { uint32_t what, line; uint64_t flags, value; };
struct answer { int32_t error, value; };

enum { NOTHING, CHIP, LINE };
static struct { int kind; uint32_t line; int chip; } known[FDS];
static uint64_t flags_of[LINES];
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static int connect_to_bench(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int wire = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/chip", getenv("GPIO_SHIM"));
    if (wire >= 0 && connect(wire, (struct sockaddr *)&address, sizeof address) < 0) {
        close(wire);
        wire = -1;
    }
    if (wire < 0 || wire >= FDS) errno = ENOENT;
    return wire;
}

/* What the bench says: a value, or -1. */
static int asked(int wire, uint32_t what, uint32_t line, uint64_t flags, uint64_t value) {
    struct ask ask = {what, line, flags, value};
    struct answer answer = {ENODEV, 0};
    pthread_mutex_lock(&turn);
    if (send(wire, &ask, sizeof ask, MSG_NOSIGNAL) < 0 || recv(wire, &answer, sizeof answer, 0) <= 0)
        answer.error = ENODEV;
    pthread_mutex_unlock(&turn);
    errno = answer.error;
    return answer.error ? -1 : answer.value;
}

int open(const char *path, int flags, ...) {
    static int (*real)(const char *, int, ...);
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    if (!real) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    if (!getenv("GPIO_SHIM") || strcmp(path, "/dev/gpiochip0")) return real(path, flags, mode);
    int wire = connect_to_bench();
    if (wire < 0) return -1;
    known[wire].kind = CHIP;
    return wire;
}

static int claim(int chip, struct gpio_v2_line_request *request) {
    uint64_t value = 0;
    uint32_t line = request->offsets[0];
    if (request->num_lines != 1 || line >= LINES) {
        errno = EINVAL;
        return -1;
    }
    for (uint32_t i = 0; i < request->config.num_attrs; i++)
        if (request->config.attrs[i].attr.id == GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES)
            value = request->config.attrs[i].attr.values & 1;
    int wire = connect_to_bench();
    if (wire < 0) return -1;
    if (asked(wire, CLAIM, line, request->config.flags, value) < 0) {
        int error = errno;
        close(wire);
        errno = error;
        return -1;
    }
    flags_of[line] = request->config.flags;
    known[wire].kind = LINE;
    known[wire].line = line;
    known[wire].chip = chip;
    request->fd = wire;
    return 0;
}

static int of_chip(int chip, unsigned long request, void *value) {
    if (request == GPIO_V2_GET_LINE_IOCTL) return claim(chip, value);
    if (asked(chip, PROBE, 0, 0, 0) < 0) return -1;
    if (request == GPIO_GET_CHIPINFO_IOCTL) {
        struct gpiochip_info *info = value;
        memset(info, 0, sizeof *info);
        strcpy(info->name, "gpiochip0");
        strcpy(info->label, "pinctrl-rp1");
        info->lines = LINES;
        return 0;
    }
    if (request == GPIO_V2_GET_LINEINFO_IOCTL) {
        struct gpio_v2_line_info *info = value;
        info->flags = info->offset < LINES && flags_of[info->offset] ? flags_of[info->offset] : GPIO_V2_LINE_FLAG_INPUT;
        return 0;
    }
    errno = ENOTTY;
    return -1;
}

static int of_line(int fd, unsigned long request, struct gpio_v2_line_values *values) {
    int got;
    if (request == GPIO_V2_LINE_GET_VALUES_IOCTL) {
        if ((got = asked(known[fd].chip, GET, known[fd].line, 0, 0)) < 0) return -1;
        values->bits = (uint64_t)got;
        return 0;
    }
    if (request == GPIO_V2_LINE_SET_VALUES_IOCTL)
        return asked(known[fd].chip, SET, known[fd].line, 0, values->bits & 1) < 0 ? -1 : 0;
    errno = ENOTTY;
    return -1;
}

int ioctl(int fd, unsigned long request, ...) {
    static int (*real)(int, unsigned long, ...);
    va_list rest;
    va_start(rest, request);
    void *value = va_arg(rest, void *);
    va_end(rest);
    if (fd >= 0 && fd < FDS && known[fd].kind == CHIP) return of_chip(fd, request, value);
    if (fd >= 0 && fd < FDS && known[fd].kind == LINE) return of_line(fd, request, value);
    if (!real) real = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    return real(fd, request, value);
}

int close(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "close");
    if (fd >= 0 && fd < FDS) known[fd].kind = NOTHING;
    return real(fd);
}
