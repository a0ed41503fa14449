package channels

import "encoding/json"

// The methods here read the provider's own spelling beside ours, because people
// paste what the provider's documents show.

// UnmarshalJSON reads {url, mediaId, providerId, ...} and WhatsApp's {link, id}.
func (m *Media) UnmarshalJSON(data []byte) error {
	type plain Media
	w := struct {
		*plain
		Link string `json:"link"`
		ID   string `json:"id"`
	}{plain: (*plain)(m)}
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	if m.URL == "" {
		m.URL = w.Link
	}
	if m.ProviderID == "" {
		m.ProviderID = w.ID
	}
	return nil
}

// UnmarshalJSON reads coordinates written as numbers or as numeric strings.
func (l *Location) UnmarshalJSON(data []byte) error {
	type plain Location
	w := struct {
		*plain
		Latitude  json.Number `json:"latitude"`
		Longitude json.Number `json:"longitude"`
	}{plain: (*plain)(l)}
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	var err error
	if w.Latitude != "" {
		if l.Latitude, err = w.Latitude.Float64(); err != nil {
			return err
		}
	}
	if w.Longitude != "" {
		l.Longitude, err = w.Longitude.Float64()
	}
	return err
}

// UnmarshalJSON reads products as a list of ids and as WhatsApp's
// product_items: [{product_retailer_id}].
func (s *Section) UnmarshalJSON(data []byte) error {
	type plain Section
	w := struct {
		*plain
		Items []struct {
			ID string `json:"product_retailer_id"`
		} `json:"product_items"`
	}{plain: (*plain)(s)}
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	for _, it := range w.Items {
		s.Products = append(s.Products, it.ID)
	}
	return nil
}
