package api

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/fault"
)

// Decision is what the limits say about one request.
type Decision struct {
	Allowed    bool
	RetryAfter time.Duration // when it is not allowed
	Quotas     []Quota       // the limits that apply, the tightest first
}

// Quota is one limit.
type Quota struct {
	Name      string // key, day
	Limit     int64
	Remaining int64
	Window    time.Duration
	Reset     time.Duration // until Remaining grows again
}

// limit counts the request and sets the headers. If the limits cannot be asked
// the request goes on: losing traffic is worse than letting too much through.
func (s *Server) limit(c *fiber.Ctx, p *account.Principal) error {
	if s.Limit == nil {
		return nil
	}
	d, err := s.Limit(c.UserContext(), p)
	if err != nil {
		s.Log.WarnContext(c.UserContext(), "limits are away", "err", err)
		return nil
	}
	setLimitHeaders(c, d.Quotas)
	if d.Allowed {
		return nil
	}
	return &fault.Error{Kind: fault.Limited, Code: "rate_limited", RetryAfter: max(d.RetryAfter, time.Second),
		Message: "Too many requests with this credential. Wait for Retry-After seconds."}
}

// setLimitHeaders writes RateLimit and RateLimit-Policy, and the X-RateLimit
// fields that most clients read. Source: draft-ietf-httpapi-ratelimit-headers-11.
func setLimitHeaders(c *fiber.Ctx, quotas []Quota) {
	if len(quotas) == 0 {
		return
	}
	var policy, state []string
	for _, q := range quotas {
		policy = append(policy, fmt.Sprintf("%q;q=%d;w=%d", q.Name, q.Limit, seconds(q.Window)))
		state = append(state, fmt.Sprintf("%q;r=%d;t=%d", q.Name, max(q.Remaining, 0), seconds(q.Reset)))
	}
	c.Set("RateLimit-Policy", strings.Join(policy, ", "))
	c.Set("RateLimit", strings.Join(state, ", "))
	c.Set("X-RateLimit-Limit", strconv.FormatInt(quotas[0].Limit, 10))
	c.Set("X-RateLimit-Remaining", strconv.FormatInt(max(quotas[0].Remaining, 0), 10))
	c.Set("X-RateLimit-Reset", strconv.FormatInt(seconds(quotas[0].Reset), 10))
}

// seconds rounds up: a client that waits that long must not come too early.
func seconds(d time.Duration) int64 { return int64(math.Ceil(d.Seconds())) }
