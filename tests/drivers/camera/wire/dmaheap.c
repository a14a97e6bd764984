/* A DMA heap for kernels without one, for LD_PRELOAD: libcamera takes its frame buffers from /dev/dma_heap.
   What is opened there is a memfd, and each allocation another; a simulated camera's buffers are plain memory. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int heaps[1024]; /* by file descriptor */

static int heap(const char *path) {
  if (strncmp(path, "/dev/dma_heap/", 14)) return -1;
  int fd = memfd_create("heap", MFD_CLOEXEC);
  if (fd >= 0 && fd < 1024) heaps[fd] = 1;
  return fd;
}

#define OPEN(name)                                             \
  int name(const char *path, int flags, ...) {                 \
    int fd = heap(path);                                       \
    if (fd >= 0) return fd;                                    \
    va_list more;                                              \
    va_start(more, flags);                                     \
    int mode = va_arg(more, int);                              \
    va_end(more);                                              \
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #name); \
    return real(path, flags, mode);                            \
  }
OPEN(open)
OPEN(open64)

int ioctl(int fd, unsigned long request, ...) {
  va_list more;
  va_start(more, request);
  void *argument = va_arg(more, void *);
  va_end(more);
  if (request == DMA_HEAP_IOCTL_ALLOC && fd >= 0 && fd < 1024 && heaps[fd]) {
    struct dma_heap_allocation_data *wanted = argument;
    int made = memfd_create("dmabuf", MFD_CLOEXEC);
    if (made < 0 || ftruncate(made, wanted->len)) return -1;
    wanted->fd = made;
    return 0;
  }
  if (request == DMA_BUF_IOCTL_SYNC || request == DMA_BUF_SET_NAME_A || request == DMA_BUF_SET_NAME_B) return 0;
  int (*real)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
  return real(fd, request, argument);
}
