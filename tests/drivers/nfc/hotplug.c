/* The part of libudev that pcscd uses, with one USB device: preloaded, pcscd finds a reader that is our own.
 *
 * The device is there unless the file $KIOSK_NFC_UNPLUGGED exists; a byte into the pipe $KIOSK_NFC_HOTPLUG tells that
 * this has changed: 'a' for add, 'r' for remove.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char thing; /* what every pointer points to: nobody looks inside */
static const char *action = "add";
static int pipe_fd = -1;

static int plugged(void)
{
    const char *sign = getenv("KIOSK_NFC_UNPLUGGED");
    return sign == NULL || access(sign, F_OK) != 0;
}

void *udev_new(void) { return &thing; }
void *udev_unref(void *udev) { (void)udev; return NULL; }

void *udev_enumerate_new(void *udev) { (void)udev; return &thing; }
void *udev_enumerate_unref(void *list) { (void)list; return NULL; }
int udev_enumerate_add_match_subsystem(void *list, const char *name) { (void)list; (void)name; return 0; }
int udev_enumerate_scan_devices(void *list) { (void)list; return 0; }
void *udev_enumerate_get_list_entry(void *list) { (void)list; return plugged() ? &thing : NULL; }
void *udev_list_entry_get_next(void *entry) { (void)entry; return NULL; }
const char *udev_list_entry_get_name(void *entry) { (void)entry; return "/sys/bus/usb/devices/1-1:1.0"; }

void *udev_device_new_from_syspath(void *udev, const char *path) { (void)udev; (void)path; return &thing; }
void *udev_device_unref(void *device) { (void)device; return NULL; }
const char *udev_device_get_action(void *device) { (void)device; return action; }
const char *udev_device_get_devnode(void *device) { (void)device; return "/dev/bus/usb/001/002"; }
const char *udev_device_get_sysname(void *device) { (void)device; return "1-1:1.0"; }

void *udev_device_get_parent_with_subsystem_devtype(void *device, const char *subsystem, const char *type)
{
    (void)subsystem;
    (void)type;
    return device;
}

const char *udev_device_get_sysattr_value(void *device, const char *name)
{
    (void)device;
    if (strcmp(name, "idVendor") == 0)
        return "1209"; /* pid.codes, where 0001 is for tests */
    if (strcmp(name, "idProduct") == 0)
        return "0001";
    if (strcmp(name, "bInterfaceNumber") == 0 || strcmp(name, "bConfigurationValue") == 0)
        return "0";
    return NULL;
}

void *udev_monitor_new_from_netlink(void *udev, const char *name)
{
    const char *path = getenv("KIOSK_NFC_HOTPLUG");
    (void)udev;
    (void)name;
    if (path != NULL)
        pipe_fd = open(path, O_RDWR | O_CLOEXEC);
    return pipe_fd < 0 ? NULL : &thing;
}

int udev_monitor_filter_add_match_subsystem_devtype(void *monitor, const char *subsystem, const char *type)
{
    (void)monitor;
    (void)subsystem;
    (void)type;
    return 0;
}

int udev_monitor_enable_receiving(void *monitor) { (void)monitor; return 0; }
int udev_monitor_get_fd(void *monitor) { (void)monitor; return pipe_fd; }

void *udev_monitor_receive_device(void *monitor)
{
    char told;
    (void)monitor;
    if (read(pipe_fd, &told, 1) != 1)
        return NULL;
    action = told == 'a' ? "add" : "remove";
    return &thing;
}
