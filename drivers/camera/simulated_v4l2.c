/* A video device without a kernel driver, for LD_PRELOAD: /dev/video<KIOSK_V4L2_NUMBER> is the peer of the
   Unix socket KIOSK_V4L2_SOCKET (simulated_v4l2.py), which sends JPEGs, each after its length; V4L2's calls are
   answered here. Only what OpenCV's V4L2 backend and `V4l2Source` ask for: MJPEG, memory mapping, select. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BUFFERS = 4, SIZE = 1 << 20, FILES = 1024 };

static struct device {
  int used, width, height, fps, memory;
  int queue[BUFFERS], queued;
} devices[FILES]; /* by file descriptor */

static const char *number(void) { return getenv("KIOSK_V4L2_NUMBER"); }
static const char *address(void) { return getenv("KIOSK_V4L2_SOCKET"); }

static int ours(const char *path) {
  char name[32];
  if (!number() || !address()) return 0;
  snprintf(name, sizeof name, "/dev/video%s", number());
  return !strcmp(path, name);
}

static struct device *of(int fd) { return fd >= 0 && fd < FILES && devices[fd].used ? &devices[fd] : NULL; }

/* The socket is there while the device is plugged in. */
static int there(void) { return !access(address(), F_OK); }

static int connected(void) {
  struct sockaddr_un peer = {.sun_family = AF_UNIX};
  strncpy(peer.sun_path, address(), sizeof peer.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  char answer;
  if (fd >= FILES || connect(fd, (struct sockaddr *)&peer, sizeof peer) || recv(fd, &answer, 1, 0) != 1 || answer != 'O') {
    close(fd);
    errno = there() ? EBUSY : ENOENT;
    return -1;
  }
  devices[fd] = (struct device){.used = 1, .width = 640, .height = 480, .fps = 30, .memory = memfd_create("frames", MFD_CLOEXEC)};
  if (ftruncate(devices[fd].memory, (off_t)BUFFERS * SIZE)) return -1;
  return fd;
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define OPEN(name)                               \
  int name(const char *path, int flags, ...) {   \
    if (ours(path)) return connected();          \
    va_list more;                                \
    va_start(more, flags);                       \
    int mode = va_arg(more, int);                \
    va_end(more);                                \
    REAL(name);                                  \
    return real(path, flags, mode);              \
  }
OPEN(open)
OPEN(open64)

int close(int fd) {
  struct device *device = of(fd);
  REAL(close);
  if (device) {
    device->used = 0;
    real(device->memory);
  }
  return real(fd);
}

static int character_device(const char *path, struct stat *told) {
  (void)path;
  if (!there()) {
    errno = ENOENT;
    return -1;
  }
  memset(told, 0, sizeof *told);
  told->st_mode = S_IFCHR | 0660;
  return 0;
}
int stat(const char *path, struct stat *told) {
  if (ours(path)) return character_device(path, told);
  REAL(stat);
  return real(path, told);
}
int stat64(const char *path, struct stat64 *told) {
  if (ours(path)) return character_device(path, (struct stat *)told);
  REAL(stat64);
  return real(path, told);
}
int __xstat(int version, const char *path, struct stat *told) { /* asked by OpenCV's wheels, built for an old glibc */
  if (ours(path)) return character_device(path, told);
  int (*real)(int, const char *, struct stat *) = dlsym(RTLD_NEXT, "__xstat");
  return real(version, path, told);
}
int access(const char *path, int mode) {
  REAL(access);
  return ours(path) ? (there() ? 0 : -1) : real(path, mode);
}

static void *mapped(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
  REAL(mmap);
  struct device *device = of(fd);
  return real(at, size, protection, flags, device ? device->memory : fd, offset);
}
void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
  return mapped(at, size, protection, flags, fd, offset);
}
void *mmap64(void *at, size_t size, int protection, int flags, int fd, off64_t offset) {
  return mapped(at, size, protection, flags, fd, offset);
}

static int whole(int fd, void *into, size_t size) {
  return recv(fd, into, size, MSG_WAITALL) == (ssize_t)size ? 0 : -1;
}

static int gone(void) {
  errno = ENODEV;
  return -1;
}

static int dequeue(int fd, struct device *device, struct v4l2_buffer *buffer) {
  if (!device->queued) return errno = EAGAIN, -1;
  uint32_t length;
  if (whole(fd, &length, sizeof length) || length > SIZE) return gone();
  int index = device->queue[0];
  memmove(device->queue, device->queue + 1, sizeof(int) * (size_t)--device->queued);
  uint8_t *frame = malloc(length + 1);
  if (whole(fd, frame, length) || pwrite(device->memory, frame, length, (off_t)index * SIZE) != (ssize_t)length) {
    free(frame);
    return gone();
  }
  free(frame);
  buffer->index = (uint32_t)index;
  buffer->bytesused = length;
  buffer->length = SIZE;
  buffer->flags = V4L2_BUF_FLAG_MAPPED | V4L2_BUF_FLAG_DONE;
  return 0;
}

static int answer(int fd, struct device *device, unsigned long request, void *argument) {
  char ended;
  if (recv(fd, &ended, 1, MSG_PEEK | MSG_DONTWAIT) == 0 && request != VIDIOC_STREAMOFF) return gone();
  switch (request) {
    case VIDIOC_QUERYCAP: {
      struct v4l2_capability *can = argument;
      memset(can, 0, sizeof *can);
      strcpy((char *)can->driver, "uvcvideo");
      strcpy((char *)can->card, "Simulated camera");
      can->capabilities = can->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
      return 0;
    }
    case VIDIOC_G_INPUT: *(int *)argument = 0; return 0;
    case VIDIOC_S_INPUT: return 0;
    case VIDIOC_ENUMINPUT: {
      struct v4l2_input *input = argument;
      if (input->index) return errno = EINVAL, -1;
      strcpy((char *)input->name, "Camera 1");
      input->type = V4L2_INPUT_TYPE_CAMERA;
      return 0;
    }
    case VIDIOC_S_FMT:
    case VIDIOC_TRY_FMT:
    case VIDIOC_G_FMT: {
      struct v4l2_format *format = argument;
      if (request == VIDIOC_S_FMT && format->fmt.pix.width) {
        device->width = (int)format->fmt.pix.width;
        device->height = (int)format->fmt.pix.height;
      }
      format->fmt.pix.width = (uint32_t)device->width;
      format->fmt.pix.height = (uint32_t)device->height;
      format->fmt.pix.pixelformat = V4L2_PIX_FMT_MJPEG; /* the only one it has */
      format->fmt.pix.field = V4L2_FIELD_NONE;
      format->fmt.pix.bytesperline = 0;
      format->fmt.pix.sizeimage = SIZE;
      return 0;
    }
    case VIDIOC_G_PARM:
    case VIDIOC_S_PARM: {
      struct v4l2_streamparm *parameters = argument;
      parameters->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
      parameters->parm.capture.timeperframe = (struct v4l2_fract){1, (uint32_t)device->fps};
      return 0;
    }
    case VIDIOC_REQBUFS: {
      struct v4l2_requestbuffers *wanted = argument;
      if (wanted->count > BUFFERS) wanted->count = BUFFERS;
      device->queued = 0;
      return 0;
    }
    case VIDIOC_QUERYBUF: {
      struct v4l2_buffer *buffer = argument;
      buffer->length = SIZE;
      buffer->m.offset = buffer->index * SIZE;
      buffer->flags = V4L2_BUF_FLAG_MAPPED;
      return 0;
    }
    case VIDIOC_QBUF: {
      struct v4l2_buffer *buffer = argument;
      if (device->queued < BUFFERS) device->queue[device->queued++] = (int)buffer->index;
      return 0;
    }
    case VIDIOC_DQBUF: return dequeue(fd, device, argument);
    case VIDIOC_STREAMON: return send(fd, "S", 1, MSG_NOSIGNAL) == 1 ? 0 : gone();
    case VIDIOC_STREAMOFF: return 0;
    default: errno = EINVAL; return -1; /* controls: it has none */
  }
}

int ioctl(int fd, unsigned long request, ...) {
  va_list more;
  va_start(more, request);
  void *argument = va_arg(more, void *);
  va_end(more);
  struct device *device = of(fd);
  if (device) return answer(fd, device, request, argument);
  REAL(ioctl);
  return real(fd, request, argument);
}
