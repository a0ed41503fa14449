package link

import (
	"testing"

	"golang.org/x/tools/txtar"
)

func BenchmarkParse(b *testing.B) {
	acct := openAccount(b, nil)
	for _, name := range []string{"mo-text", "dlr-delivered"} {
		ar, err := txtar.ParseFile("testdata/" + name + ".txtar")
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := acct.Parse(ar.Files[0].Data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
