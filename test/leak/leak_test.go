package leak

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const planted = "Planted.Canary+77@example.org"

// leaks are what other programs than the finder make of the identifier: Python's hashlib, base64 and hex, and the log lines of a
// web server. Each has the spelling by which it must be found.
var leaks = []struct{ spelling, text string }{
	{"plain", "a line about Planted.Canary+77@example.org."},
	{"plain", "a line about planted.canary+77@example.org."},
	{"plain", "A LINE ABOUT PLANTED.CANARY+77@EXAMPLE.ORG"},
	{"URL query", "GET /?who=Planted.Canary%2B77%40example.org HTTP/1.1"},
	{"URL query", "GET /?who=planted.canary%2b77%40example.org HTTP/1.1"},
	{"URL path", "GET /people/Planted.Canary+77@example.org HTTP/1.1"},
	{"URL, every sign", "who=Planted%2ECanary%2B77%40example%2Eorg"},
	{"hex", "\\x506c616e7465642e43616e6172792b3737406578616d706c652e6f7267"},
	{"hex", "506C616E7465642E43616E6172792B3737406578616D706C652E6F7267"},
	{"SHA-256", "ee1cb74f263bb57a5a682ce4f46369a40c452571a9a189707fb7dc553ef28675"},
	{"SHA-1", "c97d6a615c8e11906190c4412a5dcb09370c03b5"},
	{"MD5", "4a9f831870757234bdbee398de236c0b"},
	{"SHA-256", "EE1CB74F263BB57A5A682CE4F46369A40C452571A9A189707FB7DC553EF28675"},
	{"base64 at offset 0", "d2hvUGxhbnRlZC5DYW5hcnkrNzdAZXhhbXBsZS5vcmc="},
	{"base64 at offset 0", "d2hvUGxhbnRlZC5DYW5hcnkrNzdAZXhhbXBsZS5vcmch"},
	{"base64 at offset 0", "d2hvUGxhbnRlZC5DYW5hcnkrNzdAZXhhbXBsZS5vcmcK"},
	{"base64 for URLs at offset 0", "_-__UGxhbnRlZC5DYW5hcnkrNzdAZXhhbXBsZS5vcmc="},
	{"base64 at offset 1", "d2hveFBsYW50ZWQuQ2FuYXJ5Kzc3QGV4YW1wbGUub3Jn"},
	{"base64 at offset 1", "d2hveFBsYW50ZWQuQ2FuYXJ5Kzc3QGV4YW1wbGUub3JnIQ=="},
	{"base64 at offset 1", "d2hveFBsYW50ZWQuQ2FuYXJ5Kzc3QGV4YW1wbGUub3JnCg=="},
	{"base64 for URLs at offset 1", "_-__eFBsYW50ZWQuQ2FuYXJ5Kzc3QGV4YW1wbGUub3Jn"},
	{"base64 at offset 2", "d2hveHhQbGFudGVkLkNhbmFyeSs3N0BleGFtcGxlLm9yZw=="},
	{"base64 at offset 2", "d2hveHhQbGFudGVkLkNhbmFyeSs3N0BleGFtcGxlLm9yZyE="},
	{"base64 at offset 2", "d2hveHhQbGFudGVkLkNhbmFyeSs3N0BleGFtcGxlLm9yZwo="},
	{"base64 for URLs at offset 2", "_-__eHhQbGFudGVkLkNhbmFyeSs3N0BleGFtcGxlLm9yZw=="},
	{"hex, lower case", "\\x706c616e7465642e63616e6172792b3737406578616d706c652e6f7267"},
	{"hex, lower case", "706C616E7465642E63616E6172792B3737406578616D706C652E6F7267"},
	{"SHA-256, lower case", "185dfe9fc2052a8b0b027d003c64cfe90f79c19d6beb51716298fc43c68c0581"},
	{"SHA-1, lower case", "2c994823a9fc7c363d186ac52c3c2682a5b9b2f8"},
	{"MD5, lower case", "ecf5b8d291c2c0442f14d40d718116d2"},
	{"SHA-256, lower case", "185DFE9FC2052A8B0B027D003C64CFE90F79C19D6BEB51716298FC43C68C0581"},
	{"base64 at offset 0, lower case", "d2hvcGxhbnRlZC5jYW5hcnkrNzdAZXhhbXBsZS5vcmc="},
	{"base64 at offset 0, lower case", "d2hvcGxhbnRlZC5jYW5hcnkrNzdAZXhhbXBsZS5vcmch"},
	{"base64 at offset 0, lower case", "d2hvcGxhbnRlZC5jYW5hcnkrNzdAZXhhbXBsZS5vcmcK"},
	{"base64 for URLs at offset 0, lower case", "_-__cGxhbnRlZC5jYW5hcnkrNzdAZXhhbXBsZS5vcmc="},
	{"base64 at offset 1, lower case", "d2hveHBsYW50ZWQuY2FuYXJ5Kzc3QGV4YW1wbGUub3Jn"},
	{"base64 at offset 1, lower case", "d2hveHBsYW50ZWQuY2FuYXJ5Kzc3QGV4YW1wbGUub3JnIQ=="},
	{"base64 at offset 1, lower case", "d2hveHBsYW50ZWQuY2FuYXJ5Kzc3QGV4YW1wbGUub3JnCg=="},
	{"base64 for URLs at offset 1, lower case", "_-__eHBsYW50ZWQuY2FuYXJ5Kzc3QGV4YW1wbGUub3Jn"},
	{"base64 at offset 2, lower case", "d2hveHhwbGFudGVkLmNhbmFyeSs3N0BleGFtcGxlLm9yZw=="},
	{"base64 at offset 2, lower case", "d2hveHhwbGFudGVkLmNhbmFyeSs3N0BleGFtcGxlLm9yZyE="},
	{"base64 at offset 2, lower case", "d2hveHhwbGFudGVkLmNhbmFyeSs3N0BleGFtcGxlLm9yZwo="},
	{"base64 for URLs at offset 2, lower case", "_-__eHhwbGFudGVkLmNhbmFyeSs3N0BleGFtcGxlLm9yZw=="},
	{"hex, upper case", "\\x504c414e5445442e43414e4152592b3737404558414d504c452e4f5247"},
	{"hex, upper case", "504C414E5445442E43414E4152592B3737404558414D504C452E4F5247"},
	{"SHA-256, upper case", "797051c8d804508902c626a8fc2b5a182aa348412836655dbdbd2c3911981865"},
	{"SHA-1, upper case", "d9cea6e86472cb55a254e6cfc792bb2a80076000"},
	{"MD5, upper case", "16ed33546c602d4610e6430df2448a37"},
	{"SHA-256, upper case", "797051C8D804508902C626A8FC2B5A182AA348412836655DBDBD2C3911981865"},
	{"base64 at offset 0, upper case", "d2hvUExBTlRFRC5DQU5BUlkrNzdARVhBTVBMRS5PUkc="},
	{"base64 at offset 0, upper case", "d2hvUExBTlRFRC5DQU5BUlkrNzdARVhBTVBMRS5PUkch"},
	{"base64 at offset 0, upper case", "d2hvUExBTlRFRC5DQU5BUlkrNzdARVhBTVBMRS5PUkcK"},
	{"base64 for URLs at offset 0, upper case", "_-__UExBTlRFRC5DQU5BUlkrNzdARVhBTVBMRS5PUkc="},
	{"base64 at offset 1, upper case", "d2hveFBMQU5URUQuQ0FOQVJZKzc3QEVYQU1QTEUuT1JH"},
	{"base64 at offset 1, upper case", "d2hveFBMQU5URUQuQ0FOQVJZKzc3QEVYQU1QTEUuT1JHIQ=="},
	{"base64 at offset 1, upper case", "d2hveFBMQU5URUQuQ0FOQVJZKzc3QEVYQU1QTEUuT1JHCg=="},
	{"base64 for URLs at offset 1, upper case", "_-__eFBMQU5URUQuQ0FOQVJZKzc3QEVYQU1QTEUuT1JH"},
	{"base64 at offset 2, upper case", "d2hveHhQTEFOVEVELkNBTkFSWSs3N0BFWEFNUExFLk9SRw=="},
	{"base64 at offset 2, upper case", "d2hveHhQTEFOVEVELkNBTkFSWSs3N0BFWEFNUExFLk9SRyE="},
	{"base64 at offset 2, upper case", "d2hveHhQTEFOVEVELkNBTkFSWSs3N0BFWEFNUExFLk9SRwo="},
	{"base64 for URLs at offset 2, upper case", "_-__eHhQTEFOVEVELkNBTkFSWSs3N0BFWEFNUExFLk9SRw=="},
}

func TestEverySpellingIsFoundWherePlanted(t *testing.T) {
	finder, shown := New(planted), map[string]bool{}
	for _, leak := range leaks {
		if found := finder.In([]byte("before " + leak.text + " after")); !slices.Contains(found, leak.spelling) {
			t.Errorf("%s is not found in %q, but %q", leak.spelling, leak.text, found)
		}
		shown[leak.spelling] = true
	}
	for _, spelling := range finder.Spellings() {
		if !shown[spelling] {
			t.Errorf("nothing shows that the search for %q works", spelling)
		}
	}
}

func TestBothAlphabetsOfBase64AreFound(t *testing.T) {
	finder := New("?>~ada?>~?>~@example.org?")
	for spelling, text := range map[string]string{
		"base64 at offset 0":          "Pz5+YWRhPz5+Pz5+QGV4YW1wbGUub3JnPw==",
		"base64 for URLs at offset 0": "Pz5-YWRhPz5-Pz5-QGV4YW1wbGUub3JnPw==",
		"base64 at offset 1":          "eD8+fmFkYT8+fj8+fkBleGFtcGxlLm9yZz8=",
		"base64 for URLs at offset 1": "eD8-fmFkYT8-fj8-fkBleGFtcGxlLm9yZz8=",
		"base64 at offset 2":          "eHg/Pn5hZGE/Pn4/Pn5AZXhhbXBsZS5vcmc/",
		"base64 for URLs at offset 2": "eHg_Pn5hZGE_Pn4_Pn5AZXhhbXBsZS5vcmc_",
	} {
		found := finder.In([]byte(text))
		if !slices.Contains(found, spelling) {
			t.Errorf("%s is not found in %s, but %q", spelling, text, found)
		}
	}
}

func TestAnotherPersonIsNotFound(t *testing.T) {
	finder := New("other.canary+77@example.org")
	for _, leak := range leaks {
		if found := finder.In([]byte(leak.text)); len(found) > 0 {
			t.Errorf("%q in %q", found, leak.text)
		}
	}
}

func TestFilesWithLeaksAreNamedAndThePersonIsNot(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{"a/clean.log": "nobody", "a/b/leak.db": "\x00" + planted + "\x00", "leak.log": leaks[len(leaks)-1].text} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	hits, seen, err := Files([]Finder{New(planted), New("somebody@example.org")}, folder, filepath.Join(folder, "absent"))
	if err != nil || seen != 3 || len(hits) != 2 {
		t.Fatalf("%q of %d files: %v", hits, seen, err)
	}
	if all := strings.Join(hits, " "); strings.Contains(all, planted) || !strings.Contains(all, "leak.db") || !strings.Contains(all, "leak.log") {
		t.Error(all)
	}
}
