package measure

import "testing"

func TestASeriesIsToldByItsMiddleAndItsEnds(t *testing.T) {
	for _, test := range []struct {
		series                 Series
		median, min, max, mean float64
	}{
		{nil, 0, 0, 0, 0},
		{Series{3}, 3, 3, 3, 3},
		{Series{9, 1, 5}, 5, 1, 9, 5},
		{Series{4, 1, 2, 9}, 3, 1, 9, 4},
	} {
		if s := test.series; s.Median() != test.median || s.Min() != test.min || s.Max() != test.max || s.Mean() != test.mean {
			t.Errorf("%v: %v, %v, %v, %v", s, s.Median(), s.Min(), s.Max(), s.Mean())
		}
	}
}

func TestADifferenceIsTakenRoundByRound(t *testing.T) {
	if got := (Series{10, 50, 30}).Minus(Series{8, 40}); len(got) != 2 || got[0] != 2 || got[1] != 10 {
		t.Errorf("%v", got)
	}
}
