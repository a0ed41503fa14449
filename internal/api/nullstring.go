package api

import (
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
)

// nullString is a member of a PATCH that can be absent, null or a string. Null
// and "" both empty it.
type nullString struct {
	Present bool
	Value   string
}

// UnmarshalJSON is only called for a member that is present.
func (n *nullString) UnmarshalJSON(data []byte) error {
	n.Present = true
	if string(data) == "null" {
		n.Value = ""
		return nil
	}
	return json.Unmarshal(data, &n.Value)
}

// Schema is asked by huma.
func (nullString) Schema(huma.Registry) *huma.Schema {
	limit := 100
	return &huma.Schema{Type: huma.TypeString, Nullable: true, MaxLength: &limit}
}
