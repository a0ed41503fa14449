package main

// durability lists the scenarios about crashes, restarts and services that go away.
func durability() []Scenario {
	return []Scenario{kill, killNodes, crash, crashSilent, crashNever, death, restart, postgres, redis, full, terminate, rolling}
}
