package simulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func (w *world) upload(mime string, data []byte) (int, map[string]any) {
	w.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	_ = form.WriteField("messaging_product", "whatsapp") // writing to memory does not fail
	part, err := form.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="a.bin"`}, "Content-Type": {mime}})
	if err != nil {
		w.t.Fatal(err)
	}
	_, _ = part.Write(data)
	_ = form.Close()
	return w.call("POST", "/graph/v24.0/"+testNumber+"/media", b.String(), func(r *http.Request) { r.Header.Set("Content-Type", form.FormDataContentType()) })
}

// get fetches a URL and returns the status and the bytes.
func (w *world) get(url string, header ...string) (int, []byte) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), "GET", url, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(header) == 2 {
		req.Header.Set(header[0], header[1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, body
}

func TestMediaLifeCycle(t *testing.T) {
	var clock atomic.Int64
	clock.Store(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC).UnixNano())
	w := newWorld(t, func(o *Options) { o.Now = func() time.Time { return time.Unix(0, clock.Load()) } })
	data := samplePNG()
	status, v := w.upload("image/png", data)
	if status != 200 {
		t.Fatalf("got %d %v", status, v)
	}
	id := v["id"].(string)
	if status, v := w.send(ada, `"type":"image","image":{"id":"`+id+`"}`); status != 200 {
		t.Errorf("the upload cannot be sent: %v", v)
	}
	_, v = w.call("GET", "/graph/v24.0/"+id+"?phone_number_id="+testNumber, "")
	sum := sha256.Sum256(data)
	if v["sha256"] != hex.EncodeToString(sum[:]) || v["mime_type"] != "image/png" || v["file_size"] != float64(len(data)) {
		t.Errorf("got %v", v)
	}
	url := v["url"].(string)
	if status, got := w.get(url, "Authorization", "Bearer "+testToken); status != 200 || !bytes.Equal(got, data) {
		t.Errorf("got %d, %d bytes", status, len(got))
	}
	if status, _ := w.get(url); status != 404 {
		t.Errorf("served without a token: %d", status)
	}
	clock.Add(int64(6 * time.Minute))
	if status, _ := w.get(url, "Authorization", "Bearer "+testToken); status != 404 {
		t.Errorf("served after it expired: %d", status)
	}
	if status, _ := w.call("GET", "/graph/v24.0/"+id+"?phone_number_id=1", ""); status != 400 {
		t.Errorf("found through another number: %d", status)
	}
	if status, _ := w.call("DELETE", "/graph/v24.0/"+id, ""); status != 200 {
		t.Errorf("delete: %d", status)
	}
	if status, _ := w.call("GET", "/graph/v24.0/"+id, ""); status != 400 {
		t.Errorf("found after it was deleted: %d", status)
	}
	if status, v := w.upload("image/png", make([]byte, 6<<20)); status != 400 || errorCode(t, v) != 131053 {
		t.Errorf("a big picture gave %d %v", status, v)
	}
}

func TestInboundMedia(t *testing.T) {
	w := newWorld(t, nil)
	for _, kind := range []string{"image", "audio", "voice", "video", "document", "sticker"} {
		if _, err := w.Say(t.Context(), testNumber, "ada", Inbound{Type: kind, Text: "look"}); err != nil {
			t.Fatal(err)
		}
		m := at(t, w.value(), "messages", 0).(map[string]any)
		part := m[m["type"].(string)].(map[string]any)
		status, data := w.get(part["url"].(string), "Authorization", "Bearer "+testToken)
		sum := sha256.Sum256(data)
		if status != 200 || part["sha256"] != base64.StdEncoding.EncodeToString(sum[:]) {
			t.Errorf("%s: got %d %v", kind, status, part)
		}
	}
	if _, err := w.Say(t.Context(), linkSource, "bjorn", Inbound{Type: "image"}); err != nil {
		t.Fatal(err)
	}
	source := at(t, w.next(), "content", "message", "media", "source").(string)
	if status, data := w.get(source); status != 200 || len(data) == 0 {
		t.Errorf("got %d", status)
	}
	if status, _ := w.get(source + "x"); status != 404 {
		t.Errorf("a wrong signature gave %d", status)
	}
}

func TestSamplesAreWhatTheySay(t *testing.T) {
	if _, err := png.Decode(bytes.NewReader(samplePNG())); err != nil {
		t.Error(err)
	}
	for kind, mime := range map[string]string{"image": "image/png", "voice": "application/ogg", "video": "video/mp4", "sticker": "image/webp", "document": "application/pdf"} {
		data, _, _ := sample(kind)
		if got := http.DetectContentType(data); !strings.HasPrefix(got, mime) {
			t.Errorf("%s looks like %s", kind, got)
		}
	}
}

func TestMediaIsBounded(t *testing.T) {
	m := newMediaStore(100)
	var last *file
	for range 10 {
		last = &file{data: make([]byte, 30)}
		m.add(last)
	}
	if m.size > 100 || len(m.files) != 3 || len(m.order) != 3 {
		t.Errorf("%d bytes in %d files", m.size, len(m.files))
	}
	if _, ok := m.get(last.id); !ok {
		t.Error("the newest is gone")
	}
}
