package main

// peer is a figure of another program on such a path, measured on 21 November 2026
// with the load generator of this package or one like it: 2 cores of an AMD EPYC,
// which the load, the program and its database shared, PostgreSQL 15 with durable
// commits, Redis 7. It tells an order of magnitude; ratios within a run tell more.
type peer struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

var (
	peerIngest     = peer{"courier", "968/s", "courier 26.3, tuned pool, 32 connections, 1,000 users, one text message per signed WhatsApp webhook, answered = committed"}
	peerIngestP99  = peer{"courier", "66 ms", peerIngest.Source}
	peerIngestCPU  = peer{"courier", "1.01 s", peerIngest.Source}
	peerDatabase   = peer{"courier", "0.64 s", peerIngest.Source}
	peerMemory     = peer{"courier", "54 MiB", peerIngest.Source}
	peerBatched    = peer{"whatomate", "1,275/s", "whatomate, 32 connections, 5,000 signed webhooks: committed; it answers 12,800/s and holds the rest in memory, 4.5 GiB after 10 s"}
	peerOpenLoop   = peer{"courier", "224 ms at 600/s", "courier 26.3, open loop at 600 webhooks/s"}
	peerSend       = peer{"courier", "1,250/s", "courier 26.3 sending to a fake Graph API that answers at once"}
	peerSendSlow   = peer{"courier", "490/s", "courier 26.3 sending to a fake Graph API that answers after 50 ms; 1,000/s with 200 workers"}
	peerSendMemory = peer{"courier", "600 MiB", peerSend.Source}
	peerRead       = peer{"Centrifugo", "188,700/s", "Centrifugo without persistence, 1,000 sockets on one channel, flat out"}
	peerFan1000    = peer{"Centrifugo", "12 ms", "Centrifugo without persistence, 1,000 sockets on one channel at 50 events/s"}
	peerFan5000    = peer{"Centrifugo", "70 ms", "Centrifugo without persistence, 5,000 sockets on one channel at 5 events/s"}
	peerFan1000MiB = peer{"Centrifugo", "138 MiB", peerFan1000.Source}
	peerFan5000MiB = peer{"Centrifugo", "330 MiB", peerFan5000.Source}
)
