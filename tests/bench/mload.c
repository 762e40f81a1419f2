/* mload - cheap RTMP / HTTP-FLV load client, one thread, epoll.
 *   mload publish URL -f clip.flv -n N [opts]   push N copies of a FLV file in real time, looped
 *   mload play    URL -n N [opts]               N readers (rtmp:// or http://...flv), discard + count
 * URL may contain %d : replaced by (base + index % mod).  Instead of URL: -u FILE, --urls FILE with one URL per line and,
 * after a blank, a bearer if one is needed; connection i uses line (base + i % mod) % lines.  See README.md
 * Publisher stamps each coded H.264 frame with an SEI (user data unregistered):
 *   uuid "H2BENCHLATENCY01" + 16 hex (CLOCK_MONOTONIC us) + 8 hex (frame number)
 * so that a player on the same machine knows latency, loss, repeats, whatever the server does to RTMP timestamps.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t i64;
static const char UUID[] = "H2BENCHLATENCY01";
#define CAP 512 /* bytes of each message kept for inspection */
#define NCS 24

static i64 now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (i64)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
static u32 be24(const u8 *p) { return p[0] << 16 | p[1] << 8 | p[2]; }
static u32 be32(const u8 *p) { return (u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }

typedef struct {
  int csid;
  u32 ts, delta, len, msid, got;
  u8 type, ext;
  u8 cap[CAP];
} cs_t;
typedef struct conn {
  int fd, idx, state, closed;
  u32 sid;
  const struct target *to;
  char app[800], name[800], tcurl[1100];
  /* input */
  u8 hb[32];
  int hn; /* partial header bytes */
  u32 inchunk;
  u32 left;
  cs_t *cur;
  cs_t cs[NCS];
  int ncs;
  u64 rx, rx_acked;
  u32 win;
  u8 hsbuf[1537 + 1536];
  int hsn;
  /* http */
  int http_status;
  char hline[512];
  int hl;
  int chunked;
  i64 chleft;
  int chst;
  int flvst;
  u8 fb[CAP];
  u32 fn, fneed, ftype, fts, flen;
  int hdrdone;
  /* output */
  u8 *out;
  u32 on, osent, ocap;
  int epw;
  /* publish */
  int tag;
  i64 t0;
  u32 loops;
  i64 due;
  int publishing;
  u32 seq;
  /* stats */
  i64 t_start, t_conn, t_play, t_first, t_firstkey, t_lastv, t_closed;
  i64 firstage;
  u64 mbytes;
  u32 vf, af;
  i64 maxgap;
  u64 w_rx, w_mb;
  u32 w_vf, w_af;
  i64 w_maxgap;
  u32 lastseq;
  int haveseq;
  u32 lost, dup, reorder;
  i64 lastts;
  u32 tsback;
  i64 tsgapmax;
  char err[96];
} conn;

static conn *C;
static int N = 1;
static int ep;
static int mode_pub;
typedef struct target {
  char host[200], path[768], bearer[512];
  int port;
  struct sockaddr_in sa;
} target;
static target *targets;
static int ntargets;
static int is_http;   /* all targets are of one kind */
static int from_file; /* then a URL is taken as it is: %d may be an escape */
static double dur = 20, settle = 5, rate = 50;
static u32 outchunk = 4096;
static int sei = 1;
static int mod = 0, base = 0;
static int rst = 0;
static int until_first = 0;
static int verbose = 0;
static int inwin = 0;
static int bad = 0;
static i64 *lat;
static size_t nlat, clat;
static u64 latskip;
static volatile int stop = 0;
static void onsig(int s) {
  (void)s;
  stop = 1;
}

/* flv file */
typedef struct {
  u8 type;
  u32 ts, len;
  u8 *data;
} tag_t;
static tag_t *T;
static int NT;
static u32 clipms;
static int firstmedia;
static void load_flv(const char *f) {
  FILE *fp = fopen(f, "rb");
  if (!fp) {
    perror(f);
    exit(2);
  }
  fseek(fp, 0, SEEK_END);
  long n = ftell(fp);
  rewind(fp);
  u8 *b = malloc(n);
  if (fread(b, 1, n, fp) != (size_t)n) exit(2);
  fclose(fp);
  long p = 9 + 4;
  u32 lastts = 0;
  u32 vfirst = ~0u, vlast = 0;
  int nv = 0;
  while (p + 11 <= n) {
    u8 ty = b[p] & 0x1f;
    u32 len = be24(b + p + 1);
    u32 ts = be24(b + p + 4) | ((u32)b[p + 7] << 24);
    if (p + 11 + len > n) break;
    T = realloc(T, (NT + 1) * sizeof *T);
    T[NT++] = (tag_t){ty, ts, len, b + p + 11};
    if (ts > lastts) lastts = ts;
    if (ty == 9 && b[p + 12] == 1) {
      if (vfirst == ~0u) vfirst = ts;
      vlast = ts;
      nv++;
    }
    p += 11 + len + 4;
  }
  while (NT && T[NT - 1].type == 9 && T[NT - 1].len > 1 && (T[NT - 1].data[1] == 2)) NT--; /* end of sequence */
  /* drop any end-of-seq tags elsewhere */
  int k = 0;
  for (int i = 0; i < NT; i++) {
    if (T[i].type == 9 && T[i].data[1] == 2) continue;
    T[k++] = T[i];
  }
  NT = k;
  clipms = vlast - vfirst + (nv > 1 ? (vlast - vfirst + (nv - 1) / 2) / (nv - 1) : 33);
  for (firstmedia = 0; firstmedia < NT; firstmedia++) {
    tag_t *t = &T[firstmedia];
    if (t->type == 18) continue;
    if (t->type == 9 && t->data[1] == 0) continue;
    if (t->type == 8 && (t->data[0] >> 4) == 10 && t->data[1] == 0) continue;
    break;
  }
  if (verbose) fprintf(stderr, "clip %d tags %u ms\n", NT, clipms);
}

/* output */
static void out_reserve(conn *c, u32 n) {
  if (c->osent && c->osent == c->on) { c->on = c->osent = 0; }
  if (c->on + n > c->ocap) {
    if (c->osent) {
      memmove(c->out, c->out + c->osent, c->on - c->osent);
      c->on -= c->osent;
      c->osent = 0;
    }
    if (c->on + n > c->ocap) {
      c->ocap = (c->on + n) * 2;
      c->out = realloc(c->out, c->ocap);
    }
  }
}
static void put(conn *c, const void *p, u32 n) {
  out_reserve(c, n);
  memcpy(c->out + c->on, p, n);
  c->on += n;
}
static void conn_close(conn *c, const char *why);
static void flush(conn *c) {
  while (c->osent < c->on) {
    ssize_t r = send(c->fd, c->out + c->osent, c->on - c->osent, MSG_NOSIGNAL);
    if (r < 0) {
      if (errno == EAGAIN) {
        if (!c->epw) {
          struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
          epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e);
          c->epw = 1;
        }
        return;
      }
      conn_close(c, strerror(errno));
      return;
    }
    c->osent += r;
  }
  c->on = c->osent = 0;
  if (c->epw) {
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e);
    c->epw = 0;
  }
}
/* message with optional prefix inserted at offset `at` */
static void rtmp_msg2(conn *c, int csid, u8 type, u32 msid, u32 ts, const u8 *a, u32 an, const u8 *b, u32 bn, const u8 *d, u32 dn) {
  u32 len = an + bn + dn;
  u8 h[16];
  int ext = ts >= 0xffffff;
  u32 t = ext ? 0xffffff : ts;
  h[0] = csid;
  h[1] = t >> 16;
  h[2] = t >> 8;
  h[3] = t;
  h[4] = len >> 16;
  h[5] = len >> 8;
  h[6] = len;
  h[7] = type;
  h[8] = msid;
  h[9] = msid >> 8;
  h[10] = msid >> 16;
  h[11] = msid >> 24;
  int hn = 12;
  if (ext) {
    h[12] = ts >> 24;
    h[13] = ts >> 16;
    h[14] = ts >> 8;
    h[15] = ts;
    hn = 16;
  }
  put(c, h, hn);
  const u8 *ps[3] = {a, b, d};
  u32 ns[3] = {an, bn, dn};
  u32 in = 0, tot = 0;
  u32 ch = outchunk;
  if (type == 1) ch = 128;
  for (int i = 0; i < 3; i++) {
    u32 o = 0;
    while (o < ns[i]) {
      if (in == ch) {
        u8 b3 = 0xc0 | csid;
        put(c, &b3, 1);
        if (ext) {
          u8 e4[4] = {ts >> 24, ts >> 16, ts >> 8, ts};
          put(c, e4, 4);
        }
        in = 0;
      }
      u32 k = ns[i] - o;
      if (k > ch - in) k = ch - in;
      put(c, ps[i] + o, k);
      o += k;
      in += k;
      tot += k;
    }
  }
}
static void rtmp_msg(conn *c, int csid, u8 type, u32 msid, u32 ts, const void *p, u32 n) {
  rtmp_msg2(c, csid, type, msid, ts, p, n, 0, 0, 0, 0);
}
/* amf */
static u8 AB[4096];
static int AN;
static void a_str(const char *s) {
  int n = strlen(s);
  AB[AN++] = 2;
  AB[AN++] = n >> 8;
  AB[AN++] = n;
  memcpy(AB + AN, s, n);
  AN += n;
}
static void a_num(double d) {
  u64 v;
  memcpy(&v, &d, 8);
  AB[AN++] = 0;
  for (int i = 7; i >= 0; i--) AB[AN++] = v >> (8 * i);
}
static void a_null(void) { AB[AN++] = 5; }
static void a_key(const char *s) {
  int n = strlen(s);
  AB[AN++] = n >> 8;
  AB[AN++] = n;
  memcpy(AB + AN, s, n);
  AN += n;
}
static void send_connect(conn *c) {
  u8 b[4] = {outchunk >> 24, outchunk >> 16, outchunk >> 8, outchunk};
  rtmp_msg(c, 2, 1, 0, 0, b, 4);
  AN = 0;
  a_str("connect");
  a_num(1);
  AB[AN++] = 3;
  a_key("app");
  a_str(c->app);
  a_key("type");
  a_str("nonprivate");
  a_key("flashVer");
  a_str(mode_pub ? "FMLE/3.0 (compatible; mload)" : "LNX 9,0,124,2");
  a_key("tcUrl");
  a_str(c->tcurl);
  if (!mode_pub) {
    a_key("fpad");
    AB[AN++] = 1;
    AB[AN++] = 0;
    a_key("capabilities");
    a_num(15);
    a_key("audioCodecs");
    a_num(4071);
    a_key("videoCodecs");
    a_num(252);
    a_key("videoFunction");
    a_num(1);
  }
  AB[AN++] = 0;
  AB[AN++] = 0;
  AB[AN++] = 9;
  rtmp_msg(c, 3, 20, 0, 0, AB, AN);
  flush(c);
}
static void on_connected(conn *c) {
  if (mode_pub) {
    AN = 0;
    a_str("releaseStream");
    a_num(2);
    a_null();
    a_str(c->name);
    rtmp_msg(c, 3, 20, 0, 0, AB, AN);
    AN = 0;
    a_str("FCPublish");
    a_num(3);
    a_null();
    a_str(c->name);
    rtmp_msg(c, 3, 20, 0, 0, AB, AN);
  } else {
    u8 w[4] = {0, 0x26, 0x25, 0xa0};
    rtmp_msg(c, 2, 5, 0, 0, w, 4);
  }
  AN = 0;
  a_str("createStream");
  a_num(4);
  a_null();
  rtmp_msg(c, 3, 20, 0, 0, AB, AN);
  flush(c);
}
static void on_stream(conn *c, u32 sid) {
  if (mode_pub) {
    AN = 0;
    a_str("publish");
    a_num(5);
    a_null();
    a_str(c->name);
    a_str("live");
    rtmp_msg(c, 4, 20, sid, 0, AB, AN);
  } else {
    AN = 0;
    a_str("play");
    a_num(5);
    a_null();
    a_str(c->name);
    a_num(-2000);
    rtmp_msg(c, 8, 20, sid, 0, AB, AN);
    u8 b[10] = {0, 3, sid >> 24, sid >> 16, sid >> 8, sid, 0, 0, 0x0b, 0xb8};
    rtmp_msg(c, 2, 4, 0, 0, b, 10);
  }
  flush(c);
}

static void hpush(conn *c);
static void start_publish(conn *c) {
  if (c->publishing) return;
  c->publishing = 1;
  c->t_play = now_us();
  c->t0 = c->t_play;
  c->tag = 0;
  c->loops = 0;
  c->due = c->t0;
  hpush(c);
}

/* media accounting */
static void media(conn *c, u8 type, u32 ts, u32 len, const u8 *p, u32 cap) {
  i64 t = now_us();
  c->mbytes += len;
  if (inwin) c->w_mb += len;
  if (type == 8) {
    c->af++;
    if (inwin) c->w_af++;
    return;
  }
  if (type != 9 || cap < 2) return;
  int coded;
  int key = (p[0] >> 4 & 7) == 1;
  if (p[0] & 0x80) coded = (p[0] & 15) != 0;
  else coded = p[1] == 1;
  if (!coded) return;
  c->vf++;
  if (inwin) c->w_vf++;
  int isfirst = !c->t_first;
  if (isfirst) { c->t_first = t; }
  if (key && !c->t_firstkey) c->t_firstkey = t;
  if (c->t_lastv) {
    i64 g = t - c->t_lastv;
    if (g > c->maxgap) c->maxgap = g;
    if (inwin && g > c->w_maxgap) c->w_maxgap = g;
  }
  c->t_lastv = t;
  if (c->vf > 1) {
    i64 d = (i64)ts - c->lastts;
    if (d < 0) c->tsback++;
    if (d > c->tsgapmax) c->tsgapmax = d;
  }
  c->lastts = ts;
  u8 *m = memmem(p, cap, UUID, 16);
  if (m && m + 40 <= p + cap) {
    char h[17];
    memcpy(h, m + 16, 16);
    h[16] = 0;
    i64 s = strtoull(h, 0, 16);
    memcpy(h, m + 32, 8);
    h[8] = 0;
    u32 q = strtoul(h, 0, 16);
    if (isfirst) c->firstage = t - s;
    if (c->haveseq) {
      u32 e = c->lastseq + 1;
      if (q == e) {
      } else if (q > e) c->lost += q - e;
      else if (q == c->lastseq) c->dup++;
      else c->reorder++;
    }
    c->haveseq = 1;
    c->lastseq = q;
    if (inwin) {
      if (nlat == clat) {
        clat = clat ? clat * 2 : 1 << 16;
        lat = realloc(lat, clat * sizeof *lat);
      }
      lat[nlat++] = t - s;
    }
  } else latskip++;
}
static void conn_close(conn *c, const char *why) {
  if (c->closed) return;
  c->closed = 1;
  c->t_closed = now_us();
  snprintf(c->err, sizeof c->err, "%s", why);
  if (rst) {
    struct linger l = {1, 0};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
  }
  epoll_ctl(ep, EPOLL_CTL_DEL, c->fd, 0);
  close(c->fd);
  if (strcmp(why, "done") && strcmp(why, "first")) {
    bad++;
    if (verbose) fprintf(stderr, "conn %d closed: %s\n", c->idx, why);
  }
}

static void on_command(conn *c, const u8 *p, u32 n) {
  if (n < 3 || p[0] != 2) return;
  u32 l = p[1] << 8 | p[2];
  if (3 + l > n) return;
  char nm[64];
  u32 k = l < 63 ? l : 63;
  memcpy(nm, p + 3, k);
  nm[k] = 0;
  const u8 *q = p + 3 + l;
  u32 r = n - 3 - l;
  double tid = 0;
  if (r >= 9 && q[0] == 0) {
    u64 v = 0;
    for (int i = 0; i < 8; i++) v = v << 8 | q[1 + i];
    memcpy(&tid, &v, 8);
    q += 9;
    r -= 9;
  }
  if (verbose > 1) fprintf(stderr, "conn %d cmd %s tid %.0f\n", c->idx, nm, tid);
  if (!strcmp(nm, "_result")) {
    if (tid == 1) {
      c->state = 3;
      on_connected(c);
    } else if (tid == 4) {
      double sid = 1;
      if (r >= 1) {
        if (q[0] == 5) {
          q++;
          r--;
        } else if (q[0] == 3) {
          while (r > 3 && !(q[0] == 0 && q[1] == 0 && q[2] == 9)) {
            q++;
            r--;
          }
          q += 3;
          r -= 3;
        }
      }
      if (r >= 9 && q[0] == 0) {
        u64 v = 0;
        for (int i = 0; i < 8; i++) v = v << 8 | q[1 + i];
        memcpy(&sid, &v, 8);
      }
      c->state = 4;
      c->sid = (u32)sid;
      on_stream(c, c->sid);
    }
  } else if (!strcmp(nm, "_error")) {
    if (tid == 1 || tid == 4 || tid == 5) conn_close(c, "_error");
  } else if (!strcmp(nm, "onStatus")) {
    if (memmem(p, n, "NetStream.Publish.Start", 23)) start_publish(c);
    else if (memmem(p, n, "NetStream.Play.Start", 20)) {
      c->t_play = now_us();
    } else if (memmem(p, n, "BadName", 7) || memmem(p, n, "Failed", 6) || memmem(p, n, "StreamNotFound", 14) ||
               memmem(p, n, "Rejected", 8) ||
               memmem(p, n,
                      "\x05"
                      "error",
                      6))
      conn_close(c, "onStatus error");
    else if (memmem(p, n, "UnpublishNotify", 15) || memmem(p, n, "Play.Stop", 9)) {
      if (verbose) fprintf(stderr, "unpublish\n");
    }
  }
}
static void on_msg(conn *c, cs_t *s) {
  switch (s->type) {
  case 1:
    if (s->len >= 4) c->inchunk = be32(s->cap) & 0x7fffffff;
    break;
  case 5:
    if (s->len >= 4) c->win = be32(s->cap);
    break;
  case 4:
    if (s->len >= 6 && s->cap[0] == 0 && s->cap[1] == 6) {
      u8 b[6];
      memcpy(b, s->cap, 6);
      b[1] = 7;
      rtmp_msg(c, 2, 4, 0, 0, b, 6);
      flush(c);
    }
    break;
  case 8:
  case 9:
    media(c, s->type, s->ts, s->len, s->cap, s->len < CAP ? s->len : CAP);
    if (until_first && c->t_first) conn_close(c, "first");
    break;
  case 20: on_command(c, s->cap, s->len < CAP ? s->len : CAP); break;
  case 17: on_command(c, s->cap + 1, (s->len < CAP ? s->len : CAP) - 1); break;
  default: break;
  }
}
/* chunk stream parser. states of c->need: header collection via hb */
static void rtmp_in(conn *c, const u8 *p, size_t n) {
  while (n && !c->closed) {
    if (c->state == 1) { /* handshake S0S1S2 */
      size_t k = 3073 - c->hsn;
      if (k > n) k = n;
      memcpy(c->hsbuf + c->hsn, p, k); /* buffer 3073 */
      c->hsn += k;
      p += k;
      n -= k;
      if (c->hsn == 3073) {
        if (c->hsbuf[0] != 3) {
          conn_close(c, "bad S0");
          return;
        }
        put(c, c->hsbuf + 1, 1536);
        c->state = 2;
        c->inchunk = 128;
        c->hn = 0;
        c->left = 0;
        send_connect(c);
      }
      continue;
    }
    if (c->left) { /* payload */
      u32 k = c->left;
      if (k > n) k = n;
      cs_t *s = c->cur;
      if (s->got < CAP) {
        u32 z = CAP - s->got;
        if (z > k) z = k;
        memcpy(s->cap + s->got, p, z);
      }
      s->got += k;
      c->left -= k;
      p += k;
      n -= k;
      if (!c->left && s->got == s->len) {
        s->got = 0;
        on_msg(c, s);
      }
      continue;
    }
    /* header */
    c->hb[c->hn++] = *p++;
    n--;
    int fmt = c->hb[0] >> 6, cid = c->hb[0] & 63;
    int bh = cid == 0 ? 2 : cid == 1 ? 3 : 1;
    if (c->hn < bh) continue;
    if (cid == 0) cid = 64 + c->hb[1];
    else if (cid == 1) cid = 64 + c->hb[1] + 256 * c->hb[2];
    int mh = fmt == 0 ? 11 : fmt == 1 ? 7 : fmt == 2 ? 3 : 0;
    if (c->hn < bh + mh) continue;
    cs_t *s = 0;
    for (int i = 0; i < c->ncs; i++)
      if (c->cs[i].csid == cid) {
        s = &c->cs[i];
        break;
      }
    if (!s) {
      if (c->ncs == NCS) {
        conn_close(c, "too many csid");
        return;
      }
      s = &c->cs[c->ncs++];
      memset(s, 0, sizeof *s);
      s->csid = cid;
    }
    const u8 *h = c->hb + bh;
    int ext;
    if (fmt < 3) ext = be24(h) == 0xffffff;
    else ext = s->ext;
    if (ext && c->hn < bh + mh + 4) continue;
    u32 tv = fmt < 3 ? (ext ? be32(h + mh) : be24(h)) : 0;
    if (fmt < 3) { s->ext = ext; }
    if (fmt <= 1) {
      s->len = be24(h + 3);
      s->type = h[6];
    }
    if (fmt == 0) s->msid = h[7] | h[8] << 8 | h[9] << 16 | (u32)h[10] << 24;
    if (s->got == 0) {
      if (fmt == 0) {
        s->ts = tv;
        s->delta = 0;
      } else {
        if (fmt < 3) s->delta = tv;
        s->ts += s->delta;
      }
    }
    c->hn = 0;
    c->cur = s;
    u32 rem = s->len - s->got;
    c->left = rem < c->inchunk ? rem : c->inchunk;
    if (!s->len) { on_msg(c, s); }
  }
}
/* http-flv */
static void flv_bytes(conn *c, const u8 *p, size_t n) {
  while (n && !c->closed) {
    if (c->flvst == 0 || c->flvst == 1) {
      u32 want = c->flvst == 0 ? 13 : 11;
      u32 k = want - c->fn;
      if (k > n) k = n;
      memcpy(c->fb + c->fn, p, k);
      c->fn += k;
      p += k;
      n -= k;
      if (c->fn < want) continue;
      if (c->flvst == 0) {
        if (memcmp(c->fb, "FLV", 3)) {
          conn_close(c, "not flv");
          return;
        }
        c->flvst = 1;
        c->fn = 0;
        continue;
      }
      c->ftype = c->fb[0] & 31;
      c->flen = be24(c->fb + 1);
      c->fts = be24(c->fb + 4) | (u32)c->fb[7] << 24;
      c->fneed = c->flen + 4;
      c->fn = 0;
      c->flvst = 2;
      continue;
    }
    u32 k = c->fneed - c->fn;
    if (k > n) k = n;
    if (c->fn < CAP) {
      u32 z = CAP - c->fn;
      if (z > k) z = k;
      memcpy(c->fb + c->fn, p, z);
    }
    c->fn += k;
    p += k;
    n -= k;
    if (c->fn == c->fneed) {
      if (c->ftype == 8 || c->ftype == 9) media(c, c->ftype, c->fts, c->flen, c->fb, c->flen < CAP ? c->flen : CAP);
      c->fn = 0;
      c->flvst = 1;
      if (until_first && c->t_first) {
        conn_close(c, "first");
        return;
      }
    }
  }
}
static void http_in(conn *c, const u8 *p, size_t n) {
  while (n && !c->closed) {
    if (!c->hdrdone) {
      char ch = *p++;
      n--;
      if (ch == '\n') {
        if (c->hl && c->hline[c->hl - 1] == '\r') c->hl--;
        c->hline[c->hl] = 0;
        if (c->hl == 0) {
          if (c->http_status != 200) {
            char e[40];
            snprintf(e, 40, "http %d", c->http_status);
            conn_close(c, e);
            return;
          }
          c->hdrdone = 1;
          c->t_play = now_us();
        } else {
          if (!c->http_status) sscanf(c->hline, "HTTP/%*s %d", &c->http_status);
          if (!strncasecmp(c->hline, "transfer-encoding:", 18) && strcasestr(c->hline, "chunked")) c->chunked = 1;
        }
        c->hl = 0;
      } else if (c->hl < 500) c->hline[c->hl++] = ch;
      continue;
    }
    if (!c->chunked) {
      flv_bytes(c, p, n);
      return;
    }
    if (c->chst == 0) {
      char ch = *p++;
      n--;
      if (ch == '\n') {
        c->hline[c->hl] = 0;
        c->chleft = strtoll(c->hline, 0, 16);
        c->hl = 0;
        if (c->chleft == 0) {
          conn_close(c, "eof chunk");
          return;
        }
        c->chst = 1;
      } else if (c->hl < 60) c->hline[c->hl++] = ch;
      continue;
    }
    if (c->chst == 1) {
      size_t k = c->chleft < (i64)n ? (size_t)c->chleft : n;
      flv_bytes(c, p, k);
      c->chleft -= k;
      p += k;
      n -= k;
      if (!c->chleft) c->chst = 2;
      continue;
    }
    if (*p == '\n') c->chst = 0;
    p++;
    n--;
  }
}

static void add_target(const char *url, const char *bearer) {
  int http = !strncmp(url, "http://", 7);
  if (!http && strncmp(url, "rtmp://", 7)) {
    fprintf(stderr, "url must begin with rtmp:// or http://\n");
    exit(2);
  }
  if (ntargets && http != is_http) {
    fprintf(stderr, "urls must be all rtmp:// or all http://\n");
    exit(2);
  }
  is_http = http;
  const char *u = url + 7, *sl = strchr(u, '/');
  targets = realloc(targets, (ntargets + 1) * sizeof *targets);
  target *t = &targets[ntargets++];
  memset(t, 0, sizeof *t);
  if (!sl || (size_t)(sl - u) >= sizeof t->host || strlen(sl + 1) >= sizeof t->path || strlen(bearer) >= sizeof t->bearer) {
    fprintf(stderr, "url must be rtmp://host[:port]/app/stream or http://host[:port]/path, and not too long\n");
    exit(2);
  }
  memcpy(t->host, u, sl - u);
  strcpy(t->path, sl + 1);
  strcpy(t->bearer, bearer);
  t->port = http ? 80 : 1935;
  char *colon = strrchr(t->host, ':');
  if (colon) {
    *colon = 0;
    t->port = atoi(colon + 1);
  }
  target *before = ntargets > 1 ? t - 1 : 0;
  if (before && !strcmp(before->host, t->host)) t->sa = before->sa;
  else {
    struct addrinfo hi = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *ai;
    if (getaddrinfo(t->host, 0, &hi, &ai)) {
      fprintf(stderr, "cannot resolve %s\n", t->host);
      exit(2);
    }
    t->sa = *(struct sockaddr_in *)ai->ai_addr;
    freeaddrinfo(ai);
  }
  t->sa.sin_port = htons(t->port);
}
static void load_targets(const char *file) {
  from_file = 1;
  FILE *f = fopen(file, "r");
  if (!f) {
    perror(file);
    exit(2);
  }
  char *line = 0;
  size_t cap = 0;
  while (getline(&line, &cap, f) > 0) {
    char *rest = line, *url = strsep(&rest, " \t\r\n");
    if (!*url || *url == '#') continue;
    char *bearer = rest ? rest + strspn(rest, " \t") : "";
    bearer[strcspn(bearer, " \t\r\n")] = 0;
    add_target(url, bearer);
  }
  free(line);
  fclose(f);
  if (!ntargets) {
    fprintf(stderr, "%s holds no url\n", file);
    exit(2);
  }
}
static void conn_start(conn *c) {
  int number = base + (mod ? c->idx % mod : c->idx);
  c->to = &targets[number % ntargets];
  c->t_start = now_us();
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c->fd < 0) {
    perror("socket");
    c->closed = 1;
    bad++;
    return;
  }
  int one = 1;
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  int r = connect(c->fd, (void *)&c->to->sa, sizeof c->to->sa);
  if (r < 0 && errno != EINPROGRESS) {
    conn_close(c, strerror(errno));
    return;
  }
  struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
  c->epw = 1;
  epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e);
  c->state = 0;
  char path[800];
  const char *d = from_file ? 0 : strstr(c->to->path, "%d");
  if (d) snprintf(path, sizeof path, "%.*s%d%s", (int)(d - c->to->path), c->to->path, number, d + 2);
  else snprintf(path, sizeof path, "%s", c->to->path);
  if (is_http) {
    snprintf(c->name, sizeof c->name, "%s", path);
  } else {
    char *q = strchr(path, '?');
    char *sl = 0;
    for (char *x = path; *x && x != q; x++)
      if (*x == '/') sl = x;
    if (!sl) {
      fprintf(stderr, "url must be rtmp://h:p/app/stream\n");
      exit(2);
    }
    *sl = 0;
    snprintf(c->app, sizeof c->app, "%s", path);
    snprintf(c->name, sizeof c->name, "%s", sl + 1);
    snprintf(c->tcurl, sizeof c->tcurl, "rtmp://%s:%d/%s", c->to->host, c->to->port, c->app);
  }
}
static void on_writable_first(conn *c) {
  int e = 0;
  socklen_t l = sizeof e;
  getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &l);
  if (e) {
    conn_close(c, strerror(e));
    return;
  }
  c->t_conn = now_us();
  if (is_http) {
    char b[2048];
    int n = snprintf(b, sizeof b, "GET /%s HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: mload\r\nAccept: */*\r\nConnection: keep-alive\r\n%s%s%s\r\n",
                     c->name, c->to->host, c->to->port, *c->to->bearer ? "Authorization: Bearer " : "", c->to->bearer, *c->to->bearer ? "\r\n" : "");
    put(c, b, n);
    c->state = 1;
  } else {
    u8 b[1537];
    b[0] = 3;
    memset(b + 1, 0, 8);
    for (int i = 9; i < 1537; i++) b[i] = rand();
    put(c, b, 1537);
    c->state = 1;
  }
  flush(c);
}

/* heap of publishers by due time */
static conn **H;
static int HN;
static void hpush(conn *c) {
  int i = HN++;
  while (i) {
    int q = (i - 1) / 2;
    if (H[q]->due <= c->due) break;
    H[i] = H[q];
    i = q;
  }
  H[i] = c;
}
static conn *hpop(void) {
  conn *r = H[0];
  conn *l = H[--HN];
  int i = 0;
  for (;;) {
    int k = 2 * i + 1;
    if (k >= HN) break;
    if (k + 1 < HN && H[k + 1]->due < H[k]->due) k++;
    if (H[k]->due >= l->due) break;
    H[i] = H[k];
    i = k;
  }
  if (HN) H[i] = l;
  return r;
}
static u64 pub_sent_v, pub_sent_a, pub_bytes;
static i64 pub_late_max;
static u64 pub_maxq;
static void send_tag(conn *c) {
  tag_t *t = &T[c->tag];
  u32 ts = t->ts + (u32)(c->loops * (u64)clipms);
  u32 sid = c->sid;
  if (t->type == 18) {
    u8 pre[16];
    u32 pn = 0;
    if (t->len > 13 && memcmp(t->data + 3, "@setDataFrame", 13)) {
      pre[0] = 2;
      pre[1] = 0;
      pre[2] = 13;
      memcpy(pre + 3, "@setDataFrame", 13);
      pn = 16;
    }
    rtmp_msg2(c, 5, 18, sid, ts, pre, pn, t->data, t->len, 0, 0);
  } else if (t->type == 9 && t->data[1] == 1 && sei && (t->data[0] & 0x8f) == 7) {
    u8 s[64];
    char hx[32];
    snprintf(hx, sizeof hx, "%016llx%08x", (unsigned long long)now_us(), c->seq++);
    int nl = 1 + 2 + 40 + 1;
    s[0] = 0;
    s[1] = 0;
    s[2] = 0;
    s[3] = nl;
    s[4] = 6;
    s[5] = 5;
    s[6] = 40;
    memcpy(s + 7, UUID, 16);
    memcpy(s + 23, hx, 24);
    s[47] = 0x80;
    rtmp_msg2(c, 6, 9, sid, ts, t->data, 5, s, 48, t->data + 5, t->len - 5);
    if (inwin) pub_sent_v++;
  } else {
    rtmp_msg(c, t->type == 9 ? 6 : 4, t->type, sid, ts, t->data, t->len);
    if (inwin) {
      if (t->type == 9) pub_sent_v++;
      else pub_sent_a++;
    }
  }
  if (inwin) pub_bytes += t->len;
  c->mbytes += t->len;
  if (t->type == 9) c->vf++;
  else c->af++;
  u64 q = c->on - c->osent;
  flush(c);
  if (c->closed) return;
  q = c->on - c->osent;
  if (q > pub_maxq) pub_maxq = q;
  if (q > 8u << 20) {
    conn_close(c, "publisher send queue > 8 MiB");
    return;
  }
  c->tag++;
  if (c->tag == NT) {
    c->tag = firstmedia;
    c->loops++;
  }
  t = &T[c->tag];
  c->due = c->t0 + ((i64)t->ts + (i64)c->loops * clipms) * 1000;
}

static int cmpi(const void *a, const void *b) {
  i64 x = *(i64 *)a, y = *(i64 *)b;
  return x < y ? -1 : x > y;
}
static void pct(const char *k, i64 *a, size_t n, double div, int last) {
  if (!n) {
    printf("\"%s\":null%s", k, last ? "" : ",");
    return;
  }
  qsort(a, n, sizeof *a, cmpi);
  printf("\"%s\":{\"n\":%zu,\"min\":%.2f,\"p50\":%.2f,\"p90\":%.2f,\"p99\":%.2f,\"max\":%.2f}%s", k, n, a[0] / div, a[n / 2] / div,
         a[(size_t)(n * 0.9)] / div, a[(size_t)(n * 0.99)] / div, a[n - 1] / div, last ? "" : ",");
}

int main(int ac, char **av) {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTERM, onsig);
  signal(SIGINT, onsig);
  if (ac < 3 || (strcmp(av[1], "publish") && strcmp(av[1], "play"))) {
    fprintf(stderr, "usage: mload publish|play URL|--urls FILE [-n N] [-f clip.flv] [-t window_s] [-s settle_s] [-r conns_per_s] [-c chunk] [-S no "
                    "sei] [-m mod for %%d] [-b base for %%d] [-R reset on close] [-1 close at first frame] [-v]\n");
    return 2;
  }
  mode_pub = !strcmp(av[1], "publish");
  const char *file = 0, *urls = 0;
  int o;
  static const struct option long_options[] = {{"urls", required_argument, 0, 'u'}, {0, 0, 0, 0}};
  optind = 2;
  while ((o = getopt_long(ac, av, "n:f:t:s:r:c:Sm:b:R1vu:", long_options, 0)) != -1) switch (o) {
    case 'n': N = atoi(optarg); break;
    case 'f': file = optarg; break;
    case 't': dur = atof(optarg); break;
    case 's': settle = atof(optarg); break;
    case 'r': rate = atof(optarg); break;
    case 'c': outchunk = atoi(optarg); break;
    case 'S': sei = 0; break;
    case 'm': mod = atoi(optarg); break;
    case 'b': base = atoi(optarg); break;
    case 'R': rst = 1; break;
    case '1': until_first = 1; break;
    case 'v': verbose++; break;
    case 'u': urls = optarg; break;
    default: return 2;
    }
  if (!urls == (optind == ac) || ac - optind > 1 || N < 1) {
    fprintf(stderr, "one URL, or --urls FILE; -n of at least 1\n");
    return 2;
  }
  if (urls) load_targets(urls);
  else add_target(av[optind], "");
  if (mode_pub) {
    if (!file) {
      fprintf(stderr, "publish needs -f\n");
      return 2;
    }
    load_flv(file);
  }
  C = calloc(N, sizeof *C);
  H = calloc(N + 1, sizeof *H);
  ep = epoll_create1(0);
  for (int i = 0; i < N; i++) C[i].idx = i;
  static u8 buf[1 << 18];
  struct epoll_event ev[512];
  i64 T0 = now_us();
  int started = 0;
  i64 wstart = 0, wend = 0;
  i64 lagmax = 0;
  struct rusage r0, r1;
  memset(&r0, 0, sizeof r0);
  i64 ramp_end = 0;
  setvbuf(stdout, 0, _IOLBF, 0);
  while (!stop) {
    i64 t = now_us();
    i64 next = t + 100000;
    if (started < N) {
      i64 due = T0 + (i64)(started * 1e6 / rate);
      while (started < N && due <= t) {
        conn_start(&C[started++]);
        due = T0 + (i64)(started * 1e6 / rate);
      }
      if (started < N && due < next) next = due;
      else if (started == N) {
        ramp_end = now_us();
        printf("RAMPED %d\n", N);
      }
    }
    if (ramp_end && !wstart && !until_first && t >= ramp_end + (i64)(settle * 1e6)) {
      wstart = t;
      inwin = 1;
      getrusage(RUSAGE_SELF, &r0);
      for (int i = 0; i < N; i++) C[i].w_rx = C[i].rx;
      lagmax = 0;
      pub_late_max = 0;
      printf("WINDOW_START\n");
    }
    if (wstart && !wend && t >= wstart + (i64)(dur * 1e6)) {
      wend = t;
      inwin = 0;
      getrusage(RUSAGE_SELF, &r1);
      for (int i = 0; i < N; i++) {
        C[i].w_rx = C[i].rx - C[i].w_rx;
        if (!mode_pub && C[i].t_lastv) {
          i64 g = t - C[i].t_lastv;
          if (g > C[i].w_maxgap) C[i].w_maxgap = g;
        }
      }
      printf("WINDOW_END\n");
      usleep(400000); /* keep the connections while the driver samples rss / fds */
      break;
    }
    if (until_first && started == N) {
      int live = 0;
      for (int i = 0; i < N; i++) live += !C[i].closed;
      if (!live || t > ramp_end + (i64)(dur * 1e6)) break;
    }
    while (HN && H[0]->due <= now_us()) {
      conn *c = hpop();
      if (c->closed) continue;
      i64 late = now_us() - c->due;
      if (inwin && late > pub_late_max) pub_late_max = late;
      send_tag(c);
      if (!c->closed) hpush(c);
    }
    if (HN && H[0]->due < next) next = H[0]->due;
    t = now_us();
    i64 w = next - t;
    if (w < 0) w = 0;
    struct timespec ts = {w / 1000000, (w % 1000000) * 1000};
    int n = epoll_pwait2(ep, ev, 512, &ts, 0);
    i64 ta = now_us();
    for (int i = 0; i < n; i++) {
      conn *c = ev[i].data.ptr;
      if (c->closed) continue;
      if (c->state == 0 && (ev[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
        on_writable_first(c);
        continue;
      }
      if (ev[i].events & EPOLLOUT) flush(c);
      if (c->closed) continue;
      if (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        ssize_t r = recv(c->fd, buf, sizeof buf, 0);
        if (r == 0) {
          conn_close(c, "eof");
          continue;
        }
        if (r < 0) {
          if (errno == EAGAIN) continue;
          conn_close(c, strerror(errno));
          continue;
        }
        c->rx += r;
        if (is_http) http_in(c, buf, r);
        else rtmp_in(c, buf, r);
        if (!c->closed && c->win && c->rx - c->rx_acked >= c->win / 2) {
          c->rx_acked = c->rx;
          u32 x = (u32)c->rx;
          u8 b[4] = {x >> 24, x >> 16, x >> 8, x};
          rtmp_msg(c, 2, 3, 0, 0, b, 4);
          flush(c);
        }
      }
    }
    i64 lag = now_us() - ta;
    if (lag > lagmax) lagmax = lag;
  }
  i64 tend = now_us();
  if (wstart && !wend) {
    wend = tend;
    getrusage(RUSAGE_SELF, &r1);
    for (int i = 0; i < N; i++) C[i].w_rx = C[i].rx - C[i].w_rx;
  }
  double wsec = wstart ? (wend - wstart) / 1e6 : 0;
  double cpu = wstart ? ((r1.ru_utime.tv_sec - r0.ru_utime.tv_sec) + (r1.ru_utime.tv_usec - r0.ru_utime.tv_usec) / 1e6 +
                         (r1.ru_stime.tv_sec - r0.ru_stime.tv_sec) + (r1.ru_stime.tv_usec - r0.ru_stime.tv_usec) / 1e6)
                      : 0;
  int alive = 0, gotv = 0, pubn = 0;
  for (int i = 0; i < N; i++) {
    alive += !C[i].closed;
    gotv += C[i].t_first != 0;
    pubn += C[i].publishing;
  }
  char shown[1000]; /* without the query: it holds the key */
  snprintf(shown, sizeof shown, "%s://%s:%d/%.*s", is_http ? "http" : "rtmp", targets->host, targets->port, (int)strcspn(targets->path, "?\"\\"),
           targets->path);
  i64 *a = malloc((N + 1) * sizeof(i64));
  size_t k;
  printf("{\"mode\":\"%s\",\"url\":\"%s\",\"n\":%d,\"alive\":%d,\"closed_bad\":%d,\"window_s\":%.3f,\"client_cpu_s_per_s\":%.3f,\"client_"
         "loop_max_ms\":%.1f,",
         av[1], shown, N, alive, bad, wsec, wsec ? cpu / wsec : 0, lagmax / 1e3);
  if (mode_pub) {
    printf("\"publishing\":%d,\"sent_v\":%llu,\"sent_a\":%llu,\"sent_media_bytes\":%llu,\"late_max_ms\":%.1f,\"sendq_max\":%llu,", pubn,
           (unsigned long long)pub_sent_v, (unsigned long long)pub_sent_a, (unsigned long long)pub_bytes, pub_late_max / 1e3,
           (unsigned long long)pub_maxq);
    k = 0;
    for (int i = 0; i < N; i++)
      if (C[i].publishing) a[k++] = C[i].t_play - C[i].t_start;
    pct("publish_start_ms", a, k, 1e3, 0);
  } else {
    u64 lost = 0, dup = 0, reo = 0, tsb = 0;
    i64 gapts = 0;
    for (int i = 0; i < N; i++) {
      lost += C[i].lost;
      dup += C[i].dup;
      reo += C[i].reorder;
      tsb += C[i].tsback;
      if (C[i].tsgapmax > gapts) gapts = C[i].tsgapmax;
    }
    printf("\"got_video\":%d,\"frames_lost\":%llu,\"frames_dup\":%llu,\"frames_reordered\":%llu,\"ts_back\":%llu,\"ts_gap_max\":%lld,"
           "\"frames_no_sei\":%llu,",
           gotv, (unsigned long long)lost, (unsigned long long)dup, (unsigned long long)reo, (unsigned long long)tsb, (long long)gapts,
           (unsigned long long)latskip);
    int noa = 0, nov = 0;
    for (int i = 0; i < N; i++) {
      noa += wstart && C[i].t_first && !C[i].w_af;
      nov += wstart && !C[i].w_vf;
    }
    printf("\"players_no_audio_in_window\":%d,\"players_no_video_in_window\":%d,", noa, nov);
    k = 0;
    for (int i = 0; i < N; i++)
      if (C[i].t_first) a[k++] = C[i].t_first - C[i].t_start;
    pct("first_video_ms", a, k, 1e3, 0);
    k = 0;
    for (int i = 0; i < N; i++)
      if (C[i].t_firstkey) a[k++] = C[i].t_firstkey - C[i].t_start;
    pct("first_key_ms", a, k, 1e3, 0);
    k = 0;
    for (int i = 0; i < N; i++)
      if (C[i].t_first && C[i].firstage) a[k++] = C[i].firstage;
    pct("first_frame_age_ms", a, k, 1e3, 0);
    k = 0;
    for (int i = 0; i < N; i++)
      if (C[i].t_first) a[k++] = C[i].w_maxgap;
    pct("max_video_gap_ms", a, k, 1e3, 0);
    k = 0;
    for (int i = 0; i < N; i++) a[k++] = C[i].w_vf;
    pct("video_frames_in_window", a, k, 1, 0);
    k = 0;
    for (int i = 0; i < N; i++) a[k++] = C[i].w_af;
    pct("audio_msgs_in_window", a, k, 1, 0);
    k = 0;
    for (int i = 0; i < N; i++) a[k++] = C[i].w_mb;
    pct("media_bytes_in_window", a, k, 1, 0);
    k = 0;
    for (int i = 0; i < N; i++) a[k++] = C[i].w_rx;
    pct("socket_bytes_in_window", a, k, 1, 0);
    pct("latency_ms", lat, nlat, 1e3, 0);
  }
  /* errors */
  printf("\"errors\":{");
  int first = 1;
  for (int i = 0; i < N; i++)
    if (C[i].closed && C[i].err[0] && strcmp(C[i].err, "done") && strcmp(C[i].err, "first")) {
      int seen = 0;
      for (int j = 0; j < i; j++)
        if (C[j].closed && !strcmp(C[j].err, C[i].err)) {
          seen = 1;
          break;
        }
      if (seen) continue;
      int cnt = 0;
      for (int j = i; j < N; j++)
        if (C[j].closed && !strcmp(C[j].err, C[i].err)) cnt++;
      printf("%s\"%s\":%d", first ? "" : ",", C[i].err, cnt);
      first = 0;
    }
  printf("}}\n");
  fflush(stdout);
  /* close */
  for (int i = 0; i < N; i++)
    if (i < started && !C[i].closed) {
      if (mode_pub && C[i].publishing && !rst) {
        conn *c = &C[i];
        AN = 0;
        a_str("FCUnpublish");
        a_num(6);
        a_null();
        a_str(c->name);
        rtmp_msg(c, 3, 20, 0, 0, AB, AN);
        AN = 0;
        a_str("deleteStream");
        a_num(7);
        a_null();
        a_num(c->sid);
        rtmp_msg(c, 3, 20, 0, 0, AB, AN);
        flush(c);
      }
      if (!C[i].closed) conn_close(&C[i], "done");
    }
  return 0;
}
