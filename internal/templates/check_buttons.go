package templates

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/linktor/linktor/channels"
)

// subTypes maps a button of a template to the sub_type of the component that
// fills it. Source: Meta, Message templates, "Buttons".
func subTypes(kind string) []string {
	switch strings.ToUpper(kind) {
	case "URL", "OTP":
		return []string{"url"}
	case "QUICK_REPLY":
		return []string{"quick_reply"}
	case "COPY_CODE":
		return []string{"copy_code", "coupon_code"}
	}
	return nil // others are not compared
}

// buttons compares button components with the template's buttons: they name an
// existing one of their kind, and those with a variable part are filled.
func (c *checker) buttons(def *definition, use []channels.TemplateComponent, at string) {
	var defs []button
	if def != nil {
		defs = def.Buttons
	}
	filled := make([]bool, len(defs))
	for i, u := range use {
		if !strings.EqualFold(u.Type, "button") {
			continue
		}
		at := fmt.Sprintf("%s/%d", at, i)
		n, ok := c.buttonIndex(u, len(defs), at)
		if !ok {
			continue
		}
		filled[n] = true
		if want := subTypes(defs[n].Type); want != nil && !contains(want, u.SubType) {
			c.inv.Add(at+"/sub_type", "invalid", fmt.Sprintf("Button %d of the template is of type %s.", n, want[0]))
			continue
		}
		c.buttonValue(defs[n], u, at)
	}
	for n, b := range defs {
		if !filled[n] && needsValue(b) {
			c.inv.Add(at, "required", fmt.Sprintf("Button %d of the template has a variable part: add a component of type button, sub_type %s, index %d.",
				n, subTypes(b.Type)[0], n))
		}
	}
}

func contains(words []string, word string) bool {
	for _, w := range words {
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}

func (c *checker) buttonIndex(u channels.TemplateComponent, count int, at string) (n int, ok bool) {
	if u.Index == nil {
		c.inv.Add(at+"/index", "required", "A button component names its button, counted from 0.")
		return 0, false
	}
	n, err := strconv.Atoi(string(*u.Index))
	if err != nil || n < 0 || n >= count {
		c.inv.AddLimit(at+"/index", "invalid", count, fmt.Sprintf("The template has %d button(s), counted from 0.", count))
		return 0, false
	}
	return n, true
}

// needsValue reports whether a button cannot be sent without a parameter.
func needsValue(b button) bool {
	switch strings.ToUpper(b.Type) {
	case "URL":
		return len(variables(b.URL)) > 0
	case "OTP", "COPY_CODE":
		return true
	}
	return false
}

func (c *checker) buttonValue(b button, u channels.TemplateComponent, at string) {
	if !needsValue(b) {
		return
	}
	if len(u.Parameters) != 1 {
		c.inv.AddLimit(at+"/parameters", "invalid", 1, "This button takes one parameter.")
		return
	}
	p := u.Parameters[0]
	if p.Text == "" && p.CouponCode == "" {
		c.inv.Add(at+"/parameters/0", "required", "The button's parameter may not be empty.")
	}
}
