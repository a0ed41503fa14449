// Chaos does to real servers what happens to them in the world, and counts what was
// lost, duplicated or reordered:
//
//	go run ./internal/chaos all
//	go run ./internal/chaos --profile long --mode postgres kill nodes
//
// It starts what it needs on loopback: PostgreSQL and Redis of its own behind
// proxies that can be cut, the server built from this module with the tag chaos, a
// fake provider that obeys a plan and keeps a ledger, and sockets that check every
// frame. For each scenario and database it prints one line of JSON, and at the end a
// table; it exits with 1 if any verdict is fail. What the machine cannot do (disk-full
// mounts a file system, slow-sockets takes one that is quick enough without them) has
// the verdict "not run", with its reason; it is a failure only where CI is set, as
// nobody looks at the table there.
//
// # Writing a scenario
//
// A scenario is one file, scenario_<name>.go, with one value of type Scenario that
// is listed in durability.go or behaviour.go. Its comment says what is promised, by
// which number of the list of promises, and at which threshold. Its Run does this:
//
//	// servers, provider and proxies, closed at the end; 20 sockets that check seq and
//	// prev; requests, each again until it is acknowledged
//	w, err := t.besiege(ctx, world.Options{Nodes: 2}, 20, world.Load{Inbound: 300, Sends: 80})
//	defer w.lift()
//	w.Nodes[0].Kill() // faults: nodes, w.Database.Cut(), w.Redis.Kill(), w.Provider.SetPlan(…)
//	// until nothing is under way; compares the ledgers and fills the line of JSON
//	a, err := w.settled(ctx, world.SettleSoon, 150, 50)
//	t.Expect(a.OpenAttempts == 0, "%d attempts have no outcome", a.OpenAttempts)
//
// or, where it needs less, the same by World, Subscribers, Load, Settle and Audit.
//
// An error that Run returns means that the scenario could not be carried out; it
// fails the run too. t.Expect is for what the server did wrong, t.Note for a figure
// that readers should see, t.Pick chooses between the short profile and the long,
// and t.Count sets figures for the page of guarantees. Thresholds hold on a loaded
// machine of two cores: where a time says more about the machine than about the
// server, compare it with one that was measured in the same run.
package main
