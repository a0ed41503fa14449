package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linktor/linktor/channels"
	"github.com/linktor/linktor/internal/db"
	"github.com/linktor/linktor/internal/fault"
)

// Channel is one configured account at a provider.
type Channel struct {
	ID, TenantID, Type, Name string

	Enabled      bool
	Settings     json.RawMessage   // an object without the secrets
	Secrets      []string          // keys of the secrets that are set
	Generated    map[string]string // values that we made and the operator enters at the provider, e.g. verifyToken
	WebhookToken string            // last part of the webhook URL of types that sign nothing
	OnUncertain  string            // auto, resend, never, manual
	Throughput   float64           // sends per second; 0 means the type's default
	Portfolio    string            // whose channels share a messaging tier; empty: this channel alone
	TierPreset   string            // table of messaging tiers; empty means the default
	TierPolicy   string            // wait or reject, when the tier is used up
	Health       json.RawMessage   // the provider's last opinion, a channels.Health; {} if never asked
	PausedReason string            // why sending waits; empty if it does not
	Version      int64
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// Open is a channel with its adapter's account. It never changes: a change of the
// channel makes a new one.
type Open struct {
	Channel
	Account     channels.Account
	Description channels.Description

	log *slog.Logger
}

// Parse is the account's parser. A panic in it becomes an error: the body is kept
// with that as its reason, and can be replayed once the parser is mended.
func (o *Open) Parse(body []byte) (events []channels.Event, err error) {
	defer func() {
		if v := recover(); v != nil {
			o.log.Error("panic in a parser", "channelId", o.ID, "panic", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			events, err = nil, errors.New("the parser panicked")
		}
	}()
	return o.Account.Parse(body)
}

// Rate is how many sends per second the channel allows.
func (o *Open) Rate() float64 {
	if o.Throughput > 0 {
		return o.Throughput
	}
	return o.Description.Throughput
}

// Sealer encrypts secrets and binds them to their row.
type Sealer interface {
	Seal(plain []byte, aad string) ([]byte, error)
	Open(sealed []byte, aad string) ([]byte, error)
}

// Registry is safe for use by many goroutines.
type Registry struct {
	db       *db.DB
	box      Sealer
	adapters map[string]adapter
	types    []channels.Description
	env      channels.Env
	now      func() time.Time
	log      *slog.Logger
	cache    sync.Map // channel id → *entry
	typeOf   sync.Map // channel id → string
	forgets  atomic.Int64
}

type adapter struct {
	channels.Adapter
	description channels.Description
}

// New returns a registry of the channels in d, which logs ids only. It panics if
// two adapters have the same type: that is a mistake in the program.
func New(d *db.DB, box Sealer, adapters []channels.Adapter, env channels.Env, now func() time.Time, log *slog.Logger) *Registry {
	r := &Registry{db: d, box: box, adapters: map[string]adapter{}, env: env, now: now, log: log}
	for _, a := range adapters {
		desc := a.Describe()
		if _, dup := r.adapters[desc.Type]; dup {
			panic("registry: two adapters of type " + desc.Type)
		}
		r.adapters[desc.Type] = adapter{a, desc}
		r.types = append(r.types, desc)
	}
	return r
}

// Types describes every channel type, in the order of the adapters.
func (r *Registry) Types() []channels.Description { return r.types }

// Type describes one channel type.
func (r *Registry) Type(name string) (channels.Description, bool) {
	a, ok := r.adapters[name]
	return a.description, ok
}

// open makes the account of c. plain holds the settings and the secrets.
func (r *Registry) open(c Channel, plain json.RawMessage) (*Open, error) {
	a, ok := r.adapters[c.Type]
	if !ok {
		return nil, fmt.Errorf("open channel %s: %w", c.ID, fault.New(fault.Conflict, "channel_type_missing", "This server has no adapter for the channel's type."))
	}
	acct, err := a.Open(plain, r.env)
	if err != nil {
		return nil, fmt.Errorf("open channel %s: %w", c.ID, settingsFault(err))
	}
	return &Open{Channel: c, Account: acct, Description: a.description, log: r.log}, nil
}
