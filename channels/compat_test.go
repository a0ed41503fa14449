package channels

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestProviderSpelling(t *testing.T) {
	var c Content
	err := json.Unmarshal([]byte(`{"type":"template","template":{"name":"n","language":{"code":"en"},"components":[
		{"type":"header","parameters":[{"type":"image","image":{"link":"https://a.example/1.png"}},{"type":"document","document":{"id":"42","filename":"f"}}]},
		{"type":"button","sub_type":"url","index":0,"parameters":[]},{"type":"button","sub_type":"url","index":"1"}]},
		"location":{"latitude":"37.5","longitude":-122.25,"name":"x"},
		"interactive":{"type":"product_list","action":{"buttons":[{"type":"reply","reply":{"id":"a","title":"A"}},{"id":"b","title":"B"}],
			"sections":[{"title":"s","product_items":[{"product_retailer_id":"p1"}]},{"products":["p2"]}]}}}`), &c)
	if err != nil {
		t.Fatal(err)
	}
	params := c.Template.Components[0].Parameters
	if params[0].Image.URL != "https://a.example/1.png" || params[1].Document.ProviderID != "42" || params[1].Document.Filename != "f" {
		t.Errorf("media %+v %+v", params[0].Image, params[1].Document)
	}
	if *c.Template.Components[1].Index != "0" || *c.Template.Components[2].Index != "1" {
		t.Error("button indexes", *c.Template.Components[1].Index, *c.Template.Components[2].Index)
	}
	if c.Location.Latitude != 37.5 || c.Location.Longitude != -122.25 || c.Location.Name != "x" {
		t.Errorf("location %+v", c.Location)
	}
	a := c.Interactive.Action
	if !reflect.DeepEqual(a.Buttons, []Button{{"a", "A"}, {"b", "B"}}) || !reflect.DeepEqual(a.Sections[0].Products, []string{"p1"}) || !reflect.DeepEqual(a.Sections[1].Products, []string{"p2"}) {
		t.Errorf("action %+v", a)
	}
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var again Content
	if err := json.Unmarshal(raw, &again); err != nil {
		t.Fatal(err)
	}
	if twice, err := json.Marshal(again); err != nil || string(twice) != string(raw) {
		t.Errorf("round trip: %s, %v; want %s", twice, err, raw)
	}
}
