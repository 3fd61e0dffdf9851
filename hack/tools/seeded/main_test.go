package main

import "testing"

// TestEachBugFitsTheCode: whether the tests catch it takes longer, and is asked by the command.
func TestEachBugFitsTheCode(t *testing.T) {
	for _, b := range bugs {
		if _, err := b.seeded("../../.."); err != nil {
			t.Error(err)
		}
	}
}
