package plan

import "slices"

// components returns the strongly connected components of a graph with n nodes (Tarjan, 1972), so that for each edge
// from a to b in different components that of a comes first. Nodes within a component are sorted; the answer depends on
// the set of edges alone.
func components(n int, edges [][2]int) [][]int {
	t := &tarjan{next: make([][]int, n), index: make([]int, n), low: make([]int, n), on: make([]bool, n)}
	for _, e := range edges {
		t.next[e[0]] = append(t.next[e[0]], e[1])
	}
	for i := range t.next {
		slices.Sort(t.next[i])
		t.next[i] = slices.Compact(t.next[i])
	}
	for node := n - 1; node >= 0; node-- {
		if t.index[node] == 0 {
			t.visit(node)
		}
	}
	slices.Reverse(t.found) // Tarjan finds the last ones first
	return t.found
}

type tarjan struct {
	next       [][]int
	index, low []int // index counts from 1; 0 is not visited
	on         []bool
	stack      []int
	count      int
	found      [][]int
}

func (t *tarjan) visit(node int) {
	t.count++
	t.index[node], t.low[node], t.on[node] = t.count, t.count, true
	t.stack = append(t.stack, node)
	for _, other := range t.next[node] {
		if t.index[other] == 0 {
			t.visit(other)
			t.low[node] = min(t.low[node], t.low[other])
		} else if t.on[other] {
			t.low[node] = min(t.low[node], t.index[other])
		}
	}
	if t.low[node] != t.index[node] {
		return
	}
	at := slices.Index(t.stack, node)
	group := slices.Clone(t.stack[at:])
	t.stack = t.stack[:at]
	for _, i := range group {
		t.on[i] = false
	}
	slices.Sort(group)
	t.found = append(t.found, group)
}
