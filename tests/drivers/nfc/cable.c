/* vpcd as the driver of a USB reader: while the file $KIOSK_NFC_UNPLUGGED exists, the reader is gone.
 *
 * Linked with libifdvpcd.so, which has every other function of a reader's driver. $KIOSK_NFC_VPCD is the device name
 * that vpcd wants, with its port.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

/* ifdhandler.h: status codes of a reader's driver. */
#define IFD_COMMUNICATION_ERROR 612
#define IFD_NO_SUCH_DEVICE 617

typedef unsigned long dword;

typedef struct {
    dword protocol;
    dword length;
} header;

static int unplugged(void)
{
    const char *sign = getenv("KIOSK_NFC_UNPLUGGED");
    return sign != NULL && access(sign, F_OK) == 0;
}

long IFDHCreateChannelByName(dword reader, char *device)
{
    long (*next)(dword, char *) = dlsym(RTLD_NEXT, "IFDHCreateChannelByName");
    char *port = getenv("KIOSK_NFC_VPCD");
    (void)device;
    return unplugged() || next == NULL || port == NULL ? IFD_NO_SUCH_DEVICE : next(reader, port);
}

long IFDHICCPresence(dword reader)
{
    long (*next)(dword) = dlsym(RTLD_NEXT, "IFDHICCPresence");
    return unplugged() || next == NULL ? IFD_NO_SUCH_DEVICE : next(reader);
}

long IFDHPowerICC(dword reader, dword action, unsigned char *atr, dword *length)
{
    long (*next)(dword, dword, unsigned char *, dword *) = dlsym(RTLD_NEXT, "IFDHPowerICC");
    return unplugged() || next == NULL ? IFD_COMMUNICATION_ERROR : next(reader, action, atr, length);
}

long IFDHTransmitToICC(dword reader, header send, unsigned char *command, dword size, unsigned char *answer,
                       dword *room, header *receive)
{
    long (*next)(dword, header, unsigned char *, dword, unsigned char *, dword *, header *) =
        dlsym(RTLD_NEXT, "IFDHTransmitToICC");
    if (unplugged() || next == NULL) {
        *room = 0;
        return IFD_COMMUNICATION_ERROR;
    }
    return next(reader, send, command, size, answer, room, receive);
}
