// System calls that fail on purpose, put before the C library's by LD_PRELOAD. What fails is said
// by variables of the environment, each with a number:
//   FAULT_MERGED=N    after N super-packets written to a TUN, the next ones are refused (EINVAL)
//   FAULT_CUT=N       after N messages with UDP_SEGMENT, the next ones are refused (EIO)
//   FAULT_BUFFERS=N   every Nth sendmmsg finds no memory (ENOBUFS)
//   FAULT_SHORT=N     sendmmsg takes at most N messages at a time
//   FAULT_SPOIL=1     a message with UDP_SEGMENT over loopback is changed on its way
//   FAULT_OLD=1       a kernel that knows no UDP_SEGMENT, no UDP_GRO and no offload of UDP by a TUN
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SOL_UDP
#define SOL_UDP 17
#endif
#define UDP_SEGMENT 103
#define UDP_GRO 104

static long number(const char *name) {
  const char *text = getenv(name);
  return text == NULL ? -1 : atol(text);
}

static int fail(int error) {
  errno = error;
  return -1;
}

static int is_tun(int fd) {
  char path[64], target[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(path, target, sizeof target - 1);
  if (length < 0) return 0;
  target[length] = 0;
  return strcmp(target, "/dev/net/tun") == 0;
}

ssize_t write(int fd, const void *bytes, size_t count) {
  static ssize_t (*real)(int, const void *, size_t);
  static long merged;
  if (real == NULL) real = dlsym(RTLD_NEXT, "write");
  // The second byte of the virtio header says what was merged.
  if (count > 10 && ((const unsigned char *)bytes)[1] != 0 && number("FAULT_MERGED") >= 0 && is_tun(fd) &&
      ++merged > number("FAULT_MERGED")) {
    return fail(EINVAL);
  }
  return real(fd, bytes, count);
}

static int has_segment(const struct msghdr *message) {
  struct cmsghdr *control = CMSG_FIRSTHDR(message);
  return control != NULL && control->cmsg_level == SOL_UDP && control->cmsg_type == UDP_SEGMENT;
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags) {
  static int (*real)(int, struct mmsghdr *, unsigned int, int);
  static long calls, cut;
  if (real == NULL) real = dlsym(RTLD_NEXT, "sendmmsg");
  long each = number("FAULT_BUFFERS"), most = number("FAULT_SHORT");
  if (each > 0 && ++calls % each == 0) return fail(ENOBUFS);
  if (most > 0 && count > most) count = most;
  for (unsigned int i = 0; i < count; i++) {
    struct msghdr *message = &messages[i].msg_hdr;
    if (!has_segment(message)) continue;
    const struct sockaddr_in *to = message->msg_name;
    int loopback = to->sin_family == AF_INET && to->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
    if (loopback && number("FAULT_SPOIL") == 1) ((char *)message->msg_iov->iov_base)[1500] ^= 1;
    if (!loopback && number("FAULT_CUT") >= 0 && ++cut > number("FAULT_CUT")) {
      return i == 0 ? fail(EIO) : real(fd, messages, i, flags);
    }
  }
  return real(fd, messages, count, flags);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t length) {
  static int (*real)(int, int, int, const void *, socklen_t);
  if (real == NULL) real = dlsym(RTLD_NEXT, "setsockopt");
  int newer = level == SOL_UDP && (option == UDP_SEGMENT || option == UDP_GRO);
  if (newer && number("FAULT_OLD") == 1) return fail(ENOPROTOOPT);
  return real(fd, level, option, value, length);
}

int ioctl(int fd, unsigned long request, ...) {
  static int (*real)(int, unsigned long, ...);
  va_list rest;
  va_start(rest, request);
  unsigned long argument = va_arg(rest, unsigned long);
  va_end(rest);
  if (real == NULL) real = dlsym(RTLD_NEXT, "ioctl");
  if (request == TUNSETOFFLOAD && (argument & 0x60) != 0 && number("FAULT_OLD") == 1) {
    return fail(EINVAL);
  }
  return real(fd, request, argument);
}
