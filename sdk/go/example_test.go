package linktor_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"

	linktor "github.com/linktor/linktor/sdk/go"
)

// server stands for a Linktor server that gives one answer after the other.
func server(files ...string) *httptest.Server {
	var bodies [][]byte
	for _, file := range files {
		body, err := os.ReadFile("../testdata/" + file)
		if err != nil {
			log.Fatal(err)
		}
		bodies = append(bodies, body)
	}
	var asked atomic.Int64
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := int(asked.Add(1)) - 1
		_, _ = w.Write(bodies[min(n, len(bodies)-1)]) // the example shows what arrives
	}))
}

func connect(s *httptest.Server) *linktor.Client {
	client, err := linktor.New(linktor.WithAPIKey("lk_..."), linktor.WithBaseURL(s.URL), linktor.WithHTTPClient(s.Client()))
	if err != nil {
		log.Fatal(err)
	}
	return client
}

func ExampleMessages_Send() {
	s := server("answers/message.json")
	defer s.Close()
	client := connect(s)

	message, err := client.Messages.Send(context.Background(), linktor.SendParams{
		ChannelID: "ch_whatsapp_123",
		To:        "+5511999999999",
		Content:   linktor.Text("Hello! How can I help you today?"),
	}, linktor.WithIdempotencyKey("order-7-shipped"))
	switch {
	case errors.Is(err, linktor.ErrWindowClosed):
		fmt.Println("the customer wrote too long ago: send a template")
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println(message.Status)
	}
	// Output: queued
}

func ExampleDeadLetters_Replay() {
	s := server("answers/dead_letter_replay.json", "answers/dead_letter_replay_last.json")
	defer s.Close()
	client := connect(s)

	step := linktor.DeadLetterReplay{Class: "channel"}
	for more := true; more; {
		done, err := client.DeadLetters.Replay(context.Background(), step)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(done.Replayed, "sent again")
		for _, left := range done.Skipped {
			fmt.Println("skipped:", left.Reason)
		}
		step.After, more = done.Next, done.HasMore
	}
	// Output:
	// 2 sent again
	// skipped: window_closed
	// 1 sent again
}

func ExampleMessages_All() {
	s := server("pages/messages_2.json")
	defer s.Close()
	client := connect(s)

	for message, err := range client.Messages.All(context.Background(), linktor.MessageFilter{Status: []linktor.Status{linktor.Failed}}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(message.To, message.Status)
	}
	// Output: +351910000042 failed
}

func ExampleRealtime_Events() {
	client, err := linktor.New(linktor.WithAPIKey("lk_..."))
	if err != nil {
		log.Fatal(err)
	}
	for event, err := range client.Realtime.Events(context.Background(), linktor.StreamOptions{Types: []string{"message.*"}}) {
		if err != nil {
			log.Fatal(err) // for good, for instance a revoked key
		}
		data, err := event.Decode()
		if err != nil {
			log.Print(err)
			continue
		}
		switch data := data.(type) {
		case *linktor.MessageReceived:
			fmt.Println(data.From, data.Content.Text)
		case *linktor.MessageStatusChanged:
			fmt.Println(data.MessageID, data.Status)
		}
		// Keep event.Cursor to go on here after a restart.
	}
}

func ExampleUnwrap() {
	http.HandleFunc("POST /linktor", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			return
		}
		event, err := linktor.Unwrap(body, r.Header, os.Getenv("LINKTOR_WEBHOOK_SECRET"))
		if err != nil {
			http.Error(w, "not authentic", http.StatusUnauthorized)
			return
		}
		log.Print(event.Type)
		w.WriteHeader(http.StatusNoContent)
	})
}
