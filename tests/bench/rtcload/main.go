// rtcload: light WHEP players / WHIP publishers (pion), no decoding.
//
//	rtcload whep URL -n N           players;  counts RTP, looks for the mload SEI time stamp
//	rtcload whip URL -f clip.flv -o clip.ogg -n N   publishers (H.264 from FLV + Opus from Ogg), SEI stamped
//
// URL may contain %d (index). Instead of URL: -urls FILE with one URL per line and, after a blank, its bearer;
// peer i uses line (base + i) % lines. Prints RAMPED / WINDOW_START / WINDOW_END and one JSON line like mload does.
//
// first_video_ms: the first packet of video; first_key_ms: the first packet of a keyframe; first_picture_ms: the last
// packet of the first keyframe that came whole, with its parameter sets: what a decoder could show.
package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/pion/ice/v2"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/webrtc"
	"github.com/pion/webrtc/pkg/media"
	"github.com/pion/webrtc/pkg/media/oggreader"
)

var uuid = []byte("H2BENCHLATENCY01")

func mono() int64 { // CLOCK_MONOTONIC us, same clock as mload
	var ts syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&ts)), 0)
	return ts.Sec*1e6 + ts.Nsec/1000
}

type peer struct {
	idx                              int
	pc                               *webrtc.PeerConnection
	loc                              string
	start, signalled, connected      int64
	firstAudio, firstVideo, firstKey int64
	firstPicture                     int64
	vpk, apk, bytes, frames          int64
	wvpk, wapk, wbytes, wframes      int64
	lost, seiLost, noSei             int64
	lastv, gap                       int64
	firstAge                         int64
	lat                              []int64
	err                              string
	mu                               sync.Mutex
	closed                           int32
}

var inwin int32

func api() *webrtc.API {
	m := &webrtc.MediaEngine{}
	fb := []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}}
	must(m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", RTCPFeedback: fb}, PayloadType: 106}, webrtc.RTPCodecTypeVideo))
	must(m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1"}, PayloadType: 111}, webrtc.RTPCodecTypeAudio))
	r := &interceptor.Registry{}
	rr, _ := report.NewReceiverInterceptor()
	sr, _ := report.NewSenderInterceptor()
	ng, _ := nack.NewGeneratorInterceptor()
	nr, _ := nack.NewResponderInterceptor()
	r.Add(rr)
	r.Add(sr)
	r.Add(ng)
	r.Add(nr)
	s := webrtc.SettingEngine{}
	s.SetIncludeLoopbackCandidate(true)
	s.SetInterfaceFilter(func(n string) bool { return n == "lo" })
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	return webrtc.NewAPI(webrtc.WithMediaEngine(m), webrtc.WithInterceptorRegistry(r), webrtc.WithSettingEngine(s))
}
func must(e error) {
	if e != nil {
		fmt.Fprintln(os.Stderr, e)
		os.Exit(2)
	}
}

func post(u string, p *peer, bearer string) error {
	done := webrtc.GatheringCompletePromise(p.pc)
	off, err := p.pc.CreateOffer(nil)
	if err != nil {
		return err
	}
	if err = p.pc.SetLocalDescription(off); err != nil {
		return err
	}
	<-done
	rq, _ := http.NewRequest("POST", u, strings.NewReader(p.pc.LocalDescription().SDP))
	rq.Header.Set("Content-Type", "application/sdp")
	if bearer != "" {
		rq.Header.Set("Authorization", "Bearer "+bearer)
	}
	rs, err := http.DefaultClient.Do(rq)
	if err != nil {
		return err
	}
	b, _ := io.ReadAll(rs.Body)
	rs.Body.Close()
	if rs.StatusCode/100 != 2 {
		return fmt.Errorf("http %d %.80s", rs.StatusCode, b)
	}
	if l := rs.Header.Get("Location"); l != "" {
		bu, _ := url.Parse(u)
		lu, e := bu.Parse(l)
		if e == nil {
			p.loc = lu.String()
		}
	}
	p.signalled = mono()
	return p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(b)})
}

func (p *peer) readTrack(t *webrtc.TrackRemote) {
	buf := make([]byte, 2000)
	video := t.Kind() == webrtc.RTPCodecTypeVideo
	var last uint16
	have := false
	var lastTS uint32
	var haveTS bool
	var lastSeq uint64
	haveSei := false
	frameHasSei := false
	whole, idr, sps := false, false, false // of the frame that is arriving
	for {
		n, _, err := t.Read(buf)
		if err != nil {
			return
		}
		if n < 12 {
			continue
		}
		now := mono()
		seq := binary.BigEndian.Uint16(buf[2:])
		ts := binary.BigEndian.Uint32(buf[4:])
		w := atomic.LoadInt32(&inwin) == 1
		h := 12 + 4*int(buf[0]&15)
		if buf[0]&0x10 != 0 && h+4 <= n {
			h += 4 + 4*int(binary.BigEndian.Uint16(buf[h+2:]))
		}
		p.mu.Lock()
		p.bytes += int64(n)
		if w {
			p.wbytes += int64(n)
		}
		next := !have || seq == last+1
		if have {
			d := seq - last
			if d > 1 && d < 30000 {
				p.lost += int64(d - 1)
			}
		}
		if !have || seq-last < 30000 {
			last = seq
			have = true
		}
		if !video {
			p.apk++
			if w {
				p.wapk++
			}
			if p.firstAudio == 0 {
				p.firstAudio = now
			}
			p.mu.Unlock()
			continue
		}
		p.vpk++
		if w {
			p.wvpk++
		}
		if !haveTS || ts != lastTS {
			p.frames++
			if w {
				p.wframes++
			}
			if haveTS && !frameHasSei && w {
				p.noSei++
			}
			frameHasSei = false
			whole, idr, sps = next && starts(buf[h:n]), false, false
			haveTS = true
			lastTS = ts
			if p.firstVideo == 0 {
				p.firstVideo = now
			}
			if p.lastv != 0 && w && now-p.lastv > p.gap {
				p.gap = now - p.lastv
			}
			p.lastv = now
		} else if !next {
			whole = false
		}
		if h < n {
			pl := buf[h:n]
			nt := pl[0] & 31
			i5, i7 := nt == 5, nt == 7
			if nt == 24 {
				for o := 1; o+3 < len(pl); {
					l := int(pl[o])<<8 | int(pl[o+1])
					k := pl[o+2] & 31
					i5, i7 = i5 || k == 5, i7 || k == 7
					o += 2 + l
				}
			}
			if nt == 28 && len(pl) > 1 && pl[1]&0x1f == 5 {
				i5 = true
			}
			idr, sps = idr || i5, sps || i7
			if (i5 || i7) && p.firstKey == 0 {
				p.firstKey = now
			}
			if buf[1]&0x80 != 0 && whole && idr && sps && p.firstPicture == 0 {
				p.firstPicture = now
			}
			if nt == 6 || nt == 24 || nt == 28 {
				if i := bytes.Index(pl, uuid); i >= 0 && i+40 <= len(pl) {
					frameHasSei = true
					s, e1 := strconv.ParseInt(string(pl[i+16:i+32]), 16, 64)
					q, e2 := strconv.ParseUint(string(pl[i+32:i+40]), 16, 64)
					if e1 == nil && e2 == nil {
						if p.firstAge == 0 {
							p.firstAge = now - s
						}
						if haveSei && q > lastSeq+1 {
							p.seiLost += int64(q - lastSeq - 1)
						}
						lastSeq = q
						haveSei = true
						if w {
							p.lat = append(p.lat, now-s)
						}
					}
				}
			}
		}
		p.mu.Unlock()
	}
}

// Whether a payload begins a NAL unit: all do, except the later fragments of one.
func starts(pl []byte) bool {
	return len(pl) > 0 && (pl[0]&31 != 28 || len(pl) > 1 && pl[1]&0x80 != 0)
}

type vframe struct {
	ts   uint32
	key  bool
	nals [][]byte
}

func loadFLV(f string) (fr []vframe, sps, pps []byte) {
	b, err := os.ReadFile(f)
	must(err)
	p := 13
	for p+11 <= len(b) {
		ty := b[p] & 31
		l := int(b[p+1])<<16 | int(b[p+2])<<8 | int(b[p+3])
		ts := uint32(b[p+4])<<16 | uint32(b[p+5])<<8 | uint32(b[p+6]) | uint32(b[p+7])<<24
		if p+11+l > len(b) {
			break
		}
		d := b[p+11 : p+11+l]
		if ty == 9 && d[1] == 0 {
			c := d[5:]
			n := int(c[6])<<8 | int(c[7])
			sps = c[8 : 8+n]
			c = c[8+n:]
			m := int(c[1])<<8 | int(c[2])
			pps = c[3 : 3+m]
		}
		if ty == 9 && d[1] == 1 {
			v := vframe{ts: ts, key: d[0]>>4 == 1}
			for o := 5; o+4 <= len(d); {
				n := int(binary.BigEndian.Uint32(d[o:]))
				v.nals = append(v.nals, d[o+4:o+4+n])
				o += 4 + n
			}
			fr = append(fr, v)
		}
		p += 11 + l + 4
	}
	return
}
func loadOgg(f string) (pk [][]byte) { // assumes 1 packet of 20 ms per page (ffmpeg -page_duration 20000)
	fd, err := os.Open(f)
	must(err)
	r, _, err := oggreader.NewWith(fd)
	must(err)
	for {
		d, _, e := r.ParseNextPage()
		if e != nil {
			break
		}
		if bytes.HasPrefix(d, []byte("OpusTags")) {
			continue
		}
		pk = append(pk, d)
	}
	return
}

// One line of -urls.
type target struct{ url, bearer string }

func loadTargets(f, bearer string) (ts []target) {
	b, err := os.ReadFile(f)
	must(err)
	for _, line := range strings.Split(string(b), "\n") {
		w := strings.Fields(line)
		if len(w) == 0 || strings.HasPrefix(w[0], "#") {
			continue
		}
		t := target{w[0], bearer}
		if len(w) > 1 {
			t.bearer = w[1]
		}
		ts = append(ts, t)
	}
	if len(ts) == 0 {
		must(fmt.Errorf("%s holds no url", f))
	}
	return
}

var pubLate int64

func (p *peer) publish(vt, at *webrtc.TrackLocalStaticSample, fr []vframe, sps, pps []byte, au [][]byte, quit chan struct{}) {
	sc := []byte{0, 0, 0, 1}
	period := int64(fr[len(fr)-1].ts-fr[0].ts) * int64(len(fr)) / int64(len(fr)-1) * 1000
	t0 := mono()
	fd := time.Duration(period/int64(len(fr))) * time.Microsecond
	go func() {
		if len(au) == 0 {
			return
		}
		for i := int64(0); ; i++ {
			if d := t0 + i*20000 - mono(); d > 0 {
				time.Sleep(time.Duration(d) * time.Microsecond)
			}
			select {
			case <-quit:
				return
			default:
			}
			at.WriteSample(media.Sample{Data: au[i%int64(len(au))], Duration: 20 * time.Millisecond})
			p.mu.Lock()
			p.apk++
			if atomic.LoadInt32(&inwin) == 1 {
				p.wapk++
			}
			p.mu.Unlock()
		}
	}()
	for q := int64(0); ; q++ {
		k := q % int64(len(fr))
		due := t0 + q/int64(len(fr))*period + int64(fr[k].ts-fr[0].ts)*1000
		if d := due - mono(); d > 0 {
			time.Sleep(time.Duration(d) * time.Microsecond)
		} else if atomic.LoadInt32(&inwin) == 1 && -d > atomic.LoadInt64(&pubLate) {
			atomic.StoreInt64(&pubLate, -d)
		}
		select {
		case <-quit:
			return
		default:
		}
		var b bytes.Buffer
		if fr[k].key {
			b.Write(sc)
			b.Write(sps)
			b.Write(sc)
			b.Write(pps)
		}
		b.Write(sc)
		b.Write([]byte{6, 5, 40})
		b.Write(uuid)
		fmt.Fprintf(&b, "%016x%08x", mono(), q)
		b.WriteByte(0x80)
		for _, n := range fr[k].nals {
			if n[0]&31 == 7 || n[0]&31 == 8 {
				continue
			}
			b.Write(sc)
			b.Write(n)
		}
		vt.WriteSample(media.Sample{Data: b.Bytes(), Duration: fd})
		p.mu.Lock()
		p.frames++
		p.bytes += int64(b.Len())
		if atomic.LoadInt32(&inwin) == 1 {
			p.wframes++
			p.wbytes += int64(b.Len())
		}
		p.mu.Unlock()
	}
}

func pct(a []int64, div float64) interface{} {
	if len(a) == 0 {
		return nil
	}
	sort.Slice(a, func(i, j int) bool { return a[i] < a[j] })
	n := len(a)
	f := func(x float64) float64 {
		i := int(float64(n) * x)
		if i >= n {
			i = n - 1
		}
		return float64(a[i]) / div
	}
	return map[string]interface{}{"n": n, "min": f(0), "p50": f(.5), "p90": f(.9), "p99": f(.99), "max": f(1)}
}

func main() {
	usage := func() {
		fmt.Fprintln(os.Stderr, "rtcload whep|whip URL|-urls FILE [-n -r -s -t -f -o -m -b -1 -bearer -leave]")
		os.Exit(2)
	}
	if len(os.Args) < 3 {
		usage()
	}
	mode, u, args := os.Args[1], "", os.Args[2:]
	if !strings.HasPrefix(args[0], "-") {
		u, args = args[0], args[1:]
	}
	fs := flag.NewFlagSet("x", flag.ExitOnError)
	n := fs.Int("n", 1, "")
	rate := fs.Float64("r", 10, "peers/s")
	settle := fs.Float64("s", 4, "")
	dur := fs.Float64("t", 20, "")
	clip := fs.String("f", "", "flv")
	ogg := fs.String("o", "", "ogg opus")
	mod := fs.Int("m", 0, "")
	base := fs.Int("b", 0, "number of the first peer")
	leave := fs.String("leave", "delete", "delete: as the standard says; close: without a word over HTTP; vanish: without any")
	bearer := fs.String("bearer", "", "")
	firstOnly := fs.Bool("1", false, "stop when all got a picture and sound (or -t s)")
	urls := fs.String("urls", "", "file: one URL and bearer per line")
	fs.Parse(args)
	if (u == "") == (*urls == "") || (mode != "whep" && mode != "whip") {
		usage()
	}
	targets := []target{{u, *bearer}}
	if *urls != "" {
		targets = loadTargets(*urls, *bearer)
		u = targets[0].url
	}
	a := api()
	ps := make([]*peer, *n)
	quit := make(chan struct{})
	sig := make(chan os.Signal, 1)
	signal.Notify(sig, syscall.SIGTERM, syscall.SIGINT)
	var fr []vframe
	var sps, pps []byte
	var au [][]byte
	if mode == "whip" {
		fr, sps, pps = loadFLV(*clip)
		if *ogg != "" {
			au = loadOgg(*ogg)
		}
	}
	t00 := mono()
	for i := range ps {
		if d := t00 + int64(float64(i)*1e6 / *rate) - mono(); d > 0 {
			time.Sleep(time.Duration(d) * time.Microsecond)
		}
		p := &peer{idx: i}
		ps[i] = p
		id := *base + i
		if *mod > 0 {
			id = *base + i%*mod
		}
		to := targets[id%len(targets)]
		if *urls == "" {
			to.url = strings.Replace(to.url, "%d", strconv.Itoa(id), 1)
		}
		go func() {
			pc, err := a.NewPeerConnection(webrtc.Configuration{})
			if err != nil {
				p.err = err.Error()
				return
			}
			p.pc = pc
			p.start = mono()
			var vt, at *webrtc.TrackLocalStaticSample
			if mode == "whep" {
				pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
				pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
				pc.OnTrack(func(t *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { p.readTrack(t) })
			} else {
				vt, _ = webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264}, "v", "s")
				at, _ = webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "a", "s")
				for _, t := range []webrtc.TrackLocal{at, vt} {
					tr, e := pc.AddTransceiverFromTrack(t, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
					if e != nil {
						p.err = e.Error()
						return
					}
					s := tr.Sender()
					go func() {
						b := make([]byte, 1500)
						for {
							if _, _, e := s.Read(b); e != nil {
								return
							}
						}
					}()
				}
			}
			pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
				if s == webrtc.PeerConnectionStateConnected && p.connected == 0 {
					p.connected = mono()
					if mode == "whip" {
						go p.publish(vt, at, fr, sps, pps, au, quit)
					}
				}
				if s == webrtc.PeerConnectionStateFailed || s == webrtc.PeerConnectionStateDisconnected {
					p.mu.Lock()
					p.err = s.String()
					p.mu.Unlock()
				}
			})
			if e := post(to.url, p, to.bearer); e != nil {
				p.err = e.Error()
			}
		}()
	}
	fmt.Println("RAMPED", *n)
	var r0, r1 syscall.Rusage
	var w0, w1 int64
	stopped := false
	wait := func(s float64) {
		if stopped {
			return
		}
		select {
		case <-sig:
			stopped = true
		case <-time.After(time.Duration(s * float64(time.Second))):
		}
	}
	if *firstOnly {
		for end := mono() + int64(*dur*1e6); mono() < end && !stopped; {
			k := 0
			for _, p := range ps {
				p.mu.Lock()
				if p.firstPicture != 0 && p.firstAudio != 0 {
					k++
				}
				p.mu.Unlock()
			}
			if k == *n {
				break
			}
			wait(0.02)
		}
	} else {
		wait(*settle)
		syscall.Getrusage(0, &r0)
		w0 = mono()
		atomic.StoreInt32(&inwin, 1)
		fmt.Println("WINDOW_START")
		wait(*dur)
		atomic.StoreInt32(&inwin, 0)
		w1 = mono()
		syscall.Getrusage(0, &r1)
		fmt.Println("WINDOW_END")
	}
	close(quit)
	var conn, fv, fk, fp, fa, age, gap, vf, ap, by, lat []int64
	var lost, sl, ns int64
	errs := map[string]int{}
	got, alive, silent := 0, 0, 0
	for _, p := range ps {
		p.mu.Lock()
		if p.connected != 0 {
			conn = append(conn, p.connected-p.start)
		}
		if p.firstVideo != 0 {
			got++
			fv = append(fv, p.firstVideo-p.start)
		}
		if p.firstKey != 0 {
			fk = append(fk, p.firstKey-p.start)
		}
		if p.firstPicture != 0 {
			fp = append(fp, p.firstPicture-p.start)
		}
		if w0 != 0 && p.firstVideo != 0 && p.wapk == 0 {
			silent++
		}
		if p.connected != 0 && p.err == "" {
			alive++
		}
		if p.firstAudio != 0 {
			fa = append(fa, p.firstAudio-p.start)
		}
		if p.firstAge != 0 {
			age = append(age, p.firstAge)
		}
		gap = append(gap, p.gap)
		vf = append(vf, p.wframes)
		ap = append(ap, p.wapk)
		by = append(by, p.wbytes)
		lat = append(lat, p.lat...)
		lost += p.lost
		sl += p.seiLost
		ns += p.noSei
		if p.err != "" {
			errs[p.err]++
		}
		p.mu.Unlock()
	}
	sec := float64(w1-w0) / 1e6
	cpu := 0.0
	tv := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	if sec > 0 {
		cpu = (tv(r1.Utime) + tv(r1.Stime) - tv(r0.Utime) - tv(r0.Stime)) / sec
	}
	out := map[string]interface{}{"mode": mode, "url": strings.SplitN(u, "?", 2)[0], "n": *n, "alive": alive, "players_no_audio_in_window": silent, "got_video": got, "window_s": sec, "client_cpu_s_per_s": cpu, "rtp_lost": lost, "frames_lost": sl, "frames_no_sei": ns, "connect_ms": pct(conn, 1e3), "first_video_ms": pct(fv, 1e3), "first_key_ms": pct(fk, 1e3), "first_picture_ms": pct(fp, 1e3), "first_audio_ms": pct(fa, 1e3), "first_frame_age_ms": pct(age, 1e3), "max_video_gap_ms": pct(gap, 1e3), "video_frames_in_window": pct(vf, 1), "audio_msgs_in_window": pct(ap, 1), "media_bytes_in_window": pct(by, 1), "latency_ms": pct(lat, 1e3), "late_max_ms": float64(pubLate) / 1e3, "errors": errs}
	j, _ := json.Marshal(out)
	fmt.Println(string(j))
	if *leave == "vanish" {
		os.Exit(0)
	}
	var wg sync.WaitGroup
	for _, p := range ps {
		wg.Add(1)
		go func(p *peer) {
			defer wg.Done()
			if p.loc != "" && *leave == "delete" {
				rq, _ := http.NewRequest("DELETE", p.loc, nil)
				c := http.Client{Timeout: 2 * time.Second}
				if rs, e := c.Do(rq); e == nil {
					rs.Body.Close()
				}
			}
			if p.pc != nil {
				p.pc.Close()
			}
		}(p)
	}
	wg.Wait()
}
