package main

// behaviour lists the scenarios about providers, order, clocks, sockets and
// repeats.
func behaviour() []Scenario {
	return []Scenario{replay, early, shuffle, order, expiry, doors, providerFaults, clocks, slowSockets, storm}
}
