package limits

import (
	"embed"
	"encoding/json"
	"fmt"
	"sync"
)

// presets are the tables of messaging tiers. Source: Meta, "Messaging limits",
// before and since October 2025.
//
//go:embed presets/*.json
var presets embed.FS

// Preset is a table of messaging tiers.
type Preset struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Scope string `json:"scope"` // who shares a tier: channel or portfolio
	Tiers []Tier `json:"tiers"`
}

// Tier is how many people may be written to first in 24 hours.
type Tier struct {
	Name         string `json:"name"`
	Recipients   int64  `json:"recipients"` // -1: unlimited
	Requirements string `json:"requirements"`
}

// DefaultPreset is the table of channels that name none.
const DefaultPreset = "portfolio"

// Presets returns every table. A file that does not parse cannot pass the tests.
var Presets = sync.OnceValue(func() (list []Preset) {
	for _, name := range []string{"portfolio", "number"} {
		raw, err := presets.ReadFile("presets/" + name + ".json")
		if err != nil {
			panic("limits: " + err.Error())
		}
		var p Preset
		if err := json.Unmarshal(raw, &p); err != nil {
			panic(fmt.Sprintf("limits: presets/%s.json: %v", name, err))
		}
		list = append(list, p)
	}
	return list
})

// PresetOf returns a table by its name; the default for an empty one.
func PresetOf(name string) (Preset, bool) {
	if name == "" {
		name = DefaultPreset
	}
	for _, p := range Presets() {
		if p.Name == name {
			return p, true
		}
	}
	return Preset{}, false
}

// Tier returns a tier of the table.
func (p Preset) Tier(name string) (Tier, bool) {
	for _, t := range p.Tiers {
		if t.Name == name {
			return t, true
		}
	}
	return Tier{}, false
}
