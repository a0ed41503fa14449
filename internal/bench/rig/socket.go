package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// Subscribe opens a socket of the server at addr that gets events of the given
// types, and returns once it is ready.
func Subscribe(ctx context.Context, addr, key string, types ...string) (_ *websocket.Conn, err error) {
	// Only for the handshake: the socket lives as long as the caller reads.
	handshake, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	ws, _, err := websocket.Dial(handshake, "ws://"+addr+"/api/v1/realtime", &websocket.DialOptions{ //nolint:bodyclose // Dial closes it
		HTTPHeader: http.Header{"Authorization": {"Bearer " + key}}, Subprotocols: []string{"linktor.v1"},
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = ws.CloseNow() // err says more
		}
	}()
	ws.SetReadLimit(1 << 20)
	hello, err := json.Marshal(map[string]any{"op": "hello", "client": "rig", "subscribe": []any{map[string]any{"id": "1", "types": types}}})
	if err != nil {
		return nil, err
	}
	if err := ws.Write(handshake, websocket.MessageText, hello); err != nil {
		return nil, err
	}
	_, data, err := ws.Read(handshake)
	if err != nil {
		return nil, err
	}
	var f struct{ Op string }
	if err := json.Unmarshal(data, &f); err != nil || f.Op != "ready" {
		return nil, fmt.Errorf("the first frame is not ready: %.200s", data)
	}
	return ws, nil
}
