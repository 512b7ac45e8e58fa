/* keyset.h - the keys of one meter in a file or folder: what `magno keys make` makes, what
 * `magno run --keys` gives a meter and `magno read --keys` takes to talk to it.
 *
 *   keys.json            {"unicast":, "broadcast":, "authentication":, "master":, "passwords":
 *                        [three], "client_title":}: keys in hex
 *   ca.pem ca-key.pem    the authority of this folder
 *   client-sign.pem      certificates of the client, and their keys in client-sign-key.pem,
 *   client-agree.pem     client-agree-key.pem
 *   meter-sign.pem       certificates of the meter, once it has been given them
 *   meter-agree.pem
 *
 * Context  host programs. Files are made readable by their owner alone.
 */
#ifndef TOOLS_CLIENT_KEYSET_H
#define TOOLS_CLIENT_KEYSET_H
#include "tools/client/protect.h"

enum { KEYSET_PASSWORDS = 3, KEYSET_PASSWORD_MAX = 16 };

struct keyset {
    struct keyring ring; /* all that the file or folder holds */
    char password[KEYSET_PASSWORDS][KEYSET_PASSWORD_MAX + 1];
};

/* Read a keys.json, or a folder with one. E_IO, E_FORMAT with a sentence. */
int keyset_read(struct keyset *k, const char *path, struct trouble *t);

/* Make a folder with new keys and certificates for a client of this title, valid for so many
 * days. E_IO: it cannot be made, or is not empty. */
int keyset_make(const char *folder, const uint8_t client_title[8], unsigned days,
                struct trouble *t);

/* A certificate for `point`, named by this title, signed by the authority in folder; usage:
 * X509_DIGITAL_SIGNATURE or X509_KEY_AGREEMENT. Appended to der. */
int keyset_certify(const char *folder, const uint8_t title[8], const uint8_t point[64],
                   uint8_t usage, unsigned days, struct buf *der, struct trouble *t);

/* Write a certificate or key into folder/name, as PEM, for its owner alone. */
int keyset_save(const char *folder, const char *name, const char *label, const struct buf *der,
                struct trouble *t);

#endif
