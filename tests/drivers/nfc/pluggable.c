/* vpcd with a cable: while the file $KIOSK_NFC_UNPLUGGED exists, the reader is gone.
 *
 * Linked with libifdvpcd.so, which has every other function of a reader's driver. pcscd looks for a reader again when
 * it gets SIGUSR1, and removes one that doesn't tell whether it has a card.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

/* ifdhandler.h: status codes of a reader's driver. */
#define IFD_COMMUNICATION_ERROR 612
#define IFD_NO_SUCH_DEVICE 617

typedef unsigned long dword;

static int unplugged(void)
{
    const char *sign = getenv("KIOSK_NFC_UNPLUGGED");
    return sign != NULL && access(sign, F_OK) == 0;
}

long IFDHCreateChannelByName(dword reader, char *device)
{
    long (*next)(dword, char *) = dlsym(RTLD_NEXT, "IFDHCreateChannelByName");
    return unplugged() || next == NULL ? IFD_NO_SUCH_DEVICE : next(reader, device);
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

typedef struct {
    dword protocol;
    dword length;
} header;

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
