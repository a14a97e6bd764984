/* A Raspberry Pi's SPI port for programs that are started with LD_PRELOAD set to this.
 *
 * In the folder $SPIDEV_SHIM: a file spidevX.Y is the device node /dev/spidevX.Y, and while it is missing the device
 * is; `wire` is the socket (SEQPACKET) that each transfer goes to, as the clock in Hz (uint32) and the bytes, and that
 * answers with an errno (int32, 0 for sent); `cpuinfo`, `revision` (64-bit) and `gpiomem` are what rpi_ws281x reads
 * the model of the Pi from and sets pins with.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/spi/spidev.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define FDS 1024
#define BUFSIZ_OF_SPIDEV 4096 /* the kernel's default */

struct port {
    int wire; /* 0: this descriptor is no port */
    uint32_t mode, bits, speed;
    char node[256];
};
static struct port ports[FDS];

static const char *folder(void) { return getenv("SPIDEV_SHIM"); }

static const char *place(const char *path, char *out, size_t size) {
    const char *name = NULL;
    if (!folder() || !path) return path;
    if (!strncmp(path, "/dev/spidev", 11) && !strchr(path + 5, '/')) name = path + 5;
    if (!strcmp(path, "/dev/gpiomem")) name = "gpiomem";
    if (!strcmp(path, "/proc/cpuinfo")) name = "cpuinfo";
    if (!strcmp(path, "/proc/device-tree/system/linux,revision")) name = "revision";
    if (!name) return path;
    snprintf(out, size, "%s/%s", folder(), name);
    return out;
}

static int plug_in(int fd, const char *node) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (fd < 0 || fd >= FDS || !strstr(node, "/spidev")) return fd;
    int wire = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/wire", folder());
    if (wire < 0 || connect(wire, (struct sockaddr *)&address, sizeof address) < 0) {
        if (wire >= 0) close(wire);
        close(fd);
        errno = ENXIO;
        return -1;
    }
    ports[fd] = (struct port){.wire = wire, .bits = 8, .speed = 500000};
    snprintf(ports[fd].node, sizeof ports[fd].node, "%s", node);
    return fd;
}

static int open_as(const char *symbol, const char *path, int flags, mode_t mode) {
    char other[256];
    int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, symbol);
    const char *node = place(path, other, sizeof other);
    int fd = real(node, flags, mode);
    return node == path ? fd : plug_in(fd, node);
}

#define OPEN(name)                                  \
    int name(const char *path, int flags, ...) {    \
        va_list rest;                               \
        va_start(rest, flags);                      \
        mode_t mode = va_arg(rest, mode_t);         \
        va_end(rest);                               \
        return open_as(#name, path, flags, mode);   \
    }
OPEN(open)
OPEN(open64)

#define FOPEN(name)                                                                                         \
    FILE *name(const char *path, const char *mode) {                                                        \
        char other[256];                                                                                    \
        FILE *(*real)(const char *, const char *) = (FILE * (*)(const char *, const char *)) dlsym(RTLD_NEXT, #name); \
        return real(place(path, other, sizeof other), mode);                                                \
    }
FOPEN(fopen)
FOPEN(fopen64)

static struct port *port_of(int fd) { return fd >= 0 && fd < FDS && ports[fd].wire ? &ports[fd] : NULL; }

/* One transfer; the number of bytes sent, or -1. */
static int transfer(struct port *port, uint32_t speed, const void *bytes, size_t size) {
    int32_t answer;
    struct iovec parts[] = {{&speed, sizeof speed}, {(void *)bytes, size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    if (size > BUFSIZ_OF_SPIDEV) {
        errno = EMSGSIZE;
        return -1;
    }
    if (sendmsg(port->wire, &message, MSG_NOSIGNAL) < 0 ||
        recv(port->wire, &answer, sizeof answer, 0) != (ssize_t)sizeof answer) {
        errno = ESHUTDOWN; /* as spidev's after its device was unbound */
        return -1;
    }
    if (answer) {
        errno = answer;
        return -1;
    }
    return (int)size;
}

int ioctl(int fd, unsigned long request, ...) {
    static int (*real)(int, unsigned long, ...);
    va_list rest;
    va_start(rest, request);
    void *value = va_arg(rest, void *);
    va_end(rest);
    struct port *port = port_of(fd);
    if (!port) {
        if (!real) real = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
        return real(fd, request, value);
    }
    if (access(port->node, F_OK) < 0) {
        errno = ESHUTDOWN;
        return -1;
    }
    switch ((uint32_t)request) {
    case SPI_IOC_RD_MODE: *(uint8_t *)value = (uint8_t)port->mode; return 0;
    case SPI_IOC_WR_MODE: port->mode = *(uint8_t *)value; return 0;
    case SPI_IOC_RD_MODE32: *(uint32_t *)value = port->mode; return 0;
    case SPI_IOC_WR_MODE32: port->mode = *(uint32_t *)value; return 0;
    case SPI_IOC_RD_BITS_PER_WORD: *(uint8_t *)value = (uint8_t)port->bits; return 0;
    case SPI_IOC_WR_BITS_PER_WORD: port->bits = *(uint8_t *)value; return 0;
    case SPI_IOC_RD_MAX_SPEED_HZ: *(uint32_t *)value = port->speed; return 0;
    case SPI_IOC_WR_MAX_SPEED_HZ: port->speed = *(uint32_t *)value; return 0;
    }
    if (_IOC_TYPE(request) == SPI_IOC_MAGIC && _IOC_NR(request) == 0) {
        struct spi_ioc_transfer *each = value;
        int sent = 0, count = (int)(_IOC_SIZE(request) / sizeof *each);
        for (int i = 0; i < count; i++) {
            int one = transfer(port, each[i].speed_hz ? each[i].speed_hz : port->speed,
                               (const void *)(uintptr_t)each[i].tx_buf, each[i].len);
            if (one < 0) return -1;
            sent += one;
        }
        return sent;
    }
    errno = ENOTTY;
    return -1;
}

ssize_t write(int fd, const void *bytes, size_t size) {
    static ssize_t (*real)(int, const void *, size_t);
    struct port *port = port_of(fd);
    if (!port) {
        if (!real) real = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
        return real(fd, bytes, size);
    }
    if (access(port->node, F_OK) < 0) {
        errno = ESHUTDOWN;
        return -1;
    }
    return transfer(port, port->speed, bytes, size);
}

int close(int fd) {
    static int (*real)(int);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "close");
    struct port *port = port_of(fd);
    if (port) {
        int wire = port->wire;
        port->wire = 0;
        real(wire);
    }
    return real(fd);
}
