package api

import (
	"time"

	"github.com/linktor/linktor/conversations"
	"github.com/linktor/linktor/internal/account"
	"github.com/linktor/linktor/internal/media"
	"github.com/linktor/linktor/internal/registry"
	"github.com/linktor/linktor/internal/templates"
)

// Resources are the stores and services behind the routes, each used by the file
// named after it.
type Resources struct {
	Accounts *account.Store
	Registry *registry.Registry
	Ingester Ingester

	Conversations *conversations.Store
	Templates     *templates.Store
	Media         *media.Store

	// Spooler keeps what the database cannot take; nil means that it is refused.
	Spooler Spooler
	// OnWebhook is told the result of each webhook, for metrics. It may be nil.
	OnWebhook func(result string, took time.Duration)
	Realtime  Realtime
	Simulator SimulatorPage
	// Rates tells channels' present rates; nil means that they are as configured.
	Rates ChannelRates
}

// register names every group of routes, so that this list is the table of
// contents of the API.
func (s *Server) register() {
	s.registerOps()
	s.registerAccounts()
	s.registerWebhooks()
	s.registerResources()
	s.registerRealtime()
	s.registerSimulator()
}

// registerResources names the routes of what a tenant has.
func (s *Server) registerResources() {
	s.registerSends()
	s.registerMessages()
	s.registerInterventions()
	s.registerDeadLetters()
	s.registerConversations()
	s.registerContacts()
	s.registerChannels()
	s.registerTemplates()
	s.registerMedia()
	s.registerJournal()
}
