#include "tools/client/trace.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "tools/client/names.h"
#include "tools/common/hex.h"
#include "tools/common/pcap.h"

enum { CLIENT_PORT = 50000 };

struct trace {
    struct pcap *pcap;
    struct pcap_flow flow;
    bool show, open;
    struct session *session;
    uint16_t client, server; /* SAPs */
};

int trace_open(struct trace **trace, const char *pcap, bool show, struct trouble *t)
{
    struct trace *x = must_alloc(sizeof *x);
    x->show = show;
    if (pcap && pcap_open(&x->pcap, pcap, t) < 0) return free(x), E_IO;
    *trace = x;
    return 0;
}

static void on_octets(void *ctx, bool out, const uint8_t *p, size_t n)
{
    struct trace *x = ctx;
    if (x->pcap) pcap_put(x->pcap, &x->flow, out, p, n, pcap_now_us());
    if (!x->show) return;
    char *text = hex_text(p, n);
    fprintf(stderr, "%s %s\n", out ? "->" : "<-", text);
    free(text);
}

void trace_tap(struct trace *x, struct channel *c, bool hdlc)
{
    c->tap = (struct tap){ x, on_octets };
    if (!x->pcap) return;
    if (x->open) pcap_end(x->pcap, &x->flow, pcap_now_us());
    uint32_t interface = pcap_interface(x->pcap, c->serial ? c->peer : hdlc ? "hdlc" : "dlms");
    x->flow = pcap_flow(interface, c->datagram, CLIENT_PORT, hdlc ? 4060 : 4059);
    pcap_begin(x->pcap, &x->flow, pcap_now_us());
    x->open = true;
}

/* A protected APDU's inside; what went plain anyway needs no twin. */
static void on_plain(void *ctx, bool out, const uint8_t *apdu, size_t n)
{
    struct trace *x = ctx;
    if (!x->session->cfg.ciphered || n == 0) return;
    uint16_t source = out ? x->client : x->server, destination = out ? x->server : x->client;
    if (x->pcap) pcap_put_plain(x->pcap, source, destination, apdu, n, pcap_now_us());
    if (x->show) {
        char *text = hex_text(apdu, n);
        const char *name = names_apdu(apdu[0]);
        fprintf(stderr, "%s   %s %s\n", out ? "->" : "<-", name ? name : "apdu", text);
        free(text);
    }
}

void trace_session(struct trace *x, struct session *s, uint16_t client, uint16_t server)
{
    x->session = s;
    x->client = client;
    x->server = server;
    s->hooks.ctx = x;
    s->hooks.plain = on_plain;
}

void trace_close(struct trace *x)
{
    if (!x) return;
    if (x->pcap && x->open) pcap_end(x->pcap, &x->flow, pcap_now_us());
    pcap_close(x->pcap);
    free(x);
}
