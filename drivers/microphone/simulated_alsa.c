/* A microphone for ALSA without a sound card: an I/O plugin that runs by the clock and hears the room that another
   process has in a file (simulated_alsa.py: struct room below). Built by AlsaRoom; asound.conf names it. */
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <alsa/pcm_ioplug.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS = 60, SPEECH = SECONDS * 48000 };

struct room {
  int32_t plugged;    /* 0: opening fails with ENODEV, and a running stream ends with it */
  int32_t hung;       /* 1: no more samples come, and nothing says why; 2: calls into the device don't return either */
  int32_t muted;      /* 1: nothing but zeros */
  int32_t overflows;  /* each change of it loses sound: the stream stops with EPIPE once */
  int32_t rate_hz;    /* the one rate that the device knows; 0: any from 8 to 48 kHz */
  int32_t percent;    /* its clock's speed: 100 is right */
  int32_t said;       /* each change of it: `speech` is heard from its beginning */
  int32_t length;     /* samples of it */
  int32_t opened;     /* how often the device was opened: told by the plugin */
  int32_t heard;      /* samples of the speech that were heard: told by the plugin */
  int32_t channels;   /* how many it has, all hearing the same */
  int16_t speech[SPEECH]; /* at the device's rate */
};

struct microphone {
  snd_pcm_ioplug_t io;
  struct room *room;
  double began_s, moved_s, position; /* in frames since the start, by the device's clock */
  uint64_t given;
  int32_t overflows, said, next;
  uint32_t noise;
  int dead; /* it overflowed: until it is prepared again */
};

static double now_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec + now.tv_nsec / 1e9;
}

static int start(snd_pcm_ioplug_t *io) {
  struct microphone *me = io->private_data;
  if (!me->room->plugged) return -ENODEV;
  me->moved_s = now_s();
  struct itimerspec every = {{0, 5000000}, {0, 5000000}};
  return timerfd_settime(io->poll_fd, 0, &every, NULL) ? -errno : 0;
}

static int stop(snd_pcm_ioplug_t *io) {
  struct itimerspec never = {{0, 0}, {0, 0}};
  timerfd_settime(io->poll_fd, 0, &never, NULL);
  return 0;
}

static int prepare(snd_pcm_ioplug_t *io) {
  struct microphone *me = io->private_data;
  if (!me->room->plugged) return -ENODEV;
  me->position = 0;
  me->given = 0;
  me->dead = 0;
  me->overflows = me->room->overflows;
  return 0;
}

static snd_pcm_sframes_t pointer(snd_pcm_ioplug_t *io) {
  struct microphone *me = io->private_data;
  double now = now_s();
  if (me->room->overflows != me->overflows) me->dead = 1;
  if (me->dead) return -EPIPE;
  if (!me->room->hung && me->room->plugged) me->position += (now - me->moved_s) * io->rate * me->room->percent / 100.0;
  me->moved_s = now;
  if (me->position - me->given > io->buffer_size) { /* nobody reads: a real one overwrites, and says so */
    me->dead = 1;
    return -EPIPE;
  }
  return (uint64_t)me->position % io->buffer_size;
}

static snd_pcm_sframes_t transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas, snd_pcm_uframes_t offset,
                                  snd_pcm_uframes_t size) {
  struct microphone *me = io->private_data;
  struct room *room = me->room;
  if (room->said != me->said) {
    me->said = room->said;
    me->next = 0;
  }
  for (snd_pcm_uframes_t i = 0; i < size; i++) {
    me->noise = me->noise * 1664525 + 1013904223; /* a quiet room: 16 steps of 16 bits either way */
    int32_t heard = (int32_t)(me->noise >> 27) - 16;
    if (me->next < room->length) heard += room->speech[me->next++];
    if (heard > 32767) heard = 32767;
    if (heard < -32768) heard = -32768;
    if (room->muted) heard = 0;
    for (unsigned int channel = 0; channel < io->channels; channel++) {
      const snd_pcm_channel_area_t *area = &areas[channel];
      *(int16_t *)((char *)area->addr + (area->first + (offset + i) * area->step) / 8) = (int16_t)heard;
    }
  }
  room->heard = me->next;
  me->given += size;
  return size;
}

static int poll_revents(snd_pcm_ioplug_t *io, struct pollfd *pfd, unsigned int count, unsigned short *revents) {
  uint64_t ticks;
  *revents = 0;
  if (count != 1 || !(pfd->revents & POLLIN) || read(pfd->fd, &ticks, sizeof ticks) < 0) return 0;
  struct microphone *me = io->private_data;
  while (me->room->hung == 2 && me->room->plugged) usleep(10000);
  if (!me->room->plugged) return -ENODEV;
  pointer(io);
  if (me->dead) *revents = POLLERR;
  else if ((uint64_t)me->position - me->given >= io->period_size) *revents = POLLIN;
  return 0;
}

static int close_it(snd_pcm_ioplug_t *io) {
  struct microphone *me = io->private_data;
  munmap(me->room, sizeof *me->room);
  close(io->poll_fd);
  free(me);
  return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
    .start = start, .stop = stop, .pointer = pointer, .transfer = transfer,
    .prepare = prepare, .poll_revents = poll_revents, .close = close_it,
};

static int parameters(struct microphone *me) {
  static const unsigned int formats[] = {SND_PCM_FORMAT_S16_LE}, access[] = {SND_PCM_ACCESS_RW_INTERLEAVED};
  snd_pcm_ioplug_t *io = &me->io;
  unsigned int rate = me->room->rate_hz;
  int error;
  if ((error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, 1, formats)) < 0) return error;
  if ((error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 1, access)) < 0) return error;
  unsigned int channels = me->room->channels;
  if ((error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_CHANNELS, channels, channels)) < 0) return error;
  if ((error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_RATE, rate ? rate : 8000, rate ? rate : 48000)) < 0)
    return error;
  if ((error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, 64, 1 << 16)) < 0) return error;
  return snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIODS, 2, 64);
}

SND_PCM_PLUGIN_DEFINE_FUNC(kiosk_room) {
  (void)root;
  snd_config_iterator_t each, next;
  const char *file = NULL;
  snd_config_for_each(each, next, conf) {
    snd_config_t *entry = snd_config_iterator_entry(each);
    const char *key;
    if (snd_config_get_id(entry, &key) >= 0 && !strcmp(key, "room")) snd_config_get_string(entry, &file);
  }
  if (!file) return -EINVAL;
  if (stream != SND_PCM_STREAM_CAPTURE) return -ENODEV;
  int fd = open(file, O_RDWR | O_CLOEXEC);
  if (fd < 0) return -errno;
  struct room *room = mmap(NULL, sizeof *room, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (room == MAP_FAILED) return -errno;
  struct microphone *me = room->plugged ? calloc(1, sizeof *me) : NULL;
  if (!me) {
    munmap(room, sizeof *room);
    return -ENODEV;
  }
  room->opened++;
  me->room = room;
  me->said = room->said;
  me->next = room->length; /* what was said before is over */
  me->io.version = SND_PCM_IOPLUG_VERSION;
  me->io.name = "a simulated microphone";
  me->io.callback = &callbacks;
  me->io.private_data = me;
  me->io.poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  me->io.poll_events = POLLIN;
  int error = snd_pcm_ioplug_create(&me->io, name, stream, mode);
  if (error < 0) {
    close_it(&me->io);
    return error;
  }
  if ((error = parameters(me)) < 0) {
    snd_pcm_ioplug_delete(&me->io);
    return error;
  }
  *pcmp = me->io.pcm;
  return 0;
}
SND_PCM_PLUGIN_SYMBOL(kiosk_room);
